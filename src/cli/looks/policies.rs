//! Replication policies.

use super::{Asked, Part, Shown, json};
use crate::cli::exit::Stop;
use crate::cli::table::Align::{Left, Right};
use crate::cli::table::Table;
use crate::cli::words;
use leeward_model::Message;

pub(super) fn list(asked: &Asked<'_>) -> Result<Shown, Stop> {
    let mut table = Table::new(&[
        ("cli-col-name", Left),
        ("cli-col-frequency", Left),
        ("cli-col-retention", Left),
        ("cli-col-app-consistent", Left),
        ("cli-col-bandwidth", Left),
        ("cli-col-resync-hours", Left),
        ("cli-col-items", Right),
    ]);
    for view in asked.snapshot.policies.iter() {
        let policy = &view.policy;
        let retention = Message::new("cli-policy-retention")
            .with("mins", policy.retention.every_point_mins)
            .with("hours", policy.retention.hourly_points_hours)
            .with("points", policy.retention.points_max)
            .render();
        let app = match policy.app_consistent_every_mins {
            0 => leeward_model::text::text("cli-off"),
            mins => Message::new("cli-every-mins").with("n", mins).render(),
        };
        table.row(vec![
            policy.name.clone(),
            words::span(u64::from(policy.copy_frequency.secs())),
            retention,
            app,
            policy.bandwidth_in_words(),
            policy.resync_in_words(),
            view.items.to_string(),
        ]);
    }
    Ok(Shown { parts: vec![Part::Table(table, "cli-none-policies")], json: json(&asked.snapshot.policies) })
}
