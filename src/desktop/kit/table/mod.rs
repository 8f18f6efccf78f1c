//! The table of every list: rows drawn only where they are seen, so that ten thousand cost as much as twenty; filter,
//! sort, column choice, multi-select, keyboard, a menu per row. `view` decides which rows in which order (`stamp` tells
//! when anew), `paint` draws, `keys` takes the keyboard, `bar` stands above.

mod bar;
mod keys;
mod paint;
mod stamp;
mod view;
pub use stamp::{Shared, Stamp};

use crate::action::Action;
use crate::cx::Cx;
use egui::Ui;
use std::any::Any;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Weak;

type Draw<'a, R> = Box<dyn Fn(&mut Ui, &mut Cx<'_>, &R) + 'a>;
type Compare<'a, R> = Box<dyn Fn(&R, &R) -> Ordering + 'a>;
type Say<'a, R> = Box<dyn Fn(&R) -> String + 'a>;
type Open<'a, R> = Box<dyn Fn(&R) -> Action + 'a>;
/// Where a row lies, and what keeps its address from being given to another.
type Held<R> = (fn(&R) -> *const (), fn(&R) -> Weak<dyn Any + Send + Sync>);
type Only<'a, R> = (u64, Box<dyn Fn(&R) -> bool + 'a>);
type Menu<'a, R> = Box<dyn Fn(&mut Ui, &mut Cx<'_>, &R) + 'a>;

/// One column.
pub struct Column<'a, R> {
    title: String,
    width: f32,
    grows: f32,
    hidden: bool,
    gives_way: bool,
    right: bool,
    draw: Draw<'a, R>,
    sort: Option<Compare<'a, R>>,
}

impl<'a, R> Column<'a, R> {
    /// A column with a title, its least width in points, and what draws its cells.
    pub fn new(title: impl Into<String>, width: f32, draw: impl Fn(&mut Ui, &mut Cx<'_>, &R) + 'a) -> Self {
        Self {
            title: title.into(),
            width,
            grows: 1.0,
            hidden: false,
            gives_way: false,
            right: false,
            draw: Box::new(draw),
            sort: None,
        }
    }

    /// A column of text.
    pub fn text(title: impl Into<String>, width: f32, text: impl Fn(&R) -> String + 'a) -> Self {
        Self::new(title, width, move |ui, _, row| cell_text(ui, &text(row)))
    }

    /// Can be sorted by this order.
    #[must_use]
    pub fn sort(mut self, compare: impl Fn(&R, &R) -> Ordering + 'a) -> Self {
        self.sort = Some(Box::new(compare));
        self
    }

    /// Takes this share of the room that is left (1 by default; 0: never wider than its width).
    #[must_use]
    pub const fn grows(mut self, share: f32) -> Self {
        self.grows = share;
        self
    }

    /// Hidden until a person chooses it.
    #[must_use]
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Is left out where there is no room for all, from the last to the first, until a person chooses columns.
    #[must_use]
    pub const fn gives_way(mut self) -> Self {
        self.gives_way = true;
        self
    }

    /// Figures stand at the right.
    #[must_use]
    pub const fn right(mut self) -> Self {
        self.right = true;
        self
    }
}

/// What a person has done to a table: kept by the blade.
#[derive(Default, Debug)]
pub struct TableState {
    /// Text of the filter box.
    pub filter: String,
    /// Keys of the selected rows.
    pub selected: BTreeSet<u128>,
    /// Column and direction of the order; none: as given.
    pub sort: Option<(usize, bool)>,
    /// The row the keyboard is at, and its place in the view.
    cursor: Option<(u128, usize)>,
    /// The row from which a range is selected.
    anchor: Option<u128>,
    toggled: BTreeSet<usize>,
    view: Vec<u32>,
    view_of: Option<view::ViewOf>,
    /// Rows that there are without the filter.
    all: usize,
    /// What was read of rows for the filter, in the order of the rows.
    known: Vec<view::Known>,
    /// The selection, and how many of it are shown.
    chosen: Option<(BTreeSet<u128>, usize)>,
    scroll_to_cursor: bool,
    offset: f32,
}

/// A table over rows that live elsewhere.
pub struct Table<'a, R> {
    id: &'static str,
    rows: &'a [R],
    of: Stamp,
    columns: Vec<Column<'a, R>>,
    key: Box<dyn Fn(&R) -> u128 + 'a>,
    name: Say<'a, R>,
    words: Option<Say<'a, R>>,
    only: Option<Only<'a, R>>,
    shared: Option<Held<R>>,
    chip: Option<(String, Action)>,
    open: Option<Open<'a, R>>,
    menu: Option<Menu<'a, R>>,
    selectable: bool,
    counted: &'static str,
    height: Option<f32>,
    bar: bool,
}

