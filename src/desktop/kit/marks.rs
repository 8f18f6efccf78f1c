//! Small marks: icons, status marks with their words, chips. Apart from `theme::icons`, which only paints.

use super::wording::words;
use crate::theme::{self, Theme, icons, icons::Icon, icons::Status, ramp};
use egui::accesskit::Role;
use egui::{Color32, Label, Sense, Ui, Vec2, WidgetInfo, vec2};
use leeward_model::Health;

/// An icon as a widget; screen readers pass over it.
pub fn icon(ui: &mut Ui, icon: Icon, size: f32, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(size), Sense::hover());
    icons::paint(ui.painter(), rect.center(), icon, size, color);
}

/// A status mark as a widget; the word stands beside it.
pub fn status_icon(ui: &mut Ui, status: Status, size: f32, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(size), Sense::hover());
    let hole = theme::of(ui).card;
    icons::paint_status(ui.painter(), rect.center(), status, size, color, hole);
}

/// The mark of a health.
#[must_use]
pub const fn health_status(health: Health) -> Status {
    match health {
        Health::Healthy => Status::Good,
        Health::Warning => Status::Warning,
        Health::Critical => Status::Critical,
        Health::NotApplicable => Status::None,
    }
}

/// The word of a health.
#[must_use]
pub fn health_word(health: Health) -> String {
    words(match health {
        Health::Healthy => "word-healthy",
        Health::Warning => "word-warning",
        Health::Critical => "word-critical",
        Health::NotApplicable => "word-not-applicable",
    })
}

/// Mark and text of a health, as in a table cell.
pub fn health_mark(ui: &mut Ui, health: Health, text: &str) {
    let t = theme::of(ui);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.horizontal(|ui| {
            status_icon(ui, health_status(health), 15.0, t.health(health));
            ui.add(Label::new(ramp::body(text)).truncate());
        });
    });
}

/// Mark and text of a health on its soft colour.
pub fn health_chip(ui: &mut Ui, theme: &Theme, health: Health, text: &str) {
    let fg = if health == Health::NotApplicable { theme.text2 } else { theme.health(health) };
    paint_chip(ui, Some((health_status(health), theme.health(health))), text, fg, theme.health_soft(health));
}

/// A word on a soft colour.
pub fn chip(ui: &mut Ui, text: &str, fg: Color32, bg: Color32) {
    paint_chip(ui, None, text, fg, bg);
}

fn paint_chip(ui: &mut Ui, mark: Option<(Status, Color32)>, text: &str, fg: Color32, bg: Color32) {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), ramp::semibold_font(ramp::CAPTION), fg);
    let lead = if mark.is_some() { 18.0 } else { 0.0 };
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 16.0 + lead, 22.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    ui.painter().rect_filled(rect, 11.0, bg);
    if let Some((status, color)) = mark {
        icons::paint_status(ui.painter(), rect.left_center() + vec2(14.0, 0.0), status, 14.0, color, bg);
    }
    let at = rect.left_center() + vec2(8.0 + lead, -galley.size().y * 0.5);
    ui.painter().galley(at, galley, fg);
}
