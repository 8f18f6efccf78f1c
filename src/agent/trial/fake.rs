//! A hypervisor without machines: raw files, a guest that writes when a test says so, trackers and overlays that follow
//! the rules of the traits. Apart from the stage, which joins two hosts with it.

use leeward_fabric::hypervisor::Started;
use leeward_fabric::{
    Adoption, Capture, CaptureAsk, Captured, CapturedDisk, ChainLayer, ConsistencyAsk, FabricError,
    FenceRecord, Found, FoundMachine, FreezeAsk, FrozenBase, FrozenDisk, Hypervisor, LostWhy, Machine,
    MachineFact, MachineFolder, MachineState, Merged, Orderly, RunDisk, RunRecord, ShutDown, StartSpec,
    Tracking, WriteLatency,
};
use leeward_model::{Consistency, DiskFormat, DiskId, Moment, Sequence};
use leeward_replication::qcow2::Writer;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

type Done<T> = Result<T, FabricError>;
type Hook = Box<dyn FnMut(&str) -> Done<()> + Send>;

pub(super) const BLOCK: u64 = 65_536;

/// All machines of a host; clones are the same.
#[derive(Clone, Default)]
pub(super) struct Fake {
    machines: Arc<Mutex<BTreeMap<PathBuf, Body>>>,
    hook: Arc<Mutex<Option<Hook>>>,
}

/// One machine.
#[derive(Default)]
pub(super) struct Body {
    pub(super) state: Option<MachineState>,
    run: Option<RunRecord>,
    pub(super) disks: BTreeMap<DiskId, Drive>,
    pub(super) unsettled: Option<Captured>,
    pub(super) starts: u32,
    pub(super) asked: Vec<ConsistencyAsk>,
    pub(super) guest_agent: bool,
    /// Its trackers end with the process.
    pub(super) forgets: bool,
}

/// One disk.
#[derive(Default)]
pub(super) struct Drive {
    /// Blocks that changed; none while nothing tracks.
    pub(super) dirty: Option<BTreeSet<u64>>,
    pub(super) lost: bool,
    pub(super) frozen: Option<(FrozenDisk, BTreeMap<u64, u8>)>,
}

/// What a block looks like that the guest wrote this into.
pub(super) fn pattern(byte: u8) -> Vec<u8> {
    (0..BLOCK).map(|n| if byte == 0 { 0 } else { byte ^ (n % 251) as u8 }).collect()
}

impl Fake {
    /// Is called, outside of all locks, with what is about to happen or has happened. An error makes it fail.
    pub(super) fn on(&self, hook: impl FnMut(&str) -> Done<()> + Send + 'static) {
        *self.hook.lock().expect("whole") = Some(Box::new(hook));
    }

    pub(super) fn on_nothing(&self) {
        *self.hook.lock().expect("whole") = None;
    }

    fn tell(&self, what: &str) -> Done<()> {
        self.hook.lock().expect("whole").as_mut().map_or(Ok(()), |hook| hook(what))
    }

    fn machines(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Body>> {
        self.machines.lock().expect("whole")
    }

    pub(super) fn with<T>(&self, folder: &MachineFolder, act: impl FnOnce(&mut Body) -> T) -> T {
        act(self.machines().entry(folder.path().to_owned()).or_default())
    }

    /// The guest writes a block.
    pub(super) fn write(&self, folder: &MachineFolder, disk: DiskId, block: u64, byte: u8) {
        let path = disk_path(folder, disk);
        self.with(folder, |body| {
            let drive = body.disks.entry(disk).or_default();
            match &mut drive.frozen {
                Some((_, overlay)) => {
                    overlay.insert(block, byte);
                }
                None => {
                    put(&path, block, byte);
                    if let Some(dirty) = &mut drive.dirty {
                        dirty.insert(block);
                    }
                }
            }
        });
    }

    /// The process of a machine ends as on a power cut.
    pub(super) fn kill(&self, folder: &MachineFolder) {
        self.with(folder, |body| {
            body.state = None;
            for drive in body.disks.values_mut().filter(|d| d.frozen.is_none()) {
                drive.lost |= drive.dirty.take().is_some();
            }
        });
    }
}

fn disk_path(folder: &MachineFolder, disk: DiskId) -> PathBuf {
    let definition = folder.definition().expect("a machine");
    let found = definition.disks.iter().find(|d| d.id == disk).expect("its disk");
    folder.resolve(&found.path)
}

fn put(path: &Path, block: u64, byte: u8) {
    let file = std::fs::File::options().write(true).open(path).expect("a disk");
    file.write_all_at(&pattern(byte), block * BLOCK).expect("written");
}

fn quit(body: &mut Body) {
    body.state = None;
    if body.forgets {
        for drive in body.disks.values_mut().filter(|d| d.frozen.is_none()) {
            drive.lost |= drive.dirty.take().is_some();
        }
    }
}

fn tracking(body: &Body, known: bool) -> BTreeMap<DiskId, Tracking> {
    let one = |drive: &Drive| match &drive.dirty {
        _ if drive.lost => Tracking::Lost { why: LostWhy::Missing },
        None => Tracking::None,
        Some(dirty) => Tracking::Tracking {
            dirty_bytes: known.then_some(dirty.len() as u64 * BLOCK),
            persistent: !body.forgets,
        },
    };
    body.disks.iter().map(|(disk, drive)| (*disk, one(drive))).collect()
}

impl Hypervisor for Fake {
    fn kind(&self) -> &'static str {
        "fake"
    }

