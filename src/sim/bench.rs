//! How many items one core keeps up with: the engine alone, fed with the facts of many hosts as fast as it takes
//! them, and the snapshots it makes meanwhile. Apart from `world`, which is about what goes wrong.

use crate::seed::Seed;
use leeward_engine::core::{Core, IdSource as _, Input, Record, VaultRecord};
use leeward_engine::records::{Change, ItemRecord, ServerRecord, SiteRecord};
use leeward_link::messages::{
    Activity, AgentHello, AgentReport, DiskFacts, Fact, ItemFacts, MachineFacts, Role,
};
use leeward_model::{
    AgentId, Consistency, CopyFrequency, CycleSample, DiskDefinition, DiskFormat, DiskId, Epoch, ItemId,
    MachineDefinition, MachineId, Moment, Place, PointId, PointKind, PointSummary, PolicyId, PowerState,
    Protection, ReplicationPolicy, Retention, Sequence, Side, SiteId, VaultId,
};
use std::collections::{BTreeMap, VecDeque};

/// Hosts on each side.
const HOSTS: usize = 50;

/// Points a target keeps.
const POINTS: usize = 24;

/// Seconds between two cycles of an item.
const FREQUENCY_SECS: i64 = 30;

/// Seconds between two reports of everything that a host knows, as agents send them.
const REPORT_SECS: i64 = 5;

/// Publications per second of the world, as the engine's shell makes them at most.
const PUBLICATIONS: i64 = 4;

/// What a load came to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EngineLoad {
    /// Items under protection.
    pub items: usize,
    /// Seconds of the world that were played.
    pub world_secs: f64,
    /// Seconds that reading what was heard, the core, the database and the projector took for them.
    pub cpu_secs: f64,
    /// Facts heard.
    pub facts: u64,
    /// Megabytes of them, as they come over the wire.
    pub heard_mb: f64,
    /// Decisions that were kept in the database.
    pub kept: u64,
    /// Snapshots made.
    pub snapshots: u64,
    /// How many times faster than the world: the headroom of one core.
    pub headroom: f64,
}

struct One {
    record: ItemRecord,
    points: VecDeque<PointSummary>,
    sequence: u64,
}

/// What a host says, as it comes over the wire.
struct Said {
    agent: AgentId,
    json: Vec<u8>,
}

impl Said {
    fn new(agent: AgentId, fact: &Fact) -> Self {
        Self { agent, json: serde_json::to_vec(fact).expect("a fact becomes JSON") }
    }
}

/// Plays `world_secs` seconds of `items` items that all replicate every 30 seconds, on hosts that report everything
/// every 5. `clock` tells the seconds of processor time this process has used, `keep` makes the changes of a decision
/// durable.
///
/// # Panics
/// When the engine does not take the estate.
#[must_use]
pub fn bench_engine(
    items: usize,
    world_secs: i64,
    clock: &dyn Fn() -> f64,
    keep: &mut dyn FnMut(&[Change]),
) -> EngineLoad {
    let mut seed = Seed::new(7);
    let (records, mut all) = estate(items, &mut seed);
    let mut core = Core::load(records, Vec::new(), Vec::new());
    let start = Moment(1_700_000_000_000);
    core.apply(Input::Started, start, &mut seed);
    let agents: Vec<AgentId> = all
        .iter()
        .flat_map(|o| [o.record.primary.agent, o.record.recovery.agent])
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    for agent in agents {
        let hello = AgentHello {
            agent,
            host: agent.to_string(),
            site: "Stockholm".to_owned(),
            version: "0.1.0".to_owned(),
            replication_addr: "192.0.2.1:8084".to_owned(),
        };
        core.apply(
            Input::AgentConnected { hello, certificate_expires: Moment(i64::MAX / 4) },
            start,
            &mut seed,
        );
        let fact = Fact::Report(Box::new(empty_report(start)));
        core.apply(Input::Fact { agent, fact }, start, &mut seed);
    }
    for one in &mut all {
        for (agent, fact) in cycle(one, start, &mut seed) {
            core.apply(Input::Fact { agent, fact }, start, &mut seed);
        }
    }
    assert_eq!(core.snapshot(start).items.len(), items, "the engine has taken the estate");
    let mut load = EngineLoad {
        items,
        world_secs: 0.0,
        cpu_secs: 0.0,
        facts: 0,
        heard_mb: 0.0,
        kept: 0,
        snapshots: 0,
        headroom: 0.0,
    };
    for second in 0..world_secs {
        let now = start.plus_secs(second + 1);
        let said = one_second(&mut all, second, now, &mut seed);
        // Saying it is the hosts' work, all that follows is the engine's.
        let began = clock();
        let part = said.len().div_ceil(usize::try_from(PUBLICATIONS).unwrap_or(4)).max(1);
        for (n, one) in said.iter().enumerate() {
            hear(&mut core, one, now, &mut seed, keep, &mut load);
            if n % part == part - 1 || n + 1 == said.len() {
                let shown = core.snapshot(now);
                load.snapshots += u64::from(shown.revision > 0);
            }
        }
        decide(&mut core, Input::Tick, now, &mut seed, keep, &mut load);
        load.cpu_secs += clock() - began;
    }
    #[expect(clippy::cast_precision_loss, reason = "seconds")]
    let world = world_secs as f64;
    EngineLoad { world_secs: world, headroom: world / load.cpu_secs.max(1e-9), ..load }
}

