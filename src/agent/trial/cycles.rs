//! The cycle: capture, seal, ship, settle; cut or failed at each of them, and what must be told.

use super::{BLOCKS, Stage, disk, hold_at};
use crate::source;
use leeward_fabric::{ConsistencyAsk, FabricError};
use leeward_link::messages::{Request, Role};
use leeward_model::{Consistency, PointKind};
use std::sync::atomic::{AtomicU32, Ordering};

fn protected() -> Stage {
    let stage = Stage::new();
    stage.run();
    stage.write(1, 0, 1);
    stage.write(2, 5, 2);
    stage.protect();
    stage
}

#[test]
fn a_change_becomes_a_point_of_all_disks() {
    let stage = protected();
    stage.same();
    stage.write(1, 3, 7);
    stage.write(2, 4, 8);
    stage.sync().expect("synced");
    stage.same();
    assert_eq!(stage.points().first().expect("a point").kind, PointKind::Delta);
}

#[test]
fn a_cycle_that_fails_at_any_step_loses_nothing() {
    for step in ["capture", "captured", "settle"] {
        let stage = protected();
        stage.write(1, 3, 7);
        let failures = AtomicU32::new(0);
        stage.source.fake.on(move |happens| {
            if happens == step && failures.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(FabricError::NoSpace {
                    machine: "web01".to_owned(),
                    job: "capture",
                    reason: step.to_owned(),
                });
            }
            Ok(())
        });
        stage.sync().expect_err(step);
        stage.write(2, 6, 9);
        stage.until("the next cycle", || stage.sync().ok());
        stage.same();
        let resync = stage.points().iter().any(|p| p.kind == PointKind::Resync);
        assert!(!resync, "failed at {step}: a passing failure is no reason to compare everything");
    }
}

#[test]
fn a_cycle_whose_line_is_cut_ships_its_log_later() {
    let stage = protected();
    stage.write(1, 3, 7);
    stage.line(false);
    stage.sync().expect_err("no line");
    stage.write(1, 3, 8);
    stage.line(true);
    stage.until("the next cycle", || stage.sync().ok());
    stage.same();
    assert!(stage.points().iter().all(|p| p.kind != PointKind::Resync));
}

#[test]
fn an_agent_that_ends_between_capture_and_seal_seals_it_afterwards() {
    let stage = protected();
    stage.write(1, 3, 7);
    let (told, go_on) = hold_at(&stage, "settle");
    std::thread::scope(|s| {
        let syncing = s.spawn(|| stage.sync());
        told.recv().expect("sealed");
        // As a restart finds it: sealed, not settled.
        assert!(stage.source.fake.with(&stage.folder(), |b| b.unsettled.is_some()));
        drop(go_on);
        syncing.join().expect("ended").expect("synced");
    });
    stage.same();
}

#[test]
fn application_consistent_points_follow_their_schedule() {
    let stage = protected();
    let mut assignment = stage.assignment(Role::Source, 1);
    assignment.policy.app_consistent_every_mins = 60;
    stage.ask(&stage.source, Request::Reassign { op: stage.op("reassign"), assignment }).expect("told");
    stage.source.fake.with(&stage.folder(), |b| (b.guest_agent, b.asked) = (true, Vec::new()));
    stage.sync().expect("synced");
    assert_eq!(stage.points()[0].consistency, Consistency::Application, "at once, also of nothing new");
    stage.write(1, 3, 7);
    stage.sync().expect("synced");
    assert_eq!(stage.points()[0].consistency, Consistency::Crash, "not yet again");
    let asked = stage.source.fake.with(&stage.folder(), |b| b.asked.clone());
    assert_eq!(asked, [ConsistencyAsk::ApplicationOrCrash, ConsistencyAsk::Crash]);
    stage.source_item().live().next_application = std::time::Instant::now();
    stage.source.fake.with(&stage.folder(), |b| b.guest_agent = false);
    stage.sync().expect("synced");
    assert_eq!(stage.points()[0].consistency, Consistency::Crash, "nobody answered in the guest");
}

