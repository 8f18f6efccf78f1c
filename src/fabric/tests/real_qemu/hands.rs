//! Machines in hand: kept while they live, and no machine waits for another one.

use crate::stage::{DEADLINE, Stage, until};
use leeward_fabric::*;
use leeward_model::Sequence;
use rustix::process::{Pid, Signal, kill_process};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[test]
fn a_machine_stays_in_hand_until_it_is_gone() {
    let stage = Stage::bare();
    let machine = stage.start();
    let kept = Arc::downgrade(&machine);
    drop(machine);
    assert!(kept.upgrade().is_some(), "nobody has to take it up again");
    let Adoption::Running(machine) = stage.driver.adopt(&stage.folder).unwrap() else { panic!("it runs") };
    machine.quit(DEADLINE).unwrap();
    drop(machine);
    assert!(matches!(stage.driver.adopt(&stage.folder).unwrap(), Adoption::Off));
    assert!(kept.upgrade().is_none());
}

#[test]
fn a_machine_that_hangs_holds_up_no_other() {
    let (hung, stage) = (Stage::bare(), Stage::bare());
    drop(hung.start());
    kill_process(Pid::from_raw(hung.pid()).unwrap(), Signal::STOP).unwrap();
    let machine = stage.start_tracked();
    let (asked, answered, enough) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    // One agent for both; nothing is in hand of the one that hangs.
    let driver = &stage.driver;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !enough.load(Ordering::SeqCst) {
                asked.fetch_add(1, Ordering::SeqCst);
                drop(driver.adopt(&hung.folder));
                answered.fetch_add(1, Ordering::SeqCst);
            }
        });
        let mut sequence = 0;
        until("a capture begins and ends while a look at the other is pending", || {
            let before = answered.load(Ordering::SeqCst);
            if asked.load(Ordering::SeqCst) == before {
                return false;
            }
            sequence += 1;
            stage.write("os", "-P 0xab 0 64k");
            let Adoption::Running(same) = driver.adopt(&stage.folder).unwrap() else { panic!("it runs") };
            assert!(Arc::ptr_eq(&same, &machine));
            stage.taken(&same, sequence);
            same.settle_capture(Sequence(sequence)).unwrap();
            answered.load(Ordering::SeqCst) == before
        });
        enough.store(true, Ordering::SeqCst);
    });
}

/// What failed work left in the middle does not wait for the next start of the agent.
#[test]
fn the_next_who_asks_settles_what_failed_work_has_left() {
    let stage = Stage::bare();
    let machine = stage.start_tracked();
    // As after a switch whose end could not be told: the guest stands still and nobody is at it.
    machine.pause().unwrap();
    std::fs::write(stage.file("freeze.json"), br#"{"disks": [], "resume": true}"#).unwrap();
    let none = CaptureAsk { spools: Vec::new(), ..stage.ask(1) };
    machine.capture_delta(&none, &|| stage.now()).unwrap_err();
    assert_eq!(machine.status().unwrap(), MachineState::Paused);
    assert!(matches!(stage.driver.adopt(&stage.folder).unwrap(), Adoption::Running(_)));
    assert_eq!(machine.status().unwrap(), MachineState::Running);
}