/// What all hosts say in a second: the cycles that are due, and the reports of the hosts whose turn it is.
fn one_second(all: &mut [One], second: i64, now: Moment, seed: &mut Seed) -> Vec<Said> {
    let share = all.len().div_ceil(usize::try_from(FREQUENCY_SECS).unwrap_or(30));
    let turn = usize::try_from(second % FREQUENCY_SECS).unwrap_or(0);
    let mut said = Vec::new();
    for one in all.iter_mut().skip(turn * share).take(share) {
        said.extend(cycle(one, now, seed).iter().map(|(agent, fact)| Said::new(*agent, fact)));
    }
    let mut reports: BTreeMap<AgentId, AgentReport> = BTreeMap::new();
    for one in all.iter() {
        for (agent, role) in
            [(one.record.primary.agent, Role::Source), (one.record.recovery.agent, Role::Target)]
        {
            let report = reports.entry(agent).or_insert_with(|| empty_report(now));
            if role == Role::Source {
                report.machines.push(MachineFacts {
                    definition: one.record.machine.clone(),
                    power: PowerState::Running,
                    reach: Vec::new(),
                    not_protectable: None,
                });
            }
            // Readings of cycles are said once, with the cycle.
            report.items.push(ItemFacts { cycles: Vec::new(), ..facts(one, role, now) });
        }
    }
    for (n, (agent, report)) in (0..).zip(reports) {
        if n % REPORT_SECS == second % REPORT_SECS {
            said.push(Said::new(agent, &Fact::Report(Box::new(report))));
        }
    }
    said
}

fn hear(
    core: &mut Core,
    said: &Said,
    now: Moment,
    seed: &mut Seed,
    keep: &mut dyn FnMut(&[Change]),
    load: &mut EngineLoad,
) {
    let fact = serde_json::from_slice(&said.json).expect("what was said is understood");
    load.facts += 1;
    #[expect(clippy::cast_precision_loss, reason = "megabytes of a benchmark")]
    let mb = said.json.len() as f64 / 1e6;
    load.heard_mb += mb;
    decide(core, Input::Fact { agent: said.agent, fact }, now, seed, keep, load);
}

fn decide(
    core: &mut Core,
    input: Input,
    now: Moment,
    seed: &mut Seed,
    keep: &mut dyn FnMut(&[Change]),
    load: &mut EngineLoad,
) {
    let outcome = core.apply(input, now, seed);
    if !outcome.changes.is_empty() {
        load.kept += 1;
    }
    // As the shell does it: after every decision, also one that changes nothing.
    keep(&outcome.changes);
}

/// What both hosts of an item say of a cycle.
fn cycle(one: &mut One, now: Moment, seed: &mut Seed) -> [(AgentId, Fact); 2] {
    one.sequence += 1;
    let point = PointSummary {
        id: PointId(seed.new_id()),
        epoch: one.record.epoch,
        sequence: Sequence(one.sequence),
        instant: now,
        committed_at: now,
        consistency: Consistency::Crash,
        kind: PointKind::Delta,
        size_bytes: 1 << 20,
        pinned: false,
    };
    one.points.push_front(point);
    one.points.truncate(POINTS);
    [(one.record.primary.agent, Role::Source), (one.record.recovery.agent, Role::Target)]
        .map(|(agent, role)| (agent, Fact::Item(Box::new(facts(one, role, now)))))
}

fn facts(one: &One, role: Role, now: Moment) -> ItemFacts {
    let source = role == Role::Source;
    let sample =
        CycleSample { at: now, rpo_secs: 30.0, sent_bytes: 1 << 20, ship_secs: 0.2, capture_ms: 20.0 };
    ItemFacts {
        item: one.record.id,
        at: now,
        role,
        epoch: one.record.epoch,
        revision: one.record.revision,
        power: if source { PowerState::Running } else { PowerState::Off },
        superseded: false,
        activity: if source { Activity::Waiting } else { Activity::Idle },
        fault: None,
        fault_since: None,
        synced_to: Some(now),
        sequence: Sequence(one.sequence),
        consistency: Some(Consistency::Crash),
        disks: one
            .record
            .machine
            .disks
            .iter()
            .map(|d| DiskFacts {
                disk: d.id,
                tracked: source,
                dirty_bytes: one.sequence << 16,
                log_bytes: 0,
                replica_bytes: one.sequence << 20,
                progress: None,
            })
            .collect(),
        points: if source { Vec::new() } else { one.points.iter().cloned().collect() },
        tests: Vec::new(),
        cycles: if source { vec![sample] } else { Vec::new() },
        guest_write_p99_ms: source.then_some((2.0, 1.5)),
    }
}

