//! The time as this crate is given it. Nothing here reads a clock: whoever starts a program gives one, so that a
//! test can make it jump. Apart from `leeward_model::Moment`, which is an instant, not where instants come from.

use leeward_model::Moment;
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use std::sync::Arc;
use std::time::Duration;

/// The last second that a certificate can name: the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Moment + Send + Sync>);

impl Clock {
    /// A clock that asks `tell`.
    pub fn new(tell: impl Fn() -> Moment + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Moment {
        (self.0)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let secs = u64::try_from(self.now().0.div_euclid(1000)).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(secs)))
    }
}

/// Whole seconds since 1970 that a certificate can name.
pub(crate) fn certificate_secs(moment: Moment) -> u64 {
    moment.0.div_euclid(1000).clamp(0, LAST_SECOND).unsigned_abs()
}

/// The instant of a certificate's date.
pub(crate) const fn from_certificate_secs(secs: i64) -> Moment {
    Moment(secs.saturating_mul(1000))
}
