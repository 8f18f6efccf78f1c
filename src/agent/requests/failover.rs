//! Bringing the machine up on a recovery point, taking that back, and making it final. Apart from `test`, whose
//! machine is a throw-away copy: here it is the machine, and it runs under an epoch.

use super::{current, turn};
use crate::Result;
use crate::host::{Host, refuse};
use crate::item::Item;
use crate::machines::{forwards, keep_chains, layers, network, new_folder};
use crate::records::{Chains, FailoverRecord, ItemRecord, remove};
use leeward_fabric::{Adoption, ChainLayer, FabricError, MachineFolder, Purpose, StartDisk, StartSpec};
use leeward_link::messages::{Response, Role};
use leeward_model::{
    DiskFormat, Epoch, Forward, ItemId, MachineDefinition, NetworkChoice, PointChoice, PointId,
};
use leeward_replication::PointStore;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// What pins the point of a failover.
const PIN: &str = "failover";

pub(super) fn fail_over(
    host: &Host,
    item: ItemId,
    epoch: Epoch,
    wanted: &PointChoice,
    choice: &NetworkChoice,
) -> Result<Response> {
    let began = Instant::now();
    let item = host.item(item)?;
    let _turn = turn(&item);
    let record = item.record();
    current(&record, epoch)?;
    if !matches!(record.role, Role::Target | Role::FailedOver) {
        return Err(refuse("agent-not-target", record.name()));
    }
    let store = item.store()?.ok_or_else(|| refuse("agent-store-missing", record.name()))?;
    // The epoch goes first: from here on no log of the other side is taken, and the newest point is the last one.
    item.change(|r| r.epoch = r.epoch.max(epoch))?;
    let runs_on = record.failover.as_ref().filter(|_| record.role == Role::FailedOver).map(|f| f.point);
    let points = store.points();
    let app = |p: &&leeward_model::PointSummary| p.consistency == leeward_model::Consistency::Application;
    let point = match (wanted, runs_on) {
        (PointChoice::Exact(point), _) => points.iter().find(|p| p.id == *point).map(|p| p.id),
        // Asked again: it is the one that was found the first time.
        (_, Some(point)) => Some(point),
        (PointChoice::Latest, None) => points.first().map(|p| p.id),
        (PointChoice::LatestAppConsistent, None) => points.iter().find(app).map(|p| p.id),
    };
    let Some(point) = point else { return Err(refuse("agent-point-gone", record.name())) };
    if let Some(before) = &record.failover
        && record.role == Role::FailedOver
        && before.point != point
    {
        return Err(refuse("agent-other-point-runs", record.name()));
    }
    item.change(|r| {
        r.role = Role::FailedOver;
        let committed = r.failover.as_ref().is_some_and(|f| f.committed);
        r.failover = Some(FailoverRecord { point, epoch, network: choice.clone(), committed });
    })?;
    let bytes = |e: leeward_replication::ReplicationError| Box::new(e.fault(record.name()));
    store.pin(point, PIN).map_err(bytes)?;
    let folder = prepare(host, &item, &store, point, epoch)?;
    item.live().confirmed = true;
    if let Adoption::Running(machine) =
        host.driver.adopt(&folder).map_err(|e| Box::new(e.fault(record.name())))?
    {
        let reach = forwards(&machine.record().forwards);
        return Ok(Response::Started { point, ours_ms: 0.0, hypervisor_ms: 0.0, reach });
    }
    let definition = folder.definition().map_err(|e| Box::new(e.fault(record.name())))?;
    let spec = StartSpec {
        disks: crate::machines::chains(&folder, &definition)?,
        definition,
        folder: folder.path().to_owned(),
        network: network(choice, format!("failover-{}", item.id)),
        purpose: Purpose::Production,
        epoch,
        track_from_start: true,
        hold: false,
        extra: Vec::new(),
        now: host.now(),
    };
    let ours_ms = began.elapsed().as_secs_f64() * 1000.0;
    let started = host.driver.start(&spec).map_err(|e| Box::new(e.fault(record.name())))?;
    item.tell();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a start")]
    let hypervisor_ms = started.took_millis as f64;
    Ok(Response::Started { point, ours_ms, hypervisor_ms, reach: forwards(&started.forwards) })
}

