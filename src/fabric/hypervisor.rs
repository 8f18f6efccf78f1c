//! The traits every hypervisor is driven through: [`Hypervisor`] for a host's machines, [`Machine`] for one that
//! has a process. Two, because what can be asked of a machine that is off is different from what can be asked of
//! one that runs, and the type should say so.

use crate::capture::{Capture, CaptureAsk, Captured};
use crate::error::{FabricError, Result};
use crate::folder::MachineFolder;
use crate::frozen::{FreezeAsk, FrozenBase, FrozenDisk, Merged};
use crate::latency::WriteLatency;
use crate::spec::{RunRecord, StartSpec, UsedForward};
use crate::status::{MachineFact, MachineState, Tracking};
use leeward_model::{DiskId, MachineDefinition, Moment, Sequence};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// A machine found on a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundMachine {
    /// Its folder.
    pub folder: MachineFolder,
    /// What it is.
    pub definition: MachineDefinition,
    /// Whether its process is there. Nothing was asked of it.
    pub alive: bool,
}

/// What a host has.
#[derive(Debug, Default)]
pub struct Found {
    /// Machines, by folder name.
    pub machines: Vec<FoundMachine>,
    /// Folders that look like a machine's and cannot be read.
    pub unreadable: Vec<(PathBuf, FabricError)>,
}

/// What was behind a machine's folder.
pub enum Adoption {
    /// Its process lives; it is in our hands.
    Running(Arc<dyn Machine>),
    /// No process of this machine.
    Off,
}

/// A start that succeeded.
pub struct Started {
    /// The machine.
    pub machine: Arc<dyn Machine>,
    /// From the order to the running guest, in milliseconds.
    pub took_millis: u64,
    /// Forwards that are really there.
    pub forwards: Vec<UsedForward>,
}

/// How an orderly shutdown was brought about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Orderly {
    /// It was already down.
    Already,
    /// The guest agent was asked.
    GuestAgent,
    /// The power button was pressed.
    PowerButton,
}

/// What became of an orderly shutdown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShutDown {
    /// The guest is down; disks and trackers are still there.
    Done(Orderly),
    /// The guest did not go down in time. It still runs; nothing was forced.
    StillRunning,
}

/// The machines of a host. One driver per kind of hypervisor.
pub trait Hypervisor: Send + Sync {
    /// Name of the kind: `qemu`.
    fn kind(&self) -> &'static str;

    /// The machines under `<host folder>/machines`.
    ///
    /// # Errors
    /// When the folder itself cannot be read. A missing one is an empty host.
    fn discover(&self, host_folder: &Path) -> Result<Found>;

    /// Takes up the machine of a folder if its process lives, after a restart of the agent; settles what an
    /// earlier agent left in the middle (a guest stopped for a switch runs again, a frozen file system thaws).
    ///
    /// # Errors
    /// [`FabricError::Starting`] while a start of it is under way; when the process lives but is not to be
    /// reached, or the records are damaged.
    fn adopt(&self, folder: &MachineFolder) -> Result<Adoption>;

    /// Whether a process of the machine is there, whatever state it is in. Asks nothing of it.
    fn alive(&self, folder: &MachineFolder) -> bool;

    /// Makes the process of a machine end: cleanly when it answers, else by force (then tracking is lost). For a
    /// machine that may not be reachable. Nothing to do when there is no process.
    ///
    /// # Errors
    /// When even force did not end it.
    fn force_off(&self, folder: &MachineFolder) -> Result<()>;

    /// Starts a machine.
    ///
    /// # Errors
    /// [`FabricError::Fenced`], [`FabricError::AlreadyRunning`], [`FabricError::StartFailed`] and others;
    /// nothing runs then.
    fn start(&self, spec: &StartSpec) -> Result<Started>;

    /// Whether changes are tracked, of a machine that is off.
    ///
    /// # Errors
    /// When a disk file cannot be inspected.
    fn tracking_while_off(&self, folder: &MachineFolder) -> Result<BTreeMap<DiskId, Tracking>>;

    /// Frozen disks by the machine's records, whether it runs or not.
    ///
    /// # Errors
    /// When the record is damaged.
    fn frozen(&self, folder: &MachineFolder) -> Result<Vec<FrozenDisk>>;

    /// The capture that waits to be settled, of a machine that is off.
    ///
    /// # Errors
    /// When the record is damaged.
    fn unsettled_while_off(&self, folder: &MachineFolder) -> Result<Option<Captured>>;

    /// Makes an empty overlay over a chain, for a throw-away or an active top.
    ///
    /// # Errors
    /// When it exists or cannot be written.
    fn create_overlay(&self, overlay: &Path, below: &crate::spec::ChainLayer, size_bytes: u64) -> Result<()>;
}

/// A machine that has a process. All calls may block; calls that change its disks wait for each other.
pub trait Machine: Send + Sync {
    /// The exact facts of its run.
    fn record(&self) -> RunRecord;

    /// Its folder.
    fn folder(&self) -> &MachineFolder;

    /// What it is doing.
    ///
    /// # Errors
    /// Never for a machine that is gone or silent: that is a state.
    fn status(&self) -> Result<MachineState>;

    /// Facts as they happen, from now on, until the process is gone.
    fn watch(&self) -> Receiver<MachineFact>;

