//! What the palette finds: commands on whatever they act on, blades, items, servers and jobs. Apart from `palette`,
//! which shows it and takes the keys.

use crate::action::{Action, Dialog};
use crate::ask;
use crate::blades::jobs;
use crate::cx::Cx;
use crate::kit::{self, words};
use crate::route::Route;
use crate::theme::icons::Icon;
use leeward_model::{ItemId, Message, Snapshot, Verb, VerbState};

const FOUND_MAX: usize = 60;
/// Jobs that are looked through: older ones are found in their list.
const JOBS_MAX: usize = 500;

/// Verbs on nouns that are ranked at most.
const OFFERED_MAX: usize = 500;
/// The rank of a verb on a noun that was not named.
const UNNAMED: u8 = 5;

/// Something that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub icon: Icon,
    pub name: String,
    pub kind: String,
    pub refused: Option<String>,
    pub action: Action,
    rank: u8,
}

/// How well a name fits: 0 best; none when it does not.
fn rank(name: &str, wanted: &str) -> Option<u8> {
    if wanted.is_empty() {
        return Some(3);
    }
    let name = name.to_lowercase();
    if name.starts_with(wanted) {
        return Some(0);
    }
    if name.split([' ', '-', '_', ':', '.']).any(|w| w.starts_with(wanted)) {
        return Some(1);
    }
    if name.contains(wanted) {
        return Some(2);
    }
    let every = wanted.split_whitespace().all(|w| name.contains(w));
    every.then_some(3)
}

/// Everything that fits what was typed, best first.
pub(crate) fn search(cx: &Cx<'_>, query: &str, item: Option<ItemId>) -> Vec<Found> {
    let wanted = query.trim().to_lowercase();
    let mut found = Vec::new();
    verbs(cx, &wanted, item, &mut found);
    blades(&wanted, &mut found);
    if !wanted.is_empty() {
        nouns(cx, &wanted, &mut found);
        verbs_on_nouns(cx, &wanted, item, &mut found);
    }
    found.sort_by_key(|f| f.rank);
    found.truncate(FOUND_MAX);
    found
}

fn kind_of(verb: Verb) -> String {
    verb.decl().shortcut.map_or_else(|| words("palette-command"), str::to_owned)
}

fn on(state: &VerbState, name: &str, action: Action, rank: u8) -> Found {
    // A shortcut acts on what the blade is about, not on whatever was found.
    let kind = words("palette-command");
    Found {
        icon: Icon::named(state.verb.decl().icon).unwrap_or(Icon::More),
        name: format!("{}: {name}", state.verb.title()),
        kind,
        refused: state.refused.as_ref().map(Message::render),
        action,
        // What cannot be done now comes last, so that Enter does something.
        rank: if state.refused.is_some() { rank + 8 } else { rank },
    }
}

/// Verbs of the vault, and of the item that the blade is about.
fn verbs(cx: &Cx<'_>, wanted: &str, item: Option<ItemId>, found: &mut Vec<Found>) {
    let item = item.and_then(|id| cx.item(id));
    for verb in Verb::all().filter(|v| *v != Verb::OpenPalette) {
        let Some(rank) = rank(&verb.title(), wanted) else { continue };
        if let Some(action) = ask::for_vault(verb, cx.theme.dark) {
            let icon = Icon::named(verb.decl().icon).unwrap_or(Icon::More);
            found.push(Found { icon, name: verb.title(), kind: kind_of(verb), refused: None, action, rank });
        } else if let Some((item, state)) = item.and_then(|i| Some((i, i.verb(verb)?))) {
            let action = ask::for_items(verb, vec![item.id], Some(item));
            found.push(Found { kind: kind_of(verb), ..on(state, &item.name, action, rank) });
        }
    }
}

/// What was typed, as it may be said of a verb and of what it acts on: `power off web01`, `web01 remove`.
struct Said<'w> {
    words: Vec<&'w str>,
    /// Verbs whose title has one of the words, with their titles: only those are looked for on every noun.
    verbs: Vec<(Verb, String)>,
}

impl<'w> Said<'w> {
    fn new(wanted: &'w str) -> Self {
        let words: Vec<&str> = wanted.split_whitespace().collect();
        let titles = Verb::all().map(|v| (v, v.title().to_lowercase()));
        let verbs = titles.filter(|(_, title)| words.iter().any(|w| title.contains(w))).collect();
        Self { words, verbs }
    }

