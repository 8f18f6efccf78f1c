//! The vault's events.

use super::{Asked, Part, Shown, json};
use crate::cli::arguments::{count, maybe, number, option};
use crate::cli::exit::Stop;
use crate::cli::resolve;
use crate::cli::table::Align::Left;
use crate::cli::table::Table;
use crate::cli::words;
use clap::Arg;

pub(super) fn list_args() -> Vec<Arg> {
    vec![option("of"), number("last", 1..=100_000).default_value("50")]
}

pub(super) fn list(asked: &Asked<'_>) -> Result<Shown, Stop> {
    let item = match maybe(asked.args, "of") {
        Some(word) => Some(resolve::item(asked.snapshot, word)?.id),
        None => None,
    };
    let most = usize::try_from(count(asked.args, "last").unwrap_or(50)).unwrap_or(50);
    let shown: Vec<_> =
        asked.snapshot.events.iter().filter(|e| item.is_none() || e.item == item).take(most).collect();
    let mut table = Table::new(&[
        ("cli-col-when", Left),
        ("cli-col-severity", Left),
        ("cli-col-subject", Left),
        ("cli-col-what", Left),
    ]);
    for event in &shown {
        table.row(vec![
            words::exact(event.at),
            words::health(event.severity),
            event.subject.clone(),
            event.what.render(),
        ]);
    }
    Ok(Shown { parts: vec![Part::Table(table, "cli-none-events")], json: json(&shown) })
}
