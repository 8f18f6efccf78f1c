//! The one line that says where an item stands. What matters most to whoever looks comes first.

use crate::core::state::{Item, State};
use leeward_link::messages::Activity;
use leeward_model::{FailoverKind, Message, Progress, Protection, ReplicationState, TestState};

pub(super) fn status(
    state: &State,
    item: &Item,
    replication: &ReplicationState,
    progress: Option<&Progress>,
) -> Message {
    let record = &item.record;
    match &record.protection {
        Protection::Enabling => Message::new("status-enabling"),
        Protection::InitialReplication => initial(state, item, replication, progress),
        Protection::FailingOver { kind: FailoverKind::Planned, .. } => {
            Message::new("status-failing-over-planned")
        }
        Protection::FailingOver { kind: FailoverKind::Unplanned, .. } => {
            Message::new("status-failing-over-unplanned")
        }
        Protection::FailedOver { .. } | Protection::Committed { .. } if record.superseded => {
            Message::new("status-superseded")
        }
        Protection::FailedOver { kind: FailoverKind::Planned, .. } => {
            Message::new("status-failed-over-planned")
        }
        Protection::FailedOver { kind: FailoverKind::Unplanned, .. } => {
            Message::new("status-failed-over-unplanned")
        }
        Protection::Committed { .. } => Message::new("status-committed"),
        Protection::Reversing => share("status-reversing", "status-reversing-share", progress),
        Protection::Disabling => Message::new("status-disabling"),
        Protection::NeedsOperator { .. } => Message::new("status-needs-operator"),
        Protection::Protected | Protection::ProtectedReversed => {
            protected(state, item, replication, progress)
        }
    }
}

fn initial(
    state: &State,
    item: &Item,
    replication: &ReplicationState,
    progress: Option<&Progress>,
) -> Message {
    let record = &item.record;
    let source = state.held(record.place(record.active).agent, record.id).map(|h| &h.facts.activity);
    match (replication, source) {
        (ReplicationState::Paused, _) => Message::new("status-paused"),
        (ReplicationState::Retrying { .. }, _) => Message::new("status-retrying"),
        (ReplicationState::Stopped, _) => Message::new("status-stopped"),
        (_, Some(Activity::Scheduled { .. })) => Message::new("status-initial-scheduled"),
        _ => share("status-initial-replication", "status-initial-replication-share", progress),
    }
}

fn protected(
    state: &State,
    item: &Item,
    replication: &ReplicationState,
    progress: Option<&Progress>,
) -> Message {
    let record = &item.record;
    if let Some(test) = record.tests.first() {
        return Message::new(match test.state {
            TestState::Starting => "status-test-starting",
            TestState::Running => "status-test-running",
            TestState::WaitingForCleanup => "status-test-cleanup",
            TestState::CleaningUp => "status-test-cleaning",
        });
    }
    match replication {
        ReplicationState::Paused => return Message::new("status-paused"),
        ReplicationState::Retrying { .. } => return Message::new("status-retrying"),
        ReplicationState::ResyncRequired { .. } => return Message::new("status-resync-required"),
        ReplicationState::Resynchronizing => {
            return share("status-resynchronizing", "status-resynchronizing-share", progress);
        }
        ReplicationState::Stopped => return Message::new("status-stopped"),
        ReplicationState::Idle | ReplicationState::Active => {}
    }
    if !state.connected(record.place(record.active).agent) {
        return Message::new("status-source-away");
    }
    if !state.connected(record.place(record.active.other()).agent) {
        return Message::new("status-target-away");
    }
    Message::new(match record.protection {
        Protection::ProtectedReversed => "status-protected-reversed",
        _ => "status-protected",
    })
}

fn share(plain: &'static str, with_share: &'static str, progress: Option<&Progress>) -> Message {
    match progress.filter(|p| p.total_bytes > 0) {
        Some(progress) => {
            let percent = (progress.share() * 100.0).floor();
            Message::new(with_share).with("percent", f64::from(percent))
        }
        None => Message::new(plain),
    }
}
