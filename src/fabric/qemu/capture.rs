//! The delta of a cycle: one grouped transaction of backup jobs from the dirty bitmaps into local spools. Apart
//! from `freeze`, which copies whole disks, and from `settlement`, which knows how a capture ends.
//!
//! Which changes a capture took must never be unclear, although the trackers clear themselves when the jobs end:
//! the record says `Begun` before the transaction, the jobs stay until they are dismissed, and the record says
//! `Taken` once the spools are complete on the disk, before they are. After a crash of the agent the jobs still
//! tell; after a crash of QEMU the trackers are lost by themselves.

use super::arguments::node_json;
use super::blank;
use super::image;
use super::jobs::{self, Job};
use super::nodes;
use super::running::QemuMachine;
use super::settlement::{CANCEL_LIMIT, settle, undo, unsettled};
use super::tracking::{self, BITMAP};
use crate::capture::{Capture, CaptureAsk, CaptureRecord, Captured, CapturedDisk, ConsistencyAsk};
use crate::error::{FabricError, Result};
use crate::folder::sync_file;
use crate::guest_agent::{self, Freeze, Thawed};
use crate::hypervisor::Machine;
use crate::latency::WriteLatency;
use crate::qmp::Note;
use crate::spec::RunDisk;
use crate::status::{MachineState, Tracking};
use leeward_model::point::Consistency;
use leeward_model::{DiskFormat, DiskId, Moment};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// How long a guest agent may take to answer before its freeze is given up.
const GUEST_AGENT_LIMIT: Duration = Duration::from_secs(3);
/// How often a guest that was stopped by a full spool is resumed in one capture.
const RESUMES_MAX: u32 = 16;

/// One disk of a capture: its run facts and names in the block graph.
pub(super) struct Part {
    pub(super) run: RunDisk,
    pub(super) taken: CapturedDisk,
    pub(super) node: String,
    pub(super) job: String,
}

pub(super) fn capture(
    machine: &QemuMachine,
    ask: &CaptureAsk,
    clock: &dyn Fn() -> Moment,
) -> Result<Capture> {
    settle(machine)?;
    if let Some(waiting) = unsettled(&machine.folder)? {
        return Err(FabricError::Unsettled { machine: machine.name(), sequence: waiting.sequence.0 });
    }
    // Before the trackers are read: what they do not show was not written before this instant.
    let instant = clock();
    let dirty_bytes = check(machine, ask)?;
    if dirty_bytes == 0 && !ask.even_if_empty {
        return Ok(Capture::Empty { instant });
    }
    let disks = ask.spools.iter();
    let captured = Captured {
        sequence: ask.sequence,
        instant,
        consistency: match ask.consistency {
            ConsistencyAsk::Crash => Consistency::Crash,
            _ => Consistency::Application,
        },
        freeze_failure: None,
        frozen_millis: None,
        took_millis: 0,
        disks: disks.map(|s| CapturedDisk { disk: s.disk, path: s.path.clone(), delta_bytes: 0 }).collect(),
        guest_write_latency: None,
    };
    let parts = parts(machine, &captured)?;
    match take(machine, ask, clock, captured, &parts) {
        Ok(captured) => Ok(Capture::Taken(captured)),
        Err(error) => {
            // The first error is the one to tell; a clean-up that fails is seen by the next one who tries.
            if let Err(also) = undo(machine, &parts) {
                tracing::warn!(error = %also, "a failed capture is not cleaned up yet");
            }
            Err(error)
        }
    }
}

/// Refuses what cannot be captured; tells how many bytes are dirty.
fn check(machine: &QemuMachine, ask: &CaptureAsk) -> Result<u64> {
    let refuse =
        |reason: &str| Err(FabricError::Invalid { machine: machine.name(), reason: reason.to_owned() });
    let asked: BTreeSet<DiskId> = ask.spools.iter().map(|s| s.disk).collect();
    if asked.is_empty() || asked.len() != ask.spools.len() {
        return refuse("a capture needs each disk once");
    }
    if ask.spools.iter().any(|s| !s.path.is_absolute()) {
        return refuse("a spool needs an absolute path");
    }
    for spool in &ask.spools {
        // Seen before anything is made: what a failed capture removes must be its own.
        image::must_be_free(&spool.path)?;
    }
    let frozen = machine.freeze_record()?;
    let tracking = tracking::now(machine)?;
    let mut total = 0;
    for disk in asked {
        let run = machine.disk(disk)?;
        if frozen.entry(disk).is_some() {
            return Err(FabricError::Frozen { machine: machine.name(), disk: run.name });
        }
        match tracking.get(&disk) {
            Some(Tracking::Tracking { dirty_bytes, .. }) => total += dirty_bytes.unwrap_or(0),
            other => {
                let reason = format!("{:?}", other.unwrap_or(&Tracking::None));
                return Err(FabricError::NotTracked { machine: machine.name(), disk: run.name, reason });
            }
        }
    }
    Ok(total)
}

