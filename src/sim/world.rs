//! Everything together, second by second: guests write, hosts work, messages arrive late or twice, the engine
//! decides, and things go wrong. One seed gives one run.

use crate::checkers::{self, Watch};
use crate::faults::FaultPlan;
use crate::guest::Machine;
use crate::host::{Host, fault};
use crate::perform::{Done, Instant};
use crate::replicate;
use crate::seed::Seed;
use crate::vault::{Database, Vault};
use leeward_engine::core::{CallId, Change, Effect, Input, new_vault};
use leeward_engine::records::VaultRecord;
use leeward_link::messages::{Fact, Op, Reply, Request, Response, Role};
use leeward_model::{
    Accepted, AgentId, Command, CommandOutcome, CopyFrequency, DiskId, EvidenceMint, ItemId, ItemView, JobId,
    JobView, MachineId, Moment, PointKind, PolicyId, ReceiptId, Recovery, ReplicationPolicy, Retention,
    Snapshot, Start, VaultId,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

mod strike;

/// What a world is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Hosts; the first half stand at one site, the rest at the other.
    pub hosts: usize,
    /// Machines on each host of the first site.
    pub machines: usize,
    /// Messages take up to this many seconds.
    pub delay_max: i64,
    /// Every call arrives twice.
    pub calls_twice: bool,
    /// Steps (and undos, `undo-<id>`) of these ids fail for good.
    pub failing_steps: Vec<String>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { hosts: 2, machines: 1, delay_max: 1, calls_twice: false, failing_steps: Vec::new() }
    }
}

/// Something on its way.
#[derive(Clone, Debug)]
enum Letter {
    Call(AgentId, CallId, Request),
    Input(Box<Input>),
}

/// The world.
#[derive(Debug)]
pub struct World {
    /// Seconds since it began.
    pub now: i64,
    /// Its chance.
    pub seed: Seed,
    /// The engine.
    pub vault: Vault,
    /// The hosts.
    pub hosts: BTreeMap<AgentId, Host>,
    /// Their order.
    pub order: Vec<AgentId>,
    /// The policy everything is protected with.
    pub policy: PolicyId,
    /// What commands came to.
    pub outcomes: BTreeMap<ReceiptId, CommandOutcome>,
    /// What happened, in words.
    pub transcript: Vec<String>,
    plan: Plan,
    letters: VecDeque<(i64, u64, Letter)>,
    sent: u64,
    record: u64,
    engine_back: Option<i64>,
    /// Seconds the engine's clock is ahead.
    engine_ahead: i64,
    hosts_back: BTreeMap<AgentId, i64>,
    links_back: BTreeMap<AgentId, i64>,
    peers_back: i64,
    ops_fail: Option<(i64, bool)>,
    failed_ops: BTreeSet<Op>,
    /// The answer to this step is lost, with its agent, for so many seconds.
    lost_reply: Option<(String, i64)>,
    /// What the checkers have seen.
    pub(crate) watch: Watch,
}

/// The instant of a second of the world.
#[must_use]
pub const fn moment(now: i64) -> Moment {
    Moment(1_700_000_000_000 + now * 1_000)
}