#[test]
fn a_disk_whose_waiting_changes_pass_half_of_it_is_compared_alone() {
    let stage = protected();
    stage.write(1, 3, 7);
    stage.write(2, 3, 7);
    stage.line(false);
    stage.sync().expect_err("no line");
    for block in 0..BLOCKS / 2 {
        stage.write(2, block, 40);
    }
    source::cycle::look(&stage.source.host, &stage.source_item());
    stage.sync().expect_err("the rule");
    let plan = stage.until("a comparison", || stage.source_item().record().source.copy);
    assert_eq!((plan.disks, plan.discard_logs), (vec![disk(2)], false));
    assert_eq!(plan.why.key, "agent-resync-logs-too-large");
    assert_eq!(stage.frozen(), 0, "nothing is frozen while nobody is there to take it");
    stage.line(true);
    stage.until("the comparison", || {
        let source = stage.source_item().record().source;
        (source.copy.is_none() && source.in_sync.is_some()).then_some(())
    });
    stage.same();
    assert!(stage.points().iter().all(|p| p.kind != PointKind::Resync), "the other disk was not compared");
}

#[test]
fn logs_that_alone_pass_half_are_given_up_with_every_disk_they_hold() {
    let stage = protected();
    for block in 0..=BLOCKS / 2 {
        stage.write(1, block, 50);
    }
    stage.line(false);
    stage.sync().expect_err("no line");
    stage.sync().expect_err("the rule");
    let plan = stage.until("a comparison", || stage.source_item().record().source.copy);
    assert_eq!((plan.disks, plan.discard_logs), (vec![disk(1)], true));
    stage.line(true);
    stage.until("the comparison", || stage.source_item().record().source.in_sync);
    stage.same();
}

#[test]
fn a_machine_that_is_off_is_not_started_at_every_cycle() {
    for forgets in [false, true] {
        let stage = protected();
        stage.sync().expect("synced");
        stage.source.fake.with(&stage.folder(), |b| b.forgets = forgets);
        stage.write(1, 3, 7);
        let machine = stage.source.host.running(&stage.source_item()).expect("known").expect("runs");
        machine.quit(std::time::Duration::ZERO).expect("off");
        stage.until("what it had left", || stage.sync().ok());
        stage.until("to be in sync", || stage.source_item().record().source.in_sync);
        stage.same();
        stage.until("a cycle of nothing", || stage.sync().ok());
        let starts = stage.source.fake.with(&stage.folder(), |b| b.starts);
        let points = stage.points().len();
        for _ in 0..3 {
            stage.sync().expect("nothing to do");
        }
        assert_eq!(
            stage.source.fake.with(&stage.folder(), |b| b.starts),
            starts,
            "not started (raw: {forgets})"
        );
        assert_eq!(stage.points().len(), points);
        // It runs again: what is tracked begins with its first instruction, raw disks included.
        stage.run();
        stage.write(2, 9, 3);
        stage.sync().expect("synced");
        stage.same();
        assert_eq!(stage.points()[0].kind, PointKind::Delta);
    }
}

#[test]
fn a_hypervisor_that_was_killed_costs_a_comparison() {
    let stage = protected();
    stage.write(1, 3, 7);
    stage.source.fake.kill(&stage.folder());
    stage.run();
    stage.write(1, 4, 8);
    stage.until("the comparison", || {
        stage.sync().ok()?;
        stage.points().iter().any(|p| p.kind == PointKind::Resync).then_some(())
    });
    stage.sync().expect("synced");
    stage.same();
}

#[test]
fn a_drained_machine_whose_file_was_touched_is_looked_at_again() {
    let stage = protected();
    stage.power_off();
    stage.until("a cycle of nothing", || stage.sync().ok());
    let starts = stage.source.fake.with(&stage.folder(), |b| b.starts);
    stage.write(1, 1, 77);
    stage.sync().expect("synced");
    assert!(stage.source.fake.with(&stage.folder(), |b| b.starts) > starts);
    stage.same();
}
