//! What the topology shows, worked out of the read model: sites, their servers, the machines on each, and the links
//! between. Pure and in any direction; `topology` draws it.

use crate::kit::{msg, words};
use leeward_model::{
    AgentId, Health, ItemId, ItemView, PowerState, Protection, ReplicationState, SiteId, Snapshot, TestState,
};
use std::collections::BTreeMap;

/// Machines shown of one server; the rest are counted.
pub(super) const ROWS_MAX: usize = 6;

/// A site and its servers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SiteBox {
    pub site: SiteId,
    pub name: String,
    pub runs: u32,
    pub replicas: u32,
    pub servers: Vec<ServerBox>,
}

/// A server and the machines on it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ServerBox {
    pub agent: AgentId,
    pub name: String,
    pub connected: bool,
    pub health: Health,
    pub rows: Vec<MachineRow>,
    /// Machines that are not shown.
    pub more: u32,
}

/// A machine or its replica on a server.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MachineRow {
    pub item: ItemId,
    pub name: String,
    /// Runs here; else it is the replica.
    pub active: bool,
    pub running: bool,
    pub health: Health,
    pub test: bool,
    pub superseded: bool,
}

/// How a link looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// Changes flow.
    Replicating,
    /// The whole copy is being built or compared.
    Copying,
    /// A person has paused it.
    Paused,
    /// It fails.
    Broken,
    /// Nothing flows in this state.
    Resting,
}

/// From where an item runs to where its replica is; several items when rows are not shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Link {
    pub from: AgentId,
    pub to: AgentId,
    /// The item; none for the rest of a server.
    pub item: Option<ItemId>,
    pub flow: Flow,
    pub label: String,
}

/// The whole topology.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Plan {
    pub sites: Vec<SiteBox>,
    pub links: Vec<Link>,
}

/// Works the plan out.
pub(super) fn plan(snapshot: &Snapshot) -> Plan {
    let mut worst: Vec<&ItemView> = snapshot.items.iter().map(AsRef::as_ref).collect();
    // The same order at both ends, so that links cross as little as they can; trouble is seen first.
    let rank = |i: &ItemView| if i.health == Health::NotApplicable { 1 } else { 3 - i.health as u8 };
    if worst.len() > ROWS_MAX {
        worst.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name)));
    }
    let mut rows: BTreeMap<AgentId, Vec<MachineRow>> = BTreeMap::new();
    let mut more: BTreeMap<AgentId, u32> = BTreeMap::new();
    let mut links = Vec::new();
    let mut rest: BTreeMap<(AgentId, AgentId), Vec<Flow>> = BTreeMap::new();
    for item in worst {
        let (from, to) = (item.active_place().agent, item.target_place().agent);
        let fits = |agent| rows.get(&agent).map_or(0, Vec::len) < ROWS_MAX;
        if fits(from) && fits(to) {
            rows.entry(from).or_default().push(row(item, true));
            rows.entry(to).or_default().push(row(item, false));
            links.push(Link { from, to, item: Some(item.id), flow: flow(item), label: label(item) });
        } else {
            *more.entry(from).or_default() += 1;
            *more.entry(to).or_default() += 1;
            // A link that stands for many must not hide that one of them is in trouble.
            let flow = if item.health == Health::Critical { Flow::Broken } else { flow(item) };
            rest.entry((from, to)).or_default().push(flow);
        }
    }
    links.extend(rest.into_iter().map(|((from, to), flows)| Link {
        from,
        to,
        item: None,
        flow: worst_of(&flows),
        label: rest_label(&flows),
    }));
    let sites = snapshot.sites.iter().map(|site| site_box(snapshot, site, &mut rows, &more)).collect();
    Plan { sites, links }
}

fn site_box(
    snapshot: &Snapshot,
    site: &leeward_model::SiteView,
    rows: &mut BTreeMap<AgentId, Vec<MachineRow>>,
    more: &BTreeMap<AgentId, u32>,
) -> SiteBox {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let servers = snapshot
        .servers
        .iter()
        .filter(|s| s.site == site.id)
        .map(|s| ServerBox {
            agent: s.agent,
            name: s.name.clone(),
            connected: s.connected,
            health: s.health,
            rows: rows.remove(&s.agent).unwrap_or_default(),
            more: more.get(&s.agent).copied().unwrap_or_default(),
        })
        .collect();
    SiteBox {
        site: site.id,
        name: site.name.clone(),
        runs: count(snapshot.items.iter().filter(|i| i.active_place().site == site.id).count()),
        replicas: count(snapshot.items.iter().filter(|i| i.target_place().site == site.id).count()),
        servers,
    }
}

fn row(item: &ItemView, active: bool) -> MachineRow {
    let place = if active { item.active_place() } else { item.target_place() };
    MachineRow {
        item: item.id,
        name: item.name.clone(),
        active,
        running: place.power == PowerState::Running,
        health: item.health,
        test: !active && item.tests.iter().any(|t| t.state != TestState::CleaningUp),
        superseded: !active && item.superseded,
    }
}

