//! Deltas: what is in them, at what instant, and what becomes of them when something goes wrong.

use crate::small::SmallFileSystem;
use crate::stage::{DEADLINE, Stage, apply, content, one_instant, same, until};
use leeward_fabric::*;
use leeward_model::point::Consistency;
use leeward_model::{DiskId, Sequence};
use std::sync::Arc;

/// A replica of the machine's disks that follows by deltas alone, from empty disks with nothing but the guest.
struct Replica {
    disks: Vec<(String, Vec<u8>)>,
}

impl Replica {
    /// The disks before the first instruction.
    fn of(stage: &Stage) -> Self {
        let one = |name: &str| (name.to_owned(), content(&stage.file(&format!("{name}.qcow2"))));
        Self { disks: vec![one("os"), one("data")] }
    }

    fn follow(&mut self, stage: &Stage, captured: &Captured) {
        for (name, bytes) in &mut self.disks {
            let disk = captured.disks.iter().find(|d| d.disk == stage.disk(name)).unwrap();
            apply(bytes, &disk.path);
        }
    }

    fn head(&self) -> u32 {
        one_instant(&self.disks[0].1, &self.disks[1].1)
    }

    fn is_the_source(&self, stage: &Stage) {
        for (name, bytes) in &self.disks {
            same(name, bytes, &content(&stage.file(&format!("{name}.qcow2"))));
        }
    }
}

#[test]
fn deltas_of_a_writing_guest_are_one_instant_and_add_up_to_the_source() {
    let stage = Stage::new();
    let mut replica = Replica::of(&stage);
    let machine = stage.start_tracked();
    let mut last = 0;
    for sequence in 1..=4 {
        stage.let_guest_write(&machine, 40);
        let captured = stage.taken(&machine, sequence);
        assert_eq!(captured.consistency, Consistency::Crash);
        assert!(captured.disks.iter().all(|d| d.delta_bytes > 0 && d.delta_bytes % 65_536 == 0));
        replica.follow(&stage, &captured);
        let head = replica.head();
        assert!(head > last, "the replica moves on: {last} -> {head}");
        last = head;
        machine.settle_capture(Sequence(sequence)).unwrap();
    }
    machine.shut_down(DEADLINE).unwrap();
    let captured = stage.taken(&machine, 5);
    replica.follow(&stage, &captured);
    machine.settle_capture(Sequence(5)).unwrap();
    assert!(matches!(stage.capture(&machine, 6), Capture::Empty { .. }));
    machine.quit(DEADLINE).unwrap();
    replica.is_the_source(&stage);
}

#[test]
fn an_empty_cycle_writes_nothing() {
    let stage = Stage::bare();
    let machine = stage.start_tracked();
    assert!(matches!(stage.capture(&machine, 1), Capture::Empty { .. }));
    assert!(!stage.spool("os", 1).exists());
    let ask = CaptureAsk { even_if_empty: true, ..stage.ask(1) };
    let Capture::Taken(captured) = machine.capture_delta(&ask, &|| stage.now()).unwrap() else {
        panic!("asked for a point")
    };
    assert!(captured.disks.iter().all(|d| d.delta_bytes == 0));
}

#[test]
fn the_last_delta_of_a_machine_that_was_off_is_taken_without_running_it() {
    let stage = Stage::new();
    let mut replica = Replica::of(&stage);
    let machine = stage.start_tracked();
    stage.let_guest_write(&machine, 20);
    machine.quit(DEADLINE).unwrap();
    let machine = stage.driver.start(&StartSpec { hold: true, ..stage.spec() }).unwrap().machine;
    assert_eq!(machine.status().unwrap(), MachineState::Prepared);
    let captured = stage.taken(&machine, 1);
    replica.follow(&stage, &captured);
    machine.settle_capture(Sequence(1)).unwrap();
    machine.quit(DEADLINE).unwrap();
    replica.is_the_source(&stage);
}

#[test]
fn a_capture_waits_until_it_is_settled_also_for_another_agent() {
    let mut stage = Stage::bare();
    let machine = stage.start_tracked();
    stage.write("os", "-P 0xab 0 64k");
    let captured = stage.taken(&machine, 7);
    stage.write("os", "-P 0xac 0 64k");
    let refused = machine.capture_delta(&stage.ask(8), &|| stage.now());
    assert!(matches!(refused, Err(FabricError::Unsettled { sequence: 7, .. })), "{refused:?}");
    drop(machine);
    let machine = stage.adopt_anew();
    assert_eq!(machine.unsettled_capture().unwrap(), Some(captured.clone()));
    // QEMU may be gone too: the spools are complete.
    machine.quit(DEADLINE).unwrap();
    assert_eq!(stage.driver.unsettled_while_off(&stage.folder).unwrap(), Some(captured));
    let machine = stage.start();
    machine.settle_capture(Sequence(6)).unwrap();
    assert!(machine.unsettled_capture().unwrap().is_some(), "another number settles nothing");
    machine.settle_capture(Sequence(7)).unwrap();
    assert_eq!(stage.taken(&machine, 8).disks[0].delta_bytes, 65_536);
}