impl World {
    /// A world whose hosts are enrolled and connected, with machines and a policy, and nothing protected.
    ///
    /// # Panics
    /// When the hosts do not connect, which would be a fault of the simulation.
    #[must_use]
    pub fn new(seed: u64, plan: Plan) -> Self {
        use leeward_engine::core::IdSource;
        let mut chance = Seed::new(seed);
        let vault_id = VaultId(chance.new_id());
        let mut database = Database::default();
        let record = VaultRecord {
            id: vault_id,
            name: "Simulated".to_owned(),
            created: moment(0),
            engine_addr: "engine:8443".to_owned(),
        };
        for change in new_vault(record, "seed") {
            if let Change::Put(record) = change {
                database.records.insert(record.key(), serde_json::to_string(&record).expect("JSON"));
            }
        }
        let ids = Seed::new(chance.number());
        let mut world = Self {
            now: 0,
            vault: Vault::open(database, ids),
            hosts: BTreeMap::new(),
            order: Vec::new(),
            policy: PolicyId(chance.new_id()),
            outcomes: BTreeMap::new(),
            transcript: Vec::new(),
            plan,
            letters: VecDeque::new(),
            sent: 0,
            record: 0,
            engine_back: None,
            engine_ahead: 0,
            hosts_back: BTreeMap::new(),
            links_back: BTreeMap::new(),
            peers_back: 0,
            ops_fail: None,
            failed_ops: BTreeSet::new(),
            lost_reply: None,
            watch: Watch::default(),
            seed: chance,
        };
        world.input(Input::Started);
        world.furnish();
        let ready = world.run_until(60, |w| {
            let snapshot = w.snapshot();
            snapshot.is_some_and(|s| {
                s.servers.len() == w.plan.hosts
                    && s.servers.iter().all(|v| v.connected)
                    && s.machines.len() == w.plan.hosts.div_ceil(2) * w.plan.machines
            })
        });
        assert!(ready, "the hosts of the simulation connect");
        world
    }

    fn furnish(&mut self) {
        use leeward_engine::core::IdSource;
        for number in 0..self.plan.hosts {
            let first = number < self.plan.hosts.div_ceil(2);
            let site = if first { "Stockholm" } else { "Malmö" };
            let agent = AgentId(self.seed.new_id());
            let mut host = Host::new(agent, &format!("hv{}", number + 1), site);
            for machine in 0..if first { self.plan.machines } else { 0 } {
                let id = MachineId(self.seed.new_id());
                let name = format!("vm{}", number * self.plan.machines + machine + 1);
                host.machines.insert(id, Machine::new(id, DiskId(self.seed.new_id()), &name));
            }
            let key = self.make_key(site);
            self.input(Input::EnrolmentAsked {
                key,
                agent,
                former: None,
                host: host.name.clone(),
                site: site.to_owned(),
                version: "0.1.0".to_owned(),
                replication_addr: format!("{}:8084", host.name),
                reply: number as u64,
            });
            self.order.push(agent);
            self.hosts.insert(agent, host);
        }
        let policy = ReplicationPolicy {
            id: self.policy,
            name: "Every 30 s".to_owned(),
            copy_frequency: CopyFrequency::Secs30,
            retention: Retention::default(),
            app_consistent_every_mins: 0,
            bandwidth_bytes_per_sec_max: 0,
            busy: None,
            resync_hours: None,
        };
        self.command(Command::CreatePolicy { policy });
    }

    fn make_key(&mut self, site: &str) -> leeward_model::KeyId {
        let receipt = self.command(Command::MakeRegistrationKey { site: site.to_owned() });
        match self.outcomes.get(&receipt) {
            Some(CommandOutcome::Accepted(Accepted::RegistrationKey { key, .. })) => *key,
            other => panic!("a key is made, not {other:?}"),
        }
    }

    /// Protects all machines of the first site, each at a host of the second, and waits until they are.
    ///
    /// # Panics
    /// When that takes more than ten minutes.
    pub fn protect_all(&mut self) {
        let snapshot = self.snapshot().expect("the engine runs");
        let targets: Vec<AgentId> = self.order.split_off(self.plan.hosts.div_ceil(2));
        for (number, machine) in snapshot.machines.iter().enumerate() {
            let Some(target) = targets.get(number % targets.len().max(1)) else { continue };
            self.command(Command::EnableReplication {
                machines: vec![machine.on()],
                target: *target,
                policy: self.policy,
                start: Start::Now,
            });
        }
        self.order.extend(targets);
        let done = self.run_until(600, |w| {
            let Some(snapshot) = w.snapshot() else { return false };
            let all = snapshot.items.len() == snapshot.machines.iter().filter(|m| m.item.is_some()).count();
            all && !snapshot.items.is_empty()
                && snapshot.items.iter().all(|i| {
                    i.protection == leeward_model::Protection::Protected
                        && !i.points.is_empty()
                        && i.job.is_none()
                })
        });
        assert!(
            done,
            "everything is protected: {:#?}",
            self.transcript.iter().rev().take(30).collect::<Vec<_>>()
        );
    }

