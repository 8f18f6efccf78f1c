//! What hosts say unasked: they are believed, compared with what was known, and shown. Nothing of it is written
//! unless it changes something that must survive.

use super::alarms::Alarm;
use super::state::Held;
use super::turn::{About, Turn};
use crate::projector;
use crate::records::{HistoryRecord, Record};
use leeward_link::messages::{AgentReport, Fact, ItemFacts, MachineFacts, Role};
use leeward_model::health::{self, HOST_AWAY};
use leeward_model::{AgentId, Health, ItemId, Message, Protection};
use std::sync::Arc;

/// A heartbeat is shown when the one that is shown is older than this.
const HEARTBEAT_SHOWN_SECS: i64 = 10;
/// The charts of an item are written this often.
pub(super) const HISTORY_SECS: i64 = 1_800;

/// Symptoms that are told elsewhere, or are a stage of the item's life and no news.
const NO_NEWS: &[&str] = &[
    HOST_AWAY,
    "health-initial-replication",
    "health-reversing",
    "health-commit-pending",
    "health-not-reversed",
];

impl Turn<'_> {
    pub(super) fn fact(&mut self, agent: AgentId, fact: Fact) {
        let now = self.now;
        let Some(server) = self.state.servers.get_mut(&agent).filter(|s| s.connected) else { return };
        if server.heard_shown.is_none_or(|at| now.secs_since(at).abs() >= HEARTBEAT_SHOWN_SECS) {
            server.heard_shown = Some(now);
            self.state.changed.servers = true;
        }
        server.last_heard = Some(now);
        match fact {
            Fact::Report(report) => self.report(agent, *report),
            Fact::Item(facts) => {
                self.item_facts(agent, *facts);
            }
            Fact::Machine(facts) => self.machine_facts(agent, *facts),
            Fact::Event { at, item, subject, what, fault } => {
                let severity = if fault.is_some() { Health::Warning } else { Health::Healthy };
                // A host's clock may be wrong; its news is not placed in the future.
                let at = at.min(now);
                self.event_at(at, severity, what, About { subject, item, job: None });
            }
        }
    }

    /// Everything a host knows.
    pub(super) fn report(&mut self, agent: AgentId, report: AgentReport) {
        let Some(server) = self.state.servers.get_mut(&agent) else { return };
        let first = !server.reported;
        server.reported = true;
        let figures = (&server.hypervisor, server.free_bytes >> 26, server.total_bytes);
        if figures != (&report.hypervisor, report.free_bytes >> 26, report.total_bytes) {
            self.state.changed.servers = true;
        }
        server.hypervisor = report.hypervisor;
        server.free_bytes = report.free_bytes;
        server.total_bytes = report.total_bytes;
        let expires = report.certificate_expires;
        if server.record.certificate_expires != expires {
            server.record.certificate_expires = expires;
            let record = server.record.clone();
            self.put(Record::Server(record));
            self.state.changed.servers = true;
        }
        self.machines(agent, report.machines);
        let said: std::collections::BTreeSet<ItemId> = report.items.iter().map(|i| i.item).collect();
        if let Some(server) = self.state.servers.get_mut(&agent) {
            let gone: Vec<ItemId> = server.items.keys().filter(|i| !said.contains(i)).copied().collect();
            for item in gone {
                server.items.remove(&item);
                self.state.changed.items.insert(item);
            }
        }
        for facts in report.items {
            self.item_facts(agent, facts);
        }
        for item in report.waiting {
            self.say_who_may_run(agent, item);
        }
        if first {
            self.tell_releases(agent);
            self.state.changed.servers = true;
            self.touch_agent(agent);
        }
    }

    fn machines(&mut self, agent: AgentId, machines: Vec<MachineFacts>) {
        let Some(server) = self.state.servers.get(&agent) else { return };
        let same = server.machines.len() == machines.len()
            && machines.iter().all(|m| server.machines.get(&m.definition.id) == Some(m));
        if same {
            return;
        }
        let said: std::collections::BTreeSet<_> = machines.iter().map(|m| m.definition.id).collect();
        if let Some(server) = self.state.servers.get_mut(&agent) {
            server.machines.retain(|id, _| said.contains(id));
        }
        for machine in machines {
            self.machine_facts(agent, machine);
        }
        self.state.changed.machines_of.insert(agent);
        self.state.changed.servers = true;
    }

    fn machine_facts(&mut self, agent: AgentId, facts: MachineFacts) {
        let id = facts.definition.id;
        let Some(server) = self.state.servers.get_mut(&agent) else { return };
        if server.machines.get(&id) == Some(&facts) {
            return;
        }
        server.machines.insert(id, facts);
        self.state.changed.machines_of.insert(agent);
        self.state.changed.servers = true;
        if let Some(item) = self.state.protected.get(&id).copied() {
            self.redefine(agent, item);
            self.touch_item(item);
        }
    }

    /// A protected machine's definition follows what the host it runs on says, as long as its disks are the same.
    fn redefine(&mut self, agent: AgentId, id: ItemId) {
        let Some(item) = self.item(id) else { return };
        let record = &item.record;
        let known = self.state.servers.get(&agent).and_then(|s| s.machines.get(&record.machine.id));
        let Some(said) = known.map(|m| &m.definition) else { return };
        let settled = item.jobs.is_empty()
            && record.place(record.active).agent == agent
            && !matches!(record.protection, Protection::Enabling | Protection::FailingOver { .. });
        let same_disks = said.disks.iter().map(|d| d.id).eq(record.machine.disks.iter().map(|d| d.id));
        if !settled || !same_disks || *said == record.machine {
            return;
        }
        let mut record = record.clone();
        record.machine = said.clone();
        record.revision += 1;
        self.put_item(record);
        self.correct_item(id);
    }

    /// What a host says of an item.
    fn item_facts(&mut self, agent: AgentId, mut facts: ItemFacts) {
        let (now, id) = (self.now, facts.item);
        let cycles = std::mem::take(&mut facts.cycles);
        let Some(server) = self.state.servers.get_mut(&agent) else { return };
        let points = std::mem::take(&mut facts.points);
        let before = server.items.get_mut(&id);
        let same = before.as_ref().is_some_and(|b| same(&b.facts, &facts) && *b.points == points);
        match before {
            Some(held) if same => {
                held.facts = facts;
                held.received = now;
            }
            Some(held) => {
                if *held.points != points {
                    held.points = Arc::new(points);
                }
                held.facts = facts;
                held.received = now;
            }
            None => {
                server.items.insert(id, Held { facts, received: now, points: Arc::new(points) });
            }
        }
        let Some(item) = self.state.items.get_mut(&id) else { return };
        let policy = self.state.policies.get(&item.record.policy);
        let frequency = policy.map_or(30, |p| p.copy_frequency.secs());
        let cycled = !cycles.is_empty() && item.cycles.take(&cycles, frequency);
        // A host that returns may say what it said before; the item may have moved on meanwhile.
        self.correct(id, agent);
        if same && !cycled {
            return;
        }
        self.state.changed.items.insert(id);
        self.tell_health(id);
    }

    /// Tells a change of health in an event, for the worse and for the better.
    pub(super) fn tell_health(&mut self, id: ItemId) {
        let Some(item) = self.item(id) else { return };
        let issues = projector::item::issues(self.state, item, self.now);
        let news: Vec<_> =
            issues.iter().filter(|i| !NO_NEWS.contains(&i.fault.code.as_str())).cloned().collect();
        let health = health::health(&item.record.protection, &news);
        let before = item.told_health;
        if health == before {
            return;
        }
        let about = About { subject: item.record.machine.name.clone(), item: Some(id), job: None };
        if let Some(item) = self.state.items.get_mut(&id) {
            item.told_health = health;
        }
        self.state.changed.overview = true;
        let worse = matches!(health, Health::Warning | Health::Critical);
        let was_bad = matches!(before, Health::Warning | Health::Critical);
        match news.first() {
            Some(issue) if worse => self.event(health, issue.fault.what.clone(), about),
            _ if was_bad && health == Health::Healthy => {
                self.event(Health::Healthy, Message::new("event-health-good"), about);
            }
            _ => {}
        }
    }

    /// Writes the charts of items now and then, each at its own time.
    pub(super) fn save_histories(&mut self) {
        let due = match self.state.history_saved {
            Some(at) if self.now.secs_since(at) < 60 => return,
            Some(_) => true,
            None => false,
        };
        self.state.history_saved = Some(self.now);
        if !due {
            return;
        }
        let turn = self.now.0.div_euclid(60_000).rem_euclid(HISTORY_SECS / 60);
        let mut records = Vec::new();
        for (id, item) in &mut self.state.items {
            let own = i64::from(id.0.as_bytes()[15]).rem_euclid(HISTORY_SECS / 60);
            if own == turn
                && let Some(cycles) = item.cycles.take_unsaved()
            {
                records.push(Record::History(HistoryRecord { item: *id, cycles }));
            }
        }
        for record in records {
            self.put(record);
        }
    }

    /// Notes the median RPO, for the overview's chart.
    pub(super) fn note_rpo(&mut self) {
        let last = self.state.rpo_median.back().map(|(at, _)| *at);
        if last.is_some_and(|at| self.now.secs_since(at) < 60) {
            return;
        }
        let mut lags: Vec<u64> =
            self.state.items.values().filter_map(|i| self.state.lag_secs(&i.record, self.now)).collect();
        if lags.is_empty() {
            return;
        }
        let middle = lags.len() / 2;
        let (_, median, _) = lags.select_nth_unstable(middle);
        #[expect(clippy::cast_precision_loss, reason = "seconds in a chart")]
        let median = *median as f32;
        self.state.rpo_median.push_back((self.now, median));
        if self.state.rpo_median.len() > 360 {
            self.state.rpo_median.pop_front();
        }
        self.state.changed.overview = true;
    }

    /// An item's alarm: a correction may be tried again.
    pub(super) fn item_alarm(&mut self, id: ItemId) {
        self.correct_item(id);
    }

    pub(super) fn ring(&mut self) {
        while let Some(alarm) = self.state.alarms.due(self.now) {
            match alarm {
                Alarm::Job(id) => self.job_alarm(id),
                Alarm::Item(id) => self.item_alarm(id),
                Alarm::Releases(agent) => self.tell_releases(agent),
                Alarm::Pictures => self.pictures_overdue(),
            }
        }
    }
}

/// Whether two facts show the same; the instant they were said at does not count, nor what moves all the time.
fn same(a: &ItemFacts, b: &ItemFacts) -> bool {
    a.role == b.role
        && a.epoch == b.epoch
        && a.revision == b.revision
        && a.power == b.power
        && a.superseded == b.superseded
        && a.activity == b.activity
        && a.fault == b.fault
        && a.synced_to == b.synced_to
        && a.sequence == b.sequence
        && a.disks == b.disks
        && a.tests == b.tests
        && a.guest_write_p99_ms == b.guest_write_p99_ms
        && (a.role != Role::Source || a.fault_since == b.fault_since)
}
