//! What a start is told, and the exact facts of a run that it leaves in `run.json`. Apart from the machine's
//! definition, which says what the machine is, not how this run was put together.

use leeward_model::{DiskFormat, DiskId, Epoch, MachineDefinition, MachineId, Moment};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One file of a disk's chain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChainLayer {
    /// Absolute path.
    pub path: PathBuf,
    /// Its format.
    pub format: DiskFormat,
}

/// One disk of a start: the chain of files that is its content, bottom first. The last one is written to, all
/// others are opened read-only. What image headers say about backing files is never believed.
///
/// A frozen disk (see [`crate::frozen`]) is given as its base: the overlay that holds the newest writes is put
/// on top by the driver, from its own durable record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StartDisk {
    /// The disk.
    pub disk: DiskId,
    /// Bottom to top, at least one.
    pub chain: Vec<ChainLayer>,
}

/// What the machine's adapters are joined to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Network {
    /// The production networks of the definition, forwards included.
    Production,
    /// All adapters are there, none is plugged in.
    None,
    /// An isolated network of this name: the guest reaches nothing, the host reaches the guest's forwards (on
    /// free ports, so that a test never takes the ports of production).
    Isolated(String),
}

/// Why it runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Purpose {
    /// It is the machine: fences apply.
    Production,
    /// A throw-away copy in a test failover: fences do not apply; it must not be on a production network.
    Test,
}

/// Everything a start needs.
#[derive(Clone, Debug)]
pub struct StartSpec {
    /// What it is.
    pub definition: MachineDefinition,
    /// Where its records and sockets go. A test copy has a folder of its own.
    pub folder: PathBuf,
    /// Chains, one per disk of the definition.
    pub disks: Vec<StartDisk>,
    /// Network.
    pub network: Network,
    /// Purpose.
    pub purpose: Purpose,
    /// The right to write under which it is started.
    pub epoch: Epoch,
    /// Track changes of all disks from before the guest's first instruction, where they are not tracked yet.
    pub track_from_start: bool,
    /// Leave the processors stopped: for taking the last delta of a machine that is off.
    pub hold: bool,
    /// Further arguments for the hypervisor's program, after all others.
    pub extra: Vec<String>,
    /// Now.
    pub now: Moment,
}

/// A forward that is really there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UsedForward {
    /// Position of the adapter in the definition.
    pub nic: usize,
    /// Address on the host.
    pub host_addr: String,
    /// Port on the host; never 0.
    pub host_port: u16,
    /// Port in the guest.
    pub guest_port: u16,
}

/// One disk of a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunDisk {
    /// The disk.
    pub disk: DiskId,
    /// Its name in the definition.
    pub name: String,
    /// Virtual size in bytes, as the definition has it.
    pub size_bytes: u64,
    /// Bottom to top, without the overlay of a frozen disk.
    pub chain: Vec<ChainLayer>,
    /// Block node of the top of that chain: the one whose changes are tracked.
    pub node: String,
    /// Block node an overlay gets while the disk is frozen.
    pub overlay_node: String,
    /// The guest's device, by its path in the hypervisor.
    pub device: String,
    /// Whether the files are opened past the host's page cache.
    pub direct: bool,
}

/// The exact facts of a run, in `run.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of this record; 1.
    pub version: u32,
    /// The machine.
    pub machine: MachineId,
    /// Its name.
    pub name: String,
    /// Why it runs.
    pub purpose: Purpose,
    /// What its adapters are joined to.
    pub network: Network,
    /// The right to write under which it was started.
    pub epoch: Epoch,
    /// When the start was asked for.
    pub started_at: Moment,
    /// Its processors were meant to stay stopped.
    pub hold: bool,
    /// Its disks were to be tracked from before the guest's first instruction.
    #[serde(default)]
    pub track_from_start: bool,
    /// Its disks, in the order of the definition.
    pub disks: Vec<RunDisk>,
    /// Forwards that are really there; empty until the process is up.
    pub forwards: Vec<UsedForward>,
}

impl RunRecord {
    /// The current version.
    pub const VERSION: u32 = 1;

    /// The disk of this id.
    #[must_use]
    pub fn disk(&self, disk: DiskId) -> Option<&RunDisk> {
        self.disks.iter().find(|d| d.disk == disk)
    }
}
