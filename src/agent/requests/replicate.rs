//! Setting up replication, steering it, and forgetting it. Apart from `moving`, where the right to write changes.

use super::{current, turn};
use crate::Result;
use crate::host::{Host, passing, refuse};
use crate::item::{Item, Wish};
use crate::records::{CopyPlan, ItemRecord, SourceRecord};
use crate::source;
use leeward_fabric::{Adoption, MachineFolder};
use leeward_link::messages::{Assignment, Response, Role};
use leeward_model::{DiskId, ItemId, Message, Moment, PointKind};
use leeward_replication::PointStore;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

/// How long somebody waits for a cycle.
const CYCLE_LIMIT: Duration = Duration::from_secs(900);

/// How long the worker may take to leave the step it is in. Transfers end at once; a merge may take longer, and
/// the order is then asked for again.
const STEP_LIMIT: Duration = Duration::from_secs(60);

/// How long those who use a replica may take to let go of it.
const LET_GO_LIMIT: Duration = Duration::from_secs(30);

/// A new store's folder in an item's, named by the epoch its first log has.
pub(super) fn store_folder(item: &Item, assignment: &Assignment) -> PathBuf {
    item.folder().join(format!("replica-{}", assignment.epoch))
}

/// A store for the disks of an assignment.
pub(super) fn make_store(item: &Item, assignment: &Assignment) -> Result<PointStore> {
    let disks: Vec<(DiskId, u64)> = assignment.machine.disks.iter().map(|d| (d.id, d.size_bytes)).collect();
    let folder = store_folder(item, assignment);
    PointStore::create(&folder, item.id, &disks).map_err(|e| Box::new(e.fault(&item.name())))
}

pub(super) fn prepare_target(host: &Host, assignment: &Assignment) -> Result<Response> {
    let item = host.item_for(assignment)?;
    let _turn = turn(&item);
    let record = item.record();
    current(&record, assignment.epoch)?;
    if record.role != Role::Target {
        return Err(refuse("agent-not-target", record.name()));
    }
    if item.store()?.is_none() {
        let store = make_store(&item, assignment)?;
        let folder = store.folder().to_owned();
        item.use_store(Some(store));
        item.change(|r| {
            r.store = Some(folder);
            take_over(r, assignment);
        })?;
    }
    Ok(Response::Done)
}

/// Takes what is said over, without touching what is known of replication.
pub(super) fn take_over(record: &mut ItemRecord, assignment: &Assignment) {
    record.assignment = assignment.clone();
    record.epoch = record.epoch.max(assignment.epoch);
}

pub(super) fn start_source(
    host: &Arc<Host>,
    assignment: &Assignment,
    not_before: Option<Moment>,
) -> Result<Response> {
    let folder = host.folder_of(assignment.machine.id)?;
    let folder = folder.ok_or_else(|| refuse("agent-machine-unknown", &assignment.machine.name))?;
    let item = host.item_for(assignment)?;
    let _turn = turn(&item);
    let record = item.record();
    current(&record, assignment.epoch)?;
    if record.role != Role::Source {
        return Err(refuse("agent-not-source", record.name()));
    }
    let fresh = record.source == SourceRecord::default();
    item.change(|r| {
        take_over(r, assignment);
        r.machine_folder = Some(folder.path().to_owned());
        if fresh {
            let why = Message::new("agent-copy-initial");
            let plan = CopyPlan::new(PointKind::Initial, Vec::new(), why);
            r.source.copy = Some(CopyPlan { not_before, ..plan });
        }
    })?;
    item.live().confirmed = true;
    source::begin(host, &item);
    item.wake();
    Ok(Response::Done)
}

