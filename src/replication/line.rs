//! The writing side of an exchange: frames go out whole whoever writes, and while work is silent the other side hears
//! that this one lives. Apart from `wire`, which knows frames but no time.

use crate::error::Result;
use crate::wire::{self, Kind};
use serde::Serialize;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often it is looked whether something was said. Silence lasts less than twice as long, which must be far below
/// what streams wait for a read (60 s).
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Where an exchange writes.
pub(crate) struct Line<'a> {
    writer: Mutex<&'a mut (dyn Write + Send)>,
    /// Something was said since it was last looked.
    spoke: AtomicBool,
    every: Duration,
}

impl<'a> Line<'a> {
    pub(crate) fn new(writer: &'a mut (dyn Write + Send), every: Duration) -> Self {
        Self { writer: Mutex::new(writer), spoke: AtomicBool::new(false), every }
    }

    fn writer(&self) -> MutexGuard<'_, &'a mut (dyn Write + Send)> {
        self.spoke.store(true, Ordering::Relaxed);
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a frame in parts.
    pub(crate) fn write(&self, kind: Kind, parts: &[&[u8]]) -> Result<()> {
        wire::write(&mut *self.writer(), kind, parts)
    }

    /// Sends what was written on its way.
    pub(crate) fn flush(&self) -> Result<()> {
        wire::flush(&mut *self.writer())
    }

    /// Says something.
    pub(crate) fn say(&self, message: &impl Serialize) -> Result<()> {
        wire::say(&mut *self.writer(), message)
    }

    /// Does something that may be silent for long while the other side waits for it. Only then signs of life are
    /// given: nobody would take them out of the stream while the other side does not read.
    pub(crate) fn alive<T>(&self, work: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            let (over, ended) = sync_channel::<()>(0);
            scope.spawn(move || {
                while ended.recv_timeout(self.every) == Err(RecvTimeoutError::Timeout) {
                    if let Err(error) = self.pulse() {
                        // The work will find the same when it writes or reads.
                        tracing::debug!(%error, "no sign of life could be given");
                        return;
                    }
                }
            });
            let done = work();
            drop(over);
            done
        })
    }

    fn pulse(&self) -> Result<()> {
        // Who holds the writer is writing: that is sign enough.
        let Ok(mut writer) = self.writer.try_lock() else { return Ok(()) };
        if self.spoke.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        wire::write(&mut *writer, Kind::Alive, &[])?;
        wire::flush(&mut *writer)
    }
}
