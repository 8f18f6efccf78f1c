//! When the core must look again: deadlines and waits, in order of time. Apart from the jobs themselves, so that
//! time passing costs nothing for those it does not concern.

use leeward_model::{AgentId, ItemId, JobId, Moment};
use std::collections::BTreeSet;

/// What to look at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Alarm {
    /// A job: its step may have taken too long, or may be tried again.
    Job(JobId),
    /// An item: a correction may be tried again.
    Item(ItemId),
    /// A host: what it must still forget may be told again.
    Releases(AgentId),
    /// Pictures somebody waits for.
    Pictures,
}

/// All alarms. One that is no longer due when it rings does no harm: whoever looks sees that.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alarms {
    set: BTreeSet<(Moment, Alarm)>,
    /// The instant the shell was last told.
    told: Option<Moment>,
}

impl Alarms {
    pub(crate) fn set(&mut self, at: Moment, alarm: Alarm) {
        self.set.insert((at, alarm));
    }

    /// Takes one that is due.
    pub(crate) fn due(&mut self, now: Moment) -> Option<Alarm> {
        let first = *self.set.first()?;
        if first.0 > now {
            return None;
        }
        self.set.remove(&first);
        Some(first.1)
    }

    /// The instant to wake at, when the shell does not know it yet.
    pub(crate) fn wake(&mut self, now: Moment) -> Option<Moment> {
        if self.told.is_some_and(|told| told <= now) {
            self.told = None;
        }
        let next = self.set.first()?.0;
        if self.told.is_some_and(|told| told <= next) {
            return None;
        }
        self.told = Some(next);
        Some(next)
    }
}
