//! Every workflow, broken in every place: each step fails, the engine dies at each write, each call arrives twice,
//! each step is cancelled. Loops, not chance: what chance adds stands in `seeds`.

mod cases;
mod clocks;
mod disasters;

use cases::{Case, all};
use leeward_model::{CommandOutcome, JobId, JobState, StepState};
use leeward_sim::vault::Death;
use leeward_sim::{Plan, World, checkers};

/// Steps after whose failure nothing is taken back: the job goes on from there.
const STOPS: &[&str] = &[
    "copy",
    "finalize",
    "compare",
    "boot",
    "clean-up",
    "discard",
    "release-source",
    "release-target",
    "forget",
];

/// A world in which the case's command may be given.
fn stage(case: &Case) -> World {
    let mut world = World::new(7, Plan::default());
    (case.prepare)(&mut world);
    world
}

/// Gives the case's command. The job it began; none when it was not accepted (or the engine died of it).
fn give(world: &mut World, case: &Case) -> Option<JobId> {
    let command = (case.command)(world);
    let receipt = world.command(command);
    if let Some(CommandOutcome::Refused(refusal)) = world.outcomes.get(&receipt) {
        panic!("{}: refused: {}", case.name, refusal.why.render());
    }
    world.jobs_of(receipt).first().copied()
}

fn run_out(world: &mut World, job: JobId) -> JobState {
    world.run_until(1_800, |w| w.job(job).is_some_and(|v| v.state.is_over()));
    world.job(job).map_or(JobState::Stuck, |v| v.state)
}

/// What was broken is mended, and a person restarts the job until it has succeeded.
fn mend(world: &mut World, job: JobId) {
    world.heal();
    world.run_for(30);
    for _ in 0..4 {
        if world.job(job).is_some_and(|v| v.restart.is_none()) {
            world.command(leeward_model::Command::RestartJob { job });
            run_out(world, job);
        }
    }
    checkers::comes_to_rest(world);
}

fn assert_good(world: &mut World, case: &Case, what: &str) {
    assert!((case.good)(world), "{} ({what}) did not end as it should\n{}", case.name, checkers::tail(world));
}

/// The steps of a case's job, by id, as they run when nothing goes wrong.
fn steps(case: &Case) -> Vec<String> {
    let mut world = stage(case);
    let job = give(&mut world, case).expect("accepted");
    assert_eq!(run_out(&mut world, job), JobState::Succeeded, "{}: {}", case.name, checkers::tail(&world));
    assert_good(&mut world, case, "nothing went wrong");
    checkers::comes_to_rest(&mut world);
    let view = world.job(job).expect("there");
    view.steps.iter().filter(|s| s.state == StepState::Done).map(|s| s.id.to_string()).collect()
}

#[test]
fn nothing_goes_wrong() {
    for case in all() {
        assert!(!steps(&case).is_empty(), "{}", case.name);
    }
}

#[test]
fn each_step_fails_and_everything_is_taken_back_or_goes_on() {
    for case in all() {
        for step in steps(&case) {
            let mut world = stage(&case);
            let before = (case.state)(&mut world);
            world.fail_steps(&[&step]);
            let job = give(&mut world, &case).expect("accepted");
            let ended = run_out(&mut world, job);
            let what = format!("step {step} fails");
            let view = world.job(job).expect("there");
            // The engine's own steps do not fail, and some steps may be left out.
            if ended == JobState::Failed {
                assert!(view.fault.is_some(), "{}: {what}, and nobody says why", case.name);
                let stopped = STOPS.contains(&step.as_str());
                world.run_for(10);
                let after = (case.state)(&mut world);
                assert!(
                    stopped || before == after,
                    "{} ({what}): was {before}, is {after}\n{}",
                    case.name,
                    checkers::tail(&world)
                );
            } else {
                assert_eq!(ended, JobState::Succeeded, "{}: {what}\n{}", case.name, checkers::tail(&world));
            }
            mend(&mut world, job);
            if case.restarts {
                assert_good(&mut world, &case, &what);
            }
        }
    }
}

