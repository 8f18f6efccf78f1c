//! There and back again: enable, test, planned failover, commit, reverse, failback.

use leeward_model::{
    Accepted, AgentId, Command, CommandOutcome, JobState, MachineOn, NetworkChoice, PointChoice, PowerState,
    Protection, ReplicationState, Side, Start,
};
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
fn a_resynchronization_that_is_cancelled_ends_at_the_source_and_is_still_required() {
    let mut world = World::new(3, Plan::default());
    world.protect_all();
    let view = |w: &mut World| w.item("vm1").expect("protected");
    let item = view(&mut world).id;
    done(&mut world, Command::SyncNow { item });
    let receipt = world.command(Command::Resynchronize { item, disks: Vec::new(), start: Start::Now });
    let job = *world.jobs_of(receipt).first().expect("a job");
    let compares = world.run_until(60, |w| view(w).replication == ReplicationState::Resynchronizing);
    assert!(compares, "{}", checkers::tail(&world));
    let points = view(&mut world).points.clone();
    world.command(Command::CancelJob { job });
    assert!(world.run_until(60, |w| w.job(job).is_some_and(|j| j.state == JobState::Cancelled)));
    world.run_for(120);
    let after = view(&mut world);
    let required = matches!(after.replication, ReplicationState::ResyncRequired { scheduled_at: None, .. });
    assert!(required, "{:?}\n{}", after.replication, checkers::tail(&world));
    assert_eq!(after.points, points, "older points stay as they were");
    done(&mut world, Command::Resynchronize { item, disks: Vec::new(), start: Start::Now });
    assert_eq!(view(&mut world).replication, ReplicationState::Active);
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

/// The engine ends between writing an agent down and handing its certificate out: the host asks again with the same
/// key, and is the agent it was. Once it has come, the key is used.
#[test]
fn a_key_whose_answer_was_lost_gives_the_same_agent_again() {
    use leeward_engine::core::{Effect, Input};
    let mut world = World::new(5, Plan::default());
    let receipt = world.command(Command::MakeRegistrationKey { site: "Stockholm".to_owned() });
    let Some(CommandOutcome::Accepted(Accepted::RegistrationKey { key, .. })) =
        world.outcomes.get(&receipt).cloned()
    else {
        panic!("a key is made");
    };
    let ask = |world: &mut World| {
        let agent = AgentId(uuid::Uuid::from_u128(u128::from(world.seed.number())));
        let asked = Input::EnrolmentAsked {
            key,
            agent,
            former: None,
            host: "hv9".to_owned(),
            site: "Stockholm".to_owned(),
            version: "0.1.0".to_owned(),
            replication_addr: "hv9:8084".to_owned(),
            reply: 9,
        };
        let effects = world.vault.apply(asked, world.engine_time()).expect("runs");
        let decided = effects.into_iter().find_map(|e| match e {
            Effect::EnrolmentDecided { decision, .. } => Some(decision),
            _ => None,
        });
        decided.expect("decided")
    };
    let first = ask(&mut world).expect("a good key");
    ask(&mut world).expect_err("its certificate is being handed out");
    world.vault.load();
    assert_eq!(ask(&mut world), Ok(first));
    let mut host = leeward_sim::host::Host::new(first, "hv9", "Stockholm");
    let hello = host.hello();
    let now = world.engine_time();
    world.vault.apply(Input::AgentConnected { hello, certificate_expires: now.plus_secs(9) }, now);
    host.session = true;
    world.vault.load();
    ask(&mut world).expect_err("the key is used");
}

#[test]
fn a_key_that_could_not_be_made_is_not_there() {
    use leeward_engine::core::{Effect, Input};
    let mut world = World::new(5, Plan::default());
    let before = world.snapshot().expect("runs").keys.len();
    let receipt = leeward_model::ReceiptId(uuid::Uuid::from_u128(7));
    let command = Command::MakeRegistrationKey { site: "Stockholm".to_owned() };
    let now = world.engine_time();
    let asked = Input::Command { receipt, by: "operator".to_owned(), command };
    let effects = world.vault.apply(asked, now).expect("runs");
    let key = effects.iter().find_map(|e| match e {
        Effect::MakeKey { key, .. } => Some(*key),
        _ => None,
    });
    let fault = Box::new(leeward_sim::host::fault("sim-disk-full", leeward_model::Recovery::NeedsPerson));
    let failed = Input::KeyNotMade { receipt, key: key.expect("asked for"), fault };
    let effects = world.vault.apply(failed, now).expect("runs");
    let told = |e: &Effect| matches!(e, Effect::Answer { outcome: CommandOutcome::Failed(_), .. });
    assert!(effects.iter().any(told));
    assert_eq!(world.snapshot().expect("runs").keys.len(), before);
}

#[test]
fn a_host_that_says_another_site_than_its_key_is_refused_with_both_names() {
    use leeward_engine::core::{Effect, Input};
    let mut world = World::new(5, Plan::default());
    let receipt = world.command(Command::MakeRegistrationKey { site: "Stockholm".to_owned() });
    let Some(CommandOutcome::Accepted(Accepted::RegistrationKey { key, .. })) =
        world.outcomes.get(&receipt).cloned()
    else {
        panic!("a key is made");
    };
    let mut ask = |site: &str| {
        let asked = Input::EnrolmentAsked {
            key,
            agent: AgentId(uuid::Uuid::from_u128(9)),
            former: None,
            host: "hv9".to_owned(),
            site: site.to_owned(),
            version: "0.1.0".to_owned(),
            replication_addr: "hv9:8084".to_owned(),
            reply: 9,
        };
        let effects = world.vault.apply(asked, world.engine_time()).expect("runs");
        let decided = effects.into_iter().find_map(|e| match e {
            Effect::EnrolmentDecided { decision, .. } => Some(decision),
            _ => None,
        });
        decided.expect("decided")
    };
    let said = ask("Oslo").expect_err("another site").why.render();
    assert!(said.contains("Stockholm") && said.contains("Oslo"), "{said}");
    ask("").expect("the key's site");
}

/// After a failover for good the same machine stands on both hosts, and nothing ties them together any more.
#[test]
fn a_machine_on_two_hosts_is_started_where_it_was_asked_for() {
    let mut world = World::new(3, Plan::default());
    world.protect_all();
    let view = world.item("vm1").expect("protected");
    let (item, machine) = (view.id, view.machine);
    let (old, new) = (view.primary.agent, view.recovery.agent);
    done(&mut world, Command::PlannedFailover { item });
    let refused = |world: &mut World, agent: AgentId| {
        let receipt = world.command(Command::StartMachine { machine: MachineOn { agent, machine } });
        world.run_until(60, |w| w.outcomes.contains_key(&receipt));
        match world.outcomes.get(&receipt) {
            Some(CommandOutcome::Refused(refusal)) => refusal.why.key.to_string(),
            other => format!("{other:?}"),
        }
    };
    assert_eq!(refused(&mut world, old), "refusal-machine-left", "judged for the host that was named");
    assert_eq!(refused(&mut world, new), "refusal-running");
    done(&mut world, Command::Commit { item });
    done(&mut world, Command::DisableReplication { item, delete_replica: false });
    let listed = |world: &mut World| {
        let snapshot = world.snapshot().expect("the engine runs");
        snapshot.machines.iter().filter(|m| m.definition.id == machine).count()
    };
    assert_eq!(listed(&mut world), 2);
    assert_eq!(refused(&mut world, old), "refusal-machine-runs-at", "the old copy is not started beside it");
    assert_eq!(refused(&mut world, new), "refusal-running");
    done(&mut world, Command::PowerOffMachine { machine: MachineOn { agent: new, machine } });
    let off = |w: &mut World| {
        let snapshot = w.snapshot().expect("the engine runs");
        snapshot.machines.iter().all(|m| m.definition.id != machine || m.power == PowerState::Off)
    };
    assert!(world.run_until(60, off));
    done(&mut world, Command::StartMachine { machine: MachineOn { agent: new, machine } });
    let runs = |w: &mut World, at: AgentId| {
        let snapshot = w.snapshot().expect("the engine runs");
        let view = snapshot.machines.iter().find(|m| m.on() == MachineOn { agent: at, machine });
        view.is_some_and(|m| m.power == PowerState::Running)
    };
    assert!(world.run_until(60, |w| runs(w, new)));
    assert!(!runs(&mut world, old), "the one that was named, not the first that has this id");
}

/// A symptom that lasts keeps the instant it began at, however often it is shown again.
#[test]
fn a_symptom_that_lasts_keeps_its_beginning() {
    let mut world = World::new(1, Plan::default());
    world.protect_all();
    let item = world.item("vm1").expect("protected").id;
    done(&mut world, Command::PauseReplication { item });
    let since = |world: &mut World| {
        let view = world.item("vm1").expect("there");
        view.issues.iter().find(|i| i.fault.code == "health-paused").map(|i| i.since)
    };
    world.run_for(8);
    let first = since(&mut world);
    assert!(first.is_some());
    for _ in 0..3 {
        // The item is shown again whenever one of its hosts goes or comes.
        world.strike(&leeward_sim::Fault::EngineLink { host: 1, secs: 5 });
        assert_eq!(since(&mut world), first);
        world.run_for(20);
        assert_eq!(since(&mut world), first);
    }
}