    /// A person gives a command.
    pub fn command(&mut self, command: Command) -> ReceiptId {
        use leeward_engine::core::IdSource;
        let receipt = ReceiptId(self.seed.new_id());
        self.say(format!("command {command:?}"));
        self.input(Input::Command { receipt, by: "operator".to_owned(), command });
        receipt
    }

    /// What the engine's clock says.
    #[must_use]
    pub const fn engine_time(&self) -> Moment {
        moment(self.now + self.engine_ahead)
    }

    /// The engine's clock jumps. Within its life it never goes back: the shell sees to that; a clock that was set
    /// back shows when the engine starts again.
    pub const fn engine_clock_jumps(&mut self, secs: i64) {
        self.engine_ahead += secs;
    }

    /// What the window would show now; none while the engine is dead.
    pub fn snapshot(&mut self) -> Option<Arc<Snapshot>> {
        let now = self.engine_time();
        self.vault.core.as_mut().map(|core| core.snapshot(now))
    }

    /// The item of this name.
    pub fn item(&mut self, name: &str) -> Option<Arc<ItemView>> {
        self.snapshot()?.item_named(name).cloned()
    }

    /// A job.
    pub fn job(&mut self, id: JobId) -> Option<Arc<JobView>> {
        self.snapshot()?.job(id).cloned()
    }

    /// The jobs a command began.
    #[must_use]
    pub fn jobs_of(&self, receipt: ReceiptId) -> Vec<JobId> {
        match self.outcomes.get(&receipt) {
            Some(CommandOutcome::Accepted(Accepted::Jobs(jobs))) => jobs.clone(),
            _ => Vec::new(),
        }
    }

    /// Runs until something is so, at most so many seconds. Whether it came to be.
    pub fn run_until(&mut self, secs_max: i64, mut so: impl FnMut(&mut Self) -> bool) -> bool {
        for _ in 0..secs_max {
            if so(self) {
                return true;
            }
            self.second();
        }
        so(self)
    }

    /// Runs for so many seconds.
    pub fn run_for(&mut self, secs: i64) {
        for _ in 0..secs {
            self.second();
        }
    }

    /// Runs a plan of faults for so many seconds.
    pub fn run_plan(&mut self, plan: &FaultPlan, secs: i64) {
        let began = self.now;
        let mut next = plan.faults.iter().peekable();
        while self.now - began < secs {
            while let Some((_, fault)) = next.next_if(|(at, _)| *at <= self.now - began) {
                self.strike(fault);
            }
            self.second();
        }
    }

    /// One second.
    pub fn second(&mut self) {
        self.now += 1;
        self.come_back();
        self.deliver();
        self.connect();
        self.work();
        let reach = self.peers_back <= self.now;
        self.confirm(reach);
        let mut at = Instant { now: self.now, at: moment(self.now), seed: &mut self.seed };
        replicate::second(&mut self.hosts, &|_, _| reach, &mut at, &mut self.record);
        self.report();
        let time = self.engine_time();
        let woken = self.vault.wake_at.is_some_and(|at| at <= time);
        if woken || self.now % 5 == 0 {
            self.vault.wake_at = self.vault.wake_at.filter(|at| *at > time);
            self.input(Input::Tick);
        }
        checkers::each_second(self);
    }

