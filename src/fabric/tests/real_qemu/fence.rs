//! What a fenced host does and does not do.

use crate::stage::Stage;
use leeward_fabric::*;
use leeward_model::Epoch;

#[test]
fn a_fence_ends_the_machine_and_refuses_older_epochs() {
    let mut stage = Stage::new();
    let machine = stage.start();
    let fence = Fence::raise(&stage.driver, &stage.folder, Epoch(2), "engine", stage.now()).unwrap();
    assert_eq!((fence.machine(), fence.epoch()), (stage.definition.id, Epoch(2)));
    assert_eq!(machine.status().unwrap(), MachineState::Off);
    assert!(!stage.folder.definition().unwrap().autostart);
    // Another agent, later: the folder remembers.
    stage.driver = QemuDriver::default();
    for epoch in [1, 2] {
        let refused = stage.driver.start(&StartSpec { epoch: Epoch(epoch), ..stage.spec() }).map(|_| ());
        assert!(matches!(refused, Err(FabricError::Fenced { fenced: Epoch(2), .. })), "{refused:?}");
    }
    // A test copy is not the machine.
    let test = StartSpec { purpose: Purpose::Test, network: Network::None, ..stage.spec() };
    stage.driver.start(&test).unwrap().machine.power_off().unwrap();
    // Failed back: a newer right.
    stage.driver.start(&StartSpec { epoch: Epoch(3), ..stage.spec() }).unwrap();
}

#[test]
fn a_fence_never_goes_down_and_is_lifted_only_by_who_knows_it() {
    let stage = Stage::bare();
    let raise =
        |epoch| Fence::raise(&stage.driver, &stage.folder, Epoch(epoch), "engine", stage.now()).unwrap();
    raise(5);
    assert_eq!(raise(3).epoch(), Epoch(5), "the standing one");
    assert!(matches!(Fence::lift(&stage.folder, Epoch(4)), Err(FabricError::Fenced { .. })));
    Fence::lift(&stage.folder, Epoch(5)).unwrap();
    Fence::lift(&stage.folder, Epoch(5)).unwrap();
    stage.start();
}

/// A process that does not answer is ended all the same: a fence that waits for it would be none.
#[test]
fn a_machine_that_does_not_answer_is_fenced_too() {
    for in_hand in [true, false] {
        let mut stage = Stage::bare();
        let machine = stage.start();
        let pid = rustix::process::Pid::from_raw(stage.pid()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        let kept = in_hand.then_some(machine);
        if !in_hand {
            stage.driver = QemuDriver::default();
        }
        Fence::raise(&stage.driver, &stage.folder, Epoch(2), "engine", stage.now()).unwrap();
        assert!(!stage.driver.alive(&stage.folder));
        drop(kept);
    }
}

#[test]
fn a_damaged_fence_is_a_fence() {
    let stage = Stage::bare();
    std::fs::write(stage.file("fence.json"), b"{").unwrap();
    assert!(matches!(stage.driver.start(&stage.spec()).map(|_| ()), Err(FabricError::Record { .. })));
}
