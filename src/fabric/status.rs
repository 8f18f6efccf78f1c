//! What a machine is doing: its state, whether its changes are tracked, and the facts it reports by itself.

use leeward_model::DiskId;
use serde::{Deserialize, Serialize};

/// The state of a machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MachineState {
    /// No process.
    Off,
    /// The process is there, the guest has not begun.
    Prepared,
    /// The guest runs.
    Running,
    /// The guest stands still, on somebody's order.
    Paused,
    /// The hypervisor stopped the guest because a disk failed or its file system is full.
    IoError,
    /// The guest has shut down; the process holds disks and trackers for the last delta.
    ShutDown,
    /// The guest crashed.
    Crashed,
    /// The process is there but does not answer.
    Silent,
    /// A state of the hypervisor that has no name here.
    Other(String),
}

/// Whether the changes of a disk are known without a gap.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Tracking {
    /// Tracking was never started.
    None,
    /// Every change since the last capture is known.
    Tracking {
        /// Bytes that changed, in blocks of 64 KiB; `None` while the machine is off.
        dirty_bytes: Option<u64>,
        /// It survives an orderly stop of the hypervisor (qcow2 does, raw files do not).
        persistent: bool,
    },
    /// It was tracked, and there is a gap: the disk needs a resynchronization.
    Lost {
        /// Why.
        why: LostWhy,
    },
}

/// Why tracking has a gap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum LostWhy {
    /// The hypervisor ended without closing its disks; what it knew is gone.
    Missing,
    /// The hypervisor ended without closing its disks; what the disk file says is not to be trusted.
    Inconsistent,
    /// A capture was cut off at a moment that leaves unclear which changes it took.
    InterruptedCapture,
    /// A capture was given up after the trackers had been cleared.
    DroppedCapture,
    /// A frozen disk was merged back before its frozen content had been copied or compared.
    DroppedFreeze,
}

/// Something a machine reported by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MachineFact {
    /// The processors stopped.
    Stopped,
    /// The processors run again.
    Resumed,
    /// The guest shut itself down.
    ShutDownByGuest,
    /// The guest was reset.
    Reset {
        /// By the guest itself.
        by_guest: bool,
    },
    /// The guest crashed.
    Panicked,
    /// A disk refused a request.
    IoError {
        /// The disk, when it is one of the machine's.
        disk: Option<DiskId>,
        /// It was out of space.
        no_space: bool,
        /// The hypervisor stopped the guest for it.
        stopped: bool,
    },
    /// The control channel was lost; the process is still there.
    ControlLost,
    /// The process is gone. The last fact.
    Gone,
}