    fn come_back(&mut self) {
        if self.vault.core.is_none() {
            let back = *self.engine_back.get_or_insert(self.now + 2);
            for host in self.hosts.values_mut() {
                host.session = false;
            }
            self.letters.clear();
            if back <= self.now {
                self.engine_back = None;
                // Hosts come back one by one: each waits its own time between its tries.
                for host in self.hosts.values_mut() {
                    let wait = i64::try_from(self.seed.below(30)).unwrap_or(0);
                    host.connect_at = host.connect_at.max(back + 1 + wait);
                }
                self.say("engine starts again".to_owned());
                self.vault.load();
                self.input(Input::Started);
            }
        }
        let due: Vec<AgentId> =
            self.hosts_back.iter().filter(|(_, at)| **at <= self.now).map(|(a, _)| *a).collect();
        for agent in due {
            self.hosts_back.remove(&agent);
            let now = self.now;
            if let Some(host) = self.hosts.get_mut(&agent) {
                host.start(now);
                let name = host.name.clone();
                self.say(format!("{name} starts again"));
            }
        }
    }

    fn connect(&mut self) {
        if self.vault.core.is_none() {
            return;
        }
        for agent in self.order.clone() {
            let linked = self.links_back.get(&agent).is_none_or(|at| *at <= self.now);
            let Some(host) = self.hosts.get_mut(&agent) else { continue };
            if !host.up || host.session || !linked || host.connect_at > self.now {
                continue;
            }
            host.session = true;
            host.session_since = self.now;
            let hello = host.hello();
            let report = host.report(moment(self.now + host.ahead));
            self.input(Input::AgentConnected { hello, certificate_expires: Moment(i64::MAX / 4) });
            self.input(Input::Fact { agent, fact: Fact::Report(Box::new(report)) });
        }
    }

    fn deliver(&mut self) {
        let mut due: Vec<_> = Vec::new();
        while let Some(index) = self.letters.iter().position(|(at, ..)| *at <= self.now) {
            due.extend(self.letters.remove(index));
        }
        due.sort_by_key(|(at, number, _)| (*at, *number));
        for (_, _, letter) in due {
            match letter {
                Letter::Call(agent, call, request) => {
                    let takes = i64::try_from(self.seed.below(3)).unwrap_or(0);
                    let now = self.now;
                    if let Some(host) = self.hosts.get_mut(&agent).filter(|h| h.up && h.session) {
                        host.take(call, request.clone(), now, takes);
                        if self.plan.calls_twice {
                            host.take(CallId(call.0 ^ 1), request, now, takes);
                        }
                    }
                }
                Letter::Input(input) => {
                    let here = sender(&input).is_none_or(|a| self.hosts.get(&a).is_some_and(|h| h.session));
                    if here {
                        self.input(*input);
                    }
                }
            }
        }
    }

    /// Hosts work on what they were asked.
    fn work(&mut self) {
        for agent in self.order.clone() {
            let Some(host) = self.hosts.get_mut(&agent).filter(|h| h.up) else { continue };
            let running = std::mem::take(&mut host.running);
            for mut op in running {
                if op.not_before > self.now {
                    self.keep(agent, op);
                    continue;
                }
                match self.attempt(agent, &op) {
                    Some(_) if self.loses_reply(agent, op.op.as_ref()) => break,
                    Some(reply) => {
                        for call in op.calls.drain(..) {
                            self.post(Letter::Input(Box::new(Input::Reply {
                                agent,
                                call,
                                reply: reply.clone(),
                            })));
                        }
                    }
                    None => self.keep(agent, op),
                }
            }
        }
    }

    /// Machines that start by themselves do, once somebody who would know has agreed: the engine, or the other side.
    fn confirm(&mut self, reach: bool) {
        for agent in self.order.clone() {
            let Some(host) = self.hosts.get(&agent).filter(|h| h.up && !h.to_start.is_empty()) else {
                continue;
            };
            let agreed = host
                .waiting()
                .into_iter()
                .filter(|(item, peer, epoch)| {
                    let peer = self.hosts.get(peer).filter(|p| reach && p.up && p.peers.contains(&agent));
                    let kept = peer.and_then(|p| p.items.get(item));
                    kept.is_some_and(|k| k.role == Role::Target && k.epoch <= *epoch)
                })
                .map(|(item, ..)| item)
                .collect();
            let now = self.now;
            if let Some(host) = self.hosts.get_mut(&agent) {
                host.confirmed(now, &agreed);
            }
        }
    }

