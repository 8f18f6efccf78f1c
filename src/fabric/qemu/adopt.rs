//! Taking up a QEMU that lives on after its agent died, and settling what that agent left in the middle.

use super::process::QemuProcess;
use super::running::QemuMachine;
use super::start::RUN_RECORD;
use super::turn::Turn;
use super::{freeze, merge, settlement};
use crate::error::{FabricError, Result};
use crate::fence::FenceRecord;
use crate::folder::MachineFolder;
use crate::hypervisor::Machine;
use crate::spec::{Purpose, RunRecord};
use crate::status::MachineState;
use std::sync::Arc;

/// The living machine of a folder, in our hands; `None` when no process of it lives.
pub(super) fn adopt(folder: &MachineFolder) -> Result<Option<Arc<QemuMachine>>> {
    if QemuProcess::of(folder).is_none() {
        return Ok(None);
    }
    let _turn = Turn::to_adopt(folder)?;
    // Looked for again: what was seen before may have been a launcher, or a start that has failed since.
    let Some(process) = QemuProcess::of(folder) else {
        return Ok(None);
    };
    let path = folder.file(RUN_RECORD);
    let record: RunRecord = folder.read(RUN_RECORD)?.ok_or_else(|| FabricError::Record {
        path: path.clone(),
        reason: format!("it is missing although process {} runs the machine", process.pid()),
    })?;
    if record.version != RunRecord::VERSION {
        let reason = format!("version {} is not understood", record.version);
        return Err(FabricError::Record { path, reason });
    }
    let machine = match QemuMachine::connect(folder, record) {
        Ok(machine) => machine,
        // It ended while we were at it.
        Err(_) if process.ended_within(std::time::Duration::ZERO) => return Ok(None),
        Err(error) => return Err(error),
    };
    settle(&machine)?;
    Ok(Some(Arc::new(machine)))
}

/// Brings everything that was under way to an end that is known.
pub(super) fn settle(machine: &QemuMachine) -> Result<()> {
    let record = machine.record();
    if machine.status()? == MachineState::Prepared && !record.hold {
        machine.finish_start()?;
        match FenceRecord::check(&machine.folder, &record.name, record.epoch) {
            Err(error) if record.purpose == Purpose::Production => {
                tracing::warn!(%error, "the guest of an unfinished start is not let run");
            }
            _ => machine.resume()?,
        }
    }
    freeze::settle(machine)?;
    merge::settle(machine)?;
    settlement::settle(machine)
}
