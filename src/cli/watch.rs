//! Following jobs line by line, as a person would tell it: a step begins, moves, ends. Apart from `looks/jobs`,
//! which shows a job as it stands.

use super::exit::{Exit, Stop};
use super::session::Session;
use super::words;
use leeward_model::{JobId, JobState, JobView, Message, Moment, Snapshot, StepState, StepView};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the engine of others may be gone while jobs are followed: it comes back after a restart, and they with
/// it.
const GONE: Duration = Duration::from_secs(60);

/// A step in one line: `done     Shut down the guest (web01), 4.1 s`.
pub(crate) fn step_line(step: &StepView, now: Moment) -> String {
    let mut line = format!("  {:<10} {}", words::step_state(&step.state), step.title.render());
    if !step.subject.is_empty() && !line.contains(&*step.subject) {
        line.push_str(&format!(" ({})", step.subject));
    }
    let mut tail: Vec<String> = Vec::new();
    if let Some(started) = step.started {
        tail.push(words::took(step.ended.unwrap_or(now).millis_since(started)));
    }
    if let (Some(progress), true) = (&step.progress, step.ended.is_none()) {
        tail.push(words::progress(progress));
    }
    match &step.state {
        StepState::Skipped { why } => tail.push(why.render()),
        StepState::Retrying { attempts, next_at } => tail.push(
            Message::new("cli-step-next-try")
                .with("attempts", *attempts)
                .with("span", words::span(u64::try_from(next_at.secs_since(now)).unwrap_or(0)))
                .render(),
        ),
        _ => {}
    }
    if let Some(note) = &step.note {
        tail.push(note.render());
    }
    if !tail.is_empty() {
        line.push_str(": ");
        line.push_str(&tail.join(", "));
    }
    line
}

/// Follows jobs until all are over. A job that was over in `before` has been taken up again: its new end counts. `say` gets the lines; the jobs come back as they ended.
pub(crate) fn follow(
    session: &Session,
    jobs: &[JobId],
    before: Option<&Snapshot>,
    timeout: Option<Duration>,
    now: impl Fn() -> Moment,
    mut say: impl FnMut(&str),
) -> Result<Vec<Arc<JobView>>, Stop> {
    let (mut told, mut loss) = (Told::default(), Loss::default());
    let ended = session.until(timeout, |snapshot| {
        loss.look(session.lost(), session.is_own(), Instant::now(), &mut say)?;
        let mut over = Vec::new();
        for id in jobs {
            // A job that was just accepted may not be in the newest publication yet.
            let Some(job) = snapshot.job(*id) else { return Ok(None) };
            let old = before.and_then(|b| b.job(*id));
            if old.is_some_and(|o| o.state.is_over() && o.ended == job.ended) {
                return Ok(None);
            }
            told.news(job, jobs.len() > 1, now(), &mut say);
            if job.state.is_over() {
                over.push(Arc::clone(job));
            }
        }
        Ok((over.len() == jobs.len()).then_some(over))
    })?;
    ended.ok_or_else(|| {
        let ids: Vec<String> = jobs.iter().map(ToString::to_string).collect();
        Stop::Said(Exit::TimedOut, Message::new("cli-timed-out").with("job", ids.join(" ")))
    })
}

/// How jobs that are over count for the exit code. `wanted` is the end that was asked for.
pub(crate) fn verdict(jobs: &[Arc<JobView>], wanted: JobState) -> Result<(), Stop> {
    for job in jobs {
        if job.state != wanted {
            if let Some(fault) = &job.fault {
                return Err(Stop::Fault(Exit::Failed, fault.clone()));
            }
            let message = Message::new("cli-job-ended")
                .with("job", job.verb.title())
                .with("subject", &job.subject)
                .with("state", words::job_state(job.state));
            return Err(Stop::Said(Exit::Failed, message));
        }
    }
    Ok(())
}

/// What is known of an engine that went away.
#[derive(Default)]
struct Loss {
    since: Option<Instant>,
}

impl Loss {
    /// Says once that the engine is gone, or back; ends the wait when it has been gone for too long. An engine of
    /// our own does not come back.
    fn look(
        &mut self,
        why: Option<Message>,
        own: bool,
        now: Instant,
        say: &mut impl FnMut(&str),
    ) -> Result<(), Stop> {
        let Some(why) = why else {
            if self.since.take().is_some() {
                say(&Message::new("cli-engine-back").render());
            }
            return Ok(());
        };
        if self.since.is_none() && !own {
            say(&Message::new("cli-engine-gone")
                .with("why", why.render())
                .with("secs", GONE.as_secs())
                .render());
        }
        let since = *self.since.get_or_insert(now);
        if own || now.duration_since(since) >= GONE {
            Err(Stop::Said(Exit::Unreachable, why))
        } else {
            Ok(())
        }
    }
}