    fn keep(&mut self, agent: AgentId, op: crate::host::Running) {
        if let Some(host) = self.hosts.get_mut(&agent) {
            host.running.push(op);
        }
    }

    fn attempt(&mut self, agent: AgentId, running: &crate::host::Running) -> Option<Reply> {
        if let Some(op) = &running.op
            && let Some(known) = self.hosts.get(&agent)?.results.get(op)
        {
            return Some(known.clone());
        }
        if let Some(reply) = self.made_to_fail(running.op.as_ref()) {
            return Some(self.settle(agent, running.op.clone(), reply));
        }
        let ahead = self.hosts.get(&agent)?.ahead;
        let mut at = Instant { now: self.now, at: moment(self.now + ahead), seed: &mut self.seed };
        let mut done = self.hosts.get_mut(&agent)?.perform(&running.request, &mut at);
        if self.plan.calls_twice && matches!(done, Done::Ended(_)) {
            // The agent ended between the effect and the record of its result: it is performed again.
            done = self.hosts.get_mut(&agent)?.perform(&running.request, &mut at);
        }
        let reply = match done {
            Done::NotYet => {
                let host = self.hosts.get(&agent)?;
                let cancelled = running.op.as_ref().is_some_and(|op| host.cancelled.contains(op));
                cancelled.then(|| Err(fault("sim-cancelled", Recovery::NeedsPerson)))?
            }
            Done::Ended(response) => Ok(response),
            Done::Failed(fault) => Err(fault),
            Done::Ship(kind) => self.ship(agent, &running.request, kind),
        };
        Some(self.settle(agent, running.op.clone(), reply))
    }

    fn ship(&mut self, agent: AgentId, request: &Request, kind: PointKind) -> Reply {
        let Some(item) = crate::perform::item_of(request) else { return Ok(Response::Done) };
        let reach = self.peers_back <= self.now;
        let mut at = Instant { now: self.now, at: moment(self.now), seed: &mut self.seed };
        let shipped = replicate::ship(&mut self.hosts, agent, item, kind, &|_, _| reach, &mut at);
        let Some(point) = shipped else { return Err(fault("sim-link-down", Recovery::Retries)) };
        let epoch =
            self.hosts.get(&agent).and_then(|h| h.items.get(&item)).map(|k| k.epoch).unwrap_or_default();
        let instant = moment(self.now + self.hosts.get(&agent).map_or(0, |h| h.ahead));
        Ok(match kind {
            PointKind::Final => {
                let proof = EvidenceMint::grant().final_sync(item, epoch, point);
                Response::FinalSync { proof, instant, sent_bytes: 65_536 }
            }
            _ => Response::Point { point, instant, sent_bytes: 65_536 },
        })
    }

    /// Records a result for ever. Failures that pass are not recorded: the next try has another name anyway.
    fn settle(&mut self, agent: AgentId, op: Option<Op>, reply: Reply) -> Reply {
        if let Some(op) = op {
            self.say(format!(
                "{} {} {}",
                self.hosts.get(&agent).map(|h| h.name.clone()).unwrap_or_default(),
                op.step,
                match &reply {
                    Ok(_) => "done".to_owned(),
                    Err(f) => format!("failed: {}", f.code),
                }
            ));
            if let Some(host) = self.hosts.get_mut(&agent) {
                host.results.insert(op, reply.clone());
            }
        }
        reply
    }

    fn made_to_fail(&mut self, op: Option<&Op>) -> Option<Reply> {
        let op = op?;
        if self.plan.failing_steps.contains(&op.step) {
            return Some(Err(fault("sim-made-to-fail", Recovery::NeedsPerson)));
        }
        let (until, passes) = self.ops_fail?;
        if until < self.now || self.failed_ops.contains(op) {
            return None;
        }
        self.failed_ops.insert(op.clone());
        let recovery = if passes { Recovery::Retries } else { Recovery::NeedsPerson };
        Some(Err(fault("sim-made-to-fail", recovery)))
    }

