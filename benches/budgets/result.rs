//! One line of the benchmark: ours against a peer or a limit of the same run, as a ratio. Apart from the
//! measurements, which each know how to make two figures.

use serde::Serialize;

/// A budget of DESIGN §11, measured.
#[derive(Serialize, Clone, Debug)]
pub(crate) struct Line {
    /// What was measured, with its unit.
    pub(crate) name: String,
    /// Our figure (median of the rounds).
    pub(crate) ours: f64,
    /// The peer's or limit's figure (median of the rounds).
    pub(crate) peer: f64,
    /// Who or what that is.
    pub(crate) peer_name: String,
    /// Ours divided by the peer's.
    pub(crate) ratio: f64,
    /// The bar, in words: `<= 0.85`.
    pub(crate) bar: String,
    /// Whether it holds.
    pub(crate) holds: bool,
}

/// Which side of the bar is good.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    /// The ratio must be at most this.
    AtMost(f64),
    /// The ratio must be at least this.
    AtLeast(f64),
}

impl Line {
    /// Makes a line from the medians of two series.
    pub(crate) fn of(name: &str, ours: &[f64], peer: &[f64], peer_name: &str, bar: Bar) -> Self {
        let (ours, peer) = (median(ours), median(peer));
        let ratio = if peer == 0.0 { f64::INFINITY } else { ours / peer };
        let (holds, bar) = match bar {
            Bar::AtMost(limit) => (ratio <= limit, format!("<= {limit}")),
            Bar::AtLeast(limit) => (ratio >= limit, format!(">= {limit}")),
        };
        Self { name: name.to_owned(), ours, peer, peer_name: peer_name.to_owned(), ratio, bar, holds }
    }

    /// Prints it as a person reads it.
    pub(crate) fn print(&self) {
        let mark = if self.holds { "holds " } else { "MISSES" };
        println!(
            "{mark}  {:<58} ours {:>10.3}  {} {:>10.3}  ratio {:>7.3}  bar {}",
            self.name, self.ours, self.peer_name, self.peer, self.ratio, self.bar
        );
    }
}

/// The middle of a series; 0 for none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