/// The machine's folder with its definition, chains and the overlays it will write to. What is there already is
/// left as it is: the guest may have written to it.
fn prepare(
    host: &Host,
    item: &Item,
    store: &Arc<PointStore>,
    point: PointId,
    epoch: Epoch,
) -> Result<MachineFolder> {
    let record = item.record();
    let path = match &record.machine_folder {
        Some(path) => path.clone(),
        None => new_folder(&host.config.machines, &record.assignment.machine),
    };
    item.change(|r| r.machine_folder = Some(path.clone()))?;
    let said = |e: FabricError| Box::new(e.fault(record.name()));
    let mut definition = definition_here(host, &record.assignment.machine);
    let mut disks = Vec::new();
    for disk in &mut definition.disks {
        let bytes = |e: leeward_replication::ReplicationError| Box::new(e.fault(record.name()));
        let mut chain = layers(store.chain(point, disk.id).map_err(bytes)?);
        let top = path.join(overlay_name(&disk.name, epoch, point));
        chain.push(ChainLayer { path: top.clone(), format: DiskFormat::Qcow2 });
        disk.path = top.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        disk.format = DiskFormat::Qcow2;
        disks.push(StartDisk { disk: disk.id, chain });
    }
    let folder = MachineFolder::new(path.clone());
    if folder.file("machine.json").exists()
        && crate::records::read_record::<Chains>(&folder.file(Chains::FILE))?
            .is_some_and(|c| c.disks == disks)
        && disks.iter().all(|d| d.chain.last().is_some_and(|l| l.path.exists()))
    {
        return Ok(folder);
    }
    std::fs::create_dir_all(&path)
        .map_err(|source| said(FabricError::File { action: "create", path: path.clone(), source }))?;
    for (start, disk) in disks.iter().zip(&definition.disks) {
        if let [.., below, top] = start.chain.as_slice()
            && !top.path.exists()
        {
            host.driver.create_overlay(&top.path, below, disk.size_bytes).map_err(said)?;
        }
    }
    keep_chains(&folder, disks)?;
    folder.write_definition(&definition).map_err(said)?;
    // It is a machine again, not a replica's bottom.
    remove(&folder.file(super::moving::PUT_ASIDE))?;
    Ok(folder)
}

fn overlay_name(disk: &str, epoch: Epoch, point: PointId) -> String {
    let point = point.0.simple().to_string();
    let short = point.get(..8).unwrap_or("point");
    format!("{disk}.epoch-{epoch}-{short}.qcow2")
}

/// The machine as this host runs it: its guests' ports are opened at this host's address, where they are free.
fn definition_here(host: &Host, definition: &MachineDefinition) -> MachineDefinition {
    let mut here = definition.clone();
    let address = host.config.address().to_owned();
    for nic in &mut here.nics {
        for forward in &mut nic.forwards {
            *forward = Forward { host_addr: address.clone(), host_port: 0, guest_port: forward.guest_port };
        }
    }
    here
}

pub(super) fn discard(host: &Host, item: ItemId, epoch: Epoch) -> Result<Response> {
    let item = host.item(item)?;
    let _turn = turn(&item);
    let record = item.record();
    current(&record, epoch)?;
    if record.role == Role::FailedOver {
        if record.failover.as_ref().is_some_and(|f| f.committed) {
            return Err(refuse("agent-committed", record.name()));
        }
        take_machine_away(host, &item, &record)?;
        if let Some(store) = item.store()? {
            store.unpin(PIN).map_err(|e| Box::new(e.fault(record.name())))?;
        }
    }
    item.change(|r| {
        r.epoch = r.epoch.max(epoch);
        if r.role == Role::FailedOver {
            r.role = Role::Target;
            r.failover = None;
        }
    })?;
    Ok(Response::Done)
}

/// Ends the machine of a failover and deletes what it wrote; the replica stays.
fn take_machine_away(host: &Host, item: &Item, record: &ItemRecord) -> Result<()> {
    let Some(path) = record.machine_folder.clone() else { return Ok(()) };
    let folder = MachineFolder::new(path);
    let said = |e: FabricError| Box::new(e.fault(record.name()));
    host.driver.force_off(&folder).map_err(said)?;
    let kept: Vec<PathBuf> = match (item.store()?, &record.failover) {
        (Some(store), Some(failover)) => {
            let mut kept = Vec::new();
            for disk in &record.assignment.machine.disks {
                let chain = store.chain(failover.point, disk.id);
                kept.extend(chain.map_err(|e| Box::new(e.fault(record.name())))?.into_iter().map(|l| l.path));
            }
            kept
        }
        _ => return Err(refuse("agent-store-missing", record.name())),
    };
    remove(&folder.file("machine.json"))?;
    if let Some(chains) = crate::records::read_record::<Chains>(&folder.file(Chains::FILE))? {
        for disk in chains.disks {
            // Only what lies above the replica was written by this failover.
            if let Some(top) = disk.chain.last().filter(|l| !kept.contains(&l.path)) {
                remove(&top.path)?;
            }
        }
        remove(&folder.file(Chains::FILE))?;
    }
    Ok(())
}

pub(super) fn commit(host: &Host, item: ItemId, epoch: Epoch) -> Result<Response> {
    let item = host.item(item)?;
    let _turn = turn(&item);
    let record = item.record();
    current(&record, epoch)?;
    let Some(failover) = record.failover.filter(|_| record.role == Role::FailedOver) else {
        return Err(refuse("agent-not-failed-over", &item.name()));
    };
    let bytes = |e: leeward_replication::ReplicationError| Box::new(e.fault(&item.name()));
    if let Some(store) = item.store()? {
        store.keep_only_through(failover.point).map_err(bytes)?;
        store.set_closed(true).map_err(bytes)?;
    }
    item.change(|r| {
        if let Some(failover) = &mut r.failover {
            failover.committed = true;
        }
    })?;
    Ok(Response::Done)
}
