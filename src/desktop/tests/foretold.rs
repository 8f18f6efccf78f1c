//! The engine's core over a made-up world: what a dialog foretells in a picture is what the product would foretell.
//! Apart from `sample`, behind which there is no engine.

use crate::options::Connected;
use crate::sample::Stage;
use leeward_engine::core::{Core, IdSource, Input, Record, VaultRecord};
use leeward_engine::records::{
    Gathered, ItemRecord, JobArgs, JobRecord, KeyRecord, ServerRecord, SiteRecord, StepRecord, TestRecord,
};
use leeward_link::messages::{
    Activity, AgentHello, AgentReport, DiskFacts, Fact, ItemFacts, MachineFacts, Role,
};
use leeward_model::{
    AgentId, DiskDefinition, DiskFormat, ItemView, JobView, MachineDefinition, Message, NetworkChoice, Place,
    PlaceView, PointChoice, PowerState, Protection, ReceiptId, ReplicationState, Sequence, ServerView, Side,
    Snapshot, StepView, TestId, Verb,
};
use leeward_model::{Command, CommandOutcome, CommandSink, Preview, SnapshotFeed as _};
use std::sync::{Arc, Mutex};
use uuid::Uuid;

/// A stage whose previews come from the engine.
struct Oracle {
    stage: Arc<Stage>,
    /// The core, and the world it was made of.
    known: Mutex<Option<(Arc<Snapshot>, Core)>>,
}

/// What a window holds of a stage with an engine's foresight.
pub(super) fn connected(stage: &Arc<Stage>) -> Connected {
    let Connected { feed, title, .. } = stage.connected();
    Connected { sink: Arc::new(Oracle { stage: Arc::clone(stage), known: Mutex::new(None) }), feed, title }
}

impl CommandSink for Oracle {
    fn submit(&self, command: Command) -> ReceiptId {
        self.stage.submit(command)
    }

    fn take_outcome(&self, receipt: ReceiptId) -> Option<CommandOutcome> {
        self.stage.take_outcome(receipt)
    }

    fn preview(&self, command: &Command) -> Preview {
        let world = self.stage.latest();
        let mut known = self.known.lock().expect("no panic before");
        if known.as_ref().is_none_or(|(of, _)| !Arc::ptr_eq(of, &world)) {
            *known = Some((Arc::clone(&world), core(&world)));
        }
        known.as_ref().map(|(_, core)| core.preview(command, world.made_at)).unwrap_or_default()
    }

    fn ask_previews(&self, commands: Vec<Command>) -> ReceiptId {
        self.stage.foretell(commands.iter().map(|c| self.preview(c)).collect())
    }

    fn take_previews(&self, receipt: ReceiptId) -> Option<Vec<Preview>> {
        self.stage.take_previews(receipt)
    }
}

struct Ids(u128);

impl IdSource for Ids {
    fn new_id(&mut self) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(self.0)
    }
}

/// A core that knows this world, and whose hosts have said what the world shows of them.
pub(super) fn core(world: &Snapshot) -> Core {
    let mut core = Core::load(records(world), Vec::new(), Vec::new());
    let mut ids = Ids(1 << 100);
    let now = world.made_at;
    for server in world.servers.iter() {
        let agent = server.agent;
        let hello = AgentHello {
            agent,
            host: server.name.clone(),
            site: String::new(),
            version: server.version.clone(),
            replication_addr: server.replication_addr.clone(),
        };
        let certificate_expires = server.certificate_expires;
        core.apply(Input::AgentConnected { hello, certificate_expires }, now, &mut ids);
        let fact = Fact::Report(Box::new(report(world, server)));
        core.apply(Input::Fact { agent, fact }, now, &mut ids);
        if !server.connected {
            let why = Message::new("link-lost-silent");
            core.apply(Input::AgentLost { agent, why }, now, &mut ids);
        }
    }
    core
}

fn records(world: &Snapshot) -> Vec<Record> {
    let vault = &world.vault;
    let mut all = vec![Record::Vault(VaultRecord {
        id: vault.id,
        name: vault.name.clone(),
        created: vault.created,
        engine_addr: vault.engine_addr.clone(),
    })];
    let created = vault.created;
    all.extend(
        world.sites.iter().map(|s| Record::Site(SiteRecord { id: s.id, name: s.name.clone(), created })),
    );
    all.extend(world.servers.iter().map(|s| {
        Record::Server(ServerRecord {
            agent: s.agent,
            name: s.name.clone(),
            site: s.site,
            version: s.version.clone(),
            replication_addr: s.replication_addr.clone(),
            certificate_expires: s.certificate_expires,
            enrolled: created,
            releases: Vec::new(),
        })
    }));
    all.extend(world.keys.iter().map(|k| {
        Record::Key(KeyRecord {
            id: k.id,
            site: k.site.clone(),
            by: k.by.clone(),
            made: k.made,
            expires: k.expires,
            state: k.state.clone(),
            agent: None,
        })
    }));
    all.extend(world.policies.iter().map(|p| Record::Policy(p.policy.clone())));
    all.extend(world.items.iter().map(|i| Record::Item(Box::new(item(world, i)))));
    all.extend(world.jobs.iter().map(|j| Record::Job(Box::new(job(world, j)))));
    all
}