pub(super) fn parts(machine: &QemuMachine, captured: &Captured) -> Result<Vec<Part>> {
    let part = |taken: &CapturedDisk| {
        let run = machine.disk(taken.disk)?;
        let stem = run.node.trim_start_matches("d-").to_owned();
        let (node, job) = (format!("s-{stem}"), format!("capture-{stem}"));
        Ok(Part { run, taken: taken.clone(), node, job })
    };
    captured.disks.iter().map(part).collect()
}

pub(super) fn ids(parts: &[Part]) -> Vec<String> {
    parts.iter().map(|p| p.job.clone()).collect()
}

fn take(
    machine: &QemuMachine,
    ask: &CaptureAsk,
    clock: &dyn Fn() -> Moment,
    mut captured: Captured,
    parts: &[Part],
) -> Result<Captured> {
    // Before the spools are made: what the record names is the capture's to remove.
    machine.folder.write(CaptureRecord::FILE, &CaptureRecord::Begun(captured.clone()))?;
    jobs::dismiss(machine, &ids(parts))?;
    make_spools(machine, parts)?;
    let notes = machine.monitor.listen();
    let latency_before = machine.write_latency()?;
    let freeze = match ask.consistency {
        ConsistencyAsk::Crash => None,
        ConsistencyAsk::Application => Some(freeze(machine, ask)?),
        ConsistencyAsk::ApplicationOrCrash => match freeze(machine, ask) {
            Ok(freeze) => Some(freeze),
            Err(error) => {
                captured.freeze_failure = Some(error.to_string());
                None
            }
        },
    };
    let begun = Instant::now();
    captured.instant = clock();
    let sent = machine.run("transaction", &transaction(parts));
    // Thawed before anything is made of the answer.
    let thawed = freeze.map(Freeze::thaw);
    sent?;
    judge_freeze(machine, ask, &mut captured, thawed)?;
    let jobs = follow(machine, &notes, parts, ask.limit)?;
    captured = close(machine, captured, parts, &jobs)?;
    let mut latency = WriteLatency::default();
    for (disk, after) in machine.write_latency()? {
        latency.add(&latency_before.get(&disk).map_or_else(|| after.clone(), |b| after.since(b)));
    }
    captured.guest_write_latency = Some(latency);
    captured.took_millis = millis(begun.elapsed());
    machine.folder.write(CaptureRecord::FILE, &CaptureRecord::Taken(captured.clone()))?;
    // From here on it is taken, whatever becomes of the jobs.
    if let Err(error) = jobs::dismiss(machine, &ids(parts)) {
        tracing::warn!(%error, "the jobs of a capture are left; the next one dismisses them");
    }
    Ok(captured)
}

fn make_spools(machine: &QemuMachine, parts: &[Part]) -> Result<()> {
    for part in parts {
        blank::create(&part.taken.path, None, part.run.size_bytes)?;
        let direct = part.run.direct && image::direct_allowed(&part.taken.path);
        machine.run(
            "blockdev-add",
            &node_json(&part.node, &part.taken.path, DiskFormat::Qcow2, direct, false, None),
        )?;
    }
    Ok(())
}

fn freeze(machine: &QemuMachine, ask: &CaptureAsk) -> Result<Freeze> {
    let fail = |reason: String| FabricError::GuestAgent {
        machine: machine.name(),
        action: "freeze its file systems",
        reason,
    };
    if !machine.guest_agent_listens() {
        return Err(fail("no guest agent listens in the guest".to_owned()));
    }
    let socket = machine.folder.guest_agent_socket();
    guest_agent::freeze(&socket, GUEST_AGENT_LIMIT, ask.freeze_limit).map_err(|e| fail(e.to_string()))
}

