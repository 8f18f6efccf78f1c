//! A machine, a replica that follows it, and a seeded series of everything that can happen to QEMU and its agent.
//! At the end the replica must be the source, and on the way no record that was on the disks may vanish.
//!
//! `LEEWARD_THRASH_SEED` and `LEEWARD_THRASH_ROUNDS` repeat or lengthen a run.

use crate::stage::{DEADLINE, Stage, apply, content, one_instant, same};
use leeward_fabric::*;
use leeward_model::Sequence;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A small generator: a run is its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

struct Thrash {
    stage: Stage,
    machine: Option<Arc<dyn Machine>>,
    replica: BTreeMap<&'static str, Vec<u8>>,
    /// Copies of frozen disks, to become the replica with the first delta.
    copies: BTreeMap<&'static str, Vec<u8>>,
    sequence: u64,
    /// The last record seen on the source's disks.
    seen: u32,
    resyncs: u32,
    points: u32,
}

const DISKS: [&str; 2] = ["os", "data"];

impl Thrash {
    fn new() -> Self {
        let stage = Stage::new();
        let replica = DISKS.map(|name| (name, content(&stage.file(&format!("{name}.qcow2"))))).into();
        let machine = Some(stage.start_tracked());
        let copies = BTreeMap::new();
        Self { stage, machine, replica, copies, sequence: 0, seen: 0, resyncs: 0, points: 0 }
    }

    /// The machine, started or adopted if it is not in hand.
    fn machine(&mut self) -> Arc<dyn Machine> {
        let stage = &self.stage;
        let machine = self.machine.take().filter(|m| m.status().unwrap() != MachineState::Off);
        let machine = machine.unwrap_or_else(|| match stage.driver.adopt(&stage.folder).unwrap() {
            Adoption::Running(machine) => machine,
            Adoption::Off => stage.start(),
        });
        assert_eq!(machine.status().unwrap(), MachineState::Running);
        self.machine = Some(Arc::clone(&machine));
        self.seal(&machine);
        machine
    }

    /// What an agent does first: a capture that waits goes to the replica.
    fn seal(&mut self, machine: &Arc<dyn Machine>) {
        if let Some(captured) = machine.unsettled_capture().unwrap() {
            self.follow(&captured);
            machine.settle_capture(captured.sequence).unwrap();
        }
    }

    fn follow(&mut self, captured: &Captured) {
        for (name, bytes) in &mut self.replica {
            if let Some(taken) = captured.disks.iter().find(|d| d.disk == self.stage.disk(name)) {
                apply(bytes, &taken.path);
                std::fs::remove_file(&taken.path).unwrap();
            }
        }
        let head = one_instant(&self.replica["os"], &self.replica["data"]);
        assert!(head >= self.seen, "the replica has record {head}, the source had {}", self.seen);
        self.points += 1;
    }

    fn capture(&mut self) {
        let machine = self.machine();
        if !machine.frozen().unwrap().is_empty() || !self.copies.is_empty() {
            self.merge();
        }
        self.heal(&machine);
        self.sequence += 1;
        self.look();
        match machine.capture_delta(&self.stage.ask(self.sequence), &|| self.stage.now()).unwrap() {
            Capture::Empty { .. } => {}
            Capture::Taken(captured) => {
                self.follow(&captured);
                machine.settle_capture(Sequence(self.sequence)).unwrap();
            }
        }
    }

    /// A resynchronization: all disks frozen and copied anew.
    fn heal(&mut self, machine: &Arc<dyn Machine>) {
        if machine.tracking().unwrap().values().all(|t| matches!(t, Tracking::Tracking { .. })) {
            return;
        }
        self.resyncs += 1;
        self.freeze();
        self.merge();
    }

    fn freeze(&mut self) {
        let machine = self.machine();
        if !machine.frozen().unwrap().is_empty() {
            return;
        }
        self.look();
        let disks = DISKS.map(|name| FreezeDisk {
            disk: self.stage.disk(name),
            overlay: self.stage.file(&format!("{name}.overlay.qcow2")),
        });
        machine.freeze_base(&FreezeAsk { disks: disks.to_vec() }, &|| self.stage.now()).unwrap();
        self.copy();
    }

