//! Disks frozen by an external snapshot, for a full copy or a comparison while the guest writes on. Apart from
//! `capture`, whose delta leaves the chain as it is.
//!
//! The durable record says which disks have an overlay. The rule that keeps every guest write: the record is on
//! the disk before the guest can write to the overlay, and it is off the disk before the guest can write to the
//! base alone. So whenever the hypervisor dies, "overlay on top if the record names one" is the newest content:
//! a start follows it without asking.

use leeward_model::{DiskId, Moment};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use crate::error::Result;
use crate::folder::{MachineFolder, remove_file};
use crate::spec::ChainLayer;

/// One disk to freeze.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FreezeDisk {
    /// The disk.
    pub disk: DiskId,
    /// Overlay to make for the guest's writes, absolute; must not exist.
    pub overlay: PathBuf,
}

/// A freeze, asked for. Any subset of the machine's disks; all at one instant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FreezeAsk {
    /// Disks.
    pub disks: Vec<FreezeDisk>,
}

/// What was frozen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FrozenBase {
    /// Read from the caller's clock as the last thing before the freeze was made durable and sent: all writes
    /// acknowledged before it are in the frozen files.
    pub instant: Moment,
    /// Disk by disk.
    pub disks: Vec<FrozenDisk>,
}

/// A frozen disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FrozenDisk {
    /// The disk.
    pub disk: DiskId,
    /// The frozen content, bottom to top: nothing writes to these files until the merge begins.
    pub chain: Vec<ChainLayer>,
    /// Where the guest's writes go.
    pub overlay: PathBuf,
    /// The instant of the content.
    pub instant: Moment,
    /// A merge has begun: the top file of `chain` is no longer the frozen content.
    pub merging: bool,
}

/// A merge that is done. The disk's tracker holds exactly what changed since the freeze: the first delta.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merged {
    /// The disk.
    pub disk: DiskId,
    /// It was merged before; nothing was done.
    pub already: bool,
    /// How long the guest stood still at the switch, in milliseconds.
    pub stopped_millis: u64,
    /// How long the merge took, in milliseconds.
    pub took_millis: u64,
}

/// How far a freeze is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum FreezePhase {
    /// The overlay is made; the transaction is about to be sent or was.
    Preparing,
    /// The guest writes to the overlay.
    Frozen,
    /// The overlay is being copied into the base.
    Merging,
    /// The guest is being stopped, or stands still, so that the base can take over.
    Switching,
}

/// One disk of the record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct FreezeEntry {
    pub(crate) disk: DiskId,
    pub(crate) chain: Vec<ChainLayer>,
    pub(crate) overlay: PathBuf,
    pub(crate) instant: Moment,
    pub(crate) phase: FreezePhase,
}

impl FreezeEntry {
    pub(crate) fn frozen_disk(&self) -> FrozenDisk {
        FrozenDisk {
            disk: self.disk,
            chain: self.chain.clone(),
            overlay: self.overlay.clone(),
            instant: self.instant,
            merging: matches!(self.phase, FreezePhase::Merging | FreezePhase::Switching),
        }
    }
}

/// The record of frozen disks, in the machine's folder.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct FreezeRecord {
    pub(crate) disks: Vec<FreezeEntry>,
    /// Overlay files that hold nothing anybody needs: about to be made, or merged. Whoever finds them here removes
    /// them; a file that is named nowhere is somebody else's.
    #[serde(default)]
    pub(crate) unneeded: Vec<PathBuf>,
    /// The guest was stopped for a switch and is to run again: whoever finds this lets it.
    #[serde(default)]
    pub(crate) resume: bool,
}

impl FreezeRecord {
    /// Name of the record.
    pub(crate) const FILE: &'static str = "freeze.json";

    /// Removes the files nobody needs, then forgets them.
    pub(crate) fn sweep(folder: &MachineFolder) -> Result<()> {
        let Some(mut record) = folder.read::<Self>(Self::FILE)? else {
            return Ok(());
        };
        if record.unneeded.is_empty() {
            return Ok(());
        }
        for overlay in std::mem::take(&mut record.unneeded) {
            remove_file(&overlay)?;
        }
        folder.write(Self::FILE, &record)
    }

    pub(crate) fn entry(&self, disk: DiskId) -> Option<&FreezeEntry> {
        self.disks.iter().find(|e| e.disk == disk)
    }

    pub(crate) fn entry_mut(&mut self, disk: DiskId) -> Option<&mut FreezeEntry> {
        self.disks.iter_mut().find(|e| e.disk == disk)
    }
}
