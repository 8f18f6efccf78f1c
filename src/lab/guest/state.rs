//! What the guest knows of itself right now, shared by the writer, the page and the web server. The lock is never
//! held across a disk write: a frozen file system must not silence the guest.

use crate::log::Verified;
use crate::settings::Settings;
use crate::witness::Said;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What was found at boot.
#[derive(Clone, Debug)]
pub(crate) struct AtBoot {
    /// The records.
    pub(crate) records: Verified,
    /// The witness on the other disk.
    pub(crate) witness: Option<Said>,
    /// Both disks are of one instant.
    pub(crate) pair_ok: bool,
}

impl AtBoot {
    /// Records are numbered without a gap and follow from each other.
    pub(crate) const fn gap_free(&self) -> bool {
        self.records.damage.is_none()
    }

    /// Everything holds.
    pub(crate) const fn ok(&self) -> bool {
        self.gap_free() && self.pair_ok
    }
}

/// The state.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) boot_id: String,
    pub(crate) booted: Instant,
    pub(crate) at_boot: AtBoot,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) last_checksum: u64,
    pub(crate) last_written: Instant,
    pub(crate) stopping: bool,
    /// No record will be written any more.
    pub(crate) stopped: bool,
    /// Why the writer gave up, if it did.
    pub(crate) failure: Option<String>,
}

/// A handle on it.
#[derive(Clone, Debug)]
pub(crate) struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub(crate) fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A reader that panicked has changed nothing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn copy(&self) -> State {
        self.lock().clone()
    }
}

impl State {
    /// The writer waits for its disks: they are frozen for a recovery point, or slow.
    pub(crate) fn waits(&self) -> bool {
        !self.stopped && self.at_boot.ok() && self.last_written.elapsed() > Duration::from_secs(2)
    }

    /// As JSON, one object.
    pub(crate) fn json(&self) -> String {
        let text = |s: &str| {
            let mut out = String::from("\"");
            for c in s.chars() {
                match c {
                    '"' | '\\' => out.extend(['\\', c]),
                    c if c.is_control() => out.push(' '),
                    c => out.push(c),
                }
            }
            out.push('"');
            out
        };
        format!(
            "{{\"host\":{},\"role\":{},\"first\":{},\"last\":{},\"last_checksum\":\"{:016x}\",\"gap_free\":{},\
             \"pair_ok\":{},\"verified_at_boot_first\":{},\"verified_at_boot_last\":{},\"boot_id\":{},\
             \"uptime_secs\":{},\"waiting\":{},\"stopped\":{},\"damage\":{}}}\n",
            text(&self.settings.host),
            text(&self.settings.role),
            self.first,
            self.last,
            self.last_checksum,
            self.at_boot.gap_free(),
            self.at_boot.pair_ok,
            self.at_boot.records.first,
            self.at_boot.records.last,
            text(&self.boot_id),
            self.booted.elapsed().as_secs(),
            self.waits(),
            self.stopped,
            self.trouble().map_or_else(|| "null".to_owned(), |d| text(&d)),
        )
    }

    /// What is wrong, in words.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.failure.clone().or_else(|| self.at_boot.records.damage.clone()).or_else(|| {
            (!self.at_boot.pair_ok).then(|| {
                format!(
                    "the disks are not of one instant: data ends at {}, OS disk says {}",
                    self.at_boot.records.last,
                    self.at_boot.witness.map_or(0, |w| w.number)
                )
            })
        })
    }
}

/// Milliseconds since 1970 by the guest's clock.
pub(crate) fn now_millis() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}
