//! Freeze and merge: nothing the guest wrote is ever lost, and the delta after it is exact, whoever is killed when.

use crate::small::SmallFileSystem;
use crate::stage::{DEADLINE, Stage, apply, content, one_instant, same, until};
use leeward_fabric::*;
use leeward_model::Sequence;
use serde_json::Value;
use std::sync::Arc;

impl Stage {
    fn freeze(&self, machine: &Arc<dyn Machine>) -> FrozenBase {
        let disk = |name: &str| FreezeDisk {
            disk: self.disk(name),
            overlay: self.file(&format!("{name}.overlay.qcow2")),
        };
        let ask = FreezeAsk { disks: vec![disk("os"), disk("data")] };
        machine.freeze_base(&ask, &|| self.now()).unwrap()
    }

    fn merge(&self, machine: &Arc<dyn Machine>) {
        for disk in self.disks() {
            assert!(!machine.merge_back(disk).unwrap().already);
        }
    }

    fn bases(&self) -> [Vec<u8>; 2] {
        ["os", "data"].map(|name| content(&self.file(&format!("{name}.qcow2"))))
    }

    /// Frozen copy plus the first delta is the source: takes the last delta of a stopped guest and compares.
    fn delta_closes_the_gap(&self, machine: Arc<dyn Machine>, mut copies: [Vec<u8>; 2]) {
        machine.shut_down(DEADLINE).unwrap();
        let captured = self.taken(&machine, 50);
        for (copy, name) in copies.iter_mut().zip(["os", "data"]) {
            let taken = captured.disks.iter().find(|d| d.disk == self.disk(name)).unwrap();
            apply(copy, &taken.path);
        }
        machine.settle_capture(Sequence(50)).unwrap();
        machine.quit(DEADLINE).unwrap();
        let source = self.bases();
        same("os", &copies[0], &source[0]);
        same("data", &copies[1], &source[1]);
        assert!(one_instant(&source[0], &source[1]) > 0);
        assert!(!self.file("os.overlay.qcow2").exists() && !self.file("data.overlay.qcow2").exists());
    }
}

#[test]
fn a_frozen_base_stands_still_and_the_first_delta_is_exact() {
    let stage = Stage::new();
    let machine = stage.start();
    stage.let_guest_write(&machine, 40);
    let frozen = stage.freeze(&machine);
    assert_eq!(frozen.disks.len(), 2);
    let copies = stage.bases();
    let at = one_instant(&copies[0], &copies[1]);
    assert!(at > 0);
    stage.let_guest_write(&machine, 80);
    let again = stage.bases();
    same("os while frozen", &copies[0], &again[0]);
    same("data while frozen", &copies[1], &again[1]);
    assert!(matches!(machine.capture_delta(&stage.ask(1), &|| stage.now()), Err(FabricError::Frozen { .. })));
    let facts = machine.watch();
    stage.merge(&machine);
    // It stands still at each switch: else a crash right after it would put the old overlay over newer writes.
    let mut told = Vec::new();
    until("two switches", || {
        told.extend(facts.try_iter());
        told == [MachineFact::Stopped, MachineFact::Resumed, MachineFact::Stopped, MachineFact::Resumed]
    });
    assert!(machine.frozen().unwrap().is_empty());
    assert!(machine.merge_back(stage.disk("os")).unwrap().already);
    assert_eq!(machine.status().unwrap(), MachineState::Running);
    stage.let_guest_write(&machine, 8);
    stage.delta_closes_the_gap(machine, copies);
}

