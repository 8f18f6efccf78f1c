//! Health and its symptoms: state of protection × replication × what else is wrong.

use crate::{compare, states};
use leeward_model::health::{CycleCount, LATENCY_SECS_MAX, Symptoms, UNSYNCED_SECS_MAX, health, symptoms};
use leeward_model::{Message, Moment, ReplicationState};
use std::fmt::Write as _;

fn standings() -> Vec<(&'static str, ReplicationState)> {
    let why = Message::new("agent-log-over-half");
    vec![
        ("idle", ReplicationState::Idle),
        ("active", ReplicationState::Active),
        ("paused", ReplicationState::Paused),
        ("retrying", ReplicationState::Retrying { attempts: 2, next_at: Moment(60_000) }),
        ("resync required", ReplicationState::ResyncRequired { why, scheduled_at: None }),
        ("resynchronizing", ReplicationState::Resynchronizing),
        ("stopped", ReplicationState::Stopped),
    ]
}

const GOOD: CycleCount = CycleCount { done: 100, missed: 0, latency_secs: 1.0 };
const AWAY: &[(&str, Moment)] = &[("hv1", Moment(0))];

type Beside = (&'static str, fn(&mut Symptoms<'_>));

/// At the bound and just beyond it.
const BESIDES: [Beside; 10] = [
    ("nothing else", |_| {}),
    ("lag of an hour", |s| s.lag_secs = Some(UNSYNCED_SECS_MAX)),
    ("lag over an hour", |s| s.lag_secs = Some(UNSYNCED_SECS_MAX + 1)),
    ("a fifth missed", |s| s.cycles = CycleCount { done: 80, missed: 20, ..GOOD }),
    ("over a fifth missed", |s| s.cycles = CycleCount { done: 79, missed: 21, ..GOOD }),
    ("four cycles, all missed", |s| s.cycles = CycleCount { done: 0, missed: 4, ..GOOD }),
    ("latency of 5 minutes", |s| s.cycles.latency_secs = LATENCY_SECS_MAX),
    ("latency over 5 minutes", |s| s.cycles.latency_secs = LATENCY_SECS_MAX + 1.0),
    ("a host away", |s| s.away = AWAY),
    ("superseded", |s| s.superseded = true),
];

#[test]
fn every_symptom_in_every_state() {
    let mut table = String::from("Health, and its symptoms without `health-`, worst first.\n");
    let standings = standings();
    for (name, protection) in states::all() {
        writeln!(table, "\n== {name} ==").expect("text");
        for (beside, change) in BESIDES {
            let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
            for (standing, replication) in &standings {
                let mut of = Symptoms {
                    name: "web01",
                    protection: &protection,
                    protection_since: Moment(0),
                    replication,
                    fault: None,
                    replica_fault: None,
                    lag_secs: Some(30),
                    cycles: GOOD,
                    away: &[],
                    superseded: false,
                    now: Moment(3_600_000),
                };
                change(&mut of);
                let found = symptoms(&of);
                let told: Vec<String> = found
                    .iter()
                    .map(|i| format!("{} ({:?})", i.fault.code.trim_start_matches("health-"), i.severity))
                    .collect();
                let told = format!("{:?}: {}", health(&protection, &found), told.join(", "));
                let told = told.trim_end_matches(": ").to_owned();
                match lines.iter_mut().find(|(t, _)| *t == told) {
                    Some((_, names)) => names.push(standing),
                    None => lines.push((told, vec![standing])),
                }
            }
            for (told, names) in lines {
                let names =
                    if names.len() == standings.len() { "always".to_owned() } else { names.join(", ") };
                writeln!(table, "{beside}; {names} -> {told}").expect("text");
            }
        }
    }
    compare("health.txt", &table);
}
