//! Buttons and links. Apart from `commands`, which lays a row of them out.

use crate::theme::{self, icons, icons::Icon, ramp};
use egui::accesskit::Role;
use egui::{
    Button, Color32, CursorIcon, Popup, PopupCloseBehavior, Rect, Response, RichText, Sense, Stroke,
    StrokeKind, Ui, UiStackInfo, Vec2, WidgetInfo, vec2,
};

/// Scrolls a widget into view when the keyboard reaches it.
pub fn reveal(response: &Response) {
    if response.gained_focus() {
        response.scroll_to_me(None);
    }
}

const PASSED_OVER: &str = "passed-over";

/// The keyboard does not stop within: what is there is reached by the arrow keys of the list around it.
#[must_use]
pub fn passed_over() -> UiStackInfo {
    UiStackInfo::default().with_tag(PASSED_OVER)
}

/// Can be clicked, and stopped at by the keyboard unless it is passed over.
pub(super) fn press(ui: &Ui) -> Sense {
    let over = ui.stack().iter().any(|s| s.tags().contains(PASSED_OVER));
    if over { Sense::CLICK } else { Sense::click() }
}

/// A menu beneath its opener. When it closes the keyboard is at the opener again, not nowhere.
pub fn menu(opener: &Response, close: PopupCloseBehavior, add: impl FnOnce(&mut Ui)) {
    let id = Popup::default_response_id(opener);
    let was_open = Popup::is_id_open(&opener.ctx, id);
    Popup::menu(opener).close_behavior(close).show(add);
    let closed = was_open && !Popup::is_id_open(&opener.ctx, id);
    let nowhere = opener.ctx.memory(|m| m.focused().is_none());
    if closed && nowhere && opener.sense.is_focusable() {
        opener.request_focus();
    }
}

/// The ring around what the keyboard would press.
pub fn focus_ring(ui: &Ui, rect: Rect) {
    let stroke = Stroke::new(2.0, theme::of(ui).text);
    ui.painter().rect_stroke(rect.shrink(0.5), 4.0, stroke, StrokeKind::Inside);
}

/// How strong what cannot be pressed is drawn.
const FAINT: f32 = 0.45;

/// What cannot be pressed is reached all the same, to hear why.
fn plain_or_faint(ui: &mut Ui, button: Button<'_>, text: &str, enabled: bool) -> Response {
    if enabled {
        return ui.add(button.min_size(vec2(88.0, 28.0)));
    }
    ui.multiply_opacity(FAINT);
    let widgets = &mut ui.visuals_mut().widgets;
    // It is drawn as what it is, not as what takes no part.
    widgets.noninteractive = widgets.inactive;
    let response = ui.add(button.min_size(vec2(88.0, 28.0)).sense(Sense::focusable_noninteractive()));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, false, text));
    response
}

fn filled(ui: &mut Ui, text: &str, fills: [Color32; 2], on: Color32, enabled: bool) -> Response {
    let response = ui
        .scope(|ui| {
            let widgets = &mut ui.visuals_mut().widgets;
            let states = [(&mut widgets.inactive, 0), (&mut widgets.hovered, 1), (&mut widgets.active, 1)];
            for (state, fill) in states {
                state.weak_bg_fill = fills.get(fill).copied().unwrap_or(on);
                state.bg_stroke = Stroke::NONE;
                state.fg_stroke.color = on;
            }
            let button = Button::new(RichText::new(text).family(ramp::semibold()).size(ramp::BODY));
            plain_or_faint(ui, button, text, enabled)
        })
        .inner;
    if response.has_focus() {
        let ring = Stroke::new(2.0, theme::of(ui).text);
        ui.painter().rect_stroke(response.rect.expand(2.0), 5.0, ring, StrokeKind::Inside);
    }
    reveal(&response);
    response
}

/// The one button of a view that goes on.
pub fn primary_button(ui: &mut Ui, text: &str, enabled: bool) -> Response {
    let t = theme::of(ui);
    filled(ui, text, [t.accent, t.accent_hover], t.on_accent, enabled)
}

/// The button that destroys something.
pub fn danger_button(ui: &mut Ui, text: &str, enabled: bool) -> Response {
    let t = theme::of(ui);
    let hover = t.err.gamma_multiply(0.85);
    filled(ui, text, [t.err, hover], t.on_accent, enabled)
}

/// Every other button.
pub fn secondary_button(ui: &mut Ui, text: &str, enabled: bool) -> Response {
    let response = ui.scope(|ui| plain_or_faint(ui, Button::new(ramp::body(text)), text, enabled)).inner;
    if response.has_focus() {
        focus_ring(ui, response.rect);
    }
    reveal(&response);
    response
}