/// A freeze that did not hold until after the transaction promises nothing.
fn judge_freeze(
    machine: &QemuMachine,
    ask: &CaptureAsk,
    captured: &mut Captured,
    thawed: Option<Thawed>,
) -> Result<()> {
    captured.frozen_millis = thawed.map(|t| t.frozen_millis);
    if thawed.is_some_and(|t| t.held) {
        captured.consistency = Consistency::Application;
        return Ok(());
    }
    captured.consistency = Consistency::Crash;
    if thawed.is_none() {
        return Ok(());
    }
    let reason = "it thawed before the transaction was done".to_owned();
    if ask.consistency == ConsistencyAsk::Application {
        let action = "hold its file systems frozen";
        return Err(FabricError::GuestAgent { machine: machine.name(), action, reason });
    }
    captured.freeze_failure = Some(reason);
    Ok(())
}

fn transaction(parts: &[Part]) -> serde_json::Value {
    let actions: Vec<_> = parts
        .iter()
        .map(|part| {
            json!({"type": "blockdev-backup", "data": {
                "job-id": part.job, "device": part.run.node, "target": part.node,
                "sync": "bitmap", "bitmap": BITMAP, "bitmap-mode": "on-success",
                "auto-dismiss": false, "x-perf": {"use-copy-range": false, "max-workers": 8},
            }})
        })
        .collect();
    json!({"properties": {"completion-mode": "grouped"}, "actions": actions})
}

/// Waits for the jobs; keeps the guest running meanwhile. An error when any of them failed: then all have, and
/// the trackers hold again what they held.
pub(super) fn follow(
    machine: &QemuMachine,
    notes: &Receiver<Note>,
    parts: &[Part],
    limit: Duration,
) -> Result<Vec<Job>> {
    let ids = ids(parts);
    let mut resumes = 0;
    let mut awake = |note: &Note| {
        if matches!(note, Note::Event(e) if e.name == "STOP") && resumes < RESUMES_MAX {
            resumes += u32::from(keep_awake(machine));
        }
    };
    let concluded = ["concluded"];
    let jobs = match jobs::wait(machine, notes, &ids, &concluded, limit, &mut awake)? {
        Some(jobs) => jobs,
        None => {
            jobs::cancel(machine, &ids)?;
            jobs::wait(machine, notes, &ids, &concluded, CANCEL_LIMIT, &mut awake)?;
            let limit_secs = limit.as_secs();
            return Err(FabricError::TooSlow {
                machine: machine.name(),
                action: "give its changes",
                limit_secs,
            });
        }
    };
    if jobs.len() != ids.len() {
        let reason = "a job is not there".to_owned();
        return Err(FabricError::Job { machine: machine.name(), job: "capture", reason });
    }
    // Grouped: the one that failed takes the others along, and its words are the ones that tell.
    let failed = jobs.iter().filter_map(|job| job.error.as_deref());
    match failed.max_by_key(|words| (jobs::no_space(words), !words.contains("ancel"))) {
        None => Ok(jobs),
        Some(words) if jobs::no_space(words) => {
            Err(FabricError::NoSpace { machine: machine.name(), job: "capture", reason: words.to_owned() })
        }
        Some(words) => {
            Err(FabricError::Job { machine: machine.name(), job: "capture", reason: words.to_owned() })
        }
    }
}

/// Resumes a guest that a failing spool stopped; tells whether it did.
pub(super) fn keep_awake(machine: &QemuMachine) -> bool {
    if !matches!(machine.status(), Ok(MachineState::IoError)) {
        return false;
    }
    match machine.resume() {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(%error, "the guest stands still because of a capture and could not be resumed");
            false
        }
    }
}

/// Closes the spools and flushes them to the disk.
pub(super) fn close(
    machine: &QemuMachine,
    mut captured: Captured,
    parts: &[Part],
    jobs: &[Job],
) -> Result<Captured> {
    for part in parts {
        nodes::remove(machine, &part.node)?;
        sync_file(&part.taken.path)?;
        let done_bytes = jobs.iter().find(|j| j.id == part.job).map_or(0, |j| j.done_bytes);
        if let Some(taken) = captured.disks.iter_mut().find(|d| d.disk == part.taken.disk) {
            taken.delta_bytes = done_bytes;
        }
    }
    Ok(captured)
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
