//! Which rows a table shows, in which order: worked out once per change, never per frame. Apart from `paint`.

use super::{Table, TableState};

impl<R> Table<'_, R> {
    /// Brings the view up to date when rows, filter or order have changed.
    pub(super) fn refresh(&self, state: &mut TableState) {
        let now = (self.revision, self.rows.len(), state.filter.clone(), state.sort);
        if state.view_of.as_ref() == Some(&now) {
            return;
        }
        let wanted: Vec<String> = state.filter.to_lowercase().split_whitespace().map(str::to_owned).collect();
        let mut view: Vec<u32> = Vec::with_capacity(self.rows.len());
        for (index, row) in self.rows.iter().enumerate() {
            let fits = wanted.is_empty()
                || self.words.as_ref().is_none_or(|words| {
                    let text = words(row).to_lowercase();
                    wanted.iter().all(|w| text.contains(w.as_str()))
                });
            if let (true, Ok(index)) = (fits, u32::try_from(index)) {
                view.push(index);
            }
        }
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
        // Rows that are gone are no longer selected.
        if !state.selected.is_empty() {
            let keys: std::collections::BTreeSet<u128> = self.rows.iter().map(|r| (self.key)(r)).collect();
            state.selected.retain(|key| keys.contains(key));
        }
        state.cursor = state.cursor.filter(|at| *at < view.len());
        state.view = view;
        state.view_of = Some(now);
    }

    /// The row at a place of the view.
    pub(super) fn row_at(&self, state: &TableState, place: usize) -> Option<&R> {
        state.view.get(place).and_then(|index| self.rows.get(*index as usize))
    }
}
