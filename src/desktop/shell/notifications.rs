//! The list of what became of commands, newest first. Apart from `toasts`, which show them for a moment.

use super::ShellState;
use super::toasts::note_body;
use crate::cx::Cx;
use crate::kit::{self, words};
use crate::outbox::{Note, Outbox};
use crate::theme::{icons::Icon, ramp};
use egui::{Frame, Margin, Panel, ScrollArea, Ui};

const WIDTH: f32 = 360.0;

pub(crate) fn show(ui: &mut Ui, cx: &mut Cx<'_>, outbox: &mut Outbox, shell: &mut ShellState) {
    outbox.mark_read();
    let t = cx.theme;
    let frame = Frame::new().fill(t.bg).inner_margin(Margin { left: 16, right: 12, top: 12, bottom: 8 });
    let mut clear = false;
    Panel::right("notifications").exact_size(WIDTH).resizable(false).frame(frame).show(ui, |ui| {
        let area = ui.max_rect();
        ui.horizontal(|ui| {
            ui.label(ramp::strong(words("notifications"), 16.0));
            ui.add_space((ui.available_width() - 28.0).max(0.0));
            let close = kit::icon_button(ui, Icon::Dismiss, &words("close"), 13.0, t.text2, t.hover);
            shell.regions.put(area, Some(close.id));
            if close.clicked() {
                shell.notifications = false;
            }
        });
        if outbox.notes().is_empty() {
            kit::empty(
                ui,
                cx,
                Icon::Bell,
                &words("notifications-none"),
                &words("notifications-none-text"),
                None,
            );
            return;
        }
        clear = kit::link(ui, &words("notifications-clear")).clicked();
        ui.add_space(4.0);
        let mut notes: Vec<&Note> = outbox.notes().iter().collect();
        notes.reverse();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            for note in notes {
                entry(ui, cx, note);
            }
        });
    });
    if clear {
        outbox.clear();
    }
}

fn entry(ui: &mut Ui, cx: &mut Cx<'_>, note: &Note) {
    kit::hairline(ui);
    ui.add_space(6.0);
    ui.horizontal_top(|ui| note_body(ui, cx, note, WIDTH - 70.0));
    ui.horizontal(|ui| {
        ui.add_space(26.0);
        let (age, exact) = kit::age(note.at, cx.now);
        ui.label(ramp::caption(age).color(cx.theme.text2)).on_hover_text(exact);
    });
    ui.add_space(6.0);
}
