//! One decision under way: the state, the instant, and what has been decided so far. Everything that changes the
//! state goes through here, so that what is durable, what is done and what is shown cannot drift apart.

use super::alarms::Alarm;
use super::state::{Item, Pending, State};
use super::{CallId, Effect, IdSource, Outcome};
use crate::records::{
    AuditEntry, AuditPhase, Change, ItemRecord, JournalEntry, JournalEvent, Record, RecordKey,
};
use leeward_link::messages::Request;
use leeward_model::{
    AgentId, CommandOutcome, EventId, EventView, Health, ItemId, JobId, Message, Moment, ReceiptId, Verb,
};

/// Events kept in memory for the window; the store keeps more.
pub(crate) const EVENTS_SHOWN: usize = 500;

/// The decision.
pub(crate) struct Turn<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) now: Moment,
    pub(crate) ids: &'a mut dyn IdSource,
    pub(crate) out: Outcome,
}

/// What an event is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    pub(crate) subject: String,
    pub(crate) item: Option<ItemId>,
    pub(crate) job: Option<JobId>,
}

impl Turn<'_> {
    pub(crate) fn put(&mut self, record: Record) {
        self.out.changes.push(Change::Put(record));
    }

    pub(crate) fn delete(&mut self, key: RecordKey) {
        self.out.changes.push(Change::Delete(key));
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }

    pub(crate) fn answer(&mut self, receipt: ReceiptId, outcome: CommandOutcome) {
        self.effect(Effect::Answer { receipt, outcome });
    }

    pub(crate) fn journal(&mut self, job: JobId, event: JournalEvent) {
        let entry = JournalEntry { job, at: self.now, event };
        if let Some(running) = self.state.jobs.get_mut(&job) {
            super::fold::fold(&mut running.record, &entry);
        }
        self.state.changed.jobs.insert(job);
        self.out.changes.push(Change::Journal(entry));
    }

    pub(crate) fn audit(
        &mut self,
        by: &str,
        verb: Verb,
        target: &str,
        receipt: Option<ReceiptId>,
        job: Option<JobId>,
        phase: AuditPhase,
    ) {
        self.out.changes.push(Change::Audit(AuditEntry {
            at: self.now,
            by: by.to_owned(),
            verb: verb.decl().id.to_owned(),
            target: target.to_owned(),
            receipt,
            job,
            phase,
        }));
    }

    /// The engine does something by itself that takes a right away: whoever looks later sees that it was not a person.
    pub(crate) fn audit_own(&mut self, what: &str, target: &str, arguments: String) {
        self.out.changes.push(Change::Audit(AuditEntry {
            at: self.now,
            by: "engine".to_owned(),
            verb: what.to_owned(),
            target: target.to_owned(),
            receipt: None,
            job: None,
            phase: AuditPhase::Begun { arguments },
        }));
    }

    /// Tells a person something, for ever.
    pub(crate) fn event(&mut self, severity: Health, what: Message, about: About) {
        self.event_at(self.now, severity, what, about);
    }

    pub(crate) fn event_at(&mut self, at: Moment, severity: Health, what: Message, about: About) {
        let About { subject, item, job } = about;
        let event = EventView { id: EventId(self.ids.new_id()), at, severity, what, subject, item, job };
        self.state.events.push_front(event.clone());
        self.state.events.truncate(EVENTS_SHOWN);
        self.state.changed.events = true;
        self.out.changes.push(Change::Event(event));
    }

    /// Calls an agent that is connected.
    pub(crate) fn call(&mut self, pending: Pending, request: Request) -> CallId {
        // The low half of a fresh id is random; the zero id of an exhausted source is as good as any other.
        #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
        let call = CallId(self.ids.new_id().as_u128() as u64);
        let agent = pending.agent();
        self.state.calls.insert(call, pending);
        self.effect(Effect::Call { agent, call, request });
        call
    }

    pub(crate) fn alarm(&mut self, at: Moment, alarm: Alarm) {
        self.state.alarms.set(at, alarm);
    }

    pub(crate) fn item(&self, id: ItemId) -> Option<&Item> {
        self.state.items.get(&id)
    }

    /// Writes an item as it now is.
    pub(crate) fn put_item(&mut self, record: ItemRecord) {
        let id = record.id;
        let machine = record.machine.id;
        for agent in [record.primary.agent, record.recovery.agent] {
            self.state.items_of.entry(agent).or_default().insert(id);
            self.state.changed.machines_of.insert(agent);
        }
        self.state.protected.insert(machine, id);
        self.put(Record::Item(Box::new(record.clone())));
        match self.state.items.get_mut(&id) {
            Some(item) => item.record = record,
            None => {
                self.state.items.insert(id, Item::new(record));
                self.state.changed.policies = true;
            }
        }
        self.touch_item(id);
        self.state.changed.servers = true;
    }

    /// Takes an item out of the vault.
    pub(crate) fn drop_item(&mut self, id: ItemId) {
        let Some(item) = self.state.items.remove(&id) else { return };
        self.state.protected.remove(&item.record.machine.id);
        self.state.restartable.remove(&id);
        for agent in [item.record.primary.agent, item.record.recovery.agent] {
            if let Some(items) = self.state.items_of.get_mut(&agent) {
                items.remove(&id);
            }
            self.state.changed.machines_of.insert(agent);
        }
        self.delete(RecordKey::Item(id));
        self.delete(RecordKey::History(id));
        self.touch_item(id);
        self.state.changed.policies = true;
        self.state.changed.servers = true;
        self.tell_peers();
        for agent in [item.record.primary.agent, item.record.recovery.agent] {
            self.tell_releases(agent);
        }
    }

    /// The item looks different now.
    pub(crate) fn touch_item(&mut self, id: ItemId) {
        self.state.changed.items.insert(id);
        self.state.changed.overview = true;
    }

    /// Everything that shows a host looks different now.
    pub(crate) fn touch_agent(&mut self, agent: AgentId) {
        let items = self.state.items_of.get(&agent).cloned().unwrap_or_default();
        self.state.changed.items.extend(items);
        self.state.changed.machines_of.insert(agent);
        self.state.changed.servers = true;
        self.state.changed.overview = true;
    }
}
