//! Where the right to write changes hands: shutting down, the last delta, fences and roles. What gives the right up
//! is durable before it is proved; what takes it up is durable before it is used. Apart from `failover`, which
//! brings a machine up once this host has the right.

use super::replicate::{cycle, make_store, take_over};
use super::{current, turn};
use crate::Result;
use crate::host::{Host, refuse};
use crate::machines::{chains, store_layers};
use crate::records::{Chains, CopyPlan, SourceRecord, remove};
use crate::source;
use leeward_fabric::{Adoption, FabricError, Fence, MachineState, ShutDown};
use leeward_link::messages::{Assignment, Op, PowerAction, Response, Role};
use leeward_model::{Epoch, ItemId, MachineId, Message, PointId, PointKind};
use leeward_replication::Layer;
use std::sync::Arc;
use std::time::Duration;

/// How long QEMU may take to store its track of changes.
const QUIT_LIMIT: Duration = Duration::from_secs(15);

/// How long a guest may take to shut down when a person asks for it on the machine itself.
const SHUT_DOWN_LIMIT: Duration = Duration::from_secs(120);

/// The definition of a machine that has become a replica: it is no machine of this host any more.
pub(super) const PUT_ASIDE: &str = "machine.replica.json";

pub(super) fn quiesce(host: &Host, item: ItemId, timeout_secs: u32, force: bool) -> Result<Response> {
    let item = host.item(item)?;
    let record = item.record();
    if record.role != Role::Source {
        return Err(refuse("agent-not-source", record.name()));
    }
    let said = |e: FabricError| Box::new(e.fault(record.name()));
    let orderly = match host.running(&item)? {
        None => true,
        Some(machine) => match machine.status().map_err(said)? {
            MachineState::ShutDown | MachineState::Prepared => true,
            _ => {
                let limit = Duration::from_secs(u64::from(timeout_secs.max(1)));
                match machine.shut_down(limit).map_err(said)? {
                    ShutDown::Done(_) => true,
                    ShutDown::StillRunning if force => {
                        // Held, not killed: a killed hypervisor would lose the track of the last changes.
                        machine.pause().map_err(said)?;
                        false
                    }
                    ShutDown::StillRunning => {
                        return Err(refuse("agent-guest-did-not-stop", record.name()));
                    }
                }
            }
        },
    };
    item.tell();
    let proof = host.mint.source_quiesced(record.item(), record.epoch, host.now(), orderly);
    Ok(Response::Quiesced { proof })
}

pub(super) fn final_sync(host: &Host, item: ItemId) -> Result<Response> {
    let item = host.item(item)?;
    let record = item.record();
    if record.role != Role::Source {
        return Err(refuse("agent-not-source", record.name()));
    }
    if let Some(machine) = host.running(&item)? {
        let state = machine.status().map_err(|e| Box::new(e.fault(record.name())))?;
        if matches!(state, MachineState::Running | MachineState::Silent | MachineState::Other(_)) {
            return Err(refuse("agent-still-runs", record.name()));
        }
    }
    let done = cycle(&item, true)?;
    let proof = host.mint.final_sync(record.item(), record.epoch, done.point);
    Ok(Response::FinalSync { proof, instant: done.instant, sent_bytes: done.sent_bytes })
}

pub(super) fn fence(host: &Host, item: ItemId, epoch: Epoch) -> Result<Response> {
    let item = host.item(item)?;
    let _turn = turn(&item);
    let record = item.record();
    current(&record, epoch)?;
    let folder = host.item_folder(&item)?;
    let said = |e: FabricError| Box::new(e.fault(record.name()));
    let machine = match host.driver.adopt(&folder) {
        Ok(Adoption::Running(machine)) => Some(machine),
        // A hypervisor that does not answer is ended all the same.
        Ok(Adoption::Off) | Err(_) => None,
    };
    let state = machine.as_ref().and_then(|m| m.status().ok());
    let ran = matches!(state, Some(MachineState::Running | MachineState::Silent | MachineState::Other(_)))
        || (machine.is_none() && host.driver.alive(&folder));
    // The role goes first: from here on this host sends nothing, whatever happens next.
    item.change(|r| {
        r.superseded = ran || (r.role == Role::Fenced && r.superseded);
        r.role = Role::Fenced;
        r.epoch = r.epoch.max(epoch);
        // A copy that was under way stays planned: should the fence be taken back, its frozen disks and what it
        // was needed for are still there. Until then the role keeps it from going on.
    })?;
    item.interrupt();
    if let Some(machine) = machine.filter(|_| !ran) {
        // Its guest has stopped: the hypervisor may keep its track of changes.
        machine.quit(QUIT_LIMIT).map_err(said).ok();
    }
    let through = Epoch(epoch.0.saturating_sub(1));
    let raised = Fence::raise(host.driver.as_ref(), &folder, through, "leeward", host.now()).map_err(said)?;
    item.tell();
    let proof = host.mint.fence(record.item(), host.agent, epoch, raised.at());
    Ok(Response::Fenced { proof, ran: item.record().superseded })
}

