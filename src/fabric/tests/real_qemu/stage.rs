//! A host folder with one machine of two disks, and eyes to look at what its guest wrote.

use leeward_fabric::qmp::Monitor;
use leeward_fabric::*;
use leeward_model::{
    DiskDefinition, DiskFormat, DiskId, Epoch, Forward, MachineDefinition, MachineId, Moment, Nic, Sequence,
};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Everything a test waits for comes long before this on the slowest host.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);
const GUEST: &[u8] = include_bytes!("guest.bin");
const SIZE_BYTES: u64 = 32 << 20;

pub(crate) struct Stage {
    pub(crate) driver: QemuDriver,
    pub(crate) folder: MachineFolder,
    pub(crate) definition: MachineDefinition,
    clock: AtomicI64,
    dir: tempfile::TempDir,
}

impl Stage {
    /// A machine whose guest writes records.
    pub(crate) fn new() -> Self {
        Self::of(GUEST, DiskFormat::Qcow2)
    }

    /// A machine without anything to boot.
    pub(crate) fn bare() -> Self {
        Self::of(&[], DiskFormat::Qcow2)
    }

    pub(crate) fn of(boot: &[u8], format: DiskFormat) -> Self {
        let dir = tempfile::Builder::new().prefix("leeward-fabric-").tempdir().unwrap();
        let path = dir.path().join("machines").join("web01");
        std::fs::create_dir_all(&path).unwrap();
        let disks = ["os", "data"].map(|name| {
            let raw = path.join(format!("{name}.raw"));
            std::fs::write(&raw, if name == "os" { boot } else { &[] }).unwrap();
            std::fs::File::options().write(true).open(&raw).unwrap().set_len(SIZE_BYTES).unwrap();
            let mut file = format!("{name}.raw");
            if format == DiskFormat::Qcow2 {
                file = format!("{name}.qcow2");
                let out = path.join(&file);
                tool(&["convert", "-f", "raw", "-O", "qcow2", raw.to_str().unwrap(), out.to_str().unwrap()]);
                std::fs::remove_file(&raw).unwrap();
            }
            DiskDefinition {
                id: DiskId(uuid::Uuid::new_v4()),
                name: name.to_owned(),
                path: file,
                format,
                size_bytes: SIZE_BYTES,
            }
        });
        let definition = MachineDefinition {
            id: MachineId(uuid::Uuid::new_v4()),
            name: "web01".to_owned(),
            memory_mib: 32,
            vcpus: 1,
            disks: disks.to_vec(),
            nics: vec![Nic {
                network: "lan".to_owned(),
                mac: "52:54:00:00:00:01".to_owned(),
                forwards: vec![Forward { host_addr: "127.0.0.1".to_owned(), host_port: 0, guest_port: 80 }],
            }],
            autostart: true,
        };
        let folder = MachineFolder::create(&path, &definition).unwrap();
        Self { driver: QemuDriver::default(), folder, definition, clock: AtomicI64::new(1000), dir }
    }

