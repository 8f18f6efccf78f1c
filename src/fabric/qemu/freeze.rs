//! The external snapshot: freezes disks at one instant in one transaction that also begins their trackers anew.
//! Apart from `merge`, the way back.

use super::arguments::node_json;
use super::blank;
use super::image;
use super::nodes::{self, Nodes};
use super::running::QemuMachine;
use super::tracking::{self, BITMAP};
use crate::error::{FabricError, Result};
use crate::folder::sync_file;
use crate::frozen::{FreezeAsk, FreezeEntry, FreezePhase, FreezeRecord, FrozenBase};
use crate::hypervisor::Machine;
use crate::spec::RunDisk;
use leeward_model::{DiskFormat, DiskId, Moment};
use serde_json::{Value, json};
use std::path::PathBuf;

/// One disk of a freeze.
struct Part {
    run: RunDisk,
    overlay: PathBuf,
}

pub(super) fn freeze(
    machine: &QemuMachine,
    ask: &FreezeAsk,
    clock: &dyn Fn() -> Moment,
) -> Result<FrozenBase> {
    settle(machine)?;
    let parts = check(machine, ask)?;
    match send(machine, &parts, clock) {
        Ok(frozen) => Ok(frozen),
        Err(error) => {
            if let Err(also) = settle(machine) {
                tracing::warn!(error = %also, "a failed freeze is not cleaned up yet");
            }
            Err(error)
        }
    }
}

fn check(machine: &QemuMachine, ask: &FreezeAsk) -> Result<Vec<Part>> {
    let refuse = |reason: String| FabricError::Invalid { machine: machine.name(), reason };
    if ask.disks.is_empty() {
        return Err(refuse("a freeze needs a disk".to_owned()));
    }
    let record = machine.freeze_record()?;
    let mut parts: Vec<Part> = Vec::new();
    for asked in &ask.disks {
        let run = machine.disk(asked.disk)?;
        if record.entry(asked.disk).is_some() {
            return Err(FabricError::Frozen { machine: machine.name(), disk: run.name });
        }
        if !asked.overlay.is_absolute() || parts.iter().any(|p| p.run.disk == asked.disk) {
            return Err(refuse(format!("disk {}: each disk once, with an absolute overlay path", run.name)));
        }
        image::must_be_free(&asked.overlay)?;
        parts.push(Part { run, overlay: asked.overlay.clone() });
    }
    Ok(parts)
}

fn send(machine: &QemuMachine, parts: &[Part], clock: &dyn Fn() -> Moment) -> Result<FrozenBase> {
    let mut record = machine.freeze_record()?;
    record.unneeded.extend(parts.iter().map(|part| part.overlay.clone()));
    machine.folder.write(FreezeRecord::FILE, &record)?;
    for part in parts {
        let Some(base) = part.run.chain.last() else {
            continue;
        };
        blank::create(&part.overlay, Some(base), part.run.size_bytes)?;
        let direct = part.run.direct && image::direct_allowed(&part.overlay);
        // Without backing: the snapshot puts it on the live node.
        machine.run(
            "blockdev-add",
            &node_json(&part.run.overlay_node, &part.overlay, DiskFormat::Qcow2, direct, false, None),
        )?;
        // The snapshot flushes; with a full page cache behind the file the guest would wait for it.
        sync_file(&base.path)?;
    }
    let nodes = nodes::look(machine, BITMAP)?;
    let actions = actions(machine, parts, &nodes)?;
    let instant = clock();
    record.unneeded.retain(|path| !parts.iter().any(|part| part.overlay == *path));
    record.disks.extend(parts.iter().map(|part| FreezeEntry {
        disk: part.run.disk,
        chain: part.run.chain.clone(),
        overlay: part.overlay.clone(),
        instant,
        phase: FreezePhase::Preparing,
    }));
    machine.folder.write(FreezeRecord::FILE, &record)?;
    machine.run("transaction", &json!({"actions": actions}))?;
    let disks: Vec<DiskId> = parts.iter().map(|p| p.run.disk).collect();
    note_frozen(machine, &mut record, &disks)?;
    let frozen = record.disks.iter().filter(|e| disks.contains(&e.disk)).map(FreezeEntry::frozen_disk);
    Ok(FrozenBase { instant, disks: frozen.collect() })
}

fn actions(machine: &QemuMachine, parts: &[Part], nodes: &Nodes) -> Result<Vec<Value>> {
    let mut actions = Vec::new();
    for part in parts {
        let bitmap = nodes.bitmaps.get(&part.run.node);
        actions.push(tracking::renewal(machine, &part.run.node, part.run.chain.last(), bitmap)?);
        actions.push(json!({
            "type": "blockdev-snapshot",
            "data": {"node": part.run.node, "overlay": part.run.overlay_node},
        }));
    }
    Ok(actions)
}

fn note_frozen(machine: &QemuMachine, record: &mut FreezeRecord, disks: &[DiskId]) -> Result<()> {
    for disk in disks {
        if let Some(entry) = record.entry_mut(*disk) {
            entry.phase = FreezePhase::Frozen;
        }
    }
    machine.folder.write(FreezeRecord::FILE, record)?;
    tracking::begun_anew(&machine.folder, disks)
}

/// Decides what a freeze that was cut off came to, by what the devices write to: all of it or nothing.
pub(super) fn settle(machine: &QemuMachine) -> Result<()> {
    let mut record = machine.freeze_record()?;
    let devices = nodes::device_nodes(machine)?;
    let (mut frozen, mut dropped) = (Vec::new(), Vec::new());
    for entry in record.disks.iter().filter(|e| e.phase == FreezePhase::Preparing) {
        let run = machine.disk(entry.disk)?;
        if devices.get(&run.device) == Some(&run.overlay_node) {
            frozen.push(entry.disk);
        } else {
            dropped.push((entry.disk, entry.overlay.clone()));
        }
    }
    if !frozen.is_empty() {
        note_frozen(machine, &mut record, &frozen)?;
    }
    if !dropped.is_empty() {
        record.disks.retain(|e| !dropped.iter().any(|(disk, _)| *disk == e.disk));
        record.unneeded.extend(dropped.into_iter().map(|(_, overlay)| overlay));
        machine.folder.write(FreezeRecord::FILE, &record)?;
    }
    remove_stray_nodes(machine, &record)?;
    FreezeRecord::sweep(&machine.folder)
}

/// Overlay nodes that no record knows: made for a freeze that did not get as far as its record, or left by a
/// merge that is done.
fn remove_stray_nodes(machine: &QemuMachine, record: &FreezeRecord) -> Result<()> {
    for run in machine.record().disks {
        if record.entry(run.disk).is_none() {
            nodes::remove(machine, &run.overlay_node)?;
        }
    }
    Ok(())
}
