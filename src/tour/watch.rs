//! Waiting on the read model: wakes when a snapshot is published, never polls by the clock alone.

use leeward_model::{
    Accepted, Command, CommandOutcome, CommandSink, JobId, JobState, Snapshot, SnapshotFeed,
};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A feed with a bell.
pub(crate) struct Watch {
    sink: Arc<dyn CommandSink>,
    feed: Arc<dyn SnapshotFeed>,
    bell: Arc<(Mutex<u64>, Condvar)>,
}

impl Watch {
    pub(crate) fn new(sink: Arc<dyn CommandSink>, feed: Arc<dyn SnapshotFeed>) -> Self {
        let bell = Arc::new((Mutex::new(0_u64), Condvar::new()));
        let ring = Arc::clone(&bell);
        feed.on_change(Arc::new(move || {
            if let Ok(mut count) = ring.0.lock() {
                *count += 1;
                ring.1.notify_all();
            }
        }));
        Self { sink, feed, bell }
    }

    pub(crate) fn now(&self) -> Arc<Snapshot> {
        self.feed.latest()
    }

    /// Waits until `found` gives something; what it waited for stands in the error.
    pub(crate) fn until<T>(
        &self,
        what: &str,
        at_most: Duration,
        mut found: impl FnMut(&Snapshot) -> Option<T>,
    ) -> Result<T, String> {
        let deadline = Instant::now() + at_most;
        loop {
            let seen = self.bell.0.lock().map_or(0, |c| *c);
            if let Some(value) = found(&self.feed.latest()) {
                return Ok(value);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("{what}: not within {} s", at_most.as_secs()));
            }
            let Ok(guard) = self.bell.0.lock() else { return Err("the bell is broken".to_owned()) };
            // The second bound lets conditions outside the snapshot (a guest's answer) be asked again.
            let wait = left.min(Duration::from_secs(1));
            drop(self.bell.1.wait_timeout_while(guard, wait, |count| *count == seen));
        }
    }

    /// Gives a command and waits for what became of it.
    pub(crate) fn command(&self, command: Command) -> Result<Accepted, String> {
        let shown = command.verb().title();
        let receipt = self.sink.submit(command);
        let outcome = self.until(&shown, Duration::from_secs(60), |_| self.sink.take_outcome(receipt))?;
        match outcome {
            CommandOutcome::Accepted(accepted) => Ok(accepted),
            CommandOutcome::Refused(refusal) => Err(format!("{shown}: refused: {}", refusal.why.render())),
            CommandOutcome::Failed(fault) => Err(format!("{shown}: {fault}")),
        }
    }

    /// Gives a command that begins jobs, and their ids.
    pub(crate) fn begin(&self, command: Command) -> Result<Vec<JobId>, String> {
        let shown = command.verb().title();
        match self.command(command)? {
            Accepted::Jobs(jobs) if !jobs.is_empty() => Ok(jobs),
            other => Err(format!("{shown}: expected a job, got {other:?}")),
        }
    }

    /// Waits until the jobs are over and every one succeeded.
    pub(crate) fn finish(&self, jobs: &[JobId], at_most: Duration) -> Result<(), String> {
        for id in jobs {
            let job = self.until(&format!("job {id}"), at_most, |s| {
                s.job(*id).filter(|j| j.state.is_over()).cloned()
            })?;
            if job.state != JobState::Succeeded {
                let why =
                    job.fault.as_ref().map_or_else(|| "no fault recorded".to_owned(), ToString::to_string);
                return Err(format!("{} of {} ended {:?}: {why}", job.verb.title(), job.subject, job.state));
            }
        }
        Ok(())
    }
}
