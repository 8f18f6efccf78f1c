//! Which rows a table shows, in which order: worked out once per change of the list, never per frame, and of rows
//! that have not changed nothing is read again. Apart from `paint`.

use super::{Stamp, Table, TableState};
use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Weak;

/// What a view was worked out for.
#[derive(PartialEq, Debug)]
pub(super) struct ViewOf {
    of: Stamp,
    rows: usize,
    only: u64,
    filter: String,
    sort: Option<(usize, bool)>,
}

/// What was read of a row for the filter.
#[derive(Debug)]
pub(super) struct Known {
    row: Weak<dyn Any + Send + Sync>,
    key: u128,
    words: Box<str>,
    fits: bool,
}

/// Lists grow at one end and change in places: what is known of a row is next, or near.
const NEAR: usize = 32;

/// What is known of a row; what lies before it is of rows that are gone.
fn take(known: &mut VecDeque<Known>, address: *const ()) -> Option<Known> {
    let at = known.iter().take(NEAR).position(|k| std::ptr::addr_eq(k.row.as_ptr(), address))?;
    known.drain(..at);
    known.pop_front()
}

impl<R> Table<'_, R> {
    /// Brings the view up to date when rows, filter or order have changed.
    pub(super) fn refresh(&self, state: &mut TableState) {
        let now = ViewOf {
            of: self.of.clone(),
            rows: self.rows.len(),
            only: self.only.as_ref().map_or(0, |(tag, _)| *tag),
            filter: state.filter.clone(),
            sort: state.sort,
        };
        if state.view_of.as_ref() == Some(&now) {
            return;
        }
        let anew = state.view_of.as_ref().is_none_or(|was| was.filter != now.filter);
        let mut view = self.fitting(state, anew);
        self.order(state, &mut view);
        // Rows that are gone are no longer selected.
        if !state.selected.is_empty() {
            let keys: BTreeSet<u128> = self.rows.iter().map(|r| (self.key)(r)).collect();
            state.selected.retain(|key| keys.contains(key));
        }
        state.chosen = None;
        state.view = view;
        // The cursor goes where its row went: another row must not lie beneath it.
        state.cursor = state.cursor.and_then(|(key, at)| {
            let here = |place: usize| self.row_at(state, place).is_some_and(|r| (self.key)(r) == key);
            if here(at) { Some((key, at)) } else { self.place_of(state, key).map(|place| (key, place)) }
        });
        state.view_of = Some(now);
    }

    /// The rows that fit the filter, as they are given.
    fn fitting(&self, state: &mut TableState, anew: bool) -> Vec<u32> {
        let wanted: Vec<String> = state.filter.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let mut old = VecDeque::from(std::mem::take(&mut state.known));
        let mut view: Vec<u32> = Vec::with_capacity(self.rows.len());
        state.all = 0;
        for (index, row) in self.rows.iter().enumerate() {
            if !self.only.as_ref().is_none_or(|(_, fits)| fits(row)) {
                continue;
            }
            state.all += 1;
            let fits = match &self.words {
                Some(words) if !wanted.is_empty() => {
                    let known = self.read(row, &mut old, words, |text, before| match before {
                        Some(before) if !anew => before,
                        _ => wanted.iter().all(|w| text.contains(w.as_str())),
                    });
                    let fits = known.fits;
                    if self.shared.is_some() {
                        state.known.push(known);
                    }
                    fits
                }
                _ => true,
            };
            if let (true, Ok(index)) = (fits, u32::try_from(index)) {
                view.push(index);
            }
        }
        view
    }

    /// What the filter sees of a row: as it was kept, or read now.
    fn read(
        &self,
        row: &R,
        old: &mut VecDeque<Known>,
        words: &super::Say<'_, R>,
        fits: impl Fn(&str, Option<bool>) -> bool,
    ) -> Known {
        let kept = self.shared.as_ref().and_then(|(address, _)| take(old, address(row)));
        if let Some(mut known) = kept {
            known.fits = fits(&known.words, Some(known.fits));
            return known;
        }
        let key = (self.key)(row);
        // The row has changed: what was known of it is of no use to the next.
        if old.front().is_some_and(|k| k.key == key) {
            old.pop_front();
        }
        let text = words(row).to_lowercase().into_boxed_str();
        let hold: Weak<dyn Any + Send + Sync> = match &self.shared {
            Some((_, hold)) => hold(row),
            None => Weak::<()>::new(),
        };
        Known { row: hold, key, fits: fits(&text, None), words: text }
    }

    fn order(&self, state: &TableState, view: &mut [u32]) {
        if let Some((column, rising)) = state.sort
            && let Some(compare) = self.columns.get(column).and_then(|c| c.sort.as_ref())
        {
            view.sort_by(|a, b| {
                let (Some(a), Some(b)) = (self.rows.get(*a as usize), self.rows.get(*b as usize)) else {
                    return std::cmp::Ordering::Equal;
                };
                if rising { compare(a, b) } else { compare(b, a) }
            });
        }
    }

    /// The row at a place of the view.
    pub(super) fn row_at(&self, state: &TableState, place: usize) -> Option<&R> {
        state.view.get(place).and_then(|index| self.rows.get(*index as usize))
    }

    /// The place of a row in the view; none when it is not shown.
    pub(super) fn place_of(&self, state: &TableState, key: u128) -> Option<usize> {
        (0..state.view.len()).find(|place| self.row_at(state, *place).is_some_and(|r| (self.key)(r) == key))
    }

    /// Puts the cursor on a place of the view.
    pub(super) fn point(&self, state: &mut TableState, place: usize) {
        state.cursor = self.row_at(state, place).map(|row| ((self.key)(row), place));
    }

    /// How many of the selected rows are shown. Counted once per change.
    pub(super) fn chosen(&self, state: &mut TableState) -> usize {
        if state.selected.is_empty() {
            return 0;
        }
        if let Some((of, n)) = &state.chosen
            && *of == state.selected
        {
            return *n;
        }
        let shown = (0..state.view.len()).filter_map(|p| self.row_at(state, p));
        let n = shown.filter(|r| state.selected.contains(&(self.key)(r))).count();
        state.chosen = Some((state.selected.clone(), n));
        n
    }
}

