//! What the window tells of commands after they were accepted: how their jobs ended. Apart from `steering`, where
//! commands begin.

use super::harness::show;
use crate::outbox::{Note, Outbox};
use crate::route::Route;
use crate::sample::{self, Stage};
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use leeward_model::{
    Accepted, Command, CommandOutcome, Fault, Health, ItemId, JobId, JobState, JobView, Recovery, Snapshot,
};
use std::sync::Arc;

const RUNNING: u32 = 1;
const FAILED: u32 = 2;

fn job(n: u32) -> JobId {
    JobId(sample::id(10, n))
}

/// The lab with this job as somebody made it, a little later.
fn later(world: &Snapshot, n: u32, make: impl Fn(&mut JobView)) -> Snapshot {
    let mut world = world.clone();
    world.revision += 1;
    let mut jobs = world.jobs.as_ref().clone();
    for held in jobs.iter_mut().filter(|j| j.id == job(n)) {
        make(Arc::make_mut(held));
    }
    world.jobs = jobs.into();
    world
}

fn ended(state: JobState) -> impl Fn(&mut JobView) {
    move |job| {
        job.state = state;
        job.ended = Some(sample::NOW.plus_secs(3));
        job.fault = matches!(state, JobState::Failed | JobState::Stuck).then(|| {
            Box::new(Fault::new("fabric-start-failed", "web01", String::new(), Recovery::NeedsPerson))
        });
    }
}

/// An outbox whose command was accepted as this job, in the lab as it is.
fn accepted(command: Command, n: u32) -> (Outbox, Snapshot) {
    let world = sample::lab();
    let stage = Stage::new(world.clone());
    stage.answer(CommandOutcome::Accepted(Accepted::Jobs(vec![job(n)])));
    let mut outbox = Outbox::default();
    outbox.send(&*stage, command, &world);
    outbox.drain(&*stage, sample::NOW);
    outbox.follow(&world, sample::NOW);
    (outbox, world)
}

fn synced() -> Command {
    Command::SyncNow { item: ItemId(sample::id(6, 0)) }
}

fn only(outbox: &Outbox) -> Note {
    let [note] = outbox.notes() else { panic!("{:?}", outbox.notes()) };
    note.clone()
}

#[test]
fn each_end_of_a_job_is_told_once_and_is_unread() {
    let ends = [
        (JobState::Succeeded, Health::Healthy, "succeeded"),
        (JobState::Failed, Health::Critical, "failed"),
        (JobState::Cancelled, Health::NotApplicable, "was cancelled"),
        (JobState::Stuck, Health::Critical, "needs a person"),
    ];
    for (state, severity, said) in ends {
        let (mut outbox, world) = accepted(synced(), RUNNING);
        assert!(only(&outbox).runs);
        outbox.mark_read();
        let world = later(&world, RUNNING, ended(state));
        outbox.follow(&world, sample::NOW);
        let note = only(&outbox);
        assert_eq!((note.severity, note.runs, note.read), (severity, false, false), "{state:?}");
        assert!(note.title.contains(said), "{}", note.title);
        assert_eq!(note.job, Some(job(RUNNING)));
        let fault = Fault::new("fabric-start-failed", "web01", String::new(), Recovery::NeedsPerson);
        assert_eq!(
            note.text.contains(&fault.what.render()),
            severity == Health::Critical,
            "the fault is told"
        );
        outbox.mark_read();
        outbox.follow(&later(&world, RUNNING, ended(state)), sample::NOW);
        assert_eq!(outbox.unread(), 0, "told once");
    }
}

#[test]
fn a_job_that_runs_says_nothing_more() {
    let (mut outbox, world) = accepted(synced(), RUNNING);
    let number = only(&outbox).number;
    outbox.follow(&later(&world, RUNNING, |_| {}), sample::NOW);
    assert_eq!(only(&outbox).number, number);
}

#[test]
fn the_end_is_told_although_the_list_was_cleared() {
    let (mut outbox, world) = accepted(synced(), RUNNING);
    outbox.clear();
    outbox.follow(&later(&world, RUNNING, ended(JobState::Failed)), sample::NOW);
    assert_eq!(only(&outbox).severity, Health::Critical);
}

#[test]
fn the_end_before_a_restart_is_not_the_end_after_it() {
    let (mut outbox, world) = accepted(Command::RestartJob { job: job(FAILED) }, FAILED);
    assert!(only(&outbox).runs, "the failure that is known is not told again");
    outbox.follow(&later(&world, FAILED, ended(JobState::Failed)), sample::NOW);
    assert_eq!(only(&outbox).severity, Health::Critical, "that it failed again is");
}

#[test]
fn a_job_that_was_over_at_once_is_told() {
    let (mut outbox, _) = accepted(synced(), 3);
    assert_eq!(only(&outbox).severity, Health::Healthy);
    outbox.mark_read();
    assert_eq!(outbox.unread(), 0);
}

#[test]
fn closing_one_toast_leaves_the_others() {
    let mut shown = show(sample::lab(), Route::Item(ItemId(sample::id(6, 2))), false);
    for n in [RUNNING, 0] {
        shown.stage.answer(CommandOutcome::Accepted(Accepted::Jobs(vec![job(n)])));
        shown.harness.key_press_modifiers(Modifiers::COMMAND, Key::R);
        shown.harness.run_steps(4);
    }
    let toasts = |shown: &super::harness::Shown| {
        shown.harness.query_all_by_label("Synchronize now has started").count()
    };
    assert_eq!(toasts(&shown), 2);
    shown.harness.get_all_by_label("Close").next().expect("the newest").click();
    shown.harness.run_steps(4);
    assert_eq!(toasts(&shown), 1);
}

#[test]
fn the_window_shows_the_end_as_a_toast() {
    let world = sample::lab();
    let mut shown = show(world.clone(), Route::Item(ItemId(sample::id(6, 2))), false);
    shown.stage.answer(CommandOutcome::Accepted(Accepted::Jobs(vec![job(RUNNING)])));
    shown.harness.key_press_modifiers(Modifiers::COMMAND, Key::R);
    shown.harness.run_steps(4);
    assert!(shown.harness.query_by_label("Synchronize now has started").is_some());
    shown.stage.publish(later(&world, RUNNING, ended(JobState::Failed)));
    shown.harness.run_steps(4);
    let name = world.job(job(RUNNING)).map(|j| format!("{} failed: {}", j.verb.title(), j.subject));
    assert!(shown.harness.query_by_label(&name.expect("a job")).is_some());
    assert!(shown.harness.query_by_label("Synchronize now has started").is_none());
}
