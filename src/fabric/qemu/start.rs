//! The start of a machine: checks, the overlay of frozen disks, the process, and what must be in place before the
//! guest's first instruction. Apart from `adopt`, which finishes a start that an agent did not live to finish.

use super::arguments::{DiskLine, arguments, device_id, stem};
use super::process::QemuProcess;
use super::running::QemuMachine;
use super::settings::QemuSettings;
use super::turn::Turn;
use super::{image, serial, settlement, tracking};
use crate::error::{FabricError, Result};
use crate::fence::FenceRecord;
use crate::folder::{MachineFolder, remove_file};
use crate::frozen::{FreezePhase, FreezeRecord};
use crate::hypervisor::Machine;
use crate::spec::{Network, Purpose, RunDisk, RunRecord, StartDisk, StartSpec};
use leeward_model::{DiskDefinition, DiskFormat, DiskId};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an unborn machine may take to close its disks.
const CLEAN_END_LIMIT: Duration = Duration::from_secs(5);
/// How much of QEMU's log a failed start shows.
const LOG_TAIL_BYTES: u64 = 4096;

/// A start that succeeded. Nobody else gets at the machine until the turn is dropped: QEMU's control socket takes
/// one client.
pub(super) struct Begun {
    pub(super) machine: Arc<QemuMachine>,
    /// How long it took.
    pub(super) took_millis: u64,
    pub(super) turn: Turn,
}

/// Starts a machine.
pub(super) fn start(settings: &QemuSettings, spec: &StartSpec) -> Result<Begun> {
    let begun = Instant::now();
    let folder = MachineFolder::new(&spec.folder);
    let name = &spec.definition.name;
    check(spec)?;
    fs::create_dir_all(&spec.folder).map_err(FabricError::file("create", &spec.folder))?;
    let turn = Turn::to_start(&folder)?;
    if spec.purpose == Purpose::Production {
        FenceRecord::check(&folder, name, spec.epoch)?;
    }
    if let Some(process) = QemuProcess::of(&folder) {
        return Err(FabricError::AlreadyRunning { machine: name.clone(), pid: process.pid() });
    }
    settlement::settle_after_death(&folder)?;
    let frozen = frozen_overlays(&folder, spec)?;
    for stale in [folder.pid_file(), folder.qmp_socket(), folder.guest_agent_socket()] {
        remove_file(&stale)?;
    }
    turn_logs(&folder)?;
    let record = run_record(spec)?;
    folder.write(RUN_RECORD, &record)?;
    let disks: Vec<DiskLine<'_>> = record
        .disks
        .iter()
        .map(|disk| DiskLine { disk, overlay: frozen.entry(disk.disk).map(|e| e.overlay.as_path()) })
        .collect();
    let launched = launch(settings, &folder, name, &arguments(settings, spec, &folder, &disks));
    match launched.and_then(|()| prepare(&folder, record, spec)) {
        Ok(machine) => {
            let took_millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            Ok(Begun { machine, took_millis, turn })
        }
        Err(error) => {
            // Whatever lives of it must not outlive the word that it failed.
            if let Err(also) = QemuProcess::end_all(&folder, Some(CLEAN_END_LIMIT)) {
                tracing::error!(%error, "a start failed and its process is still there");
                return Err(also);
            }
            Err(error)
        }
    }
}

/// Logs of earlier runs are kept up to a size, one generation back.
fn turn_logs(folder: &MachineFolder) -> Result<()> {
    for log in [folder.qemu_log(), folder.serial_log()] {
        if fs::metadata(&log).is_ok_and(|m| m.len() > serial::LOG_BYTES_MAX) {
            fs::rename(&log, serial::earlier(&log)).map_err(FabricError::file("rename", &log))?;
        }
    }
    Ok(())
}

/// Name of the record of a run.
pub(super) const RUN_RECORD: &str = "run.json";

/// What can be refused before anything is touched.
fn check(spec: &StartSpec) -> Result<()> {
    let definition = &spec.definition;
    let refuse = |reason: String| Err(FabricError::Invalid { machine: definition.name.clone(), reason });
    if definition.vcpus == 0 || definition.memory_mib == 0 {
        return refuse("it has no processor or no memory".to_owned());
    }
    if spec.purpose == Purpose::Test && spec.network == Network::Production {
        return refuse("a test copy must not join a production network".to_owned());
    }
    let defined: BTreeSet<DiskId> = definition.disks.iter().map(|d| d.id).collect();
    let given: BTreeSet<DiskId> = spec.disks.iter().map(|d| d.disk).collect();
    if defined != given || defined.len() != spec.disks.len() || defined.len() != definition.disks.len() {
        return refuse("the disks of the start are not the disks of the definition".to_owned());
    }
    let stems: BTreeSet<String> =
        definition.disks.iter().enumerate().map(|(position, d)| stem(position, &d.name)).collect();
    if stems.len() != definition.disks.len() {
        return refuse("two disks have the same name".to_owned());
    }
    for disk in &spec.disks {
        let Some((_bottom, above)) = disk.chain.split_first() else {
            return refuse(format!("disk {} has no file", disk.disk));
        };
        if above.iter().any(|layer| layer.format == DiskFormat::Raw) {
            return refuse(format!("disk {} has a raw file on top of another file", disk.disk));
        }
        if let Some(layer) = disk.chain.iter().find(|layer| !layer.path.is_absolute()) {
            return refuse(format!("{} is not an absolute path", layer.path.display()));
        }
    }
    Ok(())
}

