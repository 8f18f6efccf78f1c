//! The frame of every dialog: a panel at the right edge with a title, a scrolling body and buttons that stay in sight.
//! It keeps what has been put in from slips of the hand, and the keyboard within.

use super::buttons::{danger_button, icon_button, primary_button, secondary_button, tell_why};
use super::wording::words;
use crate::cx::Cx;
use crate::theme::{icons, icons::Icon, ramp};
use egui::{
    Align, Align2, Area, Color32, Context, Event, FocusDirection, Frame, Id, Key, Label, Layout, Modal,
    Order, Rect, Response, ScrollArea, Sense, Stroke, Ui, UiBuilder, UiKind, Vec2, pos2, vec2,
};

/// Heights of the parts: title, a row of buttons, what surrounds the buttons; width of the margins.
const HEAD: f32 = 52.0;
const ROW: f32 = 28.0;
const PAD: f32 = 12.0;
const SIDE: f32 = 24.0;

/// How a button looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ButtonKind {
    /// Goes on.
    Primary,
    /// Goes on and destroys something.
    Danger,
    /// Everything else.
    Secondary,
}

/// A button of a dialog's footer.
#[derive(Clone, Debug)]
pub struct Button {
    /// Its label.
    pub text: String,
    /// How it looks.
    pub kind: ButtonKind,
    /// Why it cannot be pressed yet; none when it can.
    pub blocked: Option<String>,
}

impl Button {
    /// A button that can be pressed.
    pub fn new(text: impl Into<String>, kind: ButtonKind) -> Self {
        Self { text: text.into(), kind, blocked: None }
    }

    /// Blocked with a reason, while there is one.
    #[must_use]
    pub fn blocked(mut self, why: Option<String>) -> Self {
        self.blocked = why;
        self
    }
}

/// What a person did with the dialog in this frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DialogAnswer {
    /// Nothing yet.
    Open,
    /// Closed it: the cross, Escape, a click beside it.
    Dismissed,
    /// Pressed the button with this index.
    Pressed(usize),
}

/// What a dialog remembers from frame to frame.
#[derive(Default, Debug)]
pub struct DialogState {
    /// Something has been put in that closing would lose.
    pub filled: bool,
    /// It is only blocked for a moment: nothing needs to be said of it.
    pub waits: bool,
    /// The title under which the keyboard was brought to the first field.
    begun: Option<String>,
    /// A person wanted to leave, and was told what would be lost.
    warned: bool,
    /// Enter was pressed in a field: the first button follows when what was typed has been taken in.
    enter: bool,
    /// Where the keyboard was last: Escape takes it away before one has said whether one leaves.
    focus: Option<Id>,
}

const fn side(left: f32, width: f32, top: f32, height: f32) -> Rect {
    Rect { min: pos2(left, top), max: pos2(left + width, top + height) }
}

/// Enter in this field presses the first button of its dialog.
pub fn enters(field: &Response) {
    if field.lost_focus() && field.ctx.input(|i| i.key_pressed(Key::Enter)) {
        field.ctx.data_mut(|d| d.insert_temp(Id::unique("dialog-entered"), Some(field.id)));
    }
}

