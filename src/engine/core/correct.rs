//! Keeps hosts and vault in agreement: what a host holds of an item is compared with what it should hold, and
//! corrected. Apart from jobs, which a person asks for: this happens by itself, whenever a host says something.
//!
//! - A host that ran an item under an older epoch returns: it is fenced at once, whatever else is under way.
//! - A host that was away when a failover was taken back returns: it gets the right to write back.
//! - Policy, epoch or the other side's address have changed: it is told again.
//! - An item was disabled while it was away: it is fenced, if it was left by a failover, and told to forget it.

use super::alarms::Alarm;
use super::runner::gives_way;
use super::state::{Corrected, Correction, Item, Pending};
use super::turn::{About, Turn};
use crate::records::Record;
use crate::workflows::{assignment, source_unknown};
use leeward_link::messages::{ItemFacts, Op, Reply, Request, Response, Role};
use leeward_model::{
    AgentId, Health, ItemId, JobId, Message, Protection, SourceFence, StepState, Verb, retry,
};

impl Turn<'_> {
    /// Corrects what the hosts of an item hold, where that is needed.
    pub(super) fn correct_item(&mut self, id: ItemId) {
        let Some(item) = self.item(id) else { return };
        for agent in [item.record.primary.agent, item.record.recovery.agent] {
            self.correct(id, agent);
        }
    }

    /// Corrects what one host holds of an item, if it is there and says something else than it should.
    pub(super) fn correct(&mut self, id: ItemId, agent: AgentId) {
        let Some(item) = self.item(id) else { return };
        let Some(held) = self.state.held(agent, id) else { return };
        let Some(what) = self.wanted(item, agent, &held.facts) else { return };
        self.begin_correction(id, agent, what);
    }

    fn wanted(&self, item: &Item, agent: AgentId, facts: &ItemFacts) -> Option<Corrected> {
        if !self.state.connected(agent) {
            return None;
        }
        let record = &item.record;
        let side = record.side_of(agent)?;
        let role = item.role_on(side);
        let unknown = source_unknown(&record.protection);
        if role == Role::Fenced && (facts.role != Role::Fenced || facts.epoch < record.epoch || unknown) {
            // What it said before it was fenced does not count; both instants are of its own clock.
            let fenced_at = match &record.protection {
                Protection::FailedOver { source: SourceFence::Fenced(proof), .. }
                | Protection::Committed { source: SourceFence::Fenced(proof) } => Some(proof.at()),
                _ => None,
            };
            let said_since = fenced_at.is_none_or(|at| facts.at > at && facts.role == Role::Source);
            return said_since.then_some(Corrected::Fence(record.epoch));
        }
        let left = side != record.active;
        if record.protection == Protection::Disabling && record.left_unfenced && left {
            return Some(Corrected::Fence(record.epoch));
        }
        // The other side is being started: without a word, this one would take its return for consent and start too.
        if side == record.active && facts.role == Role::Source && self.starts_elsewhere(item) {
            return Some(Corrected::Fence(record.epoch.next()));
        }
        if self.state_is_moving(item) {
            return None;
        }
        if side == record.active && record.unfence_owed.is_some() && record.protection.replicates() {
            return Some(Corrected::Unfence(record.epoch));
        }
        let told_other = facts.revision < record.revision || facts.epoch < record.epoch;
        let own_role = facts.role == role;
        let back = role == Role::FailedOver && facts.role == Role::Source;
        let settled = matches!(
            record.protection,
            Protection::InitialReplication
                | Protection::Protected
                | Protection::Reversing
                | Protection::ProtectedReversed
        );
        ((settled && own_role && told_other) || back).then_some(Corrected::Reassign(record.revision))
    }

    /// A host waits to hear whether it may still run an item. It hears nothing while a job moves the item, or when it
    /// holds another role than it should: then it waits on, or is told what it is now.
    pub(super) fn say_who_may_run(&mut self, agent: AgentId, id: ItemId) {
        let Some(item) = self.item(id) else { return };
        let Some(side) = item.record.side_of(agent) else { return };
        let role = item.role_on(side);
        let held = self.state.held(agent, id);
        let agrees = held.is_some_and(|h| h.facts.role == role && h.facts.epoch <= item.record.epoch);
        if agrees && matches!(role, Role::Source | Role::FailedOver) && !self.state_is_moving(item) {
            let request = Request::MayRun { item: id, epoch: item.record.epoch };
            self.call(Pending::Told { agent }, request);
        }
    }

    /// Whether an unplanned failover that could not fence its source has asked the other side to start the machine.
    fn starts_elsewhere(&self, item: &Item) -> bool {
        item.jobs.iter().filter_map(|j| self.state.jobs.get(j)).map(|j| &j.record).any(|job| {
            let begun = job.steps.iter().any(|s| {
                &*s.id == "start" && matches!(s.state, StepState::Running | StepState::Retrying { .. })
            });
            job.verb == Verb::Failover && job.gathered.fence.is_none() && begun
        })
    }

    /// Whether a job is changing what the hosts hold.
    fn state_is_moving(&self, item: &Item) -> bool {
        matches!(item.record.protection, Protection::FailingOver { .. } | Protection::Enabling)
            || item.jobs.iter().filter_map(|j| self.state.jobs.get(j)).any(|j| !gives_way(&j.record))
    }

    fn begin_correction(&mut self, id: ItemId, agent: AgentId, what: Corrected) {
        let now = self.now;
        let Some(item) = self.state.items.get(&id) else { return };
        let mut correction = match item.corrections.get(&agent) {
            Some(under) if under.what == what => {
                if under.call.is_some() || under.not_before > now {
                    return;
                }
                *under
            }
            _ => Correction { what, failures: 0, not_before: now, call: None },
        };
        let record = &item.record;
        let Some(side) = record.side_of(agent) else { return };
        let name = record.machine.name.clone();
        let op = |name: String| Op { job: JobId(id.0), step: name, attempt: correction.failures + 1 };
        let request = match what {
            Corrected::Fence(epoch) => Request::Fence { op: op(format!("fence-{epoch}")), item: id, epoch },
            Corrected::Unfence(epoch) => {
                let start = record.unfence_owed.is_some_and(|o| o.start);
                Request::Unfence { op: op(format!("unfence-{epoch}")), item: id, epoch, start }
            }
            Corrected::Reassign(revision) => {
                let role = item.role_on(side);
                let Some(assignment) = assignment(self.state, record, side, role) else { return };
                Request::Reassign { op: op(format!("reassign-{revision}-{role:?}")), assignment }
            }
        };
        if let Corrected::Fence(epoch) = what {
            let arguments = format!("host {}, epoch {epoch}", self.state.server_name(agent));
            self.audit_own("fence", &name, arguments);
        }
        correction.call = Some(self.call(Pending::Correction { agent, item: id }, request));
        if let Some(item) = self.state.items.get_mut(&id) {
            item.corrections.insert(agent, correction);
        }
    }

    /// A host has answered a correction.
    pub(super) fn corrected(&mut self, agent: AgentId, id: ItemId, call: super::CallId, reply: Reply) {
        let Some(item) = self.state.items.get_mut(&id) else { return };
        let Some(correction) = item.corrections.get(&agent).copied().filter(|c| c.call == Some(call)) else {
            return;
        };
        match reply {
            Err(_) => {
                let failures = correction.failures + 1;
                let not_before = self.now.plus_secs(retry::STEP.after(failures));
                let again = Correction { failures, not_before, call: None, ..correction };
                item.corrections.insert(agent, again);
                self.alarm(not_before, Alarm::Item(id));
            }
            Ok(response) => {
                item.corrections.remove(&agent);
                self.accept_correction(agent, id, correction.what, response);
            }
        }
    }

    fn accept_correction(&mut self, agent: AgentId, id: ItemId, what: Corrected, response: Response) {
        let Some(item) = self.item(id) else { return };
        let mut record = item.record.clone();
        match (what, response) {
            (Corrected::Fence(asked), Response::Fenced { proof, .. }) => {
                let epoch = record.epoch;
                if !proof.proves(id, asked) {
                    return;
                }
                let what = Message::new("event-superseded").with("host", self.state.server_name(agent));
                let about = About { subject: record.machine.name.clone(), item: Some(id), job: None };
                // What it said before is no longer so; its next fact says the rest.
                if let Some(held) = self.state.servers.get_mut(&agent).and_then(|s| s.items.get_mut(&id)) {
                    held.facts.role = Role::Fenced;
                    held.facts.epoch = asked;
                }
                match record.protection.clone().source_fenced(id, epoch, proof) {
                    Ok(protection) => {
                        record.protection = protection;
                        record.superseded = true;
                    }
                    Err(_) if record.protection == Protection::Disabling => record.left_unfenced = false,
                    // The failover is still under way: it asks again when the machine has moved.
                    Err(_) => return,
                }
                self.put_item(record);
                self.event(Health::Warning, what, about);
            }
            (Corrected::Unfence(epoch), _) => {
                if record.epoch == epoch {
                    record.unfence_owed = None;
                    self.put_item(record);
                }
            }
            (Corrected::Reassign(revision), _) => {
                if let Some(held) = self.state.servers.get_mut(&agent).and_then(|s| s.items.get_mut(&id)) {
                    held.facts.revision = held.facts.revision.max(revision);
                    held.facts.epoch = held.facts.epoch.max(record.epoch);
                }
            }
            _ => {}
        }
        self.correct(id, agent);
    }

    /// A correction's host went away before it answered.
    pub(super) fn correction_lost(&mut self, id: ItemId, agent: AgentId) {
        if let Some(item) = self.state.items.get_mut(&id) {
            item.corrections.remove(&agent);
        }
    }

    /// Tells a host to forget what was disabled while it was away, once it has said what it holds. One that was never
    /// fenced is fenced first.
    pub(super) fn tell_releases(&mut self, agent: AgentId) {
        let Some(server) = self.state.servers.get(&agent).filter(|s| s.connected && s.reported) else {
            return;
        };
        let owed = server.record.releases.clone();
        let held: Vec<ItemId> = server.items.keys().copied().collect();
        for release in owed {
            let (item, attempt) = (release.item, release.failures + 1);
            let asked = |p: &Pending| matches!(p, Pending::Release { agent: a, item: i } if *a == agent && *i == item);
            // Protected again since: then it is not to be forgotten.
            if self.state.items.contains_key(&item) || self.state.calls.values().any(asked) {
                continue;
            }
            let op = |step: &str| Op { job: JobId(item.0), step: step.to_owned(), attempt };
            let request = match release.fence {
                Some(epoch) if held.contains(&item) => {
                    Request::Fence { op: op("release-fence"), item, epoch }
                }
                _ => Request::Release { op: op("release"), item, delete_replica: release.delete_replica },
            };
            if let Request::Fence { epoch, .. } = &request {
                let arguments = format!("item {item}, which is no longer in the vault, epoch {epoch}");
                let host = self.state.server_name(agent).to_owned();
                self.audit_own("fence", &host, arguments);
            }
            self.call(Pending::Release { agent, item }, request);
        }
    }

    /// A host has been fenced for an item that is no longer in the vault, or has forgotten it, or has failed at that.
    pub(super) fn released(&mut self, agent: AgentId, id: ItemId, reply: Reply) {
        let Some(server) = self.state.servers.get_mut(&agent) else { return };
        let Some(at) = server.record.releases.iter().position(|r| r.item == id) else { return };
        let Some(owed) = server.record.releases.get_mut(at) else { return };
        let mut again = None;
        match reply {
            Ok(Response::Fenced { proof, .. })
                if proof.agent() == agent && owed.fence.is_some_and(|e| proof.proves(id, e)) =>
            {
                owed.fence = None;
                owed.failures = 0;
            }
            Ok(Response::Done) => {
                server.record.releases.remove(at);
                server.items.remove(&id);
            }
            Ok(_) | Err(_) => {
                owed.failures = owed.failures.saturating_add(1);
                again = Some(self.now.plus_secs(retry::STEP.after(owed.failures)));
            }
        }
        let record = server.record.clone();
        self.put(Record::Server(record));
        match again {
            Some(at) => self.alarm(at, Alarm::Releases(agent)),
            None => self.tell_releases(agent),
        }
    }
}
