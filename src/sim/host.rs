//! A host's agent in the simulation: what it keeps on its disk for ever, and what it loses when it crashes. Apart
//! from `perform`, which does what it is asked, and `replicate`, which is what it does by itself.

use crate::guest::{Content, Machine};
use leeward_engine::core::CallId;
use leeward_link::messages::{
    Activity, AgentHello, AgentReport, Assignment, DiskFacts, ItemFacts, MachineFacts, Op, Reply, Request,
    Role, TestFacts,
};
use leeward_model::{
    AgentId, Consistency, CycleSample, Epoch, Fault, ItemId, MachineId, Message, Moment, PointSummary,
    PowerState, Progress, Recovery, Sequence, TestId,
};
use std::collections::{BTreeMap, BTreeSet};

/// Seconds of a session after which an engine that says nothing is taken to agree. Longer than messages take.
pub const CONSENT_SECS: i64 = 15;

/// A host.
#[derive(Debug)]
pub struct Host {
    /// Its agent.
    pub agent: AgentId,
    /// Host name.
    pub name: String,
    /// Its site.
    pub site: String,
    /// Its agent runs.
    pub up: bool,
    /// Its control session is open.
    pub session: bool,
    /// Since when, in seconds of the world.
    pub session_since: i64,
    /// When it tries to open a session.
    pub connect_at: i64,
    /// Machines that start by themselves, once somebody who would know has confirmed that they may.
    pub to_start: BTreeSet<MachineId>,
    /// Seconds its clock is ahead; below zero: behind.
    pub ahead: i64,
    /// Its machines (of its own, and failed over to it).
    pub machines: BTreeMap<MachineId, Machine>,
    /// Test machines.
    pub tests: BTreeMap<TestId, Test>,
    /// Items; on disk.
    pub items: BTreeMap<ItemId, Kept>,
    /// What operations ended with; lost in a crash, so that they are performed again.
    pub results: BTreeMap<Op, Reply>,
    /// Operations under way; lost in a crash.
    pub running: Vec<Running>,
    /// Operations that were cancelled; lost in a crash.
    pub cancelled: BTreeSet<Op>,
    /// Machines whose item was forgotten while they were fenced; on disk.
    pub fenced_for_ever: BTreeSet<MachineId>,
    /// Peers it may talk to.
    pub peers: BTreeSet<AgentId>,
    /// Items that wait to hear whether this host may run them.
    pub waiting: BTreeSet<ItemId>,
    /// Cycles to be told.
    pub cycles: BTreeMap<ItemId, Vec<CycleSample>>,
}

/// A test failover.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its item.
    pub item: ItemId,
    /// Its point.
    pub point: leeward_model::PointId,
    /// Its machine, which belongs to nobody else.
    pub machine: Machine,
}

/// An item on this host.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What it was told.
    pub assignment: Assignment,
    /// What this host is to it.
    pub role: Role,
    /// The highest epoch it has seen.
    pub epoch: Epoch,
    /// Paused.
    pub paused: bool,
    /// Points, newest first.
    pub points: Vec<(PointSummary, Content)>,
    /// A copy that runs, and how many seconds it still takes.
    pub copy: Option<Copy>,
    /// Both sides have been the same since the last start of a copy.
    pub in_sync: bool,
    /// The last instant acknowledged.
    pub synced_to: Option<Moment>,
    /// What was acknowledged then.
    pub acknowledged: Content,
    /// The last log.
    pub sequence: Sequence,
    /// When the next cycle is due.
    pub next_cycle: i64,
    /// Failed cycles in a row.
    pub failures: u32,
    /// Fenced while it had run under an older epoch.
    pub superseded: bool,
    /// Replication has stopped in a way that a person must look at.
    pub stopped: bool,
    /// The copy was cancelled: it waits until somebody asks for it again.
    pub held: bool,
    /// The point that the machine was brought up on here.
    pub failed_over_to: Option<leeward_model::PointId>,
}

/// A copy that runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Copy {
    /// The first one.
    pub initial: bool,
    /// Seconds it still takes.
    pub left: i64,
    /// Seconds it takes in all.
    pub whole: i64,
}

/// An operation under way.
#[derive(Clone, Debug)]
pub struct Running {
    /// What was asked.
    pub request: Request,
    /// Its name; none for questions that change nothing.
    pub op: Option<Op>,
    /// Who waits for the answer.
    pub calls: Vec<CallId>,
    /// Not done before.
    pub not_before: i64,
}

