//! What follows the clock on the source's wall: how much may be sent, and when comparisons begin that nobody asks for.

use super::{DAY, Stage, disk};
use crate::facts;
use leeward_link::messages::{Activity, Request, Role};
use leeward_model::{BusyHours, Hours, Moment, ReplicationPolicy};
use std::sync::atomic::Ordering;

const HOUR: i64 = 3_600_000;

/// Noon of a Monday where the source stands, which is two hours ahead of UTC; its certificate is good then.
const NOON: i64 = DAY - DAY.rem_euclid(24 * HOUR) + (3 * 24 + 10) * HOUR;

impl Stage {
    /// Protected, at noon.
    fn at_noon() -> Self {
        let stage = Self::new();
        stage.run();
        stage.write(1, 0, 1);
        stage.protect();
        stage.source.host.wall.set_zone(|_| 2 * 3_600);
        stage.clock(NOON);
        stage
    }

    fn clock(&self, millis: i64) {
        self.source.ticks.store(millis, Ordering::SeqCst);
        self.source_item().wake();
    }

    /// The engine tells of a policy.
    fn told(&self, change: impl FnOnce(&mut ReplicationPolicy)) {
        let mut assignment = self.assignment(Role::Source, 1);
        change(&mut assignment.policy);
        self.ask(&self.source, Request::Reassign { op: self.op("reassign"), assignment }).expect("told");
    }

    /// The hypervisor is killed, and a cycle nobody asked for finds that out.
    fn lose_track(&self) {
        self.source.fake.kill(&self.folder());
        self.run();
        self.write(1, 4, 8);
        self.source_item().live().next_cycle = std::time::Instant::now();
        self.source_item().wake();
        self.left_alone("the plan", || self.source_item().record().source.copy.is_some());
    }

    fn activity(&self) -> Activity {
        facts::item(&self.source.host, &self.source_item(), Vec::new()).activity
    }

    /// A comparison waits until then, and nothing is frozen for it.
    fn waits_until(&self, millis: i64) {
        let Activity::ResyncRequired { scheduled_at: Some(Moment(at)), .. } = self.activity() else {
            panic!("it waits, not {:?}", self.activity())
        };
        assert!((at - millis).abs() < 60_000, "until {at}, not {millis}");
        self.sync().expect_err("no point can be made before it");
        assert_eq!(self.frozen(), 0);
    }

    fn in_sync_again(&self) {
        self.left_alone("the comparison", || {
            let source = self.source_item().record().source;
            source.copy.is_none() && source.in_sync.is_some()
        });
        self.until("a cycle", || self.sync().ok());
        self.same();
    }
}

#[test]
fn what_may_be_sent_follows_the_clock_and_an_edited_policy_at_once() {
    let stage = Stage::at_noon();
    let item = stage.source_item();
    assert_eq!(item.throttle.bound(), 0);
    let busy = BusyHours { hours: Hours::at_work(), bandwidth_bytes_per_sec_max: 7 };
    stage.told(|p| (p.bandwidth_bytes_per_sec_max, p.busy) = (9, Some(busy.clone())));
    assert_eq!(item.throttle.bound(), 7, "at noon people work");
    for (hour, bound) in [(6, 9), (-5, 9), (-4, 7), (-24, 9), (3 * 24, 7), (-366 * 24, 9), (0, 7)] {
        stage.clock(NOON + hour * HOUR);
        assert_eq!(item.throttle.bound(), bound, "{hour} hours after Monday noon");
    }
    stage.told(|p| (p.bandwidth_bytes_per_sec_max, p.busy) = (9, None));
    assert_eq!(item.throttle.bound(), 9);
}

#[test]
fn a_transfer_under_way_goes_faster_when_the_busy_hours_end() {
    let stage = Stage::at_noon();
    // At a byte per second it would last a day.
    let busy = BusyHours { hours: Hours::at_work(), bandwidth_bytes_per_sec_max: 1 };
    stage.told(|p| p.busy = Some(busy));
    stage.write(1, 3, 7);
    std::thread::scope(|scope| {
        let syncing = scope.spawn(|| stage.sync());
        stage.left_alone("the transfer", || stage.source_item().live().cycling);
        stage.clock(NOON + 6 * HOUR);
        syncing.join().expect("ended").expect("synced");
    });
    stage.same();
}

#[test]
fn a_comparison_that_nobody_asks_for_waits_for_its_hours() {
    let stage = Stage::at_noon();
    stage.told(|p| p.resync_hours = Some(Hours::off_work()));
    stage.lose_track();
    stage.waits_until(NOON + 6 * HOUR + HOUR / 2);
    // Whoever set the clock forward sees that it is time.
    stage.clock(NOON + 8 * HOUR);
    stage.in_sync_again();
}

#[test]
fn a_comparison_that_waits_begins_when_somebody_asks_for_it_or_for_other_hours() {
    for edited in [false, true] {
        let stage = Stage::at_noon();
        stage.told(|p| p.resync_hours = Some(Hours::off_work()));
        stage.lose_track();
        stage.waits_until(NOON + 6 * HOUR + HOUR / 2);
        if edited {
            stage.told(|p| p.resync_hours = None);
        } else {
            let (op, item) = (stage.op("resync"), stage.item);
            let now = Request::Resynchronize { op, item, disks: vec![disk(1)], not_before: None };
            stage.ask(&stage.source, now).expect("planned");
        }
        stage.in_sync_again();
    }
}

#[test]
fn what_somebody_waits_for_waits_for_no_hours() {
    let stage = Stage::at_noon();
    stage.told(|p| p.resync_hours = Some(Hours::off_work()));
    // A cycle that somebody asked for finds the track lost.
    stage.source.fake.kill(&stage.folder());
    stage.run();
    stage.write(1, 4, 8);
    stage.sync().expect_err("the track is lost");
    stage.in_sync_again();
    // One that somebody asked for loses it again while it runs, or the disks of another are lost meanwhile.
    let ask =
        |disks| Request::Resynchronize { op: stage.op("resync"), item: stage.item, disks, not_before: None };
    stage.line(false);
    stage.ask(&stage.source, ask(vec![disk(2)])).expect("planned");
    stage.until_failed();
    stage.source.fake.kill(&stage.folder());
    stage.run();
    stage.write(1, 5, 9);
    stage.line(true);
    stage.source_item().retry_now();
    stage.until("the comparison", || {
        let source = stage.source_item().record().source;
        (source.copy.is_none() && source.in_sync.is_some()).then_some(())
    });
    stage.same();
}

#[test]
fn a_record_from_before_there_were_hours_opens_and_goes_on_at_once() {
    let stage = Stage::at_noon();
    stage.told(|p| p.resync_hours = Some(Hours::off_work()));
    stage.lose_track();
    let record = stage.source_item().record();
    let mut old = serde_json::to_value(&record).expect("written");
    let policy = old["assignment"]["policy"].as_object_mut().expect("a policy");
    assert!(policy.remove("resync_hours").is_some() && policy.get("busy").is_none());
    assert!(old["source"]["copy"].as_object_mut().expect("a plan").remove("by_itself").is_some());
    let read: crate::records::ItemRecord = serde_json::from_value(old).expect("it still opens");
    let (host, now) = (&stage.source.host, Moment(NOON));
    let waits = |r: &crate::records::ItemRecord| {
        r.source.copy.as_ref().expect("a plan").waits_until(&r.assignment.policy, now, &host.wall)
    };
    assert_eq!(waits(&read), None);
    assert!(waits(&record).is_some());
}