#[test]
fn a_capture_that_is_given_up_loses_its_disks_openly() {
    let stage = Stage::bare();
    let machine = stage.start_tracked();
    stage.write("os", "-P 0xab 0 64k");
    stage.taken(&machine, 1);
    machine.drop_capture(Sequence(1)).unwrap();
    assert!(!stage.spool("os", 1).exists());
    let lost = Tracking::Lost { why: LostWhy::DroppedCapture };
    assert_eq!(machine.tracking().unwrap()[&stage.disk("os")], lost);
    machine.quit(DEADLINE).unwrap();
    assert_eq!(stage.driver.tracking_while_off(&stage.folder).unwrap()[&stage.disk("os")], lost);
}

/// The agent dies with the transaction sent and nobody waiting for its jobs.
#[test]
fn an_agent_killed_in_a_capture_leaves_it_taken() {
    let mut stage = Stage::new();
    let mut replica = Replica::of(&stage);
    let machine = stage.start_tracked();
    stage.let_guest_write(&machine, 20);
    let sequence = begin_as_a_dying_agent(&stage, &machine, true);
    drop(machine);
    let machine = stage.adopt_anew();
    let captured = machine.unsettled_capture().unwrap().expect("taken by the jobs that went on");
    assert_eq!(captured.sequence, sequence);
    replica.follow(&stage, &captured);
    assert!(replica.head() > 0);
    machine.settle_capture(sequence).unwrap();
    machine.shut_down(DEADLINE).unwrap();
    let captured = stage.taken(&machine, 100);
    replica.follow(&stage, &captured);
    machine.settle_capture(Sequence(100)).unwrap();
    machine.quit(DEADLINE).unwrap();
    replica.is_the_source(&stage);
}

/// The agent dies with the record written and the transaction not sent.
#[test]
fn an_agent_killed_before_the_transaction_leaves_the_changes_tracked() {
    let mut stage = Stage::bare();
    let machine = stage.start_tracked();
    stage.write("os", "-P 0xab 0 64k");
    begin_as_a_dying_agent(&stage, &machine, false);
    drop(machine);
    let machine = stage.adopt_anew();
    assert_eq!(machine.unsettled_capture().unwrap(), None);
    assert_eq!(stage.dirty(&machine, "os"), 65_536);
    assert!(!stage.spool("os", 99).exists());
    assert_eq!(stage.taken(&machine, 1).disks[0].delta_bytes, 65_536);
}

/// QEMU ends in order (a host that shuts down) with a capture that nobody concluded: its jobs may have cleared the
/// trackers, so what they store must not be believed.
#[test]
fn a_capture_nobody_concluded_is_a_loss_after_the_end_of_qemu() {
    let stage = Stage::bare();
    let machine = stage.start_tracked();
    stage.write("os", "-P 0xab 0 64k");
    begin_as_a_dying_agent(&stage, &machine, true);
    stage.side().run("quit", &serde_json::Value::Null).ok();
    until("QEMU ends", || machine.status().unwrap() == MachineState::Off);
    drop(machine);
    let machine = stage.start();
    let lost = Tracking::Lost { why: LostWhy::InterruptedCapture };
    assert_eq!(machine.tracking().unwrap()[&stage.disk("os")], lost);
    assert!(!stage.spool("os", 99).exists());
}

