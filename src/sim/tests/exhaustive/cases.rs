//! What the loops of `main` run: each workflow from a state in which it may begin.

use leeward_model::{
    Command, ItemView, JobState, MachineOn, NetworkChoice, PointChoice, Protection, Side, SourceFence, Start,
};
use leeward_sim::{Fault, World, checkers};

/// One workflow from one state.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Makes a world in which it may begin.
    pub(crate) prepare: fn(&mut World),
    /// The command.
    pub(crate) command: fn(&mut World) -> Command,
    /// Whether it has ended well.
    pub(crate) good: fn(&mut World) -> bool,
    /// Where the item stands, for a comparison of before and after.
    pub(crate) state: fn(&mut World) -> String,
    /// A job that failed or was cancelled can be restarted.
    pub(crate) restarts: bool,
}

const CASE: Case =
    Case { name: "", prepare: World::protect_all, command: sync, good: |_| true, state, restarts: true };

fn view(world: &mut World) -> Option<std::sync::Arc<ItemView>> {
    world.item("vm1")
}

fn id(world: &mut World) -> leeward_model::ItemId {
    view(world).expect("protected").id
}

fn state(world: &mut World) -> String {
    view(world).map_or_else(
        || "none".to_owned(),
        |v| {
            format!(
                "{:?} {:?} tests {} power {:?}",
                v.protection.name(),
                v.active,
                v.tests.len(),
                v.active_place().power
            )
        },
    )
}

/// Gives a command and waits until its jobs have succeeded.
pub(crate) fn done(world: &mut World, command: Command) {
    let receipt = world.command(command.clone());
    let jobs = world.jobs_of(receipt);
    assert!(!jobs.is_empty(), "{command:?}: {:?}", world.outcomes.get(&receipt));
    world.run_until(900, |w| jobs.iter().all(|j| w.job(*j).is_some_and(|v| v.state.is_over())));
    for job in jobs {
        let view = world.job(job).expect("there");
        assert_eq!(view.state, JobState::Succeeded, "{view:#?}\n{}", checkers::tail(world));
    }
    // Both hosts have told what has become of them.
    world.run_for(8);
}

fn sync(world: &mut World) -> Command {
    Command::SyncNow { item: id(world) }
}

fn planned(world: &mut World) -> Command {
    Command::PlannedFailover { item: id(world) }
}

fn failover(world: &mut World) -> Command {
    Command::Failover { item: id(world), point: PointChoice::Latest, shut_down_source: true }
}

fn failed_over(world: &mut World) {
    world.protect_all();
    world.run_for(70);
    let command = failover(world);
    done(world, command);
}

fn failed_over_without_source(world: &mut World) {
    world.protect_all();
    world.run_for(70);
    world.strike(&Fault::EngineLink { host: 0, secs: 60 });
    let command = failover(world);
    done(world, command);
}

fn moved(world: &mut World) {
    world.protect_all();
    let command = planned(world);
    done(world, command);
}

fn committed(world: &mut World) {
    moved(world);
    let item = id(world);
    done(world, Command::Commit { item });
}

fn committed_without_source(world: &mut World) {
    failed_over_without_source(world);
    let item = id(world);
    done(world, Command::Commit { item });
    world.run_until(200, |w| view(w).is_some_and(|v| v.primary.connected));
}

fn reversed(world: &mut World) {
    committed(world);
    let item = id(world);
    done(world, Command::ReverseReplicate { item });
}

fn tested(world: &mut World) {
    world.protect_all();
    let item = id(world);
    done(world, test(item));
}

const fn test(item: leeward_model::ItemId) -> Command {
    Command::TestFailover { item, point: PointChoice::Latest, network: NetworkChoice::Isolated }
}

fn is(world: &mut World, side: Side, so: impl Fn(&Protection) -> bool) -> bool {
    view(world).is_some_and(|v| v.active == side && so(&v.protection))
}

fn is_failed_over(world: &mut World) -> bool {
    is(world, Side::Recovery, |p| matches!(p, Protection::FailedOver { .. }))
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = care();
    cases.extend(moves());
    cases
}