    /// How well a verb on a noun fits: every word is in one of the two names.
    fn rank(&self, verb: Verb, noun: &str) -> Option<u8> {
        let (_, title) = self.verbs.iter().find(|(v, _)| *v == verb)?;
        let noun = noun.to_lowercase();
        let fits = |w: &&str| title.contains(*w) || noun.contains(*w);
        if !self.words.iter().all(fits) {
            return None;
        }
        // Who names the noun too means it more than who names the verb alone.
        let named = self.words.iter().any(|w| noun.contains(*w));
        Some(if named { 1 } else { UNNAMED })
    }
}

/// Verbs on every machine, server, policy, job and item.
fn verbs_on_nouns(cx: &Cx<'_>, wanted: &str, item: Option<ItemId>, found: &mut Vec<Found>) {
    let said = Said::new(wanted);
    if said.verbs.is_empty() {
        return;
    }
    let snapshot: &Snapshot = cx.snapshot;
    let most = found.len() + OFFERED_MAX;
    let mut unnamed = 0;
    let mut offer = |state: &VerbState, name: &str, action: &dyn Fn() -> Action| {
        let Some(rank) = said.rank(state.verb, name).filter(|_| found.len() < most) else { return };
        unnamed += usize::from(rank == UNNAMED);
        // A verb alone fits ten thousand items: as many as one would look through are enough.
        if rank != UNNAMED || unnamed <= FOUND_MAX {
            found.push(on(state, name, action(), rank));
        }
    };
    for server in snapshot.servers.iter() {
        for state in &server.verbs {
            let dialog = Dialog::ServerVerb { verb: state.verb, server: server.agent };
            offer(state, &server.name, &|| Action::Open(dialog.clone()));
        }
    }
    for policy in snapshot.policies.iter() {
        let id = policy.policy.id;
        for state in &policy.verbs {
            let dialog = match state.verb {
                Verb::EditPolicy => Dialog::EditPolicy(Some(id)),
                Verb::DeletePolicy => Dialog::DeletePolicy(id),
                _ => continue,
            };
            offer(state, &policy.policy.name, &|| Action::Open(dialog.clone()));
        }
    }
    for job in snapshot.jobs.iter().take(JOBS_MAX) {
        let name = format!("{} ({})", job.verb.title(), job.subject);
        for (state, action) in jobs::verbs(job) {
            offer(&state, &name, &|| action.clone());
        }
    }
    for machine in snapshot.machines.iter() {
        let (id, agent) = (machine.definition.id, machine.agent);
        for state in &machine.verbs {
            let dialog = Dialog::MachineVerb { verb: state.verb, machine: id, agent };
            let action = || match state.verb {
                Verb::EnableReplication => Action::Go(Route::Enable),
                _ => Action::Open(dialog.clone()),
            };
            offer(state, &machine.definition.name, &action);
        }
    }
    // The verbs of the item that is shown have been found already.
    for other in snapshot.items.iter().filter(|i| Some(i.id) != item) {
        for state in &other.verbs {
            offer(state, &other.name, &|| ask::for_items(state.verb, vec![other.id], Some(other)));
        }
    }
}

fn blades(wanted: &str, found: &mut Vec<Found>) {
    let all = [
        (Icon::Home, "blade-overview", Route::Overview),
        (Icon::Machine, "blade-items", Route::Items),
        (Icon::Jobs, "blade-jobs", Route::Jobs),
        (Icon::Events, "blade-events", Route::Events),
        (Icon::Server, "blade-servers", Route::Servers),
        (Icon::Policy, "blade-policies", Route::Policies),
    ];
    for (icon, key, route) in all {
        let name = words(key);
        // Also found by other words for the same thing.
        let also = kit::render(&format!("{key}-also"));
        if let Some(rank) = rank(&name, wanted).or_else(|| rank(&also, wanted).map(|r| r + 1)) {
            let kind = words("palette-blade");
            found.push(Found { icon, name, kind, refused: None, action: Action::Go(route), rank });
        }
    }
}

fn nouns(cx: &Cx<'_>, wanted: &str, found: &mut Vec<Found>) {
    let mut add = |icon, name: &str, key, route| {
        if let Some(rank) = rank(name, wanted) {
            let kind = words(key);
            found.push(Found {
                icon,
                name: name.to_owned(),
                kind,
                refused: None,
                action: Action::Go(route),
                rank,
            });
        }
    };
    for item in cx.snapshot.items.iter() {
        add(Icon::Machine, &item.name, "kind-item", Route::Item(item.id));
    }
    for server in cx.snapshot.servers.iter() {
        add(Icon::Server, &server.name, "kind-server", Route::Server(server.agent));
    }
    for job in cx.snapshot.jobs.iter().take(JOBS_MAX) {
        let name = format!("{}: {}", job.verb.title(), job.subject);
        add(Icon::Jobs, &name, "kind-job", Route::Job(job.id));
    }
}