/// Does what the driver does up to a point, and not what it does after it.
fn begin_as_a_dying_agent(stage: &Stage, machine: &Arc<dyn Machine>, send: bool) -> Sequence {
    let sequence = Sequence(99);
    let side = stage.side();
    let mut actions = Vec::new();
    let mut disks = Vec::new();
    for disk in machine.record().disks {
        let path = stage.spool(&disk.name, 99);
        let (shown, size) = (path.display().to_string(), disk.size_bytes.to_string());
        crate::stage::tool(&["create", "-q", "-f", "qcow2", &shown, &size]);
        let node = format!("s-{}", disk.name);
        let file = serde_json::json!({"driver": "file", "filename": shown});
        let add = serde_json::json!({"driver": "qcow2", "node-name": node, "file": file});
        side.run("blockdev-add", &add).unwrap();
        actions.push(serde_json::json!({"type": "blockdev-backup", "data": {
            "job-id": format!("capture-{}", disk.name), "device": disk.node, "target": node, "sync": "bitmap",
            "bitmap": "leeward", "bitmap-mode": "on-success", "auto-dismiss": false}}));
        disks.push(CapturedDisk { disk: disk.disk, path, delta_bytes: 0 });
    }
    let captured = Captured {
        sequence,
        instant: stage.now(),
        consistency: Consistency::Crash,
        freeze_failure: None,
        frozen_millis: None,
        took_millis: 0,
        disks,
        guest_write_latency: None,
    };
    let record = serde_json::json!({"Begun": captured});
    std::fs::write(stage.file("capture.json"), record.to_string()).unwrap();
    if send {
        let grouped = serde_json::json!({"completion-mode": "grouped"});
        side.run("transaction", &serde_json::json!({"properties": grouped, "actions": actions})).unwrap();
        until("the jobs conclude", || {
            let jobs = side.run("query-jobs", &serde_json::Value::Null).unwrap();
            jobs.as_array().unwrap().iter().all(|j| j["status"] == "concluded")
        });
    }
    sequence
}

#[test]
fn a_full_spool_fails_the_capture_and_the_guest_runs_on() {
    let Some(small) = SmallFileSystem::mount(4 << 20) else {
        eprintln!("SKIPPED: no small file system could be mounted (needs root and a loop device)");
        return;
    };
    let stage = Stage::new();
    let machine = stage.start_tracked();
    for disk in ["os", "data"] {
        stage.write(disk, "-P 0xab 20M 10M");
    }
    let before = (stage.dirty(&machine, "os"), stage.dirty(&machine, "data"));
    let mut ask = stage.ask(1);
    for spool in &mut ask.spools {
        spool.path = small.path().join(spool.path.file_name().unwrap());
    }
    let error = machine.capture_delta(&ask, &|| stage.now()).unwrap_err();
    assert!(matches!(error, FabricError::NoSpace { job: "capture", .. }), "{error}");
    assert!(ask.spools.iter().all(|s| !s.path.exists()), "no spool is left");
    assert!(stage.dirty(&machine, "os") >= before.0 && stage.dirty(&machine, "data") >= before.1);
    // The guest runs on, and the next capture, with room, takes everything.
    stage.let_guest_write(&machine, 16);
    assert_eq!(machine.status().unwrap(), MachineState::Running);
    let captured = stage.taken(&machine, 2);
    let of = |name: &str| captured.disks.iter().find(|d| d.disk == stage.disk(name)).unwrap().delta_bytes;
    assert!(of("os") >= before.0 && of("data") >= before.1);
}

#[test]
fn a_capture_is_refused_for_what_it_cannot_do() {
    let stage = Stage::bare();
    let machine = stage.start_tracked();
    let try_ = |ask: &CaptureAsk| machine.capture_delta(ask, &|| stage.now());
    let none = CaptureAsk { spools: Vec::new(), ..stage.ask(1) };
    assert!(matches!(try_(&none), Err(FabricError::Invalid { .. })));
    let mut stranger = stage.ask(1);
    stranger.spools[0].disk = DiskId(uuid::Uuid::nil());
    assert!(matches!(try_(&stranger), Err(FabricError::NoSuchDisk { .. })));
    stage.write("os", "-P 0xab 0 64k");
    std::fs::write(stage.spool("data", 1), b"somebody's").unwrap();
    let taken = try_(&stage.ask(1));
    assert!(matches!(taken, Err(FabricError::File { .. })), "{taken:?}");
    assert_eq!(std::fs::read(stage.spool("data", 1)).unwrap(), b"somebody's", "not ours to remove");
    assert_eq!(stage.taken(&machine, 2).disks.len(), 2);
}

#[test]
fn without_a_guest_agent_application_consistency_fails_or_falls_back() {
    let stage = Stage::bare();
    let machine = stage.start_tracked();
    stage.write("os", "-P 0xab 0 64k");
    let strict = CaptureAsk { consistency: ConsistencyAsk::Application, ..stage.ask(1) };
    let error = machine.capture_delta(&strict, &|| stage.now()).unwrap_err();
    assert!(matches!(error, FabricError::GuestAgent { .. }), "{error}");
    assert_eq!(stage.dirty(&machine, "os"), 65_536);
    let lenient = CaptureAsk { consistency: ConsistencyAsk::ApplicationOrCrash, ..stage.ask(2) };
    let Capture::Taken(captured) = machine.capture_delta(&lenient, &|| stage.now()).unwrap() else {
        panic!()
    };
    assert_eq!(captured.consistency, Consistency::Crash);
    assert!(captured.freeze_failure.is_some());
}