fn care() -> Vec<Case> {
    vec![
        Case {
            name: "enable",
            prepare: |_| {},
            command: |w| {
                let snapshot = w.snapshot().expect("the engine runs");
                let machines = snapshot.machines.iter().map(leeward_model::MachineView::on).collect();
                let target = *w.order.last().expect("hosts");
                Command::EnableReplication { machines, target, policy: w.policy, start: Start::Now }
            },
            good: |w| view(w).is_some_and(|v| v.protection == Protection::Protected),
            // What could not be enabled is gone, and is enabled anew.
            restarts: false,
            ..CASE
        },
        Case {
            name: "disable",
            command: |w| Command::DisableReplication { item: id(w), delete_replica: true },
            good: |w| view(w).is_none(),
            ..CASE
        },
        Case { name: "sync now", command: sync, ..CASE },
        Case {
            name: "pause",
            command: |w| Command::PauseReplication { item: id(w) },
            good: |w| {
                // The loops resume what is paused before they look.
                view(w).is_some()
            },
            ..CASE
        },
        Case {
            name: "resynchronize",
            command: |w| Command::Resynchronize { item: id(w), disks: Vec::new(), start: Start::Now },
            good: |w| view(w).is_some_and(|v| v.protection == Protection::Protected),
            ..CASE
        },
        Case {
            name: "verify point",
            command: |w| {
                let view = view(w).expect("protected");
                Command::VerifyPoint { item: view.id, point: view.points.first().expect("a point").id }
            },
            ..CASE
        },
        Case {
            name: "test failover",
            command: |w| test(id(w)),
            good: |w| view(w).is_some_and(|v| v.tests.len() == 1),
            ..CASE
        },
        Case {
            name: "clean up",
            prepare: tested,
            command: |w| {
                let view = view(w).expect("protected");
                let test = view.tests.first().expect("a test").id;
                Command::CleanUpTestFailover { item: view.id, test, notes: String::new() }
            },
            good: |w| view(w).is_some_and(|v| v.tests.is_empty()),
            ..CASE
        },
    ]
}

fn moves() -> Vec<Case> {
    vec![
        Case { name: "planned failover", command: planned, good: is_failed_over, ..CASE },
        Case {
            name: "failback",
            prepare: reversed,
            command: planned,
            good: |w| is(w, Side::Primary, |p| matches!(p, Protection::FailedOver { .. })),
            ..CASE
        },
        Case { name: "failover", command: failover, good: is_failed_over, ..CASE },
        Case {
            name: "failover without source",
            prepare: |w| {
                w.protect_all();
                w.strike(&Fault::EngineLink { host: 0, secs: 10_000 });
            },
            command: failover,
            good: is_failed_over,
            ..CASE
        },
        Case {
            name: "change point",
            prepare: failed_over,
            command: |w| {
                let view = view(w).expect("there");
                let point = view.points.last().expect("points").id;
                Command::ChangeRecoveryPoint { item: view.id, point }
            },
            good: is_failed_over,
            ..CASE
        },
        Case {
            name: "commit",
            prepare: moved,
            command: |w| Command::Commit { item: id(w) },
            good: |w| is(w, Side::Recovery, |p| matches!(p, Protection::Committed { .. })),
            ..CASE
        },
        Case {
            name: "reverse",
            prepare: committed,
            command: |w| Command::ReverseReplicate { item: id(w) },
            good: |w| is(w, Side::Recovery, |p| *p == Protection::ProtectedReversed),
            ..CASE
        },
        Case {
            name: "reverse after a disaster",
            prepare: committed_without_source,
            command: |w| Command::ReverseReplicate { item: id(w) },
            good: |w| is(w, Side::Recovery, |p| *p == Protection::ProtectedReversed),
            ..CASE
        },
        Case {
            name: "discard source",
            prepare: committed,
            command: |w| Command::DiscardSource { item: id(w) },
            good: |w| {
                is(w, Side::Recovery, |p| {
                    matches!(p, Protection::Committed { source: SourceFence::Fenced(_) })
                })
            },
            ..CASE
        },
        Case {
            name: "power off",
            command: |w| {
                let item = view(w).expect("there");
                let machine = MachineOn { agent: item.active_place().agent, machine: item.machine };
                Command::PowerOffMachine { machine }
            },
            good: |w| view(w).is_some(),
            ..CASE
        },
    ]
}

fn older_point(world: &mut World) -> PointChoice {
    PointChoice::Exact(view(world).expect("protected").points.get(1).expect("two points").id)
}

fn two_points(world: &mut World) {
    world.protect_all();
    world.run_for(100);
}

/// What must go its whole way while both hosts are there, whatever becomes of the engine.
pub(crate) fn both_hosts_are_there() -> Vec<Case> {
    vec![
        Case {
            name: "failover to an older point",
            prepare: two_points,
            command: |w| {
                let point = older_point(w);
                Command::Failover { item: id(w), point, shut_down_source: true }
            },
            good: is_failed_over,
            ..CASE
        },
        Case {
            name: "failover to the newest",
            prepare: two_points,
            command: failover,
            good: is_failed_over,
            ..CASE
        },
        Case {
            name: "test failover of an older point",
            prepare: two_points,
            command: |w| {
                let point = older_point(w);
                Command::TestFailover { item: id(w), point, network: NetworkChoice::None }
            },
            good: |w| view(w).is_some_and(|v| v.tests.len() == 1),
            ..CASE
        },
    ]
}
