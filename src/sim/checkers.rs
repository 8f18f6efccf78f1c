//! What must hold whatever goes wrong. Looked at every second of the world, and at its end.

use crate::losses;
use crate::seed::Seed;
use crate::world::World;
use leeward_engine::core::{Record, RecordKey};
use leeward_engine::records::{AuditPhase, ItemRecord};
use leeward_link::messages::Role;
use leeward_model::{
    AgentId, Command, FailoverKind, Health, ItemId, ItemView, JobState, NetworkChoice, PointChoice,
    PowerState, Protection, ReplicationState, SourceFence, Start, Verb,
};
use std::collections::BTreeMap;

/// Seconds that a source which has come back may go unfenced: a report, a few messages, and tries that fail.
const UNFENCED_SECS: u32 = 60;

/// What the checkers remember of the seconds before.
#[derive(Debug, Default)]
pub struct Watch {
    /// Items as they were last written; also those that are gone.
    known: BTreeMap<ItemId, ItemRecord>,
    /// Seconds that both sides have run while the one that was left could be told to stop.
    doubles: BTreeMap<ItemId, u32>,
    /// Seconds that a side that was left has been there without being known to be fenced.
    unknown: BTreeMap<ItemId, u32>,
}

/// Looked at every second.
///
/// # Panics
/// When something that must hold does not.
pub fn each_second(world: &mut World) {
    let mut watch = std::mem::take(&mut world.watch);
    let now = items(world);
    for record in &now {
        losses::moved_without_loss(world, watch.known.get(&record.id), record);
    }
    for record in now {
        watch.known.retain(|id, k| *id == record.id || k.machine.id != record.machine.id);
        watch.known.insert(record.id, record);
    }
    one_writer(world, &mut watch);
    unknown_is_fenced(world, &mut watch);
    losses::acknowledged_is_kept(world);
    world.watch = watch;
}

/// The host that the item was moved away from, or is being.
fn left(record: &ItemRecord) -> AgentId {
    match record.protection {
        Protection::FailingOver { to, .. } => record.place(to.other()).agent,
        _ => record.place(record.active.other()).agent,
    }
}

/// Whether a host could be told something now.
fn reached(world: &World, agent: AgentId) -> bool {
    world.vault.core.is_some() && world.hosts.get(&agent).is_some_and(|h| h.up && h.session)
}

/// At most one side runs an item's machine with the right to write. After an unplanned failover whose old side was
/// not reached, that side may still run, under an older epoch, and only as long as it cannot be reached; that an item
/// has been disabled since changes nothing.
fn one_writer(world: &World, watch: &mut Watch) {
    for record in watch.known.values() {
        let running: Vec<_> = world
            .hosts
            .values()
            .filter_map(|host| {
                let machine = host.machines.get(&record.machine.id)?;
                let kept = host.items.get(&record.id);
                (machine.power == PowerState::Running).then(|| {
                    (host.name.clone(), machine.epoch.max(kept.map(|k| k.epoch)), kept.map(|k| k.role))
                })
            })
            .collect();
        if running.len() < 2 {
            watch.doubles.remove(&record.id);
            continue;
        }
        let may = record.left_unfenced
            || matches!(
                record.protection,
                Protection::FailingOver { kind: FailoverKind::Unplanned, .. }
                    | Protection::FailedOver { source: SourceFence::Unknown, .. }
                    | Protection::Committed { source: SourceFence::Unknown }
            );
        let mut epochs: Vec<_> = running.iter().map(|(_, epoch, _)| *epoch).collect();
        epochs.dedup();
        let secs = watch.doubles.entry(record.id).or_default();
        *secs = if reached(world, left(record)) { *secs + 1 } else { 0 };
        assert!(
            may && epochs.len() == running.len() && *secs <= UNFENCED_SECS,
            "two sides run {} at once: {running:?}, {secs} s reached, protection {:?}\n{}",
            record.machine.name,
            record.protection,
            tail(world),
        );
    }
}

/// A side that was left and is there does not stay unknown.
fn unknown_is_fenced(world: &World, watch: &mut Watch) {
    for record in watch.known.values() {
        let unknown = matches!(
            record.protection,
            Protection::FailedOver { source: SourceFence::Unknown, .. }
                | Protection::Committed { source: SourceFence::Unknown }
        );
        let gone = !world.vault.database.records.contains_key(&RecordKey::Item(record.id));
        if !unknown || gone || !reached(world, left(record)) {
            watch.unknown.remove(&record.id);
            continue;
        }
        let secs = watch.unknown.entry(record.id).or_default();
        *secs += 1;
        assert!(
            *secs <= UNFENCED_SECS,
            "the old source of {} is there and not known to be fenced\n{}",
            record.machine.name,
            tail(world),
        );
    }
}

