//! Full copies and comparisons: cut off, taken back with a failover, of machines that are idle or off, and without room.

use super::fake::BLOCK;
use super::{BLOCKS, Stage, disk, look_after_room};
use crate::facts;
use leeward_fabric::MachineState;
use leeward_link::messages::{Activity, Request, Role};
use leeward_model::{DiskId, Epoch, PointKind};

impl Stage {
    fn resync(&self, disks: &[DiskId]) {
        let request = Request::Resynchronize {
            op: self.op("resync"),
            item: self.item,
            disks: disks.to_vec(),
            not_before: None,
        };
        self.ask(&self.source, request).expect("planned");
    }

    /// Bounds what the first copy may send.
    fn slow(&self, bytes_per_sec_max: u64) {
        self.slowness.store(bytes_per_sec_max, std::sync::atomic::Ordering::SeqCst);
        if let Some(item) = self.source.host.known(self.item) {
            let policy = self.assignment(Role::Source, 1).policy;
            item.change(|r| r.assignment.policy = policy).expect("written");
        }
    }

    /// Cuts the streams between the hosts.
    fn cut(&self) {
        self.line(false);
        self.target.host.set_peers(&[]);
        self.target.host.set_peers(&[self.source.agent]);
        self.line(true);
    }

    fn compared(&self) {
        self.until("the comparison", || {
            let source = self.source_item().record().source;
            (source.copy.is_none() && source.in_sync.is_some() && self.frozen() == 0).then_some(())
        });
    }

    /// A comparison of all disks, which are frozen when the line ends.
    fn compare_and_fail(&self) {
        let (told, go_on) = super::hold_at(self, "frozen");
        self.resync(&[]);
        told.recv().expect("frozen");
        self.line(false);
        drop(go_on);
        self.until_failed();
        self.source.fake.on_nothing();
    }

    fn fence(&self, epoch: u64) {
        let request = Request::Fence { op: self.op("fence"), item: self.item, epoch: Epoch(epoch) };
        self.ask(&self.source, request).expect("fenced");
    }

    fn unfence(&self, epoch: u64) {
        let request =
            Request::Unfence { op: self.op("unfence"), item: self.item, epoch: Epoch(epoch), start: true };
        self.ask(&self.source, request).expect("unfenced");
    }
}

/// Changes that the tracker does not show: only a comparison finds them.
fn lose(stage: &Stage, number: u64, block: u64, byte: u8) {
    stage.write(number, block, byte);
    stage.source.fake.with(&stage.folder(), |body| {
        body.disks.get_mut(&disk(number)).expect("it").dirty = Some(Default::default());
    });
}

fn protected() -> Stage {
    let stage = Stage::new();
    stage.run();
    stage.write(1, 0, 1);
    stage.protect();
    stage
}

#[test]
fn a_first_copy_goes_on_after_its_line_was_cut() {
    let stage = Stage::new();
    stage.run();
    stage.write(1, 0, 1);
    stage.freeze_and_fail();
    stage.write(1, 2, 9);
    stage.line(true);
    stage.source_item().retry_now();
    stage.in_sync();
    stage.until("the delta", || stage.sync().ok());
    stage.same();
}

#[test]
fn a_first_copy_that_is_cut_sends_only_what_is_missing() {
    let stage = Stage::new();
    stage.run();
    // Runs of one block each, so that there is something between the first and the last of them.
    for block in (0..BLOCKS).step_by(2) {
        stage.write(1, block, 11);
        stage.write(2, block, 12);
    }
    let whole = BLOCKS * BLOCK;
    stage.slow(BLOCK * 4);
    stage.enable();
    let done = || stage.source_item().live().progress.get(&disk(1)).map_or(0, |m| m.done_bytes);
    stage.until("half of the first disk", || (done() >= BLOCKS / 2 * BLOCK).then_some(()));
    stage.cut();
    stage.until_failed();
    stage.slow(0);
    stage.source_item().retry_now();
    stage.in_sync();
    let sent = stage.source_item().record().source.copy_sent_bytes;
    assert!(sent > 0 && sent <= whole * 7 / 8, "{sent} of {whole} bytes were sent after the cut");
    stage.same();
}

