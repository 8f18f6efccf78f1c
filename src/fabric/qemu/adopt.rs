//! Taking up a QEMU that lives on after its agent died, and settling what that agent left in the middle.

use super::process::QemuProcess;
use super::running::QemuMachine;
use super::settings::QemuSettings;
use super::start::RUN_RECORD;
use super::{capture, freeze, merge};
use crate::error::{FabricError, Result};
use crate::folder::MachineFolder;
use crate::hypervisor::Machine;
use crate::qmp::connection::connect_socket;
use crate::spec::RunRecord;
use crate::status::MachineState;
use std::sync::Arc;

/// The living machine of a folder, in our hands; `None` when no process of it lives.
pub(super) fn adopt(settings: &QemuSettings, folder: &MachineFolder) -> Result<Option<Arc<QemuMachine>>> {
    let Some(process) = living(folder) else {
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
    let machine = match QemuMachine::connect(settings, folder, record) {
        Ok(machine) => machine,
        // It ended while we were at it.
        Err(_) if process.ended_within(std::time::Duration::ZERO) => return Ok(None),
        Err(error) => return Err(error),
    };
    settle(&machine)?;
    Ok(Some(Arc::new(machine)))
}

/// By the pid file; without one, by who answers at the control socket.
fn living(folder: &MachineFolder) -> Option<QemuProcess> {
    QemuProcess::of(folder).or_else(|| {
        let socket = connect_socket(&folder.qmp_socket()).ok()?;
        let peer = rustix::net::sockopt::socket_peercred(&socket).ok()?;
        QemuProcess::open(u32::try_from(peer.pid.as_raw_nonzero().get()).ok()?)
    })
}

/// Brings everything that was under way to an end that is known.
fn settle(machine: &QemuMachine) -> Result<()> {
    if machine.status()? == MachineState::Prepared && !machine.record().hold {
        machine.finish_start()?;
        machine.resume()?;
    }
    freeze::settle(machine)?;
    merge::settle(machine)?;
    capture::settle(machine)
}
