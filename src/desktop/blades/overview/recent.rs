//! What happened lately: the newest jobs and events, beneath what needs somebody. Apart from their blades, which have
//! all of them.

use crate::blades::jobs;
use crate::cx::Cx;
use crate::kit::{self, words};
use crate::route::Route;
use crate::theme::icons::{Icon, Status};
use crate::theme::ramp;
use egui::{Align, Color32, Label, Layout, Ui, vec2};
use leeward_model::{Health, Moment};
use std::sync::Arc;

const GAP: f32 = 16.0;
const SHOWN_MAX: usize = 5;
const ROW: f32 = 28.0;
const HEAD: f32 = 80.0;

/// One line of a card.
struct Line {
    mark: Mark,
    text: String,
    way: Option<Route>,
    at: Moment,
}

enum Mark {
    Status(Status, Color32),
    News,
}

/// How high it will be over this width; nothing when there is nothing to show.
pub(super) fn height(cx: &Cx<'_>, width: f32) -> f32 {
    let rows = |n: usize| if n == 0 { 0.0 } else { card_height(n) };
    let (jobs, events) = (rows(cx.snapshot.jobs.len()), rows(cx.snapshot.events.len()));
    let two = jobs > 0.0 && events > 0.0;
    if two && !beside(width) { jobs + events + GAP } else { jobs.max(events) }
}

#[expect(clippy::cast_precision_loss, reason = "a handful of rows")]
fn card_height(rows: usize) -> f32 {
    HEAD + rows.min(SHOWN_MAX) as f32 * ROW
}

fn beside(width: f32) -> bool {
    width > 760.0
}

pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let (jobs, events) = (newest_jobs(cx), newest_events(cx));
    let cards = [
        ("recent-jobs", "recent-all-jobs", Route::Jobs, jobs),
        ("recent-events", "recent-all-events", Route::Events, events),
    ];
    let cards: Vec<_> = cards.into_iter().filter(|(.., lines)| !lines.is_empty()).collect();
    let beside = beside(ui.available_width()) && cards.len() == 2;
    let width = if beside { ((ui.available_width() - GAP) / 2.0).floor() } else { ui.available_width() };
    let most = cards.iter().map(|(.., lines)| card_height(lines.len())).fold(0.0, f32::max);
    let draw = |ui: &mut Ui, cx: &mut Cx<'_>| {
        for (index, (title, all, route, lines)) in cards.iter().enumerate() {
            if index > 0 && !beside {
                ui.add_space(12.0);
            }
            let height = if beside { most } else { card_height(lines.len()) };
            kit::tile(ui, cx, vec2(width, height), &words(title), |ui, cx| {
                for line in lines {
                    row(ui, cx, line);
                }
                ui.add_space(4.0);
                if kit::link(ui, &words(all)).clicked() {
                    cx.go(route.clone());
                }
            });
        }
    };
    if beside {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            draw(ui, cx);
        });
    } else {
        draw(ui, cx);
    }
}

fn newest_jobs(cx: &Cx<'_>) -> Vec<Line> {
    let newest = cx.snapshot.jobs.iter().take(SHOWN_MAX);
    newest
        .map(|job| {
            let (status, color) = jobs::mark(job.state, cx.theme);
            Line {
                mark: Mark::Status(status, color),
                text: format!("{}: {}, {}", job.verb.title(), job.subject, jobs::state_word(job.state)),
                way: Some(Route::Job(job.id)),
                at: job.ended.unwrap_or(job.started),
            }
        })
        .collect()
}

fn newest_events(cx: &Cx<'_>) -> Vec<Line> {
    let events = Arc::clone(&cx.snapshot.events);
    let newest = events.iter().take(SHOWN_MAX);
    newest
        .map(|event| Line {
            mark: match event.severity {
                Health::Healthy | Health::NotApplicable => Mark::News,
                health => Mark::Status(kit::health_status(health), cx.theme.health(health)),
            },
            text: format!("{}: {}", event.subject, event.what.render()),
            way: event.item.map(Route::Item),
            at: event.at,
        })
        .collect()
}

fn row(ui: &mut Ui, cx: &mut Cx<'_>, line: &Line) {
    let (width, t) = (ui.available_width(), cx.theme);
    ui.allocate_ui_with_layout(vec2(width, ROW - 4.0), Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_width(width);
        ui.spacing_mut().item_spacing.x = 8.0;
        match line.mark {
            Mark::Status(status, color) => kit::status_icon(ui, status, 15.0, color),
            Mark::News => kit::icon(ui, Icon::About, 15.0, t.accent),
        }
        let (age, exact) = kit::age(line.at, cx.now);
        let said = ramp::caption(age).color(t.text2);
        let room = (ui.available_width() - 92.0).max(60.0);
        ui.allocate_ui_with_layout(vec2(room, ROW - 4.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(room);
            ui.set_max_width(room);
            match &line.way {
                Some(way) => {
                    if kit::link(ui, &line.text).clicked() {
                        cx.go(way.clone());
                    }
                }
                None => _ = ui.add(Label::new(ramp::body(&line.text)).truncate()),
            }
        });
        ui.allocate_ui_with_layout(vec2(80.0, ROW - 4.0), Layout::right_to_left(Align::Center), |ui| {
            ui.set_min_width(80.0);
            ui.add(Label::new(said).truncate()).on_hover_text(exact);
        });
    });
}