#[test]
fn each_step_and_its_undo_fail_and_a_person_goes_on() {
    for case in all() {
        let steps = steps(&case);
        for (index, step) in steps.iter().enumerate() {
            for undone in steps.iter().take(index + 1) {
                let mut world = stage(&case);
                world.fail_steps(&[step, &format!("undo-{undone}")]);
                let job = give(&mut world, &case).expect("accepted");
                let ended = run_out(&mut world, job);
                assert!(ended.is_over(), "{}: {step}, undo-{undone}", case.name);
                mend(&mut world, job);
                if case.restarts {
                    assert_good(&mut world, &case, &format!("{step} and undo-{undone} fail"));
                }
            }
        }
    }
}

#[test]
fn the_engine_dies_at_each_write_and_the_job_ends_the_same() {
    for case in all() {
        let writes = {
            let mut world = stage(&case);
            let before = world.vault.database.writes;
            let job = give(&mut world, &case).expect("accepted");
            run_out(&mut world, job);
            world.vault.database.writes - before
        };
        assert!(writes > 0, "{} writes nothing", case.name);
        for number in 0..writes {
            for after in [false, true] {
                let mut world = stage(&case);
                let at = world.vault.database.writes + number;
                world.vault.death = Some(if after { Death::After(at) } else { Death::Before(at) });
                let job = give(&mut world, &case);
                world.run_for(40);
                // What was not written was not accepted: whoever asked asks again.
                let began = world.vault.database.journal.len() + world.vault.database.audit.len();
                if job.is_none() && number == 0 && !after {
                    assert!(began > 0);
                    give(&mut world, &case);
                }
                checkers::comes_to_rest(&mut world);
                assert_good(&mut world, &case, &format!("death at write {number}, after {after}"));
            }
        }
    }
}

#[test]
fn each_call_arrives_twice_and_nothing_is_done_twice() {
    for case in all() {
        let mut world = stage(&case);
        world.call_twice();
        let job = give(&mut world, &case).expect("accepted");
        assert_eq!(run_out(&mut world, job), JobState::Succeeded, "{}", case.name);
        assert_good(&mut world, &case, "calls twice");
        checkers::comes_to_rest(&mut world);
    }
}

/// What a step did stays done, and nobody hears of it: its agent goes down first, for a moment or for longer than a
/// step waits.
#[test]
fn the_reply_of_each_step_is_lost() {
    for case in all() {
        for step in steps(&case) {
            for secs in [2, 45] {
                let mut world = stage(&case);
                world.lose_reply(&step, secs);
                let job = give(&mut world, &case).expect("accepted");
                let ended = run_out(&mut world, job);
                let what = format!("reply of {step} lost, {secs} s");
                assert_eq!(ended, JobState::Succeeded, "{}: {what}\n{}", case.name, checkers::tail(&world));
                assert_good(&mut world, &case, &what);
                checkers::comes_to_rest(&mut world);
                // Nor does a fence whose proof was lost stay unknown.
                world.run_for(90);
            }
        }
    }
}

/// What a restarted job did not do this time is not taken back, although an earlier run did it.
#[test]
fn a_job_begun_anew_takes_back_only_what_this_run_did() {
    let case = all().into_iter().find(|c| c.name == "planned failover").expect("there");
    let mut world = stage(&case);
    world.fail_steps(&["start"]);
    let job = give(&mut world, &case).expect("accepted");
    assert_eq!(run_out(&mut world, job), JobState::Failed);
    world.run_for(10);
    let epoch = world.item("vm1").expect("there").epoch;
    world.fail_steps(&["shut-down"]);
    world.command(leeward_model::Command::RestartJob { job });
    assert_eq!(run_out(&mut world, job), JobState::Failed);
    assert_eq!(world.item("vm1").expect("there").epoch, epoch, "no right to write changed hands this time");
    mend(&mut world, job);
    assert_good(&mut world, &case, "begun anew");
}

