//! Jobs and events of the made-up worlds.

use super::{NOW, id};
use leeward_model::*;
use std::sync::Arc;

fn step(n: usize, title: &'static str, phase: Phase, subject: &str, state: StepState) -> StepView {
    let at = i64::try_from(n).unwrap_or_default() * 6;
    let begun = !matches!(state, StepState::Waiting | StepState::Cancelled | StepState::Skipped { .. });
    let over = matches!(state, StepState::Done | StepState::Failed | StepState::Undone);
    StepView {
        id: match title {
            "step-initial-replication" => "copy",
            "step-choose-point" => "check",
            "step-start-test" => "start",
            other => other.trim_start_matches("step-"),
        }
        .into(),
        title: Message::new(title),
        phase,
        subject: subject.into(),
        started: begun.then(|| NOW.plus_secs(-120 + at)),
        ended: over.then(|| NOW.plus_secs(-115 + at)),
        progress: (title == "step-initial-replication" && state == StepState::Running)
            .then(|| Box::new(super::items::copied(super::items::COPIED))),
        note: None,
        state,
    }
}

fn job(n: u32, verb: Verb, item: u32, subject: &str, state: JobState, steps: Vec<StepView>) -> Arc<JobView> {
    let started = NOW.plus_secs(-120 - i64::from(n) * 1_900);
    let fault = (state == JobState::Failed).then(|| {
        let detail = "qemu: exit status 1".into();
        Box::new(Fault::new("fabric-start-failed", subject, detail, Recovery::NeedsPerson))
    });
    let over = state.is_over();
    let restart = match state {
        JobState::Failed | JobState::Cancelled | JobState::Stuck => None,
        JobState::Succeeded => Some(Message::new("refusal-job-succeeded")),
        JobState::Waiting | JobState::Running | JobState::Undoing => Some(Message::new("refusal-job-runs")),
    };
    let share = match state {
        JobState::Succeeded => 1.0,
        JobState::Failed => 0.26,
        _ if verb == Verb::EnableReplication => 0.46,
        _ => 0.0,
    };
    Arc::new(JobView {
        id: JobId(id(10, n)),
        verb,
        item: Some(ItemId(id(6, item))),
        subject: subject.into(),
        by: if n.is_multiple_of(2) { "anna" } else { "erik" }.into(),
        state,
        started,
        ended: over.then(|| started.plus_secs(41 + i64::from(n))),
        steps,
        fault,
        share,
        cancel: over.then(|| Message::new("refusal-job-over")),
        restart,
    })
}

pub(super) fn jobs() -> Vec<Arc<JobView>> {
    use Phase::{BringUp, CutOver, Prepare, Settle};
    use StepState::{Done, Failed, Running, Skipped, Undone, Waiting};
    let enable = vec![
        step(0, "step-check", Prepare, "mail01", Done),
        step(1, "step-prepare-target", Prepare, "hv-got-01", Done),
        step(2, "step-start-source", Prepare, "hv-sto-02", Done),
        step(3, "step-initial-replication", CutOver, "hv-sto-02", Running),
        step(4, "step-finalize", Settle, "hv-got-01", Waiting),
    ];
    let planned = vec![
        step(0, "step-check", Prepare, "files01", Done),
        step(1, "step-shut-down", CutOver, "hv-got-01", Undone),
        step(2, "step-last-delta", CutOver, "hv-got-01", Done),
        step(3, "step-fence", CutOver, "hv-got-01", Undone),
        step(4, "step-start", BringUp, "hv-sto-02", Failed),
        step(5, "step-boot", BringUp, "hv-sto-02", StepState::Cancelled),
    ];
    let skipped = |why: Message| Skipped { why: Box::new(why) };
    let away = || skipped(Message::new("skip-host-away").with("host", "hv-sto-02"));
    let failover = vec![
        step(0, "step-check", Prepare, "app01", Done),
        step(1, "step-shut-down", CutOver, "hv-sto-02", away()),
        step(2, "step-last-delta", CutOver, "hv-sto-02", away()),
        step(3, "step-fence", CutOver, "hv-sto-02", away()),
        step(4, "step-choose-point", BringUp, "hv-got-01", Done),
        step(5, "step-fence-late", BringUp, "hv-sto-02", away()),
        step(6, "step-start", BringUp, "hv-got-01", Done),
        step(7, "step-boot", BringUp, "hv-got-01", Done),
    ];
    let test = vec![
        step(0, "step-choose-point", Prepare, "hv-got-01", Done),
        step(1, "step-start-test", BringUp, "hv-got-01", Done),
        step(2, "step-boot", BringUp, "hv-got-01", Done),
    ];
    let sync = vec![step(0, "step-sync", CutOver, "hv-sto-01", Running)];
    vec![
        job(0, Verb::SyncNow, 1, "db01", JobState::Running, sync),
        job(1, Verb::EnableReplication, 4, "mail01", JobState::Running, enable),
        job(2, Verb::PlannedFailover, 2, "files01", JobState::Failed, planned),
        job(3, Verb::Failover, 3, "app01", JobState::Succeeded, failover),
        job(4, Verb::TestFailover, 0, "web01", JobState::Succeeded, test),
    ]
}

/// Severity, what, subject, item, job, age in seconds.
type Row = (Health, Message, &'static str, Option<u32>, Option<u32>, i64);

pub(super) fn events() -> Vec<EventView> {
    let rows: [Row; 9] = [
        (
            Health::Critical,
            Message::new("health-not-sending").with("subject", "db01"),
            "db01",
            Some(1),
            None,
            1_500,
        ),
        (
            Health::Critical,
            Message::new("event-server-lost").with("why", "no heartbeat"),
            "hv-got-02",
            None,
            None,
            2_580,
        ),
        (
            Health::Warning,
            Message::new("health-paused").with("subject", "dc01"),
            "dc01",
            Some(5),
            None,
            4_020,
        ),
        (
            Health::Warning,
            Message::new("event-superseded").with("host", "hv-sto-02"),
            "app01",
            Some(3),
            None,
            5_100,
        ),
        (
            Health::Healthy,
            Message::new("event-job-succeeded").with("verb", "Failover"),
            "app01",
            Some(3),
            Some(3),
            5_400,
        ),
        (
            Health::Healthy,
            Message::new("event-job-succeeded").with("verb", "Reverse replicate"),
            "files01",
            Some(2),
            None,
            9_100,
        ),
        (Health::Healthy, Message::new("event-health-good"), "web01", Some(0), None, 12_000),
        (Health::Healthy, Message::new("event-server-connected"), "hv-got-01", None, None, 90_000),
        (Health::Healthy, Message::new("event-server-enrolled"), "hv-got-01", None, None, 3_369_600),
    ];
    (0..)
        .zip(rows)
        .map(|(n, (severity, what, subject, item, job, age))| EventView {
            id: EventId(id(12, n)),
            at: NOW.plus_secs(-age),
            severity,
            what,
            subject: subject.into(),
            item: item.map(|n| ItemId(id(6, n))),
            job: job.map(|n| JobId(id(10, n))),
        })
        .collect()
}
