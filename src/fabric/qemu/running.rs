//! A machine with a QEMU process: state, power, console. What changes its disks is in `tracking`, `capture`,
//! `freeze` and `merge`.

use super::facts;
use super::forwards::forwards;
use super::process::QemuProcess;
use super::start::RUN_RECORD;
use super::{adopt, capture, freeze, merge, nodes, serial, settlement, tracking};
use crate::capture::{Capture, CaptureAsk, Captured};
use crate::error::{FabricError, Result};
use crate::folder::{MachineFolder, remove_file};
use crate::frozen::{FreezeAsk, FreezeEntry, FreezeRecord, FrozenBase, FrozenDisk, Merged};
use crate::guest_agent::GuestAgent;
use crate::hypervisor::{Machine, Orderly, ShutDown};
use crate::latency::{EDGES_MICROS, WriteLatency};
use crate::qmp::{Monitor, Note, QmpError};
use crate::spec::{RunDisk, RunRecord};
use crate::status::{LostWhy, MachineFact, MachineState, Tracking};
use leeward_model::{DiskId, Moment, Sequence};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a guest agent may take to say that it is there.
const GUEST_AGENT_LIMIT: Duration = Duration::from_secs(3);
/// How long a clean end may take before force is used.
const CLEAN_END_LIMIT: Duration = Duration::from_secs(5);
/// How long a state may take before the machine counts as silent.
const STATUS_LIMIT: Duration = Duration::from_secs(5);
/// A guest that is still booting does not notice the power button; it is pressed again after this.
const PRESS_AGAIN: Duration = Duration::from_secs(10);
/// No picture of a console is larger.
const PICTURE_BYTES_MAX: u64 = 64 << 20;

/// A machine with a QEMU process.
#[derive(Debug)]
pub(super) struct QemuMachine {
    pub(super) folder: MachineFolder,
    record: Mutex<RunRecord>,
    pub(super) monitor: Arc<Monitor>,
    process: Arc<QemuProcess>,
    /// Held by whatever changes the block graph or ends the process.
    disk_work: Mutex<()>,
    /// Work on the disks failed and may have left something in the middle.
    unsettled: AtomicBool,
    /// Numbers the files of console pictures.
    pictures: AtomicU64,
}

impl QemuMachine {
    /// Connects to the living QEMU of a folder and makes sure that it is the one the record speaks of.
    pub(super) fn connect(folder: &MachineFolder, record: RunRecord) -> Result<Self> {
        let name = record.name.clone();
        let fail = |source: QmpError| FabricError::Control { machine: name.clone(), source };
        let monitor = Monitor::connect(&folder.qmp_socket()).map_err(fail)?;
        let process =
            QemuProcess::of(folder).ok_or_else(|| FabricError::NotRunning { machine: name.clone() })?;
        let told = monitor.run("query-uuid", &Value::Null).map_err(fail)?;
        let uuid = told.get("UUID").and_then(Value::as_str).unwrap_or_default().to_owned();
        if uuid != record.machine.to_string() || monitor.peer_pid() != Some(process.pid()) {
            return Err(FabricError::Invalid {
                machine: name,
                reason: format!("the process at its control socket is another machine ({uuid})"),
            });
        }
        Ok(Self {
            folder: folder.clone(),
            record: Mutex::new(record),
            monitor: Arc::new(monitor),
            process: Arc::new(process),
            disk_work: Mutex::new(()),
            unsettled: AtomicBool::new(false),
            pictures: AtomicU64::new(0),
        })
    }

    /// Whether the process has ended.
    pub(super) fn gone(&self) -> bool {
        self.process.ended_within(Duration::ZERO)
    }

