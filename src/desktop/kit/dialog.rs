//! The frame of every dialog: a panel at the right edge with a title, a scrolling body and buttons that stay in sight.

use super::buttons::{danger_button, icon_button, primary_button, secondary_button};
use super::wording::words;
use crate::cx::Cx;
use crate::theme::{icons::Icon, ramp};
use egui::{
    Align2, Area, Context, Frame, Id, Key, Label, Margin, Modal, Order, Panel, ScrollArea, Sense, Ui, UiKind,
    Vec2,
};

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

/// Draws a dialog. `buttons` stand in the footer from left to right.
pub fn dialog(
    ctx: &Context,
    cx: &mut Cx<'_>,
    title: &str,
    width: f32,
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
        .stroke(egui::Stroke::new(1.0, t.border))
        .shadow(ctx.global_style().visuals.window_shadow);
    let mut answer = DialogAnswer::Open;
    let shown = Modal::new(id).area(area).frame(frame).backdrop_color(t.veil).show(ctx, |ui| {
        ui.set_width(width);
        ui.set_height(screen.height());
        ui.spacing_mut().item_spacing = egui::vec2(8.0, 4.0);
        let head = Frame::new().inner_margin(Margin { left: 24, right: 12, top: 16, bottom: 8 });
        Panel::top("dialog-head").frame(head).show_separator_line(false).resizable(false).show(ui, |ui| {
            if title_row(ui, cx, title) {
                answer = DialogAnswer::Dismissed;
            }
        });
        let foot =
            Frame::new().fill(t.bg_alt).inner_margin(Margin { left: 24, right: 24, top: 12, bottom: 12 });
        Panel::bottom("dialog-foot").frame(foot).resizable(false).show(ui, |ui| {
            if let Some(index) = button_row(ui, buttons) {
                answer = DialogAnswer::Pressed(index);
            }
        });
        let inner = Frame::new().inner_margin(Margin { left: 24, right: 10, top: 4, bottom: 8 });
        egui::CentralPanel::default().frame(inner).show(ui, |ui| {
            // The bar has a strip of its own beside the text.
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                ui.set_max_width(ui.available_width() - 14.0);
                body(ui, cx);
            });
        });
    });
    let beside = shown.backdrop_response.clicked();
    let escape = shown.is_top_modal
        && !shown.any_popup_open
        && ctx.input_mut(|i| i.consume_key(egui::Modifiers::NONE, Key::Escape));
    if answer == DialogAnswer::Open && (beside || escape) {
        answer = DialogAnswer::Dismissed;
    }
    answer
}

fn title_row(ui: &mut Ui, cx: &Cx<'_>, title: &str) -> bool {
    let mut close = false;
    ui.horizontal(|ui| {
        let room = ui.available_width() - 44.0;
        ui.allocate_ui(egui::vec2(room, 28.0), |ui| {
            ui.set_min_width(room);
            ui.add(Label::new(ramp::strong(title, 18.0)).truncate());
        });
        close =
            icon_button(ui, Icon::Dismiss, &words("close"), 14.0, cx.theme.text2, cx.theme.hover).clicked();
    });
    close
}

fn button_row(ui: &mut Ui, buttons: &[Button]) -> Option<usize> {
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
            if let Some(why) = &button.blocked {
                response.on_disabled_hover_text(why);
            }
        }
    });
    pressed
}
