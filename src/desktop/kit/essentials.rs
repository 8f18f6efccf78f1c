//! The essentials of a noun: names and values in two columns at the top of its blade.

use super::buttons::{icon_button, link};
use super::marks::health_mark;
use super::wording::words;
use crate::cx::Cx;
use crate::route::Route;
use crate::theme::{icons::Icon, ramp};
use egui::{Align, Label, Layout, Ui, vec2};
use leeward_model::Health;

/// A value of the essentials.
#[derive(Clone, Debug)]
pub enum Value {
    /// Text.
    Text(String),
    /// Text with an explanation on hover (an age with its exact time).
    Hover(String, String),
    /// Text that leads to a blade.
    Link(String, Route),
    /// A health with its word.
    Health(Health, String),
    /// Addresses and ids.
    Mono(String),
}

/// Draws them; wide windows get two columns. Can be folded.
pub fn essentials(ui: &mut Ui, cx: &mut Cx<'_>, rows: &[(String, Value)]) {
    let id = ui.scope_id().with("essentials-folded");
    let mut folded = ui.data(|d| d.get_temp::<bool>(id).unwrap_or_default());
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let mark = if folded { Icon::ChevronRight } else { Icon::ChevronDown };
        let (fg, hover) = (cx.theme.text2, cx.theme.hover);
        if icon_button(ui, mark, &words("essentials-fold"), 12.0, fg, hover).clicked() {
            folded = !folded;
            ui.data_mut(|d| d.insert_temp(id, folded));
        }
        ui.label(ramp::strong(words("essentials"), ramp::BODY));
    });
    if folded {
        return;
    }
    let two = ui.available_width() > 700.0;
    let per_column = if two { rows.len().div_ceil(2) } else { rows.len() };
    let columns: u8 = if two { 2 } else { 1 };
    let width = ((ui.available_width() - 24.0) / f32::from(columns)).min(580.0);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 16.0;
        for column in rows.chunks(per_column.max(1)) {
            ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                ui.set_width(width);
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.spacing_mut().interact_size.y = 20.0;
                for (name, value) in column {
                    row(ui, cx, width, name, value);
                }
            });
        }
    });
    ui.add_space(4.0);
}

fn row(ui: &mut Ui, cx: &mut Cx<'_>, width: f32, name: &str, value: &Value) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.add_space(10.0);
        ui.allocate_ui_with_layout(vec2(148.0, 20.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(148.0);
            ui.add(Label::new(ramp::body(name).color(cx.theme.text2)).truncate());
        });
        ui.label(ramp::body(":").color(cx.theme.text2));
        ui.add_space(12.0);
        let room = (width - 190.0).max(40.0);
        ui.allocate_ui_with_layout(
            vec2(room, 20.0),
            Layout::left_to_right(Align::Center),
            |ui| match value {
                Value::Text(text) => _ = ui.add(Label::new(ramp::body(text)).truncate()),
                Value::Hover(text, hover) => {
                    ui.add(Label::new(ramp::body(text)).truncate()).on_hover_text(hover);
                }
                Value::Link(text, route) => {
                    if link(ui, text).clicked() {
                        cx.go(route.clone());
                    }
                }
                Value::Health(health, text) => health_mark(ui, *health, text),
                Value::Mono(text) => _ = ui.add(Label::new(ramp::caption(text).monospace()).truncate()),
            },
        );
    });
}
