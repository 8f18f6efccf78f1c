//! The engine's clock and source of ids: the one seam in this crate at which time and randomness come in, so
//! that a test can put its own in their place.

use leeward_model::Moment;
use std::time::{SystemTime, UNIX_EPOCH};
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
