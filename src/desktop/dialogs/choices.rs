//! What is chosen in the dialogs of replicated items: a point, a network, a time. Apart from `wish`, which makes the
//! commands of it.

use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::ramp;
use egui::{DragValue, ScrollArea, Ui};
use leeward_model::{
    Consistency, ItemView, Moment, NetworkChoice, PointChoice, PointId, PointSummary, Protection, Start,
};

/// Points shown in the list at once.
const LIST_HEIGHT: f32 = 190.0;

/// One of several, as a row; what it means beneath.
pub(crate) fn radio<T: PartialEq + Clone>(ui: &mut Ui, held: &mut T, value: &T, title: &str, text: &str) {
    if ui.radio(held == value, ramp::body(title)).clicked() {
        *held = value.clone();
    }
    beneath(ui, text);
}

/// An explanation under a choice, in line with its words.
pub(crate) fn beneath(ui: &mut Ui, text: &str) {
    if text.is_empty() {
        return;
    }
    ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = 16.0;
        ui.horizontal_top(|ui| {
            ui.add_space(26.0);
            let color = crate::theme::of(ui).text2;
            ui.add(egui::Label::new(ramp::caption(text).color(color)).wrap());
        });
    });
    ui.add_space(2.0);
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

/// The point a failed over machine runs on.
pub(super) const fn in_use(item: &ItemView) -> Option<PointId> {
    match &item.protection {
        Protection::FailedOver { point, .. } => Some(*point),
        _ => None,
    }
}

/// The newest point, the newest application-consistent one, or a certain one.
pub(super) fn point(ui: &mut Ui, cx: &Cx<'_>, item: &ItemView, held: &mut PointChoice) {
    kit::section(ui, &words("dialog-which-point"));
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
    if matches!(held, PointChoice::Exact(_)) {
        points(ui, cx, item, held, None);
    }
}

/// One of all points; the one in use is marked and not offered.
pub(super) fn points(
    ui: &mut Ui,
    cx: &Cx<'_>,
    item: &ItemView,
    held: &mut PointChoice,
    used: Option<PointId>,
) {
    ScrollArea::vertical().max_height(LIST_HEIGHT).id_salt("points").show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        for point in item.points.iter() {
            let mut said = point_words(point, cx);
            let current = Some(point.id) == used;
            if current {
                said = msg("dialog-point-used").with("point", said).render();
            }
            ui.horizontal(|ui| {
                ui.add_space(22.0);
                let on = *held == PointChoice::Exact(point.id);
                let row = egui::RadioButton::new(on, ramp::body(said));
                if ui.add_enabled(!current, row).clicked() {
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

/// At once, or in some hours.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct When {
    later: bool,
    hours: u32,
}

impl When {
    /// As a command has it. Later means a whole minute, so that it does not change with every frame.
    pub(crate) fn start(self, now: Moment) -> Start {
        if !self.later {
            return Start::Now;
        }
        let minute = Moment(now.0 - now.0.rem_euclid(60_000));
        Start::At(minute.plus_secs(i64::from(self.hours) * 3_600))
    }

    /// Draws the choice under a question.
    pub(crate) fn show(&mut self, ui: &mut Ui, now: Moment, question: &str) {
        kit::section(ui, question);
        if ui.radio(!self.later, ramp::body(words("enable-now"))).clicked() {
            self.later = false;
        }
        ui.horizontal(|ui| {
            if ui.radio(self.later, ramp::body(words("enable-later"))).clicked() {
                self.later = true;
                self.hours = self.hours.max(1);
            }
            let suffix = format!(" {}", words("policy-hours"));
            let hours = DragValue::new(&mut self.hours).range(1..=168).suffix(suffix);
            ui.add_enabled(self.later, hours).accessible_name(words("enable-later"));
            if let Start::At(at) = self.start(now) {
                kit::caption(ui, kit::date_time(at));
            }
        });
    }
}