impl Host {
    /// A host without machines.
    #[must_use]
    pub fn new(agent: AgentId, name: &str, site: &str) -> Self {
        Self {
            agent,
            name: name.to_owned(),
            site: site.to_owned(),
            up: true,
            session: false,
            session_since: 0,
            connect_at: 0,
            to_start: BTreeSet::new(),
            ahead: 0,
            machines: BTreeMap::new(),
            tests: BTreeMap::new(),
            items: BTreeMap::new(),
            results: BTreeMap::new(),
            running: Vec::new(),
            cancelled: BTreeSet::new(),
            fenced_for_ever: BTreeSet::new(),
            peers: BTreeSet::new(),
            waiting: BTreeSet::new(),
            cycles: BTreeMap::new(),
        }
    }

    /// What it says when it opens a session.
    #[must_use]
    pub fn hello(&self) -> AgentHello {
        AgentHello {
            agent: self.agent,
            host: self.name.clone(),
            site: self.site.clone(),
            version: "0.1.0".to_owned(),
            replication_addr: format!("{}:8084", self.name),
        }
    }

    /// Its agent is killed. Guests live on, unless the host goes down with it.
    pub fn crash(&mut self, with_host: bool) {
        self.up = false;
        self.session = false;
        self.running.clear();
        self.results.clear();
        self.to_start.clear();
        self.cancelled.clear();
        self.cycles.clear();
        if with_host {
            for machine in self.machines.values_mut() {
                machine.power = PowerState::Off;
            }
            for test in self.tests.values_mut() {
                test.machine.power = PowerState::Off;
            }
        }
    }

    /// Its agent starts. Machines that nobody protects start by themselves; those of an item wait for a confirmation.
    pub fn start(&mut self, now: i64) {
        self.up = true;
        self.connect_at = now + 1;
        for (id, machine) in &mut self.machines {
            if machine.power != PowerState::Off || !machine.definition.autostart {
                continue;
            }
            if self.items.values().any(|k| k.assignment.machine.id == *id) {
                self.to_start.insert(*id);
            } else if !self.fenced_for_ever.contains(id) {
                machine.power = PowerState::Running;
                machine.started = now;
            }
        }
    }

    /// The items whose machines wait for a confirmation, as their source.
    #[must_use]
    pub fn waiting(&self) -> Vec<(ItemId, AgentId, Epoch)> {
        let items = self.items.iter().filter(|(_, k)| k.role == Role::Source);
        items
            .filter(|(_, k)| self.to_start.contains(&k.assignment.machine.id))
            .map(|(id, k)| (*id, k.assignment.peer.agent, k.epoch))
            .collect()
    }

    /// The engine has not objected for a while, or the other side of these items has agreed: they start.
    pub fn confirmed(&mut self, now: i64, agreed: &BTreeSet<ItemId>) {
        let consent = self.session && now - self.session_since >= CONSENT_SECS;
        for id in self.to_start.clone() {
            let found = self.items.iter_mut().find(|(_, k)| k.assignment.machine.id == id);
            let Some((item, kept)) = found else {
                // It has been forgotten meanwhile; a fence that was raised before stays.
                self.to_start.remove(&id);
                continue;
            };
            if matches!(kept.role, Role::Source | Role::FailedOver) && !consent && !agreed.contains(item) {
                continue;
            }
            self.to_start.remove(&id);
            let may = matches!(kept.role, Role::Source | Role::FailedOver);
            let Some(machine) = self.machines.get_mut(&id).filter(|m| may && m.power == PowerState::Off)
            else {
                continue;
            };
            machine.power = PowerState::Running;
            machine.started = now;
            // The hypervisor was killed: its track of changes is gone, and everything is compared.
            if kept.role == Role::Source && kept.copy.is_none() {
                kept.copy = Some(Copy { initial: !kept.in_sync, left: 5, whole: 5 });
            }
        }
    }

    /// A call has come in.
    pub fn take(&mut self, call: CallId, request: Request, now: i64, takes: i64) {
        if let Request::Trust { peers, .. } = &request {
            self.peers = peers.iter().copied().collect();
        }
        if let Request::MayRun { item, .. } = &request {
            self.waiting.remove(item);
        }
        let op = op_of(&request);
        if let Request::CancelOp { op } = &request {
            self.cancelled.insert(op.clone());
        }
        // The same operation again: it is joined, not begun a second time.
        if let Some(running) = self.running.iter_mut().find(|r| r.op.is_some() && r.op == op) {
            running.calls.push(call);
            return;
        }
        self.running.push(Running { request, op, calls: vec![call], not_before: now + takes });
    }

    /// Everything it knows.
    #[must_use]
    pub fn report(&mut self, now: Moment) -> AgentReport {
        let machines = self
            .machines
            .values()
            .map(|m| MachineFacts {
                definition: m.definition.clone(),
                power: m.power,
                not_protectable: None,
                reach: Vec::new(),
            })
            .collect();
        let ids: Vec<ItemId> = self.items.keys().copied().collect();
        let items = ids.into_iter().filter_map(|id| self.item_facts(id, now)).collect();
        AgentReport {
            at: now,
            hypervisor: "simulated".to_owned(),
            free_bytes: 800 << 30,
            total_bytes: 1 << 40,
            certificate_expires: Moment(i64::MAX / 4),
            machines,
            items,
            waiting: self.waiting.iter().copied().collect(),
        }
    }