/// Draws a dialog. `buttons` stand in the footer from left to right.
pub fn dialog(
    ctx: &Context,
    cx: &mut Cx<'_>,
    (title, width): (&str, f32),
    state: &mut DialogState,
    body: impl FnOnce(&mut Ui, &mut Cx<'_>),
    buttons: &[Button],
) -> DialogAnswer {
    let t = cx.theme;
    let id = Id::unique(("dialog", title));
    let screen = ctx.content_rect();
    let width = width.min(screen.width() - 40.0);
    let area = Area::new(id)
        .kind(UiKind::Modal)
        .sense(Sense::hover())
        .anchor(Align2::RIGHT_TOP, Vec2::ZERO)
        .order(Order::Foreground)
        .interactable(true);
    let frame = Frame::new()
        .fill(t.card)
        .stroke(Stroke::new(1.0, t.border))
        .shadow(ctx.global_style().visuals.window_shadow);
    let touched = |e: &Event| matches!(e, Event::Text(_) | Event::PointerButton { pressed: true, .. });
    if ctx.input(|i| i.events.iter().any(touched)) {
        state.warned = false;
    }
    let enter = std::mem::take(&mut state.enter);
    let mut answer = DialogAnswer::Open;
    let shown = Modal::new(id).area(area).frame(frame).backdrop_color(t.veil).show(ctx, |ui| {
        ui.set_width(width);
        ui.set_height(screen.height());
        ui.spacing_mut().item_spacing = vec2(8.0, 4.0);
        answer = parts(ui, cx, title, state, body, buttons);
    });
    state.focus = ctx.memory(|m| m.focused()).or(state.focus);
    let first = buttons.first().is_some_and(|b| b.blocked.is_none());
    if enter && first && answer == DialogAnswer::Open {
        answer = DialogAnswer::Pressed(0);
    }
    let beside = shown.backdrop_response.clicked();
    let escape = shown.is_top_modal
        && !shown.any_popup_open
        && ctx.input_mut(|i| i.consume_key(egui::Modifiers::NONE, Key::Escape));
    if answer == DialogAnswer::Open && (beside || escape) {
        answer = leave(ctx, state, escape);
    }
    answer
}

/// Whether a slip of the hand closes it: not when something has been put in. Escape does so when asked again.
fn leave(ctx: &Context, state: &mut DialogState, escape: bool) -> DialogAnswer {
    if !state.filled || (escape && state.warned) {
        return DialogAnswer::Dismissed;
    }
    state.warned = true;
    if let Some(focus) = state.focus {
        ctx.memory_mut(|m| m.request_focus(focus));
    }
    ctx.request_repaint();
    DialogAnswer::Open
}

/// Title, body, buttons and the cross, in the order in which the keyboard goes through them: the cross last, although
/// it stands at the top.
fn parts(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    title: &str,
    state: &mut DialogState,
    body: impl FnOnce(&mut Ui, &mut Cx<'_>),
    buttons: &[Button],
) -> DialogAnswer {
    let t = cx.theme;
    let whole = ui.max_rect();
    let mut answer = DialogAnswer::Open;
    let (left, top, width) = (whole.left(), whole.top(), whole.width());
    let line = said(state, buttons);
    let line_height = line.as_ref().map_or(0.0, |(text, _)| {
        let font = ramp::regular_font(ramp::CAPTION);
        let room = width - SIDE * 2.0 - 22.0;
        ui.painter().layout(text.clone(), font, Color32::PLACEHOLDER, room).size().y.max(16.0) + 10.0
    });
    let foot_height = PAD * 2.0 + ROW + line_height;
    let title_at = side(left + SIDE, width - SIDE - 60.0, top + 16.0, ROW);
    let mut head = part(ui, title_at, Layout::left_to_right(Align::Center), "head");
    head.add(Label::new(ramp::strong(title, 18.0)).truncate());

    let opening = !ui.is_sizing_pass() && state.begun.as_deref() != Some(title);
    if opening {
        state.begun = Some(title.to_owned());
        // The first thing in the body that takes the keyboard gets it.
        ui.memory_mut(|m| {
            m.stop_text_input();
            m.move_focus(FocusDirection::Next);
        });
    }
    ui.data_mut(|d| d.remove::<Option<Id>>(Id::unique("dialog-entered")));
    let high = (whole.height() - HEAD - foot_height - 12.0).max(40.0);
    let body_at = side(left + SIDE, width - SIDE - 10.0, top + HEAD + 4.0, high);
    let mut inner = part(ui, body_at, Layout::top_down(Align::Min), "body");
    inner.shrink_clip_rect(body_at.expand2(vec2(4.0, 4.0)));
    // The bar has a strip of its own beside the text.
    ScrollArea::vertical().auto_shrink(false).show(&mut inner, |ui| {
        ui.set_max_width(ui.available_width() - 14.0);
        body(ui, cx);
    });
    let entered = ui.data_mut(|d| d.remove_temp::<Option<Id>>(Id::unique("dialog-entered")));
    if let Some(field) = entered.flatten() {
        state.enter = true;
        ui.memory_mut(|m| m.request_focus(field));
        ui.ctx().request_repaint();
    }
    let unclaimed = opening && ui.memory(|m| m.focused().is_none());
    if unclaimed {
        ui.memory_mut(|m| m.move_focus(FocusDirection::None));
    }

    let foot_at = Rect::from_min_max(pos2(left, whole.bottom() - foot_height), whole.max);
    let mut foot = foot(ui, cx, foot_at, line);
    if let Some(index) = button_row(&mut foot, buttons, unclaimed) {
        answer = DialogAnswer::Pressed(index);
    }
    let cross_at = Rect::from_center_size(pos2(whole.right() - 25.0, title_at.center().y), Vec2::splat(26.0));
    let mut cross = part(ui, cross_at, Layout::left_to_right(Align::Center), "cross");
    if icon_button(&mut cross, Icon::Dismiss, &words("close"), 14.0, t.text2, t.hover).clicked() {
        answer = DialogAnswer::Dismissed;
    }
    answer
}

fn part(ui: &mut Ui, at: Rect, layout: Layout, name: &str) -> Ui {
    ui.new_child(UiBuilder::new().max_rect(at).layout(layout).id_salt(name))
}

/// What stands above the buttons: that leaving loses something, else why one cannot go on.
fn said(state: &DialogState, buttons: &[Button]) -> Option<(String, bool)> {
    if state.warned && state.filled {
        return Some((words("dialog-leave"), true));
    }
    let blocked = buttons.iter().find_map(|b| b.blocked.clone());
    blocked.filter(|_| !state.waits).map(|why| (why, false))
}

/// The ground of the footer, with the line above its buttons.
fn foot(ui: &mut Ui, cx: &Cx<'_>, at: Rect, line: Option<(String, bool)>) -> Ui {
    ui.painter().rect_filled(at, 0.0, cx.theme.bg_alt);
    let y = ui.painter().round_to_pixel_center(at.top());
    ui.painter().hline(at.x_range(), y, Stroke::new(1.0, cx.theme.divider));
    let mut foot = part(ui, at.shrink2(vec2(SIDE, PAD)), Layout::top_down(Align::Min), "foot");
    if let Some((text, warns)) = line {
        foot_line(&mut foot, cx, &text, warns);
    }
    foot
}

fn foot_line(ui: &mut Ui, cx: &Cx<'_>, text: &str, warns: bool) {
    let t = cx.theme;
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, 16.0), Sense::hover());
        let (icon, color) = if warns { (Icon::Warning, t.warn) } else { (Icon::About, t.text2) };
        icons::paint(ui.painter(), rect.center(), icon, 14.0, color);
        ui.add(Label::new(ramp::caption(text).color(if warns { t.text } else { t.text2 })).wrap());
    });
    ui.add_space(6.0);
}

/// Draws the buttons. Where there is nothing to fill in the keyboard begins at the last of them, which goes back: Enter
/// pressed once too often does nothing.
fn button_row(ui: &mut Ui, buttons: &[Button], focus: bool) -> Option<usize> {
    let mut pressed = None;
    ui.horizontal(|ui| {
        for (index, button) in buttons.iter().enumerate() {
            let on = button.blocked.is_none();
            let response = match button.kind {
                ButtonKind::Primary => primary_button(ui, &button.text, on),
                ButtonKind::Danger => danger_button(ui, &button.text, on),
                ButtonKind::Secondary => secondary_button(ui, &button.text, on),
            };
            if response.clicked() {
                pressed = Some(index);
            }
            if focus && index + 1 == buttons.len() {
                response.request_focus();
            }
            if let Some(why) = &button.blocked {
                tell_why(&response, why);
            }
        }
    });
    pressed
}
