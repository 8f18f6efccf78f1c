//! The keyboard in a table: one stop for all rows, arrows move a cursor within, Shift selects as it goes. Apart from
//! `paint`, which takes the pointer.

use super::paint::toggle;
use super::{Table, TableState};
use crate::cx::Cx;
use crate::kit::{self, msg, words};
use egui::accesskit::Role;
use egui::{Key, Modifiers, Rect, Response, Sense, Ui, WidgetInfo, vec2};
use std::collections::BTreeSet;

/// Rows that Page up and Page down go.
const PAGE: usize = 12;

impl<R> Table<'_, R> {
    /// Takes the keys while the rows have the focus; true when they have.
    pub(super) fn keyboard(&self, ui: &Ui, cx: &mut Cx<'_>, state: &mut TableState) -> bool {
        let stop = Rect::from_min_size(ui.cursor().min, vec2(1.0, 1.0));
        let response = ui.interact(stop, ui.scope_id().with((self.id, "keys")), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Grid, true, words("table-rows")));
        if !response.has_focus() {
            return false;
        }
        ui.memory_mut(|m| {
            let keys = egui::EventFilter {
                vertical_arrows: true,
                escape: !state.selected.is_empty(),
                ..Default::default()
            };
            m.set_focus_lock_filter(response.id, keys);
        });
        self.go(ui, state);
        self.choose(ui, state);
        let Some(row) = state.cursor.and_then(|(_, at)| self.row_at(state, at)) else { return true };
        if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter))
            && let Some(open) = &self.open
        {
            cx.act(open(row));
        }
        true
    }

    fn go(&self, ui: &Ui, state: &mut TableState) {
        let last = state.view.len().saturating_sub(1);
        let at = state.cursor.map(|(_, at)| at);
        let moves: [(Key, usize); 6] = [
            (Key::ArrowDown, at.map_or(0, |a| (a + 1).min(last))),
            (Key::ArrowUp, at.map_or(0, |a| a.saturating_sub(1))),
            (Key::PageDown, at.map_or(0, |a| (a + PAGE).min(last))),
            (Key::PageUp, at.map_or(0, |a| a.saturating_sub(PAGE))),
            (Key::Home, 0),
            (Key::End, last),
        ];
        for (key, to) in moves {
            // Shift first: a key that is asked for without Shift is also taken with it.
            let shift = ui.input_mut(|i| i.consume_key(Modifiers::SHIFT, key));
            let plain = ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
            if (plain || shift) && !state.view.is_empty() {
                if shift && state.anchor.is_none() {
                    // The range begins where one was, not where one goes.
                    state.anchor = state.cursor.map(|(key, _)| key);
                }
                self.point(state, to);
                state.scroll_to_cursor = true;
                if shift {
                    self.select_range(state, to);
                } else {
                    state.anchor = state.cursor.map(|(key, _)| key);
                }
            }
        }
    }

    fn choose(&self, ui: &Ui, state: &mut TableState) {
        if !self.selectable {
            return;
        }
        if let Some((key, at)) = state.cursor {
            if ui.input_mut(|i| i.consume_key(Modifiers::SHIFT, Key::Space)) {
                self.select_range(state, at);
            } else if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Space)) {
                toggle(state, key);
                state.anchor = Some(key);
            }
        }
        if ui.input_mut(|i| i.consume_key(Modifiers::COMMAND, Key::A)) {
            state.selected.extend(self.keys_shown(state));
        }
        if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape)) {
            state.selected.clear();
        }
    }

    pub(super) fn keys_shown(&self, state: &TableState) -> BTreeSet<u128> {
        (0..state.view.len()).filter_map(|p| self.row_at(state, p)).map(|r| (self.key)(r)).collect()
    }

    /// Selects from the anchor to here, wherever the anchor's row stands now.
    pub(super) fn select_range(&self, state: &mut TableState, to: usize) {
        if !self.selectable {
            return;
        }
        let from = state.anchor.and_then(|key| self.place_of(state, key)).unwrap_or(to);
        state.anchor = self.row_at(state, from).map(|r| (self.key)(r));
        for place in from.min(to)..=from.max(to) {
            if let Some(key) = self.row_at(state, place).map(|r| (self.key)(r)) {
                state.selected.insert(key);
            }
        }
    }

    /// Says which row the cursor is at: the rows have the focus, the row is what a screen reader reads.
    pub(super) fn announce(&self, ui: &Ui, state: &TableState, response: &Response, row: &R, place: usize) {
        let selected = state.selected.contains(&(self.key)(row));
        let name = msg("table-row")
            .with("name", (self.name)(row))
            .with("n", kit::count(place as u64 + 1))
            .with("of", kit::count(state.view.len() as u64))
            .render();
        response.widget_info(|| WidgetInfo::selected(Role::Row, true, selected, &name));
        if let Some(rows) = ui.memory(|m| m.focused()) {
            let active = response.id.accesskit_id();
            ui.ctx().accesskit_node_builder(rows, |node| node.set_active_descendant(active));
        }
    }
}
