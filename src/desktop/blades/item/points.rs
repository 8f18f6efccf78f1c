//! The recovery points of an item as a list. Apart from `timeline`, which shows them by their time.

use super::ItemState;
use crate::action::Action;
use crate::cx::Cx;
use crate::kit::table::{Column, Table};
use crate::kit::{self, words};
use crate::theme::{icons::Icon, ramp};
use egui::Ui;
use leeward_model::{Command, Consistency, ItemView, PointKind, PointSummary, Verb};

pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>, item: &ItemView, state: &mut ItemState) {
    if item.points.is_empty() {
        return kit::empty(ui, cx, Icon::History, &words("points-none"), &words("points-none-text"), None);
    }
    let (id, refused) = (item.id, item.verb(Verb::VerifyPoint).and_then(|v| v.refused.clone()));
    Table::new("points", &item.points, &item.points, |p| p.id.0.as_u128(), |p| kit::date_time(p.instant))
        .counted("points-count")
        .column(
            Column::new(words("point-instant"), 190.0, |ui, _, p: &PointSummary| {
                ui.label(ramp::body(kit::date_time(p.instant)));
            })
            .sort(|a, b| a.instant.cmp(&b.instant)),
        )
        .column(
            Column::new(words("point-age"), 110.0, |ui, cx, p: &PointSummary| {
                ui.label(ramp::body(kit::age(p.instant, cx.now).0));
            })
            .grows(0.3),
        )
        .column(Column::new(words("point-consistency"), 190.0, |ui, cx, p: &PointSummary| {
            // The same mark as on the timeline.
            let (rect, _) = ui.allocate_exact_size(egui::vec2(14.0, 14.0), egui::Sense::hover());
            super::timeline::mark(ui.painter(), cx, rect.center(), p);
            ui.label(ramp::body(consistency(p)));
        }))
        .column(Column::text(words("point-kind"), 150.0, |p: &PointSummary| kind(p)).gives_way())
        .column(
            Column::text(words("point-size"), 90.0, |p: &PointSummary| kit::bytes(p.size_bytes))
                .sort(|a, b| a.size_bytes.cmp(&b.size_bytes))
                .right()
                .grows(0.2),
        )
        .column(
            Column::new(words("point-pinned"), 80.0, |ui, cx, p: &PointSummary| {
                if p.pinned {
                    kit::icon(ui, Icon::Lock, 14.0, cx.theme.text2);
                    ui.label(ramp::body(words("yes")));
                }
            })
            .grows(0.2)
            .gives_way(),
        )
        .column(
            Column::new("", 90.0, move |ui, cx, p: &PointSummary| {
                if refused.is_none() && kit::link(ui, &words("point-verify")).clicked() {
                    cx.act(Action::Send(Command::VerifyPoint { item: id, point: p.id }));
                }
            })
            .grows(0.0),
        )
        .show(ui, cx, &mut state.points);
}

/// What a point promises.
pub(super) fn consistency(point: &PointSummary) -> String {
    words(match point.consistency {
        Consistency::Application => "point-app",
        Consistency::Crash => "point-crash",
    })
}

/// How a point came about.
pub(super) fn kind(point: &PointSummary) -> String {
    words(match point.kind {
        PointKind::Initial => "point-initial",
        PointKind::Delta => "point-delta",
        PointKind::Resync => "point-resync",
        PointKind::Final => "point-final",
        PointKind::Safety => "point-safety",
    })
}
