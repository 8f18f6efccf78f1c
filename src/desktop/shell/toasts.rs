//! Toasts: what became of a command, for a few seconds. Apart from `notifications`, the list that keeps them.

use super::ShellState;
use crate::cx::Cx;
use crate::kit::{self, words};
use crate::outbox::{Note, Outbox};
use crate::route::Route;
use crate::theme::{icons::Icon, icons::Status, ramp};
use egui::{Align2, Area, Context, Frame, Id, Label, Margin, Order, Stroke, Ui, vec2};
use leeward_model::Health;
use std::time::Duration;

const SHOWN_MAX: usize = 4;
const SECS: i64 = 7;
/// Failures stay until they are closed or this long.
const FAILURE_SECS: i64 = 20;

fn lasts(note: &Note) -> i64 {
    if matches!(note.severity, Health::Critical | Health::Warning) { FAILURE_SECS } else { SECS }
}

pub(crate) fn show(ctx: &Context, cx: &mut Cx<'_>, outbox: &Outbox, shell: &mut ShellState) {
    let fresh: Vec<&Note> = outbox
        .notes()
        .iter()
        .rev()
        .filter(|n| !shell.dismissed.contains(&n.number) && cx.now.secs_since(n.at) < lasts(n))
        .take(SHOWN_MAX)
        .collect();
    let Some(first) = fresh.iter().map(|n| lasts(n) * 1000 - cx.now.millis_since(n.at)).min() else { return };
    // One frame when the next one goes, none in between.
    ctx.request_repaint_after(Duration::from_millis(u64::try_from(first).unwrap_or(0).max(50)));
    let area =
        Area::new(Id::unique("toasts")).order(Order::Foreground).anchor(Align2::RIGHT_TOP, vec2(-12.0, 52.0));
    area.show(ctx, |ui| {
        ui.spacing_mut().item_spacing.y = 8.0;
        for note in fresh {
            toast(ui, cx, shell, note);
        }
    });
}

fn toast(ui: &mut Ui, cx: &mut Cx<'_>, shell: &mut ShellState, note: &Note) {
    let t = cx.theme;
    let frame = Frame::new()
        .fill(t.card)
        .stroke(Stroke::new(1.0, t.border))
        .corner_radius(4)
        .shadow(ui.visuals().popup_shadow)
        .inner_margin(Margin { left: 14, right: 8, top: 10, bottom: 12 });
    frame.show(ui, |ui| {
        ui.set_width(318.0);
        ui.horizontal_top(|ui| {
            note_body(ui, cx, note, 258.0);
            let close = kit::icon_button(ui, Icon::Dismiss, &words("close"), 11.0, t.text2, t.hover);
            if close.clicked() {
                shell.dismissed.insert(note.number);
            }
        });
    });
}

/// Mark, title, text and the way to the job; also used by the list.
pub(super) fn note_body(ui: &mut Ui, cx: &mut Cx<'_>, note: &Note, width: f32) {
    let t = cx.theme;
    ui.spacing_mut().item_spacing.x = 10.0;
    let (status, color) = match note.severity {
        Health::NotApplicable if note.job.is_some() && !note.runs => (Status::None, t.text2),
        Health::NotApplicable => (Status::Running, t.accent),
        health => (kit::health_status(health), t.health(health)),
    };
    ui.vertical(|ui| {
        ui.add_space(1.0);
        kit::status_icon(ui, status, 16.0, color);
    });
    ui.vertical(|ui| {
        ui.set_width(width);
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.add(Label::new(ramp::strong(&note.title, ramp::BODY)).wrap());
        if !note.text.is_empty() {
            ui.add(Label::new(ramp::body(&note.text).color(t.text2)).wrap());
        }
        if let Some(job) = note.job
            && kit::link(ui, &words("note-open-job")).clicked()
        {
            cx.go(Route::Job(job));
        }
    });
}