    /// Asks the guest to shut down, by its agent, then by the power button, and waits.
    ///
    /// # Errors
    /// When the hypervisor cannot be reached. A guest that does not go down is not an error.
    fn shut_down(&self, limit: Duration) -> Result<ShutDown>;

    /// Ends the process cleanly: disks are closed, trackers stored. The guest gets no say.
    ///
    /// # Errors
    /// When the process does not end within the limit.
    fn quit(&self, limit: Duration) -> Result<()>;

    /// Makes the process end: cleanly if it does so at once, else by force (then tracking is lost).
    ///
    /// # Errors
    /// When even force did not end it.
    fn power_off(&self) -> Result<()>;

    /// Presses the reset button. A machine that has shut down starts again.
    ///
    /// # Errors
    /// When the hypervisor refuses.
    fn reset(&self) -> Result<()>;

    /// Stops the processors.
    ///
    /// # Errors
    /// When the hypervisor refuses.
    fn pause(&self) -> Result<()>;

    /// Lets the processors run.
    ///
    /// # Errors
    /// When the hypervisor refuses.
    fn resume(&self) -> Result<()>;

    /// What is on the screen, as PNG.
    ///
    /// # Errors
    /// When no picture could be taken.
    fn console_picture(&self) -> Result<Vec<u8>>;

    /// The last bytes that the guest wrote to its serial port.
    ///
    /// # Errors
    /// When the log cannot be read.
    fn serial_tail(&self, bytes_max: usize) -> Result<Vec<u8>>;

    /// Whether the guest agent answers within the limit.
    fn guest_agent_answers(&self, limit: Duration) -> bool;

    /// Starts tracking where there is none, and anew where it was lost. The gap is then the caller's to close:
    /// note durably that the disk needs a resynchronization before calling this on a lost one.
    ///
    /// # Errors
    /// When the hypervisor refuses.
    fn start_tracking(&self, disks: &[DiskId]) -> Result<()>;

    /// Ends tracking.
    ///
    /// # Errors
    /// When the hypervisor refuses.
    fn stop_tracking(&self, disks: &[DiskId]) -> Result<()>;

    /// Whether changes are tracked, for every disk.
    ///
    /// # Errors
    /// When the hypervisor cannot be reached.
    fn tracking(&self) -> Result<BTreeMap<DiskId, Tracking>>;

    /// Takes the changes since the last capture, of all asked disks at one instant, into spools. On success the
    /// trackers start anew, so the delta must not be lost: seal it, then [`Machine::settle_capture`]. Until then
    /// no further capture is taken, and [`Machine::unsettled_capture`] gives it again, after a crash too.
    /// On error the changes stay tracked and the spools are removed.
    ///
    /// # Errors
    /// [`FabricError::NotTracked`], [`FabricError::Frozen`], [`FabricError::Unsettled`],
    /// [`FabricError::NoSpace`], [`FabricError::GuestAgent`] and others.
    fn capture_delta(&self, ask: &CaptureAsk, clock: &dyn Fn() -> Moment) -> Result<Capture>;

    /// The capture whose spools wait to be sealed and settled.
    ///
    /// # Errors
    /// When the record is damaged.
    fn unsettled_capture(&self) -> Result<Option<Captured>>;

    /// The delta is sealed: its spools are the caller's. Repeating it is harmless.
    ///
    /// # Errors
    /// When the record cannot be removed.
    fn settle_capture(&self, sequence: Sequence) -> Result<()>;

    /// The delta is given up: spools are removed and its disks are lost (resynchronization).
    ///
    /// # Errors
    /// When a record cannot be written.
    fn drop_capture(&self, sequence: Sequence) -> Result<()>;

    /// Freezes disks at one instant and starts their trackers anew from that instant: the guest writes on into
    /// overlays, the frozen files can be read by anybody. Closes the gap of a lost disk, once the frozen content
    /// has been compared.
    ///
    /// # Errors
    /// When nothing was frozen; everything is as before.
    fn freeze_base(&self, ask: &FreezeAsk, clock: &dyn Fn() -> Moment) -> Result<FrozenBase>;

    /// Merges a frozen disk back while the guest runs, once its frozen content has been copied or compared. Afterwards its tracker holds exactly the changes since the
    /// freeze, also when a hypervisor was killed in between. Repeating it resumes, or does nothing.
    ///
    /// # Errors
    /// When the merge failed; the disk is still frozen then.
    fn merge_back(&self, disk: DiskId) -> Result<Merged>;

    /// As [`Machine::merge_back`], for a frozen disk whose content did not get to where it was to go: what changed
    /// before the freeze is in no tracker any more, so the disk is lost (resynchronization), durably, before the
    /// merge begins.
    ///
    /// # Errors
    /// As [`Machine::merge_back`]; the disk is lost all the same.
    fn drop_frozen(&self, disk: DiskId) -> Result<Merged>;

    /// Frozen disks.
    ///
    /// # Errors
    /// When the record is damaged.
    fn frozen(&self) -> Result<Vec<FrozenDisk>>;

    /// How long the guest's writes took, per disk, since the start. Take two readings and
    /// [`WriteLatency::since`] for a span.
    ///
    /// # Errors
    /// When the hypervisor cannot be reached.
    fn write_latency(&self) -> Result<BTreeMap<DiskId, WriteLatency>>;
}
