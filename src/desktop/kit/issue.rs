//! What went wrong, as a box: what failed, on what, why, what to do. And one-line banners.

use super::buttons::link;
use super::wording::words;
use crate::action::Action;
use crate::cx::Cx;
use crate::theme::{icons, icons::Icon, icons::Status, ramp};
use egui::{CollapsingHeader, Color32, Frame, Label, Margin, Ui, vec2};
use leeward_model::{Fault, Health};

/// A fault with its causes and the recommended action.
pub fn fault_box(ui: &mut Ui, cx: &mut Cx<'_>, fault: &Fault) {
    let t = cx.theme;
    boxed(ui, Status::Critical, t.err, t.err_soft, |ui| {
        ui.add(Label::new(ramp::strong(fault.what.render(), ramp::BODY)).wrap());
        for cause in &fault.causes {
            ui.add(Label::new(ramp::body(cause.render())).wrap());
        }
        ui.add_space(4.0);
        ui.add(Label::new(ramp::strong(words("fault-action"), ramp::CAPTION).color(t.text2)));
        ui.add(Label::new(ramp::body(fault.action.render())).wrap());
        if !fault.detail.is_empty() {
            ui.add_space(2.0);
            CollapsingHeader::new(ramp::caption(words("fault-detail"))).id_salt(&fault.code).show(ui, |ui| {
                ui.add(Label::new(ramp::caption(&fault.detail).monospace()).wrap().selectable(true));
                if link(ui, &words("copy")).clicked() {
                    cx.act(Action::Copy(format!("{}\n{}", fault.code, fault.detail)));
                }
            });
        }
    });
}

/// One sentence that should be seen, with a way to act on it.
pub fn banner(ui: &mut Ui, cx: &mut Cx<'_>, health: Health, text: &str, way: Option<(String, Action)>) {
    let t = cx.theme;
    let (color, soft) = if health == Health::NotApplicable {
        (t.accent, t.accent_soft)
    } else {
        (t.health(health), t.health_soft(health))
    };
    let status = super::health_status(health);
    boxed(ui, status, color, soft, |ui| {
        ui.spacing_mut().interact_size.y = 18.0;
        ui.horizontal_wrapped(|ui| {
            ui.label(ramp::body(text));
            if let Some((label, action)) = way
                && link(ui, &label).clicked()
            {
                cx.act(action);
            }
        });
    });
}

fn boxed(ui: &mut Ui, status: Status, color: Color32, fill: Color32, add: impl FnOnce(&mut Ui)) {
    let width = ui.available_width();
    Frame::new()
        .fill(fill)
        .corner_radius(4)
        .inner_margin(Margin { left: 12, right: 12, top: 9, bottom: 9 })
        .show(ui, |ui| {
            ui.set_width((width - 24.0).max(0.0));
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = 10.0;
                let (rect, _) = ui.allocate_exact_size(vec2(16.0, 18.0), egui::Sense::hover());
                if status == Status::None {
                    icons::paint(ui.painter(), rect.center(), Icon::About, 16.0, color);
                } else {
                    icons::paint_status(ui.painter(), rect.center(), status, 16.0, color, fill);
                }
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    add(ui);
                });
            });
        });
    ui.add_space(4.0);
}
