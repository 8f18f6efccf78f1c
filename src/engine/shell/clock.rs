//! The engine's clock and source of ids: the one seam in this crate at which time and randomness come in, so
//! that a test can put its own in their place.

use leeward_model::Moment;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// Tells the time and makes ids.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Now.
    fn now(&self) -> Moment;

    /// A new id, later than the ones before in its order.
    fn new_id(&self) -> Uuid;
}

/// The clock of this computer.
#[derive(Clone, Copy, Default, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Moment {
        // Before 1970 the clock is wrong anyway; zero is as good as any answer.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn new_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// How far the computer's clock may fall behind before it counts as set back: what is less is its being disciplined.
const SLACK_MS: i64 = 2_000;

/// A clock that is never set back while the engine lives: waits and deadlines are instants, and an hour back would make
/// each of them an hour longer. When the computer's clock is set back, time goes on as it passes until the engine
/// starts again; when it is set forward, that is followed at once.
#[derive(Debug)]
pub(crate) struct SteadyClock {
    clock: Arc<dyn Clock>,
    last: Mutex<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    said: Moment,
    at: Instant,
    told: bool,
}

impl SteadyClock {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        let last = Last { said: clock.now(), at: Instant::now(), told: false };
        Self { clock, last: Mutex::new(last) }
    }

    /// What to say when the computer's clock says `wall` so long after the last time.
    fn say(last: Moment, wall: Moment, passed: Duration) -> (Moment, bool) {
        let passed_ms = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let expected = last.plus_millis(passed_ms);
        let set_back = wall.millis_since(expected) < -SLACK_MS;
        (if set_back { expected } else { wall.max(last) }, set_back)
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Moment {
        let wall = self.clock.now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let at = Instant::now();
        let (said, set_back) = Self::say(last.said, wall, at.duration_since(last.at));
        if set_back && !last.told {
            let secs = said.secs_since(wall);
            tracing::warn!(secs, "the clock was set back; the engine goes on with the time as it passes");
        }
        *last = Last { said, at, told: set_back };
        said
    }

    fn new_id(&self) -> Uuid {
        self.clock.new_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_never_set_back() {
        let (then, second) = (Moment(1_000_000_000), Duration::from_secs(1));
        let say = |wall: i64| SteadyClock::say(then, Moment(wall), second);
        assert_eq!(say(1_000_001_000), (Moment(1_000_001_000), false), "as it should be");
        assert_eq!(say(1_000_000_500), (Moment(1_000_000_500), false), "a little slow: followed");
        assert_eq!(say(999_999_500), (then, false), "never before what was said");
        assert_eq!(say(996_400_000), (Moment(1_000_001_000), true), "an hour back: as it passes");
        assert_eq!(say(1_003_600_000), (Moment(1_003_600_000), false), "an hour ahead: followed");
    }
}