pub(super) fn reassign(host: &Arc<Host>, assignment: &Assignment) -> Result<Response> {
    let item = host.item(assignment.item)?;
    let _turn = turn(&item);
    let record = item.record();
    current(&record, assignment.epoch)?;
    let back = record.role == Role::Source && assignment.role == Role::FailedOver;
    let frozen = record.role == Role::Source && any_frozen(host, &record);
    item.change(|r| {
        take_over(r, assignment);
        r.source.stopped = None;
        if back {
            r.role = Role::FailedOver;
            r.source.copy = None;
        } else {
            source::plan_what_lacks(r, frozen);
        }
    })?;
    if back {
        if !item.end_step(STEP_LIMIT) {
            return Err(passing("agent-worker-busy", &item.name(), String::new()));
        }
        give_back(host, &item)?;
    }
    item.retry_now();
    Ok(Response::Done)
}

/// Whether disks of the item's machine are frozen. What cannot be read is told by the cycle that meets it.
fn any_frozen(host: &Host, record: &ItemRecord) -> bool {
    let folder = record.machine_folder.clone().map(MachineFolder::new);
    folder.is_some_and(|f| host.driver.frozen(&f).is_ok_and(|frozen| !frozen.is_empty()))
}

/// Frozen disks of a copy that is no longer wanted are given back, those of a machine that is off too: the worker
/// has been made to leave its step before, or it could freeze them again.
fn give_back(host: &Host, item: &Item) -> Result<()> {
    let folder = host.item_folder(item)?;
    let said = |e: leeward_fabric::FabricError| Box::new(e.fault(&item.name()));
    if host.driver.frozen(&folder).map_err(said)?.is_empty() {
        return Ok(());
    }
    let (machine, _held) = host.opened(item).map_err(|t| t.fault(&item.name()))?;
    for frozen in machine.frozen().map_err(said)? {
        machine.merge_back(frozen.disk).map_err(said)?;
    }
    Ok(())
}

pub(super) fn set_paused(host: &Host, item: ItemId, paused: bool) -> Result<Response> {
    let item = host.item(item)?;
    let _turn = turn(&item);
    item.change(|r| {
        r.assignment.paused = paused;
        if !paused {
            r.source.stopped = None;
        }
    })?;
    if paused {
        item.interrupt();
    } else {
        item.retry_now();
    }
    Ok(Response::Done)
}

/// Has the worker run a cycle and waits for it.
pub(super) fn cycle(item: &Item, last: bool) -> Result<crate::item::Delivered> {
    let (answer, answered) = sync_channel(1);
    {
        let mut live = item.live();
        if !live.working {
            return Err(refuse("agent-not-source", &item.name()));
        }
        live.retry = None;
        live.wishes.push_back(Wish { last, answer });
    }
    item.wake();
    answered
        .recv_timeout(CYCLE_LIMIT)
        .map_err(|e| passing("agent-cycle-too-slow", &item.name(), e.to_string()))?
}

pub(super) fn sync_now(host: &Host, item: ItemId) -> Result<Response> {
    let item = host.item(item)?;
    if item.record().role != Role::Source {
        return Err(refuse("agent-not-source", &item.name()));
    }
    let done = cycle(&item, false)?;
    Ok(Response::Point { point: done.point, instant: done.instant, sent_bytes: done.sent_bytes })
}

pub(super) fn resynchronize(
    host: &Host,
    item: ItemId,
    disks: &[DiskId],
    not_before: Option<Moment>,
) -> Result<Response> {
    let item = host.item(item)?;
    let _turn = turn(&item);
    let record = item.record();
    if record.role != Role::Source {
        return Err(refuse("agent-not-source", record.name()));
    }
    let plan = CopyPlan::new(PointKind::Resync, disks.to_vec(), Message::new("agent-resync-asked"));
    item.change(|r| {
        r.source.stopped = None;
        source::plan_copy(r, CopyPlan { not_before, ..plan });
        if let Some(copy) = &mut r.source.copy {
            copy.not_before = not_before;
            copy.held = false;
            copy.by_itself = false;
        }
    })?;
    item.retry_now();
    Ok(Response::Done)
}