#[test]
fn only_the_disks_asked_for_are_frozen() {
    let stage = Stage::bare();
    let machine = stage.start_tracked();
    stage.write("data", "-P 1 0 64k");
    let overlay = stage.file("os.overlay.qcow2");
    let ask = FreezeAsk { disks: vec![FreezeDisk { disk: stage.disk("os"), overlay }] };
    machine.freeze_base(&ask, &|| stage.now()).unwrap();
    assert!(matches!(machine.freeze_base(&ask, &|| stage.now()), Err(FabricError::Frozen { .. })));
    assert_eq!(stage.dirty(&machine, "data"), 65_536, "the other disk's tracker is untouched");
    stage.write("os", "-P 2 1M 192k");
    machine.merge_back(stage.disk("os")).unwrap();
    assert_eq!(stage.dirty(&machine, "os"), 196_608, "exactly the first delta");
}

#[test]
fn a_freeze_that_was_never_shipped_is_a_gap_that_shows() {
    let mut stage = Stage::bare();
    let machine = stage.start_tracked();
    stage.write("os", "-P 1 0 64k");
    stage.freeze(&machine);
    machine.drop_frozen(stage.disk("os")).unwrap();
    machine.merge_back(stage.disk("data")).unwrap();
    assert!(machine.frozen().unwrap().is_empty());
    let lost = Tracking::Lost { why: LostWhy::DroppedFreeze };
    let tracking = machine.tracking().unwrap();
    assert_eq!(tracking[&stage.disk("os")], lost, "what was written before the freeze is in no delta");
    assert!(matches!(tracking[&stage.disk("data")], Tracking::Tracking { .. }));
    assert!(machine.drop_frozen(stage.disk("data")).unwrap().already, "nothing frozen, nothing lost");
    assert!(matches!(machine.tracking().unwrap()[&stage.disk("data")], Tracking::Tracking { .. }));
    drop(machine);
    let machine = stage.adopt_anew();
    assert_eq!(machine.tracking().unwrap()[&stage.disk("os")], lost);
    // The next freeze closes the gap.
    stage.freeze(&machine);
    stage.merge(&machine);
    assert!(matches!(machine.tracking().unwrap()[&stage.disk("os")], Tracking::Tracking { .. }));
}

#[test]
fn a_freeze_heals_lost_tracking() {
    let stage = Stage::new();
    let machine = stage.start_tracked();
    machine.quit(DEADLINE).unwrap();
    let machine = stage.start();
    stage.let_guest_write(&machine, 8);
    stage.kill_qemu(&machine);
    let machine = stage.start();
    assert!(matches!(machine.tracking().unwrap()[&stage.disk("os")], Tracking::Lost { .. }));
    stage.freeze(&machine);
    let copies = stage.bases();
    stage.let_guest_write(&machine, 20);
    stage.merge(&machine);
    stage.delta_closes_the_gap(machine, copies);
}

#[test]
fn an_agent_killed_while_frozen_finds_it_frozen() {
    let mut stage = Stage::new();
    let machine = stage.start();
    let frozen = stage.freeze(&machine);
    let copies = stage.bases();
    drop(machine);
    let machine = stage.adopt_anew();
    assert_eq!(machine.frozen().unwrap(), frozen.disks);
    stage.let_guest_write(&machine, 20);
    stage.merge(&machine);
    stage.delta_closes_the_gap(machine, copies);
}

/// The record says that a freeze was being prepared. The devices tell whether it happened.
#[test]
fn an_agent_killed_in_a_freeze_gets_all_of_it_or_nothing() {
    let mut stage = Stage::new();
    let machine = stage.start();
    stage.freeze(&machine);
    let copies = stage.bases();
    set_phase(&stage, &serde_json::json!("Preparing"));
    std::fs::remove_file(stage.file("tracking.json")).unwrap();
    drop(machine);
    let machine = stage.adopt_anew();
    assert_eq!(machine.frozen().unwrap().len(), 2);
    stage.let_guest_write(&machine, 20);
    stage.merge(&machine);
    // Now one that was prepared and never sent: record, overlay and node are there, the device is not on it.
    let entry = serde_json::json!({"disks": [{
        "disk": stage.disk("os"), "chain": machine.record().disks[0].chain,
        "overlay": stage.file("os.overlay.qcow2"), "instant": 5, "phase": "Preparing"}]});
    crate::stage::tool(&[
        "create",
        "-q",
        "-f",
        "qcow2",
        stage.file("os.overlay.qcow2").to_str().unwrap(),
        "32M",
    ]);
    let file = serde_json::json!({"driver": "file", "filename": stage.file("os.overlay.qcow2")});
    let node = serde_json::json!({"driver": "qcow2", "node-name": "o-os", "file": file});
    stage.side().run("blockdev-add", &node).unwrap();
    std::fs::write(stage.file("freeze.json"), entry.to_string()).unwrap();
    drop(machine);
    let machine = stage.adopt_anew();
    assert!(machine.frozen().unwrap().is_empty());
    assert!(!stage.file("os.overlay.qcow2").exists());
    stage.delta_closes_the_gap(machine, copies);
}

