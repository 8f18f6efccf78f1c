//! Words in columns: aligned, and on a terminal no wider than it. Knows nothing of what it prints.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Where a column's words stand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A table being filled.
#[derive(Debug)]
pub(crate) struct Table {
    heads: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

/// A column is not made narrower than this.
const NARROWEST: usize = 8;

impl Table {
    /// A table with these heads, given as message keys.
    pub(crate) fn new(heads: &[(&'static str, Align)]) -> Self {
        let heads = heads.iter().map(|(key, align)| (leeward_model::text::text(key), *align)).collect();
        Self { heads, rows: Vec::new() }
    }

    /// Adds a row; missing words are empty.
    pub(crate) fn row(&mut self, words: Vec<String>) {
        self.rows.push(words);
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines; `width_max` is the terminal's width when it goes to one.
    pub(crate) fn lines(&self, width_max: Option<usize>) -> Vec<String> {
        let mut widths: Vec<usize> = self.heads.iter().map(|(head, _)| head.width()).collect();
        for row in &self.rows {
            for (width, word) in widths.iter_mut().zip(row) {
                *width = (*width).max(word.width());
            }
        }
        if let Some(max) = width_max {
            narrow(&mut widths, max);
        }
        let heads: Vec<String> = self.heads.iter().map(|(head, _)| head.to_uppercase()).collect();
        std::iter::once(&heads).chain(&self.rows).map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (index, (width, (_, align))) in widths.iter().zip(&self.heads).enumerate() {
            let word = cut(row.get(index).map_or("", String::as_str), *width);
            let fill = " ".repeat(width.saturating_sub(word.width()));
            if index > 0 {
                line.push_str("  ");
            }
            match align {
                Align::Left => line.extend([word.as_str(), &fill]),
                Align::Right => line.extend([fill.as_str(), &word]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Takes from the widest column until all fit.
fn narrow(widths: &mut [usize], max: usize) {
    let gaps = widths.len().saturating_sub(1) * 2;
    while widths.iter().sum::<usize>() + gaps > max {
        let Some(widest) = widths.iter_mut().max() else { return };
        if *widest <= NARROWEST {
            return;
        }
        *widest -= 1;
    }
}

fn cut(word: &str, width: usize) -> String {
    if word.width() <= width {
        return word.to_owned();
    }
    let mut kept = String::new();
    let mut used = 0;
    for c in word.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        kept.push(c);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table { heads: Vec::new(), rows: Vec::new() };
        table.heads = vec![("name".to_owned(), Align::Left), ("size".to_owned(), Align::Right)];
        table.row(vec!["web01".to_owned(), "5 B".to_owned()]);
        table.row(vec!["a machine with a long name, 日本".to_owned(), "500 B".to_owned()]);
        table
    }

    #[test]
    fn columns_align_and_fit_the_terminal() {
        let free = sample().lines(None);
        assert!(free.iter().all(|l| l.width() == free[0].width()), "{free:#?}");
        let fit = sample().lines(Some(20));
        assert!(fit.iter().all(|l| l.width() <= 20), "{fit:#?}");
        assert!(fit[2].contains('…'), "{fit:#?}");
        assert!(fit[1].starts_with("web01 "), "{fit:#?}");
    }
}
