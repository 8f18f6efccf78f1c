//! Merging a frozen disk back: the overlay is copied into the base while the guest runs, then the base takes over.
//!
//! At the switch the guest stands still for some milliseconds, until the record on the disk says that the base
//! alone is the disk. Without that, a crash right after the switch would leave a record that puts the old overlay
//! over newer writes of the base.

use super::jobs;
use super::nodes;
use super::running::QemuMachine;
use crate::error::{FabricError, Result};
use crate::folder::sync_file;
use crate::frozen::{FreezePhase, FreezeRecord, Merged};
use crate::hypervisor::Machine;
use crate::qmp::Note;
use crate::spec::RunDisk;
use crate::status::MachineState;
use leeward_model::DiskId;
use serde_json::json;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// The copying of one overlay. It may hold as much as was written during a full copy.
const COPY_LIMIT: Duration = Duration::from_secs(24 * 3600);
/// The switch itself, with the guest stopped.
const SWITCH_LIMIT: Duration = Duration::from_secs(30);

pub(super) fn merge_back(machine: &QemuMachine, disk: DiskId) -> Result<Merged> {
    let begun = Instant::now();
    let run = machine.disk(disk)?;
    super::freeze::settle(machine)?;
    settle(machine)?;
    let done = |already, stopped_millis| Merged { disk, already, stopped_millis, took_millis: millis(begun) };
    if machine.freeze_record()?.entry(disk).is_none() {
        return Ok(done(true, 0));
    }
    let notes = machine.monitor.listen();
    copy(machine, &run, &notes)?;
    let stopped_millis = switch(machine, &run, &notes)?;
    Ok(done(false, stopped_millis))
}

fn job_id(run: &RunDisk) -> String {
    format!("merge-{}", run.node.trim_start_matches("d-"))
}

fn set_phase(machine: &QemuMachine, disk: DiskId, phase: FreezePhase) -> Result<()> {
    let mut record = machine.freeze_record()?;
    if let Some(entry) = record.entry_mut(disk) {
        entry.phase = phase;
    }
    machine.folder.write(FreezeRecord::FILE, &record)
}

/// Copies the overlay into the base until both are the same, attaching to a job that is under way.
fn copy(machine: &QemuMachine, run: &RunDisk, notes: &Receiver<Note>) -> Result<()> {
    set_phase(machine, run.disk, FreezePhase::Merging)?;
    let ids = [job_id(run)];
    jobs::dismiss(machine, &ids)?;
    if jobs::look(machine, &ids)?.is_empty() {
        machine.run(
            "block-commit",
            &json!({"job-id": ids[0], "device": run.overlay_node, "base-node": run.node, "auto-dismiss": false}),
        )?;
    }
    let settled = ["ready", "concluded"];
    let Some(jobs) = jobs::wait(machine, notes, &ids, &settled, COPY_LIMIT, |_| {})? else {
        let limit_secs = COPY_LIMIT.as_secs();
        return Err(FabricError::TooSlow {
            machine: machine.name(),
            action: "merge a frozen disk",
            limit_secs,
        });
    };
    match jobs.first() {
        Some(job) if job.status == "ready" => Ok(()),
        failed => {
            let words = failed.and_then(|j| j.error.clone());
            jobs::dismiss(machine, &ids)?;
            Err(failure(machine, words.unwrap_or_else(|| "the job is not there".to_owned())))
        }
    }
}

fn failure(machine: &QemuMachine, reason: String) -> FabricError {
    let machine = machine.name();
    if jobs::no_space(&reason) {
        return FabricError::NoSpace { machine, job: "merge", reason };
    }
    FabricError::Job { machine, job: "merge", reason }
}

/// Lets the base take over; returns how long the guest stood still, in milliseconds.
fn switch(machine: &QemuMachine, run: &RunDisk, notes: &Receiver<Note>) -> Result<u64> {
    let ids = [job_id(run)];
    // Whatever is still in the host's cache is flushed before the guest has to wait for it.
    if let Some(base) = run.chain.last() {
        sync_file(&base.path)?;
    }
    let resume = machine.status()? == MachineState::Running;
    let mut record = machine.freeze_record()?;
    record.resume = resume;
    if let Some(entry) = record.entry_mut(run.disk) {
        entry.phase = FreezePhase::Switching;
    }
    machine.folder.write(FreezeRecord::FILE, &record)?;
    let stopped = Instant::now();
    let completed = stop_and_complete(machine, &ids, notes, resume);
    let over = finish_switch(machine, run, &ids)?;
    let stopped_millis = if let_run(machine)? { millis(stopped) } else { 0 };
    match (over, completed) {
        (Over::Base, _) => {
            let_go(machine, run)?;
            Ok(stopped_millis)
        }
        (Over::Overlay, Err(error)) => Err(error),
        (Over::Overlay, Ok(())) => Err(failure(machine, "the device still writes to the overlay".to_owned())),
    }
}

