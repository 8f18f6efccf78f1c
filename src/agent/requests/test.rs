//! Test failovers: a throw-away copy of the machine on a point, without a way to production, while replication goes
//! on. Apart from `failover`: no epoch changes hands here, and nothing of it outlives its cleanup.

use super::turn;
use crate::Result;
use crate::host::{Host, refuse};
use crate::item::Item;
use crate::machines::{forwards, keep_chains, layers, network};
use crate::records::{TestRecord, remove};
use leeward_fabric::{Adoption, ChainLayer, FabricError, MachineFolder, Purpose, StartDisk, StartSpec};
use leeward_link::messages::{Response, Role};
use leeward_model::{DiskFormat, ItemId, MachineDefinition, MachineId, NetworkChoice, PointId, TestId};
use std::time::Instant;

/// The folder of a test's machine.
pub(crate) fn test_folder(host: &Host, test: TestId) -> MachineFolder {
    MachineFolder::new(host.config.tests_folder().join(test.to_string()))
}

fn pin(test: TestId) -> String {
    format!("test:{test}")
}

pub(super) fn start(
    host: &Host,
    item: ItemId,
    test: TestId,
    point: PointId,
    choice: &NetworkChoice,
) -> Result<Response> {
    let began = Instant::now();
    let item = host.item(item)?;
    let _turn = turn(&item);
    let record = item.record();
    if record.role != Role::Target {
        return Err(refuse("agent-not-target", record.name()));
    }
    if *choice == NetworkChoice::Production {
        return Err(refuse("agent-test-in-production", record.name()));
    }
    let store = item.store()?.ok_or_else(|| refuse("agent-store-missing", record.name()))?;
    if store.point(point).is_none() {
        return Err(refuse("agent-point-gone", record.name()));
    }
    let bytes = |e: leeward_replication::ReplicationError| Box::new(e.fault(record.name()));
    let said = |e: FabricError| Box::new(e.fault(record.name()));
    store.pin(point, &pin(test)).map_err(bytes)?;
    let started = TestRecord { point, network: choice.clone(), started: host.now() };
    item.change(|r| r.tests.entry(test).or_insert(started).clone())?;
    let folder = test_folder(host, test);
    if let Adoption::Running(machine) = host.driver.adopt(&folder).map_err(said)? {
        let reach = forwards(&machine.record().forwards);
        return Ok(Response::Started { point, ours_ms: 0.0, hypervisor_ms: 0.0, reach });
    }
    let definition = copy_of(&record.assignment.machine, test, host.config.address());
    let mut disks = Vec::new();
    for disk in &definition.disks {
        let chain = layers(store.chain(point, disk.id).map_err(bytes)?);
        let below = chain.last().cloned().ok_or_else(|| refuse("agent-point-gone", record.name()))?;
        let top = folder.file(&disk.path);
        std::fs::create_dir_all(folder.path())
            .map_err(|source| said(FabricError::File { action: "create", path: top.clone(), source }))?;
        // A test that ended with its host begins anew: nothing of it is worth keeping.
        remove(&top)?;
        host.driver.create_overlay(&top, &below, disk.size_bytes).map_err(said)?;
        let mut chain = chain;
        chain.push(ChainLayer { path: top, format: DiskFormat::Qcow2 });
        disks.push(StartDisk { disk: disk.id, chain });
    }
    keep_chains(&folder, disks.clone())?;
    folder.write_definition(&definition).map_err(said)?;
    let spec = StartSpec {
        definition,
        folder: folder.path().to_owned(),
        disks,
        network: network(choice, format!("test-{test}")),
        purpose: Purpose::Test,
        epoch: record.epoch,
        track_from_start: false,
        hold: false,
        extra: Vec::new(),
        now: host.now(),
    };
    let ours_ms = began.elapsed().as_secs_f64() * 1000.0;
    let started = host.driver.start(&spec).map_err(said)?;
    item.tell();
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a start")]
    let hypervisor_ms = started.took_millis as f64;
    Ok(Response::Started { point, ours_ms, hypervisor_ms, reach: forwards(&started.forwards) })
}

/// The copy's definition: the same machine under another identity, its ports at this host's address.
fn copy_of(definition: &MachineDefinition, test: TestId, address: &str) -> MachineDefinition {
    let mut copy = definition.clone();
    copy.id = MachineId(test.0);
    copy.name = format!("{}-test", definition.name);
    copy.autostart = false;
    for disk in &mut copy.disks {
        disk.path = format!("{}.test.qcow2", disk.name);
        disk.format = DiskFormat::Qcow2;
    }
    for nic in &mut copy.nics {
        for forward in &mut nic.forwards {
            address.clone_into(&mut forward.host_addr);
            forward.host_port = 0;
        }
    }
    copy
}

pub(super) fn clean_up(host: &Host, item: ItemId, test: TestId) -> Result<Response> {
    let Some(item) = host.known(item) else { return Ok(Response::Done) };
    let _turn = turn(&item);
    take_away(host, &item, test)?;
    Ok(Response::Done)
}

/// Ends a test's machine and deletes everything of it.
pub(super) fn take_away(host: &Host, item: &Item, test: TestId) -> Result<()> {
    let folder = test_folder(host, test);
    if folder.path().exists() {
        host.driver.force_off(&folder).map_err(|e| Box::new(e.fault(&item.name())))?;
        remove(folder.path())?;
    }
    if let Some(store) = item.store()? {
        store.unpin(&pin(test)).map_err(|e| Box::new(e.fault(&item.name())))?;
    }
    item.change(|r| r.tests.remove(&test))?;
    host.want_tidying(item.id);
    Ok(())
}