    /// Copies the frozen disks, which stand still.
    fn copy(&mut self) {
        self.copies = DISKS.map(|name| (name, content(&self.stage.file(&format!("{name}.qcow2"))))).into();
        let head = one_instant(&self.copies["os"], &self.copies["data"]);
        assert!(head >= self.seen, "frozen at record {head}, the source had {}", self.seen);
    }

    /// Merges what is frozen; the copy becomes the replica, whose next delta is exact.
    fn merge(&mut self) {
        let machine = self.machine();
        for disk in self.stage.disks() {
            machine.merge_back(disk).unwrap();
        }
        for (name, copy) in std::mem::take(&mut self.copies) {
            self.replica.insert(name, copy);
        }
    }

    /// The agent that was killed may have merged everything: then the copies are the replica, and whatever is
    /// captured from here on belongs on them.
    fn take_merged(&mut self) {
        if !self.copies.is_empty() && self.machine().frozen().unwrap().is_empty() {
            self.merge();
        }
    }

    /// Looks at what the guest has written, from outside. The guest stands still meanwhile: a reader of a file that
    /// grows sees zeros behind the end that the file had when it was opened.
    fn look(&mut self) {
        let alive = self.machine.as_ref().filter(|m| m.status().unwrap() == MachineState::Running).cloned();
        if let Some(machine) = &alive {
            machine.pause().unwrap();
        }
        let files = DISKS.map(|name| {
            let overlay = self.stage.file(&format!("{name}.overlay.qcow2"));
            if overlay.exists() { overlay } else { self.stage.file(&format!("{name}.qcow2")) }
        });
        let data = one_instant(&content(&files[0]), &content(&files[1]));
        if let Some(machine) = &alive {
            machine.resume().unwrap();
        }
        assert!(data >= self.seen, "record {} was on the disks, now it is {data}", self.seen);
        self.seen = data;
    }

    fn kill_qemu(&mut self) {
        let machine = self.machine();
        self.stage.kill_qemu(&machine);
        self.look();
    }

    fn end_in_order(&mut self) {
        self.machine().quit(DEADLINE).unwrap();
        self.look();
    }

    fn new_agent(&mut self) {
        self.machine = None;
        self.stage.driver = QemuDriver::default();
    }

    /// Something under way, and QEMU dies some milliseconds into it.
    fn kill_qemu_while(&mut self, delay: Duration, what: fn(&dyn Machine, &Stage, u64)) {
        let machine = self.machine();
        self.take_merged();
        self.look();
        self.sequence += 1;
        let (stage, sequence) = (&self.stage, self.sequence);
        std::thread::scope(|scope| {
            let worker = Arc::clone(&machine);
            scope.spawn(move || what(&*worker, stage, sequence));
            std::thread::sleep(delay);
            stage.kill_qemu(&machine);
        });
        // Another agent settles what is in the folder; what is complete is so without QEMU, too.
        self.new_agent();
        let waiting = self.stage.driver.unsettled_while_off(&self.stage.folder).unwrap();
        let before = self.points;
        self.machine();
        assert_eq!(self.points - before, u32::from(waiting.is_some()));
    }

    /// An agent in a process of its own has something under way, and dies some milliseconds into it.
    fn kill_agent_while(&mut self, delay: Duration, act: &str) {
        self.machine();
        self.take_merged();
        self.look();
        self.sequence += 1;
        // The control socket takes one client.
        self.new_agent();
        let mut agent = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "thrash::an_agent_to_be_killed", "--nocapture"])
            .env("LEEWARD_THRASH_ACT", act)
            .env("LEEWARD_THRASH_FOLDER", self.stage.folder.path())
            .env("LEEWARD_THRASH_SEQUENCE", self.sequence.to_string())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(delay);
        agent.kill().unwrap();
        agent.wait().unwrap();
        let machine = self.machine();
        if act == "freeze" && !machine.frozen().unwrap().is_empty() && self.copies.is_empty() {
            self.copy();
        }
        self.look();
    }

    fn finish(&mut self) {
        self.capture();
        let machine = self.machine();
        machine.shut_down(DEADLINE).unwrap();
        self.sequence += 1;
        if let Capture::Taken(captured) = self.stage.capture(&machine, self.sequence) {
            self.follow(&captured);
            machine.settle_capture(Sequence(self.sequence)).unwrap();
        }
        machine.quit(DEADLINE).unwrap();
        for (name, bytes) in &self.replica {
            same(name, bytes, &content(&self.stage.file(&format!("{name}.qcow2"))));
        }
    }
}

