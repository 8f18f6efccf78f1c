//! A replicated item as it is shown: what is written of it, joined with what its two hosts say.

use super::status::status;
use crate::core::state::{Held, Item, State};
use crate::records::ItemRecord;
use leeward_link::messages::Activity;
use leeward_model::availability::{Stand, availability};
use leeward_model::health::{self, Symptoms};
use leeward_model::{
    DiskView, Forward, HealthIssue, ItemId, ItemView, Moment, PlaceView, Progress, ReplicationState, Scope,
    Side, TestView, Verb, VerbState,
};
use std::collections::BTreeMap;

/// An item as it is shown; none when it is not in the vault.
pub(crate) fn view(state_mut: &mut State, id: ItemId, now: Moment) -> Option<ItemView> {
    let cycles = state_mut.items.get_mut(&id)?.cycles.shared();
    let state = &*state_mut;
    let item = state.items.get(&id)?;
    let record = &item.record;
    let source = state.held(record.place(record.active).agent, id);
    let target = state.held(record.place(record.active.other()).agent, id);
    let replication = replication(state, item);
    let progress = source.and_then(progress);
    let issues = issues(state, item, now);
    let points = state.points(item);
    let shown: BTreeMap<String, Moment> = issues.iter().map(|i| (i.fault.code.clone(), i.since)).collect();
    let synced = source.and_then(|s| s.facts.synced_to).max(points.first().map(|p| p.instant));
    let view = ItemView {
        id,
        machine: record.machine.id,
        name: record.machine.name.clone(),
        primary: place(state, record, Side::Primary),
        recovery: place(state, record, Side::Recovery),
        active: record.active,
        epoch: record.epoch,
        protection: record.protection.clone(),
        status: status(state, item, &replication, progress.as_ref()),
        replication,
        tests: tests(record, target),
        last_test_ok: record.last_test_ok,
        last_failover_ok: record.last_failover_ok,
        health: health::health(&record.protection, &issues),
        issues,
        policy: record.policy,
        policy_name: state.policies.get(&record.policy).map(|p| p.name.clone()).unwrap_or_default(),
        rpo_secs: state.lag_secs(record, now),
        synced_to: synced,
        points,
        disks: disks(record, source, target),
        progress,
        cycles,
        guest_write_p99_ms: source.and_then(|s| s.facts.guest_write_p99_ms),
        superseded: record.superseded,
        job: item.jobs.first().copied(),
        verbs: verbs(state, item),
    };
    state_mut.items.get_mut(&id)?.shown_since = shown;
    Some(view)
}

/// The symptoms of an item, worst first.
pub(crate) fn issues(state: &State, item: &Item, now: Moment) -> Vec<HealthIssue> {
    let record = &item.record;
    let source = state.held(record.place(record.active).agent, record.id);
    let replica = state.held(record.place(record.active.other()).agent, record.id);
    let replica = replica.filter(|s| s.facts.role == leeward_link::messages::Role::Target);
    let replication = replication(state, item);
    let away: Vec<(&str, Moment)> = [record.primary.agent, record.recovery.agent]
        .iter()
        .filter_map(|agent| state.servers.get(agent))
        .filter(|server| !server.connected)
        .map(|server| (server.record.name.as_str(), server.since))
        .collect();
    let mut found = health::symptoms(&Symptoms {
        name: &record.machine.name,
        protection: &record.protection,
        protection_since: record.protection_since,
        replication: &replication,
        fault: source
            .and_then(|s| s.facts.fault.as_ref().map(|f| (f, s.facts.fault_since.unwrap_or(s.received)))),
        replica_fault: replica
            .and_then(|s| s.facts.fault.as_ref().map(|f| (f, s.facts.fault_since.unwrap_or(s.received)))),
        lag_secs: state.lag_secs(record, now),
        cycles: item.cycles.counted(),
        away: &away,
        superseded: record.superseded,
        now,
    });
    // A symptom that is only counted does not know when it began; it began when it was first shown.
    for issue in found.iter_mut().filter(|i| i.since == now) {
        if let Some(since) = item.shown_since.get(&issue.fault.code) {
            issue.since = *since;
        }
    }
    found
}

