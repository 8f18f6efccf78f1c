//! The clock on this host's wall: a policy's hours are in the time of the host that sends. Apart from the host's clock,
//! which knows instants and no time zone.

use leeward_link::Clock;
use leeward_model::{Hours, Moment, WallTime};
use std::sync::{Mutex, PoisonError};

/// A wall with a clock on it.
pub(crate) struct Wall {
    clock: Clock,
    /// By how many seconds the wall is ahead of UTC at an instant.
    ahead_secs: Mutex<fn(Moment) -> i64>,
}

impl Wall {
    /// This host's own.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, ahead_secs: Mutex::new(ahead_secs) }
    }

    /// What it shows now.
    pub(crate) fn now(&self) -> WallTime {
        self.at(self.clock.now())
    }

    fn at(&self, moment: Moment) -> WallTime {
        let ahead_secs = *self.ahead_secs.lock().unwrap_or_else(PoisonError::into_inner);
        WallTime::of(moment, ahead_secs(moment))
    }

    /// The instant at which these hours hold next, seen from another; none when they hold then, or never will. Where
    /// the wall's clock is put forward or back in between, it is an hour off until then.
    pub(crate) fn wait_for(&self, hours: &Hours, now: Moment) -> Option<Moment> {
        let at = self.at(now);
        let next = hours.next(at)?;
        (next > at).then(|| now.plus_millis(next.0.saturating_sub(at.0)))
    }

    /// Tests: hangs it elsewhere.
    #[cfg(test)]
    pub(crate) fn set_zone(&self, zone: fn(Moment) -> i64) {
        *self.ahead_secs.lock().unwrap_or_else(PoisonError::into_inner) = zone;
    }
}

/// As the operating system's time zone has it.
fn ahead_secs(moment: Moment) -> i64 {
    let stamp = jiff::Timestamp::from_millisecond(moment.0);
    stamp.map_or(0, |s| i64::from(jiff::tz::TimeZone::system().to_offset(s).seconds()))
}
