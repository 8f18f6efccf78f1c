//! A QEMU process: found by its pid file, verified, awaited and ended. Apart from the control channel, because a
//! process must be known and ended when the channel is silent.

use crate::error::{FabricError, Result};
use crate::folder::MachineFolder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// A process that is a QEMU of this folder. Held by a descriptor, so that its number cannot come to mean another.
#[derive(Debug)]
pub(super) struct QemuProcess {
    pid: u32,
    handle: OwnedFd,
}

impl QemuProcess {
    /// The living QEMU of a folder, if there is one: the pid file names a process whose command line names this
    /// folder's pid file. A stale pid file whose number now belongs to something else is nobody.
    pub(super) fn of(folder: &MachineFolder) -> Option<Self> {
        let text = fs::read_to_string(folder.pid_file()).ok()?;
        let process = Self::open(text.trim().parse().ok()?)?;
        // Asked after the descriptor is held: what is verified is what is held.
        (process.runs_folder(folder) && !process.ended_within(Duration::ZERO)).then_some(process)
    }

    /// Holds a process by its number.
    pub(super) fn open(pid: u32) -> Option<Self> {
        let handle = pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()?;
        Some(Self { pid, handle })
    }

    pub(super) const fn pid(&self) -> u32 {
        self.pid
    }

    fn runs_folder(&self, folder: &MachineFolder) -> bool {
        let Ok(line) = fs::read(format!("/proc/{}/cmdline", self.pid)) else {
            return false;
        };
        let pid_file = folder.pid_file();
        let wanted = pid_file.as_os_str().as_encoded_bytes();
        let mut arguments = line.split(|b| *b == 0);
        arguments.any(|a| a == b"-pidfile") && arguments.next() == Some(wanted)
    }

    /// Whether it has ended, or ends within the limit.
    pub(super) fn ended_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut handles = [PollFd::new(&self.handle, PollFlags::IN)];
            match poll(&mut handles, Some(&timeout)) {
                Ok(0) => return false,
                Ok(_) => return true,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    tracing::warn!(%error, pid = self.pid, "could not watch a process");
                    return false;
                }
            }
        }
    }

    /// Ends it by force.
    pub(super) fn kill(&self, machine: &str) -> Result<()> {
        match pidfd_send_signal(&self.handle, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => {
                let reason = format!("could not end process {}: {error}", self.pid);
                return Err(FabricError::Invalid { machine: machine.to_owned(), reason });
            }
        }
        let limit = Duration::from_secs(20);
        if self.ended_within(limit) {
            return Ok(());
        }
        let limit_secs = limit.as_secs();
        Err(FabricError::TooSlow { machine: machine.to_owned(), action: "end its process", limit_secs })
    }
}