impl<'a, R> Table<'a, R> {
    /// A table. `of` tells when rows have changed: the shared list that they are, or `Snapshot::revision` where they
    /// were gathered; `key` identifies a row for good; `name` is said to screen readers.
    pub fn new(
        id: &'static str,
        rows: &'a [R],
        of: impl Into<Stamp>,
        key: impl Fn(&R) -> u128 + 'a,
        name: impl Fn(&R) -> String + 'a,
    ) -> Self {
        Self {
            id,
            rows,
            of: of.into(),
            columns: Vec::new(),
            key: Box::new(key),
            name: Box::new(name),
            words: None,
            only: None,
            shared: None,
            chip: None,
            open: None,
            menu: None,
            selectable: false,
            counted: "table-count",
            height: None,
            bar: true,
        }
    }

    /// Adds a column.
    #[must_use]
    pub fn column(mut self, column: Column<'a, R>) -> Self {
        self.columns.push(column);
        self
    }

    /// Has a filter box over these words of a row.
    #[must_use]
    pub fn filter(mut self, words: impl Fn(&R) -> String + 'a) -> Self {
        self.words = Some(Box::new(words));
        self
    }

    /// Shows only the rows of which this is true. `tag` is another number whenever something else is asked.
    #[must_use]
    pub fn only(mut self, tag: u64, fits: impl Fn(&R) -> bool + 'a) -> Self {
        self.only = Some((tag, Box::new(fits)));
        self
    }

    /// Says why not all rows are shown, and leads to all of them.
    #[must_use]
    pub fn chip(mut self, text: String, all: Action) -> Self {
        self.chip = Some((text, all));
        self
    }

    /// Rows are shared: what the filter has read of one is kept until it changes.
    #[must_use]
    pub fn shared(mut self) -> Self
    where
        R: Shared,
    {
        self.shared = Some((R::address, R::hold));
        self
    }

    /// A double click or Enter on a row does this.
    #[must_use]
    pub fn open(mut self, open: impl Fn(&R) -> Action + 'a) -> Self {
        self.open = Some(Box::new(open));
        self
    }

    /// A right click on a row, or the button at its end, opens this.
    #[must_use]
    pub fn menu(mut self, menu: impl Fn(&mut Ui, &mut Cx<'_>, &R) + 'a) -> Self {
        self.menu = Some(Box::new(menu));
        self
    }

    /// Rows can be selected, several of them.
    #[must_use]
    pub const fn selectable(mut self) -> Self {
        self.selectable = true;
        self
    }

    /// The message that counts rows (`$n` of `$all`).
    #[must_use]
    pub const fn counted(mut self, key: &'static str) -> Self {
        self.counted = key;
        self
    }

    /// Is at most this high instead of filling the page.
    #[must_use]
    pub const fn height(mut self, points: f32) -> Self {
        self.height = Some(points);
        self
    }

    /// Has no bar with filter, count and columns above it.
    #[must_use]
    pub const fn bare(mut self) -> Self {
        self.bar = false;
        self
    }

    /// Draws it.
    pub fn show(self, ui: &mut Ui, cx: &mut Cx<'_>, state: &mut TableState) {
        self.refresh(state);
        if self.bar {
            self.draw_bar(ui, cx, state);
        }
        self.refresh(state);
        self.draw_rows(ui, cx, state);
    }

    fn visible(&self, state: &TableState) -> Vec<usize> {
        (0..self.columns.len()).filter(|index| self.shows(state, *index)).collect()
    }

    fn shows(&self, state: &TableState, index: usize) -> bool {
        self.columns.get(index).is_some_and(|c| c.hidden == state.toggled.contains(&index))
    }
}

/// Text of a cell, cut with dots where there is no room; the whole of it on hover.
pub fn cell_text(ui: &mut Ui, text: &str) {
    ui.add(egui::Label::new(crate::theme::ramp::body(text)).truncate());
}
