//! Clocks that are wrong: the engine's jumps at each step, a host's is off at each step. Apart from `main`, where
//! parts fail; here all parts are well and only disagree about the time.

use super::cases::all;
use super::{assert_good, give, mend, run_out, stage, steps};
use leeward_model::{JobState, PointKind, StepState};
use leeward_sim::{World, checkers};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Runs until a step is under way. Whether it came to that.
fn until_step(world: &mut World, job: leeward_model::JobId, step: &str) -> bool {
    world.run_until(600, |w| {
        w.job(job).is_some_and(|v| {
            v.state.is_over() || v.steps.iter().any(|s| *s.id == *step && s.state == StepState::Running)
        })
    }) && world.job(job).is_some_and(|v| !v.state.is_over())
}

/// Figures of time are not nonsense.
fn figures_hold(world: &mut World) {
    let snapshot = world.snapshot().expect("the engine runs");
    for item in snapshot.items.iter() {
        // The safety point keeps the number of the other direction.
        let counted = item.points.iter().filter(|p| p.kind != PointKind::Safety);
        let numbers: Vec<u64> = counted.map(|p| p.sequence.0).collect();
        assert!(numbers.is_sorted_by(|a, b| a > b), "points go by number: {numbers:?}");
        let lag = item.rpo_secs.unwrap_or_default();
        assert!(lag <= 10 * 365 * 86_400, "an RPO of {lag} s");
    }
}

#[test]
fn the_engines_clock_jumps_ahead_at_each_step() {
    for case in all() {
        for step in steps(&case) {
            for jump in [HOUR, DAY] {
                let mut world = stage(&case);
                let job = give(&mut world, &case).expect("accepted");
                if !until_step(&mut world, job, &step) {
                    continue;
                }
                world.engine_clock_jumps(jump);
                let ended = run_out(&mut world, job);
                assert!(ended.is_over(), "{} at {step}: {ended:?}", case.name);
                mend(&mut world, job);
                if case.restarts {
                    assert_good(&mut world, &case, &format!("the clock jumped at {step}"));
                }
                figures_hold(&mut world);
            }
        }
    }
}

#[test]
fn the_engines_clock_is_set_back_while_it_is_away() {
    for case in all() {
        for step in steps(&case) {
            for jump in [-HOUR, -DAY] {
                let mut world = stage(&case);
                let job = give(&mut world, &case).expect("accepted");
                if !until_step(&mut world, job, &step) {
                    continue;
                }
                world.strike(&leeward_sim::Fault::EngineCrash { before: false });
                // It dies at its next write; whatever it does then is after the jump.
                world.run_until(120, |w| w.vault.core.is_none());
                world.engine_clock_jumps(jump);
                world.heal();
                let ended = run_out(&mut world, job);
                assert!(ended.is_over(), "{} at {step}: {ended:?}\n{}", case.name, checkers::tail(&world));
                mend(&mut world, job);
                if case.restarts {
                    assert_good(&mut world, &case, &format!("the clock was set back at {step}"));
                }
                figures_hold(&mut world);
            }
        }
    }
}

#[test]
fn a_hosts_clock_is_wrong_from_each_step_on() {
    for case in all() {
        for step in steps(&case) {
            for (host, ahead) in [(0, DAY), (0, -DAY), (1, HOUR), (1, -DAY)] {
                let mut world = stage(&case);
                let job = give(&mut world, &case).expect("accepted");
                if !until_step(&mut world, job, &step) {
                    continue;
                }
                let agent = world.order[host];
                world.hosts.get_mut(&agent).expect("there").ahead = ahead;
                let ended = run_out(&mut world, job);
                assert_eq!(
                    ended,
                    JobState::Succeeded,
                    "{} at {step}, host {host} {ahead}: {:#?}",
                    case.name,
                    world.job(job)
                );
                assert_good(&mut world, &case, &format!("clock of host {host} off at {step}"));
                world.run_for(120);
                figures_hold(&mut world);
                checkers::comes_to_rest(&mut world);
            }
        }
    }
}
