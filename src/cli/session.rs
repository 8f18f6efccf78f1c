//! A connection to the engine of a vault, whichever way: attached to one that runs, or with one of its own for
//! as long as the command takes. Both ends are the traits of the model, so nothing after this knows which it is.

use super::exit::{Exit, Stop};
use leeward_model::{Command, CommandOutcome, CommandSink, Message, Snapshot, SnapshotFeed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long the engine may take to answer one command before it counts as gone.
const ANSWER: Duration = Duration::from_secs(90);

/// How often a condition is looked at when nothing rings.
const GLANCE: Duration = Duration::from_millis(250);

/// The two ends, and a bell that rings when there is news.
pub(crate) struct Session {
    sink: Arc<dyn CommandSink>,
    feed: Arc<dyn SnapshotFeed>,
    bell: Arc<(Mutex<u64>, Condvar)>,
    /// Runs as long as the session does, when it is our own.
    own: bool,
}

impl Session {
    pub(crate) fn new(sink: Arc<dyn CommandSink>, feed: Arc<dyn SnapshotFeed>, own: bool) -> Self {
        let bell = Arc::new((Mutex::new(0_u64), Condvar::new()));
        let ring = Arc::clone(&bell);
        feed.on_change(Arc::new(move || {
            let mut count = ring.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *count += 1;
            ring.1.notify_all();
        }));
        Self { sink, feed, bell, own }
    }

    /// Whether the engine ends with this command.
    pub(crate) const fn is_own(&self) -> bool {
        self.own
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.feed.latest()
    }

    /// Why the engine cannot be reached, while that is so.
    pub(crate) fn lost(&self) -> Option<Message> {
        self.feed.lost()
    }

    pub(crate) fn sink(&self) -> &dyn CommandSink {
        self.sink.as_ref()
    }

    /// Waits until `found` gives something; `None` when the time is over.
    pub(crate) fn until<T>(
        &self,
        at_most: Option<Duration>,
        mut found: impl FnMut(&Arc<Snapshot>) -> Result<Option<T>, Stop>,
    ) -> Result<Option<T>, Stop> {
        let deadline = at_most.map(|d| Instant::now() + d);
        loop {
            let seen = *self.bell.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if let Some(value) = found(&self.feed.latest())? {
                return Ok(Some(value));
            }
            let left = deadline.map_or(GLANCE, |d| d.saturating_duration_since(Instant::now()).min(GLANCE));
            if left.is_zero() {
                return Ok(None);
            }
            let guard = self.bell.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            drop(self.bell.1.wait_timeout_while(guard, left, |count| *count == seen));
        }
    }

    /// Gives a command and waits for what became of it.
    pub(crate) fn command(&self, command: Command) -> Result<CommandOutcome, Stop> {
        let receipt = self.sink.submit(command);
        let mut lost_since: Option<Instant> = None;
        let outcome = self.until(Some(ANSWER), |_| {
            if let Some(outcome) = self.sink.take_outcome(receipt) {
                return Ok(Some(outcome));
            }
            match self.feed.lost() {
                // It may come back, and the command with it: only a lasting loss ends the wait.
                Some(why) if lost_since.is_some_and(|t| t.elapsed() > Duration::from_secs(15)) => {
                    Err(Stop::Said(Exit::Unreachable, why))
                }
                Some(_) => {
                    lost_since.get_or_insert_with(Instant::now);
                    Ok(None)
                }
                None => {
                    lost_since = None;
                    Ok(None)
                }
            }
        })?;
        outcome.ok_or_else(|| Stop::Said(Exit::TimedOut, Message::new("cli-no-answer")))
    }

    /// With an engine of our own: gives the agents a moment to dial in, as a command to an item needs them.
    pub(crate) fn wait_for_agents(&self, at_most: Duration, mut say: impl FnMut(&str)) -> Result<(), Stop> {
        let mut told = false;
        self.until(Some(at_most), |snapshot| {
            let all = snapshot.servers.len();
            let here = snapshot.servers.iter().filter(|s| s.connected).count();
            if here < all && !told {
                told = true;
                say(&Message::new("cli-waiting-for-agents").with("all", all).render());
            }
            Ok((here == all).then_some(()))
        })?;
        Ok(())
    }
}
