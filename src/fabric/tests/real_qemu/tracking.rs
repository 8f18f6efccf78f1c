//! What is known of changes through quit, kill and restart.

use crate::stage::{DEADLINE, Stage};
use leeward_fabric::*;
use leeward_model::DiskFormat;

#[test]
fn an_orderly_end_keeps_what_changed() {
    let stage = Stage::bare();
    let machine = stage.start();
    assert_eq!(machine.tracking().unwrap()[&stage.disk("os")], Tracking::None);
    machine.start_tracking(&stage.disks()).unwrap();
    stage.write("os", "-P 0xab 1M 128k");
    assert_eq!(stage.dirty(&machine, "os"), 131_072);
    machine.quit(DEADLINE).unwrap();
    let off = stage.driver.tracking_while_off(&stage.folder).unwrap();
    for disk in stage.disks() {
        assert_eq!(off[&disk], Tracking::Tracking { dirty_bytes: None, persistent: true });
    }
    let machine = stage.start();
    assert_eq!(stage.dirty(&machine, "os"), 131_072);
    assert_eq!(stage.dirty(&machine, "data"), 0);
    // Asking again changes nothing.
    machine.start_tracking(&stage.disks()).unwrap();
    assert_eq!(stage.dirty(&machine, "os"), 131_072);
}

#[test]
fn a_kill_loses_tracking_and_it_shows_before_and_after_the_next_start() {
    let stage = Stage::bare();
    let machine = stage.start_tracked();
    stage.kill_qemu(&machine);
    let missing = Tracking::Lost { why: LostWhy::Missing };
    assert_eq!(stage.driver.tracking_while_off(&stage.folder).unwrap()[&stage.disk("os")], missing);
    let machine = stage.start();
    assert_eq!(machine.tracking().unwrap()[&stage.disk("os")], missing);
    assert!(matches!(
        machine.capture_delta(&stage.ask(1), &|| stage.now()),
        Err(FabricError::NotTracked { .. })
    ));
    // Anew, stored once, killed after that: inconsistent now.
    machine.start_tracking(&stage.disks()).unwrap();
    machine.quit(DEADLINE).unwrap();
    let machine = stage.start();
    stage.kill_qemu(&machine);
    let inconsistent = Tracking::Lost { why: LostWhy::Inconsistent };
    assert_eq!(stage.driver.tracking_while_off(&stage.folder).unwrap()[&stage.disk("data")], inconsistent);
    let machine = stage.start();
    assert_eq!(machine.tracking().unwrap()[&stage.disk("data")], inconsistent);
    machine.start_tracking(&stage.disks()).unwrap();
    assert_eq!(stage.dirty(&machine, "data"), 0);
}

#[test]
fn a_raw_disk_is_tracked_for_one_run() {
    let stage = Stage::of(&[], DiskFormat::Raw);
    let machine = stage.start_tracked();
    stage.write("os", "-P 0xab 0 64k");
    assert!(matches!(
        machine.tracking().unwrap()[&stage.disk("os")],
        Tracking::Tracking { dirty_bytes: Some(65_536), persistent: false }
    ));
    stage.taken(&machine, 1);
    machine.quit(DEADLINE).unwrap();
    assert_eq!(
        stage.driver.tracking_while_off(&stage.folder).unwrap()[&stage.disk("os")],
        Tracking::Lost { why: LostWhy::Missing }
    );
}

#[test]
fn tracking_that_ended_is_none() {
    let stage = Stage::bare();
    let machine = stage.start_tracked();
    machine.stop_tracking(&[stage.disk("os")]).unwrap();
    let tracking = machine.tracking().unwrap();
    assert_eq!(tracking[&stage.disk("os")], Tracking::None);
    assert!(matches!(tracking[&stage.disk("data")], Tracking::Tracking { .. }));
}
