//! The bar above a table: filter, count, column choice. Apart from `paint`, which draws the rows.

use super::{Table, TableState};
use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::{icons::Icon, ramp};
use egui::{Align2, Margin, Ui, vec2};

impl<R> Table<'_, R> {
    pub(super) fn draw_bar(&self, ui: &mut Ui, cx: &mut Cx<'_>, state: &mut TableState) {
        ui.horizontal(|ui| {
            if self.words.is_some() {
                filter_box(ui, cx, &mut state.filter);
            }
            if let Some((text, all)) = &self.chip
                && kit::removable_chip(ui, text).clicked()
            {
                cx.act(all.clone());
            }
            let (n, all) = (state.view.len(), state.all);
            let key = if n == all { self.counted } else { "table-count-filtered" };
            ui.label(
                ramp::body(
                    msg(key)
                        .with("n", n)
                        .with("all", all)
                        .with("shown", kit::count(n as u64))
                        .with("of", kit::count(all as u64))
                        .render(),
                )
                .color(cx.theme.text2),
            );
            if !state.selected.is_empty() {
                let (chosen, shown) = (state.selected.len(), self.chosen(state));
                let key = if shown < chosen { "table-selected-not-shown" } else { "table-selected" };
                let said = msg(key)
                    .with("n", chosen)
                    .with("shown", kit::count(chosen as u64))
                    .with("hidden", kit::count((chosen - shown) as u64));
                ui.label(ramp::strong(said.render(), ramp::BODY));
                if kit::link(ui, &words("table-clear")).clicked() {
                    state.selected.clear();
                }
            }
            if self.columns.len() > 2 {
                ui.add_space((ui.available_width() - 96.0).max(0.0));
                let opener = kit::flat_button(ui, Some(Icon::Columns), &words("table-columns"), true);
                kit::menu(&opener, egui::PopupCloseBehavior::CloseOnClickOutside, |ui| {
                    ui.set_min_width(180.0);
                    self.column_choice(ui, state);
                });
            }
        });
        ui.add_space(4.0);
    }

    fn column_choice(&self, ui: &mut Ui, state: &mut TableState) {
        for (index, column) in self.columns.iter().enumerate() {
            let mut shown = self.shows(state, index);
            // The first column names the row and stays.
            let response =
                ui.add_enabled(index > 0, egui::Checkbox::new(&mut shown, ramp::body(&column.title)));
            if response.changed() && !state.toggled.remove(&index) {
                state.toggled.insert(index);
            }
        }
    }
}

fn filter_box(ui: &mut Ui, cx: &Cx<'_>, filter: &mut String) {
    let edit = egui::TextEdit::singleline(filter)
        .hint_text(words("table-filter"))
        .desired_width(210.0)
        .align(Align2::LEFT_CENTER)
        .min_size(vec2(0.0, 28.0))
        .margin(Margin { left: 28, right: 8, top: 5, bottom: 5 });
    let response = ui.add(edit).accessible_name(words("table-filter"));
    let mark = response.rect.left_center() + vec2(15.0, 0.0);
    crate::theme::icons::paint(ui.painter(), mark, Icon::Search, 14.0, cx.theme.text2);
    // The first Escape empties the field, the next one leaves it.
    let keys = egui::EventFilter {
        horizontal_arrows: true,
        vertical_arrows: true,
        escape: !filter.is_empty(),
        ..Default::default()
    };
    if response.has_focus() {
        if ui.input_mut(|i| i.consume_key(egui::Modifiers::NONE, egui::Key::Escape)) {
            filter.clear();
        }
        ui.memory_mut(|m| m.set_focus_lock_filter(response.id, keys));
    }
    kit::reveal(&response);
}