/// What has been said of each step, so that nothing is said twice.
#[derive(Default)]
struct Told {
    steps: BTreeMap<(JobId, Arc<str>), (std::mem::Discriminant<StepState>, u32)>,
    jobs: BTreeMap<JobId, JobState>,
}

impl Told {
    fn news(&mut self, job: &JobView, named: bool, now: Moment, say: &mut impl FnMut(&str)) {
        if !self.jobs.contains_key(&job.id) {
            say(&format!("{} {}", job.verb.title(), job.subject));
        }
        for step in &job.steps {
            if matches!(step.state, StepState::Waiting) {
                continue;
            }
            let kind = std::mem::discriminant(&step.state);
            let tenth = step.progress.as_deref().map_or(0, tenth);
            let place = (job.id, step.id.clone());
            if self.steps.get(&place) != Some(&(kind, tenth)) {
                self.steps.insert(place, (kind, tenth));
                let line = step_line(step, now);
                say(&if named { format!("{}:{line}", job.subject) } else { line });
            }
        }
        if self.jobs.insert(job.id, job.state) != Some(job.state) && job.state.is_over() {
            let took = words::took(job.ended.unwrap_or(now).millis_since(job.started));
            say(&Message::new("cli-job-over")
                .with("job", job.verb.title())
                .with("subject", &job.subject)
                .with("state", words::job_state(job.state))
                .with("took", took)
                .render());
        }
    }
}

/// Progress is told at every tenth.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share between 0 and 1")]
fn tenth(progress: &leeward_model::Progress) -> u32 {
    (progress.share() * 10.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_desktop::sample;
    use leeward_model::{Command, CommandOutcome, CommandSink, Preview, ReceiptId, SnapshotFeed};

    /// An engine that went away in the middle of a job.
    struct Gone;

    impl CommandSink for Gone {
        fn submit(&self, _command: Command) -> ReceiptId {
            ReceiptId(uuid::Uuid::from_u128(1))
        }
        fn take_outcome(&self, _receipt: ReceiptId) -> Option<CommandOutcome> {
            None
        }
        fn preview(&self, _command: &Command) -> Preview {
            Preview::default()
        }
        fn ask_previews(&self, _commands: Vec<Command>) -> ReceiptId {
            ReceiptId(uuid::Uuid::from_u128(2))
        }
        fn take_previews(&self, _receipt: ReceiptId) -> Option<Vec<Preview>> {
            None
        }
    }

    impl SnapshotFeed for Gone {
        fn latest(&self) -> Arc<Snapshot> {
            Arc::new(sample::lab())
        }
        fn on_change(&self, _wake: Arc<dyn Fn() + Send + Sync>) {}
        fn lost(&self) -> Option<Message> {
            Some(Message::new("cli-no-answer"))
        }
    }

    fn running() -> Vec<JobId> {
        sample::lab().jobs.iter().filter(|j| !j.state.is_over()).map(|j| j.id).collect()
    }

    #[test]
    fn jobs_of_an_own_engine_that_died_are_not_waited_for() {
        let session = Session::new(Arc::new(Gone), Arc::new(Gone), true);
        let ended = follow(&session, &running(), None, None, || Moment(0), |_| {});
        let stop = ended.expect_err("it does not come back");
        assert_eq!(stop.exit(), Exit::Unreachable);
    }

    #[test]
    fn jobs_that_are_not_over_in_time_say_so() {
        struct There;
        impl SnapshotFeed for There {
            fn latest(&self) -> Arc<Snapshot> {
                Arc::new(sample::lab())
            }
            fn on_change(&self, _wake: Arc<dyn Fn() + Send + Sync>) {}
            fn lost(&self) -> Option<Message> {
                None
            }
        }
        let session = Session::new(Arc::new(Gone), Arc::new(There), false);
        let ended = follow(&session, &running(), None, Some(Duration::ZERO), || Moment(0), |_| {});
        assert_eq!(ended.expect_err("it is not over").exit(), Exit::TimedOut);
    }

    #[test]
    fn an_engine_that_is_gone_is_said_once_and_waited_for_a_minute() {
        let (mut loss, mut said) = (Loss::default(), Vec::new());
        let mut say = |line: &str| said.push(line.to_owned());
        let gone = || Some(Message::new("cli-no-answer"));
        let began = Instant::now();
        loss.look(gone(), false, began, &mut say).expect("it may come back");
        loss.look(gone(), false, began + Duration::from_secs(59), &mut say).expect("it may come back");
        loss.look(None, false, began + Duration::from_secs(59), &mut say).expect("it is back");
        let again = began + Duration::from_secs(60);
        loss.look(gone(), false, again, &mut say).expect("counted from its beginning");
        let stop = loss.look(gone(), false, again + GONE, &mut say).expect_err("long enough");
        assert_eq!(stop.exit(), Exit::Unreachable);
        assert_eq!(said.len(), 3, "gone, back, gone: {said:?}");
    }
}