    fn report(&mut self) {
        if self.now % 3 != 0 {
            return;
        }
        for agent in self.order.clone() {
            let now = self.now;
            if let Some(host) = self.hosts.get_mut(&agent).filter(|h| h.up && h.session) {
                let report = host.report(moment(now + host.ahead));
                self.post(Letter::Input(Box::new(Input::Fact {
                    agent,
                    fact: Fact::Report(Box::new(report)),
                })));
            }
        }
    }

    fn post(&mut self, letter: Letter) {
        let bound = u64::try_from(self.plan.delay_max + 1).unwrap_or(1);
        let at = self.now + 1 + i64::try_from(self.seed.below(bound)).unwrap_or(0);
        // A session keeps its order: nothing overtakes what was sent before on it.
        let at = self.letters.iter().map(|(at, ..)| *at).max().map_or(at, |last| last.max(at));
        self.sent += 1;
        self.letters.push_back((at, self.sent, letter));
    }

    fn input(&mut self, input: Input) {
        let mut waiting = VecDeque::from([input]);
        while let Some(input) = waiting.pop_front() {
            let Some(effects) = self.vault.apply(input, self.engine_time()) else {
                if self.vault.core.is_none() && self.engine_back.is_none() {
                    self.say("engine dies".to_owned());
                    self.engine_back = Some(self.now + 2);
                }
                return;
            };
            for effect in effects {
                match effect {
                    Effect::Call { agent, call, request } => self.post(Letter::Call(agent, call, request)),
                    Effect::Answer { receipt, outcome } => {
                        self.say(format!("answer {}", brief(&outcome)));
                        self.outcomes.insert(receipt, outcome);
                    }
                    Effect::MakeKey { receipt, key, .. } => {
                        let file_text = "secret".to_owned();
                        waiting.push_back(Input::KeyMade { receipt, key, file_text });
                    }
                    Effect::Disconnect { agent } => {
                        if let Some(host) = self.hosts.get_mut(&agent) {
                            host.session = false;
                        }
                    }
                    Effect::WakeAt(at) => {
                        self.vault.wake_at = Some(self.vault.wake_at.map_or(at, |w| w.min(at)));
                    }
                    Effect::EnrolmentDecided { .. } | Effect::RevokeCertificate { .. } => {}
                }
            }
        }
    }

    /// From now on, steps of these ids fail.
    pub fn fail_steps(&mut self, steps: &[&str]) {
        self.plan.failing_steps = steps.iter().map(|s| (*s).to_owned()).collect();
    }

    /// The answer to the next step of this id is lost together with its agent, which is away for so many seconds; what
    /// the step did stays done.
    pub fn lose_reply(&mut self, step: &str, secs: i64) {
        self.lost_reply = Some((step.to_owned(), secs));
    }

    /// Every call arrives twice from now on, and what it asks for is performed twice.
    pub const fn call_twice(&mut self) {
        self.plan.calls_twice = true;
    }

    /// Writes into the transcript.
    pub fn say(&mut self, what: String) {
        self.transcript.push(format!("{:>5} {what}", self.now));
    }

    /// The item's id by name.
    pub fn item_id(&mut self, name: &str) -> Option<ItemId> {
        self.item(name).map(|i| i.id)
    }
}

fn brief(outcome: &CommandOutcome) -> String {
    match outcome {
        CommandOutcome::Accepted(_) => "accepted".to_owned(),
        CommandOutcome::Refused(refusal) => format!("refused: {}", refusal.why.render()),
        CommandOutcome::Failed(fault) => format!("failed: {}", fault.code),
    }
}

const fn sender(input: &Input) -> Option<AgentId> {
    match input {
        Input::Fact { agent, .. } | Input::Reply { agent, .. } | Input::AgentLost { agent, .. } => {
            Some(*agent)
        }
        _ => None,
    }
}
