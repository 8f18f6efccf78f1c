//! Machines and replicated items: what is asked is checked against what is there, then becomes a job. Apart from
//! `availability`, which knows states but not arguments.

use super::{State, Turn, allowed, refuse};
use crate::core::jobs::Begin;
use crate::core::state::Item;
use crate::records::{ItemRecord, JobArgs};
use crate::workflows::chosen_point;
use leeward_link::messages::PowerAction;
use leeward_model::availability::Stand;
use leeward_model::{
    Accepted, AgentId, Command, Epoch, ItemId, JobId, MachineOn, Message, Moment, NetworkChoice, Place,
    PointChoice, PolicyId, Protection, ReceiptId, Refusal, Side, Start, TestId, Verb,
};

/// The longest a start may be put off: 7 days.
const START_SECS_MAX: i64 = 7 * 24 * 3_600;
/// The most machines one command protects.
const MACHINES_MAX: usize = 10_000;

/// What is asked of enabling.
#[derive(Clone, Debug)]
pub(super) struct Enabling {
    pub(super) machines: Vec<MachineOn>,
    pub(super) target: AgentId,
    pub(super) policy: PolicyId,
    pub(super) start: Start,
}

pub(super) fn check_start(start: Start, now: Moment) -> Result<(), Refusal> {
    match start {
        Start::At(at) if at.secs_since(now) > START_SECS_MAX => {
            Err(refuse(Message::new("refusal-start-too-late").with("days", START_SECS_MAX / 86_400)))
        }
        Start::Now | Start::At(_) => Ok(()),
    }
}

/// The name of a machine on this very host; none when the host does not have it.
pub(crate) fn machine_name(state: &State, on: MachineOn) -> Option<&str> {
    let found = state.servers.get(&on.agent)?.machines.get(&on.machine)?;
    Some(&found.definition.name)
}

pub(super) fn check_power(state: &State, verb: Verb, on: MachineOn) -> Result<(), Refusal> {
    let no_such = || refuse(Message::new("refusal-no-such-machine"));
    let stand = state.machine_stand(on.agent, on.machine).ok_or_else(no_such)?;
    allowed(verb, &Stand::Machine(&stand))
}

pub(super) fn check_enable(
    state: &State,
    machines: &[MachineOn],
    target: AgentId,
    policy: PolicyId,
) -> Result<(), Refusal> {
    if machines.is_empty() || machines.len() > MACHINES_MAX {
        return Err(refuse(Message::new("refusal-no-machines").with("max", MACHINES_MAX)));
    }
    if !state.policies.contains_key(&policy) {
        return Err(refuse(Message::new("refusal-no-such-policy")));
    }
    let Some(server) = state.servers.get(&target) else {
        return Err(refuse(Message::new("refusal-no-such-server")));
    };
    if !server.connected {
        return Err(refuse(Message::new("refusal-host-away").with("host", &server.record.name)));
    }
    let mut seen = std::collections::BTreeSet::new();
    for on in machines {
        let no_such = || refuse(Message::new("refusal-no-such-machine"));
        let stand = state.machine_stand(on.agent, on.machine).ok_or_else(no_such)?;
        let name = stand.name;
        allowed(Verb::EnableReplication, &Stand::Machine(&stand))?;
        if on.agent == target {
            return Err(refuse(
                Message::new("refusal-same-host").with("machine", name).with("host", &server.record.name),
            ));
        }
        // The same machine from two hosts is still one machine: it has one item.
        if !seen.insert(on.machine) {
            return Err(refuse(Message::new("refusal-machine-twice").with("machine", name)));
        }
    }
    Ok(())
}

pub(super) fn check_associate(state: &State, items: &[ItemId], policy: PolicyId) -> Result<(), Refusal> {
    if !state.policies.contains_key(&policy) {
        return Err(refuse(Message::new("refusal-no-such-policy")));
    }
    if items.is_empty() {
        return Err(refuse(Message::new("refusal-no-such-item")));
    }
    items.iter().try_for_each(|id| state.refused_item(Verb::AssociatePolicy, *id).map(|_| ()))
}

