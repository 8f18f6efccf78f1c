//! Dirty bitmaps: one per tracked disk, stored in the disk file at every clean close. What was promised is in
//! `tracking.json`, so that a bitmap that is not there any more is a loss and not an absence.
//!
//! The record is written after the bitmaps are what it says: a crash in between leaves "lost" or "none", never
//! "tracking" where there is a gap.

use super::image;
use super::nodes::{self, Bitmap};
use super::running::QemuMachine;
use super::settings::QemuSettings;
use super::start::RUN_RECORD;
use crate::error::{FabricError, Result};
use crate::folder::MachineFolder;
use crate::frozen::FreezePhase;
use crate::hypervisor::Machine;
use crate::spec::{ChainLayer, RunRecord};
use crate::status::{LostWhy, Tracking};
use leeward_model::{DiskFormat, DiskId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Name of our bitmap.
pub(super) const BITMAP: &str = "leeward";
/// Bytes that one bit stands for.
pub(super) const GRANULARITY_BYTES: u64 = 65_536;
const FILE: &str = "tracking.json";

/// What was promised about one disk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Promise {
    disk: DiskId,
    lost: Option<LostWhy>,
}

/// What was promised about the machine's disks.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Promises {
    disks: Vec<Promise>,
}

impl Promises {
    fn of(folder: &MachineFolder) -> Result<Self> {
        Ok(folder.read(FILE)?.unwrap_or_default())
    }

    fn get(&self, disk: DiskId) -> Option<&Promise> {
        self.disks.iter().find(|p| p.disk == disk)
    }

    fn set(&mut self, disk: DiskId, lost: Option<LostWhy>) {
        self.disks.retain(|p| p.disk != disk);
        self.disks.push(Promise { disk, lost });
    }
}

/// Whether changes are tracked, of every disk of a running machine.
pub(super) fn now(machine: &QemuMachine) -> Result<BTreeMap<DiskId, Tracking>> {
    let promises = Promises::of(&machine.folder)?;
    let nodes = nodes::look(machine, BITMAP)?;
    let disks = machine.record().disks;
    Ok(disks.iter().map(|d| (d.disk, judge(promises.get(d.disk), nodes.bitmaps.get(&d.node)))).collect())
}

fn judge(promise: Option<&Promise>, bitmap: Option<&Bitmap>) -> Tracking {
    let Some(promise) = promise else {
        return Tracking::None;
    };
    if let Some(why) = promise.lost {
        return Tracking::Lost { why };
    }
    match bitmap {
        None => Tracking::Lost { why: LostWhy::Missing },
        Some(b) if b.inconsistent || !b.recording => Tracking::Lost { why: LostWhy::Inconsistent },
        Some(b) => Tracking::Tracking { dirty_bytes: Some(b.dirty_bytes), persistent: b.persistent },
    }
}

/// Whether changes are tracked, of every disk of a machine that is off, by what its disk files say.
pub(super) fn while_off(
    settings: &QemuSettings,
    folder: &MachineFolder,
) -> Result<BTreeMap<DiskId, Tracking>> {
    let promises = Promises::of(folder)?;
    let run: Option<RunRecord> = folder.read(RUN_RECORD)?;
    let mut found = BTreeMap::new();
    for disk in folder.definition()?.disks {
        let layer = run.as_ref().and_then(|r| r.disk(disk.id)).and_then(|d| d.chain.last()).cloned();
        let layer =
            layer.unwrap_or_else(|| ChainLayer { path: folder.resolve(&disk.path), format: disk.format });
        let tracking = match promises.get(disk.id) {
            None => Tracking::None,
            Some(Promise { lost: Some(why), .. }) => Tracking::Lost { why: *why },
            Some(_) => stored(settings, &layer)?,
        };
        found.insert(disk.id, tracking);
    }
    Ok(found)
}

/// What a disk file says of its stored bitmap.
fn stored(settings: &QemuSettings, layer: &ChainLayer) -> Result<Tracking> {
    let told = image::describe(settings, layer)?;
    let bitmaps = told.pointer("/format-specific/data/bitmaps").and_then(Value::as_array);
    let ours = bitmaps.into_iter().flatten().find(|b| b.get("name").and_then(Value::as_str) == Some(BITMAP));
    let Some(ours) = ours else {
        return Ok(Tracking::Lost { why: LostWhy::Missing });
    };
    let flags = ours.get("flags").and_then(Value::as_array);
    let has = |flag: &str| flags.is_some_and(|all| all.iter().any(|f| f.as_str() == Some(flag)));
    if has("in-use") || !has("auto") {
        return Ok(Tracking::Lost { why: LostWhy::Inconsistent });
    }
    Ok(Tracking::Tracking { dirty_bytes: None, persistent: true })
}

