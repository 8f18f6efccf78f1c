//! The whole lab on the product's own driver: four machines at once; a copy frozen in the middle of writing and a
//! delta taken on top of it boot as test copies and prove that both disks are of one instant; an orderly stop; a
//! power cut of the site. Apart from `real_guest`, which needs no driver.

use leeward_fabric::{
    Capture, CaptureAsk, ChainLayer, ConsistencyAsk, FreezeAsk, FreezeDisk, Hypervisor as _, Machine,
    MachineFolder, Network, Orderly, Purpose, QemuDriver, ShutDown, SpoolAsk, StartDisk, StartSpec,
};
use leeward_lab::{Lab, LabSpec, Said, last_record_seen, make, said};
use leeward_model::point::Consistency;
use leeward_model::{DiskFormat, Epoch, MachineDefinition, Moment, Sequence};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(240);
const NOW: Moment = Moment(1_000);

/// Waits for something, as long as a loaded computer may need.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a machine says of its records at its boot.
fn boot(folder: &MachineFolder) -> Said {
    let records = until("a boot", || {
        let lines = said(&folder.serial_log()).unwrap_or_default();
        assert!(!lines.iter().any(|s| s.word == "FAILED"), "{lines:?}");
        lines.into_iter().rfind(|s| s.word == "RECORDS")
    });
    assert!(records.holds("ok") && records.holds("gap_free") && records.holds("pair_ok"), "{records:?}");
    records
}

fn layer(path: PathBuf) -> ChainLayer {
    ChainLayer { path, format: DiskFormat::Qcow2 }
}

/// Machines outlive who started them; a test that fails must not leave them behind.
struct PowerCut<'a>(&'a Lab);

impl Drop for PowerCut<'_> {
    fn drop(&mut self) {
        drop(self.0.kill_site("stockholm"));
    }
}

struct Site {
    driver: QemuDriver,
    machines: PathBuf,
}

impl Site {
    fn folder(&self, name: &str) -> MachineFolder {
        MachineFolder::new(self.machines.join(name))
    }

    fn start(&self, name: &str) -> Arc<dyn Machine> {
        let folder = self.folder(name);
        let definition = folder.definition().expect("a definition");
        let disks = definition
            .disks
            .iter()
            .map(|d| StartDisk { disk: d.id, chain: vec![layer(folder.resolve(&d.path))] })
            .collect();
        let spec = StartSpec { track_from_start: true, ..self.spec(definition, folder.path(), disks) };
        self.driver.start(&spec).expect("it starts").machine
    }

    /// A throw-away copy from chains of files that nobody else may write to.
    fn start_copy(&self, of: &str, named: &str, chains: BTreeMap<String, Vec<PathBuf>>) -> Arc<dyn Machine> {
        let definition = self.folder(of).definition().expect("a definition");
        let folder = MachineFolder::create(self.machines.join(named), &definition).expect("a folder");
        let mut disks = Vec::new();
        for disk in &definition.disks {
            let mut chain: Vec<ChainLayer> = chains[&disk.name].iter().cloned().map(layer).collect();
            let top = folder.file(&format!("{}.top.qcow2", disk.name));
            self.driver.create_overlay(&top, chain.last().expect("a file"), disk.size_bytes).expect("made");
            chain.push(layer(top));
            disks.push(StartDisk { disk: disk.id, chain });
        }
        let spec = StartSpec {
            network: Network::Isolated("test".to_owned()),
            purpose: Purpose::Test,
            ..self.spec(definition, folder.path(), disks)
        };
        self.driver.start(&spec).expect("the copy starts").machine
    }

    fn spec(&self, definition: MachineDefinition, folder: &Path, disks: Vec<StartDisk>) -> StartSpec {
        StartSpec {
            definition,
            folder: folder.to_owned(),
            disks,
            network: Network::Production,
            purpose: Purpose::Production,
            epoch: Epoch(1),
            track_from_start: false,
            hold: false,
            extra: Vec::new(),
            now: NOW,
        }
    }
}

/// Freezes both disks at one instant and copies what was frozen.
fn copy_base(site: &Site, machine: &Arc<dyn Machine>, into: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let definition = machine.folder().definition().expect("a definition");
    let freeze = |d: &leeward_model::DiskDefinition| FreezeDisk {
        disk: d.id,
        overlay: machine.folder().file(&format!("{}.overlay.qcow2", d.name)),
    };
    let ask = FreezeAsk { disks: definition.disks.iter().map(freeze).collect() };
    machine.freeze_base(&ask, &|| NOW).expect("frozen");
    let mut chains = BTreeMap::new();
    for disk in &definition.disks {
        let copy = into.join(format!("{}.base.qcow2", disk.name));
        std::fs::copy(site.folder(&definition.name).resolve(&disk.path), &copy).expect("copied");
        chains.insert(disk.name.clone(), vec![copy]);
    }
    for disk in &definition.disks {
        machine.merge_back(disk.id).expect("merged");
    }
    chains
}

