//! A full copy or a comparison: the disks are frozen at one instant, read while the guest writes on, and given back.
//! Whatever ends in between (agent, hypervisor, link), it goes on where it was, because the frozen files and the
//! record of the copy outlive all of them. Apart from `cycle`, which reads only what has changed.

use super::{cycle, drained, half, room, ship};
use crate::host::{Host, passing};
use crate::item::{Item, Meter};
use crate::machines::store_layers;
use crate::records::{CopyPlan, FrozenCopy};
use crate::trouble::Trouble;
use leeward_fabric::{FreezeAsk, FreezeDisk, FrozenDisk, Machine, MachineFolder};
use leeward_link::messages::Role;
use leeward_model::{DiskFormat, DiskId, MachineDefinition, Message, PointKind};
use leeward_replication::{Copy, CopyDisk, ship_copy};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;
use uuid::Uuid;

/// Runs a copy from where it is.
pub(super) fn run(host: &Host, item: &Item, plan: CopyPlan) -> Result<(), Trouble> {
    let folder = host.item_folder(item)?;
    let definition = folder.definition()?;
    let (machine, held) = host.opened(item)?;
    let all: BTreeSet<DiskId> = definition.disks.iter().map(|d| d.id).collect();
    // Of a machine that is off, raw disks are tracked only while it is held here: what is not made a point now would
    // have to be compared again.
    let all_at_once = plan.disks.is_empty() || (held.is_some() && any_raw(machine.as_ref()));
    let wanted: BTreeSet<DiskId> =
        if all_at_once { all.clone() } else { plan.disks.iter().copied().collect() };
    let completes = wanted == all;
    if !plan.shipped {
        no_room(item, machine.as_ref())?;
        let (frozen, copy) = freeze(host, item, &folder, machine.as_ref(), &wanted, completes)?;
        let travelled = travel(host, item, &definition, &frozen, copy, &plan, completes);
        if travelled.is_err() {
            no_room(item, machine.as_ref())?;
        }
        travelled?;
    }
    give_back(item, machine.as_ref())?;
    let kind = plan.kind;
    item.change(|r| r.source.copy = None)?;
    if let Some(held) = held {
        drained::after_copy(host, item, &folder, machine, held)?;
    }
    let mut live = item.live();
    // Changes have gathered meanwhile; after a repair of some disks only a cycle makes the next point.
    live.next_cycle = Instant::now();
    drop(live);
    let key = match kind {
        PointKind::Initial => "agent-initial-complete",
        _ => "agent-resync-complete",
    };
    host.event(Some(item), Message::new(key), None);
    Ok(())
}

/// Gives the copy up when what the guest writes meanwhile has no room.
fn no_room(item: &Item, machine: &dyn Machine) -> Result<(), Trouble> {
    let Some(detail) = item.live().no_room.take() else { return Ok(()) };
    tracing::warn!(item = item.name(), detail, "a copy is given up for want of room");
    give_back(item, machine)?;
    Err(passing("agent-source-copy-no-room", &item.name(), detail).into())
}

fn any_raw(machine: &dyn Machine) -> bool {
    let disks = machine.record().disks;
    disks.iter().filter_map(|d| d.chain.last()).any(|top| top.format == DiskFormat::Raw)
}

/// Gives the frozen disks back. The plan of the copy outlives it: what was not shipped is frozen and read again.
fn give_back(item: &Item, machine: &dyn Machine) -> Result<(), Trouble> {
    for frozen in machine.frozen()? {
        let merged = machine.merge_back(frozen.disk)?;
        tracing::info!(
            item = item.name(),
            stopped_millis = merged.stopped_millis,
            "a frozen disk is given back"
        );
    }
    Ok(())
}

/// The frozen disks of this copy: those that are frozen already, or all anew.
fn freeze(
    host: &Host,
    item: &Item,
    folder: &MachineFolder,
    machine: &dyn Machine,
    wanted: &BTreeSet<DiskId>,
    completes: bool,
) -> Result<(Vec<FrozenDisk>, FrozenCopy), Trouble> {
    let known = item.record().source.copy.and_then(|p| p.frozen);
    let frozen = machine.frozen()?;
    let are: BTreeSet<DiskId> = frozen.iter().map(|f| f.disk).collect();
    let one_instant = frozen.first().map(|f| f.instant).filter(|i| frozen.iter().all(|f| f.instant == *i));
    if let Some(instant) = one_instant
        && are == *wanted
        && !frozen.iter().any(|f| f.merging)
    {
        if let Some(copy) = known.filter(|k| k.instant == instant) {
            return Ok((frozen, copy));
        }
        let copy = FrozenCopy { id: Uuid::new_v4(), instant, sequence: cycle::next_sequence(item)? };
        keep(item, copy)?;
        return Ok((frozen, copy));
    }
    not_forgotten(item, are.difference(wanted), "agent-resync-copy-dropped")?;
    for leftover in frozen {
        // One whose merge has begun had been shipped; what another held has not got anywhere.
        if leftover.merging {
            machine.merge_back(leftover.disk)?;
        } else {
            machine.drop_frozen(leftover.disk)?;
        }
    }
    // Nothing is frozen while nobody is there to take it: the guest's writes would gather for nothing.
    ship::head(host, item)?;
    clear_the_way(host, item, folder, machine, wanted, completes)?;
    let files = crate::machines::disk_files(folder, &folder.definition()?)?;
    room::enough_to_freeze(host, item, files.iter().map(|(_, path, _)| path))?;
    let id = Uuid::new_v4();
    let base = machine.freeze_base(&FreezeAsk { disks: overlays(folder, wanted, id)? }, &|| host.now())?;
    let copy = FrozenCopy { id, instant: base.instant, sequence: cycle::next_sequence(item)? };
    keep(item, copy)?;
    Ok((base.disks, copy))
}