/// Checks a command on one item: its state, then its arguments.
pub(super) fn check_item(state: &State, command: &Command, now: Moment) -> Result<(), Refusal> {
    let Some(id) = item_of(command) else { return Err(refuse(Message::new("refusal-wrong-kind"))) };
    let item = state.refused_item(command.verb(), id)?;
    match command {
        Command::TestFailover { point, network, .. } => {
            if *network == NetworkChoice::Production {
                return Err(refuse(Message::new("refusal-test-production")));
            }
            check_point(state, item, *point)
        }
        Command::Failover { point, .. } => check_point(state, item, *point),
        Command::VerifyPoint { point, .. } => check_point(state, item, PointChoice::Exact(*point)),
        Command::ChangeRecoveryPoint { point, .. } => {
            if matches!(&item.record.protection, Protection::FailedOver { point: now, .. } if now == point) {
                return Err(refuse(
                    Message::new("refusal-same-point").with("item", &item.record.machine.name),
                ));
            }
            check_point(state, item, PointChoice::Exact(*point))
        }
        Command::CleanUpTestFailover { test, .. } => check_test(item, Some(*test)),
        Command::ConsolePicture { test, .. } => check_test(item, *test),
        Command::Resynchronize { disks, start, .. } => {
            let known = |d: &leeward_model::DiskId| item.record.machine.disks.iter().any(|k| k.id == *d);
            if !disks.iter().all(known) {
                return Err(refuse(
                    Message::new("refusal-no-such-disk").with("item", &item.record.machine.name),
                ));
            }
            check_start(*start, now)
        }
        _ => Ok(()),
    }
}

fn check_point(state: &State, item: &Item, choice: PointChoice) -> Result<(), Refusal> {
    if chosen_point(&state.points(item), choice).is_some() {
        return Ok(());
    }
    let key = match choice {
        PointChoice::LatestAppConsistent => "refusal-no-app-point",
        PointChoice::Latest => "refusal-no-point",
        PointChoice::Exact(_) => "refusal-point-gone",
    };
    Err(refuse(Message::new(key).with("item", &item.record.machine.name)))
}

fn check_test(item: &Item, test: Option<TestId>) -> Result<(), Refusal> {
    match test {
        Some(test) if item.record.tests.iter().all(|t| t.id != test) => {
            Err(refuse(Message::new("refusal-no-such-test").with("item", &item.record.machine.name)))
        }
        _ => Ok(()),
    }
}

/// The item a command is about.
pub(crate) const fn item_of(command: &Command) -> Option<ItemId> {
    match command {
        Command::DisableReplication { item, .. }
        | Command::PauseReplication { item }
        | Command::ResumeReplication { item }
        | Command::SyncNow { item }
        | Command::Resynchronize { item, .. }
        | Command::VerifyPoint { item, .. }
        | Command::TestFailover { item, .. }
        | Command::CleanUpTestFailover { item, .. }
        | Command::PlannedFailover { item }
        | Command::Failover { item, .. }
        | Command::ChangeRecoveryPoint { item, .. }
        | Command::Commit { item }
        | Command::ReverseReplicate { item }
        | Command::DiscardSource { item }
        | Command::ConsolePicture { item, .. } => Some(*item),
        _ => None,
    }
}

/// What a command asks of a workflow; none for commands that are done at once.
pub(crate) fn job_args(state: &State, command: &Command, test: TestId) -> Option<JobArgs> {
    let item = item_of(command).and_then(|id| state.items.get(&id));
    Some(match command {
        Command::DisableReplication { delete_replica, .. } => {
            // After a failover the other side holds the old source's disks, and this one runs on the points.
            let replica = item.is_some_and(|i| {
                matches!(
                    i.record.protection,
                    Protection::Enabling
                        | Protection::InitialReplication
                        | Protection::Protected
                        | Protection::ProtectedReversed
                )
            });
            let fence = item.is_some_and(|i| {
                i.record.left_unfenced || crate::workflows::source_unknown(&i.record.protection)
            });
            JobArgs::Disable { delete_replica: *delete_replica && replica, fence }
        }
        Command::PauseReplication { .. } => JobArgs::SetPaused { paused: true },
        Command::ResumeReplication { .. } => JobArgs::SetPaused { paused: false },
        Command::SyncNow { .. } => JobArgs::SyncNow,
        Command::Resynchronize { disks, start, .. } => {
            JobArgs::Resynchronize { disks: disks.clone(), not_before: not_before(*start) }
        }
        Command::VerifyPoint { point, .. } => JobArgs::VerifyPoint { point: *point },
        Command::TestFailover { point, network, .. } => {
            JobArgs::TestFailover { test, point: *point, network: network.clone() }
        }
        Command::CleanUpTestFailover { test, notes, .. } => {
            JobArgs::CleanUpTest { test: *test, notes: notes.chars().take(2_000).collect() }
        }
        Command::PlannedFailover { .. } => JobArgs::PlannedFailover,
        Command::Failover { point, shut_down_source, .. } => {
            JobArgs::Failover { point: *point, shut_down_source: *shut_down_source }
        }
        Command::ChangeRecoveryPoint { point, .. } => {
            let Protection::FailedOver { point: from_point, .. } = item?.record.protection else {
                return None;
            };
            JobArgs::ChangePoint { point: *point, from_point }
        }
        Command::Commit { .. } => JobArgs::Commit,
        Command::ReverseReplicate { .. } => JobArgs::Reverse,
        Command::DiscardSource { .. } => JobArgs::DiscardSource,
        Command::EnableReplication { start, .. } => JobArgs::Enable { not_before: not_before(*start) },
        Command::StartMachine { machine } => power(*machine, PowerAction::Start),
        Command::ShutDownMachine { machine } => power(*machine, PowerAction::ShutDown),
        Command::PowerOffMachine { machine } => power(*machine, PowerAction::PowerOff),
        _ => return None,
    })
}