/// Takes a delta with the file systems frozen.
fn take_delta(machine: &Arc<dyn Machine>, into: &Path, chains: &mut BTreeMap<String, Vec<PathBuf>>) {
    let definition = machine.folder().definition().expect("a definition");
    let mut spools = Vec::new();
    for disk in &definition.disks {
        let path = into.join(format!("{}.1.hrl", disk.name));
        spools.push(SpoolAsk { disk: disk.id, path: path.clone() });
        chains.get_mut(&disk.name).expect("the disk").push(path);
    }
    let ask = CaptureAsk {
        sequence: Sequence(1),
        spools,
        consistency: ConsistencyAsk::Application,
        freeze_limit: Duration::from_secs(10),
        limit: DEADLINE,
        even_if_empty: true,
    };
    let Capture::Taken(captured) = machine.capture_delta(&ask, &|| NOW).expect("captured") else {
        panic!("the guest writes all the time");
    };
    assert_eq!(captured.consistency, Consistency::Application, "{:?}", captured.freeze_failure);
    machine.settle_capture(Sequence(1)).expect("settled");
}

#[test]
fn real_lab_survives_copies_orderly_stops_and_a_power_cut() {
    let root = tempfile::tempdir().expect("a folder");
    let lab = make(&LabSpec::default(root.path()), &mut |_| {}).expect("the lab is made");
    let _at_the_end = PowerCut(&lab);
    let machines = lab.host_folder("stockholm").expect("a host").join("machines");
    let site = Site { driver: QemuDriver::default(), machines };
    let names = ["dc01", "sql01", "app01", "web01"];
    let running: Vec<_> = names.iter().map(|name| site.start(name)).collect();
    for name in names {
        boot(&site.folder(name));
    }
    assert_eq!(lab.machine_processes("stockholm").expect("looked").len(), 4);

    let sql = &running[1];
    let log = sql.folder().serial_log();
    let seen = until("records", || last_record_seen(&log, "sql01").ok().filter(|n| *n >= 20));
    let mut chains = copy_base(&site, sql, root.path());
    let copy = site.start_copy("sql01", "copy", chains.clone());
    let found = boot(copy.folder()).number("last").expect("a number");
    assert!(found >= seen, "{found} is behind {seen}, which was synced before the freeze");
    copy.power_off().expect("off");

    let later = until("newer records", || last_record_seen(&log, "sql01").ok().filter(|n| *n > found + 20));
    take_delta(sql, root.path(), &mut chains);
    let copy = site.start_copy("sql01", "later-copy", chains);
    let found = boot(copy.folder()).number("last").expect("a number");
    assert!(found >= later, "{found} is behind {later}, which was synced before the delta");
    copy.power_off().expect("off");

    assert_eq!(running[0].shut_down(DEADLINE).expect("asked"), ShutDown::Done(Orderly::GuestAgent));
    running[0].quit(DEADLINE).expect("ended");
    let stopped = lab.last_record_at_stop("stockholm", "dc01").expect("it said so");
    assert!(lab.last_record_at_stop("stockholm", "web01").is_err(), "it runs");

    let seen = last_record_seen(&site.folder("web01").serial_log(), "web01").expect("a number");
    lab.kill_site("stockholm").expect("killed");
    assert_eq!(lab.machine_processes("stockholm").expect("looked"), []);

    let again: Vec<_> = ["dc01", "web01"].iter().map(|name| (name, site.folder(name))).collect();
    let lines = |folder: &MachineFolder| said(&folder.serial_log()).expect("a log");
    let boots: Vec<_> =
        again.iter().map(|(_, f)| lines(f).iter().filter(|s| s.word == "RECORDS").count()).collect();
    let restarted = Site { driver: QemuDriver::default(), machines: site.machines.clone() };
    for ((name, folder), boots) in again.into_iter().zip(boots) {
        let machine = restarted.start(name);
        until("a second boot", || {
            (lines(&folder).iter().filter(|s| s.word == "RECORDS").count() > boots).then_some(())
        });
        let last = boot(&folder).number("last").expect("a number");
        match *name {
            "dc01" => assert_eq!(last, stopped, "an orderly stop ends with its last record"),
            _ => assert!(last >= seen, "{last} is behind {seen}"),
        }
        machine.power_off().expect("off");
    }
}
