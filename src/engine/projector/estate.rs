//! Sites, servers, machines, keys and policies as they are shown. Apart from `item`: these change seldom, and are
//! few or made per host.

use crate::core::commands::key_state;
use crate::core::state::{Server, State};
use leeward_model::availability::{Stand, availability};
use leeward_model::{
    AgentId, Health, KeyState, KeyView, MachineView, Moment, PolicyView, PowerState, ServerView, SiteView,
    Verb, VerbState,
};

/// Days before the end of a certificate at which it is a symptom.
pub(super) const CERTIFICATE_DAYS: i64 = 7;
/// Free share of the replica store below which it is a symptom: a tenth.
pub(super) const FREE_SHARE: u64 = 10;

const MACHINE_VERBS: [Verb; 4] =
    [Verb::StartMachine, Verb::ShutDownMachine, Verb::PowerOffMachine, Verb::EnableReplication];

pub(super) fn sites(state: &State) -> Vec<SiteView> {
    let mut sites: Vec<_> = state.sites.values().collect();
    sites.sort_by_key(|s| (s.created, s.id));
    sites.into_iter().map(|s| SiteView { id: s.id, name: s.name.clone() }).collect()
}

pub(super) fn servers(state: &State, now: Moment) -> Vec<ServerView> {
    let mut views: Vec<_> = state.servers.values().map(|server| server_view(state, server, now)).collect();
    views.sort_by(|a, b| a.name.cmp(&b.name).then(a.agent.cmp(&b.agent)));
    views
}

fn server_view(state: &State, server: &Server, now: Moment) -> ServerView {
    let record = &server.record;
    let items = state.items_of.get(&record.agent);
    let (mut source, mut target) = (0, 0);
    for item in items.into_iter().flatten().filter_map(|id| state.items.get(id)) {
        if item.record.side_of(record.agent) == Some(item.record.active) {
            source += 1;
        } else {
            target += 1;
        }
    }
    let stand = Stand::Server { name: &record.name, items: items.map_or(0, std::collections::BTreeSet::len) };
    ServerView {
        agent: record.agent,
        name: record.name.clone(),
        site: record.site,
        version: record.version.clone(),
        hypervisor: server.hypervisor.clone(),
        connected: server.connected,
        last_heartbeat: server.last_heard,
        lost_why: server.lost_why.clone(),
        replication_addr: record.replication_addr.clone(),
        certificate_expires: record.certificate_expires,
        free_bytes: server.free_bytes,
        total_bytes: server.total_bytes,
        machines: u32::try_from(server.machines.len()).unwrap_or(u32::MAX),
        source_items: source,
        target_items: target,
        health: server_health(server, now),
        verbs: vec![verb_state(Verb::RemoveServer, &stand)],
    }
}

/// A host that is away is Critical; one that will be soon, or whose store fills up, is a Warning.
pub(super) fn server_health(server: &Server, now: Moment) -> Health {
    if !server.connected {
        return Health::Critical;
    }
    if certificate_ends(server, now) || store_full(server) { Health::Warning } else { Health::Healthy }
}

pub(super) fn certificate_ends(server: &Server, now: Moment) -> bool {
    server.record.certificate_expires.secs_since(now) < CERTIFICATE_DAYS * 86_400
}

pub(super) const fn store_full(server: &Server) -> bool {
    server.total_bytes > 0 && server.free_bytes < server.total_bytes / FREE_SHARE
}

pub(super) fn machines(state: &State, agent: AgentId) -> Vec<MachineView> {
    let Some(server) = state.servers.get(&agent) else { return Vec::new() };
    server
        .machines
        .iter()
        .filter_map(|(id, facts)| {
            let stand = state.machine_stand(agent, *id)?;
            let item = state.protected.get(id).and_then(|item| state.items.get(item));
            let here = item.is_none_or(|i| i.record.place(i.record.active).agent == agent);
            let verbs = MACHINE_VERBS.iter().map(|verb| verb_state(*verb, &Stand::Machine(&stand))).collect();
            Some(MachineView {
                definition: facts.definition.clone(),
                agent,
                site: server.record.site,
                power: if server.connected { facts.power } else { PowerState::Unknown },
                item: state.protected.get(id).copied(),
                not_protectable: facts.not_protectable.clone(),
                reach: if here || server.connected { super::item::reach(&facts.reach) } else { Vec::new() },
                verbs,
            })
        })
        .collect()
}

pub(super) fn keys(state: &State, now: Moment) -> Vec<KeyView> {
    let mut keys: Vec<_> = state.keys.values().collect();
    keys.sort_by_key(|k| std::cmp::Reverse((k.made, k.id)));
    keys.into_iter()
        .map(|key| KeyView {
            id: key.id,
            site: key.site.clone(),
            by: key.by.clone(),
            made: key.made,
            expires: key.expires,
            state: key_state(key, now),
        })
        .collect()
}

/// Whether a key has expired since it was shown.
pub(super) fn key_aged(key: &KeyView, now: Moment) -> bool {
    key.state == KeyState::Ready && key.expires <= now
}

pub(super) fn policies(state: &State) -> Vec<PolicyView> {
    let mut views: Vec<_> = state
        .policies
        .values()
        .map(|policy| {
            let items = state.items.values().filter(|i| i.record.policy == policy.id).count();
            let stand = Stand::Policy { name: &policy.name, items };
            PolicyView {
                policy: policy.clone(),
                items: u32::try_from(items).unwrap_or(u32::MAX),
                verbs: [Verb::EditPolicy, Verb::DeletePolicy].map(|v| verb_state(v, &stand)).to_vec(),
            }
        })
        .collect();
    views.sort_by(|a, b| a.policy.name.cmp(&b.policy.name));
    views
}

fn verb_state(verb: Verb, stand: &Stand<'_>) -> VerbState {
    VerbState { verb, refused: availability(verb, stand).err().map(|refusal| refusal.why) }
}
