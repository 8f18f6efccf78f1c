//! Disabling replication, whatever the worker is doing at that moment.

use super::{Stage, hold_at};
use crate::records::ItemRecord;
use leeward_link::messages::Request;

impl Stage {
    fn release_source(&self) -> leeward_link::messages::Reply {
        let item = self.item;
        self.ask(&self.source, Request::Release { op: self.op("release"), item, delete_replica: false })
    }
}

/// Nothing of the item is left at the source that a restart could find.
fn nothing_left(stage: &Stage) {
    assert!(stage.source.host.known(stage.item).is_none(), "still known");
    let record = stage.source.host.config.items_folder().join(stage.item.to_string()).join(ItemRecord::FILE);
    assert!(!record.exists(), "its record came back");
    assert_eq!(stage.frozen(), 0, "a disk is still frozen");
    stage.source.fake.with(&stage.folder(), |body| {
        assert!(body.unsettled.is_none());
    });
    let logs = std::fs::read_dir(stage.folder().path()).expect("listed").flatten();
    assert!(logs.into_iter().all(|f| !f.file_name().to_string_lossy().contains(".hrl")), "a log is left");
}

#[test]
fn a_cycle_that_seals_does_not_bring_a_forgotten_item_back() {
    let stage = Stage::new();
    stage.run();
    stage.protect();
    stage.write(1, 3, 7);
    let (told, go_on) = hold_at(&stage, "captured");
    std::thread::scope(|s| {
        let syncing = s.spawn(|| stage.sync());
        told.recv().expect("captured");
        let releasing = s.spawn(|| stage.release_source());
        stage.until("the order to end", || stage.source_item().is_gone().then_some(()));
        go_on.send(()).expect("goes on");
        releasing.join().expect("ended").expect("released");
        syncing.join().expect("ended").ok();
    });
    nothing_left(&stage);
}

#[test]
fn whoever_still_holds_a_forgotten_item_cannot_write_its_record_again() {
    let stage = Stage::new();
    stage.run();
    stage.protect();
    // As an order that came in the same moment and has waited for its turn.
    let held = stage.source_item();
    stage.release_source().expect("released");
    assert!(held.change(|r| r.assignment.paused = true).is_err(), "it is told");
    nothing_left(&stage);
}

#[test]
fn a_copy_that_freezes_leaves_no_frozen_disk_behind() {
    let stage = Stage::new();
    stage.run();
    let (told, go_on) = hold_at(&stage, "frozen");
    stage.enable();
    told.recv().expect("frozen");
    std::thread::scope(|s| {
        let releasing = s.spawn(|| stage.release_source());
        stage.until("the order to end", || stage.source_item().is_gone().then_some(()));
        drop(go_on);
        releasing.join().expect("ended").expect("released");
    });
    nothing_left(&stage);
}

#[test]
fn frozen_disks_of_a_machine_that_is_off_are_given_back() {
    let stage = Stage::new();
    stage.run();
    stage.freeze_and_fail();
    stage.write(1, 2, 9);
    stage.power_off();
    stage.release_source().expect("released");
    nothing_left(&stage);
    let bytes = std::fs::read(stage.folder().resolve("d1.raw")).expect("read");
    assert_eq!(bytes[2 * 65_536], 9, "what the guest wrote is in the disk");
    assert!(stage.state().is_none(), "and it is off again");
}

#[test]
fn a_replica_in_use_is_not_said_to_be_deleted() {
    let stage = Stage::new();
    stage.run();
    stage.protect();
    let item = stage.target.host.item(stage.item).expect("known");
    let folder = item.record().store.expect("a store");
    let used = item.store().expect("opened").expect("a store");
    let release = || {
        let op = stage.op("release");
        stage.ask(&stage.target, Request::Release { op, item: stage.item, delete_replica: true })
    };
    std::thread::scope(|s| {
        let releasing = s.spawn(release);
        stage.until("the order", || item.is_gone().then_some(()));
        assert!(stage.target.host.known(stage.item).is_some(), "known until it is deleted");
        assert!(used.newest().is_some(), "whoever uses it can");
        drop(used);
        releasing.join().expect("ended").expect("released");
    });
    assert!(!folder.exists(), "the replica is deleted");
    assert!(stage.target.host.known(stage.item).is_none());
    assert!(!item.folder().exists());
}
