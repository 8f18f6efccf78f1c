//! What a step may see ([`Scene`]) and what its answer may change ([`Draft`]). Narrow on purpose: a step cannot
//! reach the rest of the engine.

use super::Act;
use crate::core::state::State;
use crate::records::{ItemRecord, JobRecord, Proof, Release};
use leeward_link::messages::{Activity, Assignment, Op, Peer, Request, Role};
use leeward_model::protection::Illegal;
use leeward_model::{
    AgentId, Epoch, Fault, Health, ItemId, Message, Moment, PointSummary, PowerState, Recovery, Side,
    TestState,
};

/// Seconds that a host whose session has ended gets to come back, before a step goes on without it.
pub(crate) const GRACE_SECS: i64 = 20;

/// The world as one step of one job sees it.
pub(crate) struct Scene<'a> {
    pub(crate) state: &'a State,
    pub(crate) job: &'a JobRecord,
    pub(crate) item: Option<&'a ItemRecord>,
    /// The step's declared id.
    pub(crate) step: &'a str,
    /// Names this try at the agent.
    pub(crate) tries: u32,
    /// It is being taken back.
    pub(crate) undo: bool,
    pub(crate) now: Moment,
}

/// What an answer changes; applied as a whole, together with the journal's entry.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    /// The item as it will be.
    pub(crate) item: Option<ItemRecord>,
    /// It leaves the vault.
    pub(crate) item_gone: bool,
    /// What the step has earned.
    pub(crate) proof: Option<Proof>,
    /// What it found or did.
    pub(crate) note: Option<Message>,
    /// What a person should read in the events.
    pub(crate) events: Vec<(Health, Message)>,
    /// What a host that is away must still be told.
    pub(crate) releases: Vec<(AgentId, Release)>,
    /// The hosts must be told the new assignment.
    pub(crate) reassign: bool,
    /// What the sending host does from now on. Its answer is newer than its last fact, which may say otherwise
    /// for some seconds more.
    pub(crate) sends: Option<Activity>,
}

impl<'a> Scene<'a> {
    /// Names the operation at the agent.
    pub(crate) fn op(&self) -> Op {
        let step = if self.undo { format!("undo-{}", self.step) } else { self.step.to_owned() };
        Op { job: self.job.id, step, attempt: self.tries }
    }

    /// The name of what the job is about.
    pub(crate) fn name(&self) -> &'a str {
        &self.job.subject
    }

    /// The host the machine ran on when the job was accepted.
    pub(crate) fn from(&self) -> Option<AgentId> {
        self.item.map(|i| i.place(self.job.from).agent)
    }

    /// The other host.
    pub(crate) fn to(&self) -> Option<AgentId> {
        self.item.map(|i| i.place(self.job.from.other()).agent)
    }

    pub(crate) fn connected(&self, agent: Option<AgentId>) -> bool {
        agent.is_some_and(|a| self.state.connected(a))
    }

    /// Whether a host is there and has said everything it knows.
    pub(crate) fn present(&self, agent: Option<AgentId>) -> bool {
        agent.and_then(|a| self.state.servers.get(&a)).is_some_and(|s| s.connected && s.reported)
    }

    /// Seconds since a host went away; 0 when it is there.
    pub(crate) fn away_secs(&self, agent: Option<AgentId>) -> i64 {
        let server = agent.and_then(|a| self.state.servers.get(&a)).filter(|s| !s.connected);
        server.map_or(0, |s| self.now.secs_since(s.since).max(0))
    }

    /// Whether a host is away only so short that its session may just have broken.
    pub(crate) fn blinks(&self, agent: Option<AgentId>) -> bool {
        !self.connected(agent) && self.away_secs(agent) < GRACE_SECS
    }

    /// Whether it is too early to say that a host is away.
    pub(crate) fn expected(&self, agent: Option<AgentId>) -> bool {
        agent.is_some_and(|a| self.state.expected(a, self.now))
    }

    pub(crate) fn host_name(&self, agent: Option<AgentId>) -> &'a str {
        agent.map_or("?", |a| self.state.server_name(a))
    }

    /// The points one may choose from, newest first.
    pub(crate) fn points(&self) -> Vec<PointSummary> {
        let item = self.job.item.and_then(|id| self.state.items.get(&id));
        item.map(|i| self.state.points(i).to_vec()).unwrap_or_default()
    }

    /// Whether the machine runs on the side the job leaves.
    pub(crate) fn runs(&self) -> bool {
        let power = self.item.map(|i| self.state.power(i, self.job.from));
        matches!(power, Some(PowerState::Running | PowerState::Paused))
    }

    /// The epoch the item had when the job began.
    pub(crate) fn epoch_before(&self) -> Epoch {
        self.job.gathered.epoch.or_else(|| self.item.map(|i| i.epoch)).unwrap_or(Epoch::FIRST)
    }

    /// Asks one host of the item something.
    pub(crate) fn ask(
        &self,
        agent: Option<AgentId>,
        request: impl FnOnce(Op, &'a ItemRecord) -> Option<Request>,
    ) -> Act {
        let asked = agent.zip(self.item).and_then(|(a, item)| Some((a, request(self.op(), item)?)));
        match asked {
            Some((agent, request)) => Act::Call(agent, Box::new(request)),
            None => Act::Fail(Box::new(Fault::new(
                "step-item-gone",
                self.name(),
                format!("step {}", self.step),
                Recovery::NeedsPerson,
            ))),
        }
    }

    /// What the host on `side` is told to be.
    pub(crate) fn assignment(&self, side: Side, role: Role) -> Option<Assignment> {
        assignment(self.state, self.item?, side, role)
    }
}