fn set_phase(stage: &Stage, phase: &Value) {
    let mut record: Value =
        serde_json::from_slice(&std::fs::read(stage.file("freeze.json")).unwrap()).unwrap();
    for entry in record["disks"].as_array_mut().unwrap() {
        entry["phase"] = phase.clone();
    }
    record["resume"] = (phase == "Switching").into();
    std::fs::write(stage.file("freeze.json"), record.to_string()).unwrap();
}

#[test]
fn qemu_killed_while_frozen_loses_no_write_and_needs_no_resync() {
    let stage = Stage::new();
    let machine = stage.start();
    stage.let_guest_write(&machine, 20);
    stage.freeze(&machine);
    let copies = stage.bases();
    let at = one_instant(&copies[0], &copies[1]);
    stage.let_guest_write(&machine, 40);
    stage.kill_qemu(&machine);
    assert_eq!(stage.driver.frozen(&stage.folder).unwrap().len(), 2);
    let written =
        one_instant(&content(&stage.file("os.overlay.qcow2")), &content(&stage.file("data.overlay.qcow2")));
    assert!(written > at);
    let machine = stage.start();
    same("the copy is still the base", &copies[0], &stage.bases()[0]);
    stage.let_guest_write(&machine, 20);
    stage.merge(&machine);
    stage.delta_closes_the_gap(machine, copies);
}

/// Killed in the middle of the copying, twice: the base is neither what it was nor what it will be.
#[test]
fn qemu_killed_in_a_merge_loses_no_write_and_needs_no_resync() {
    let stage = Stage::new();
    let machine = stage.start_tracked();
    machine.quit(DEADLINE).unwrap();
    let machine = stage.start();
    stage.let_guest_write(&machine, 20);
    stage.freeze(&machine);
    let copies = stage.bases();
    stage.let_guest_write(&machine, 40);
    for disk in ["os", "data"] {
        stage.write(disk, "-P 0x77 20M 8M");
    }
    let mut machine = machine;
    for _ in 0..2 {
        begin_merge(&stage, &machine, 1);
        stage.kill_qemu(&machine);
        machine = stage.start();
        assert!(machine.frozen().unwrap().iter().all(|f| f.merging));
    }
    stage.merge(&machine);
    let os = machine.tracking().unwrap()[&stage.disk("os")].clone();
    assert!(matches!(os, Tracking::Tracking { dirty_bytes: Some(b), .. } if b >= 8 << 20), "{os:?}");
    stage.delta_closes_the_gap(machine, copies);
}

/// Starts the copying of a merge at a snail's pace and waits until some of it is in the base.
fn begin_merge(stage: &Stage, machine: &Arc<dyn Machine>, speed_mib: u64) {
    set_phase(stage, &serde_json::json!("Merging"));
    let side = stage.side();
    for disk in machine.record().disks {
        let commit = serde_json::json!({
            "job-id": format!("merge-{}", disk.name), "device": disk.overlay_node, "base-node": disk.node,
            "auto-dismiss": false, "speed": speed_mib << 20});
        side.run("block-commit", &commit).unwrap();
    }
    until("some of it is copied", || {
        let jobs = side.run("query-jobs", &Value::Null).unwrap();
        jobs.as_array().unwrap().iter().all(|j| j["current-progress"].as_u64().unwrap() > 0)
    });
}