#[test]
fn a_comparison_outlives_a_failover_that_was_taken_back() {
    let stage = protected();
    lose(&stage, 2, 5, 8);
    stage.compare_and_fail();
    stage.fence(2);
    stage.line(true);
    stage.unfence(3);
    stage.write(1, 2, 9);
    stage.compared();
    stage.until("the delta", || stage.sync().ok());
    stage.same();
}

#[test]
fn a_freeze_that_nobody_plans_any_more_is_compared_before_it_is_forgotten() {
    for reassigned in [true, false] {
        let stage = protected();
        lose(&stage, 2, 5, 8);
        stage.compare_and_fail();
        // As an agent of an earlier version has left it.
        stage.source_item().change(|r| r.source.copy = None).expect("written");
        stage.line(true);
        if reassigned {
            let assignment = stage.assignment(Role::Source, 1);
            let request = Request::Reassign { op: stage.op("reassign"), assignment };
            stage.ask(&stage.source, request).expect("told");
        } else {
            // A comparison of the other disk must not give the gap of this one away.
            stage.resync(&[disk(1)]);
        }
        stage.compared();
        stage.until("the delta", || stage.sync().ok());
        stage.same();
    }
}

#[test]
fn a_comparison_that_is_cut_sends_only_what_is_missing() {
    let stage = protected();
    for block in 0..BLOCKS {
        lose(&stage, 1, block, 3);
        lose(&stage, 2, block, 3);
    }
    stage.slow(BLOCK * 8);
    stage.resync(&[]);
    stage.until("the first disk", || stage.source_item().live().progress.get(&disk(1)).map(drop));
    stage.cut();
    stage.until_failed();
    stage.slow(0);
    stage.source_item().retry_now();
    stage.compared();
    let sent = stage.source_item().record().source.copy_sent_bytes;
    assert!(sent > 0 && sent <= BLOCKS * BLOCK, "{sent} bytes were sent after the cut, of two disks");
    stage.same();
}

#[test]
fn a_comparison_that_is_cancelled_gives_the_disks_back_and_waits_to_be_asked_for_again() {
    for travelling in [false, true] {
        let stage = protected();
        for block in 0..BLOCKS {
            lose(&stage, 1, block, 3);
            lose(&stage, 2, block, 3);
        }
        if travelling {
            // In the middle of what differs: the first disk is through, the second one is slow as well.
            stage.slow(BLOCK * 4);
            stage.resync(&[]);
            stage.until("the first blocks", || stage.source_item().live().progress.get(&disk(1)).map(drop));
        } else {
            stage.compare_and_fail();
            stage.line(true);
        }
        stage.write(1, 2, 9);
        let points = stage.points();
        let stop = || Request::StopComparison { op: stage.op("undo"), item: stage.item };
        stage.ask(&stage.source, stop()).expect("stopped");
        stage.ask(&stage.source, stop()).expect("again");
        assert_eq!(stage.frozen(), 0, "the guest writes to its own disk again");
        let said = || facts::item(&stage.source.host, &stage.source_item(), Vec::new());
        let required = matches!(said().activity, Activity::ResyncRequired { scheduled_at: None, .. });
        assert!(required && said().fault.is_none(), "{:?}", said());
        // What had been tracked before is known to nobody: no delta takes the place of the comparison.
        let refused = stage.sync().expect_err("must be compared first");
        assert_eq!(refused.code, "agent-not-in-sync");
        let wait = Request::AwaitInSync { op: stage.op("await"), item: stage.item };
        assert_eq!(stage.ask(&stage.source, wait).expect_err("told").code, "agent-comparison-held");
        assert_eq!(stage.points(), points, "older points are as they were");
        stage.slow(0);
        stage.resync(&[]);
        stage.compared();
        stage.until("the delta", || stage.sync().ok());
        stage.same();
        let nothing = stage.ask(&stage.source, stop());
        nothing.expect("it has come to its end");
        assert!(stage.source_item().record().source.in_sync.is_some());
    }
}

#[test]
fn a_repair_of_one_disk_ends_on_an_idle_machine_and_on_one_that_is_off() {
    for off in [false, true] {
        let stage = protected();
        stage.sync().expect("synced");
        if off {
            stage.power_off();
        }
        stage.resync(&[disk(2)]);
        stage.in_sync();
        stage.same();
    }
}

