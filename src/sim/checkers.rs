//! What must hold whatever goes wrong. Looked at every second of the world, and at its end.

use crate::seed::Seed;
use crate::world::World;
use leeward_engine::core::Record;
use leeward_engine::records::{AuditPhase, ItemRecord};
use leeward_link::messages::Role;
use leeward_model::{
    Command, FailoverKind, Health, ItemView, JobState, NetworkChoice, PointChoice, PowerState, Protection,
    SourceFence, Start, Verb,
};

/// Looked at every second.
///
/// # Panics
/// When something that must hold does not.
pub fn each_second(world: &mut World) {
    one_writer(world);
}

/// At most one side runs an item's machine with the right to write. After an unplanned failover whose old side was
/// not reached, that side may still run, under an older epoch; nothing else may.
fn one_writer(world: &World) {
    for record in items(world) {
        let running: Vec<_> = world
            .hosts
            .values()
            .filter_map(|host| {
                let machine = host.machines.get(&record.machine.id)?;
                let kept = host.items.get(&record.id)?;
                (machine.power == PowerState::Running)
                    .then(|| (host.name.clone(), machine.epoch.max(Some(kept.epoch)), kept.role))
            })
            .collect();
        if running.len() < 2 {
            continue;
        }
        let source_unknown = matches!(
            record.protection,
            Protection::FailingOver { kind: FailoverKind::Unplanned, .. }
                | Protection::FailedOver { source: SourceFence::Unknown, .. }
                | Protection::Committed { source: SourceFence::Unknown }
        );
        let mut epochs: Vec<_> = running.iter().map(|(_, epoch, _)| *epoch).collect();
        epochs.dedup();
        assert!(
            source_unknown && epochs.len() == running.len(),
            "two sides run {} at once: {running:?}, protection {:?}\n{}",
            record.machine.name,
            record.protection,
            tail(world),
        );
    }
}

/// What a source was told is safe is at its target, or the item runs on it: nothing acknowledged is lost.
///
/// # Panics
/// When it is.
pub fn acknowledged_is_kept(world: &World) {
    for record in items(world) {
        let source = world.hosts.get(&record.place(record.active).agent);
        let target = world.hosts.get(&record.place(record.active.other()).agent);
        let (Some(source), Some(target)) =
            (source.and_then(|h| h.items.get(&record.id)), target.and_then(|h| h.items.get(&record.id)))
        else {
            continue;
        };
        if source.role != Role::Source || target.role != Role::Target || source.acknowledged.is_empty() {
            continue;
        }
        let newest = target.points.first().map(|(_, content)| content.len()).unwrap_or(0);
        assert!(
            newest >= source.acknowledged.len(),
            "{}: {} records acknowledged, {newest} kept\n{}",
            record.machine.name,
            source.acknowledged.len(),
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
                && entry.by == job.by
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
            resume_all(world);
        }
        at_rest(world).is_ok()
    });
    if !rested {
        let why = at_rest(world).err().unwrap_or_default();
        panic!("does not come to rest: {why}\n{}", tail(world));
    }
    acknowledged_is_kept(world);
    audit_is_complete(world);
}

/// What a person paused, a person resumes.
fn resume_all(world: &mut World) {
    let Some(snapshot) = world.snapshot() else { return };
    for item in snapshot.items.iter() {
        if item.verb(Verb::ResumeReplication).is_some_and(|v| v.refused.is_none()) {
            world.command(Command::ResumeReplication { item: item.id });
        }
    }
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
        return match item.protection {
            Protection::Disabling => Ok(()),
            _ => wrong("a host does not know it"),
        };
    };
    let (is, should) = match item.protection {
        Protection::Protected | Protection::ProtectedReversed | Protection::InitialReplication => {
            ((active.role, other.role), (Role::Source, Role::Target))
        }
        Protection::Reversing => ((active.role, other.role), (Role::Source, Role::Target)),
        // A reverse replication that was taken back leaves the other side a target: it cannot run the machine.
        Protection::Committed { .. } if other.role == Role::Target => {
            ((active.role, other.role), (Role::FailedOver, Role::Target))
        }
        Protection::FailedOver { .. } | Protection::Committed { .. } => {
            ((active.role, other.role), (Role::FailedOver, Role::Fenced))
        }
        // Left behind by a job that stopped; a person goes on from there.
        Protection::Disabling => return Ok(()),
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
    use leeward_engine::core::RecordKey;
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

/// A command that uses a verb of an item, with arguments by chance. None for what would take the item away.
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
        _ => return None,
    })
}
