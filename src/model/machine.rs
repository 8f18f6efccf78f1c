//! What a hypervisor is told about a machine: enough to start it at either site. Apart from the replicated
//! item, which is a promise about a machine, not the machine.

use crate::ids::{DiskId, MachineId};
use serde::{Deserialize, Serialize};

/// The format of a disk file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    /// Plain bytes, sparse where the file system allows.
    Raw,
    /// QEMU copy-on-write version 3.
    Qcow2,
}

/// One disk of a machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DiskDefinition {
    /// Stays the same on both sites.
    pub id: DiskId,
    /// Short name within the machine: `os`, `data`. Letters, digits, `-`, `_`.
    pub name: String,
    /// Path of the disk file (the top of its chain), absolute or relative to the machine's folder.
    pub path: String,
    /// Format of that file.
    pub format: DiskFormat,
    /// Virtual size in bytes.
    pub size_bytes: u64,
}

/// A port on the host that leads to a port in the guest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Forward {
    /// Address on the host, for example `127.0.0.1`.
    pub host_addr: String,
    /// Port on the host; 0 lets the driver choose a free one.
    pub host_port: u16,
    /// Port in the guest.
    pub guest_port: u16,
}

/// One network adapter of a machine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Nic {
    /// Name of the network it joins; `none` leaves the adapter unplugged.
    pub network: String,
    /// Hardware address, kept at both sites.
    pub mac: String,
    /// Ports that can be reached from the host.
    #[serde(default)]
    pub forwards: Vec<Forward>,
}

/// A machine as its host keeps it (`machine.json` in the machine's folder).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MachineDefinition {
    /// Stays the same on both sites.
    pub id: MachineId,
    /// Name a person knows it by: `web01`.
    pub name: String,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Number of virtual processors.
    pub vcpus: u32,
    /// Disks in boot order.
    pub disks: Vec<DiskDefinition>,
    /// Network adapters.
    pub nics: Vec<Nic>,
    /// Start it when the host's agent starts, unless fenced.
    #[serde(default)]
    pub autostart: bool,
}