/// Every job was asked for, and the audit says by whom and how it ended.
///
/// # Panics
/// When one was not.
pub fn audit_is_complete(world: &World) {
    for record in world.vault.database.records() {
        let Record::Job(job) = record else { continue };
        let asked = world.vault.database.audit.iter().any(|entry| {
            entry.receipt == Some(job.receipt)
                && *entry.by == *job.by
                && matches!(entry.phase, AuditPhase::Begun { .. })
        });
        assert!(asked, "a job that nobody asked for: {job:#?}");
        if job.state.is_over() {
            let ended =
                world.vault.database.audit.iter().any(|entry| {
                    entry.job == Some(job.id) && matches!(entry.phase, AuditPhase::Ended { .. })
                });
            assert!(ended, "the audit does not say how a job ended: {job:#?}");
        }
    }
    let journaled: std::collections::BTreeSet<_> =
        world.vault.database.journal.iter().map(|entry| entry.job).collect();
    for record in world.vault.database.records() {
        if let Record::Job(job) = record {
            assert!(!(job.state.is_over() && journaled.contains(&job.id) && job.ended.is_none()), "{job:?}");
        }
    }
}

/// With no more faults, everything comes to rest: no job is under way, the hosts are what the vault thinks they
/// are, one machine of each item runs, and what should replicate does.
///
/// # Panics
/// When it does not within an hour of the world.
pub fn comes_to_rest(world: &mut World) {
    world.heal();
    let rested = world.run_until(3_600, |world| {
        if world.now % 60 == 0 {
            world.restart_one();
            help_all(world);
        }
        at_rest(world).is_ok()
    });
    if !rested {
        let why = at_rest(world).err().unwrap_or_default();
        panic!("does not come to rest: {why}\n{}", tail(world));
    }
    audit_is_complete(world);
}

/// A person goes on: with jobs that stopped between two states, with what is paused, with what must be compared.
fn help_all(world: &mut World) {
    let Some(snapshot) = world.snapshot() else { return };
    for item in snapshot.items.iter() {
        let may = |verb| item.verb(verb).is_some_and(|v| v.refused.is_none());
        let stopped = snapshot.jobs.iter().find(|j| j.item == Some(item.id) && j.restart.is_none());
        if let Some(job) = stopped.filter(|_| between_states(item)) {
            world.command(Command::RestartJob { job: job.id });
        } else if may(Verb::ResumeReplication) {
            world.command(Command::ResumeReplication { item: item.id });
        } else if must_be_compared(&item.replication) && may(Verb::Resynchronize) {
            let (item, disks, start) = (item.id, Vec::new(), Start::Now);
            world.command(Command::Resynchronize { item, disks, start });
        }
    }
}

/// Whether only a comparison that a person asks for takes replication further.
const fn must_be_compared(replication: &ReplicationState) -> bool {
    matches!(
        replication,
        ReplicationState::Stopped | ReplicationState::ResyncRequired { scheduled_at: None, .. }
    )
}

/// Whether an item stands where only a job takes it further.
const fn between_states(item: &ItemView) -> bool {
    matches!(
        item.protection,
        Protection::Enabling
            | Protection::InitialReplication
            | Protection::FailingOver { .. }
            | Protection::Reversing
            | Protection::Disabling
            | Protection::NeedsOperator { .. }
    )
}

fn at_rest(world: &mut World) -> Result<(), String> {
    let Some(snapshot) = world.snapshot() else { return Err("the engine is dead".to_owned()) };
    if let Some(server) = snapshot.servers.iter().find(|s| !s.connected) {
        return Err(format!("{} is away", server.name));
    }
    if let Some(job) = snapshot.jobs.iter().find(|j| !j.state.is_over()) {
        return Err(format!("a job is under way: {job:#?}"));
    }
    if let Some(job) = snapshot.jobs.iter().find(|j| j.state == JobState::Stuck && j.restart.is_none()) {
        return Err(format!("a job is stuck: {job:#?}"));
    }
    if let Some(item) = snapshot.items.iter().find(|i| between_states(i)) {
        let way = snapshot.jobs.iter().any(|j| j.item == Some(item.id) && j.restart.is_none());
        let way = if way { "a job can be restarted" } else { "and nothing leads on" };
        return Err(format!("{}: is between states, {way}: {:?}", item.name, item.protection));
    }
    for item in snapshot.items.iter() {
        item_at_rest(world, item)?;
    }
    Ok(())
}