#[test]
fn in_sync_is_said_only_when_the_target_has_the_point_of_the_comparison() {
    let stage = protected();
    for _ in 0..5 {
        let compared = || stage.points().iter().filter(|p| p.kind == PointKind::Resync).count();
        let before = compared();
        stage.resync(&[]);
        stage.in_sync();
        assert_eq!(compared(), before + 1);
    }
}

#[test]
fn a_log_that_waits_goes_before_the_comparison_of_one_disk() {
    let stage = protected();
    stage.write(1, 3, 7);
    stage.write(2, 3, 7);
    stage.line(false);
    stage.sync().expect_err("no line");
    stage.resync(&[disk(2)]);
    stage.write(2, 3, 8);
    stage.line(true);
    stage.compared();
    stage.same();
    assert!(stage.points().iter().all(|p| p.kind != PointKind::Resync), "not everything was compared");
}

#[test]
fn a_copy_without_room_gives_the_disks_back_and_says_so() {
    let stage = protected();
    stage.source.host.set_free_bytes(|_| Some(128 << 20));
    stage.resync(&[]);
    stage.until_failed();
    assert_eq!(stage.frozen(), 0, "nothing is frozen without room");
    assert_eq!(stage.source_item().live().fault.as_ref().expect("told").0.code, "agent-source-disk-full");
    stage.source.host.set_free_bytes(|_| Some(1 << 40));
    let (told, go_on) = super::hold_at(&stage, "frozen");
    stage.source_item().retry_now();
    told.recv().expect("frozen");
    stage.source.host.set_free_bytes(|_| Some(1 << 20));
    look_after_room(&stage);
    stage.line(false);
    drop(go_on);
    let code = || stage.source_item().live().fault.as_ref().map(|(f, _)| f.code.clone());
    stage.until("the copy to be given up", || (code()? == "agent-source-copy-no-room").then_some(()));
    assert_eq!(stage.frozen(), 0, "the guest writes to its own disk again");
    stage.source.host.set_free_bytes(|_| Some(1 << 40));
    stage.line(true);
    stage.compared();
    stage.same();
}

#[test]
fn a_copy_that_waits_for_its_line_gives_the_disks_back_before_the_room_ends() {
    for paused in [false, true] {
        let stage = Stage::new();
        stage.run();
        stage.freeze_and_fail();
        stage.write(1, 2, 9);
        stage.source_item().change(|r| r.assignment.paused = paused).expect("written");
        assert_eq!(stage.frozen(), 2);
        stage.source.host.set_free_bytes(|_| Some(1 << 20));
        look_after_room(&stage);
        stage.left_alone("giving the disks back", || stage.frozen() == 0);
        stage.source.host.set_free_bytes(|_| Some(1 << 40));
        look_after_room(&stage);
        stage.line(true);
        stage.source_item().change(|r| r.assignment.paused = false).expect("written");
        stage.until("the copy", || stage.source_item().record().source.in_sync);
        stage.until("the delta", || stage.sync().ok());
        stage.same();
    }
}

#[test]
fn a_guest_stopped_for_want_of_room_is_told_and_runs_on_when_there_is_room() {
    let stage = protected();
    stage.source.host.set_free_bytes(|_| Some(0));
    stage.source.fake.with(&stage.folder(), |b| b.state = Some(MachineState::IoError));
    stage.source.host.take_events();
    look_after_room(&stage);
    look_after_room(&stage);
    assert_eq!(stage.source.host.take_events().len(), 1, "told once");
    assert_eq!(stage.state(), Some(MachineState::IoError), "without room it would only stop again");
    let said = facts::item(&stage.source.host, &stage.source_item(), Vec::new());
    assert_eq!(said.fault.expect("told").code, "agent-guest-stopped");
    stage.source.host.set_free_bytes(|_| Some(1 << 40));
    look_after_room(&stage);
    assert_eq!(stage.state(), Some(MachineState::Running));
    look_after_room(&stage);
    let said = facts::item(&stage.source.host, &stage.source_item(), Vec::new());
    assert_eq!(said.fault, None);
}