    pub(crate) fn host_folder(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn disk(&self, name: &str) -> DiskId {
        self.definition.disks.iter().find(|d| d.name == name).unwrap().id
    }

    pub(crate) fn disks(&self) -> Vec<DiskId> {
        self.definition.disks.iter().map(|d| d.id).collect()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.file(name)
    }

    pub(crate) fn now(&self) -> Moment {
        Moment(self.clock.fetch_add(1, Ordering::SeqCst))
    }

    pub(crate) fn spec(&self) -> StartSpec {
        let extra = [
            "-chardev",
            "socket,id=side0,path=side.sock,server=on,wait=off",
            "-mon",
            "chardev=side0,mode=control",
            // The boot sector cannot flush: what it was told is written must be.
            "-global",
            "virtio-blk-pci.write-cache=off",
        ];
        StartSpec {
            definition: self.definition.clone(),
            folder: self.folder.path().to_owned(),
            disks: self
                .definition
                .disks
                .iter()
                .map(|d| StartDisk {
                    disk: d.id,
                    chain: vec![ChainLayer { path: self.folder.resolve(&d.path), format: d.format }],
                })
                .collect(),
            network: Network::Production,
            purpose: Purpose::Production,
            epoch: Epoch(1),
            track_from_start: false,
            hold: false,
            extra: extra.map(str::to_owned).to_vec(),
            now: self.now(),
        }
    }

    pub(crate) fn start(&self) -> Arc<dyn Machine> {
        std::fs::remove_file(self.file("side.sock")).ok();
        self.driver.start(&self.spec()).unwrap().machine
    }

    pub(crate) fn start_tracked(&self) -> Arc<dyn Machine> {
        std::fs::remove_file(self.file("side.sock")).ok();
        self.driver.start(&StartSpec { track_from_start: true, ..self.spec() }).unwrap().machine
    }

    /// Puts a script in QEMU's place. It gets QEMU's arguments, in the machine's folder.
    pub(crate) fn wrap_qemu(&mut self, script: &str, launch_limit: Duration) {
        let path = self.dir.path().join("qemu.sh");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let settings = QemuSettings { qemu: path, launch_limit, ..QemuSettings::default() };
        self.driver = QemuDriver::new(settings);
    }

    /// As after a restart of the agent: nothing is remembered but what is in the folder.
    pub(crate) fn adopt_anew(&mut self) -> Arc<dyn Machine> {
        let folder = self.folder.clone();
        match self.adopt_anew_in(&folder) {
            Adoption::Running(machine) => machine,
            Adoption::Off => panic!("nothing to adopt"),
        }
    }

    pub(crate) fn adopt_anew_in(&mut self, folder: &MachineFolder) -> Adoption {
        self.driver = QemuDriver::default();
        self.driver.adopt(folder).unwrap()
    }

    pub(crate) fn pid(&self) -> i32 {
        std::fs::read_to_string(self.folder.pid_file()).unwrap().trim().parse().unwrap()
    }

    /// kill -9, and waits until the process is gone.
    pub(crate) fn kill_qemu(&self, machine: &Arc<dyn Machine>) {
        let pid = rustix::process::Pid::from_raw(self.pid()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        until("QEMU is gone", || machine.status().unwrap() == MachineState::Off);
    }

    /// A second control channel, for what no agent may do.
    pub(crate) fn side(&self) -> Monitor {
        Monitor::connect(&self.file("side.sock")).unwrap()
    }

    /// Writes as if the guest had, through its own device.
    pub(crate) fn write(&self, disk: &str, what: &str) {
        let said = self
            .side()
            .run_human(&format!("qemu-io -d /machine/peripheral/vd-{disk}/virtio-backend \"write {what}\""))
            .unwrap();
        assert!(said.trim().is_empty(), "{said}");
    }

    pub(crate) fn dirty(&self, machine: &Arc<dyn Machine>, disk: &str) -> u64 {
        match machine.tracking().unwrap()[&self.disk(disk)] {
            Tracking::Tracking { dirty_bytes: Some(bytes), .. } => bytes,
            ref other => panic!("{disk} is not tracked: {other:?}"),
        }
    }

    pub(crate) fn ask(&self, sequence: u64) -> CaptureAsk {
        CaptureAsk {
            sequence: Sequence(sequence),
            spools: self
                .definition
                .disks
                .iter()
                .map(|d| SpoolAsk { disk: d.id, path: self.spool(&d.name, sequence) })
                .collect(),
            consistency: ConsistencyAsk::Crash,
            freeze_limit: Duration::from_secs(2),
            limit: DEADLINE,
            even_if_empty: false,
        }
    }

    pub(crate) fn spool(&self, disk: &str, sequence: u64) -> PathBuf {
        self.file(&format!("{disk}.{sequence}.hrl"))
    }

    pub(crate) fn capture(&self, machine: &Arc<dyn Machine>, sequence: u64) -> Capture {
        machine.capture_delta(&self.ask(sequence), &|| self.now()).unwrap()
    }

    pub(crate) fn taken(&self, machine: &Arc<dyn Machine>, sequence: u64) -> Captured {
        match self.capture(machine, sequence) {
            Capture::Taken(captured) => captured,
            Capture::Empty { .. } => panic!("nothing to capture"),
        }
    }

    /// Waits until the guest has written this many more records.
    pub(crate) fn let_guest_write(&self, machine: &Arc<dyn Machine>, writes: u64) {
        let count = || machine.write_latency().unwrap().values().map(WriteLatency::writes).sum::<u64>();
        let before = count();
        until("the guest writes", || count() >= before + writes);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Also when the test has left it in a state that nobody can adopt.
        self.driver.force_off(&self.folder).ok();
    }
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn tool(words: &[&str]) -> String {
    let out = Command::new("qemu-img").args(words).output().unwrap();
    assert!(out.status.success(), "qemu-img {words:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

/// The content of a disk file (or an overlay over its header's backing), as bytes. Nobody may write to it.
pub(crate) fn content(path: &Path) -> Vec<u8> {
    let raw = path.with_extension(format!("{}.content", path.extension().unwrap().to_str().unwrap()));
    tool(&["convert", "-U", "-O", "raw", path.to_str().unwrap(), raw.to_str().unwrap()]);
    let bytes = std::fs::read(&raw).unwrap();
    std::fs::remove_file(&raw).unwrap();
    bytes
}

/// Puts a delta on a content.
pub(crate) fn apply(content: &mut [u8], spool: &Path) {
    let map = tool(&["map", "--output=json", spool.to_str().unwrap()]);
    let delta = self::content(spool);
    for extent in serde_json::from_str::<Vec<serde_json::Value>>(&map).unwrap() {
        if extent["present"] == true || extent["data"] == true {
            let start = usize::try_from(extent["start"].as_u64().unwrap()).unwrap();
            let end = start + usize::try_from(extent["length"].as_u64().unwrap()).unwrap();
            content[start..end].copy_from_slice(&delta[start..end]);
        }
    }
}

fn number(content: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(content[at..at + 4].try_into().unwrap())
}

/// The last record that the guest wrote to a disk; checks that it and the ones before it are in their blocks.
pub(crate) fn head(content: &[u8]) -> u32 {
    let head = number(content, 64 * 512);
    for back in 0..head.min(200) {
        let record = head - back;
        let at = (2048 + (record as usize % 256) * 128) * 512;
        let found = number(content, at);
        // The block of the record after the head may be written already; no other.
        assert!(found == record || (back == 255), "record {record} is not in its block: {found}");
    }
    head
}

/// What holds at any instant of a machine: disk two is at disk one's head or one behind.
pub(crate) fn one_instant(os: &[u8], data: &[u8]) -> u32 {
    let (os, data) = (head(os), head(data));
    assert!(os == data || os == data + 1, "not one instant: os {os}, data {data}");
    os
}

/// Content hashes, for a short message when they differ.
pub(crate) fn same(what: &str, a: &[u8], b: &[u8]) {
    if a != b {
        let at = a.iter().zip(b).position(|(x, y)| x != y);
        panic!("{what}: {} is not {}, first at {at:?}", blake3::hash(a), blake3::hash(b));
    }
}
