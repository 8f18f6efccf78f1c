//! What a cycle costs where the guest runs: a real QEMU machine, driven as the agent drives it. Apart from `own`, whose
//! disks nobody writes to.

use crate::own::Fails;
use crate::peers;
use crate::result::{Bar, Line};
use leeward_fabric::{
    Adoption, Capture, CaptureAsk, ConsistencyAsk, Hypervisor as _, Machine, MachineFolder, Network, Purpose,
    QemuDriver, SpoolAsk, StartDisk, StartSpec, WriteLatency,
};
use leeward_model::{
    Consistency, DiskDefinition, DiskFormat, DiskId, Epoch, ItemId, MachineDefinition, MachineId, Moment,
    PointKind, Sequence,
};
use leeward_replication::{CycleHead, SpoolDisk, find_sealed, seal};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A boot sector that writes to both disks for as long as it runs.
const WRITER: &[u8] = include_bytes!("../../src/fabric/tests/real_qemu/guest.bin");
const DISK_BYTES: u64 = 64 << 20;
/// Cycles with nothing to do.
const EMPTY_CYCLES: u32 = 200;
/// Cycles beside a guest that writes, and its writes between two of them.
const BUSY_CYCLES: u64 = 12;
const WRITES_BETWEEN: u64 = 100;
/// Everything a guest is waited for comes long before this.
const DEADLINE: Duration = Duration::from_secs(120);

/// A machine of two disks in a folder of its own, running.
pub(crate) struct Guest {
    pub(crate) driver: QemuDriver,
    pub(crate) folder: MachineFolder,
    definition: MachineDefinition,
    machine: Arc<dyn Machine>,
}

impl Guest {
    /// `boot` is what its first disk begins with; `hold` leaves its processor stopped.
    fn start(place: &Path, boot: &[u8], hold: bool) -> Result<Self, Fails> {
        std::fs::create_dir_all(place)?;
        let definition = definition(DISK_BYTES);
        for disk in &definition.disks {
            let raw = place.join("raw");
            std::fs::write(&raw, if disk.name == "os" { boot } else { &[] })?;
            std::fs::File::options().write(true).open(&raw)?.set_len(DISK_BYTES)?;
            let made = Command::new("qemu-img")
                .args(["convert", "-f", "raw", "-O", "qcow2"])
                .args([&raw, &place.join(&disk.path)])
                .status()?;
            if !made.success() {
                return Err("a disk for the guest could not be made".into());
            }
            std::fs::remove_file(&raw)?;
        }
        let folder = MachineFolder::create(place, &definition)?;
        let driver = QemuDriver::default();
        let chain = |d: &DiskDefinition| {
            vec![leeward_fabric::ChainLayer { path: folder.resolve(&d.path), format: d.format }]
        };
        let disks = definition.disks.iter().map(|d| StartDisk { disk: d.id, chain: chain(d) }).collect();
        let spec = StartSpec { hold, ..spec(&folder, &definition, disks) };
        let machine = driver.start(&spec)?.machine;
        Ok(Self { driver, folder, definition, machine })
    }

    fn ask(&self, sequence: u64) -> CaptureAsk {
        let spool = |d: &DiskDefinition| SpoolAsk {
            disk: d.id,
            path: self.folder.file(&format!("{}.{sequence}.hrl", d.path)),
        };
        CaptureAsk {
            sequence: Sequence(sequence),
            spools: self.definition.disks.iter().map(spool).collect(),
            consistency: ConsistencyAsk::Crash,
            freeze_limit: DEADLINE,
            limit: DEADLINE,
            even_if_empty: false,
        }
    }

    /// All guest writes since the start, both disks together.
    fn latency(&self) -> Result<WriteLatency, Fails> {
        let mut all = WriteLatency::default();
        for one in self.machine.write_latency()?.values() {
            all.add(one);
        }
        Ok(all)
    }

