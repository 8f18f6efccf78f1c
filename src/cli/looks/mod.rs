//! What can be looked at from the command line: lists and single things of the read model. Apart from `forms`:
//! looking changes nothing and is no verb.

mod events;
mod items;
mod jobs;
mod policies;
mod servers;

use super::exit::Stop;
use super::table::Table;
use clap::{Arg, ArgMatches};
use leeward_model::{Moment, Snapshot};
use serde_json::Value;

/// What a look has to work with.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// The arguments.
    pub(crate) args: &'a ArgMatches,
    /// The vault as it is.
    pub(crate) snapshot: &'a Snapshot,
    /// Now.
    pub(crate) now: Moment,
}

/// What is shown: for a person, and for a program.
#[derive(Debug)]
pub(crate) struct Shown {
    /// Parts in order.
    pub(crate) parts: Vec<Part>,
    /// The same as JSON.
    pub(crate) json: Value,
}

/// A part of what a person sees.
#[derive(Debug)]
pub(crate) enum Part {
    /// A line of text.
    Line(String),
    /// Name and value pairs, aligned.
    Facts(Vec<(String, String)>),
    /// A table, or a sentence when it is empty.
    Table(Table, &'static str),
}

/// One thing to look at.
pub(crate) struct Look {
    /// The words of the command.
    pub(crate) path: &'static str,
    /// What it shows, as a key.
    pub(crate) about: &'static str,
    /// Its arguments.
    pub(crate) args: fn() -> Vec<Arg>,
    /// Does it.
    pub(crate) show: fn(&Asked<'_>) -> Result<Shown, Stop>,
}

/// All looks. `job watch` is apart: it goes on.
pub(crate) const ALL: &[Look] = &[
    Look { path: "server list", about: "cli-look-servers", args: Vec::new, show: servers::list },
    Look { path: "server keys", about: "cli-look-keys", args: Vec::new, show: servers::keys },
    Look {
        path: "machine list",
        about: "cli-look-machines",
        args: servers::machine_args,
        show: servers::machines,
    },
    Look { path: "policy list", about: "cli-look-policies", args: Vec::new, show: policies::list },
    Look { path: "item list", about: "cli-look-items", args: items::list_args, show: items::list },
    Look { path: "item show", about: "cli-look-item", args: items::show_args, show: items::show },
    Look { path: "points", about: "cli-look-points", args: items::show_args, show: items::points },
    Look { path: "job list", about: "cli-look-jobs", args: jobs::list_args, show: jobs::list },
    Look { path: "job show", about: "cli-look-job", args: jobs::show_args, show: jobs::show },
    Look { path: "job watch", about: "cli-look-watch", args: jobs::watch_args, show: jobs::show },
    Look { path: "event list", about: "cli-look-events", args: events::list_args, show: events::list },
];

impl Shown {
    /// The lines for a person.
    pub(crate) fn lines(&self, width_max: Option<usize>) -> Vec<String> {
        let mut lines = Vec::new();
        for part in &self.parts {
            match part {
                Part::Line(line) => lines.push(line.clone()),
                Part::Facts(facts) => {
                    let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
                    lines.extend(facts.iter().map(|(name, value)| format!("{name:<width$}  {value}")));
                }
                Part::Table(table, when_empty) if table.is_empty() => {
                    lines.push(leeward_model::text::text(when_empty));
                }
                Part::Table(table, _) => lines.extend(table.lines(width_max)),
            }
        }
        lines
    }
}

/// A view as JSON, with the sentence beside every message so that a script need not know the message files.
pub(crate) fn json(value: &impl serde::Serialize) -> Value {
    let mut json = serde_json::to_value(value).unwrap_or(Value::Null);
    say(&mut json);
    json
}

fn say(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(say),
        Value::Object(map) => {
            let is_message =
                map.get("key").is_some_and(Value::is_string) && map.keys().all(|k| k == "key" || k == "args");
            if is_message
                && let Ok(message) =
                    serde_json::from_value::<leeward_model::Message>(Value::Object(map.clone()))
            {
                map.insert("text".to_owned(), Value::String(message.render()));
            } else {
                map.values_mut().for_each(say);
            }
        }
        _ => {}
    }
}

/// The label of a fact.
fn label(key: &'static str, value: impl Into<String>) -> (String, String) {
    (leeward_model::text::text(key), value.into())
}