    fn discover(&self, host_folder: &Path) -> Done<Found> {
        let mut found = Found::default();
        for entry in std::fs::read_dir(host_folder.join("machines")).into_iter().flatten().flatten() {
            let folder = MachineFolder::new(entry.path());
            let Ok(definition) = folder.definition() else { continue };
            let alive = self.alive(&folder);
            found.machines.push(FoundMachine { folder, definition, alive });
        }
        Ok(found)
    }

    fn adopt(&self, folder: &MachineFolder) -> Done<Adoption> {
        if !self.alive(folder) {
            return Ok(Adoption::Off);
        }
        Ok(Adoption::Running(Arc::new(Running { fake: self.clone(), folder: folder.clone() })))
    }

    fn alive(&self, folder: &MachineFolder) -> bool {
        self.machines().get(folder.path()).is_some_and(|body| body.state.is_some())
    }

    fn force_off(&self, folder: &MachineFolder) -> Done<()> {
        self.with(folder, quit);
        Ok(())
    }

    fn start(&self, spec: &StartSpec) -> Done<Started> {
        let folder = MachineFolder::new(&spec.folder);
        FenceRecord::check(&folder, &spec.definition.name, spec.epoch)?;
        let disk = |d: &leeward_fabric::StartDisk| RunDisk {
            disk: d.disk,
            name: "disk".to_owned(),
            size_bytes: 0,
            chain: d.chain.clone(),
            node: String::new(),
            overlay_node: String::new(),
            device: String::new(),
            direct: false,
        };
        let record = RunRecord {
            version: RunRecord::VERSION,
            machine: spec.definition.id,
            name: spec.definition.name.clone(),
            purpose: spec.purpose,
            network: spec.network.clone(),
            epoch: spec.epoch,
            started_at: spec.now,
            hold: spec.hold,
            track_from_start: spec.track_from_start,
            disks: spec.disks.iter().map(disk).collect(),
            forwards: Vec::new(),
        };
        crate::records::write_record(&folder.file("run.json"), &record).expect("written");
        self.with(&folder, |body| {
            body.state = Some(if spec.hold { MachineState::Prepared } else { MachineState::Running });
            body.run = Some(record);
            body.starts += 1;
            for disk in &spec.disks {
                let drive = body.disks.entry(disk.disk).or_default();
                if spec.track_from_start && (drive.lost || drive.dirty.is_none()) {
                    (drive.dirty, drive.lost) = (Some(BTreeSet::new()), false);
                }
            }
        });
        let machine = Arc::new(Running { fake: self.clone(), folder });
        Ok(Started { machine, took_millis: 1, forwards: Vec::new() })
    }

    fn tracking_while_off(&self, folder: &MachineFolder) -> Done<BTreeMap<DiskId, Tracking>> {
        Ok(self.with(folder, |body| tracking(body, false)))
    }

    fn frozen(&self, folder: &MachineFolder) -> Done<Vec<FrozenDisk>> {
        Ok(self
            .with(folder, |b| b.disks.values().filter_map(|d| Some(d.frozen.as_ref()?.0.clone())).collect()))
    }

    fn unsettled_while_off(&self, folder: &MachineFolder) -> Done<Option<Captured>> {
        Ok(self.with(folder, |body| body.unsettled.clone()))
    }