fn try_capture(machine: &dyn Machine, stage: &Stage, sequence: u64) {
    machine.capture_delta(&stage.ask(sequence), &|| stage.now()).ok();
}

fn try_merge(machine: &dyn Machine, stage: &Stage, _sequence: u64) {
    for disk in stage.disks() {
        machine.merge_back(disk).ok();
    }
}

/// The agent that [`Thrash::kill_agent_while`] starts and kills; without being told what to do it does nothing.
#[test]
fn an_agent_to_be_killed() {
    let Ok(act) = std::env::var("LEEWARD_THRASH_ACT") else { return };
    let folder = MachineFolder::new(std::env::var("LEEWARD_THRASH_FOLDER").unwrap());
    let sequence: u64 = std::env::var("LEEWARD_THRASH_SEQUENCE").unwrap().parse().unwrap();
    let Adoption::Running(machine) = QemuDriver::default().adopt(&folder).unwrap() else { panic!("it runs") };
    let disks = machine.record().disks;
    let clock = || leeward_model::Moment(i64::try_from(sequence).unwrap());
    match act.as_str() {
        "capture" => {
            let spool = |d: &RunDisk| SpoolAsk {
                disk: d.disk,
                path: folder.file(&format!("{}.{sequence}.hrl", d.name)),
            };
            let ask = CaptureAsk {
                sequence: Sequence(sequence),
                spools: disks.iter().map(spool).collect(),
                consistency: ConsistencyAsk::Crash,
                freeze_limit: Duration::ZERO,
                limit: DEADLINE,
                even_if_empty: true,
            };
            machine.capture_delta(&ask, &clock).ok();
        }
        "freeze" => {
            let overlay = |d: &RunDisk| FreezeDisk {
                disk: d.disk,
                overlay: folder.file(&format!("{}.overlay.qcow2", d.name)),
            };
            machine.freeze_base(&FreezeAsk { disks: disks.iter().map(overlay).collect() }, &clock).ok();
        }
        _ => {
            for disk in disks {
                machine.merge_back(disk.disk).ok();
            }
        }
    }
}

#[test]
fn whatever_happens_the_replica_becomes_the_source() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let seed = number("LEEWARD_THRASH_SEED").unwrap_or(1);
    let rounds = number("LEEWARD_THRASH_ROUNDS").unwrap_or(30);
    let (mut dice, mut thrash) = (Dice(seed), Thrash::new());
    for round in 0..rounds {
        let (act, delay) = (dice.below(12), Duration::from_millis(dice.below(80)));
        eprintln!("seed {seed} round {round}: act {act} delay {delay:?}, record {}", thrash.seen);
        let machine = thrash.machine();
        thrash.stage.let_guest_write(&machine, 1 + dice.below(40));
        drop(machine);
        match act {
            0 | 1 => thrash.capture(),
            2 => thrash.freeze(),
            3 => thrash.merge(),
            4 => thrash.kill_qemu(),
            5 => thrash.end_in_order(),
            6 => thrash.new_agent(),
            7 => thrash.kill_qemu_while(delay, try_capture),
            8 => {
                thrash.freeze();
                thrash.kill_qemu_while(delay, try_merge);
            }
            9 => thrash.kill_agent_while(delay, "capture"),
            10 => thrash.kill_agent_while(delay, "freeze"),
            _ => {
                thrash.freeze();
                thrash.kill_agent_while(delay, "merge");
            }
        }
    }
    thrash.finish();
    eprintln!("seed {seed}: {} points, {} resyncs, record {}", thrash.points, thrash.resyncs, thrash.seen);
    assert!(thrash.points > 0);
}
