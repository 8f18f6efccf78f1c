//! Servers, registration keys, and the machines on the servers.

use super::{Asked, Part, Shown, json};
use crate::cli::arguments::{maybe, option};
use crate::cli::exit::Stop;
use crate::cli::resolve;
use crate::cli::table::Align::{Left, Right};
use crate::cli::table::Table;
use crate::cli::words;
use clap::Arg;
use leeward_model::{KeyState, Message};

pub(super) fn list(asked: &Asked<'_>) -> Result<Shown, Stop> {
    let mut table = Table::new(&[
        ("cli-col-name", Left),
        ("cli-col-site", Left),
        ("cli-col-connected", Left),
        ("cli-col-heard", Left),
        ("cli-col-health", Left),
        ("cli-col-version", Left),
        ("cli-col-hypervisor", Left),
        ("cli-col-machines", Right),
        ("cli-col-source-of", Right),
        ("cli-col-target-of", Right),
        ("cli-col-free", Right),
    ]);
    for server in asked.snapshot.servers.iter() {
        let connected = if server.connected {
            leeward_model::text::text("cli-yes")
        } else {
            server.last_heartbeat.map_or_else(
                || leeward_model::text::text("cli-no"),
                |at| Message::new("cli-no-since").with("age", words::age(at, asked.now)).render(),
            )
        };
        table.row(vec![
            server.name.clone(),
            site_name(asked, server.site),
            connected,
            server.last_heartbeat.map_or_else(String::new, |at| words::age(at, asked.now)),
            words::health(server.health),
            server.version.clone(),
            server.hypervisor.clone(),
            server.machines.to_string(),
            server.source_items.to_string(),
            server.target_items.to_string(),
            words::size(server.free_bytes),
        ]);
    }
    Ok(Shown { parts: vec![Part::Table(table, "cli-none-servers")], json: json(&asked.snapshot.servers) })
}

pub(super) fn keys(asked: &Asked<'_>) -> Result<Shown, Stop> {
    let mut table = Table::new(&[
        ("cli-col-id", Left),
        ("cli-col-site", Left),
        ("cli-col-by", Left),
        ("cli-col-made", Left),
        ("cli-col-state", Left),
    ]);
    for key in asked.snapshot.keys.iter() {
        let state = match &key.state {
            KeyState::Ready => {
                Message::new("cli-key-ready").with("until", words::exact(key.expires)).render()
            }
            KeyState::Used { host, at } => Message::new("cli-key-used")
                .with("host", host)
                .with("age", words::age(*at, asked.now))
                .render(),
            KeyState::Expired => leeward_model::text::text("cli-key-expired"),
            KeyState::Revoked => leeward_model::text::text("cli-key-revoked"),
        };
        let made = words::age(key.made, asked.now);
        table.row(vec![key.id.to_string(), key.site.clone(), key.by.clone(), made, state]);
    }
    Ok(Shown { parts: vec![Part::Table(table, "cli-none-keys")], json: json(&asked.snapshot.keys) })
}

pub(super) fn machine_args() -> Vec<Arg> {
    vec![option("server")]
}

pub(super) fn machines(asked: &Asked<'_>) -> Result<Shown, Stop> {
    let agent = match maybe(asked.args, "server") {
        Some(word) => Some(resolve::server(asked.snapshot, word)?.agent),
        None => None,
    };
    let shown: Vec<_> =
        asked.snapshot.machines.iter().filter(|m| agent.is_none_or(|a| m.agent == a)).collect();
    let mut table = Table::new(&[
        ("cli-col-name", Left),
        ("cli-col-server", Left),
        ("cli-col-site", Left),
        ("cli-col-power", Left),
        ("cli-col-protected", Left),
        ("cli-col-disks", Right),
        ("cli-col-memory", Right),
    ]);
    for machine in &shown {
        let protected = match (&machine.item, &machine.not_protectable) {
            (Some(_), _) => leeward_model::text::text("cli-yes"),
            (None, Some(why)) => why.render(),
            (None, None) => leeward_model::text::text("cli-no"),
        };
        table.row(vec![
            machine.definition.name.clone(),
            asked.snapshot.server(machine.agent).map(|s| s.name.clone()).unwrap_or_default(),
            site_name(asked, machine.site),
            words::power(machine.power),
            protected,
            machine.definition.disks.len().to_string(),
            words::size(u64::from(machine.definition.memory_mib) << 20),
        ]);
    }
    Ok(Shown { parts: vec![Part::Table(table, "cli-none-machines")], json: json(&shown) })
}

fn site_name(asked: &Asked<'_>, site: leeward_model::SiteId) -> String {
    asked.snapshot.sites.iter().find(|s| s.id == site).map(|s| s.name.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_desktop::sample;

    #[test]
    fn the_list_says_which_version_a_server_has_and_when_it_was_last_heard_of() {
        let snapshot = sample::lab();
        let args = clap::Command::new("list").get_matches_from(["list"]);
        let shown = list(&Asked { args: &args, snapshot: &snapshot, now: sample::NOW }).expect("a list");
        let text = shown.lines(None).join("\n");
        for server in snapshot.servers.iter() {
            let heard = words::age(server.last_heartbeat.expect("heard of"), sample::NOW);
            let line = text.lines().find(|l| l.contains(&server.name)).expect("its line");
            assert!(line.contains(&server.version) && line.contains(&heard), "{line}");
        }
    }
}