    fn create_overlay(&self, overlay: &Path, _: &ChainLayer, size_bytes: u64) -> Done<()> {
        Writer::create(overlay, size_bytes).and_then(Writer::finish).expect("made");
        Ok(())
    }
}

/// A machine with a process.
struct Running {
    fake: Fake,
    folder: MachineFolder,
}

impl Running {
    fn with<T>(&self, act: impl FnOnce(&mut Body) -> T) -> T {
        self.fake.with(&self.folder, act)
    }

    /// Bytes of a block as the guest sees it below its overlay.
    fn spool(&self, disk: DiskId, path: &Path, blocks: &BTreeSet<u64>) {
        let file = std::fs::File::open(disk_path(&self.folder, disk)).expect("a disk");
        let size = file.metadata().expect("sized").len();
        let mut writer = Writer::create(path, size).expect("a spool");
        for block in blocks {
            let mut bytes = vec![0; BLOCK as usize];
            file.read_exact_at(&mut bytes, block * BLOCK).expect("read");
            writer.push(*block, &bytes).expect("pushed");
        }
        writer.finish().expect("finished");
    }
}

impl Machine for Running {
    fn record(&self) -> RunRecord {
        self.with(|body| body.run.clone()).expect("it runs")
    }

    fn folder(&self) -> &MachineFolder {
        &self.folder
    }

    fn status(&self) -> Done<MachineState> {
        Ok(self.with(|body| body.state.clone()).unwrap_or(MachineState::Off))
    }

    fn watch(&self) -> Receiver<MachineFact> {
        std::sync::mpsc::channel().1
    }

    fn shut_down(&self, _: Duration) -> Done<ShutDown> {
        self.with(|body| body.state = Some(MachineState::ShutDown));
        Ok(ShutDown::Done(Orderly::GuestAgent))
    }

    fn quit(&self, _: Duration) -> Done<()> {
        self.with(quit);
        Ok(())
    }

    fn power_off(&self) -> Done<()> {
        self.quit(Duration::ZERO)
    }

    fn reset(&self) -> Done<()> {
        Ok(())
    }

    fn pause(&self) -> Done<()> {
        self.with(|body| body.state = Some(MachineState::Paused));
        Ok(())
    }

    fn resume(&self) -> Done<()> {
        self.with(|body| body.state = Some(MachineState::Running));
        Ok(())
    }

    fn console_picture(&self) -> Done<Vec<u8>> {
        Ok(Vec::new())
    }

    fn serial_tail(&self, _: usize) -> Done<Vec<u8>> {
        Ok(Vec::new())
    }

    fn guest_agent_answers(&self, _: Duration) -> bool {
        true
    }

    fn start_tracking(&self, disks: &[DiskId]) -> Done<()> {
        self.with(|body| {
            for disk in disks {
                body.disks.entry(*disk).or_default().dirty.get_or_insert_default();
            }
        });
        Ok(())
    }

    fn stop_tracking(&self, disks: &[DiskId]) -> Done<()> {
        self.with(|body| {
            for disk in disks {
                let drive = body.disks.entry(*disk).or_default();
                (drive.dirty, drive.lost) = (None, false);
            }
        });
        Ok(())
    }

    fn tracking(&self) -> Done<BTreeMap<DiskId, Tracking>> {
        Ok(self.with(|body| tracking(body, true)))
    }