fn flow(item: &ItemView) -> Flow {
    match (&item.protection, &item.replication) {
        (Protection::InitialReplication | Protection::Reversing | Protection::Enabling, _) => Flow::Copying,
        (p, _) if !p.replicates() => Flow::Resting,
        (_, ReplicationState::Active) => Flow::Replicating,
        (_, ReplicationState::Resynchronizing) => Flow::Copying,
        (_, ReplicationState::Paused) => Flow::Paused,
        (_, ReplicationState::Idle) => Flow::Resting,
        _ => Flow::Broken,
    }
}

/// What the worst of them do, if that is trouble; else what most of them do.
fn worst_of(flows: &[Flow]) -> Flow {
    let count = |of: &Flow| flows.iter().filter(|f| *f == of).count();
    [Flow::Broken, Flow::Paused].into_iter().find(|f| count(f) > 0).unwrap_or_else(|| {
        let all = [Flow::Resting, Flow::Copying, Flow::Replicating];
        all.into_iter().max_by_key(count).unwrap_or(Flow::Resting)
    })
}

/// How many there are, and how many of them are in trouble.
fn rest_label(flows: &[Flow]) -> String {
    let all = crate::kit::count(flows.len() as u64);
    let worst = worst_of(flows);
    let n = crate::kit::count(flows.iter().filter(|f| **f == worst).count() as u64);
    let key = match worst {
        Flow::Broken => "topology-rest-failing",
        Flow::Paused => "topology-rest-paused",
        Flow::Replicating | Flow::Copying | Flow::Resting => return all,
    };
    msg(key).with("all", all).with("n", n).render()
}

fn label(item: &ItemView) -> String {
    match flow(item) {
        Flow::Replicating => item.rpo_secs.map(crate::kit::span).unwrap_or_default(),
        Flow::Copying => item.progress.map_or_else(
            || words("topology-copying"),
            |p| msg("topology-share").with("share", format!("{:.0}", p.share() * 100.0)).render(),
        ),
        Flow::Paused => words("topology-paused"),
        Flow::Broken => match item.replication {
            ReplicationState::Retrying { .. } => words("topology-retrying"),
            ReplicationState::ResyncRequired { .. } => words("topology-resync"),
            _ => words("topology-stopped"),
        },
        Flow::Resting => match item.protection {
            Protection::FailedOver { .. } => words("topology-failed-over"),
            Protection::Committed { .. } => words("topology-committed"),
            Protection::FailingOver { .. } => words("topology-failing-over"),
            _ => words("topology-resting"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Flow, ROWS_MAX, plan};
    use crate::sample;

    #[test]
    fn a_link_leads_from_where_an_item_runs_to_where_its_replica_is() {
        let world = sample::lab();
        let plan = plan(&world);
        for item in world.items.iter() {
            let link = plan.links.iter().find(|l| l.item == Some(item.id)).expect("each item has its link");
            assert_eq!(
                (link.from, link.to),
                (item.active_place().agent, item.target_place().agent),
                "{}",
                item.name
            );
        }
        let flow = |name: &str| {
            let item = world.item_named(name).expect("in the world").id;
            plan.links.iter().find(|l| l.item == Some(item)).map(|l| l.flow)
        };
        assert_eq!(flow("web01"), Some(Flow::Replicating));
        assert_eq!(flow("db01"), Some(Flow::Broken));
        assert_eq!(flow("app01"), Some(Flow::Resting));
        assert_eq!(flow("mail01"), Some(Flow::Copying));
        assert_eq!(flow("dc01"), Some(Flow::Paused));
    }

    #[test]
    fn the_link_of_the_rest_shows_the_worst_of_them() {
        let world = sample::many(1_000);
        let plan = plan(&world);
        let rest: Vec<_> = plan.links.iter().filter(|l| l.item.is_none()).collect();
        assert!(!rest.is_empty());
        for link in rest {
            let failing = |i: &&std::sync::Arc<leeward_model::ItemView>| {
                (i.active_place().agent, i.target_place().agent) == (link.from, link.to)
                    && i.health == leeward_model::Health::Critical
                    && !plan.links.iter().any(|l| l.item == Some(i.id))
            };
            let failing = world.items.iter().filter(failing).count();
            if failing > 0 {
                assert_eq!(link.flow, Flow::Broken);
                assert!(link.label.contains(&format!("{failing} failing")), "{}", link.label);
            } else {
                assert_ne!(link.flow, Flow::Broken);
            }
        }
        assert!(plan.links.iter().any(|l| l.item.is_none() && l.flow == Flow::Broken));
    }

    #[test]
    fn nothing_is_lost_when_there_are_more_than_fit() {
        let world = sample::many(1_000);
        let plan = plan(&world);
        let runs: usize = plan
            .sites
            .iter()
            .flat_map(|s| &s.servers)
            .map(|s| {
                assert!(s.rows.len() <= ROWS_MAX);
                s.rows.len() + s.more as usize
            })
            .sum();
        assert_eq!(runs, 2_000, "each item stands on two servers");
    }
}
