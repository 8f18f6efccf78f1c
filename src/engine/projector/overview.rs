//! The figures of the vault overview, counted from what is shown, so that a tile and the list behind it agree.

use super::estate;
use crate::core::state::State;
use leeward_model::{Health, ItemView, JobState, Message, Moment, Overview, Readiness, Side, TestState};
use std::collections::BTreeMap;
use std::sync::Arc;

const DAY_SECS: i64 = 86_400;

pub(super) fn overview(state: &State, items: &[Arc<ItemView>], now: Moment) -> Overview {
    let mut overview = Overview {
        rpo_median: Arc::new(state.rpo_median.iter().copied().collect()),
        configuration_issues: configuration(state, now),
        ..Overview::default()
    };
    let mut errors: BTreeMap<(std::cmp::Reverse<Health>, String), u32> = BTreeMap::new();
    for item in items {
        let slot = match item.health {
            Health::Healthy => 0,
            Health::Warning => 1,
            Health::Critical => 2,
            Health::NotApplicable => 3,
        };
        if let Some(count) = overview.health.get_mut(slot) {
            *count += 1;
        }
        test(item, now, &mut overview);
        for issue in &item.issues {
            let key = (std::cmp::Reverse(issue.severity), issue.fault.code.clone());
            *errors.entry(key).or_default() += 1;
        }
        traffic(item, now, &mut overview);
    }
    overview.errors = servers_away(state);
    overview.errors.extend(errors.into_iter().map(|((severity, code), count)| {
        let message = Message { key: format!("{code}-many").into(), args: Default::default() };
        (severity.0, message, count)
    }));
    jobs(state, now, &mut overview);
    overview
}

fn test(item: &ItemView, now: Moment, overview: &mut Overview) {
    match item.readiness(now) {
        Readiness::Tested => overview.tested += 1,
        Readiness::TestDue => overview.test_recommended += 1,
        Readiness::NotApplicable => overview.test_not_applicable += 1,
    }
}

/// What the last cycle carried, spread over the time since the one before, and what a copy carries now.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate"
)]
fn traffic(item: &ItemView, now: Moment, overview: &mut Overview) {
    let mut rate = item.progress.map_or(0, |p| p.rate_bytes_per_sec);
    if let [.., before, last] = item.cycles.as_slice() {
        let period = last.at.secs_since(before.at).clamp(1, 3_600);
        if now.secs_since(last.at) <= 2 * period {
            rate += (last.sent_bytes as f64 / period as f64) as u64;
        }
    }
    match item.active {
        Side::Primary => overview.traffic_bytes_per_sec.0 += rate,
        Side::Recovery => overview.traffic_bytes_per_sec.1 += rate,
    }
}

/// Hosts come first: one that is away explains the symptoms of its items.
fn servers_away(state: &State) -> Vec<(Health, Message, u32)> {
    state
        .servers
        .values()
        .filter(|server| !server.connected)
        .map(|server| {
            let items = state.items_of.get(&server.record.agent).map_or(0, std::collections::BTreeSet::len);
            let message = Message::new("overview-server-away").with("server", &server.record.name);
            (Health::Critical, message, u32::try_from(items).unwrap_or(u32::MAX))
        })
        .collect()
}

fn configuration(state: &State, now: Moment) -> Vec<(Message, u32)> {
    let mut found = Vec::new();
    for server in state.servers.values() {
        let items = state.items_of.get(&server.record.agent).map_or(0, std::collections::BTreeSet::len);
        let items = u32::try_from(items).unwrap_or(u32::MAX);
        let name = &server.record.name;
        if estate::certificate_ends(server, now) {
            found.push((Message::new("overview-certificate-ends").with("server", name), items));
        }
        if estate::store_full(server) {
            found.push((Message::new("overview-store-full").with("server", name), items));
        }
        if server.record.version != env!("CARGO_PKG_VERSION") && !server.record.version.is_empty() {
            let message = Message::new("overview-version-differs")
                .with("server", name)
                .with("version", &server.record.version);
            found.push((message, items));
        }
    }
    found
}

fn jobs(state: &State, now: Moment, overview: &mut Overview) {
    let list = state.views.shared();
    for job in list.iter().take_while(|j| now.secs_since(j.started) < 8 * DAY_SECS) {
        let lately = job.ended.is_some_and(|at| now.secs_since(at) < DAY_SECS);
        match job.state {
            JobState::Failed if lately => overview.jobs_failed += 1,
            JobState::Succeeded if lately => overview.jobs_succeeded += 1,
            _ => {}
        }
    }
    overview.jobs_running = u32::try_from(state.jobs.len()).unwrap_or(u32::MAX);
    let stuck = state.restartable.values().filter(|j| j.state == JobState::Stuck).count();
    let tests = state
        .items
        .values()
        .filter(|i| i.record.tests.iter().any(|t| t.state == TestState::WaitingForCleanup))
        .count();
    overview.jobs_waiting = u32::try_from(stuck + tests).unwrap_or(u32::MAX);
}