fn item(world: &Snapshot, item: &ItemView) -> ItemRecord {
    let place = |p: &PlaceView| Place { site: p.site, agent: p.agent };
    ItemRecord {
        id: item.id,
        machine: machine(item),
        primary: place(&item.primary),
        recovery: place(&item.recovery),
        active: item.active,
        epoch: item.epoch,
        protection: item.protection.clone(),
        protection_since: world.made_at.plus_secs(-5_400),
        policy: item.policy,
        paused: item.replication == ReplicationState::Paused,
        revision: 1,
        tests: item
            .tests
            .iter()
            .map(|t| TestRecord {
                id: t.id,
                state: t.state,
                point: t.point,
                point_instant: t.point_instant,
                network: t.network.clone(),
                started: t.started,
                reach: Vec::new(),
                recovery_secs: t.recovery_secs,
            })
            .collect(),
        superseded: item.superseded,
        reversing: false,
        left_unfenced: false,
        unfence_owed: None,
        created: world.vault.created,
        last_test_ok: item.last_test_ok,
        last_failover_ok: item.last_failover_ok,
    }
}

fn machine(item: &ItemView) -> MachineDefinition {
    let disk = |d: &leeward_model::DiskView| DiskDefinition {
        id: d.id,
        name: d.name.clone(),
        path: format!("{}.qcow2", d.name),
        format: DiskFormat::Qcow2,
        size_bytes: d.size_bytes,
    };
    MachineDefinition {
        id: item.machine,
        name: item.name.clone(),
        memory_mib: 2_048,
        vcpus: 2,
        disks: item.disks.iter().map(disk).collect(),
        nics: Vec::new(),
        autostart: true,
    }
}

fn job(world: &Snapshot, job: &JobView) -> JobRecord {
    let from = job.item.and_then(|id| world.item(id)).map_or(Side::Primary, |i| i.active);
    let args = match job.verb {
        Verb::EnableReplication => JobArgs::Enable { not_before: None },
        Verb::TestFailover => {
            let test = TestId(Uuid::from_u128(job.id.0.as_u128()));
            JobArgs::TestFailover { test, point: PointChoice::Latest, network: NetworkChoice::Isolated }
        }
        Verb::PlannedFailover => JobArgs::PlannedFailover,
        Verb::Failover => JobArgs::Failover { point: PointChoice::Latest, shut_down_source: true },
        Verb::SyncNow => JobArgs::SyncNow,
        other => panic!("no job of {other:?} in the made-up worlds"),
    };
    let step = |s: &StepView| StepRecord {
        id: s.id.clone(),
        title: s.title.clone(),
        phase: s.phase,
        subject: s.subject.clone(),
        weight: 1,
        state: s.state.clone(),
        started: s.started,
        ended: s.ended,
        tries: 1,
        undo_tries: 0,
        undone: false,
        next_at: None,
        note: None,
    };
    JobRecord {
        id: job.id,
        verb: job.verb,
        args,
        item: job.item,
        from,
        subject: job.subject.clone(),
        by: job.by.clone(),
        receipt: ReceiptId(Uuid::nil()),
        started: job.started,
        ended: job.ended,
        state: job.state,
        cancel_asked: false,
        fault: job.fault.as_deref().cloned(),
        steps: job.steps.iter().map(step).collect(),
        gathered: Gathered::default(),
    }
}

fn report(world: &Snapshot, server: &ServerView) -> AgentReport {
    let here = |i: &&Arc<ItemView>| [i.primary.agent, i.recovery.agent].contains(&server.agent);
    let machines = world.machines.iter().filter(|m| m.agent == server.agent);
    AgentReport {
        at: world.made_at,
        hypervisor: server.hypervisor.clone(),
        free_bytes: server.free_bytes,
        total_bytes: server.total_bytes,
        certificate_expires: server.certificate_expires,
        machines: machines
            .map(|m| MachineFacts {
                definition: m.definition.clone(),
                power: m.power,
                not_protectable: m.not_protectable.clone(),
                reach: Vec::new(),
            })
            .collect(),
        items: world.items.iter().filter(here).map(|i| facts(world, i, server.agent)).collect(),
        waiting: Vec::new(),
    }
}

