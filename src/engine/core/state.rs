//! Everything the core knows: the durable records, and beside them what its agents say at present. Apart from
//! `mod`, which is the door, and from `turn`, which changes it.

use super::CallId;
use super::alarms::Alarms;
use super::changed::Changed;
use super::cycles::Cycles;
use super::job_list::JobList;
use crate::records::{ItemRecord, JobRecord, KeyRecord, ServerRecord, SiteRecord, VaultRecord};
use leeward_link::messages::{ItemFacts, MachineFacts, Role};
use leeward_model::{
    AgentId, EventView, Health, ItemId, JobId, KeyId, MachineId, Message, Moment, PointSummary, PolicyId,
    PowerState, Protection, ReceiptId, ReplicationPolicy, Side, SiteId, Verb,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// The whole of it. Ordered maps only: the same inputs must give the same outputs.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) vault: VaultRecord,
    pub(crate) sites: BTreeMap<SiteId, SiteRecord>,
    pub(crate) servers: BTreeMap<AgentId, Server>,
    pub(crate) keys: BTreeMap<KeyId, KeyRecord>,
    pub(crate) policies: BTreeMap<PolicyId, ReplicationPolicy>,
    pub(crate) items: BTreeMap<ItemId, Item>,
    /// The item that protects a machine.
    pub(crate) protected: BTreeMap<MachineId, ItemId>,
    /// The items a host stands for.
    pub(crate) items_of: BTreeMap<AgentId, BTreeSet<ItemId>>,
    /// Jobs that are not over.
    pub(crate) jobs: BTreeMap<JobId, Job>,
    /// All jobs as they are shown.
    pub(crate) views: JobList,
    /// Jobs that are over and may be restarted: the last one of each item.
    pub(crate) restartable: BTreeMap<ItemId, JobRecord>,
    /// Seconds that steps took, newest last.
    pub(crate) durations: BTreeMap<(Verb, Arc<str>), VecDeque<f32>>,
    /// Calls that are not answered.
    pub(crate) calls: BTreeMap<CallId, Pending>,
    pub(crate) alarms: Alarms,
    /// Newest first.
    pub(crate) events: VecDeque<EventView>,
    /// Median RPO over time, oldest first.
    pub(crate) rpo_median: VecDeque<(Moment, f32)>,
    /// When charts were last written.
    pub(crate) history_saved: Option<Moment>,
    pub(crate) changed: Changed,
}

/// Seconds in which hosts come back to an engine that has started: the longest wait between their tries, and a little.
const EXPECTED_SECS: i64 = 35;

/// A host: what is written of it and what it says.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) record: ServerRecord,
    pub(crate) connected: bool,
    /// Since when it is connected, or not.
    pub(crate) since: Moment,
    pub(crate) last_heard: Option<Moment>,
    /// The sign of life that was shown last.
    pub(crate) heard_shown: Option<Moment>,
    pub(crate) lost_why: Option<Message>,
    pub(crate) hypervisor: String,
    pub(crate) free_bytes: u64,
    pub(crate) total_bytes: u64,
    pub(crate) machines: BTreeMap<MachineId, MachineFacts>,
    pub(crate) items: BTreeMap<ItemId, Held>,
    /// It has said everything in this session.
    pub(crate) reported: bool,
    /// It was enrolled in this run of the engine, and its certificate is being handed out.
    pub(crate) enrolled_now: bool,
    /// The peers it was told of in this session.
    pub(crate) peers_told: Option<BTreeSet<AgentId>>,
}

/// What a host said of an item.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) facts: ItemFacts,
    /// When it arrived, by the engine's clock.
    pub(crate) received: Moment,
    /// The points, shared with the snapshots.
    pub(crate) points: Arc<Vec<PointSummary>>,
}

/// An item: what is written of it and what goes on with it.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) record: ItemRecord,
    /// Jobs that work on it.
    pub(crate) jobs: Vec<JobId>,
    pub(crate) cycles: Cycles,
    /// The health that was last told in an event.
    pub(crate) told_health: Health,
    /// Since when each symptom is shown, for those that cannot say it themselves.
    pub(crate) shown_since: BTreeMap<String, Moment>,
    /// Corrections that are under way with its hosts.
    pub(crate) corrections: BTreeMap<AgentId, Correction>,
}

/// A correction of what a host holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Correction {
    pub(crate) what: Corrected,
    pub(crate) failures: u32,
    /// Not before this instant, after a failure.
    pub(crate) not_before: Moment,
    /// A call is out.
    pub(crate) call: Option<CallId>,
}

/// What is corrected.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Corrected {
    /// It returned under an older epoch: it gives up the right to write.
    Fence(leeward_model::Epoch),
    /// It was away when a failover was undone: it gets the right to write back.
    Unfence(leeward_model::Epoch),
    /// Policy, pause, epoch or the other side's address have changed.
    Reassign(u64),
}

