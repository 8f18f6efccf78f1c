//! Vault, sites, servers, machines, policies and keys of the made-up worlds.

use super::{NOW, id};
use leeward_model::availability::{HostStand, MachineStand, Stand, Tie, availability};
use leeward_model::*;
use std::sync::Arc;

const NAMES: [(&str, u32); 4] = [("hv-sto-01", 0), ("hv-sto-02", 0), ("hv-got-01", 1), ("hv-got-02", 1)];

pub(super) const fn site(n: u32) -> SiteId {
    SiteId(id(1, n))
}

pub(super) const fn agent(n: u32) -> AgentId {
    AgentId(id(2, n))
}

pub(super) const fn policy(n: u32) -> PolicyId {
    PolicyId(id(3, n))
}

pub(super) fn verb_states(verbs: &[Verb], stand: &Stand<'_>) -> Vec<VerbState> {
    verbs
        .iter()
        .map(|verb| VerbState { verb: *verb, refused: availability(*verb, stand).err().map(|r| r.why) })
        .collect()
}

pub(super) fn place(server: u32, power: PowerState) -> PlaceView {
    let (name, at) = NAMES.get(server as usize).copied().unwrap_or(("hv-sto-01", 0));
    PlaceView {
        site: site(at),
        site_name: if at == 0 { "Stockholm" } else { "Göteborg" }.into(),
        agent: agent(server),
        server_name: name.into(),
        connected: server != 3,
        power,
    }
}

pub(super) fn vault() -> Snapshot {
    let sites = ["Stockholm", "Göteborg"];
    Snapshot {
        revision: 7,
        made_at: NOW,
        vault: VaultView {
            id: VaultId(id(9, 1)),
            name: "vault-nordic-01".into(),
            created: NOW.plus_secs(-40 * 86_400),
            engine_addr: "192.0.2.10:8443".into(),
            engine_version: "0.1.0".into(),
        },
        sites: Arc::new(
            (0..).zip(sites).map(|(n, name)| SiteView { id: site(n), name: name.into() }).collect(),
        ),
        servers: Arc::new((0..4).map(server).collect()),
        keys: Arc::new(keys()),
        machines: Arc::default(),
        policies: Arc::new(vec![
            policy_view(0, "gold-30s", CopyFrequency::Secs30, 4),
            policy_view(1, "std-5min", CopyFrequency::Mins5, 2),
            policy_view(2, "archive-15min", CopyFrequency::Mins15, 0),
        ]),
        items: Arc::default(),
        jobs: Arc::default(),
        events: Arc::default(),
        overview: Overview::default(),
    }
}

fn server(n: u32) -> ServerView {
    let place = place(n, PowerState::Off);
    let lost = !place.connected;
    ServerView {
        agent: place.agent,
        name: place.server_name,
        site: place.site,
        version: "0.1.0".into(),
        hypervisor: "QEMU 7.2.22".into(),
        connected: !lost,
        last_heartbeat: Some(NOW.plus_secs(if lost { -2_580 } else { -4 })),
        lost_why: None,
        replication_addr: format!("192.0.2.{}:8084", 20 + n),
        certificate_expires: NOW.plus_secs(i64::from(300 - n * 90) * 86_400),
        free_bytes: (900 - u64::from(n) * 210) << 30,
        total_bytes: 2_000 << 30,
        machines: 0,
        source_items: 0,
        target_items: 0,
        health: if lost { Health::Critical } else { Health::Healthy },
        verbs: Vec::new(),
    }
}

/// Counts what stands on each server.
pub(super) fn count(snapshot: &mut Snapshot, items: &[Arc<ItemView>]) {
    let machines = Arc::clone(&snapshot.machines);
    let mut servers = snapshot.servers.as_ref().clone();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    for server in &mut servers {
        let agent = server.agent;
        server.machines = number(machines.iter().filter(|m| m.agent == agent).count());
        server.source_items = number(items.iter().filter(|i| i.active_place().agent == agent).count());
        server.target_items = number(items.iter().filter(|i| i.target_place().agent == agent).count());
        let used = (server.source_items + server.target_items) as usize;
        let stand = Stand::Server { name: &server.name, items: used };
        server.verbs = verb_states(&[Verb::RemoveServer], &stand);
    }
    snapshot.servers = Arc::new(servers);
}