/// What the host on `side` of an item is told to be.
pub(crate) fn assignment(state: &State, item: &ItemRecord, side: Side, role: Role) -> Option<Assignment> {
    let peer = item.place(side.other()).agent;
    Some(Assignment {
        item: item.id,
        machine: item.machine.clone(),
        role,
        epoch: item.epoch,
        peer: Peer { agent: peer, addr: state.servers.get(&peer)?.record.replication_addr.clone() },
        policy: state.policies.get(&item.policy)?.clone(),
        paused: item.paused,
        revision: item.revision,
    })
}

impl Draft {
    pub(crate) fn of(item: Option<&ItemRecord>) -> Self {
        Self { item: item.cloned(), ..Self::default() }
    }

    /// Takes the item along one arrow of protection.
    pub(crate) fn go(
        &mut self,
        now: Moment,
        arrow: impl FnOnce(leeward_model::Protection, &ItemRecord) -> Result<leeward_model::Protection, Illegal>,
    ) -> Result<(), Box<Fault>> {
        let Some(item) = self.item.as_mut() else { return Ok(()) };
        let from = item.protection.clone();
        let to = arrow(from.clone(), item).map_err(|illegal| {
            let name = item.machine.name.clone();
            Box::new(Fault::new("step-not-from-here", &name, illegal.to_string(), Recovery::NeedsPerson))
        })?;
        if to.name() != from.name() {
            item.protection_since = now;
        }
        item.protection = to;
        Ok(())
    }

    /// Changes the item.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut ItemRecord)) {
        if let Some(item) = self.item.as_mut() {
            change(item);
        }
    }

    /// Gives the item a new right to write, and has its hosts told.
    pub(crate) fn raise_epoch(&mut self, epoch: Epoch) {
        if let Some(item) = self.item.as_mut()
            && item.epoch < epoch
        {
            item.epoch = epoch;
            self.reassign = true;
        }
    }

    pub(crate) fn tell(&mut self, severity: Health, what: Message) {
        self.events.push((severity, what));
    }

    pub(crate) fn set_test(&mut self, test: leeward_model::TestId, state: TestState) {
        self.change(|item| {
            if let Some(found) = item.tests.iter_mut().find(|t| t.id == test) {
                found.state = state;
            }
        });
    }

    /// The item's id, for arrows.
    pub(crate) fn id(&self) -> ItemId {
        self.item.as_ref().map_or(ItemId(uuid::Uuid::nil()), |i| i.id)
    }
}