#[test]
fn each_step_is_cancelled_and_taken_back_or_it_is_too_late() {
    for case in all() {
        for step in steps(&case) {
            let mut world = stage(&case);
            let before = (case.state)(&mut world);
            let job = give(&mut world, &case).expect("accepted");
            let there = world.run_until(600, |w| {
                w.job(job).is_some_and(|v| {
                    v.state.is_over()
                        || v.steps.iter().any(|s| *s.id == *step && s.state == StepState::Running)
                })
            });
            assert!(there, "{} never comes to {step}", case.name);
            if world.job(job).is_some_and(|v| v.state.is_over()) {
                continue;
            }
            let refused = world.job(job).is_some_and(|v| v.cancel.is_some());
            let receipt = world.command(leeward_model::Command::CancelJob { job });
            let was_refused = matches!(world.outcomes.get(&receipt), Some(CommandOutcome::Refused(_)));
            assert_eq!(refused, was_refused, "{}: the button and the engine agree", case.name);
            let ended = run_out(&mut world, job);
            world.run_for(10);
            let after = (case.state)(&mut world);
            match ended {
                JobState::Cancelled => assert_eq!(before, after, "{} cancelled at {step}", case.name),
                JobState::Succeeded => assert_good(&mut world, &case, "too late to cancel"),
                other => panic!("{} cancelled at {step}: {other:?}\n{}", case.name, checkers::tail(&world)),
            }
            checkers::comes_to_rest(&mut world);
        }
    }
}

#[test]
fn a_host_is_lost_at_each_step_and_everything_ends() {
    for case in all() {
        for step in steps(&case) {
            for host in [0, 1] {
                for secs in [8, 900] {
                    let mut world = stage(&case);
                    let job = give(&mut world, &case).expect("accepted");
                    world.run_until(600, |w| {
                        w.job(job).is_some_and(|v| {
                            v.state.is_over()
                                || v.steps.iter().any(|s| *s.id == *step && s.state == StepState::Running)
                        })
                    });
                    world.strike(&leeward_sim::Fault::HostCrash { host, secs });
                    let ended = run_out(&mut world, job);
                    assert!(
                        ended.is_over(),
                        "{}: {step}, host {host} away for {secs} s: {ended:?}\n{}",
                        case.name,
                        checkers::tail(&world)
                    );
                    mend(&mut world, job);
                    if case.restarts {
                        assert_good(&mut world, &case, &format!("{step}, host {host} away for {secs} s"));
                    }
                }
            }
        }
    }
}

/// A healthy source is neither skipped nor left unfenced because the engine has just started, and a point is not
/// gone because the host that keeps it has not said so yet.
#[test]
fn an_engine_that_has_just_started_takes_nobody_for_lost() {
    for case in cases::both_hosts_are_there() {
        let writes = {
            let mut world = stage(&case);
            let before = world.vault.database.writes;
            let job = give(&mut world, &case).expect("accepted");
            assert_eq!(run_out(&mut world, job), JobState::Succeeded, "{}", case.name);
            world.vault.database.writes - before
        };
        for number in 1..writes {
            let mut world = stage(&case);
            world.vault.death = Some(Death::After(world.vault.database.writes + number));
            let Some(job) = give(&mut world, &case) else { continue };
            let ended = run_out(&mut world, job);
            let view = world.job(job).expect("there");
            assert_eq!(ended, JobState::Succeeded, "{}: death at {number}: {view:#?}", case.name);
            // A second fence is only for a source that could not be fenced at first.
            let skipped: Vec<_> = view
                .steps
                .iter()
                .filter(|s| &*s.id != "fence-late" && matches!(s.state, StepState::Skipped { .. }))
                .collect();
            assert!(skipped.is_empty(), "{}: death at {number}: {skipped:#?}", case.name);
            assert_good(&mut world, &case, &format!("death at {number}"));
        }
    }
}