/// Disks whose changes would be lost although this copy does not read them are compared as well: first that is kept.
fn not_forgotten<'a>(
    item: &Item,
    others: impl Iterator<Item = &'a DiskId>,
    why: &'static str,
) -> Result<(), Trouble> {
    let disks: Vec<DiskId> = others.copied().collect();
    if disks.is_empty() {
        return Ok(());
    }
    tracing::warn!(item = item.name(), ?disks, "further disks have to be compared");
    Err(Trouble::Resync { disks, why: Message::new(why), discard_logs: false })
}

/// What waits from before this copy: it goes first, or it is thrown away because the copy takes its place.
fn clear_the_way(
    host: &Host,
    item: &Item,
    folder: &MachineFolder,
    machine: &dyn Machine,
    wanted: &BTreeSet<DiskId>,
    completes: bool,
) -> Result<(), Trouble> {
    let discard = item.record().source.copy.is_some_and(|p| p.discard_logs);
    let disks = crate::machines::disk_files(folder, &folder.definition()?)?;
    if !completes && !discard {
        // A log from before the copy would cover newer blocks with older ones, had it to come after it.
        cycle::settle_leftovers(host, item, folder, &disks)?;
        cycle::ship_sealed(host, item, &disks)?;
        return Ok(());
    }
    if !completes {
        not_forgotten(item, half::logged(item, &disks)?.difference(wanted), "agent-resync-logs-too-large")?;
    }
    if let Some(unsettled) = machine.unsettled_capture()? {
        machine.drop_capture(unsettled.sequence)?;
    }
    cycle::throw_logs_away(item, folder)
}

fn overlays(folder: &MachineFolder, wanted: &BTreeSet<DiskId>, id: Uuid) -> Result<Vec<FreezeDisk>, Trouble> {
    let files = crate::machines::disk_files(folder, &folder.definition()?)?;
    let beside = |path: PathBuf| {
        let mut name = path.into_os_string();
        name.push(format!(".frozen-{}.qcow2", id.simple()));
        PathBuf::from(name)
    };
    Ok(files
        .into_iter()
        .filter(|(disk, ..)| wanted.contains(disk))
        .map(|(disk, path, _)| FreezeDisk { disk, overlay: beside(path) })
        .collect())
}

fn keep(item: &Item, copy: FrozenCopy) -> Result<(), Trouble> {
    item.change(|r| {
        if let Some(plan) = &mut r.source.copy {
            plan.frozen = Some(copy);
            plan.begun = true;
        }
    })?;
    Ok(())
}

fn travel(
    host: &Host,
    item: &Item,
    definition: &MachineDefinition,
    frozen: &[FrozenDisk],
    copy: FrozenCopy,
    plan: &CopyPlan,
    completes: bool,
) -> Result<(), Trouble> {
    let record = item.record();
    if record.role != Role::Source {
        return Err(Trouble::Changed);
    }
    let size = |disk: DiskId| definition.disks.iter().find(|d| d.id == disk).map_or(0, |d| d.size_bytes);
    let disks: Vec<CopyDisk> = frozen
        .iter()
        .map(|f| CopyDisk { disk: f.disk, size_bytes: size(f.disk), chain: store_layers(&f.chain) })
        .collect();
    let ask = Copy {
        item: item.id,
        epoch: record.epoch,
        sequence: copy.sequence,
        instant: copy.instant,
        kind: plan.kind,
        copy: copy.id,
        disks: &disks,
        completes,
    };
    let cancel = item.live().cancel.clone();
    let progress = |disk: DiskId, p: leeward_replication::Progressed| {
        let mut live = item.live();
        let before = live.progress.get(&disk).copied();
        live.progress.insert(disk, Meter::moved(before, p.done_bytes, p.total_bytes));
        drop(live);
        item.tell();
    };
    let shipped =
        ship::with_peer(host, item, |r, w| ship_copy(r, w, &ask, &item.throttle, &cancel, &progress))?;
    item.change(|r| {
        r.source.copy_sent_bytes = shipped.sent_bytes;
        if let Some(point) = shipped.point {
            r.source.acked = (record.epoch, copy.sequence);
            r.source.synced_to = Some(copy.instant);
            r.source.in_sync = Some(point);
        }
        if let Some(plan) = &mut r.source.copy {
            plan.shipped = true;
        }
    })?;
    Ok(())
}