    /// Waits until the guest has written this often since the start.
    fn until_written(&self, writes: u64) -> Result<(), Fails> {
        let begun = Instant::now();
        while self.latency()?.writes() < writes {
            if begun.elapsed() > DEADLINE {
                return Err("the guest does not write".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// A cycle up to the sealed logs, as the agent runs it; the time of the guest's writes meanwhile.
    fn cycle(&self, sequence: u64) -> Result<WriteLatency, Fails> {
        let before = self.latency()?;
        let Capture::Taken(captured) = self.machine.capture_delta(&self.ask(sequence), &crate::own::now)?
        else {
            return Err("a guest that writes had nothing to capture".into());
        };
        let head = CycleHead {
            item: item(),
            epoch: Epoch(1),
            sequence: captured.sequence,
            previous: Sequence(sequence - 1),
            previous_epoch: Epoch(1),
            instant: captured.instant,
            consistency: Consistency::Crash,
            kind: PointKind::Delta,
        };
        let disks = captured.disks.iter();
        let disks: Vec<SpoolDisk> = disks
            .map(|d| SpoolDisk { disk: d.disk, size_bytes: DISK_BYTES, spool: d.path.clone() })
            .collect();
        let sealed = seal(&head, &disks)?;
        self.machine.settle_capture(captured.sequence)?;
        let inside = self.latency()?.since(&before);
        sealed.delete()?;
        Ok(inside)
    }

    fn qemu_cpu(&self) -> Result<f64, Fails> {
        let pid = std::fs::read_to_string(self.folder.pid_file())?.trim().parse()?;
        Ok(peers::cpu_of(pid)?)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Err(error) = self.machine.power_off() {
            eprintln!("the guest could not be ended: {error}");
        }
    }
}

fn item() -> ItemId {
    ItemId(Uuid::from_u64_pair(1, 1))
}

/// A small machine of two disks.
pub(crate) fn definition(size_bytes: u64) -> MachineDefinition {
    let disk = |name: &str, n| DiskDefinition {
        id: DiskId(Uuid::from_u64_pair(4, n)),
        name: name.to_owned(),
        path: format!("{name}.qcow2"),
        format: DiskFormat::Qcow2,
        size_bytes,
    };
    MachineDefinition {
        id: MachineId(Uuid::now_v7()),
        name: "bench".to_owned(),
        memory_mib: 64,
        vcpus: 1,
        disks: vec![disk("os", 1), disk("data", 2)],
        nics: Vec::new(),
        autostart: false,
    }
}

/// How it is started.
pub(crate) fn spec(
    folder: &MachineFolder,
    definition: &MachineDefinition,
    disks: Vec<StartDisk>,
) -> StartSpec {
    StartSpec {
        definition: definition.clone(),
        folder: folder.path().to_owned(),
        disks,
        network: Network::None,
        purpose: Purpose::Production,
        epoch: Epoch(1),
        track_from_start: true,
        hold: false,
        extra: Vec::new(),
        now: Moment(0),
    }
}

/// A cycle that finds nothing to send, and what cycles do to the writes of a guest.
pub(crate) fn budgets(root: &Path, add: &mut dyn FnMut(Line)) -> Result<(), Fails> {
    empty_cycle(&Guest::start(&root.join("idle-guest"), &[], true)?, add)?;
    impact(&Guest::start(&root.join("busy-guest"), WRITER, false)?, add)
}

/// All that the agent does in a cycle that finds nothing: it takes the machine up, looks for what earlier cycles have
/// left, reads the track of changes, notes the number and the instant of the cycle, and asks for the changes.
fn empty_cycle(guest: &Guest, add: &mut dyn FnMut(Line)) -> Result<(), Fails> {
    let files: Vec<_> =
        guest.definition.disks.iter().map(|d| (d.id, guest.folder.resolve(&d.path))).collect();
    let mut wall = Vec::new();
    let cpu = peers::own_cpu()? + guest.qemu_cpu()?;
    for sequence in 1..=u64::from(EMPTY_CYCLES) {
        let began = Instant::now();
        guest.folder.definition()?;
        let Adoption::Running(machine) = guest.driver.adopt(&guest.folder)? else {
            return Err("the guest has ended".into());
        };
        if machine.unsettled_capture()?.is_some() || !find_sealed(item(), &files)?.cycles.is_empty() {
            return Err("an empty cycle has left something".into());
        }
        // To see that nothing is lost, and that a log would fit.
        machine.tracking()?;
        machine.tracking()?;
        let asked = began.elapsed();
        // In place of the agent's own record: as long, as durable, twice.
        guest.folder.write_definition(&guest.definition)?;
        guest.folder.write_definition(&guest.definition)?;
        let began = Instant::now();
        let Capture::Empty { .. } = machine.capture_delta(&guest.ask(sequence), &crate::own::now)? else {
            return Err("a guest that stands still has written".into());
        };
        wall.push((asked + began.elapsed()).as_secs_f64() * 1000.0);
    }
    let spent = peers::own_cpu()? + guest.qemu_cpu()? - cpu;
    let cpu_ms = spent * 1000.0 / f64::from(EMPTY_CYCLES);
    let name = "empty cycle, two disks: CPU ms, the hypervisor's included";
    add(Line::of(name, &[cpu_ms], &[5.0], "limit", Bar::AtMost(1.0)));
    let name = "empty cycle, two disks: wall ms, waiting for the disk apart";
    add(Line::of(name, &wall, &[5.0], "limit", Bar::AtMost(1.0)));
    Ok(())
}

/// How long the guest's writes take in cycles and outside of them, in the same run.
fn impact(guest: &Guest, add: &mut dyn FnMut(Line)) -> Result<(), Fails> {
    // Its boot is not what is measured.
    guest.until_written(WRITES_BETWEEN)?;
    let first = guest.latency()?;
    let mut inside = WriteLatency::default();
    for sequence in 1..=BUSY_CYCLES {
        guest.until_written(guest.latency()?.writes() + WRITES_BETWEEN)?;
        inside.add(&guest.cycle(sequence)?);
    }
    let outside = guest.latency()?.since(&first).since(&inside);
    let p99 = |latency: &WriteLatency| latency.percentile_micros(990).ok_or("no write in time");
    #[expect(clippy::cast_precision_loss, reason = "microseconds of a benchmark")]
    let (ours, peer) = (p99(&inside)? as f64, p99(&outside)? as f64);
    let peer_name = format!("outside, {} writes", outside.writes());
    let name = format!("guest writes in {BUSY_CYCLES} cycles ({} writes): p99 µs", inside.writes());
    add(Line::of(&name, &[ours], &[peer], &peer_name, Bar::AtMost(2.0)));
    Ok(())
}
