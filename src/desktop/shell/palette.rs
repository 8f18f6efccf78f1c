//! The command palette: type a part of a name, press Enter. Apart from `found`, which is what it finds.

use super::found::{self, Found};
use crate::cx::Cx;
use crate::kit::{self, words};
use crate::theme::{icons, ramp};
use egui::accesskit::Role;
use egui::{
    Align2, Area, Context, Frame, Id, Key, Margin, Modal, Modifiers, Order, ScrollArea, Sense, Ui,
    WidgetInfo, vec2,
};
use leeward_model::ItemId;

const WIDTH: f32 = 620.0;
const ROW: f32 = 36.0;

/// The palette while it is open.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    query: String,
    at: usize,
    begun: bool,
    /// What was found, and for what: worked out once per letter or publication, not per frame.
    found: Vec<Found>,
    found_for: Option<(String, u64)>,
}

/// Draws it; false when it should close.
pub(crate) fn show(ctx: &Context, cx: &mut Cx<'_>, palette: &mut Palette, item: Option<ItemId>) -> bool {
    let area = Area::new(Id::unique("palette-area"))
        .kind(egui::UiKind::Modal)
        .sense(Sense::hover())
        .order(Order::Foreground)
        .anchor(Align2::CENTER_TOP, vec2(0.0, 52.0));
    let t = cx.theme;
    let frame = Frame::new()
        .fill(t.card)
        .stroke(egui::Stroke::new(1.0, t.border))
        .corner_radius(6)
        .shadow(ctx.global_style().visuals.window_shadow)
        .inner_margin(Margin::same(8));
    let mut open = true;
    let shown =
        Modal::new(Id::unique("palette")).area(area).frame(frame).backdrop_color(t.veil).show(ctx, |ui| {
            ui.set_width(WIDTH.min(ctx.content_rect().width() - 60.0));
            let typed = kit::text_field(
                ui,
                &mut palette.query,
                &words("palette-query"),
                &words("palette-hint"),
                f32::INFINITY,
            );
            if !palette.begun {
                palette.begun = true;
                typed.request_focus();
            }
            if typed.changed() {
                palette.at = 0;
            }
            let now = (palette.query.clone(), cx.snapshot.revision);
            if palette.found_for.as_ref() != Some(&now) {
                palette.found = found::search(cx, &palette.query, item);
                palette.found_for = Some(now);
            }
            let found = std::mem::take(&mut palette.found);
            open = keys(ui, cx, palette, &found);
            ui.add_space(6.0);
            if found.is_empty() {
                ui.add_space(12.0);
                ui.vertical_centered(|ui| kit::caption(ui, words("palette-nothing")));
                ui.add_space(14.0);
            }
            list(ui, cx, palette, &found, &mut open);
            palette.found = found;
        });
    open && !shown.should_close()
}

fn keys(ui: &Ui, cx: &mut Cx<'_>, palette: &mut Palette, found: &[Found]) -> bool {
    let last = found.len().saturating_sub(1);
    if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::ArrowDown)) {
        palette.at = (palette.at + 1).min(last);
    }
    if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::ArrowUp)) {
        palette.at = palette.at.saturating_sub(1);
    }
    palette.at = palette.at.min(last);
    if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter))
        && let Some(chosen) = found.get(palette.at)
        && chosen.refused.is_none()
    {
        cx.act(chosen.action.clone());
        return false;
    }
    true
}

fn list(ui: &mut Ui, cx: &mut Cx<'_>, palette: &mut Palette, found: &[Found], open: &mut bool) {
    ScrollArea::vertical().max_height(ROW * 11.0).auto_shrink([false, true]).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (index, hit) in found.iter().enumerate() {
            let here = index == palette.at;
            let response = row(ui, cx, hit, here);
            if here && ui.input(|i| i.key_pressed(Key::ArrowDown) || i.key_pressed(Key::ArrowUp)) {
                response.scroll_to_me(None);
            }
            if response.clicked() && hit.refused.is_none() {
                cx.act(hit.action.clone());
                *open = false;
            }
        }
    });
}

fn row(ui: &mut Ui, cx: &Cx<'_>, hit: &Found, here: bool) -> egui::Response {
    let t = cx.theme;
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::CLICK);
    response
        .widget_info(|| WidgetInfo::selected(Role::ListBoxOption, hit.refused.is_none(), here, &hit.name));
    if here {
        ui.painter().rect_filled(rect, 4.0, t.selected);
    } else if response.hovered() {
        ui.painter().rect_filled(rect, 4.0, t.hover);
    }
    let (fg, mark) = if hit.refused.is_some() { (t.text3, t.text3) } else { (t.text, t.accent) };
    icons::paint(ui.painter(), rect.left_center() + vec2(18.0, 0.0), hit.icon, 16.0, mark);
    let kind = hit.refused.as_ref().unwrap_or(&hit.kind);
    let small = ramp::regular_font(ramp::CAPTION);
    let mut job = egui::text::LayoutJob::simple_singleline(kind.clone(), small, t.text2);
    job.wrap = egui::text::TextWrapping::truncate_at_width(rect.width() * 0.5);
    let galley = ui.painter().layout_job(job);
    let at = rect.right_center() - vec2(galley.size().x + 12.0, galley.size().y * 0.5);
    let clip = egui::Rect::from_min_max(rect.min, egui::pos2(at.x - 8.0, rect.bottom()));
    ui.painter().galley(at, galley, t.text2);
    let font = ramp::regular_font(ramp::BODY);
    let painter = ui.painter().with_clip_rect(clip.intersect(ui.clip_rect()));
    painter.text(rect.left_center() + vec2(36.0, 0.0), Align2::LEFT_CENTER, &hit.name, font, fg);
    response
}
