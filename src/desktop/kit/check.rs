//! The box that selects a row. Apart from egui's own, which the keyboard stops at on every row of a list.

use super::buttons::{focus_ring, press};
use super::reveal;
use crate::theme::{self, icons, icons::Icon};
use egui::accesskit::Role;
use egui::{Rect, Response, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};

/// Draws it; `some` is between on and off. It is the caller's to turn it round when it is clicked.
pub fn check_box(ui: &mut Ui, on: bool, some: bool, name: &str) -> Response {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(16.0, ui.spacing().interact_size.y), press(ui));
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, ui.is_enabled(), on, name));
    let square = Rect::from_center_size(rect.center(), Vec2::splat(16.0));
    let (fill, edge) = match (on || some, response.hovered()) {
        (true, false) => (t.accent, t.accent),
        (true, true) => (t.accent_hover, t.accent_hover),
        (false, true) => (t.hover, t.control_hover),
        (false, false) => (t.card, t.control),
    };
    ui.painter().rect(square, 4.0, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
    if on {
        icons::paint(ui.painter(), square.center(), Icon::Checkmark, 11.0, t.on_accent);
    } else if some {
        let y = ui.painter().round_to_pixel_center(square.center().y);
        ui.painter().hline(square.shrink(4.0).x_range(), y, Stroke::new(1.5, t.on_accent));
    }
    if response.has_focus() {
        focus_ring(ui, square.expand(3.0));
    }
    reveal(&response);
    response
}
