//! Starts that others get in the way of, and starts that come to nothing.

use crate::stage::{DEADLINE, Stage, until};
use leeward_fabric::*;
use leeward_model::Epoch;
use std::time::Duration;

/// QEMU lives and listens, and its launcher has not come back: everything that can go wrong with an eager adoption.
const LAUNCHER_LINGERS: &str =
    "qemu-system-x86_64 \"$@\" || exit 1\ntouch up\nwhile [ ! -e go ]; do sleep 0.01; done";

#[test]
fn nobody_takes_up_a_machine_that_is_being_started() {
    let mut stage = Stage::new();
    stage.wrap_qemu(LAUNCHER_LINGERS, DEADLINE);
    let spec = StartSpec { track_from_start: true, ..stage.spec() };
    std::thread::scope(|scope| {
        let starter = scope.spawn(|| stage.driver.start(&spec).map(|started| started.machine));
        until("QEMU lives", || stage.file("up").exists());
        // Another agent, and others in this one.
        let other = QemuDriver::default();
        for driver in [&other, &stage.driver, &other] {
            let answer = driver.adopt(&stage.folder).map(drop);
            assert!(matches!(answer, Err(FabricError::Starting { .. })), "{answer:?}");
        }
        std::fs::write(stage.file("go"), b"").unwrap();
        while !starter.is_finished() {
            drop(stage.driver.adopt(&stage.folder));
        }
        let machine = starter.join().unwrap().unwrap();
        assert_eq!(machine.status().unwrap(), MachineState::Running);
        // From before the first instruction.
        assert!(machine.tracking().unwrap().values().all(|t| matches!(t, Tracking::Tracking { .. })));
        let Adoption::Running(again) = stage.driver.adopt(&stage.folder).unwrap() else { panic!("it runs") };
        assert!(std::sync::Arc::ptr_eq(&again, &machine));
    });
}

#[test]
fn an_agent_that_died_in_a_start_is_finished_for_with_tracking() {
    let mut stage = Stage::new();
    let spec = StartSpec { track_from_start: true, hold: true, ..stage.spec() };
    let machine = stage.driver.start(&spec).unwrap().machine;
    // As it was between the launch and the trackers, on the way to a running guest.
    machine.stop_tracking(&stage.disks()).unwrap();
    let record = stage.file("run.json");
    let text = std::fs::read_to_string(&record).unwrap();
    std::fs::write(&record, text.replace("\"hold\": true", "\"hold\": false")).unwrap();
    drop(machine);
    let machine = stage.adopt_anew();
    assert_eq!(machine.status().unwrap(), MachineState::Running);
    assert!(machine.tracking().unwrap().values().all(|t| matches!(t, Tracking::Tracking { .. })));
}

#[test]
fn a_fence_that_was_raised_during_a_start_keeps_the_guest_from_running() {
    let mut stage = Stage::new();
    stage.wrap_qemu(LAUNCHER_LINGERS, DEADLINE);
    let fence = FenceRecord { epoch: Epoch(1), since: stage.now(), by: "engine".to_owned() };
    let spec = stage.spec();
    std::thread::scope(|scope| {
        let starter = scope.spawn(|| stage.driver.start(&spec).map(drop));
        until("QEMU lives", || stage.file("up").exists());
        std::fs::write(stage.file("fence.json"), serde_json::to_vec(&fence).unwrap()).unwrap();
        std::fs::write(stage.file("go"), b"").unwrap();
        let refused = starter.join().unwrap();
        assert!(matches!(refused, Err(FabricError::Fenced { .. })), "{refused:?}");
    });
    assert!(!stage.driver.alive(&stage.folder));
    assert_eq!(std::fs::read(stage.folder.serial_log()).unwrap(), b"", "the guest never ran");
}

#[test]
fn a_fence_does_not_wait_for_a_start() {
    let mut stage = Stage::new();
    stage.wrap_qemu(LAUNCHER_LINGERS, DEADLINE);
    let spec = stage.spec();
    std::thread::scope(|scope| {
        let starter = scope.spawn(|| stage.driver.start(&spec).map(drop));
        until("QEMU lives", || stage.file("up").exists());
        Fence::raise(&stage.driver, &stage.folder, Epoch(1), "engine", stage.now()).unwrap();
        std::fs::write(stage.file("go"), b"").unwrap();
        starter.join().unwrap().unwrap_err();
    });
    assert!(!stage.driver.alive(&stage.folder));
}

#[test]
fn a_launch_that_takes_too_long_leaves_no_process() {
    let mut stage = Stage::bare();
    stage.wrap_qemu("qemu-system-x86_64 \"$@\" && exec sleep 600", Duration::from_secs(5));
    let late = stage.driver.start(&stage.spec()).map(drop);
    assert!(matches!(late, Err(FabricError::TooSlow { action: "start", .. })), "{late:?}");
    assert!(!stage.driver.alive(&stage.folder), "QEMU itself had become a process of its own");
    stage.driver = QemuDriver::default();
    stage.start();
}
