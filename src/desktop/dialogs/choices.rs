//! What is chosen in the dialogs of replicated items: a point, a network, disks, yes or no. Apart from `item`, which
//! makes the command of it.

use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::ramp;
use egui::{ScrollArea, Ui};
use leeward_model::{Consistency, ItemView, NetworkChoice, PointChoice, PointSummary};

/// Points shown in the list at once.
const LIST_HEIGHT: f32 = 190.0;

/// One of several, as a row.
pub(super) fn radio<T: PartialEq + Clone>(ui: &mut Ui, held: &mut T, value: &T, title: &str, text: &str) {
    ui.horizontal_top(|ui| {
        if ui.radio(held == value, ramp::body(title)).clicked() {
            *held = value.clone();
        }
    });
    if !text.is_empty() {
        ui.horizontal(|ui| {
            ui.add_space(22.0);
            kit::caption(ui, text);
        });
    }
}

/// A point in one line.
pub(super) fn point_words(point: &PointSummary, cx: &Cx<'_>) -> String {
    let consistency = words(match point.consistency {
        Consistency::Crash => "dialog-point-crash",
        Consistency::Application => "dialog-point-application",
    });
    msg("dialog-point")
        .with("time", kit::date_time(point.instant))
        .with("age", kit::age(point.instant, cx.now).0)
        .with("consistency", consistency)
        .render()
}

/// Which recovery point. `exact` allows only a certain one.
pub(super) fn point(ui: &mut Ui, cx: &Cx<'_>, item: &ItemView, held: &mut PointChoice, exact: bool) {
    kit::section(ui, &words("dialog-which-point"));
    if !exact {
        let newest = item.points.first().map(|p| point_words(p, cx)).unwrap_or_default();
        radio(ui, held, &PointChoice::Latest, &words("dialog-point-latest"), &newest);
        let application = item.points.iter().find(|p| p.consistency == Consistency::Application);
        if let Some(point) = application {
            let text = point_words(point, cx);
            radio(ui, held, &PointChoice::LatestAppConsistent, &words("dialog-point-latest-app"), &text);
        }
        let chosen = matches!(held, PointChoice::Exact(_));
        if ui.radio(chosen, ramp::body(words("dialog-point-exact"))).clicked()
            && !chosen
            && let Some(first) = item.points.first()
        {
            *held = PointChoice::Exact(first.id);
        }
        if !matches!(held, PointChoice::Exact(_)) {
            return;
        }
    }
    ScrollArea::vertical().max_height(LIST_HEIGHT).id_salt("points").show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        for point in item.points.iter() {
            ui.horizontal(|ui| {
                ui.add_space(22.0);
                let on = *held == PointChoice::Exact(point.id);
                if ui.radio(on, ramp::body(point_words(point, cx))).clicked() {
                    *held = PointChoice::Exact(point.id);
                }
            });
        }
    });
}

/// Which network a test gets.
pub(super) fn network(ui: &mut Ui, held: &mut NetworkChoice) {
    kit::section(ui, &words("dialog-which-network"));
    let isolated = (words("dialog-network-isolated"), words("dialog-network-isolated-text"));
    radio(ui, held, &NetworkChoice::Isolated, &isolated.0, &isolated.1);
    let none = (words("dialog-network-none"), words("dialog-network-none-text"));
    radio(ui, held, &NetworkChoice::None, &none.0, &none.1);
}