    /// What it says of one item.
    pub fn item_facts(&mut self, id: ItemId, now: Moment) -> Option<ItemFacts> {
        let cycles = self.cycles.remove(&id).unwrap_or_default();
        let kept = self.items.get(&id)?;
        let machine = self.machines.get(&kept.assignment.machine.id);
        let activity = activity(kept, now);
        let failing = matches!(activity, Activity::Retrying { .. });
        Some(ItemFacts {
            item: id,
            at: now,
            role: kept.role,
            epoch: kept.epoch,
            revision: kept.assignment.revision,
            power: machine.map_or(PowerState::Off, |m| m.power),
            superseded: kept.superseded,
            fault: failing.then(|| fault("sim-link-down", Recovery::Retries)),
            fault_since: failing.then_some(now),
            activity,
            synced_to: match kept.role {
                Role::Source => kept.synced_to,
                _ => kept.points.first().map(|(p, _)| p.instant),
            },
            sequence: kept.sequence,
            consistency: kept.points.first().map(|_| Consistency::Crash),
            disks: kept
                .assignment
                .machine
                .disks
                .iter()
                .map(|d| DiskFacts {
                    disk: d.id,
                    tracked: kept.role == Role::Source,
                    dirty_bytes: 0,
                    log_bytes: 0,
                    replica_bytes: kept.points.iter().map(|(p, _)| p.size_bytes).sum(),
                    progress: None,
                })
                .collect(),
            points: kept.points.iter().map(|(p, _)| p.clone()).collect(),
            tests: self
                .tests
                .iter()
                .filter(|(_, t)| t.item == id)
                .map(|(test, t)| TestFacts {
                    test: *test,
                    point: t.point,
                    power: t.machine.power,
                    reach: Vec::new(),
                })
                .collect(),
            cycles,
            guest_write_p99_ms: None,
        })
    }
}

#[expect(clippy::cast_sign_loss, reason = "seconds of a copy")]
fn activity(kept: &Kept, now: Moment) -> Activity {
    if kept.role != Role::Source {
        return Activity::Idle;
    }
    if kept.stopped {
        return Activity::Stopped;
    }
    if kept.paused {
        return Activity::Paused;
    }
    match kept.copy {
        Some(_) if kept.held => {
            Activity::ResyncRequired { why: Message::new("agent-resync-cancelled"), scheduled_at: None }
        }
        Some(copy) => {
            let progress = Progress {
                done_bytes: (copy.whole - copy.left).max(0) as u64,
                total_bytes: copy.whole.max(0) as u64,
                rate_bytes_per_sec: 1,
                left_secs: Some(copy.left.max(0) as u64),
            };
            if copy.initial { Activity::Initial(progress) } else { Activity::Resync(progress) }
        }
        None if kept.failures > 0 => {
            Activity::Retrying { attempts: kept.failures, next_at: now.plus_secs(1) }
        }
        None => Activity::Waiting,
    }
}

/// A failure as an agent would say it.
#[must_use]
pub fn fault(code: &'static str, recovery: Recovery) -> Fault {
    Fault {
        code: code.to_owned(),
        what: Message::new(code),
        subject: "simulated".to_owned(),
        causes: Vec::new(),
        action: Message::new(code),
        detail: String::new(),
        recovery,
    }
}

/// The name of a request's operation, if it has one.
#[must_use]
pub fn op_of(request: &Request) -> Option<Op> {
    match request {
        Request::PrepareTarget { op, .. }
        | Request::StartSource { op, .. }
        | Request::AwaitInSync { op, .. }
        | Request::Reassign { op, .. }
        | Request::SetPaused { op, .. }
        | Request::SyncNow { op, .. }
        | Request::Resynchronize { op, .. }
        | Request::StopComparison { op, .. }
        | Request::Quiesce { op, .. }
        | Request::FinalSync { op, .. }
        | Request::Fence { op, .. }
        | Request::Unfence { op, .. }
        | Request::FailOver { op, .. }
        | Request::DiscardFailover { op, .. }
        | Request::CommitFailover { op, .. }
        | Request::StartTest { op, .. }
        | Request::CleanUpTest { op, .. }
        | Request::AwaitBoot { op, .. }
        | Request::BecomeTarget { op, .. }
        | Request::BecomeSource { op, .. }
        | Request::DiscardSource { op, .. }
        | Request::Release { op, .. }
        | Request::VerifyPoint { op, .. }
        | Request::Power { op, .. } => Some(op.clone()),
        Request::Report
        | Request::ConsolePicture { .. }
        | Request::Trust { .. }
        | Request::MayRun { .. }
        | Request::CancelOp { .. } => None,
    }
}
