//! Single stories of bad days: what got stuck is taken up, what was given up stays off, who returns is told in time.
//! Apart from `main`, whose loops break each step; here several things go wrong one after the other.

use super::cases::done;
use super::{mend, run_out};
use leeward_model::{
    Command, JobId, JobState, MachineOn, PointChoice, PowerState, Protection, ReplicationState, Side, Start,
    StepState,
};
use leeward_sim::{Fault, Plan, World, checkers};

fn protected() -> World {
    let mut world = World::new(11, Plan::default());
    world.protect_all();
    world
}

fn item(world: &mut World) -> leeward_model::ItemId {
    world.item("vm1").expect("there").id
}

fn give(world: &mut World, command: Command) -> JobId {
    let receipt = world.command(command);
    *world.jobs_of(receipt).first().unwrap_or_else(|| panic!("{:?}", world.outcomes.get(&receipt)))
}

fn until_step(world: &mut World, job: JobId, step: &str) {
    let there = world.run_until(600, |w| {
        w.job(job).is_some_and(|v| v.steps.iter().any(|s| s.id == step && s.state == StepState::Running))
    });
    assert!(there, "never comes to {step}\n{}", checkers::tail(world));
}

fn failover(world: &mut World) -> Command {
    Command::Failover { item: item(world), point: PointChoice::Latest, shut_down_source: true }
}

/// How many hosts run the machine.
fn running(world: &mut World, machine: leeward_model::MachineId) -> usize {
    let runs = |h: &&leeward_sim::host::Host| {
        h.machines.get(&machine).is_some_and(|m| m.power == PowerState::Running)
    };
    world.hosts.values().filter(runs).count()
}

#[test]
fn a_stuck_failover_can_be_taken_up_after_the_machine_was_started_by_hand() {
    let mut world = protected();
    world.fail_steps(&["start", "undo-fence"]);
    let command = Command::PlannedFailover { item: item(&mut world) };
    let job = give(&mut world, command);
    assert_eq!(run_out(&mut world, job), JobState::Stuck);
    let view = world.item("vm1").expect("there");
    assert!(matches!(view.protection, Protection::NeedsOperator { .. }));
    let at_home = MachineOn { agent: view.primary.agent, machine: view.machine };
    let by_hand = give(&mut world, Command::StartMachine { machine: at_home });
    run_out(&mut world, by_hand);
    assert_eq!(world.job(job).expect("there").restart, None, "it is still the job to go on with");
    // So it is for an engine that starts again.
    world.strike(&Fault::EngineCrash { before: false });
    world.run_for(60);
    assert_eq!(world.job(job).expect("there").restart, None);
    mend(&mut world, job);
}

#[test]
fn a_first_copy_that_stopped_is_restarted_whatever_was_tried_before() {
    let mut world = World::new(11, Plan::default());
    let snapshot = world.snapshot().expect("the engine runs");
    let machines = vec![snapshot.machines.first().expect("a machine").on()];
    let (target, policy) = (*world.order.last().expect("hosts"), world.policy);
    let job = give(&mut world, Command::EnableReplication { machines, target, policy, start: Start::Now });
    stopped_and_restarted(&mut world, job, "copy");
    assert_eq!(world.item("vm1").expect("there").protection, Protection::Protected);
}

#[test]
fn a_way_back_that_stopped_is_restarted_whatever_was_tried_before() {
    let mut world = protected();
    let item = item(&mut world);
    done(&mut world, Command::PlannedFailover { item });
    done(&mut world, Command::Commit { item });
    let job = give(&mut world, Command::ReverseReplicate { item });
    stopped_and_restarted(&mut world, job, "compare");
    assert_eq!(world.item("vm1").expect("there").protection, Protection::ProtectedReversed);
}

fn stopped_and_restarted(world: &mut World, job: JobId, step: &str) {
    until_step(world, job, step);
    let host = usize::from(world.item("vm1").expect("there").active == Side::Recovery);
    world.strike(&Fault::ReplicationStops { host });
    assert_eq!(run_out(world, job), JobState::Failed);
    world.run_for(8);
    let view = world.item("vm1").expect("there");
    assert_eq!(view.replication, ReplicationState::Stopped);
    done(world, Command::PauseReplication { item: view.id });
    done(world, Command::ResumeReplication { item: view.id });
    world.strike(&Fault::ReplicationStops { host });
    world.run_for(8);
    assert_eq!(world.job(job).expect("there").restart, None, "it is still the job to go on with");
    world.command(Command::RestartJob { job });
    assert_eq!(run_out(world, job), JobState::Succeeded, "{}", checkers::tail(world));
    checkers::comes_to_rest(world);
}