const fn empty_report(at: Moment) -> AgentReport {
    AgentReport {
        at,
        hypervisor: String::new(),
        free_bytes: 1 << 40,
        total_bytes: 1 << 41,
        certificate_expires: Moment(i64::MAX / 4),
        machines: Vec::new(),
        items: Vec::new(),
        waiting: Vec::new(),
    }
}

/// A vault with two sites, their hosts and the items.
fn estate(items: usize, seed: &mut Seed) -> (Vec<Record>, Vec<One>) {
    let mut records = vec![Record::Vault(VaultRecord {
        id: VaultId(seed.new_id()),
        name: "Load".to_owned(),
        created: Moment(0),
        engine_addr: "192.0.2.9:8443".to_owned(),
    })];
    let mut sites = Vec::new();
    for name in ["Stockholm", "Göteborg"] {
        let site = SiteId(seed.new_id());
        records.push(Record::Site(SiteRecord { id: site, name: name.to_owned(), created: Moment(0) }));
        let hosts: Vec<Place> = (0..HOSTS).map(|_| Place { site, agent: AgentId(seed.new_id()) }).collect();
        for (n, host) in hosts.iter().enumerate() {
            records.push(Record::Server(server(name, n, host)));
        }
        sites.push(hosts);
    }
    let policy = ReplicationPolicy {
        id: PolicyId(seed.new_id()),
        name: "30 seconds".to_owned(),
        copy_frequency: CopyFrequency::Secs30,
        retention: Retention::default(),
        app_consistent_every_mins: 0,
        bandwidth_bytes_per_sec_max: 0,
        busy: None,
        resync_hours: None,
    };
    records.push(Record::Policy(policy.clone()));
    let mut all = Vec::with_capacity(items);
    for n in 0..items {
        let (Some(primary), Some(recovery)) = (sites[0].get(n % HOSTS), sites[1].get(n % HOSTS)) else {
            continue;
        };
        let record = item(n, primary, recovery, policy.id, seed);
        records.push(Record::Item(Box::new(record.clone())));
        all.push(One { record, points: VecDeque::new(), sequence: 0 });
    }
    (records, all)
}

fn server(site: &str, n: usize, place: &Place) -> ServerRecord {
    ServerRecord {
        agent: place.agent,
        name: format!("{site}-{n:02}"),
        site: place.site,
        version: "0.1.0".to_owned(),
        replication_addr: "192.0.2.1:8084".to_owned(),
        certificate_expires: Moment(i64::MAX / 4),
        enrolled: Moment(0),
        releases: Vec::new(),
    }
}

fn item(n: usize, primary: &Place, recovery: &Place, policy: PolicyId, seed: &mut Seed) -> ItemRecord {
    let disk = |name: &str, id| DiskDefinition {
        id,
        name: name.to_owned(),
        path: format!("{name}.qcow2"),
        format: DiskFormat::Qcow2,
        size_bytes: 64 << 30,
    };
    ItemRecord {
        id: ItemId(seed.new_id()),
        machine: MachineDefinition {
            id: MachineId(seed.new_id()),
            name: format!("vm-{n:05}"),
            memory_mib: 4096,
            vcpus: 2,
            disks: vec![disk("os", DiskId(seed.new_id())), disk("data", DiskId(seed.new_id()))],
            nics: Vec::new(),
            autostart: true,
        },
        primary: primary.clone(),
        recovery: recovery.clone(),
        active: Side::Primary,
        epoch: Epoch::FIRST,
        protection: Protection::Protected,
        protection_since: Moment(0),
        policy,
        paused: false,
        revision: 1,
        tests: Vec::new(),
        superseded: false,
        reversing: false,
        left_unfenced: false,
        unfence_owed: None,
        created: Moment(0),
        last_test_ok: None,
        last_failover_ok: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_load_is_played_and_shown() {
        let ticks = std::cell::Cell::new(0.0);
        let clock = || {
            ticks.set(ticks.get() + 1.0);
            ticks.get()
        };
        let load = bench_engine(60, 31, &clock, &mut |_| {});
        assert_eq!(load.items, 60);
        // Two facts a cycle, and a report of each of the hosts that have an item every five seconds.
        assert!(load.facts >= 2 * 60 + 100 * 6, "{load:?}");
        assert!(load.heard_mb > 0.0 && load.cpu_secs > 0.0, "{load:?}");
        assert!(load.snapshots >= 31, "{load:?}");
    }
}
