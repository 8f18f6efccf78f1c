//! How a capture ends: settled, given up, or found cut off. Apart from `capture`, which takes it: most of this runs
//! after the one who took it is dead.

use super::capture::{Part, close, follow, ids, keep_awake, parts};
use super::running::QemuMachine;
use super::tracking::lose;
use super::{jobs, nodes};
use crate::capture::{CaptureRecord, Captured};
use crate::error::{FabricError, Result};
use crate::folder::{MachineFolder, remove_file};
use crate::guest_agent;
use crate::status::LostWhy;
use leeward_model::point::Consistency;
use leeward_model::{DiskId, Sequence};
use std::time::Duration;

/// How long jobs may take to give up or to end.
pub(super) const CANCEL_LIMIT: Duration = Duration::from_secs(60);

/// After a failure: no job, no node, no spool, no record; the guest runs. Only once nothing of it is left does
/// the record go.
pub(super) fn undo(machine: &QemuMachine, parts: &[Part]) -> Result<()> {
    let ids = ids(parts);
    let notes = machine.monitor.listen();
    jobs::cancel(machine, &ids)?;
    let jobs = jobs::wait(machine, &notes, &ids, &["concluded"], CANCEL_LIMIT, |_| {})?;
    // A job that succeeded after all has cleared its tracker: its changes are in a spool that nobody will seal.
    let cleared = jobs.iter().flatten().filter(|job| job.error.is_none());
    let cleared: Vec<DiskId> =
        cleared.filter_map(|job| parts.iter().find(|p| p.job == job.id).map(|p| p.taken.disk)).collect();
    if !cleared.is_empty() {
        lose(&machine.folder, &cleared, LostWhy::InterruptedCapture)?;
    }
    jobs::dismiss(machine, &ids)?;
    for part in parts {
        nodes::remove(machine, &part.node)?;
        remove_file(&part.taken.path)?;
    }
    machine.folder.remove(CaptureRecord::FILE)?;
    keep_awake(machine);
    Ok(())
}

/// Brings a capture that was under way when its agent died to an end: taken, or undone.
pub(super) fn settle(machine: &QemuMachine) -> Result<()> {
    let Some(CaptureRecord::Begun(captured)) = machine.folder.read(CaptureRecord::FILE)? else {
        return Ok(());
    };
    if captured.consistency == Consistency::Application {
        thaw_left_over(machine);
    }
    let parts = parts(machine, &captured)?;
    let notes = machine.monitor.listen();
    let finished = if jobs::look(machine, &ids(&parts))?.is_empty() {
        Err(FabricError::Job {
            machine: machine.name(),
            job: "capture",
            reason: "it had not begun".to_owned(),
        })
    } else {
        follow(machine, &notes, &parts, CANCEL_LIMIT)
    };
    match finished.and_then(|jobs| close(machine, captured, &parts, &jobs)) {
        Ok(mut captured) => {
            // Whether the freeze held until the transaction was done, nobody is left to say.
            captured.consistency = Consistency::Crash;
            machine.folder.write(CaptureRecord::FILE, &CaptureRecord::Taken(captured))?;
            jobs::dismiss(machine, &ids(&parts))
        }
        Err(error) => {
            tracing::info!(%error, "a capture that was cut off is taken back");
            undo(machine, &parts)
        }
    }
}

/// On a thread of its own: a guest without an agent must not hold up the adoption.
fn thaw_left_over(machine: &QemuMachine) {
    let socket = machine.folder.guest_agent_socket();
    let thaw = move || {
        if let Err(error) = guest_agent::thaw_left_over(&socket) {
            tracing::warn!(%error, "could not make sure that the guest's file systems are thawed");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("thaw-left-over".to_owned()).spawn(thaw) {
        tracing::error!(%error, "no thread to thaw the guest's file systems");
    }
}

/// Before a start: a capture that was under way when QEMU ended took nobody knows what.
pub(super) fn settle_after_death(folder: &MachineFolder) -> Result<()> {
    let Some(CaptureRecord::Begun(captured)) = folder.read(CaptureRecord::FILE)? else {
        return Ok(());
    };
    discard(folder, &captured, LostWhy::InterruptedCapture)
}

/// Loses the disks first, so that a crash in between cannot make the gap invisible.
fn discard(folder: &MachineFolder, captured: &Captured, why: LostWhy) -> Result<()> {
    let disks: Vec<DiskId> = captured.disks.iter().map(|d| d.disk).collect();
    lose(folder, &disks, why)?;
    for disk in &captured.disks {
        remove_file(&disk.path)?;
    }
    folder.remove(CaptureRecord::FILE)
}

/// The capture whose spools wait.
pub(super) fn unsettled(folder: &MachineFolder) -> Result<Option<Captured>> {
    Ok(match folder.read(CaptureRecord::FILE)? {
        Some(CaptureRecord::Taken(captured)) => Some(captured),
        _ => None,
    })
}

/// The spools are the caller's now.
pub(super) fn confirm(folder: &MachineFolder, sequence: Sequence) -> Result<()> {
    match unsettled(folder)? {
        Some(captured) if captured.sequence == sequence => folder.remove(CaptureRecord::FILE),
        _ => Ok(()),
    }
}

/// The delta is given up.
pub(super) fn give_up(folder: &MachineFolder, sequence: Sequence) -> Result<()> {
    match unsettled(folder)? {
        Some(captured) if captured.sequence == sequence => {
            discard(folder, &captured, LostWhy::DroppedCapture)
        }
        _ => Ok(()),
    }
}
