//! Stopping work that runs, and slowing it down. Apart from `transfer`, which obeys both.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

/// Bounds the bytes per second of everything that shares it.
#[derive(Debug)]
pub struct Throttle {
    bytes_per_sec_max: AtomicU64,
    /// When the bytes taken so far will have been due.
    due: Mutex<Option<Instant>>,
}

impl Throttle {
    /// At most so many bytes per second; 0 is no bound.
    #[must_use]
    pub const fn new(bytes_per_sec_max: u64) -> Self {
        Self { bytes_per_sec_max: AtomicU64::new(bytes_per_sec_max), due: Mutex::new(None) }
    }

    /// Changes the bound.
    pub fn set(&self, bytes_per_sec_max: u64) {
        self.bytes_per_sec_max.store(bytes_per_sec_max, Ordering::Relaxed);
    }

    /// Waits until these bytes may go. Returns early when the work is cancelled.
    pub fn take(&self, bytes: u64, cancel: &Cancel) {
        let most = self.bytes_per_sec_max.load(Ordering::Relaxed);
        if most == 0 {
            return;
        }
        let due = {
            let mut held = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let from = held.filter(|d| *d > now).unwrap_or(now);
            let micros = bytes.saturating_mul(1_000_000) / most;
            let due = from + Duration::from_micros(micros);
            *held = Some(due);
            due
        };
        while !cancel.is_cancelled() {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }
}
