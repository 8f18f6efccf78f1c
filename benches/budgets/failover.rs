//! What a failover adds to QEMU's own start: from the order for a point to the process that runs on it, through the
//! replica store and the driver, against a QEMU that is started by hand on the same disks.

use crate::guest::{definition, spec};
use crate::image;
use crate::own::{Fails, Pair, disk};
use crate::result::{Bar, Line, median};
use leeward_fabric::qmp::Monitor;
use leeward_fabric::{ChainLayer, Hypervisor as _, MachineFolder, QemuDriver, StartDisk};
use leeward_model::{MachineDefinition, PointId, PointKind};
use leeward_replication::PointStore;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;
/// What Leeward may add.
const LIMIT_MILLIS: f64 = 150.0;
/// How many records of its own an agent makes durable before the start: that the item is failed over, where its machine
/// lies, of which files its disks are made.
const AGENT_RECORDS: usize = 3;

/// Our share, milliseconds.
pub(crate) fn share(root: &Path, size_bytes: u64, add: &mut dyn FnMut(Line)) -> Result<(), Fails> {
    let source = root.join("failover.raw");
    image::make(&source, size_bytes, size_bytes / 16, 29)?;
    let mut pair = Pair::new(&root.join("pair-failover"), size_bytes)?;
    let (_, shipped) = pair.copy(&source, size_bytes, PointKind::Initial)?;
    let point = shipped.point.ok_or("the copy has made no point")?;
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let place = root.join(format!("failover-{round}"));
        ours.push(fail_over(pair.store(), point, &place, size_bytes)?);
        let place = root.join(format!("plain-{round}"));
        plain.push(plain_start(pair.store(), point, &place, size_bytes)?);
    }
    let added = median(&ours) - median(&plain);
    let peer_name = format!("limit over QEMU's own {:.0} ms, ours {:.0} ms,", median(&plain), median(&ours));
    let name = "failover, two disks, point to running process: ms added";
    add(Line::of(name, &[added], &[LIMIT_MILLIS], &peer_name, Bar::AtMost(1.0)));
    Ok(())
}

/// The throw-away tops over the point, one per disk of the machine.
fn tops(
    store: &PointStore,
    point: PointId,
    folder: &Path,
    definition: &MachineDefinition,
) -> Result<Vec<StartDisk>, Fails> {
    let driver = QemuDriver::default();
    let mut disks = Vec::new();
    for one in &definition.disks {
        // The point has one disk; the machine has it twice.
        let chain = store.chain(point, disk())?;
        let mut chain: Vec<ChainLayer> =
            chain.into_iter().map(|l| ChainLayer { path: l.path, format: l.format }).collect();
        let below = chain.last().ok_or("the point has no file")?;
        let top = folder.join(&one.path);
        driver.create_overlay(&top, below, one.size_bytes)?;
        chain.push(ChainLayer { path: top, format: one.format });
        disks.push(StartDisk { disk: one.id, chain });
    }
    Ok(disks)
}

fn fail_over(store: &PointStore, point: PointId, place: &Path, size_bytes: u64) -> Result<f64, Fails> {
    let definition = definition(size_bytes);
    let driver = QemuDriver::default();
    let began = Instant::now();
    store.pin(point, "failover")?;
    let folder = MachineFolder::create(place, &definition)?;
    for _ in 0..AGENT_RECORDS {
        folder.write_definition(&definition)?;
    }
    let disks = tops(store, point, place, &definition)?;
    let started = driver.start(&spec(&folder, &definition, disks))?;
    let took = millis(began);
    started.machine.power_off()?;
    store.unpin("failover")?;
    Ok(took)
}

/// The same machine by hand, on tops that are there already.
fn plain_start(store: &PointStore, point: PointId, place: &Path, size_bytes: u64) -> Result<f64, Fails> {
    let definition = definition(size_bytes);
    std::fs::create_dir_all(place)?;
    let disks = tops(store, point, place, &definition)?;
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-nodefaults", "-no-user-config", "-daemonize", "-display", "none", "-vga", "std"]);
    command.args(["-machine", "q35,usb=off", "-accel", "tcg,thread=multi,tb-size=32"]);
    command.args(["-m", &definition.memory_mib.to_string(), "-smp", "1"]);
    command.args(["-qmp", "unix:qmp.sock,server=on,wait=off"]);
    for disk in &disks {
        let top: PathBuf = disk.chain.last().map(|l| l.path.clone()).unwrap_or_default();
        command.arg("-drive").arg(format!("file={},format=qcow2,if=virtio,cache=none", top.display()));
    }
    let began = Instant::now();
    let started = command.current_dir(place).status()?;
    let took = millis(began);
    if !started.success() {
        return Err("QEMU did not start by hand".into());
    }
    // The connection may end before the answer.
    let control = Monitor::connect(&place.join("qmp.sock"))?;
    control.run_within("quit", &Value::Null, Duration::from_secs(20)).ok();
    Ok(took)
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