pub(super) fn unfence(host: &Arc<Host>, item: ItemId, epoch: Epoch, start: bool) -> Result<Response> {
    let item = host.item(item)?;
    {
        let _turn = turn(&item);
        let record = item.record();
        current(&record, epoch)?;
        if !matches!(record.role, Role::Fenced | Role::Source) {
            return Err(refuse("agent-not-fenced", record.name()));
        }
        let folder = host.item_folder(&item)?;
        item.change(|r| {
            r.role = Role::Source;
            r.epoch = r.epoch.max(epoch);
            r.superseded = false;
            r.source.stopped = None;
            // A repair whose point was not made yet is not known to have been completed.
            source::plan_what_lacks(r, true);
        })?;
        Fence::lift(&folder, epoch).map_err(|e| Box::new(e.fault(record.name())))?;
        leeward_fabric::fence::set_autostart(&folder, record.assignment.machine.autostart)
            .map_err(|e| Box::new(e.fault(record.name())))?;
    }
    item.live().confirmed = true;
    source::begin(host, &item);
    if start {
        host.start_machine(item.record().assignment.machine.id)?;
    }
    item.retry_now();
    Ok(Response::Done)
}

pub(super) fn become_target(host: &Host, op: &Op, assignment: &Assignment) -> Result<Response> {
    let item = host.item(assignment.item)?;
    let _turn = turn(&item);
    let record = item.record();
    current(&record, assignment.epoch)?;
    if record.role == Role::Target {
        // It may have ended between the record and the folder the last time.
        if let Some(folder) = &record.machine_folder {
            leave_machine(&leeward_fabric::MachineFolder::new(folder.clone()), record.name())?;
        }
        return Ok(Response::Done);
    }
    if record.role != Role::Fenced {
        return Err(refuse("agent-not-fenced", record.name()));
    }
    let folder = host.item_folder(&item)?;
    if host.driver.alive(&folder) {
        return Err(refuse("agent-still-runs", record.name()));
    }
    let store = make_store(&item, assignment)?;
    if !record.discarded && store.newest().is_none() {
        let bottom = old_disks(host, &folder)?;
        let now = host.now();
        // The same operation gives the same point, should it be performed again.
        let point = PointId(op.job.0);
        let instant = record.source.synced_to.unwrap_or(now);
        // A test that is still open stands on some of these files.
        let handed = record.tests.is_empty();
        let adopted = store.adopt_base(point, record.epoch, instant, &bottom, handed, now);
        adopted.map_err(|e| Box::new(e.fault(record.name())))?;
    }
    let store_folder = store.folder().to_owned();
    item.use_store(Some(store));
    item.change(|r| {
        take_over(r, assignment);
        r.role = Role::Target;
        r.superseded = false;
        r.failover = None;
        r.store = Some(store_folder);
        r.source = SourceRecord::default();
    })?;
    leave_machine(&folder, record.name())?;
    item.tell();
    Ok(Response::Done)
}

/// What was a machine is none any more. Doing it again is harmless.
fn leave_machine(folder: &leeward_fabric::MachineFolder, name: &str) -> Result<()> {
    // What the hypervisor remembered of the machine's last run must not meet its next one.
    for record in ["freeze.json", "capture.json", "tracking.json"] {
        remove(&folder.file(record))?;
    }
    put_aside(folder).map_err(|e| Box::new(e.fault(name)))
}

/// The disks of a machine that is off, with the overlay that a copy which was cut off has left on top.
fn old_disks(
    host: &Host,
    folder: &leeward_fabric::MachineFolder,
) -> Result<Vec<(leeward_model::DiskId, Vec<Layer>)>> {
    let said = |e: FabricError| Box::new(e.fault(&folder.path().display().to_string()));
    let definition = definition_of(folder)?;
    let frozen = host.driver.frozen(folder).map_err(said)?;
    let mut disks = Vec::new();
    for disk in chains(folder, &definition)? {
        let mut chain = store_layers(&disk.chain);
        if let Some(frozen) = frozen.iter().find(|f| f.disk == disk.disk) {
            chain.push(Layer { path: frozen.overlay.clone(), format: leeward_model::DiskFormat::Qcow2 });
        }
        disks.push((disk.disk, chain));
    }
    Ok(disks)
}