/// Lets the guest run that was stopped for a switch; tells whether there was one. The record forgets it last: a
/// guest that stands still and nobody knows why is worse than one that is told twice to run.
fn let_run(machine: &QemuMachine) -> Result<bool> {
    let mut record = machine.freeze_record()?;
    if !record.resume {
        return Ok(false);
    }
    // Anything else than standing still on our order is somebody else's doing.
    if machine.status()? == MachineState::Paused {
        machine.resume()?;
    }
    record.resume = false;
    machine.folder.write(FreezeRecord::FILE, &record)?;
    Ok(true)
}

fn stop_and_complete(
    machine: &QemuMachine,
    ids: &[String; 1],
    notes: &Receiver<Note>,
    running: bool,
) -> Result<()> {
    if running {
        machine.pause()?;
    }
    machine.run("job-complete", &json!({"id": ids[0]}))?;
    let jobs = jobs::wait(machine, notes, ids, &["concluded"], SWITCH_LIMIT, |_| {})?;
    let Some(job) = jobs.as_ref().and_then(|j| j.first()) else {
        jobs::cancel(machine, ids)?;
        jobs::wait(machine, notes, ids, &["concluded"], SWITCH_LIMIT, |_| {})?;
        let limit_secs = SWITCH_LIMIT.as_secs();
        return Err(FabricError::TooSlow {
            machine: machine.name(),
            action: "switch to its base",
            limit_secs,
        });
    };
    job.error.clone().map_or(Ok(()), |reason| Err(failure(machine, reason)))
}

/// What the device writes to after a switch was tried.
enum Over {
    Base,
    Overlay,
}

/// With the guest stopped: looks at what the device writes to, and makes the record follow it. An error means
/// that the record does not say it: then the guest must not run yet, and the next merge or adoption tries again.
fn finish_switch(machine: &QemuMachine, run: &RunDisk, ids: &[String; 1]) -> Result<Over> {
    if nodes::device_nodes(machine)?.get(&run.device) != Some(&run.node) {
        set_phase(machine, run.disk, FreezePhase::Merging)?;
        return Ok(Over::Overlay);
    }
    // On the disk before the overlay is gone.
    if let Some(base) = run.chain.last() {
        sync_file(&base.path)?;
    }
    let mut record = machine.freeze_record()?;
    let merged: Vec<_> = record.disks.extract_if(.., |e| e.disk == run.disk).collect();
    record.unneeded.extend(merged.into_iter().map(|e| e.overlay));
    machine.folder.write(FreezeRecord::FILE, &record)?;
    jobs::dismiss(machine, ids)?;
    Ok(Over::Base)
}

/// Closes the merged overlay and removes its file.
fn let_go(machine: &QemuMachine, run: &RunDisk) -> Result<()> {
    nodes::remove(machine, &run.overlay_node)?;
    FreezeRecord::sweep(&machine.folder)
}

/// Finishes a switch that was under way when its agent died, and lets the guest run again. A merge that was only
/// copying goes on by itself; [`merge_back`] attaches to it.
pub(super) fn settle(machine: &QemuMachine) -> Result<()> {
    let record = machine.freeze_record()?;
    let switching = record.disks.iter().filter(|e| e.phase == FreezePhase::Switching);
    let mut merged = Vec::new();
    for entry in switching {
        let run = machine.disk(entry.disk)?;
        let ids = [job_id(&run)];
        let notes = machine.monitor.listen();
        // Either still "ready" (the order to switch was not sent) or about to conclude.
        jobs::wait(machine, &notes, &ids, &["ready", "concluded"], SWITCH_LIMIT, |_| {})?;
        if matches!(finish_switch(machine, &run, &ids)?, Over::Base) {
            merged.push(run);
        }
    }
    let_run(machine)?;
    merged.iter().try_for_each(|run| let_go(machine, run))
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
