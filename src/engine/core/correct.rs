//! Keeps hosts and vault in agreement: what a host holds of an item is compared with what it should hold, and
//! corrected. Apart from jobs, which a person asks for: this happens by itself, whenever a host says something.
//!
//! - A host that ran an item under an older epoch returns: it is fenced at once, whatever else is under way.
//! - A host that was away when a failover was taken back returns: it gets the right to write back.
//! - Policy, epoch or the other side's address have changed: it is told again.
//! - An item was disabled while it was away: it is told to forget it.

use super::alarms::Alarm;
use super::runner::gives_way;
use super::state::{Corrected, Correction, Item, Pending};
use super::turn::{About, Turn};
use crate::records::Record;
use crate::workflows::assignment;
use leeward_link::messages::{ItemFacts, Op, Reply, Request, Response, Role};
use leeward_model::{AgentId, Health, ItemId, JobId, Message, Protection, SourceFence, retry};

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
        if role == Role::Fenced && (facts.role != Role::Fenced || facts.epoch < record.epoch) {
            // What it said before it was fenced does not count; both instants are of its own clock.
            let fenced_at = match &record.protection {
                Protection::FailedOver { source: SourceFence::Fenced(proof), .. }
                | Protection::Committed { source: SourceFence::Fenced(proof) } => Some(proof.at()),
                _ => None,
            };
            let said_since = fenced_at.is_none_or(|at| facts.at > at && facts.role == Role::Source);
            return said_since.then_some(Corrected::Fence(record.epoch));
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
            Protection::InitialReplication | Protection::Protected | Protection::ProtectedReversed
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
        correction.call = Some(self.call(Pending::Correction { agent, item: id }, request));
        if let Some(item) = self.state.items.get_mut(&id) {
            item.corrections.insert(agent, correction);
        }
    }

    /// A host has answered a correction.
    pub(super) fn corrected(&mut self, agent: AgentId, id: ItemId, call: super::CallId, reply: Reply) {
        if self.released(agent, id, &reply) {
            return;
        }
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
            (Corrected::Fence(_), Response::Fenced { proof }) => {
                let epoch = record.epoch;
                let Ok(protection) = record.protection.clone().source_fenced(id, epoch, proof) else {
                    return;
                };
                record.protection = protection;
                record.superseded = true;
                let what = Message::new("event-superseded").with("host", self.state.server_name(agent));
                let about = About { subject: record.machine.name.clone(), item: Some(id), job: None };
                // What it said before is no longer so; its next fact says the rest.
                if let Some(held) = self.state.servers.get_mut(&agent).and_then(|s| s.items.get_mut(&id)) {
                    held.facts.role = Role::Fenced;
                    held.facts.epoch = epoch;
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

    /// Tells a host to forget what was disabled while it was away.
    pub(super) fn tell_releases(&mut self, agent: AgentId) {
        let owed = self.state.servers.get(&agent).map(|s| s.record.releases.clone()).unwrap_or_default();
        for release in owed {
            // Protected again since: then it is not to be forgotten.
            if self.state.items.contains_key(&release.item) {
                continue;
            }
            let op = Op { job: JobId(release.item.0), step: "release".to_owned(), attempt: 1 };
            let request = Request::Release { op, item: release.item, delete_replica: release.delete_replica };
            self.call(Pending::Correction { agent, item: release.item }, request);
        }
    }

    /// A host has forgotten an item that is no longer in the vault. Whether that is what the answer was about.
    fn released(&mut self, agent: AgentId, id: ItemId, reply: &Reply) -> bool {
        if self.state.items.contains_key(&id) {
            return false;
        }
        let Some(server) = self.state.servers.get_mut(&agent) else { return true };
        let before = server.record.releases.len();
        if reply.is_ok() {
            server.record.releases.retain(|r| r.item != id);
            server.items.remove(&id);
        }
        if server.record.releases.len() != before {
            let record = server.record.clone();
            self.put(Record::Server(record));
        }
        true
    }
}