fn definition_of(folder: &leeward_fabric::MachineFolder) -> Result<leeward_model::MachineDefinition> {
    let read = || folder.definition().map_err(|e| Box::new(e.fault(&folder.path().display().to_string())));
    if folder.file("machine.json").exists() {
        return read();
    }
    match crate::records::read_record(&folder.file(PUT_ASIDE))? {
        Some(definition) => Ok(definition),
        None => read(),
    }
}

/// From here on the folder holds a replica's bottom, not a machine.
fn put_aside(folder: &leeward_fabric::MachineFolder) -> std::result::Result<(), FabricError> {
    let (from, to) = (folder.file("machine.json"), folder.file(PUT_ASIDE));
    if !from.exists() {
        return Ok(());
    }
    let failed = |source| FabricError::File { action: "rename", path: from.clone(), source };
    std::fs::rename(&from, &to).map_err(failed)?;
    std::fs::File::open(folder.path()).and_then(|f| f.sync_all()).map_err(failed)
}

pub(super) fn become_source(host: &Arc<Host>, assignment: &Assignment) -> Result<Response> {
    let item = host.item(assignment.item)?;
    let _turn = turn(&item);
    let record = item.record();
    current(&record, assignment.epoch)?;
    if !matches!(record.role, Role::FailedOver | Role::Source) {
        return Err(refuse("agent-not-failed-over", record.name()));
    }
    item.change(|r| {
        take_over(r, assignment);
        if r.role == Role::FailedOver {
            r.role = Role::Source;
            let why = Message::new("agent-resync-reverse");
            let plan = CopyPlan::new(PointKind::Resync, Vec::new(), why);
            r.source = SourceRecord {
                sequence: r.source.sequence,
                copy: Some(CopyPlan { discard_logs: true, ..plan }),
                ..SourceRecord::default()
            };
        }
    })?;
    item.live().confirmed = true;
    source::begin(host, &item);
    item.retry_now();
    Ok(Response::Done)
}

pub(super) fn discard_source(host: &Host, item: ItemId, epoch: Epoch) -> Result<Response> {
    let item = host.item(item)?;
    let _turn = turn(&item);
    let record = item.record();
    current(&record, epoch)?;
    if record.role != Role::Fenced {
        return Err(refuse("agent-not-fenced", record.name()));
    }
    let folder = host.item_folder(&item)?;
    if host.driver.alive(&folder) {
        return Err(refuse("agent-still-runs", record.name()));
    }
    item.change(|r| {
        r.discarded = true;
        r.superseded = false;
    })?;
    for (_, chain) in old_disks(host, &folder)? {
        for layer in chain {
            remove(&layer.path)?;
        }
    }
    remove(&folder.file(Chains::FILE))?;
    put_aside(&folder).map_err(|e| Box::new(e.fault(record.name())))?;
    Ok(Response::Done)
}

pub(super) fn power(host: &Host, machine: MachineId, action: PowerAction) -> Result<Response> {
    if action == PowerAction::Start {
        host.start_machine(machine)?;
        return Ok(Response::Done);
    }
    let item = host.item_of_machine(machine);
    let folder = match &item {
        Some(item) => host.item_folder(item)?,
        None => {
            let folder = host.folder_of(machine)?;
            folder.ok_or_else(|| refuse("agent-machine-unknown", &machine.to_string()))?
        }
    };
    let name = folder.path().file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let said = |e: FabricError| Box::new(e.fault(&name));
    if let Adoption::Running(machine) = host.driver.adopt(&folder).map_err(said)? {
        match action {
            PowerAction::PowerOff => machine.power_off().map_err(said)?,
            _ => {
                if machine.shut_down(SHUT_DOWN_LIMIT).map_err(said)? == ShutDown::StillRunning {
                    return Err(refuse("agent-guest-did-not-stop", &name));
                }
                let busy = !machine.frozen().map_err(said)?.is_empty();
                // Without a process the track of changes is stored; while disks are frozen it must stay.
                if !busy {
                    machine.quit(QUIT_LIMIT).map_err(said)?;
                }
            }
        }
    }
    if let Some(item) = item {
        item.tell();
    }
    Ok(Response::Done)
}
