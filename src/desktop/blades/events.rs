//! All events of the vault, newest first. Apart from jobs, which are what somebody asked for.

use crate::action::Action;
use crate::cx::Cx;
use crate::kit::table::{Column, Table, TableState, cell_text};
use crate::kit::{self, words};
use crate::route::Route;
use crate::theme::icons::Icon;
use egui::Ui;
use leeward_model::{EventView, Health};
use std::sync::Arc;

/// What a person has done to the list.
#[derive(Default, Debug)]
pub struct EventsState {
    table: TableState,
    /// Shows only events of this severity and worse.
    level: usize,
}

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut EventsState) {
    let snapshot = Arc::clone(cx.snapshot);
    if snapshot.events.is_empty() {
        kit::empty(ui, cx, Icon::Events, &words("events-none"), &words("events-none-text"), None);
        return;
    }
    let names = [words("events-all"), words("events-warnings"), words("events-critical")];
    kit::tabs(ui, &names, &mut state.level);
    let least = match state.level {
        0 => None,
        1 => Some(Health::Warning),
        _ => Some(Health::Critical),
    };
    let fits = move |event: &EventView| match (least, event.severity) {
        (None, _) => true,
        (Some(_), Health::NotApplicable) => false,
        (Some(least), severity) => severity >= least,
    };
    table(&snapshot).only(state.level as u64, fits).show(ui, cx, &mut state.table);
}

fn table(snapshot: &leeward_model::Snapshot) -> Table<'_, EventView> {
    columns(Table::new(
        "events",
        &snapshot.events,
        &snapshot.events,
        |e| e.id.0.as_u128(),
        |e| e.what.render(),
    ))
    .filter(|e| format!("{} {}", e.what.render(), e.subject))
    .counted("events-count")
    .open(|e| match (e.item, e.job) {
        (_, Some(job)) => Action::Go(Route::Job(job)),
        (Some(item), None) => Action::Go(Route::Item(item)),
        (None, None) => Action::Go(Route::Events),
    })
}

/// The columns of a list of events; also used by the item blade.
pub(crate) fn columns<'a>(table: Table<'a, EventView>) -> Table<'a, EventView> {
    table
        .column(
            Column::new(words("events-severity"), 120.0, |ui, _, e: &EventView| severity(ui, e))
                .sort(|a, b| a.severity.cmp(&b.severity))
                .grows(0.0),
        )
        .column(Column::text(words("events-what"), 250.0, |e: &EventView| e.what.render()).grows(4.0))
        .column(
            Column::new(words("events-subject"), 150.0, |ui, cx, e: &EventView| match e.item {
                Some(item) => {
                    if kit::link(ui, &e.subject).clicked() {
                        cx.go(Route::Item(item));
                    }
                }
                None => cell_text(ui, &e.subject),
            })
            .sort(|a, b| a.subject.cmp(&b.subject)),
        )
        .column(
            Column::new(words("events-job"), 90.0, |ui, cx, e: &EventView| {
                if let Some(job) = e.job
                    && kit::link(ui, &words("events-open-job")).clicked()
                {
                    cx.go(Route::Job(job));
                }
            })
            .grows(0.0),
        )
        .column(
            Column::new(words("events-when"), 120.0, |ui, cx, e: &EventView| {
                let (age, exact) = kit::age(e.at, cx.now);
                ui.label(crate::theme::ramp::body(age)).on_hover_text(exact);
            })
            .sort(|a, b| a.at.cmp(&b.at))
            .grows(0.0),
        )
}

fn severity(ui: &mut Ui, event: &EventView) {
    match event.severity {
        Health::Healthy | Health::NotApplicable => {
            let t = crate::theme::of(ui);
            kit::icon(ui, Icon::About, 15.0, t.accent);
            cell_text(ui, &words("events-news"));
        }
        health => kit::health_mark(ui, health, &kit::health_word(health)),
    }
}
