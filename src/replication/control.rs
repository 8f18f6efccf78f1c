//! Stopping work that runs, and slowing it down. Apart from `transfer`, which obeys both.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Asks work to stop; clones are the same wish.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Nobody wants it to stop yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// It shall stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it shall stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Bounds the bytes per second of everything that shares it. The bound may change at any time; who waits obeys the new
/// one at once.
pub struct Throttle {
    bytes_per_sec_max: Box<dyn Fn() -> u64 + Send + Sync>,
    pace: Mutex<Pace>,
}

impl Throttle {
    /// At most so many bytes per second; 0 is no bound.
    #[must_use]
    pub fn new(bytes_per_sec_max: u64) -> Self {
        Self::asking(move || bytes_per_sec_max)
    }

    /// At most as many bytes per second as this says whenever it is asked; 0 is no bound.
    #[must_use]
    pub fn asking(bytes_per_sec_max: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { bytes_per_sec_max: Box::new(bytes_per_sec_max), pace: Mutex::default() }
    }

    /// The bound of this moment; 0 is none.
    #[must_use]
    pub fn bound(&self) -> u64 {
        (self.bytes_per_sec_max)()
    }

    /// Waits until these bytes may go. Returns early when the work is cancelled.
    pub fn take(&self, bytes: u64, cancel: &Cancel) {
        let mut mine = None;
        loop {
            let most = self.bound();
            let left = {
                let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
                pace.pass(Instant::now(), most);
                let mine = *mine.get_or_insert_with(|| pace.ask(bytes));
                if most == 0 { Duration::ZERO } else { pace.left(mine, most) }
            };
            if left.is_zero() || cancel.is_cancelled() {
                return;
            }
            std::thread::sleep(left.min(LOOK));
        }
    }
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

/// How often who waits looks whether the bound has changed, or the work was cancelled.
const LOOK: Duration = Duration::from_millis(100);

const BILLION: u128 = 1_000_000_000;

/// Bytes that were asked for, and those whose time has come. Time in which nothing was asked for counts for nothing.
#[derive(Debug, Default)]
struct Pace {
    asked: u64,
    passed: u64,
    /// Billionths of the byte whose time has not quite come.
    part: u128,
    at: Option<Instant>,
}

impl Pace {
    /// Time passes, at so many bytes per second since it was last looked.
    fn pass(&mut self, now: Instant, most: u64) {
        let since = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.at = Some(now);
        let due = since.as_nanos().saturating_mul(u128::from(most)).saturating_add(self.part);
        let bytes = if most == 0 { u64::MAX } else { u64::try_from(due / BILLION).unwrap_or(u64::MAX) };
        self.passed = self.passed.saturating_add(bytes).min(self.asked);
        self.part = if self.passed == self.asked { 0 } else { due % BILLION };
    }

    /// Asks for bytes; they may go when everything up to here has passed.
    fn ask(&mut self, bytes: u64) -> u64 {
        self.asked = self.asked.saturating_add(bytes);
        self.asked
    }

    /// How long it takes until everything up to there has passed.
    fn left(&self, up_to: u64, most: u64) -> Duration {
        let bytes = u128::from(up_to.saturating_sub(self.passed));
        let nanos = (bytes * BILLION).div_ceil(u128::from(most.max(1)));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::AtomicU64;
    use std::sync::mpsc::channel;

    #[test]
    fn who_waits_obeys_a_bound_that_changes_meanwhile() {
        let bound = Arc::new(AtomicU64::new(1));
        let (told, looked) = channel();
        let asked = Arc::clone(&bound);
        let throttle = Throttle::asking(move || {
            told.send(()).ok();
            asked.load(Ordering::SeqCst)
        });
        std::thread::scope(|scope| {
            // At a byte per second this is a day.
            let taking = scope.spawn(|| throttle.take(86_400, &Cancel::new()));
            for _ in 0..2 {
                looked.recv().expect("it waits and looks");
            }
            assert!(!taking.is_finished());
            bound.store(0, Ordering::SeqCst);
            taking.join().expect("it went on");
        });
    }

    #[test]
    fn who_waits_can_be_cancelled() {
        let (cancel, (told, looked)) = (Cancel::new(), channel());
        let throttle = Throttle::asking(move || {
            told.send(()).ok();
            1
        });
        std::thread::scope(|scope| {
            scope.spawn(|| throttle.take(86_400, &cancel));
            looked.recv().expect("it waits");
            cancel.cancel();
        });
    }

    proptest! {
        /// However often it is looked and however the bound changes, no more passes than time allowed, and nothing is
        /// saved up while nothing is asked for.
        #[test]
        fn no_more_passes_than_the_bounds_of_the_time_allow(
            steps in proptest::collection::vec((0_u64..2_000_000, 1_u64..10_000_000, 0_u64..3_000_000), 1..60),
        ) {
            let mut now = Instant::now();
            let (mut pace, mut allowed) = (Pace::default(), 0_u128);
            pace.pass(now, 1);
            for (micros, most, bytes) in steps {
                let waiting = pace.passed < pace.asked;
                now += Duration::from_micros(micros);
                let before = pace.passed;
                pace.pass(now, most);
                if !waiting {
                    prop_assert_eq!(pace.passed, before, "idle time is not saved up");
                    allowed = u128::from(before);
                } else {
                    allowed += u128::from(micros) * u128::from(most) / 1_000_000 + 1;
                }
                prop_assert!(pace.passed <= pace.asked);
                prop_assert!(u128::from(pace.passed) <= allowed, "{} of {allowed}", pace.passed);
                let mine = pace.ask(bytes);
                let left = pace.left(mine, most);
                let mut later = Pace { at: pace.at, ..pace };
                later.pass(now + left, most);
                prop_assert!(later.passed >= mine, "what was left was long enough");
            }
        }
    }
}