fn facts(world: &Snapshot, item: &ItemView, agent: AgentId) -> ItemFacts {
    let active = item.active_place().agent == agent;
    let left = matches!(item.protection, Protection::FailedOver { .. } | Protection::Committed { .. });
    let role = match (active, left) {
        (true, true) => Role::FailedOver,
        (true, false) => Role::Source,
        (false, true) => Role::Fenced,
        (false, false) => Role::Target,
    };
    let keeps_points = active == left;
    let synced = item.rpo_secs.map(|secs| i64::try_from(secs).unwrap_or(i64::MAX));
    ItemFacts {
        item: item.id,
        at: world.made_at,
        role,
        epoch: item.epoch,
        revision: 1,
        power: if active { item.active_place().power } else { PowerState::Off },
        superseded: item.superseded && role == Role::Fenced,
        activity: if role == Role::Source { activity(item) } else { Activity::Idle },
        fault: None,
        fault_since: None,
        synced_to: synced.map(|secs| world.made_at.plus_secs(-secs)),
        sequence: item.points.first().map_or(Sequence(0), |p| p.sequence),
        consistency: item.points.first().map(|p| p.consistency),
        disks: item
            .disks
            .iter()
            .map(|d| DiskFacts {
                disk: d.id,
                tracked: d.tracked,
                dirty_bytes: d.dirty_bytes,
                log_bytes: d.log_bytes,
                replica_bytes: d.replica_bytes,
                progress: d.progress,
            })
            .collect(),
        points: if keeps_points { item.points.to_vec() } else { Vec::new() },
        tests: Vec::new(),
        cycles: Vec::new(),
        guest_write_p99_ms: item.guest_write_p99_ms,
    }
}

fn activity(item: &ItemView) -> Activity {
    match (&item.replication, item.progress) {
        (ReplicationState::Idle, _) => Activity::Idle,
        (ReplicationState::Active, Some(progress)) => Activity::Initial(progress),
        (ReplicationState::Active, None) => Activity::Waiting,
        (ReplicationState::Paused, _) => Activity::Paused,
        (ReplicationState::Retrying { attempts, next_at }, _) => {
            Activity::Retrying { attempts: *attempts, next_at: *next_at }
        }
        (ReplicationState::ResyncRequired { why, scheduled_at }, _) => {
            Activity::ResyncRequired { why: why.clone(), scheduled_at: *scheduled_at }
        }
        (ReplicationState::Resynchronizing, progress) => {
            Activity::Resync(progress.expect("a comparison has its progress"))
        }
        (ReplicationState::Stopped, _) => Activity::Stopped,
    }
}

/// The made-up lab is one that the engine would show: no picture has a figure or a sentence that the product has not.
#[test]
fn the_lab_is_what_the_engine_would_show() {
    let lab = crate::sample::lab();
    let shown = core(&lab).snapshot(lab.made_at);
    let mut other: Vec<String> = Vec::new();
    let mut same = |of: &str, ours: &dyn std::fmt::Debug, theirs: &dyn std::fmt::Debug| {
        let (ours, theirs) = (format!("{ours:?}"), format!("{theirs:?}"));
        if ours != theirs {
            other.push(format!("{of}:\n  sample {ours}\n  engine {theirs}"));
        }
    };
    for ours in lab.items.iter() {
        let (name, theirs) = (&ours.name, shown.item(ours.id).expect("the same items"));
        let codes = |i: &ItemView| {
            // Their order is that of their beginnings, which a host that has just come does not know.
            i.issues.iter().map(|i| i.fault.code.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        same(name, &ours.status, &theirs.status);
        same(name, &(ours.health, ours.rpo_secs), &(theirs.health, theirs.rpo_secs));
        same(name, &ours.synced_to, &theirs.synced_to);
        same(name, &codes(ours), &codes(theirs));
        same(name, &ours.progress, &theirs.progress);
        for (our, their) in ours.verbs.iter().zip(&theirs.verbs) {
            same(name, our, their);
        }
    }
    for ours in lab.jobs.iter() {
        let (title, theirs) = (ours.verb.title(), shown.job(ours.id).expect("the same jobs"));
        same(
            &title,
            &(ours.state, &ours.cancel, &ours.restart),
            &(theirs.state, &theirs.cancel, &theirs.restart),
        );
        same(&title, &ours.steps, &theirs.steps);
    }
    for ours in lab.machines.iter() {
        let mut all = shown.machines.iter();
        let theirs = all.find(|m| m.on() == ours.on()).expect("the same machines");
        same(&ours.definition.name, &ours.verbs, &theirs.verbs);
    }
    for ours in lab.policies.iter() {
        let mut all = shown.policies.iter();
        same(&ours.policy.name, &Some(ours), &all.find(|p| p.policy.id == ours.policy.id));
    }
    assert!(other.is_empty(), "{}", other.join("\n"));
}