#[test]
fn an_agent_killed_in_a_merge_attaches_to_it() {
    let mut stage = Stage::new();
    let machine = stage.start();
    stage.freeze(&machine);
    let copies = stage.bases();
    for disk in ["os", "data"] {
        stage.write(disk, "-P 0x77 20M 4M");
    }
    begin_merge(&stage, &machine, 1);
    drop(machine);
    let machine = stage.adopt_anew();
    assert_eq!(machine.status().unwrap(), MachineState::Running);
    for job in ["merge-os", "merge-data"] {
        stage.side().run("block-job-set-speed", &serde_json::json!({"device": job, "speed": 0})).unwrap();
    }
    stage.merge(&machine);
    stage.delta_closes_the_gap(machine, copies);
}

/// The agent dies with the guest stopped for the switch: before the order, and after the switch but before the
/// record lets go of the overlay.
#[test]
fn an_agent_killed_in_the_switch_leaves_no_guest_standing() {
    for (switched, let_go) in [(false, false), (true, false), (true, true)] {
        let mut stage = Stage::new();
        let machine = stage.start();
        stage.let_guest_write(&machine, 20);
        stage.freeze(&machine);
        let copies = stage.bases();
        stage.let_guest_write(&machine, 20);
        stop_for_the_switch(&stage, &machine, switched);
        if let_go {
            // The record has let go of the overlays; only the order to run again was not given.
            let overlays = ["os", "data"].map(|name| stage.file(&format!("{name}.overlay.qcow2")));
            let record = serde_json::json!({"disks": [], "unneeded": overlays, "resume": true});
            std::fs::write(stage.file("freeze.json"), record.to_string()).unwrap();
        }
        drop(machine);
        let machine = stage.adopt_anew();
        assert_eq!(machine.status().unwrap(), MachineState::Running, "switched {switched}, let go {let_go}");
        stage.let_guest_write(&machine, 20);
        for disk in stage.disks() {
            assert_eq!(machine.merge_back(disk).unwrap().already, switched);
        }
        stage.delta_closes_the_gap(machine, copies);
    }
}

/// QEMU dies right after the switch, when the record still names the overlay. The guest stood still, so both are
/// the same, and the overlay on top is right.
#[test]
fn qemu_killed_in_the_switch_loses_no_write() {
    let stage = Stage::new();
    let machine = stage.start();
    stage.let_guest_write(&machine, 20);
    stage.freeze(&machine);
    let copies = stage.bases();
    stage.let_guest_write(&machine, 20);
    stop_for_the_switch(&stage, &machine, true);
    stage.kill_qemu(&machine);
    let machine = stage.start();
    stage.let_guest_write(&machine, 20);
    stage.merge(&machine);
    stage.delta_closes_the_gap(machine, copies);
}

fn stop_for_the_switch(stage: &Stage, machine: &Arc<dyn Machine>, switch: bool) {
    begin_merge(stage, machine, 0);
    let side = stage.side();
    let jobs = |status: &str| {
        let jobs = side.run("query-jobs", &Value::Null).unwrap();
        jobs.as_array().unwrap().iter().all(|j| j["status"] == status)
    };
    until("the merge is ready", || jobs("ready"));
    set_phase(stage, &serde_json::json!("Switching"));
    side.run("stop", &Value::Null).unwrap();
    if switch {
        for disk in ["merge-os", "merge-data"] {
            side.run("job-complete", &serde_json::json!({"id": disk})).unwrap();
        }
        until("the switch is done", || jobs("concluded"));
    }
}

