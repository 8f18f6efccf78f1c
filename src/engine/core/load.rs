//! The state as it was written: records, with the journal folded over the jobs that are not over. Apart from
//! `state`, which does not care where it came from.

use super::alarms::Alarms;
use super::changed::Changed;
use super::cycles::Cycles;
use super::fold::fold;
use super::job_list::JobList;
use super::jobs::learn;
use super::state::{Item, Job, Server, State};
use super::turn::EVENTS_SHOWN;
use crate::projector;
use crate::records::{JobRecord, JournalEntry, Record, VaultRecord};
use leeward_model::{EventView, ItemId, JobId, JobState, Moment, VaultId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use uuid::Uuid;

/// The state.
pub(crate) fn state(records: Vec<Record>, journal: Vec<JournalEntry>, events: Vec<EventView>) -> State {
    let mut state = empty();
    let mut jobs: BTreeMap<JobId, JobRecord> = BTreeMap::new();
    let mut histories = Vec::new();
    let mut words = BTreeSet::new();
    for record in records {
        match record {
            Record::Vault(vault) => state.vault = vault,
            Record::Site(site) => {
                state.sites.insert(site.id, site);
            }
            Record::Server(server) => {
                state.servers.insert(server.agent, Server::new(server, Moment::default()));
            }
            Record::Key(key) => {
                state.keys.insert(key.id, key);
            }
            Record::Policy(policy) => {
                state.policies.insert(policy.id, policy);
            }
            Record::Item(item) => {
                for agent in [item.primary.agent, item.recovery.agent] {
                    state.items_of.entry(agent).or_default().insert(item.id);
                }
                state.protected.insert(item.machine.id, item.id);
                state.items.insert(item.id, Item::new(*item));
            }
            Record::Job(mut job) => {
                share_words(&mut words, &mut job);
                jobs.insert(job.id, *job);
            }
            Record::History(history) => histories.push(history),
        }
    }
    for history in histories {
        if let Some(item) = state.items.get_mut(&history.item) {
            item.cycles = Cycles::restored(history.cycles);
        }
    }
    for entry in &journal {
        if let Some(job) = jobs.get_mut(&entry.job) {
            fold(job, entry);
        }
    }
    take_jobs(&mut state, jobs);
    state.events = events.into_iter().rev().take(EVENTS_SHOWN).collect();
    mark_all(&mut state);
    state
}

/// A few step ids, names and people stand in every one of the many jobs that a vault remembers: each is kept once.
fn share_words(words: &mut BTreeSet<Arc<str>>, job: &mut JobRecord) {
    let of_steps = job.steps.iter_mut().flat_map(|s| [&mut s.id, &mut s.subject]);
    for word in of_steps.chain([&mut job.subject, &mut job.by]) {
        match words.get(word) {
            Some(known) => *word = Arc::clone(known),
            None => {
                words.insert(Arc::clone(word));
            }
        }
    }
}

/// Sorts jobs into those that go on and those that are over.
fn take_jobs(state: &mut State, jobs: BTreeMap<JobId, JobRecord>) {
    let mut ordered: Vec<JobRecord> = jobs.into_values().collect();
    ordered.sort_by_key(|j| (j.started, j.id));
    let mut last: BTreeMap<ItemId, JobRecord> = BTreeMap::new();
    for job in &ordered {
        learn(&mut state.durations, job);
        if let Some(item) = job.item.filter(|i| state.items.contains_key(i)) {
            // The job that ended last is the one a person would restart.
            let newer = last
                .get(&item)
                .is_none_or(|l| l.ended.unwrap_or(l.started) <= job.ended.unwrap_or(job.started));
            let protection = state.items.get(&item).map(|i| &i.record.protection);
            let beside = last.get(&item).is_some_and(|l| super::jobs::stays(l, job.verb, protection));
            if newer && !beside {
                last.insert(item, job.clone());
            }
        }
    }
    for (item, job) in last {
        if matches!(job.state, JobState::Failed | JobState::Cancelled | JobState::Stuck) {
            state.restartable.insert(item, job);
        }
    }
    for job in ordered.iter().filter(|j| !j.state.is_over()) {
        if let Some(item) = job.item.and_then(|i| state.items.get_mut(&i)) {
            item.jobs.push(job.id);
        }
        state.jobs.insert(job.id, Job { record: job.clone(), call: None, deadline: None });
    }
    let views = ordered
        .iter()
        .map(|job| {
            let restart = if job.state.is_over() { super::stand::restart_refused(state, job) } else { None };
            projector::job::view(state, job, restart)
        })
        .collect();
    state.views = JobList::loaded(views);
}

fn mark_all(state: &mut State) {
    state.changed.items.extend(state.items.keys().copied());
    state.changed.machines_of.extend(state.servers.keys().copied());
    state.changed.servers = true;
    state.changed.sites = true;
    state.changed.keys = true;
    state.changed.policies = true;
    state.changed.events = true;
    state.changed.overview = true;
}

fn empty() -> State {
    State {
        vault: VaultRecord {
            id: VaultId(Uuid::nil()),
            name: String::new(),
            created: Moment::default(),
            engine_addr: String::new(),
        },
        sites: BTreeMap::new(),
        servers: BTreeMap::new(),
        keys: BTreeMap::new(),
        policies: BTreeMap::new(),
        items: BTreeMap::new(),
        protected: BTreeMap::new(),
        items_of: BTreeMap::new(),
        jobs: BTreeMap::new(),
        views: JobList::default(),
        restartable: BTreeMap::new(),
        durations: BTreeMap::new(),
        calls: BTreeMap::new(),
        alarms: Alarms::default(),
        events: VecDeque::new(),
        rpo_median: VecDeque::new(),
        history_saved: None,
        changed: Changed::default(),
    }
}
