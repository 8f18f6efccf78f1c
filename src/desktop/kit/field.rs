//! A form field: label over the control, what is wrong beneath, as one types.

use crate::theme::{Theme, icons, icons::Status, ramp};
use egui::{Align2, Margin, Response, Stroke, TextEdit, Ui, vec2};

/// Draws a field around its control.
pub fn field<R>(
    ui: &mut Ui,
    theme: &Theme,
    label: &str,
    required: bool,
    error: Option<&str>,
    control: impl FnOnce(&mut Ui) -> R,
) -> R {
    ui.vertical(|ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            ui.spacing_mut().interact_size.y = 18.0;
            ui.label(ramp::strong(label, ramp::BODY));
            if required {
                ui.label(ramp::body("*").color(theme.err));
            }
        });
        let inner = ui
            .scope(|ui| {
                if error.is_some() {
                    let widgets = &mut ui.visuals_mut().widgets;
                    widgets.inactive.bg_stroke = Stroke::new(1.0, theme.err);
                    widgets.hovered.bg_stroke = Stroke::new(1.0, theme.err);
                }
                control(ui)
            })
            .inner;
        if let Some(error) = error {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                ui.spacing_mut().interact_size.y = 16.0;
                let (rect, _) = ui.allocate_exact_size(vec2(14.0, 16.0), egui::Sense::hover());
                icons::paint_status(
                    ui.painter(),
                    rect.center(),
                    Status::Critical,
                    13.0,
                    theme.err,
                    theme.card,
                );
                ui.add(egui::Label::new(ramp::caption(error).color(theme.err)).wrap());
            });
        }
        ui.add_space(10.0);
        inner
    })
    .inner
}

/// A single line of text with the window's look; `name` is for screen readers.
pub fn text_field(ui: &mut Ui, text: &mut String, name: &str, hint: &str, width: f32) -> Response {
    let edit = TextEdit::singleline(text)
        .hint_text(hint)
        .desired_width(width)
        .align(Align2::LEFT_CENTER)
        .min_size(vec2(0.0, 28.0))
        .margin(Margin::symmetric(8, 5));
    let response = ui.add(edit).accessible_name(name);
    super::reveal(&response);
    response
}