    pub(super) fn name(&self) -> String {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).name.clone()
    }

    pub(super) fn alone(&self) -> MutexGuard<'_, ()> {
        self.disk_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Work on the disks, one at a time. What a failed one leaves in the middle is settled by the next who asks
    /// for the machine.
    fn work<T>(&self, on_disks: impl FnOnce() -> Result<T>) -> Result<T> {
        let _alone = self.alone();
        on_disks().inspect_err(|_| self.unsettled.store(true, Ordering::Release))
    }

    /// What everybody who asks for a machine in hand does for it. Nothing is asked of a QEMU that is well, and
    /// nothing fails: the one who asks wants the machine.
    pub(super) fn look_after(&self) {
        if let Err(error) = serial::bound(&self.folder) {
            tracing::warn!(%error, "the log of a serial port could not be shortened");
        }
        if !self.unsettled.load(Ordering::Acquire) {
            return;
        }
        // Somebody works on the disks: it settles first.
        let Ok(_alone) = self.disk_work.try_lock() else {
            return;
        };
        if matches!(self.status(), Ok(MachineState::Silent | MachineState::Off)) {
            return;
        }
        match adopt::settle(self) {
            Ok(()) => self.unsettled.store(false, Ordering::Release),
            Err(error) => tracing::warn!(%error, "failed work on the disks is not settled yet"),
        }
    }

    pub(super) fn run(&self, command: &str, arguments: &Value) -> Result<Value> {
        self.monitor.run(command, arguments).map_err(|source| self.control(source))
    }

    pub(super) fn control(&self, source: QmpError) -> FabricError {
        if self.gone() {
            return FabricError::NotRunning { machine: self.name() };
        }
        FabricError::Control { machine: self.name(), source }
    }

    pub(super) fn disk(&self, disk: DiskId) -> Result<RunDisk> {
        let record = self.record();
        record.disk(disk).cloned().ok_or(FabricError::NoSuchDisk { machine: record.name, disk })
    }

    pub(super) fn freeze_record(&self) -> Result<FreezeRecord> {
        Ok(self.folder.read(FreezeRecord::FILE)?.unwrap_or_default())
    }

    /// Finds out which host ports the forwards got, and writes them down.
    pub(super) fn note_forwards(&self) -> Result<()> {
        let told = self.monitor.run_human("info usernet").map_err(|source| self.control(source))?;
        let mut record = self.record();
        record.forwards = forwards(&told);
        self.folder.write(RUN_RECORD, &record)?;
        *self.record.lock().unwrap_or_else(PoisonError::into_inner) = record;
        Ok(())
    }

    /// Makes QEMU count how long guest writes take.
    pub(super) fn count_write_latency(&self) -> Result<()> {
        let edges: Vec<u64> = EDGES_MICROS.iter().map(|micros| micros * 1000).collect();
        for disk in self.record().disks {
            self.run("block-latency-histogram-set", &json!({"id": disk.device, "boundaries-write": edges}))?;
        }
        Ok(())
    }

    /// Waits for a state; `None` when it did not come in time.
    fn wait_for(&self, notes: &Receiver<Note>, wanted: MachineState, limit: Duration) -> Result<bool> {
        let deadline = Instant::now() + limit;
        loop {
            let state = self.status()?;
            if state == wanted {
                return Ok(true);
            }
            if state == MachineState::Off {
                return Err(FabricError::NotRunning { machine: self.name() });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            // The tick covers events that were missed while the channel reconnected.
            match notes.recv_timeout(left.min(Duration::from_secs(1))) {
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

impl Machine for QemuMachine {
    fn record(&self) -> RunRecord {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn folder(&self) -> &MachineFolder {
        &self.folder
    }

    fn status(&self) -> Result<MachineState> {
        if self.gone() {
            return Ok(MachineState::Off);
        }
        let told = self.monitor.run_within("query-status", &Value::Null, STATUS_LIMIT);
        match told.map(|t| t.get("status").and_then(Value::as_str).unwrap_or_default().to_owned()) {
            Ok(word) => Ok(state(&word)),
            Err(_) if self.gone() => Ok(MachineState::Off),
            Err(error) => {
                tracing::warn!(%error, "the machine's control channel is silent");
                Ok(MachineState::Silent)
            }
        }
    }

    fn watch(&self) -> Receiver<MachineFact> {
        let disks = self.record().disks.into_iter();
        let disks = disks.flat_map(|d| [(d.node, d.disk), (d.overlay_node, d.disk)]).collect();
        let (facts, receiver) = channel();
        facts::spawn(Arc::clone(&self.monitor), Arc::clone(&self.process), disks, facts);
        receiver
    }

    fn shut_down(&self, limit: Duration) -> Result<ShutDown> {
        let deadline = Instant::now() + limit;
        let notes = self.monitor.listen();
        if self.status()? == MachineState::ShutDown {
            return Ok(ShutDown::Done(Orderly::Already));
        }
        if self.guest_agent_listens() && self.ask_guest_to_shut_down(limit).is_ok() {
            let left = deadline.saturating_duration_since(Instant::now());
            // Most of the time is the agent's; the rest is for the power button.
            if self.wait_for(&notes, MachineState::ShutDown, left * 2 / 3)? {
                return Ok(ShutDown::Done(Orderly::GuestAgent));
            }
        }
        loop {
            self.run("system_powerdown", &Value::Null)?;
            let left = deadline.saturating_duration_since(Instant::now());
            if self.wait_for(&notes, MachineState::ShutDown, left.min(PRESS_AGAIN))? {
                return Ok(ShutDown::Done(Orderly::PowerButton));
            }
            if left <= PRESS_AGAIN {
                return Ok(ShutDown::StillRunning);
            }
        }
    }

    fn quit(&self, limit: Duration) -> Result<()> {
        let _alone = self.alone();
        self.quit_within(limit)
    }

    fn power_off(&self) -> Result<()> {
        // Not alone(): whatever is under way must not keep a fence from falling.
        match self.quit_within(CLEAN_END_LIMIT) {
            Ok(()) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "the machine did not end cleanly; ending its process");
                self.process.kill(&self.name())
            }
        }
    }

    fn reset(&self) -> Result<()> {
        self.run("system_reset", &Value::Null)?;
        if self.status()? != MachineState::Running {
            self.resume()?;
        }
        Ok(())
    }

    fn pause(&self) -> Result<()> {
        self.run("stop", &Value::Null).map(|_| ())
    }

    fn resume(&self) -> Result<()> {
        self.run("cont", &Value::Null).map(|_| ())
    }

    fn console_picture(&self) -> Result<Vec<u8>> {
        // A file of its own: two may look at once.
        let number = self.pictures.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.file(&format!("console-{number}.png"));
        let taken = self.run("screendump", &json!({"filename": path.display().to_string(), "format": "png"}));
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|f| f.take(PICTURE_BYTES_MAX).read_to_end(&mut bytes));
        remove_file(&path)?;
        taken?;
        read.map_err(FabricError::file("read", path))?;
        Ok(bytes)
    }

    fn serial_tail(&self, bytes_max: usize) -> Result<Vec<u8>> {
        serial::tail(&self.folder, bytes_max)
    }

    fn guest_agent_answers(&self, limit: Duration) -> bool {
        self.guest_agent_listens() && GuestAgent::connect(&self.folder.guest_agent_socket(), limit).is_ok()
    }

    fn start_tracking(&self, disks: &[DiskId]) -> Result<()> {
        let _alone = self.alone();
        tracking::start(self, disks)
    }

    fn stop_tracking(&self, disks: &[DiskId]) -> Result<()> {
        let _alone = self.alone();
        tracking::stop(self, disks)
    }

    fn tracking(&self) -> Result<BTreeMap<DiskId, Tracking>> {
        tracking::now(self)
    }

    fn capture_delta(&self, ask: &CaptureAsk, clock: &dyn Fn() -> Moment) -> Result<Capture> {
        self.work(|| capture::capture(self, ask, clock))
    }

    fn unsettled_capture(&self) -> Result<Option<Captured>> {
        settlement::unsettled(&self.folder)
    }

    fn settle_capture(&self, sequence: Sequence) -> Result<()> {
        settlement::confirm(&self.folder, sequence)
    }

    fn drop_capture(&self, sequence: Sequence) -> Result<()> {
        settlement::give_up(&self.folder, sequence)
    }

    fn freeze_base(&self, ask: &FreezeAsk, clock: &dyn Fn() -> Moment) -> Result<FrozenBase> {
        self.work(|| freeze::freeze(self, ask, clock))
    }

    fn merge_back(&self, disk: DiskId) -> Result<Merged> {
        self.work(|| merge::merge_back(self, disk))
    }

    fn drop_frozen(&self, disk: DiskId) -> Result<Merged> {
        self.work(|| {
            if self.freeze_record()?.entry(disk).is_some() {
                // First: a crash in between must not leave a gap that nothing shows.
                tracking::lose(&self.folder, &[disk], LostWhy::DroppedFreeze)?;
            }
            merge::merge_back(self, disk)
        })
    }

    fn frozen(&self) -> Result<Vec<FrozenDisk>> {
        Ok(self.freeze_record()?.disks.iter().map(FreezeEntry::frozen_disk).collect())
    }

    fn write_latency(&self) -> Result<BTreeMap<DiskId, WriteLatency>> {
        nodes::write_latency(self)
    }
}

impl QemuMachine {
    /// Whether something in the guest has opened the agent's port. Without, nobody would ever answer.
    pub(super) fn guest_agent_listens(&self) -> bool {
        let told = self.run("query-chardev", &Value::Null).unwrap_or_default();
        let ports = told.as_array().into_iter().flatten();
        let mut ours = ports.filter(|port| port.get("label").and_then(Value::as_str) == Some("qga0"));
        ours.any(|port| port.get("frontend-open").and_then(Value::as_bool) == Some(true))
    }

    fn ask_guest_to_shut_down(&self, limit: Duration) -> std::result::Result<(), QmpError> {
        let limit = GUEST_AGENT_LIMIT.min(limit);
        GuestAgent::connect(&self.folder.guest_agent_socket(), limit)?.ask_shut_down(limit)
    }

    fn quit_within(&self, limit: Duration) -> Result<()> {
        if self.gone() {
            return Ok(());
        }
        match self.monitor.run_within("quit", &Value::Null, limit) {
            // The connection may end before the reply.
            Ok(_) | Err(QmpError::Lost { .. }) => {}
            Err(source) => return Err(self.control(source)),
        }
        if self.process.ended_within(limit) {
            return Ok(());
        }
        let limit_secs = limit.as_secs();
        Err(FabricError::TooSlow { machine: self.name(), action: "end its process", limit_secs })
    }
}

fn state(word: &str) -> MachineState {
    match word {
        "running" => MachineState::Running,
        "prelaunch" => MachineState::Prepared,
        "paused" | "debug" | "suspended" => MachineState::Paused,
        "io-error" => MachineState::IoError,
        "shutdown" => MachineState::ShutDown,
        "guest-panicked" | "internal-error" | "watchdog" => MachineState::Crashed,
        other => MachineState::Other(other.to_owned()),
    }
}
