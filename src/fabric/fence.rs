//! The fence: what a host does so that it cannot run a machine any more, and how it remembers. Apart from the
//! epoch that an agent keeps per item, because the fence must hold at the place where machines are started.

use crate::error::{FabricError, Result};
use crate::folder::MachineFolder;
use crate::hypervisor::Hypervisor;
use leeward_model::{Epoch, MachineId, Moment};
use serde::{Deserialize, Serialize};

/// The record of a fence, `fence.json` in the machine's folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FenceRecord {
    /// Production starts under this epoch and all older ones are refused.
    pub epoch: Epoch,
    /// Since when.
    pub since: Moment,
    /// Who ordered it, as the audit names them.
    pub by: String,
}

impl FenceRecord {
    const FILE: &'static str = "fence.json";

    /// The fence that stands, if any.
    ///
    /// # Errors
    /// When the record cannot be read: then nobody may start the machine.
    pub fn of(folder: &MachineFolder) -> Result<Option<Self>> {
        folder.read(Self::FILE)
    }

    /// Whether a production start under `epoch` is allowed.
    ///
    /// # Errors
    /// [`FabricError::Fenced`], or when the record cannot be read.
    pub fn check(folder: &MachineFolder, machine: &str, epoch: Epoch) -> Result<()> {
        match Self::of(folder)? {
            Some(fence) if epoch <= fence.epoch => {
                Err(FabricError::Fenced { machine: machine.to_owned(), fenced: fence.epoch, asked: epoch })
            }
            _ => Ok(()),
        }
    }
}

/// What was seen done: the record is on the disk, autostart is off, no process of the machine is there. Can only
/// be made by [`Fence::raise`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fence {
    machine: MachineId,
    epoch: Epoch,
    at: Moment,
}

impl Fence {
    /// Fences the machine of a folder through `epoch`, in an order that a crash cannot undo: first the record,
    /// then autostart off, then power off. A fence never goes down to an older epoch. Repeating it is harmless.
    ///
    /// # Errors
    /// When a record cannot be written, or the process could not be made to end: then nothing is proved.
    pub fn raise(
        hypervisor: &dyn Hypervisor,
        folder: &MachineFolder,
        epoch: Epoch,
        by: &str,
        now: Moment,
    ) -> Result<Self> {
        let standing = FenceRecord::of(folder)?;
        let record = match standing {
            Some(record) if record.epoch >= epoch => record,
            _ => {
                let record = FenceRecord { epoch, since: now, by: by.to_owned() };
                folder.write(FenceRecord::FILE, &record)?;
                record
            }
        };
        let definition = set_autostart(folder, false)?;
        hypervisor.force_off(folder)?;
        if hypervisor.alive(folder) {
            return Err(FabricError::TooSlow {
                machine: definition.name,
                action: "end its process",
                limit_secs: 0,
            });
        }
        Ok(Self { machine: definition.id, epoch: record.epoch, at: now })
    }

    /// Takes a fence down, for a machine that keeps the right to run here (a planned failover that was called
    /// off). A fence of a newer epoch than `epoch` stays.
    ///
    /// # Errors
    /// When the fence is of a newer epoch, or the record cannot be removed.
    pub fn lift(folder: &MachineFolder, epoch: Epoch) -> Result<()> {
        match FenceRecord::of(folder)? {
            Some(fence) if fence.epoch > epoch => Err(FabricError::Fenced {
                machine: folder.path().display().to_string(),
                fenced: fence.epoch,
                asked: epoch,
            }),
            Some(_) => folder.remove(FenceRecord::FILE),
            None => Ok(()),
        }
    }

    /// The fenced machine.
    #[must_use]
    pub const fn machine(&self) -> MachineId {
        self.machine
    }

    /// Fenced through this epoch.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// When it was seen done.
    #[must_use]
    pub const fn at(&self) -> Moment {
        self.at
    }
}

/// Sets whether the machine starts with its host's agent; returns the definition as it is now.
///
/// # Errors
/// When `machine.json` cannot be read or written.
pub fn set_autostart(folder: &MachineFolder, autostart: bool) -> Result<leeward_model::MachineDefinition> {
    let mut definition = folder.definition()?;
    if definition.autostart != autostart {
        definition.autostart = autostart;
        folder.write_definition(&definition)?;
    }
    Ok(definition)
}
