//! Draws header and rows of a table, and takes the pointer. Apart from `view`, which decides what is in them, and
//! from `keys`, which takes the keyboard.

use super::{Table, TableState};
use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::{icons, icons::Icon, ramp};
use egui::accesskit::Role;
use egui::{
    Align, Align2, Layout, Rect, Response, ScrollArea, Sense, Stroke, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

pub(super) const ROW: f32 = 34.0;
const PAD: f32 = 8.0;
const CHECK: f32 = 36.0;
const CHECK_PAD: f32 = 14.0;

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
                && let Some((_, at)) = state.cursor
            {
                area = area.vertical_scroll_offset(offset_for(state.offset, at, height - ROW));
            }
            let top = ui.cursor().min;
            let shown = area.show_rows(ui, ROW, state.view.len(), |ui, range| {
                ui.set_min_width(width);
                for place in range {
                    let (rect, _) = ui.allocate_exact_size(vec2(width, ROW), Sense::HOVER);
                    self.row(ui, cx, state, &Spot { places: &places, rect, place, focus });
                }
            });
            state.offset = shown.state.clamped_offset().y;
            if focus && state.cursor.is_none() {
                // Where the keyboard is must be seen before it has gone to a row.
                kit::focus_ring(ui, Rect::from_min_size(top, vec2(room, shown.inner_rect.height())));
            }
            if state.view.is_empty() && !self.rows.is_empty() {
                self.nothing(ui, cx, state);
            }
        });
    }

    fn places(&self, state: &TableState, room: f32) -> (Places, f32) {
        let mut visible = self.visible(state);
        let lead = if self.selectable { CHECK } else { 0.0 };
        let tail = if self.menu.is_some() { 36.0 } else { 0.0 };
        let column = |index: &usize| self.columns.get(*index);
        let least =
            |visible: &[usize]| visible.iter().filter_map(column).map(|c| c.width).sum::<f32>() + lead + tail;
        while state.toggled.is_empty()
            && least(&visible) > room
            && let Some(at) = visible.iter().rposition(|index| column(index).is_some_and(|c| c.gives_way))
        {
            visible.remove(at);
        }
        let least = least(&visible);
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
            let name = if column.title.is_empty() { words("table-actions") } else { column.title.clone() };
            response.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, &name));
            if column.sort.is_some() && response.hovered() {
                ui.painter().rect_filled(cell.shrink2(vec2(0.0, 2.0)), 4.0, cx.theme.hover);
            }
            if response.has_focus() {
                kit::focus_ring(ui, cell.shrink2(vec2(1.0, 2.0)));
            }
            kit::reveal(&response);
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

    /// Rows there are, and none of them fits.
    fn nothing(&self, ui: &mut Ui, cx: &mut Cx<'_>, state: &mut TableState) {
        ui.add_space(14.0);
        ui.horizontal(|ui| {
            ui.add_space(PAD);
            ui.label(ramp::body(words("table-nothing-fits")).color(cx.theme.text2));
            if !state.filter.is_empty() && kit::link(ui, &words("table-filter-clear")).clicked() {
                state.filter.clear();
            } else if state.filter.is_empty()
                && let Some((_, all)) = &self.chip
                && kit::link(ui, &words("table-show-all")).clicked()
            {
                cx.act(all.clone());
            }
        });
    }

    fn check_all(&self, ui: &mut Ui, state: &mut TableState, header: Rect) {
        let shown = self.chosen(state);
        let on = shown > 0 && shown == state.view.len();
        let some = !on && shown > 0;
        let cell = Rect::from_min_size(header.min, vec2(CHECK, ROW));
        let mut ui = ui.new_child(
            UiBuilder::new()
                .max_rect(cell.with_min_x(cell.left() + CHECK_PAD))
                .layout(Layout::left_to_right(Align::Center)),
        );
        if kit::check_box(&mut ui, on, some, &words("table-select-all")).clicked() {
            // Only what is seen is taken in or out: what the filter hides stays as it was.
            let keys = self.keys_shown(state);
            if on {
                state.selected.retain(|key| !keys.contains(key));
            } else {
                state.selected.extend(keys);
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
        let here = state.cursor.is_some_and(|(at, _)| at == key);
        if focus && here {
            kit::focus_ring(ui, rect);
            self.announce(ui, state, &response, row, place);
        }
        // Only what is in the row of the cursor is stopped at: twenty rows are not eighty stops.
        let stops = if here { egui::UiStackInfo::default() } else { kit::passed_over() };
        if self.selectable {
            let cell = Rect::from_min_size(rect.min, vec2(CHECK, ROW)).with_min_x(rect.left() + CHECK_PAD);
            let builder = UiBuilder::new()
                .max_rect(cell)
                .layout(Layout::left_to_right(Align::Center))
                .ui_stack_info(stops.clone())
                .id_salt((key, "check"));
            let mut check = ui.new_child(builder);
            let name = msg("table-select").with("name", (self.name)(row)).render();
            if kit::check_box(&mut check, selected, false, &name).clicked() {
                toggle(state, key);
                state.anchor = Some(key);
            }
        }
        self.cells(ui, cx, spot, (row, key, &stops));
        self.pressed(ui, cx, state, &response, (spot, stops));
    }

    fn cells(&self, ui: &mut Ui, cx: &mut Cx<'_>, spot: &Spot<'_>, of: (&R, u128, &egui::UiStackInfo)) {
        let (row, key, stops) = of;
        for (index, left, width) in spot.places {
            let Some(column) = self.columns.get(*index) else { continue };
            let cell = Rect::from_min_size(spot.rect.min + vec2(*left, 0.0), vec2(*width, ROW));
            let layout = if column.right {
                Layout::right_to_left(Align::Center)
            } else {
                Layout::left_to_right(Align::Center)
            };
            let builder = UiBuilder::new()
                .max_rect(cell.shrink2(vec2(PAD, 0.0)))
                .layout(layout)
                .ui_stack_info(stops.clone())
                .id_salt((key, index));
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
        of: (&Spot<'_>, egui::UiStackInfo),
    ) {
        let (Spot { rect, place, .. }, stops) = (of.0, of.1);
        let (rect, place) = (*rect, *place);
        let Some(row) = self.row_at(state, place) else { return };
        let key = (self.key)(row);
        if let Some(menu) = &self.menu {
            let right = rect.right().min(ui.clip_rect().right());
            let cell = Rect::from_min_max(pos2(right - 34.0, rect.top()), pos2(right, rect.bottom()));
            let builder = UiBuilder::new()
                .max_rect(cell)
                .layout(Layout::left_to_right(Align::Center))
                .ui_stack_info(stops)
                .id_salt((key, "more"));
            // Where columns reach further than the page, the button must not stand on their words.
            let t = cx.theme;
            let selected = state.selected.contains(&key);
            let fill = match (selected, response.contains_pointer()) {
                (true, _) => t.selected,
                (false, true) => t.hover,
                (false, false) => ui.visuals().panel_fill,
            };
            if rect.right() > right {
                ui.painter().rect_filled(cell.with_max_y(cell.bottom() - 1.0), 0.0, fill);
            }
            let mut child = ui.new_child(builder);
            let (fg, hover) = (cx.theme.text2, cx.theme.pressed);
            let opener = kit::icon_button(&mut child, Icon::More, &words("more-commands"), 14.0, fg, hover);
            let close = egui::PopupCloseBehavior::CloseOnClick;
            kit::menu(&opener, close, |ui| menu(ui, cx, row));
            egui::Popup::context_menu(response).show(|ui| menu(ui, cx, row));
        }
        if response.double_clicked()
            && let Some(open) = &self.open
        {
            cx.act(open(row));
        } else if response.clicked() {
            state.cursor = Some((key, place));
            let held = ui.input(|i| i.modifiers);
            if self.selectable && held.shift {
                self.select_range(state, place);
            } else if self.selectable && held.command {
                toggle(state, key);
                state.anchor = Some(key);
            } else {
                state.anchor = Some(key);
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

pub(super) fn toggle(state: &mut TableState, key: u128) {
    if !state.selected.remove(&key) {
        state.selected.insert(key);
    }
}

fn rule(ui: &Ui, rect: Rect, color: egui::Color32) {
    let y = ui.painter().round_to_pixel_center(rect.bottom() - 0.5);
    ui.painter().hline(rect.x_range(), y, Stroke::new(1.0, color));
}
