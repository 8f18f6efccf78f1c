//! From what a person types to what the engine knows: names, ids and beginnings of ids. A name that fits more
//! than one thing is never guessed.

use super::exit::Stop;
use leeward_model::{
    AgentId, ItemView, JobView, KeyView, MachineView, Message, PointChoice, PolicyView, ServerView, Snapshot,
    TestId, TestView,
};
use std::fmt::Display;

/// An id may be shortened to this many characters.
const PREFIX_MIN: usize = 4;

/// The one thing of `all` that is called `word`: by name, by id, or by the beginning (or end) of its id.
fn one<'a, T, I: Display>(
    noun: &'static str,
    word: &str,
    all: impl Iterator<Item = &'a T> + Clone,
    name: impl Fn(&T) -> &str,
    id: impl Fn(&T) -> I,
) -> Result<&'a T, Stop> {
    let exact: Vec<_> = all.clone().filter(|t| name(t) == word || id(t).to_string() == word).collect();
    let found = if exact.is_empty() && word.len() >= PREFIX_MIN {
        let fits = |t: &&T| {
            let id = id(t).to_string();
            id.starts_with(word) || id.ends_with(word)
        };
        all.clone().filter(fits).collect()
    } else {
        exact
    };
    match found.as_slice() {
        [thing] => Ok(thing),
        [] => Err(unknown(noun, word, all.map(|t| name(t).to_owned()))),
        several => {
            let ids: Vec<String> = several.iter().map(|t| id(t).to_string()).collect();
            Err(Stop::not_found(
                Message::new("cli-ambiguous")
                    .with("noun", noun_text(noun))
                    .with("word", word)
                    .with("ids", ids.join(", ")),
            ))
        }
    }
}

/// Nothing is called that; some of what there is stands in the sentence.
pub(crate) fn unknown(noun: &'static str, word: &str, known: impl Iterator<Item = String>) -> Stop {
    let mut names: Vec<String> = known.filter(|n| !n.is_empty()).take(12).collect();
    names.sort();
    let key = if names.is_empty() { "cli-not-found-none" } else { "cli-not-found" };
    Stop::not_found(
        Message::new(key).with("noun", noun_text(noun)).with("word", word).with("known", names.join(", ")),
    )
}

fn noun_text(key: &'static str) -> String {
    leeward_model::text::text(key)
}

pub(crate) fn item<'a>(snapshot: &'a Snapshot, word: &str) -> Result<&'a ItemView, Stop> {
    one("cli-noun-item", word, snapshot.items.iter().map(AsRef::as_ref), |i| &i.name, |i| i.id)
}

pub(crate) fn server<'a>(snapshot: &'a Snapshot, word: &str) -> Result<&'a ServerView, Stop> {
    one("cli-noun-server", word, snapshot.servers.iter(), |s| &s.name, |s| s.agent)
}

pub(crate) fn policy<'a>(snapshot: &'a Snapshot, word: &str) -> Result<&'a PolicyView, Stop> {
    one("cli-noun-policy", word, snapshot.policies.iter(), |p| &p.policy.name, |p| p.policy.id)
}

/// A job by id, or the newest one of an item or server by its name.
pub(crate) fn job<'a>(snapshot: &'a Snapshot, word: &str) -> Result<&'a JobView, Stop> {
    if let Some(newest) = snapshot.jobs.iter().find(|j| j.subject == word) {
        return Ok(newest);
    }
    one("cli-noun-job", word, snapshot.jobs.iter().map(AsRef::as_ref), |j| &j.subject, |j| j.id)
}

/// A registration key by id, or the one unused key of a site by its name.
pub(crate) fn key<'a>(snapshot: &'a Snapshot, word: &str) -> Result<&'a KeyView, Stop> {
    let ready = snapshot.keys.iter().filter(|k| k.state == leeward_model::KeyState::Ready);
    if let Ok(found) = one("cli-noun-key", word, ready, |k| &k.site, |k| k.id) {
        return Ok(found);
    }
    one("cli-noun-key", word, snapshot.keys.iter(), |k| &k.site, |k| k.id)
}

/// A machine, on one server if it is named. Of a machine on two hosts the copy is meant where its item runs; when
/// nothing protects it, the server must be named, because either copy may be the old one. A copy on `target`, where
/// the replica is to be, cannot be meant.
pub(crate) fn machine<'a>(
    snapshot: &'a Snapshot,
    word: &str,
    server: Option<&str>,
    target: Option<AgentId>,
) -> Result<&'a MachineView, Stop> {
    let agent: Option<AgentId> = server.map(|s| self::server(snapshot, s)).transpose()?.map(|s| s.agent);
    let listed: Vec<&MachineView> =
        snapshot.machines.iter().filter(|m| agent.is_none_or(|a| m.agent == a)).collect();
    let active = |m: &MachineView| {
        let item = m.item.and_then(|id| snapshot.item(id));
        item.is_some_and(|i| i.active_place().agent == m.agent)
    };
    let mut distinct: Vec<&MachineView> = Vec::new();
    for machine in &listed {
        match distinct.iter_mut().find(|m| m.definition.id == machine.definition.id) {
            Some(there) if active(machine) => *there = machine,
            Some(_) => {}
            None => distinct.push(machine),
        }
    }
    let found =
        one("cli-noun-machine", word, distinct.into_iter(), |m| &m.definition.name, |m| m.definition.id)?;
    let of_it = |m: &&&'a MachineView| m.definition.id == found.definition.id;
    let possible = |m: &&&'a MachineView| of_it(m) && Some(m.agent) != target;
    if found.item.is_none()
        && let [only] = listed.iter().filter(possible).collect::<Vec<_>>().as_slice()
    {
        return Ok(only);
    }
    let copies: Vec<&str> = listed
        .iter()
        .filter(of_it)
        .filter_map(|m| snapshot.server(m.agent).map(|s| s.name.as_str()))
        .collect();
    if found.item.is_none() && copies.len() > 1 {
        let name = found.definition.name.clone();
        let message =
            Message::new("cli-several-copies").with("machine", name).with("servers", copies.join(", "));
        return Err(Stop::not_found(message));
    }
    Ok(found)
}