#[cfg(test)]
mod tests {
    use crate::kit::table::{Column, Table, TableState};
    use std::cell::Cell;
    use std::sync::Arc;

    type Row = Arc<(u128, String)>;

    fn list(of: impl IntoIterator<Item = u128>) -> Vec<Row> {
        of.into_iter().map(|n| Arc::new((n, format!("Row {n}")))).collect()
    }

    fn table<'a>(rows: &'a Arc<Vec<Row>>, read: &'a Cell<usize>) -> Table<'a, Row> {
        let column = Column::text("name", 10.0, |r: &Row| r.1.clone()).sort(|a: &Row, b: &Row| a.1.cmp(&b.1));
        Table::new("t", rows, rows, |r| r.0, |r| r.1.clone()).shared().column(column).filter(|r| {
            read.set(read.get() + 1);
            r.1.clone()
        })
    }

    #[test]
    fn of_rows_that_have_not_changed_nothing_is_read_again() {
        let read = Cell::new(0);
        let mut state = TableState { filter: "row 1".into(), ..Default::default() };
        let mut rows = Arc::new(list(0..1_000));
        table(&rows, &read).refresh(&mut state);
        assert_eq!((read.get(), state.view.len()), (1_000, 271));
        // The same list, published again.
        let again = Arc::clone(&rows);
        table(&again, &read).refresh(&mut state);
        assert_eq!(read.get(), 1_000);
        // Two came at the top, a run of neighbours and one in the middle changed.
        let mut next = list([2_000, 1_001]);
        next.extend(rows.iter().cloned());
        for at in (300..400).chain([777]) {
            next[at] = Arc::new((next[at].0, format!("Row 1{}", next[at].0)));
        }
        rows = Arc::new(next);
        table(&rows, &read).refresh(&mut state);
        assert_eq!(read.get(), 1_000 + 2 + 101, "only what is new was read");
        let expected =
            rows.iter().filter(|r| r.1.to_lowercase().contains("row") && r.1.contains('1')).count();
        assert_eq!(state.view.len(), expected);
        // Another filter judges what is kept.
        state.filter = "2000".into();
        table(&rows, &read).refresh(&mut state);
        assert_eq!((read.get(), state.view.clone()), (1_103, vec![0]));
    }

    #[test]
    fn the_cursor_goes_with_its_row_and_ends_with_it() {
        let read = Cell::new(0);
        let mut state = TableState::default();
        let rows = Arc::new(list([3, 1, 2]));
        let now = table(&rows, &read);
        now.refresh(&mut state);
        now.point(&mut state, 0);
        state.sort = Some((0, true));
        now.refresh(&mut state);
        assert_eq!(state.cursor, Some((3, 2)));
        let rows = Arc::new(list([9, 3]));
        table(&rows, &read).refresh(&mut state);
        assert_eq!(state.cursor, Some((3, 0)));
        let rows = Arc::new(list([9, 8]));
        table(&rows, &read).refresh(&mut state);
        assert_eq!(state.cursor, None);
    }

    #[test]
    fn what_is_selected_and_hidden_is_not_taken_for_what_is_shown() {
        let read = Cell::new(0);
        let rows = Arc::new(list(0..4));
        let mut state = TableState { selected: [0, 1].into(), filter: "row 3".into(), ..Default::default() };
        let now = table(&rows, &read);
        now.refresh(&mut state);
        assert_eq!((state.view.len(), now.chosen(&mut state)), (1, 0));
        state.selected.insert(3);
        assert_eq!(now.chosen(&mut state), 1);
    }

    #[test]
    fn what_a_list_is_narrowed_to_counts_as_all_of_it() {
        let read = Cell::new(0);
        let rows = Arc::new(list(0..10));
        let mut state = TableState::default();
        table(&rows, &read).only(7, |r| r.0 < 3).refresh(&mut state);
        assert_eq!((state.view.len(), state.all), (3, 3));
        table(&rows, &read).only(8, |r| r.0 < 5).refresh(&mut state);
        assert_eq!((state.view.len(), state.all), (5, 5));
    }
}