/// A comparison that nobody wants any more: the disks are given back. What it was for is not forgotten, and deltas
/// stay where they are, because what had been tracked before it is known to it alone.
pub(super) fn stop_comparison(host: &Host, item: ItemId) -> Result<Response> {
    let Some(item) = host.known(item) else { return Ok(Response::Done) };
    let _turn = turn(&item);
    let under_way = |r: &ItemRecord| {
        let copy = r.source.copy.as_ref().filter(|c| c.kind == PointKind::Resync && !c.shipped);
        r.role == Role::Source && copy.is_some()
    };
    if !under_way(&item.record()) {
        return Ok(Response::Done);
    }
    item.change(|r| {
        if let Some(copy) = &mut r.source.copy {
            copy.held = true;
            copy.not_before = None;
            copy.why = Message::new("agent-resync-cancelled");
        }
    })?;
    if !item.end_step(STEP_LIMIT) {
        return Err(passing("agent-worker-busy", &item.name(), String::new()));
    }
    // It may have come to its end meanwhile: then the worker gives the disks back.
    if under_way(&item.record()) {
        give_back(host, &item)?;
    }
    let mut live = item.live();
    (live.failures, live.retry, live.fault) = (0, None, None);
    drop(live);
    item.tell();
    item.wake();
    Ok(Response::Done)
}

pub(super) fn release(host: &Arc<Host>, item: ItemId, delete_replica: bool) -> Result<Response> {
    let Some(item) = host.known(item) else { return Ok(Response::Done) };
    let _turn = turn(&item);
    let record = item.record();
    for test in record.tests.keys() {
        super::test::take_away(host, &item, *test)?;
    }
    // From here on nothing writes the record or opens the store again: what is torn down stays down.
    let torn_down = if item.end_work(STEP_LIMIT) {
        tear_down(host, &item, &record, delete_replica)
    } else {
        Err(passing("agent-worker-busy", record.name(), String::new()))
    };
    if let Err(fault) = torn_down {
        // It is as it was: known, so that the order can be asked for again, and protected until then.
        item.set_gone(false);
        if record.role == Role::Source {
            source::begin(host, &item);
        }
        return Err(fault);
    }
    host.forget(record.item());
    Ok(Response::Done)
}

/// Takes away what an item has on this host; its record goes last.
fn tear_down(host: &Host, item: &Item, record: &ItemRecord, delete_replica: bool) -> Result<()> {
    if record.role == Role::Source {
        give_back(host, item)?;
        stop_tracking(host, item)?;
    }
    item.close_store(LET_GO_LIMIT)?;
    match record.store.as_ref().filter(|_| record.role == Role::Target) {
        Some(store) if delete_replica => {
            PointStore::delete(store).map_err(|e| Box::new(e.fault(record.name())))?;
            item.erase(true)
        }
        // The files stay for a person; the record goes, so that nobody replicates into them.
        _ => item.erase(false),
    }
}

/// Nothing tracks the machine's changes any more, and no log of it is left.
fn stop_tracking(host: &Host, item: &Item) -> Result<()> {
    let folder: MachineFolder = host.item_folder(item)?;
    let said = |e: leeward_fabric::FabricError| Box::new(e.fault(&item.name()));
    if let Adoption::Running(machine) = host.driver.adopt(&folder).map_err(said)? {
        let disks: Vec<DiskId> = machine.record().disks.iter().map(|d| d.disk).collect();
        if let Some(captured) = machine.unsettled_capture().map_err(said)? {
            machine.drop_capture(captured.sequence).map_err(said)?;
        }
        machine.stop_tracking(&disks).map_err(said)?;
    }
    if !folder.file("machine.json").exists() {
        // The machine was taken off this host: there is nothing to put in order.
        return Ok(());
    }
    source::throw_logs_away(item, &folder).map_err(|t| t.fault(&item.name()))
}