fn policy_view(n: u32, name: &str, copy_frequency: CopyFrequency, items: u32) -> PolicyView {
    let stand = Stand::Policy { name, items: items as usize };
    PolicyView {
        policy: ReplicationPolicy {
            id: policy(n),
            name: name.into(),
            copy_frequency,
            retention: Retention::default(),
            app_consistent_every_mins: if n == 0 { 60 } else { 0 },
            bandwidth_bytes_per_sec_max: if n == 2 { 10 << 20 } else { 0 },
        },
        items,
        verbs: verb_states(&[Verb::EditPolicy, Verb::DeletePolicy], &stand),
    }
}

fn keys() -> Vec<KeyView> {
    let used = |host: &str| KeyState::Used { host: host.into(), at: NOW.plus_secs(-39 * 86_400) };
    let states = [
        ("Göteborg", KeyState::Ready),
        ("Göteborg", used("hv-got-01")),
        ("Stockholm", KeyState::Expired),
        ("Stockholm", KeyState::Revoked),
    ];
    (0..)
        .zip(states)
        .map(|(n, (site, state))| KeyView {
            id: KeyId(id(8, n)),
            site: site.into(),
            by: "anna".into(),
            made: NOW.plus_secs(-i64::from(n) * 9 * 86_400 - 3_600),
            expires: NOW.plus_secs(-i64::from(n) * 9 * 86_400 + 4 * 86_400),
            state,
        })
        .collect()
}

fn definition(machine: MachineId, n: u32, name: &str) -> MachineDefinition {
    MachineDefinition {
        id: machine,
        name: name.into(),
        memory_mib: 2_048,
        vcpus: 2,
        disks: vec![DiskDefinition {
            id: DiskId(id(5, n * 4)),
            name: "os".into(),
            path: "os.qcow2".into(),
            format: DiskFormat::Qcow2,
            size_bytes: 40 << 30,
        }],
        nics: Vec::new(),
        autostart: true,
    }
}

/// A machine for every item (up to a hundred), and some that nobody protects.
pub(super) fn machines(items: &[Arc<ItemView>]) -> Vec<MachineView> {
    let mut machines: Vec<MachineView> = (0..)
        .zip(items.iter().take(100))
        .map(|(n, item)| {
            let place = item.active_place();
            MachineView {
                definition: definition(item.machine, n, &item.name),
                agent: place.agent,
                site: place.site,
                power: place.power,
                item: Some(item.id),
                not_protectable: None,
                reach: vec!["127.0.10.1:8081 -> 80".into()],
                verbs: machine_verbs(&item.name, place, place.power, Tie::Active, None),
            }
        })
        .collect();
    let free =
        [("build01", 0, false), ("build02", 0, false), ("monitor01", 1, false), ("legacy-nt", 1, true)];
    for (n, (name, server, bad)) in (200..).zip(free) {
        let power = if bad { PowerState::Off } else { PowerState::Running };
        let place = place(server, power);
        let why = bad.then(|| Message::new("refusal-wrong-kind"));
        let verbs = machine_verbs(name, &place, power, Tie::Free, why.as_ref());
        machines.push(MachineView {
            definition: definition(MachineId(id(4, n)), n, name),
            agent: place.agent,
            site: place.site,
            power,
            item: None,
            not_protectable: why,
            reach: Vec::new(),
            verbs,
        });
    }
    machines
}

/// The verbs of a machine, decided as the engine decides them.
fn machine_verbs(
    name: &str,
    place: &PlaceView,
    power: PowerState,
    tie: Tie,
    bad: Option<&Message>,
) -> Vec<VerbState> {
    let host = HostStand { name: &place.server_name, connected: place.connected };
    let stand = MachineStand { name, host, power, tie, not_protectable: bad, runs_at: None };
    let verbs = [Verb::StartMachine, Verb::ShutDownMachine, Verb::PowerOffMachine, Verb::EnableReplication];
    verb_states(&verbs, &Stand::Machine(&stand))
}