/// The durable overlays of frozen disks. Whatever the process was doing when it ended, the overlay is on top:
/// see the rule in [`crate::frozen`].
fn frozen_overlays(folder: &MachineFolder, spec: &StartSpec) -> Result<FreezeRecord> {
    if spec.purpose == Purpose::Test {
        return Ok(FreezeRecord::default());
    }
    FreezeRecord::sweep(folder)?;
    let mut record: FreezeRecord = folder.read(FreezeRecord::FILE)?.unwrap_or_default();
    for entry in &mut record.disks {
        let given = spec.disks.iter().find(|d| d.disk == entry.disk).and_then(|d| d.chain.last());
        if given.map(|layer| &layer.path) != entry.chain.last().map(|layer| &layer.path) {
            return Err(FabricError::Invalid {
                machine: spec.definition.name.clone(),
                reason: format!(
                    "disk {} is frozen on another file than the one given; its newest writes are in {}",
                    entry.disk,
                    entry.overlay.display()
                ),
            });
        }
        if !entry.overlay.is_file() {
            return Err(FabricError::Record {
                path: folder.file(FreezeRecord::FILE),
                reason: format!("the overlay {} with the newest writes is missing", entry.overlay.display()),
            });
        }
        entry.phase = match entry.phase {
            FreezePhase::Preparing | FreezePhase::Frozen => FreezePhase::Frozen,
            FreezePhase::Merging | FreezePhase::Switching => FreezePhase::Merging,
        };
    }
    if !record.disks.is_empty() || record.resume {
        record.resume = false;
        folder.write(FreezeRecord::FILE, &record)?;
    }
    Ok(record)
}

fn run_record(spec: &StartSpec) -> Result<RunRecord> {
    let mut disks = Vec::new();
    for (position, definition) in spec.definition.disks.iter().enumerate() {
        if let Some(given) = spec.disks.iter().find(|d| d.disk == definition.id) {
            disks.push(run_disk(position, definition, given)?);
        }
    }
    Ok(RunRecord {
        version: RunRecord::VERSION,
        machine: spec.definition.id,
        name: spec.definition.name.clone(),
        purpose: spec.purpose,
        network: spec.network.clone(),
        epoch: spec.epoch,
        started_at: spec.now,
        hold: spec.hold,
        track_from_start: spec.track_from_start,
        disks,
        forwards: Vec::new(),
    })
}

fn run_disk(position: usize, definition: &DiskDefinition, given: &StartDisk) -> Result<RunDisk> {
    for layer in &given.chain {
        // Said here, in our words, instead of by a QEMU that ends.
        File::open(&layer.path).map_err(FabricError::file("open", &layer.path))?;
    }
    let stem = stem(position, &definition.name);
    Ok(RunDisk {
        disk: definition.id,
        name: definition.name.clone(),
        size_bytes: definition.size_bytes,
        chain: given.chain.clone(),
        node: format!("d-{stem}"),
        overlay_node: format!("o-{stem}"),
        device: format!("/machine/peripheral/{}/virtio-backend", device_id(position, &definition.name)),
        direct: given.chain.iter().all(|layer| image::direct_allowed(&layer.path)),
    })
}

/// Runs QEMU until it has become a process of its own, in a session of its own: it outlives us, and so does its
/// log. It ends with an error when a disk cannot be opened or an argument is wrong.
fn launch(settings: &QemuSettings, folder: &MachineFolder, name: &str, words: &[String]) -> Result<()> {
    let log = folder.qemu_log();
    let file =
        File::options().create(true).append(true).open(&log).map_err(FabricError::file("open", &log))?;
    let before = file.metadata().map_err(FabricError::file("read", &log))?.len();
    let fail = |reason: String| FabricError::StartFailed { machine: name.to_owned(), reason };
    let child = Command::new(&settings.qemu)
        .args(words)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .spawn();
    let mut child = child.map_err(|e| fail(format!("{}: {e}", settings.qemu.display())))?;
    let ended = QemuProcess::open(child.id()).is_none_or(|l| l.ended_within(settings.launch_limit));
    if !ended {
        child.kill().map_err(|e| fail(e.to_string()))?;
    }
    let status = child.wait().map_err(|e| fail(e.to_string()))?;
    if status.success() {
        return Ok(());
    }
    if !ended {
        let limit_secs = settings.launch_limit.as_secs();
        return Err(FabricError::TooSlow { machine: name.to_owned(), action: "start", limit_secs });
    }
    let words = log_since(&log, before).unwrap_or_default();
    Err(fail(if words.is_empty() { status.to_string() } else { words }))
}

fn log_since(path: &Path, start: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(start.max(len.saturating_sub(LOG_TAIL_BYTES))))?;
    let mut bytes = Vec::new();
    file.take(LOG_TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// What must be in place before the guest's first instruction.
fn prepare(folder: &MachineFolder, record: RunRecord, spec: &StartSpec) -> Result<Arc<QemuMachine>> {
    let machine = QemuMachine::connect(folder, record)?;
    machine.finish_start()?;
    if !spec.hold {
        // Once more: a fence that was raised meanwhile may have found no process to end.
        if spec.purpose == Purpose::Production {
            FenceRecord::check(folder, &spec.definition.name, spec.epoch)?;
        }
        machine.resume()?;
    }
    Ok(Arc::new(machine))
}

impl QemuMachine {
    /// The part of a start that an adopting agent can repeat: forwards, latency counters, trackers.
    pub(super) fn finish_start(&self) -> Result<()> {
        self.note_forwards()?;
        self.count_write_latency()?;
        tracking::renew_frozen(self)?;
        let record = self.record();
        if record.track_from_start {
            let disks: Vec<DiskId> = record.disks.iter().map(|d| d.disk).collect();
            tracking::start(self, &disks)?;
        }
        Ok(())
    }
}
