//! What a narrowed list shows: which rows the condition in a route lets through, and how it is said. Apart from
//! `route`, which only names the condition.

use crate::kit::{health_word, msg, render, words};
use crate::route::{ItemsWith, JobsWith, Route};
use leeward_model::{Arg, ItemView, JobState, JobView, Message, Moment, Readiness, Snapshot, TestState};
use std::hash::{DefaultHasher, Hash, Hasher};

const DAY_SECS: i64 = 86_400;

/// Whether an item belongs to the list.
pub(super) fn item(with: &ItemsWith, item: &ItemView, made_at: Moment) -> bool {
    match with {
        ItemsWith::Health(health) => item.health == *health,
        ItemsWith::Readiness(readiness) => item.readiness(made_at) == *readiness,
        ItemsWith::Symptom(code) => item.issues.iter().any(|i| i.fault.code == *code),
        ItemsWith::Server(agent) => [&item.primary, &item.recovery].iter().any(|p| p.agent == *agent),
        ItemsWith::TestToCleanUp => item.tests.iter().any(|t| t.state == TestState::WaitingForCleanup),
    }
}

/// How the condition is said.
pub(super) fn items_said(with: &ItemsWith, snapshot: &Snapshot) -> String {
    match with {
        ItemsWith::Health(health) => msg("narrow-health").with("health", health_word(*health)).render(),
        ItemsWith::Readiness(readiness) => {
            let word = words(match readiness {
                Readiness::Tested => "readiness-tested",
                Readiness::TestDue => "readiness-recommended",
                Readiness::NotApplicable => "word-not-applicable",
            });
            msg("narrow-readiness").with("word", word).render()
        }
        ItemsWith::Symptom(code) => render(&format!("{code}-many")),
        ItemsWith::Server(agent) => {
            let name = snapshot.server(*agent).map_or_else(|| words("gone"), |s| s.name.clone());
            msg("narrow-server").with("server", name).render()
        }
        ItemsWith::TestToCleanUp => words("narrow-test-to-clean-up"),
    }
}

/// Whether a job belongs to the list.
pub(super) fn job(with: JobsWith, job: &JobView, made_at: Moment) -> bool {
    let lately = || job.ended.is_some_and(|at| made_at.secs_since(at) < DAY_SECS);
    match with {
        JobsWith::Failed => job.state == JobState::Failed && lately(),
        JobsWith::Succeeded => job.state == JobState::Succeeded && lately(),
        JobsWith::Running => !job.state.is_over(),
        JobsWith::Waiting => job.state == JobState::Stuck,
    }
}

/// How the condition is said.
pub(super) fn jobs_said(with: JobsWith) -> String {
    words(match with {
        JobsWith::Failed => "jobs-failed",
        JobsWith::Waiting => "jobs-waiting",
        JobsWith::Running => "jobs-running",
        JobsWith::Succeeded => "jobs-succeeded",
    })
}

/// Another number whenever the list is to be worked out anew: for another condition, and each minute, because some
/// conditions end by themselves.
pub(super) fn tag(with: &impl Hash, made_at: Moment) -> u64 {
    let mut hasher = DefaultHasher::new();
    with.hash(&mut hasher);
    made_at.0.div_euclid(60_000).hash(&mut hasher);
    hasher.finish().max(1)
}

/// Where the figure of a symptom leads: the items that have it, or the server that it is about.
pub(super) fn symptom(what: &Message, snapshot: &Snapshot) -> Option<Route> {
    if let Some(code) = what.key.strip_suffix("-many") {
        return Some(Route::ItemsWith(ItemsWith::Symptom(code.to_owned())));
    }
    let Some(Arg::Text(name)) = what.args.get("server") else { return None };
    snapshot.servers.iter().find(|s| s.name == *name).map(|s| Route::Server(s.agent))
}