/// Starts tracking where there is none, and anew where it was lost; leaves healthy trackers alone.
pub(super) fn start(machine: &QemuMachine, disks: &[DiskId]) -> Result<()> {
    let mut promises = Promises::of(&machine.folder)?;
    let frozen = machine.freeze_record()?;
    let nodes = nodes::look(machine, BITMAP)?;
    let mut actions = Vec::new();
    for disk in disks {
        let run = machine.disk(*disk)?;
        let bitmap = nodes.bitmaps.get(&run.node);
        if matches!(judge(promises.get(*disk), bitmap), Tracking::Tracking { .. }) {
            continue;
        }
        if frozen.entry(*disk).is_some() {
            return Err(FabricError::Frozen { machine: machine.name(), disk: run.name });
        }
        actions.push(renewal(machine, &run.node, run.chain.last(), bitmap)?);
        promises.set(*disk, None);
    }
    if actions.is_empty() {
        return Ok(());
    }
    machine.run("transaction", &json!({"actions": actions}))?;
    machine.folder.write(FILE, &promises)
}

/// The action of a transaction that makes an empty, recording bitmap of whatever is there. What can be in no
/// transaction (removing one that is inconsistent) is done at once.
pub(super) fn renewal(
    machine: &QemuMachine,
    node: &str,
    layer: Option<&ChainLayer>,
    bitmap: Option<&Bitmap>,
) -> Result<Value> {
    let named = json!({"node": node, "name": BITMAP});
    match bitmap {
        Some(b) if !b.inconsistent && b.recording => {
            return Ok(json!({"type": "block-dirty-bitmap-clear", "data": named}));
        }
        Some(_) => {
            machine.run("block-dirty-bitmap-remove", &named)?;
        }
        None => {}
    }
    // A raw file has no place to store it: tracking then ends with the process.
    let persistent = layer.is_some_and(|l| l.format == DiskFormat::Qcow2);
    let data = json!({
        "node": node, "name": BITMAP, "granularity": GRANULARITY_BYTES, "persistent": persistent,
    });
    Ok(json!({"type": "block-dirty-bitmap-add", "data": data}))
}

/// Ends tracking.
pub(super) fn stop(machine: &QemuMachine, disks: &[DiskId]) -> Result<()> {
    let mut promises = Promises::of(&machine.folder)?;
    promises.disks.retain(|p| !disks.contains(&p.disk));
    // The promise goes first: a bitmap without one is renewed before anybody believes it.
    machine.folder.write(FILE, &promises)?;
    let nodes = nodes::look(machine, BITMAP)?;
    for disk in disks {
        let run = machine.disk(*disk)?;
        if nodes.bitmaps.contains_key(&run.node) {
            machine.run("block-dirty-bitmap-remove", &json!({"node": run.node, "name": BITMAP}))?;
        }
    }
    Ok(())
}

/// After a start with frozen disks: their bases must have a healthy tracker before the merge begins to write to
/// them. An empty one is right, although the last process may have been killed: while frozen nothing was written
/// to the base but by a merge, and a merge that was cut off begins anew with everything that is in the overlay.
pub(super) fn renew_frozen(machine: &QemuMachine) -> Result<()> {
    let frozen = machine.freeze_record()?;
    if frozen.disks.is_empty() {
        return Ok(());
    }
    let nodes = nodes::look(machine, BITMAP)?;
    for entry in frozen.disks.iter().filter(|e| e.phase != FreezePhase::Preparing) {
        let run = machine.disk(entry.disk)?;
        let bitmap = nodes.bitmaps.get(&run.node);
        if bitmap.is_some_and(|b| b.recording && !b.inconsistent) {
            continue;
        }
        let action = renewal(machine, &run.node, run.chain.last(), bitmap)?;
        machine.run("transaction", &json!({"actions": [action]}))?;
    }
    Ok(())
}

/// The freeze has begun the trackers of these disks anew: whatever was lost before does not count any more.
pub(super) fn begun_anew(folder: &MachineFolder, disks: &[DiskId]) -> Result<()> {
    let mut promises = Promises::of(folder)?;
    for disk in disks {
        promises.set(*disk, None);
    }
    folder.write(FILE, &promises)
}

/// Notes a loss that no bitmap shows.
pub(super) fn lose(folder: &MachineFolder, disks: &[DiskId], why: LostWhy) -> Result<()> {
    let mut promises = Promises::of(folder)?;
    for disk in disks {
        promises.set(*disk, Some(why));
    }
    folder.write(FILE, &promises)
}