const fn power(on: MachineOn, action: PowerAction) -> JobArgs {
    JobArgs::Power { machine: on.machine, agent: on.agent, action }
}

const fn not_before(start: Start) -> Option<Moment> {
    match start {
        Start::Now => None,
        Start::At(at) => Some(at),
    }
}

impl Turn<'_> {
    /// Begins the job of a command on one item or machine.
    pub(super) fn begin_for(&mut self, receipt: ReceiptId, by: &str, command: &Command) -> Option<JobId> {
        let test = TestId(self.ids.new_id());
        let args = job_args(self.state, command, test)?;
        let machine = match &args {
            JobArgs::Power { machine, agent, .. } => Some(MachineOn { agent: *agent, machine: *machine }),
            _ => None,
        };
        let id = item_of(command)
            .or_else(|| machine.and_then(|on| self.state.protected.get(&on.machine).copied()));
        let item = id.and_then(|id| self.state.items.get(&id));
        let subject = match (item, machine) {
            (Some(item), _) => item.record.machine.name.clone(),
            (None, Some(on)) => machine_name(self.state, on)?.to_owned(),
            (None, None) => return None,
        };
        let from = item.map_or(Side::Primary, |i| i.record.active);
        let by = by.to_owned();
        Some(self.begin_job(Begin { verb: command.verb(), args, item: id, from, subject, by, receipt }))
    }

    pub(super) fn enable(&mut self, receipt: ReceiptId, by: &str, asked: Enabling) -> Accepted {
        let mut made = Vec::new();
        for MachineOn { agent, machine } in asked.machines.iter().copied() {
            let places = self.place(agent).zip(self.place(asked.target));
            let facts = self.state.servers.get(&agent).and_then(|s| s.machines.get(&machine));
            let (Some((primary, recovery)), Some(facts)) = (places, facts) else { continue };
            let record = ItemRecord {
                id: ItemId(self.ids.new_id()),
                machine: facts.definition.clone(),
                primary,
                recovery,
                active: Side::Primary,
                epoch: Epoch::FIRST,
                protection: Protection::Enabling,
                protection_since: self.now,
                policy: asked.policy,
                paused: false,
                revision: 1,
                tests: Vec::new(),
                superseded: false,
                reversing: false,
                left_unfenced: false,
                unfence_owed: None,
                created: self.now,
                last_test_ok: None,
                last_failover_ok: None,
            };
            made.push((record.id, record.machine.name.clone()));
            self.put_item(record);
        }
        // Both hosts must know each other before the first byte travels; told once for all machines.
        self.tell_peers();
        let begun = made.into_iter().map(|(id, subject)| {
            let args = JobArgs::Enable { not_before: not_before(asked.start) };
            let (verb, from, by) = (Verb::EnableReplication, Side::Primary, by.to_owned());
            self.begin_job(Begin { verb, args, item: Some(id), from, subject, by, receipt })
        });
        Accepted::Jobs(begun.collect())
    }

    fn place(&self, agent: AgentId) -> Option<Place> {
        self.state.servers.get(&agent).map(|s| Place { site: s.record.site, agent })
    }

    pub(super) fn associate(&mut self, items: &[ItemId], policy: PolicyId) -> Accepted {
        for item in items {
            if self.item(*item).is_some_and(|i| i.record.policy != policy) {
                self.told_again(*item, |record| record.policy = policy);
            }
        }
        self.state.changed.policies = true;
        Accepted::Done
    }

    pub(super) fn console_picture(&mut self, receipt: ReceiptId, item: ItemId, test: Option<TestId>) {
        let Some(found) = self.item(item) else { return };
        let record = &found.record;
        let side = if test.is_some() { record.active.other() } else { record.active };
        let agent = record.place(side).agent;
        if self.state.connected(agent) {
            self.ask_picture(receipt, agent, item, test);
        } else {
            self.picture_failed(receipt, agent);
        }
    }
}