#[test]
fn a_start_on_another_file_than_the_frozen_one_is_refused() {
    let stage = Stage::bare();
    let machine = stage.start();
    stage.freeze(&machine);
    machine.quit(DEADLINE).unwrap();
    let mut spec = stage.spec();
    let copy = stage.file("copy.qcow2");
    std::fs::copy(stage.file("os.qcow2"), &copy).unwrap();
    spec.disks[0].chain[0].path = copy;
    let refused = stage.driver.start(&spec).map(|_| ());
    assert!(matches!(refused, Err(FabricError::Invalid { .. })), "{refused:?}");
    std::fs::remove_file(stage.file("os.overlay.qcow2")).unwrap();
    let refused = stage.driver.start(&stage.spec()).map(|_| ());
    assert!(matches!(refused, Err(FabricError::Record { .. })), "{refused:?}");
}

#[test]
fn a_stopped_guest_stays_stopped_through_a_merge() {
    let stage = Stage::new();
    let machine = stage.start();
    stage.freeze(&machine);
    stage.let_guest_write(&machine, 8);
    machine.pause().unwrap();
    stage.merge(&machine);
    assert_eq!(machine.status().unwrap(), MachineState::Paused);
    machine.resume().unwrap();
}

#[test]
fn a_freeze_that_cannot_be_made_leaves_nothing() {
    let stage = Stage::new();
    let machine = stage.start_tracked();
    stage.let_guest_write(&machine, 8);
    let dirty = stage.dirty(&machine, "os");
    let good = FreezeDisk { disk: stage.disk("os"), overlay: stage.file("os.overlay.qcow2") };
    let bad = FreezeDisk { disk: stage.disk("data"), overlay: stage.file("nowhere/data.overlay.qcow2") };
    let refused = machine.freeze_base(&FreezeAsk { disks: vec![good.clone(), bad] }, &|| stage.now());
    assert!(matches!(refused, Err(FabricError::File { .. })), "{refused:?}");
    assert!(machine.frozen().unwrap().is_empty() && !good.overlay.exists());
    assert!(stage.dirty(&machine, "os") >= dirty, "what changed is still known");
    machine.freeze_base(&FreezeAsk { disks: vec![good] }, &|| stage.now()).unwrap();
}

/// The base's file system is full in the middle of the merge: the disk stays frozen, the guest runs, and with room
/// the merge goes on.
#[test]
fn a_merge_without_room_waits_for_it() {
    let Some(small) = SmallFileSystem::mount(24 << 20) else {
        eprintln!("SKIPPED: no small file system could be mounted (needs root and a loop device)");
        return;
    };
    let mut stage = Stage::new();
    let moved = small.path().join("data.qcow2");
    std::fs::copy(stage.file("data.qcow2"), &moved).unwrap();
    stage.definition.disks[1].path = moved.display().to_string();
    let machine = stage.start();
    stage.let_guest_write(&machine, 8);
    stage.freeze(&machine);
    let copies = [content(&stage.file("os.qcow2")), content(&moved)];
    stage.write("data", "-P 0x77 20M 8M");
    let filler = small.path().join("filler");
    std::fs::write(&filler, vec![1; 17 << 20]).unwrap();
    machine.merge_back(stage.disk("os")).unwrap();
    let error = machine.merge_back(stage.disk("data")).unwrap_err();
    assert!(matches!(error, FabricError::NoSpace { job: "merge", .. }), "{error}");
    assert_eq!(machine.frozen().unwrap().len(), 1);
    assert_eq!(machine.status().unwrap(), MachineState::Running);
    stage.let_guest_write(&machine, 8);
    std::fs::remove_file(&filler).unwrap();
    assert!(!machine.merge_back(stage.disk("data")).unwrap().already);
    machine.shut_down(DEADLINE).unwrap();
    let captured = stage.taken(&machine, 50);
    machine.quit(DEADLINE).unwrap();
    let mut data = copies[1].clone();
    apply(&mut data, &captured.disks[1].path);
    same("data", &data, &content(&moved));
}