fn replication(state: &State, item: &Item) -> ReplicationState {
    let record = &item.record;
    if !record.protection.replicates() {
        return ReplicationState::Idle;
    }
    if record.paused {
        return ReplicationState::Paused;
    }
    match state.held(record.place(record.active).agent, record.id).map(|h| &h.facts.activity) {
        None | Some(Activity::Idle) => ReplicationState::Idle,
        Some(Activity::Waiting | Activity::Cycle | Activity::Scheduled { .. } | Activity::Initial(_)) => {
            ReplicationState::Active
        }
        Some(Activity::Resync(_)) => ReplicationState::Resynchronizing,
        Some(Activity::Paused) => ReplicationState::Paused,
        Some(Activity::Retrying { attempts, next_at }) => {
            ReplicationState::Retrying { attempts: *attempts, next_at: *next_at }
        }
        Some(Activity::ResyncRequired { why, scheduled_at }) => {
            ReplicationState::ResyncRequired { why: why.clone(), scheduled_at: *scheduled_at }
        }
        Some(Activity::Stopped) => ReplicationState::Stopped,
    }
}

/// How far the copy that runs is, over all disks.
pub(crate) fn progress(source: &Held) -> Option<Progress> {
    match source.facts.activity {
        Activity::Initial(progress) | Activity::Resync(progress) => Some(progress),
        _ => None,
    }
}

fn place(state: &State, record: &ItemRecord, side: Side) -> PlaceView {
    let place = record.place(side);
    PlaceView {
        site: place.site,
        site_name: state.site_name(place.site).to_owned(),
        agent: place.agent,
        server_name: state.server_name(place.agent).to_owned(),
        connected: state.connected(place.agent),
        power: state.power(record, side),
    }
}

fn tests(record: &ItemRecord, target: Option<&Held>) -> Vec<TestView> {
    let said = |id| target.and_then(|t| t.facts.tests.iter().find(|f| f.test == id));
    record
        .tests
        .iter()
        .map(|test| TestView {
            id: test.id,
            state: test.state,
            point: test.point,
            point_instant: test.point_instant,
            network: test.network.clone(),
            started: test.started,
            reach: reach(said(test.id).map_or(&test.reach, |f| &f.reach)),
            recovery_secs: test.recovery_secs,
        })
        .collect()
}

/// `127.0.20.1:40123 -> 80`
pub(super) fn reach(forwards: &[Forward]) -> Vec<String> {
    forwards.iter().map(|f| format!("{}:{} -> {}", f.host_addr, f.host_port, f.guest_port)).collect()
}

fn disks(record: &ItemRecord, source: Option<&Held>, target: Option<&Held>) -> Vec<DiskView> {
    record
        .machine
        .disks
        .iter()
        .map(|disk| {
            let find = |held: Option<&Held>| {
                held.and_then(|h| h.facts.disks.iter().find(|d| d.disk == disk.id)).cloned()
            };
            let (from, to) = (find(source), find(target));
            DiskView {
                id: disk.id,
                name: disk.name.clone(),
                size_bytes: disk.size_bytes,
                replica_bytes: to.as_ref().map_or(0, |d| d.replica_bytes),
                log_bytes: from.as_ref().map_or(0, |d| d.log_bytes),
                dirty_bytes: from.as_ref().map_or(0, |d| d.dirty_bytes),
                tracked: from.as_ref().is_some_and(|d| d.tracked),
                progress: from.and_then(|d| d.progress),
            }
        })
        .collect()
}

fn verbs(state: &State, item: &Item) -> Vec<VerbState> {
    let stand = state.item_stand(item);
    Verb::all()
        .filter(|verb| verb.decl().scope == Scope::Item)
        .map(|verb| VerbState {
            verb,
            refused: availability(verb, &Stand::Item(&stand)).err().map(|refusal| refusal.why),
        })
        .collect()
}