fn item_at_rest(world: &World, item: &ItemView) -> Result<(), String> {
    let wrong =
        |what: &str| Err(format!("{}: {what}, {:?} epoch {}", item.name, item.protection, item.epoch));
    let (Some(active), Some(other)) = (
        world.hosts.get(&item.active_place().agent).and_then(|h| h.items.get(&item.id)),
        world.hosts.get(&item.target_place().agent).and_then(|h| h.items.get(&item.id)),
    ) else {
        return wrong("a host does not know it");
    };
    let (is, should) = match item.protection {
        Protection::Protected | Protection::ProtectedReversed => {
            ((active.role, other.role), (Role::Source, Role::Target))
        }
        // A reverse replication that was taken back leaves the other side a target: it cannot run the machine.
        Protection::Committed { .. } if other.role == Role::Target => {
            ((active.role, other.role), (Role::FailedOver, Role::Target))
        }
        Protection::FailedOver { .. } | Protection::Committed { .. } => {
            ((active.role, other.role), (Role::FailedOver, Role::Fenced))
        }
        _ => return wrong("is between states"),
    };
    if is != should {
        return wrong(&format!("hosts are {is:?}, and should be {should:?}"));
    }
    if active.epoch != item.epoch {
        return wrong(&format!("the active host is at epoch {}", active.epoch));
    }
    if matches!(item.protection, Protection::Protected | Protection::ProtectedReversed) {
        if active.assignment.revision != other.assignment.revision {
            return wrong("the hosts hold different revisions");
        }
        let fresh = active.paused || item.rpo_secs.is_some_and(|lag| lag <= 90);
        if !fresh {
            return wrong(&format!("lags by {:?} s", item.rpo_secs));
        }
        if item.health == Health::Critical {
            return wrong(&format!("is critical: {:?}", item.issues));
        }
    }
    Ok(())
}

/// The items as they are written.
pub(crate) fn items(world: &World) -> Vec<ItemRecord> {
    world
        .vault
        .database
        .records
        .iter()
        .filter(|(key, _)| matches!(key, RecordKey::Item(_)))
        .filter_map(|(_, text)| match serde_json::from_str(text) {
            Ok(Record::Item(item)) => Some(*item),
            _ => None,
        })
        .collect()
}

/// The end of the transcript.
#[must_use]
pub fn tail(world: &World) -> String {
    let from = world.transcript.len().saturating_sub(60);
    world.transcript.get(from..).unwrap_or_default().join("\n")
}

/// A command that uses a verb of an item, with arguments by chance. What takes the item away comes up seldom.
#[must_use]
pub fn command_of(verb: Verb, view: &ItemView, seed: &mut Seed) -> Option<Command> {
    let item = view.id;
    Some(match verb {
        Verb::PauseReplication => Command::PauseReplication { item },
        Verb::ResumeReplication => Command::ResumeReplication { item },
        Verb::SyncNow => Command::SyncNow { item },
        Verb::Resynchronize => Command::Resynchronize { item, disks: Vec::new(), start: Start::Now },
        Verb::VerifyPoint => Command::VerifyPoint { item, point: seed.pick(&view.points)?.id },
        Verb::TestFailover => {
            Command::TestFailover { item, point: PointChoice::Latest, network: NetworkChoice::Isolated }
        }
        Verb::CleanUpTestFailover => {
            Command::CleanUpTestFailover { item, test: view.tests.first()?.id, notes: String::new() }
        }
        Verb::PlannedFailover => Command::PlannedFailover { item },
        Verb::Failover => {
            Command::Failover { item, point: PointChoice::Latest, shut_down_source: seed.in_thousand(500) }
        }
        Verb::ChangeRecoveryPoint => {
            Command::ChangeRecoveryPoint { item, point: seed.pick(&view.points)?.id }
        }
        Verb::Commit => Command::Commit { item },
        Verb::ReverseReplicate => Command::ReverseReplicate { item },
        Verb::DisableReplication if seed.in_thousand(100) => {
            Command::DisableReplication { item, delete_replica: seed.in_thousand(500) }
        }
        _ => return None,
    })
}
