//! A QEMU process: found by its pid file, verified, awaited and ended. Apart from the control channel, because a
//! process must be known and ended when the channel is silent.

use crate::error::{FabricError, Result};
use crate::folder::MachineFolder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// A process that is a QEMU of this folder. Held by a descriptor, so that its number cannot come to mean another.
#[derive(Debug)]
pub(super) struct QemuProcess {
    pid: u32,
    handle: OwnedFd,
}

impl QemuProcess {
    /// The living QEMU of a folder, if there is one: by the pid file, and if that names nobody, among all processes
    /// (the file may be lost, or its number may belong to something else by now). It is ours when its command line
    /// names this folder's pid file, by whatever path.
    pub(super) fn of(folder: &MachineFolder) -> Option<Self> {
        let wanted = fs::canonicalize(folder.path()).ok()?;
        let noted = fs::read_to_string(folder.pid_file()).ok().and_then(|text| text.trim().parse().ok());
        noted.and_then(|pid| Self::verified(pid, &wanted)).or_else(|| Self::search(&wanted))
    }

    fn search(wanted: &Path) -> Option<Self> {
        let entries = fs::read_dir("/proc").ok()?;
        let mut pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
        pids.find_map(|pid| Self::verified(pid, wanted))
    }

    fn verified(pid: u32, wanted: &Path) -> Option<Self> {
        if !runs_folder(pid, wanted) {
            return None;
        }
        let process = Self::open(pid)?;
        // Asked again after the descriptor is held: what is verified is what is held.
        (runs_folder(pid, wanted) && !process.ended_within(Duration::ZERO)).then_some(process)
    }

    /// Holds a process by its number.
    pub(super) fn open(pid: u32) -> Option<Self> {
        let handle = pidfd_open(Pid::from_raw(i32::try_from(pid).ok()?)?, PidfdFlags::empty()).ok()?;
        Some(Self { pid, handle })
    }

    pub(super) const fn pid(&self) -> u32 {
        self.pid
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

    /// Ends every process of a folder: a launch that was cut off may have left more than one. SIGTERM first where
    /// there is patience: a QEMU then closes its disks and keeps the trackers.
    pub(super) fn end_all(folder: &MachineFolder, patience: Option<Duration>) -> Result<()> {
        while let Some(process) = Self::of(folder) {
            if !patience.is_some_and(|limit| process.terminated_within(limit)) {
                process.kill(&folder.shown())?;
            }
        }
        Ok(())
    }

    /// Asks it to end, and tells whether it did within the limit.
    pub(super) fn terminated_within(&self, limit: Duration) -> bool {
        pidfd_send_signal(&self.handle, Signal::TERM).is_ok() && self.ended_within(limit)
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

/// Whether the command line of a process names the pid file of this folder.
fn runs_folder(pid: u32, wanted: &Path) -> bool {
    let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) else {
        return false;
    };
    let mut arguments = line.split(|b| *b == 0);
    if !arguments.any(|a| a == b"-pidfile") {
        return false;
    }
    let file = arguments.next().map(OsStr::from_bytes).map(Path::new);
    file.and_then(Path::parent).and_then(|named| fs::canonicalize(named).ok()).is_some_and(|at| at == wanted)
}