/// The open test failover of an item that is meant; the only one when none is named.
pub(crate) fn test(item: &ItemView, word: Option<&str>) -> Result<TestId, Stop> {
    match (word, item.tests.as_slice()) {
        (None, [only]) => Ok(only.id),
        (None, []) => Err(Stop::not_found(Message::new("cli-no-test").with("item", item.name.clone()))),
        (None, several) => Err(Stop::not_found(
            Message::new("cli-several-tests")
                .with("item", item.name.clone())
                .with("ids", several.iter().map(|t| t.id.to_string()).collect::<Vec<_>>().join(", ")),
        )),
        (Some(word), _) => {
            one("cli-noun-test", word, item.tests.iter(), |_: &TestView| "", |t| t.id).map(|t| t.id)
        }
    }
}

/// `latest`, `latest-app`, or a point by its id or the end of it.
pub(crate) fn point(item: &ItemView, word: &str) -> Result<PointChoice, Stop> {
    match word {
        "latest" => Ok(PointChoice::Latest),
        "latest-app" => Ok(PointChoice::LatestAppConsistent),
        word => one("cli-noun-point", word, item.points.iter(), |_| "", |p| p.id)
            .map(|p| PointChoice::Exact(p.id)),
    }
}

/// The one point that is meant, where "the newest one" must become an id.
pub(crate) fn exact_point(item: &ItemView, word: &str) -> Result<leeward_model::PointId, Stop> {
    let none = || Stop::not_found(Message::new("cli-no-point").with("item", item.name.clone()));
    match point(item, word)? {
        PointChoice::Exact(id) => Ok(id),
        PointChoice::Latest => item.points.first().map(|p| p.id).ok_or_else(none),
        PointChoice::LatestAppConsistent => item
            .points
            .iter()
            .find(|p| p.consistency == leeward_model::Consistency::Application)
            .map(|p| p.id)
            .ok_or_else(none),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_desktop::sample;

    /// The lab with a copy of `name` on another host, which is listed first, and the two hosts.
    fn twice(name: &str, protected: bool) -> (Snapshot, String, String) {
        let mut world = sample::lab();
        let mut machines = world.machines.as_ref().clone();
        let there = machines.iter_mut().find(|m| m.definition.name == name).expect("a machine");
        let item = world.items.iter().find(|i| i.machine == there.definition.id);
        there.item = item.filter(|_| protected).map(|i| i.id);
        let here = world.server(there.agent).expect("its host").name.clone();
        let mut copy = there.clone();
        let other = world.servers.iter().find(|s| s.agent != copy.agent).expect("another host");
        let elsewhere = other.name.clone();
        copy.agent = other.agent;
        machines.insert(0, copy);
        world.machines = machines.into();
        (world, here, elsewhere)
    }

    #[test]
    fn of_a_machine_on_two_hosts_the_named_copy_is_meant() {
        let (world, here, elsewhere) = twice("web01", false);
        for server in [&here, &elsewhere] {
            let found = machine(&world, "web01", Some(server), None).expect("found");
            assert_eq!(&world.server(found.agent).expect("its host").name, server);
        }
        let unsaid = machine(&world, "web01", None, None).expect_err("either may be the old one");
        let said = format!("{unsaid:?}");
        assert!(said.contains("cli-several-copies") && said.contains(&elsewhere), "{said}");
    }

    #[test]
    fn of_a_machine_on_two_hosts_the_one_that_is_no_target_is_meant() {
        let (world, here, elsewhere) = twice("web01", false);
        for (target, source) in [(&here, &elsewhere), (&elsewhere, &here)] {
            let target = server(&world, target).expect("a host").agent;
            let found = machine(&world, "web01", None, Some(target)).expect("only one can be the source");
            assert_eq!(&world.server(found.agent).expect("its host").name, source);
        }
        let third = world.servers.iter().find(|s| s.name != here && s.name != elsewhere);
        let third = third.expect("another host").agent;
        assert!(machine(&world, "web01", None, Some(third)).is_err(), "either may be the old one");
    }

    #[test]
    fn of_a_protected_machine_the_copy_that_runs_is_meant() {
        let (world, here, _) = twice("web01", true);
        let found = machine(&world, "web01", None, None).expect("found");
        assert_eq!(world.server(found.agent).expect("its host").name, here);
    }
}
