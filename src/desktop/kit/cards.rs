//! Surfaces and what structures a page: cards, tiles, sections, tabs, rules, empty states.

use super::buttons::{focus_ring, primary_button, reveal};
use crate::action::Action;
use crate::cx::Cx;
use crate::theme::{self, icons, icons::Icon, ramp};
use egui::accesskit::Role;
use egui::emath::GuiRounding as _;
use egui::{
    Align, Frame, Layout, Margin, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, UiBuilder, WidgetInfo, pos2,
    vec2,
};

const PAD: Margin = Margin { left: 14, right: 14, top: 12, bottom: 12 };

/// A page that scrolls. The bar has a strip of its own, so that it covers no border.
pub fn page<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    egui::ScrollArea::vertical()
        .auto_shrink(false)
        .show(ui, |ui| {
            let width = ui.available_width() - 12.0;
            ui.set_max_width(width);
            ui.set_min_width(width);
            add(ui)
        })
        .inner
}

/// A card that is as high as its content.
pub fn card<R>(ui: &mut Ui, cx: &mut Cx<'_>, title: &str, add: impl FnOnce(&mut Ui, &mut Cx<'_>) -> R) -> R {
    let t = cx.theme;
    let width = ui.available_width();
    let frame =
        Frame::new().fill(t.card).stroke(Stroke::new(1.0, t.border)).corner_radius(4).inner_margin(PAD);
    frame
        .show(ui, |ui| {
            ui.set_width((width - 30.0).max(0.0));
            if !title.is_empty() {
                ui.label(ramp::strong(title, ramp::SUBTITLE));
                ui.add_space(6.0);
            }
            add(ui, cx)
        })
        .inner
}

/// A card of an exact size, so that tiles in a row are equally high.
pub fn tile<R>(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    size: egui::Vec2,
    title: &str,
    add: impl FnOnce(&mut Ui, &mut Cx<'_>) -> R,
) -> R {
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let rect = rect.round_to_pixels(ui.pixels_per_point());
    ui.painter().rect(rect, 4.0, cx.theme.card, Stroke::new(1.0, cx.theme.border), StrokeKind::Inside);
    let builder = UiBuilder::new().max_rect(rect - PAD).layout(Layout::top_down(Align::Min)).id_salt(title);
    let mut child = ui.new_child(builder);
    child.shrink_clip_rect(rect.shrink(1.0));
    if !title.is_empty() {
        child.label(ramp::strong(title, ramp::SUBTITLE));
        child.add_space(6.0);
    }
    add(&mut child, cx)
}

/// A title within a page.
pub fn section(ui: &mut Ui, title: &str) {
    ui.add_space(8.0);
    ui.label(ramp::strong(title, ramp::SUBTITLE));
    ui.add_space(4.0);
}

/// Secondary small text.
pub fn caption(ui: &mut Ui, text: impl Into<String>) {
    let color = theme::of(ui).text2;
    ui.label(ramp::caption(text).color(color));
}

/// A rule across the page.
pub fn hairline(ui: &mut Ui) {
    let color = theme::of(ui).divider;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    let y = ui.painter().round_to_pixel_center(rect.top());
    ui.painter().hline(rect.x_range(), y, Stroke::new(1.0, color));
}

/// A row of tabs; left and right change between them.
pub fn tabs(ui: &mut Ui, names: &[String], selected: &mut usize) {
    let t = theme::of(ui);
    let top = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let mut ids = Vec::new();
        for (index, name) in names.iter().enumerate() {
            let on = index == *selected;
            let galley = ui.painter().layout_no_wrap(
                name.clone(),
                ramp::semibold_font(ramp::BODY),
                egui::Color32::PLACEHOLDER,
            );
            // One stop for the row: the tab that is shown.
            let sense = if on { Sense::click() } else { Sense::CLICK };
            let (rect, _) = ui.allocate_exact_size(vec2(galley.size().x + 20.0, 32.0), Sense::hover());
            // The same wherever the page of a tab puts the row, so that the focus stays on it.
            let id = egui::Id::unique(("tab", names.first(), index));
            let response = ui.interact(rect, id, sense);
            ids.push(id);
            response.widget_info(|| WidgetInfo::selected(Role::Tab, true, on, name));
            if response.hovered() {
                ui.painter().rect_filled(rect.shrink2(vec2(0.0, 2.0)), 4.0, t.hover);
            }
            let font = if on { ramp::semibold_font(ramp::BODY) } else { ramp::regular_font(ramp::BODY) };
            ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, name, font, t.text);
            if on {
                let line = Rect::from_min_max(
                    pos2(rect.left() + 10.0, rect.bottom() - 3.0),
                    Pos2::new(rect.right() - 10.0, rect.bottom()),
                );
                ui.painter().rect_filled(line.round_to_pixels(ui.pixels_per_point()), 1.5, t.accent);
            }
            if response.has_focus() {
                focus_ring(ui, rect);
            }
            reveal(&response);
            if response.clicked() {
                *selected = index;
            }
        }
        turn(ui, &ids, selected);
    });
    let y = ui.painter().round_to_pixel_center(top.response.rect.bottom() + 0.5);
    ui.painter().hline(ui.max_rect().x_range(), y, Stroke::new(1.0, t.divider));
    ui.add_space(8.0);
}

/// Left and right turn to the tab beside the one that has the focus.
fn turn(ui: &Ui, ids: &[egui::Id], selected: &mut usize) {
    let Some(now) = ids.get(*selected).filter(|id| ui.memory(|m| m.has_focus(**id))) else { return };
    let keys = egui::EventFilter { horizontal_arrows: true, ..Default::default() };
    ui.memory_mut(|m| m.set_focus_lock_filter(*now, keys));
    let to = if ui.input(|i| i.key_pressed(egui::Key::ArrowRight)) {
        *selected + 1
    } else if ui.input(|i| i.key_pressed(egui::Key::ArrowLeft)) {
        selected.wrapping_sub(1)
    } else {
        return;
    };
    if let Some(id) = ids.get(to) {
        *selected = to;
        ui.memory_mut(|m| m.request_focus(*id));
    }
}

/// What a list shows when there is nothing to show, and the way on.
pub fn empty(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    icon: Icon,
    title: &str,
    text: &str,
    button: Option<(String, Action)>,
) {
    let t = cx.theme;
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.18).clamp(16.0, 110.0));
        let (rect, _) = ui.allocate_exact_size(vec2(72.0, 72.0), Sense::hover());
        ui.painter().circle_filled(rect.center(), 36.0, t.accent_soft);
        icons::paint(ui.painter(), rect.center(), icon, 32.0, t.accent);
        ui.add_space(12.0);
        ui.label(ramp::strong(title, 16.0));
        ui.add_space(2.0);
        ui.scope(|ui| {
            ui.set_max_width(460.0);
            ui.label(ramp::body(text).color(t.text2));
        });
        ui.add_space(14.0);
        if let Some((label, action)) = button
            && primary_button(ui, &label, true).clicked()
        {
            cx.act(action);
        }
    });
}