/// The old site comes back after its item was taken out of the vault: its machine stays off, and it forgets.
#[test]
fn an_old_source_that_was_given_up_and_disabled_stays_off_when_it_returns() {
    for fails in [false, true] {
        let mut world = protected();
        let (item, machine) = (item(&mut world), world.item("vm1").expect("there").machine);
        world.strike(&Fault::HostCrash { host: 0, secs: 400 });
        let command = failover(&mut world);
        done(&mut world, command);
        done(&mut world, Command::Commit { item });
        let preview = Command::DisableReplication { item, delete_replica: true };
        let notes = world.vault.core.as_ref().expect("runs").preview(&preview, world.engine_time()).notes;
        assert!(notes.iter().any(|n| n.key == "preview-disable-fence"), "{notes:?}");
        done(&mut world, preview);
        assert!(world.item("vm1").is_none());
        if fails {
            world.fail_steps(&["release-fence", "release"]);
        }
        let old = *world.order.first().expect("hosts");
        world.run_until(600, |w| w.hosts.get(&old).is_some_and(|h| h.session));
        world.run_for(25);
        world.fail_steps(&[]);
        world.run_for(180);
        assert_eq!(running(&mut world, machine), 1, "{}", checkers::tail(&world));
        assert!(world.hosts.get(&old).expect("there").items.is_empty(), "{}", checkers::tail(&world));
        // Nor does it start when the host starts again.
        world.strike(&Fault::HostCrash { host: 0, secs: 5 });
        world.run_for(60);
        assert_eq!(running(&mut world, machine), 1);
        checkers::comes_to_rest(&mut world);
    }
}

/// A session that breaks for a moment is not a lost site: the failover still shuts down, sends the last delta, fences.
#[test]
fn a_broken_session_of_a_moment_costs_an_unplanned_failover_nothing() {
    for step in ["shut-down", "last-delta", "fence"] {
        let mut world = protected();
        world.run_for(40);
        let command = failover(&mut world);
        let job = give(&mut world, command);
        until_step(&mut world, job, step);
        world.strike(&Fault::EngineLink { host: 0, secs: 6 });
        assert_eq!(run_out(&mut world, job), JobState::Succeeded);
        let view = world.job(job).expect("there");
        let undone = |s: &&leeward_model::StepView| s.id != "fence-late" && s.state != StepState::Done;
        assert_eq!(view.steps.iter().find(undone), None, "broken at {step}");
        checkers::comes_to_rest(&mut world);
    }
}

/// The other side is being started when the source returns: it is told at once, and does not take silence for consent.
#[test]
fn a_source_that_returns_while_the_other_side_is_started_stays_off() {
    let mut world = protected();
    let machine = world.item("vm1").expect("there").machine;
    world.strike(&Fault::HostCrash { host: 0, secs: 60 });
    world.strike(&Fault::PeerLinks { secs: 400 });
    let command = failover(&mut world);
    let job = give(&mut world, command);
    until_step(&mut world, job, "start");
    world.strike(&Fault::AgentCrash { host: 1, secs: 80 });
    for _ in 0..200 {
        world.second();
        assert!(running(&mut world, machine) <= 1, "{}", checkers::tail(&world));
    }
    assert_eq!(run_out(&mut world, job), JobState::Succeeded);
    assert_eq!(world.item("vm1").expect("there").active, Side::Recovery);
    checkers::comes_to_rest(&mut world);
}

/// The same, and the other side cannot be started: the source gets the right to write back, and runs.
#[test]
fn a_source_that_was_fenced_for_nothing_runs_again() {
    let mut world = protected();
    let machine = world.item("vm1").expect("there").machine;
    world.strike(&Fault::HostCrash { host: 0, secs: 60 });
    let command = failover(&mut world);
    let job = give(&mut world, command);
    until_step(&mut world, job, "start");
    world.fail_steps(&["start"]);
    world.strike(&Fault::AgentCrash { host: 1, secs: 80 });
    assert_eq!(run_out(&mut world, job), JobState::Failed, "{}", checkers::tail(&world));
    world.run_for(120);
    let view = world.item("vm1").expect("there");
    assert_eq!((view.active, &view.protection), (Side::Primary, &Protection::Protected));
    assert_eq!(running(&mut world, machine), 1, "{}", checkers::tail(&world));
    world.heal();
    checkers::comes_to_rest(&mut world);
}

/// The side that runs the machine dies on the way back: the other side brings up what it held when it was left.
#[test]
fn a_disaster_on_the_way_back_has_a_way_out() {
    for comes_up in [true, false] {
        let mut world = protected();
        let item = item(&mut world);
        done(&mut world, Command::PlannedFailover { item });
        done(&mut world, Command::Commit { item });
        let job = give(&mut world, Command::ReverseReplicate { item });
        until_step(&mut world, job, "compare");
        world.strike(&Fault::ReplicationStops { host: 1 });
        world.strike(&Fault::HostCrash { host: 1, secs: 200 });
        world.run_for(30);
        assert_eq!(world.item("vm1").expect("there").protection, Protection::Reversing);
        if !comes_up {
            world.fail_steps(&["start"]);
        }
        let command = failover(&mut world);
        let failover = give(&mut world, command);
        let offered = world.job(job).expect("there").restart.clone();
        assert!(offered.is_some(), "one does not go back while another job works on the item");
        let ended = run_out(&mut world, failover);
        let view = world.item("vm1").expect("there");
        if comes_up {
            assert_eq!((ended, view.active), (JobState::Succeeded, Side::Primary));
            assert_ne!(world.job(job).expect("there").restart, None, "there is nothing to go back to");
        } else {
            assert_eq!((ended, view.active), (JobState::Failed, Side::Recovery));
            assert_eq!(view.protection, Protection::Reversing);
            assert_eq!(world.job(job).expect("there").restart, None, "the way back goes on");
        }
        checkers::comes_to_rest(&mut world);
        let view = world.item("vm1").expect("there");
        if comes_up {
            assert!(matches!(view.protection, Protection::FailedOver { .. }), "{:?}", view.protection);
        } else {
            assert_eq!(view.protection, Protection::ProtectedReversed);
        }
    }
}
