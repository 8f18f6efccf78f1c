//! There and back again: enable, test, planned failover, commit, reverse, failback.

use leeward_model::{Command, JobState, NetworkChoice, PointChoice, Protection, Side};
use leeward_sim::{Plan, World, checkers};

fn done(world: &mut World, command: Command) {
    let receipt = world.command(command.clone());
    let jobs = world.jobs_of(receipt);
    assert!(!jobs.is_empty(), "{command:?}: {:?}", world.outcomes.get(&receipt));
    let ended = world.run_until(900, |w| jobs.iter().all(|j| w.job(*j).is_some_and(|v| v.state.is_over())));
    for job in jobs {
        let view = world.job(job).expect("the job is there");
        assert!(ended && view.state == JobState::Succeeded, "{view:#?}\n{}", checkers::tail(world));
    }
}

#[test]
fn there_and_back_again() {
    let mut world = World::new(1, Plan::default());
    world.protect_all();
    let item = world.item("vm1").expect("protected").id;
    done(&mut world, Command::SyncNow { item });
    done(
        &mut world,
        Command::TestFailover { item, point: PointChoice::Latest, network: NetworkChoice::Isolated },
    );
    let test = world.item("vm1").expect("there").tests.first().expect("a test").id;
    done(&mut world, Command::CleanUpTestFailover { item, test, notes: "fine".to_owned() });
    assert!(world.item("vm1").expect("there").last_test_ok.is_some());
    for side in [Side::Recovery, Side::Primary] {
        done(&mut world, Command::PlannedFailover { item });
        let view = world.item("vm1").expect("there");
        assert_eq!(view.active, side);
        assert!(matches!(view.protection, Protection::FailedOver { .. }));
        done(&mut world, Command::Commit { item });
        done(&mut world, Command::ReverseReplicate { item });
    }
    let view = world.item("vm1").expect("there");
    assert_eq!(view.protection, Protection::Protected);
    assert_eq!(view.active, Side::Primary);
    checkers::comes_to_rest(&mut world);
}

#[test]
fn disaster_change_of_point_and_home_again() {
    let mut world = World::new(2, Plan::default());
    world.protect_all();
    world.run_for(120);
    let item = world.item("vm1").expect("protected").id;
    world.strike(&leeward_sim::Fault::EngineLink { host: 0, secs: 200 });
    done(&mut world, Command::Failover { item, point: PointChoice::Latest, shut_down_source: true });
    let view = world.item("vm1").expect("there");
    assert_eq!(view.active, Side::Recovery);
    let other = view.points.get(1).expect("another point").id;
    done(&mut world, Command::ChangeRecoveryPoint { item, point: other });
    let back = world.run_until(400, |w| w.item("vm1").is_some_and(|i| i.superseded));
    assert!(back, "the old source is fenced when it returns\n{}", checkers::tail(&world));
    done(&mut world, Command::Commit { item });
    done(&mut world, Command::ReverseReplicate { item });
    assert_eq!(world.item("vm1").expect("there").protection, Protection::ProtectedReversed);
    done(&mut world, Command::PlannedFailover { item });
    done(&mut world, Command::Commit { item });
    done(&mut world, Command::ReverseReplicate { item });
    done(&mut world, Command::DisableReplication { item, delete_replica: true });
    assert!(world.item("vm1").is_none());
    checkers::comes_to_rest(&mut world);
}

/// A host that is connected is not shown as last heard of minutes ago.
#[test]
fn signs_of_life_are_shown_while_nothing_else_happens() {
    let mut world = World::new(1, Plan::default());
    world.protect_all();
    for _ in 0..20 {
        world.run_for(9);
        let now = leeward_sim::world::moment(world.now);
        for server in world.snapshot().expect("the engine runs").servers.iter() {
            let heard = server.last_heartbeat.expect("connected");
            assert!(now.secs_since(heard) <= 20, "{}: {} s ago", server.name, now.secs_since(heard));
        }
    }
}

#[test]
fn a_host_hears_that_it_may_run_an_item_but_not_while_it_is_moved() {
    let mut world = World::new(3, Plan::default());
    world.protect_all();
    let view = world.item("vm1").expect("protected");
    let (item, source) = (view.id, view.primary.agent);
    let wait = |world: &mut World| world.hosts.get_mut(&source).expect("there").waiting.insert(item);
    let waits = |world: &World| world.hosts.get(&source).is_some_and(|h| h.waiting.contains(&item));
    wait(&mut world);
    assert!(world.run_until(60, |w| !waits(w)), "the engine answers");
    let receipt = world.command(Command::PlannedFailover { item });
    let job = world.jobs_of(receipt)[0];
    wait(&mut world);
    let heard = world.run_until(900, |w| !waits(w) || w.job(job).is_some_and(|v| v.state.is_over()));
    assert!(heard && waits(&world), "not while the item is moved");
    world.run_for(60);
    assert!(waits(&world), "nor when it has been: it runs at the other side");
}
