//! The verbs of a replicated item: state of protection × replication × hosts × what else goes on.

use crate::{compare, states, word};
use leeward_model::availability::{HostStand, ItemStand, RunningJob, Stand, Standing, availability};
use leeward_model::{PowerState, Protection, Scope, Side, TestState, Verb};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Standings of replication, in the order of a line.
const STANDINGS: [(&str, Standing); 7] = [
    ("idle", Standing::Idle),
    ("active", Standing::Active),
    ("paused", Standing::Paused),
    ("retrying", Standing::Retrying),
    ("resync required", Standing::ResyncRequired),
    ("resynchronizing", Standing::Resynchronizing),
    ("stopped", Standing::Stopped),
];

/// Which of the two hosts are connected: source, target.
const HOSTS: [(&str, bool, bool); 4] = [
    ("both hosts", true, true),
    ("source away", false, true),
    ("target away", true, false),
    ("both away", false, false),
];

/// A circumstance beside a running machine with two points and nothing else going on.
type Beside = (&'static str, fn(&mut ItemStand<'_>));

const JOB: RunningJob = RunningJob { verb: Verb::Resynchronize, gives_way: true };

const BESIDES: [Beside; 9] = [
    ("at rest", |_| {}),
    ("a job that gives way", |s| s.job = Some(JOB)),
    ("a job that does not", |s| s.job = Some(RunningJob { gives_way: false, ..JOB })),
    ("a stuck job", |s| s.stuck = Some(Verb::PlannedFailover)),
    ("one test", |s| (s.test, s.tests) = (Some(TestState::Running), 1)),
    ("four tests", |s| (s.test, s.tests) = (Some(TestState::Running), 4)),
    ("one point", |s| s.points = 1),
    ("no point", |s| s.points = 0),
    ("machine off", |s| s.power = PowerState::Off),
];

fn stand(protection: &Protection) -> ItemStand<'_> {
    ItemStand {
        name: "web01",
        protection,
        active: Side::Primary,
        replication: Standing::Active,
        test: None,
        tests: 0,
        job: None,
        stuck: None,
        source: HostStand { name: "source", connected: true },
        target: HostStand { name: "target", connected: true },
        points: 2,
        power: PowerState::Running,
    }
}

/// The answers over all standings as one text: one word where they agree.
fn answers(verb: Verb, base: &ItemStand<'_>) -> String {
    let mut by_answer: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, replication) in STANDINGS {
        let item = ItemStand { replication, ..base.clone() };
        let answer = word(availability(verb, &Stand::Item(&item)));
        match by_answer.iter_mut().find(|(a, _)| *a == answer) {
            Some((_, names)) => names.push(name),
            None => by_answer.push((answer, vec![name])),
        }
    }
    match by_answer.as_slice() {
        [(answer, _)] => answer.clone(),
        several => several
            .iter()
            .map(|(answer, names)| format!("{}: {answer}", names.join(", ")))
            .collect::<Vec<_>>()
            .join("; "),
    }
}

/// The circumstances with one outcome: those of all four hosts together are named once.
fn where_(found: &[(usize, usize)]) -> String {
    let mut by_hosts: BTreeMap<Vec<usize>, Vec<&str>> = BTreeMap::new();
    for (beside, (name, _)) in BESIDES.iter().enumerate() {
        let hosts: Vec<usize> = found.iter().filter(|f| f.1 == beside).map(|f| f.0).collect();
        if !hosts.is_empty() {
            by_hosts.entry(hosts).or_default().push(name);
        }
    }
    let told = by_hosts.iter().map(|(hosts, besides)| {
        let besides = if besides.len() == BESIDES.len() { "always".to_owned() } else { besides.join(", ") };
        if hosts.len() == HOSTS.len() {
            return besides;
        }
        let hosts: Vec<&str> = hosts.iter().filter_map(|h| HOSTS.get(*h)).map(|h| h.0).collect();
        format!("{} ({besides})", hosts.join(", "))
    });
    told.collect::<Vec<_>>().join(" + ")
}

#[test]
fn every_verb_of_an_item_in_every_circumstance() {
    let mut table = String::from(
        "Whether a verb of a replicated item may be used: yes, or the refusal without `refusal-`.\n\
         Made by tests/tables; see there how to write it anew. Left of the arrow the circumstances, right of it\n\
         the answer, told apart by the standing of replication where that matters.\n",
    );
    for (name, protection) in states::all() {
        writeln!(table, "\n== {name} ==").expect("text");
        for verb in Verb::all().filter(|v| v.decl().scope == Scope::Item) {
            let mut outcomes: Vec<(String, Vec<(usize, usize)>)> = Vec::new();
            for (host, (_, source, target)) in HOSTS.iter().enumerate() {
                for (beside, (_, change)) in BESIDES.iter().enumerate() {
                    let mut item = stand(&protection);
                    (item.source.connected, item.target.connected) = (*source, *target);
                    change(&mut item);
                    let told = answers(verb, &item);
                    match outcomes.iter_mut().find(|(t, _)| *t == told) {
                        Some((_, found)) => found.push((host, beside)),
                        None => outcomes.push((told, vec![(host, beside)])),
                    }
                }
            }
            writeln!(table, "{}", verb.decl().id).expect("text");
            for (told, found) in outcomes {
                writeln!(table, "    {} -> {told}", where_(&found)).expect("text");
            }
        }
    }
    compare("items.txt", &table);
}
