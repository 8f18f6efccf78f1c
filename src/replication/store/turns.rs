//! Who may change a store: one exchange or one round of tidying at a time. A log waits for a merge to end: if merges
//! gave way to logs, a long one would never come to its end. A failover presses: a merge is given up for it. Apart
//! from the catalogue's own lock, which is held for single changes only.

use crate::error::{ReplicationError, Result};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a log waits; its source sees signs of life meanwhile.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long a failover waits: a merge is given up within a moment, an exchange is not.
const PRESSED: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct Turns {
    now: Mutex<Now>,
    freed: Condvar,
}

#[derive(Default)]
struct Now {
    taken: bool,
    waiting: u32,
    pressing: u32,
}

/// Somebody for whom a merge is given up; until it is dropped.
pub(super) struct Pressing<'a>(&'a Turns);

/// A turn; dropping it gives it back.
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn; waits when somebody has it.
    pub(super) fn take(&self) -> Result<Turn<'_>> {
        self.take_within(PATIENCE)
    }

    /// Takes the turn, at once when only a merge has it.
    pub(super) fn take_pressing(&self) -> Result<Turn<'_>> {
        let _pressing = self.press();
        self.take_within(PRESSED)
    }

    fn take_within(&self, patience: Duration) -> Result<Turn<'_>> {
        let mut now = self.now();
        now.waiting += 1;
        let waited = self.freed.wait_timeout_while(now, patience, |n| n.taken);
        let (mut now, _) = waited.unwrap_or_else(PoisonError::into_inner);
        now.waiting -= 1;
        if now.taken {
            return Err(ReplicationError::Busy {});
        }
        now.taken = true;
        Ok(Turn(self))
    }

    /// Takes the turn if nobody has or wants it.
    pub(super) fn take_if_free(&self) -> Option<Turn<'_>> {
        let mut now = self.now();
        if now.taken || now.waiting > 0 {
            return None;
        }
        now.taken = true;
        Some(Turn(self))
    }

    /// Asks merges to be given up.
    pub(super) fn press(&self) -> Pressing<'_> {
        self.now().pressing += 1;
        Pressing(self)
    }

    /// Whether merges shall be given up.
    pub(super) fn pressed(&self) -> bool {
        self.now().pressing > 0
    }

    /// Whether somebody waits.
    pub(super) fn wanted(&self) -> bool {
        self.now().waiting > 0
    }
}

impl Drop for Pressing<'_> {
    fn drop(&mut self) {
        self.0.now().pressing -= 1;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.now().taken = false;
        self.0.freed.notify_one();
    }
}