/// A job that is not over.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) record: JobRecord,
    /// The call that is out for its current step.
    pub(crate) call: Option<CallId>,
    /// When its current step has taken too long.
    pub(crate) deadline: Option<Moment>,
}

/// What a call was made for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Pending {
    /// A step of a job, or its undo.
    Step { agent: AgentId, job: JobId, step: usize, undo: bool },
    /// A correction of what a host holds.
    Correction { agent: AgentId, item: ItemId },
    /// A host is to forget an item that is no longer in the vault, or to be fenced before it does.
    Release { agent: AgentId, item: ItemId },
    /// A console picture somebody waits for.
    Picture { agent: AgentId, receipt: ReceiptId, by: Moment },
    /// The answer says nothing that matters.
    Told { agent: AgentId },
}

impl Pending {
    pub(crate) const fn agent(&self) -> AgentId {
        match self {
            Self::Step { agent, .. }
            | Self::Correction { agent, .. }
            | Self::Release { agent, .. }
            | Self::Picture { agent, .. }
            | Self::Told { agent } => *agent,
        }
    }
}

impl Server {
    pub(crate) fn new(record: ServerRecord, now: Moment) -> Self {
        Self {
            record,
            connected: false,
            since: now,
            last_heard: None,
            heard_shown: None,
            lost_why: None,
            hypervisor: String::new(),
            free_bytes: 0,
            total_bytes: 0,
            machines: BTreeMap::new(),
            items: BTreeMap::new(),
            reported: false,
            enrolled_now: false,
            peers_told: None,
        }
    }
}

impl Item {
    pub(crate) fn new(record: ItemRecord) -> Self {
        Self {
            record,
            jobs: Vec::new(),
            cycles: Cycles::default(),
            told_health: Health::NotApplicable,
            shown_since: BTreeMap::new(),
            corrections: BTreeMap::new(),
        }
    }

    /// The side that keeps the recovery points.
    pub(crate) const fn store_side(&self) -> Side {
        match self.record.protection {
            Protection::FailedOver { .. } | Protection::Committed { .. } => self.record.active,
            _ => self.record.active.other(),
        }
    }

    /// What a host on this side should be to the item, when no job is changing that.
    pub(crate) const fn role_on(&self, side: Side) -> Role {
        let active = matches!(
            (side, self.record.active),
            (Side::Primary, Side::Primary) | (Side::Recovery, Side::Recovery)
        );
        match (&self.record.protection, active) {
            (Protection::FailedOver { .. } | Protection::Committed { .. }, true) => Role::FailedOver,
            (Protection::FailedOver { .. } | Protection::Committed { .. }, false) => Role::Fenced,
            (_, true) => Role::Source,
            (_, false) => Role::Target,
        }
    }
}

impl State {
    pub(crate) fn connected(&self, agent: AgentId) -> bool {
        self.servers.get(&agent).is_some_and(|s| s.connected)
    }

    /// Whether it is too early to say that a host is away: it has not had the time to come back to an engine that has
    /// just started, or it is there and has not said everything yet.
    pub(crate) fn expected(&self, agent: AgentId, now: Moment) -> bool {
        self.servers.get(&agent).is_some_and(|s| {
            if s.connected {
                !s.reported
            } else {
                s.last_heard.is_none() && (0..EXPECTED_SECS).contains(&now.secs_since(s.since))
            }
        })
    }

    pub(crate) fn server_name(&self, agent: AgentId) -> &str {
        self.servers.get(&agent).map_or("?", |s| s.record.name.as_str())
    }

    pub(crate) fn held(&self, agent: AgentId, item: ItemId) -> Option<&Held> {
        self.servers.get(&agent)?.items.get(&item)
    }

    /// The points one may choose from, newest first.
    pub(crate) fn points(&self, item: &Item) -> Arc<Vec<PointSummary>> {
        let agent = item.record.place(item.store_side()).agent;
        self.held(agent, item.record.id).map(|h| Arc::clone(&h.points)).unwrap_or_default()
    }

    /// Whether an item's machine runs on one side.
    pub(crate) fn power(&self, item: &ItemRecord, side: Side) -> PowerState {
        let agent = item.place(side).agent;
        if !self.connected(agent) {
            return PowerState::Unknown;
        }
        if let Some(held) = self.held(agent, item.id) {
            return held.facts.power;
        }
        let machines = self.servers.get(&agent).map(|s| &s.machines);
        machines.and_then(|m| m.get(&item.machine.id)).map_or(PowerState::Unknown, |m| m.power)
    }

    pub(crate) fn site_name(&self, site: SiteId) -> &str {
        self.sites.get(&site).map_or("?", |s| s.name.as_str())
    }
}
