//! Replicated items, one of them, and its recovery points.

use super::{Asked, Part, Shown, json, label};
use crate::cli::arguments::{flag, of, word};
use crate::cli::exit::Stop;
use crate::cli::resolve;
use crate::cli::table::Align::{Left, Right};
use crate::cli::table::Table;
use crate::cli::words;
use clap::Arg;
use leeward_model::{Health, ItemView, Message, Moment, PlaceView};

pub(super) fn list_args() -> Vec<Arg> {
    vec![flag("unhealthy")]
}

pub(super) fn show_args() -> Vec<Arg> {
    vec![word("item")]
}

pub(super) fn list(asked: &Asked<'_>) -> Result<Shown, Stop> {
    let only_bad = asked.args.get_flag("unhealthy");
    let shown: Vec<_> = asked
        .snapshot
        .items
        .iter()
        .filter(|i| !only_bad || matches!(i.health, Health::Warning | Health::Critical))
        .collect();
    let mut table = Table::new(&[
        ("cli-col-name", Left),
        ("cli-col-status", Left),
        ("cli-col-health", Left),
        ("cli-col-replication", Left),
        ("cli-col-rpo", Right),
        ("cli-col-active", Left),
        ("cli-col-target", Left),
        ("cli-col-policy", Left),
    ]);
    for item in &shown {
        table.row(vec![
            item.name.clone(),
            item.status.render(),
            words::health(item.health),
            words::replication(&item.replication, asked.now),
            rpo(item, asked.now),
            place(item.active_place()),
            place(item.target_place()),
            item.policy_name.clone(),
        ]);
    }
    Ok(Shown { parts: vec![Part::Table(table, "cli-none-items")], json: json(&shown) })
}

pub(super) fn show(asked: &Asked<'_>) -> Result<Shown, Stop> {
    let item = resolve::item(asked.snapshot, of(asked.args, "item"))?;
    let mut facts = vec![
        label("cli-col-name", item.name.clone()),
        label("cli-col-status", item.status.render()),
        label("cli-col-health", words::health(item.health)),
        label("cli-col-replication", words::replication(&item.replication, asked.now)),
        label("cli-col-rpo", rpo(item, asked.now)),
        label("cli-col-active", format!("{}, {}", words::side(item.active), place(item.active_place()))),
        label("cli-col-power", words::power(item.active_place().power)),
        label("cli-col-target", place(item.target_place())),
        label("cli-col-policy", item.policy_name.clone()),
        label("cli-col-epoch", item.epoch.to_string()),
        label("cli-col-points", item.points.len().to_string()),
        label("cli-col-id", item.id.to_string()),
    ];
    if let Some(progress) = &item.progress {
        facts.push(label("cli-col-progress", words::progress(progress)));
    }
    if let Some((during, outside)) = item.guest_write_p99_ms {
        let value = Message::new("cli-guest-impact")
            .with("during", format!("{during:.1}"))
            .with("outside", format!("{outside:.1}"));
        facts.push(label("cli-col-guest-impact", value.render()));
    }
    if let Some(at) = item.last_test_ok {
        facts.push(label("cli-col-last-test", words::age(at, asked.now)));
    }
    let mut parts = vec![Part::Facts(facts)];
    disks(item, &mut parts);
    tests(item, asked.now, &mut parts);
    for issue in &item.issues {
        parts.push(Part::Line(String::new()));
        parts.push(Part::Line(format!("{}: {}", words::health(issue.severity), issue.fault)));
    }
    Ok(Shown { parts, json: json(item) })
}

fn disks(item: &ItemView, parts: &mut Vec<Part>) {
    let mut table = Table::new(&[
        ("cli-col-disk", Left),
        ("cli-col-size", Right),
        ("cli-col-changed", Right),
        ("cli-col-in-logs", Right),
        ("cli-col-replica", Right),
    ]);
    for disk in &item.disks {
        table.row(vec![
            disk.name.clone(),
            words::size(disk.size_bytes),
            words::size(disk.dirty_bytes),
            words::size(disk.log_bytes),
            words::size(disk.replica_bytes),
        ]);
    }
    parts.push(Part::Line(String::new()));
    parts.push(Part::Table(table, "cli-none-disks"));
}

fn tests(item: &ItemView, now: Moment, parts: &mut Vec<Part>) {
    for test in &item.tests {
        let line = Message::new("cli-test-line")
            .with("age", words::age(test.started, now))
            .with("point", words::exact(test.point_instant))
            .with("network", words::network(&test.network))
            .with("reach", test.reach.join(", "))
            .with("id", test.id.to_string());
        parts.push(Part::Line(String::new()));
        parts.push(Part::Line(line.render()));
    }
}

pub(super) fn points(asked: &Asked<'_>) -> Result<Shown, Stop> {
    let item = resolve::item(asked.snapshot, of(asked.args, "item"))?;
    let mut table = Table::new(&[
        ("cli-col-instant", Left),
        ("cli-col-age", Left),
        ("cli-col-kind", Left),
        ("cli-col-size", Right),
        ("cli-col-pinned", Left),
        ("cli-col-id", Left),
    ]);
    for point in item.points.iter() {
        let pinned = if point.pinned { leeward_model::text::text("cli-yes") } else { String::new() };
        table.row(vec![
            words::exact(point.instant),
            words::age(point.instant, asked.now),
            words::point_kind(point),
            words::size(point.size_bytes),
            pinned,
            point.id.to_string(),
        ]);
    }
    Ok(Shown { parts: vec![Part::Table(table, "cli-none-points")], json: json(&item.points) })
}

fn rpo(item: &ItemView, now: Moment) -> String {
    // While deltas flow the target lags by what has passed since its newest point.
    match (item.rpo_secs, item.synced_to) {
        (Some(_), Some(at)) => words::span(u64::try_from(now.secs_since(at)).unwrap_or(0)),
        (Some(secs), None) => words::span(secs),
        (None, _) => "-".to_owned(),
    }
}

fn place(place: &PlaceView) -> String {
    format!("{} ({})", place.server_name, place.site_name)
}