/// Icon and label without a frame until the pointer is over it.
pub fn flat_button(ui: &mut Ui, icon: Option<Icon>, text: &str, enabled: bool) -> Response {
    let t = theme::of(ui);
    let galley =
        ui.painter().layout_no_wrap(text.to_owned(), ramp::regular_font(ramp::BODY), Color32::PLACEHOLDER);
    let lead = if icon.is_some() { 22.0 } else { 0.0 };
    let size = vec2(lead + galley.size().x + 16.0, 28.0);
    // What is refused can be reached all the same, to hear why.
    let sense = if enabled { Sense::click() } else { Sense::focusable_noninteractive() };
    let (rect, response) = ui.allocate_exact_size(size, sense);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, text));
    if ui.is_rect_visible(rect) {
        if enabled && response.is_pointer_button_down_on() {
            ui.painter().rect_filled(rect, 4.0, t.pressed);
        } else if enabled && response.hovered() {
            ui.painter().rect_filled(rect, 4.0, t.hover);
        }
        if response.has_focus() {
            focus_ring(ui, rect);
        }
        let (fg, mark) = if enabled { (t.text, t.accent) } else { (t.text3, t.text3) };
        if let Some(icon) = icon {
            let center = rect.left_center() + vec2(16.0, 0.0);
            icons::paint(ui.painter(), center, icon, 16.0, mark);
        }
        let at = rect.left_center() + vec2(8.0 + lead, -galley.size().y * 0.5);
        ui.painter().galley_with_override_text_color(at, galley, fg);
    }
    reveal(&response);
    response
}

/// Says why something cannot be used now: to the pointer over it, to the keyboard on it, to a screen reader.
pub fn refusal(response: Response, why: &str) -> Response {
    tell_why(&response, why);
    if response.has_focus() {
        response.show_tooltip_text(why);
        return response;
    }
    response.on_hover_text(why)
}

/// Says why to a screen reader alone: where the reason stands beside it.
pub(super) fn tell_why(response: &Response, why: &str) {
    response.ctx.accesskit_node_builder(response.id, |node| node.set_description(why));
}

/// A square button with an icon alone; `name` is its tooltip and its name for screen readers.
pub fn icon_button(ui: &mut Ui, icon: Icon, name: &str, size: f32, fg: Color32, hover: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(size + 12.0), press(ui));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), name));
    if ui.is_rect_visible(rect) {
        if response.hovered() {
            ui.painter().rect_filled(rect, 4.0, hover);
        }
        if response.has_focus() {
            ui.painter().rect_stroke(rect.shrink(0.5), 4.0, Stroke::new(2.0, fg), StrokeKind::Inside);
        }
        icons::paint(ui.painter(), rect.center(), icon, size, fg);
    }
    reveal(&response);
    response.on_hover_text(name)
}

/// Text that leads somewhere; cut with dots where there is no room.
pub fn link(ui: &mut Ui, text: &str) -> Response {
    let t = theme::of(ui);
    let font = ramp::regular_font(ramp::BODY);
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_owned(), font, t.accent);
    job.wrap = egui::text::TextWrapping::truncate_at_width(ui.available_width().max(24.0));
    let galley = ui.painter().layout_job(job);
    let (rect, response) = ui.allocate_exact_size(galley.size(), press(ui));
    response.widget_info(|| WidgetInfo::labeled(Role::Link, ui.is_enabled(), text));
    let cut = galley.elided;
    let color = if response.hovered() { t.accent_hover } else { t.accent };
    ui.painter().galley_with_override_text_color(rect.min, galley, color);
    if response.hovered() || response.has_focus() {
        let y = ui.painter().round_to_pixel_center(rect.bottom() - 1.5);
        ui.painter().hline(rect.x_range(), y, Stroke::new(1.0, color));
    }
    reveal(&response);
    let response = response.on_hover_cursor(CursorIcon::PointingHand);
    if cut { response.on_hover_text(text) } else { response }
}

/// What narrows a list, on a soft colour, with a cross: a click takes it away.
pub fn removable_chip(ui: &mut Ui, text: &str) -> Response {
    let t = theme::of(ui);
    let mut job =
        egui::text::LayoutJob::simple_singleline(text.to_owned(), ramp::regular_font(ramp::BODY), t.accent);
    job.wrap = egui::text::TextWrapping::truncate_at_width((ui.available_width() * 0.5).max(80.0));
    let galley = ui.painter().layout_job(job);
    let (rect, response) = ui.allocate_exact_size(vec2(galley.size().x + 40.0, 26.0), Sense::click());
    let name = super::msg("chip-remove").with("what", text).render();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), &name));
    let edge = if response.hovered() { t.accent } else { t.accent_soft };
    ui.painter().rect(rect, 13.0, t.accent_soft, Stroke::new(1.0, edge), StrokeKind::Inside);
    let at = rect.left_center() + vec2(12.0, -galley.size().y * 0.5);
    ui.painter().galley(at, galley, t.accent);
    icons::paint(ui.painter(), rect.right_center() - vec2(15.0, 0.0), Icon::Dismiss, 11.0, t.accent);
    if response.has_focus() {
        focus_ring(ui, rect);
    }
    reveal(&response);
    response.on_hover_text(name)
}
