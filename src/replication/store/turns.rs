//! Who may change a store: one exchange or one round of tidying at a time. Who comes second waits a moment, because
//! the first is often nearly done, and is refused then. Apart from the catalogue's own lock, which is held for single
//! changes only.

use crate::error::{ReplicationError, Result};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the second one waits.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Turns {
    now: Mutex<Now>,
    freed: Condvar,
}

#[derive(Default)]
struct Now {
    taken: bool,
    waiting: u32,
}

/// A turn; dropping it gives it back.
pub(crate) struct Turn<'a>(&'a Turns);

impl Turns {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the turn; waits a moment when somebody has it.
    pub(super) fn take(&self) -> Result<Turn<'_>> {
        let mut now = self.now();
        now.waiting += 1;
        let waited = self.freed.wait_timeout_while(now, PATIENCE, |n| n.taken);
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

    /// Whether somebody waits.
    pub(super) fn wanted(&self) -> bool {
        self.now().waiting > 0
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.now().taken = false;
        self.0.freed.notify_one();
    }
}