    fn capture_delta(&self, ask: &CaptureAsk, clock: &dyn Fn() -> Moment) -> Done<Capture> {
        self.fake.tell("capture")?;
        let name = self.record().name;
        let instant = clock();
        let taken = self.with(|body| {
            if let Some(waits) = &body.unsettled {
                return Err(FabricError::Unsettled { machine: name, sequence: waits.sequence.0 });
            }
            body.asked.push(ask.consistency);
            let mut dirty = BTreeMap::new();
            for spool in &ask.spools {
                let drive = body.disks.entry(spool.disk).or_default();
                if drive.frozen.is_some() {
                    return Err(FabricError::Frozen { machine: name, disk: spool.disk.to_string() });
                }
                let blocks = drive.dirty.clone().filter(|_| !drive.lost);
                let blocks = blocks.ok_or_else(|| FabricError::NotTracked {
                    machine: name.clone(),
                    disk: spool.disk.to_string(),
                    reason: "lost".to_owned(),
                })?;
                dirty.insert(spool.disk, blocks);
            }
            if dirty.values().all(BTreeSet::is_empty) && !ask.even_if_empty {
                return Ok(None);
            }
            for disk in dirty.keys() {
                body.disks.entry(*disk).or_default().dirty = Some(BTreeSet::new());
            }
            Ok(Some((dirty, body.guest_agent)))
        })?;
        let Some((dirty, agent)) = taken else { return Ok(Capture::Empty { instant }) };
        let mut disks = Vec::new();
        for spool in &ask.spools {
            self.spool(spool.disk, &spool.path, &dirty[&spool.disk]);
            let delta_bytes = dirty[&spool.disk].len() as u64 * BLOCK;
            disks.push(CapturedDisk { disk: spool.disk, path: spool.path.clone(), delta_bytes });
        }
        let wanted = ask.consistency != ConsistencyAsk::Crash;
        let captured = Captured {
            sequence: ask.sequence,
            instant,
            consistency: if wanted && agent { Consistency::Application } else { Consistency::Crash },
            freeze_failure: (wanted && !agent).then(|| "nobody answers".to_owned()),
            frozen_millis: None,
            took_millis: 1,
            disks,
            guest_write_latency: None,
        };
        self.with(|body| body.unsettled = Some(captured.clone()));
        self.fake.tell("captured")?;
        Ok(Capture::Taken(captured))
    }

    fn unsettled_capture(&self) -> Done<Option<Captured>> {
        Ok(self.with(|body| body.unsettled.clone()))
    }

    fn settle_capture(&self, sequence: Sequence) -> Done<()> {
        self.fake.tell("settle")?;
        self.with(|body| body.unsettled.take_if(|c| c.sequence == sequence));
        Ok(())
    }

    fn drop_capture(&self, sequence: Sequence) -> Done<()> {
        self.with(|body| {
            let Some(dropped) = body.unsettled.take_if(|c| c.sequence == sequence) else { return };
            for disk in dropped.disks {
                body.disks.entry(disk.disk).or_default().lost = true;
                std::fs::remove_file(disk.path).ok();
            }
        });
        Ok(())
    }

    fn freeze_base(&self, ask: &FreezeAsk, clock: &dyn Fn() -> Moment) -> Done<FrozenBase> {
        self.fake.tell("freeze")?;
        let instant = clock();
        let mut disks = Vec::new();
        for asked in &ask.disks {
            let path = disk_path(&self.folder, asked.disk);
            std::fs::write(&asked.overlay, b"").expect("an overlay");
            let frozen = FrozenDisk {
                disk: asked.disk,
                chain: vec![ChainLayer { path, format: DiskFormat::Raw }],
                overlay: asked.overlay.clone(),
                instant,
                merging: false,
            };
            disks.push(frozen.clone());
            self.with(|body| {
                let drive = body.disks.entry(asked.disk).or_default();
                assert!(drive.frozen.is_none(), "frozen twice");
                *drive = Drive {
                    dirty: Some(BTreeSet::new()),
                    lost: false,
                    frozen: Some((frozen, BTreeMap::new())),
                };
            });
        }
        self.fake.tell("frozen")?;
        Ok(FrozenBase { instant, disks })
    }

    fn merge_back(&self, disk: DiskId) -> Done<Merged> {
        self.fake.tell("merge")?;
        let path = disk_path(&self.folder, disk);
        let already = self.with(|body| {
            let drive = body.disks.entry(disk).or_default();
            let Some((frozen, overlay)) = drive.frozen.take() else { return true };
            for (block, byte) in overlay {
                put(&path, block, byte);
                drive.dirty.get_or_insert_default().insert(block);
            }
            std::fs::remove_file(frozen.overlay).expect("removed");
            false
        });
        Ok(Merged { disk, already, stopped_millis: 0, took_millis: 0 })
    }

    fn drop_frozen(&self, disk: DiskId) -> Done<Merged> {
        self.with(|body| {
            let drive = body.disks.entry(disk).or_default();
            drive.lost |= drive.frozen.is_some();
        });
        self.merge_back(disk)
    }

    fn frozen(&self) -> Done<Vec<FrozenDisk>> {
        self.fake.frozen(&self.folder)
    }

    fn write_latency(&self) -> Done<BTreeMap<DiskId, WriteLatency>> {
        Ok(BTreeMap::new())
    }
}
