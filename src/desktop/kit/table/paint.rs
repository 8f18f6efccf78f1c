//! Draws header and rows of a table, and takes pointer and keys. Apart from `view`, which decides what is in them.

use super::{Table, TableState};
use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::{icons, icons::Icon, ramp};
use egui::accesskit::Role;
use egui::{
    Align, Align2, Key, Layout, Modifiers, Rect, Response, ScrollArea, Sense, Stroke, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

const ROW: f32 = 34.0;
const PAD: f32 = 8.0;
const CHECK: f32 = 36.0;

/// Where the columns stand: index of the column, left edge, width.
type Places = Vec<(usize, f32, f32)>;

/// Where a row is drawn.
struct Spot<'p> {
    places: &'p Places,
    rect: Rect,
    place: usize,
    focus: bool,
}

impl<R> Table<'_, R> {
    pub(super) fn draw_rows(&self, ui: &mut Ui, cx: &mut Cx<'_>, state: &mut TableState) {
        let room = ui.available_width();
        let (places, width) = self.places(state, room);
        let height = self.height.unwrap_or_else(|| (ui.available_height() - 10.0).max(3.0 * ROW));
        ScrollArea::horizontal().id_salt((self.id, "across")).auto_shrink([false, true]).show(ui, |ui| {
            ui.set_min_width(width);
            ui.spacing_mut().item_spacing.y = 0.0;
            self.header(ui, cx, state, &places, width);
            let focus = self.keyboard(ui, cx, state);
            let mut area = ScrollArea::vertical()
                .id_salt((self.id, "rows"))
                .auto_shrink([false, true])
                .max_height(height - ROW);
            if std::mem::take(&mut state.scroll_to_cursor)
                && let Some(at) = state.cursor
            {
                area = area.vertical_scroll_offset(offset_for(state.offset, at, height - ROW));
            }
            let shown = area.show_rows(ui, ROW, state.view.len(), |ui, range| {
                ui.set_min_width(width);
                for place in range {
                    let (rect, _) = ui.allocate_exact_size(vec2(width, ROW), Sense::HOVER);
                    self.row(ui, cx, state, &Spot { places: &places, rect, place, focus });
                }
            });
            state.offset = shown.state.clamped_offset().y;
        });
    }

    fn places(&self, state: &TableState, room: f32) -> (Places, f32) {
        let visible = self.visible(state);
        let lead = if self.selectable { CHECK } else { 0.0 };
        let tail = if self.menu.is_some() { 36.0 } else { 0.0 };
        let column = |index: &usize| self.columns.get(*index);
        let least: f32 = visible.iter().filter_map(column).map(|c| c.width).sum::<f32>() + lead + tail;
        let shares: f32 = visible.iter().filter_map(column).map(|c| c.grows).sum();
        let spare = (room - least).max(0.0);
        let mut left = lead;
        let mut places = Vec::new();
        for index in visible {
            let Some(column) = self.columns.get(index) else { continue };
            let more = if shares > 0.0 { spare * column.grows / shares } else { 0.0 };
            let width = (column.width + more).floor();
            places.push((index, left, width));
            left += width;
        }
        (places, (left + tail).max(room.min(least.max(room))))
    }

    fn header(&self, ui: &mut Ui, cx: &Cx<'_>, state: &mut TableState, places: &Places, width: f32) {
        let (rect, _) = ui.allocate_exact_size(vec2(width, ROW), Sense::hover());
        rule(ui, rect, cx.theme.border);
        if self.selectable {
            self.check_all(ui, state, rect);
        }
        for (index, left, width) in places {
            let Some(column) = self.columns.get(*index) else { continue };
            let cell = Rect::from_min_size(rect.min + vec2(*left, 0.0), vec2(*width, ROW));
            let sense = if column.sort.is_some() { Sense::click() } else { Sense::HOVER };
            let response = ui.interact(cell, ui.scope_id().with((self.id, "head", index)), sense);
            response.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, &column.title));
            if column.sort.is_some() && response.hovered() {
                ui.painter().rect_filled(cell.shrink2(vec2(0.0, 2.0)), 4.0, cx.theme.hover);
            }
            if response.has_focus() {
                kit::focus_ring(ui, cell.shrink2(vec2(1.0, 2.0)));
            }
            let painter = ui.painter().with_clip_rect(cell.intersect(ui.clip_rect()));
            let (at, align) = if column.right {
                (cell.right_center() - vec2(PAD, 0.0), Align2::RIGHT_CENTER)
            } else {
                (cell.left_center() + vec2(PAD, 0.0), Align2::LEFT_CENTER)
            };
            let said = painter.text(at, align, &column.title, ramp::semibold_font(ramp::BODY), cx.theme.text);
            if let Some((_, rising)) = state.sort.filter(|(sorted, _)| sorted == index) {
                let mark = if rising { Icon::ArrowUp } else { Icon::ArrowDown };
                let x = if column.right { said.left() - 11.0 } else { said.right() + 11.0 };
                icons::paint(&painter, pos2(x, cell.center().y), mark, 11.0, cx.theme.text2);
            }
            if response.clicked() {
                state.sort = match state.sort {
                    Some((sorted, true)) if sorted == *index => Some((*index, false)),
                    Some((sorted, false)) if sorted == *index => None,
                    _ => Some((*index, true)),
                };
            }
        }
    }

    fn check_all(&self, ui: &mut Ui, state: &mut TableState, header: Rect) {
        let on = !state.view.is_empty() && state.view.len() <= state.selected.len();
        let mut all = on;
        let some = !on && !state.selected.is_empty();
        let cell = Rect::from_min_size(header.min, vec2(CHECK, ROW));
        let mut ui = ui.new_child(
            UiBuilder::new()
                .max_rect(cell.shrink2(vec2(PAD, 0.0)))
                .layout(Layout::left_to_right(Align::Center)),
        );
        let check = egui::Checkbox::without_text(&mut all).indeterminate(some);
        if ui.add(check).accessible_name(words("table-select-all")).changed() {
            state.selected = if on { Default::default() } else { self.keys_shown(state) };
        }
    }

    /// One tab stop for all rows; arrows move a cursor within.
    fn keyboard(&self, ui: &Ui, cx: &mut Cx<'_>, state: &mut TableState) -> bool {
        let stop = Rect::from_min_size(ui.cursor().min, vec2(1.0, 1.0));
        let response = ui.interact(stop, ui.scope_id().with((self.id, "keys")), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Grid, true, words("table-rows")));
        if !response.has_focus() {
            return false;
        }
        ui.memory_mut(|m| {
            let keys = egui::EventFilter { vertical_arrows: true, ..Default::default() };
            m.set_focus_lock_filter(response.id, keys);
        });
        let last = state.view.len().saturating_sub(1);
        let at = state.cursor;
        let page = 12;
        let moves: [(Key, usize); 6] = [
            (Key::ArrowDown, at.map_or(0, |a| (a + 1).min(last))),
            (Key::ArrowUp, at.map_or(0, |a| a.saturating_sub(1))),
            (Key::PageDown, at.map_or(0, |a| (a + page).min(last))),
            (Key::PageUp, at.map_or(0, |a| a.saturating_sub(page))),
            (Key::Home, 0),
            (Key::End, last),
        ];
        for (key, to) in moves {
            let (plain, shift) =
                ui.input_mut(|i| (i.consume_key(Modifiers::NONE, key), i.consume_key(Modifiers::SHIFT, key)));
            if (plain || shift) && !state.view.is_empty() {
                state.cursor = Some(to);
                state.scroll_to_cursor = true;
                if shift {
                    self.select_range(state, to);
                }
            }
        }
        let Some(row) = state.cursor.and_then(|at| self.row_at(state, at)) else { return true };
        let key = (self.key)(row);
        if self.selectable && ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Space)) {
            toggle(state, key);
            state.anchor = state.cursor;
        }
        if ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Enter))
            && let Some(open) = &self.open
        {
            cx.act(open(row));
        }
        if self.selectable && ui.input_mut(|i| i.consume_key(Modifiers::COMMAND, Key::A)) {
            state.selected = self.keys_shown(state);
        }
        true
    }

    fn keys_shown(&self, state: &TableState) -> std::collections::BTreeSet<u128> {
        (0..state.view.len()).filter_map(|p| self.row_at(state, p)).map(|r| (self.key)(r)).collect()
    }

    fn select_range(&self, state: &mut TableState, to: usize) {
        if !self.selectable {
            return;
        }
        let from = *state.anchor.get_or_insert(to);
        for place in from.min(to)..=from.max(to) {
            if let Some(key) = self.row_at(state, place).map(|r| (self.key)(r)) {
                state.selected.insert(key);
            }
        }
    }

    fn row(&self, ui: &mut Ui, cx: &mut Cx<'_>, state: &mut TableState, spot: &Spot<'_>) {
        let Spot { rect, place, focus, .. } = *spot;
        let Some(row) = self.row_at(state, place) else { return };
        let key = (self.key)(row);
        let response = ui.interact(rect, ui.scope_id().with((self.id, key)), Sense::CLICK);
        let selected = state.selected.contains(&key);
        if selected {
            ui.painter().rect_filled(rect, 0.0, cx.theme.selected);
        } else if response.contains_pointer() {
            ui.painter().rect_filled(rect, 0.0, cx.theme.hover);
        }
        rule(ui, rect, cx.theme.divider);
        if focus && state.cursor == Some(place) {
            kit::focus_ring(ui, rect);
        }
        if self.selectable {
            let cell = Rect::from_min_size(rect.min, vec2(CHECK, ROW)).shrink2(vec2(PAD, 0.0));
            let builder = UiBuilder::new()
                .max_rect(cell)
                .layout(Layout::left_to_right(Align::Center))
                .id_salt((key, "check"));
            let mut check = ui.new_child(builder);
            let mut on = selected;
            let name = msg("table-select").with("name", (self.name)(row)).render();
            if check.add(egui::Checkbox::without_text(&mut on)).accessible_name(name).changed() {
                toggle(state, key);
                state.anchor = Some(place);
            }
        }
        self.cells(ui, cx, spot, row, key);
        self.pressed(ui, cx, state, &response, spot);
    }

    fn cells(&self, ui: &mut Ui, cx: &mut Cx<'_>, spot: &Spot<'_>, row: &R, key: u128) {
        for (index, left, width) in spot.places {
            let Some(column) = self.columns.get(*index) else { continue };
            let cell = Rect::from_min_size(spot.rect.min + vec2(*left, 0.0), vec2(*width, ROW));
            let layout = if column.right {
                Layout::right_to_left(Align::Center)
            } else {
                Layout::left_to_right(Align::Center)
            };
            let builder =
                UiBuilder::new().max_rect(cell.shrink2(vec2(PAD, 0.0))).layout(layout).id_salt((key, index));
            let mut child = ui.new_child(builder);
            child.shrink_clip_rect(cell);
            child.spacing_mut().item_spacing.x = 6.0;
            (column.draw)(&mut child, cx, row);
        }
    }

    fn pressed(
        &self,
        ui: &mut Ui,
        cx: &mut Cx<'_>,
        state: &mut TableState,
        response: &Response,
        spot: &Spot<'_>,
    ) {
        let Spot { rect, place, .. } = *spot;
        let Some(row) = self.row_at(state, place) else { return };
        let key = (self.key)(row);
        if let Some(menu) = &self.menu {
            let right = rect.right().min(ui.clip_rect().right());
            let cell = Rect::from_min_max(pos2(right - 34.0, rect.top()), pos2(right, rect.bottom()));
            let builder = UiBuilder::new()
                .max_rect(cell)
                .layout(Layout::left_to_right(Align::Center))
                .id_salt((key, "more"));
            let mut child = ui.new_child(builder);
            let (fg, hover) = (cx.theme.text2, cx.theme.pressed);
            let opener = kit::icon_button(&mut child, Icon::More, &words("more-commands"), 14.0, fg, hover);
            egui::Popup::menu(&opener).show(|ui| menu(ui, cx, row));
            egui::Popup::context_menu(response).show(|ui| menu(ui, cx, row));
        }
        if response.double_clicked()
            && let Some(open) = &self.open
        {
            cx.act(open(row));
        } else if response.clicked() {
            state.cursor = Some(place);
            let held = ui.input(|i| i.modifiers);
            if self.selectable && held.shift {
                self.select_range(state, place);
            } else if self.selectable && held.command {
                toggle(state, key);
                state.anchor = Some(place);
            } else {
                state.anchor = Some(place);
            }
        }
    }
}

/// The scroll offset that brings a row into sight and moves no further.
fn offset_for(now: f32, at: usize, height: f32) -> f32 {
    #[expect(clippy::cast_precision_loss, reason = "exact up to far more rows than a vault has")]
    let top = at as f32 * ROW;
    now.clamp((top + ROW - height).max(0.0), top)
}

fn toggle(state: &mut TableState, key: u128) {
    if !state.selected.remove(&key) {
        state.selected.insert(key);
    }
}

fn rule(ui: &Ui, rect: Rect, color: egui::Color32) {
    let y = ui.painter().round_to_pixel_center(rect.bottom() - 0.5);
    ui.painter().hline(rect.x_range(), y, Stroke::new(1.0, color));
}
