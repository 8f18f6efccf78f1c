//! The replication cycles of one item: the last ones for its charts, and the count of the window for its health.
//! Apart from `facts`, because the count must stay cheap with ten thousand items.

use leeward_model::health::{CycleCount, WINDOW_SECS};
use leeward_model::{CycleSample, Moment};
use std::collections::VecDeque;
use std::sync::Arc;

/// Cycles kept for the charts of one item.
pub(crate) const CYCLES_KEPT: usize = 240;
/// Cycles written for the charts after a restart.
const CYCLES_SAVED: usize = 96;
/// The window is counted in pieces of this length.
const PIECE_SECS: i64 = 3_600;

/// What is known of the cycles of one item.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cycles {
    lately: VecDeque<CycleSample>,
    /// Made when asked for, and again after a change.
    shared: Option<Arc<Vec<CycleSample>>>,
    pieces: VecDeque<Piece>,
    /// Written up to here.
    saved_to: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    began: i64,
    done: u32,
    missed: u32,
    latency_secs: f64,
}

impl Cycles {
    /// The cycles as they were written.
    pub(crate) fn restored(cycles: Vec<CycleSample>) -> Self {
        let saved_to = cycles.last().map(|c| c.at);
        Self { lately: cycles.into(), saved_to, ..Self::default() }
    }

    /// Takes in new ones; what was said before is not counted twice. Whether there was anything new.
    pub(crate) fn take(&mut self, new: &[CycleSample], frequency_secs: u32) -> bool {
        let mut any = false;
        for sample in new {
            if self.lately.back().is_some_and(|last| last.at >= sample.at) {
                continue;
            }
            any = true;
            self.count(sample, frequency_secs);
            self.lately.push_back(*sample);
            if self.lately.len() > CYCLES_KEPT {
                self.lately.pop_front();
            }
        }
        if any {
            self.shared = None;
        }
        any
    }

    fn count(&mut self, sample: &CycleSample, frequency_secs: u32) {
        let began = sample.at.0.div_euclid(PIECE_SECS * 1000) * PIECE_SECS * 1000;
        if self.pieces.back().is_none_or(|p| p.began < began) {
            self.pieces.push_back(Piece { began, done: 0, missed: 0, latency_secs: 0.0 });
        }
        while self.pieces.front().is_some_and(|p| began - p.began >= WINDOW_SECS * 1000) {
            self.pieces.pop_front();
        }
        if let Some(piece) = self.pieces.back_mut() {
            piece.done += 1;
            piece.missed += missed(sample.rpo_secs, frequency_secs);
            piece.latency_secs += f64::from(sample.ship_secs);
        }
    }

    /// The count of the window.
    pub(crate) fn counted(&self) -> CycleCount {
        let mut sum = CycleCount::default();
        for piece in &self.pieces {
            sum.done += piece.done;
            sum.missed += piece.missed;
            sum.latency_secs += piece.latency_secs;
        }
        if sum.done > 0 {
            sum.latency_secs /= f64::from(sum.done);
        }
        sum
    }

    /// The last cycles, shared.
    pub(crate) fn shared(&mut self) -> Arc<Vec<CycleSample>> {
        let made = self.shared.take().unwrap_or_else(|| Arc::new(self.lately.iter().copied().collect()));
        self.shared = Some(Arc::clone(&made));
        made
    }

    /// What is to be written, if there is anything new.
    pub(crate) fn take_unsaved(&mut self) -> Option<Vec<CycleSample>> {
        let newest = self.lately.back()?.at;
        if self.saved_to == Some(newest) {
            return None;
        }
        self.saved_to = Some(newest);
        let skip = self.lately.len().saturating_sub(CYCLES_SAVED);
        Some(self.lately.iter().skip(skip).copied().collect())
    }
}

/// How many cycles did not make it in their time: a lag of two and a half periods has missed one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a day of cycles")]
fn missed(lag_secs: f32, frequency_secs: u32) -> u32 {
    let periods = (f64::from(lag_secs) / f64::from(frequency_secs.max(1))).floor();
    (periods - 1.0).clamp(0.0, 2_880.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_secs: i64, rpo_secs: f32) -> CycleSample {
        CycleSample { at: Moment(at_secs * 1000), rpo_secs, sent_bytes: 1, ship_secs: 2.0, capture_ms: 1.0 }
    }

    #[test]
    fn a_cycle_is_late_when_it_missed_the_next_one() {
        assert_eq!(missed(31.0, 30), 0);
        assert_eq!(missed(59.0, 30), 0);
        assert_eq!(missed(61.0, 30), 1);
        assert_eq!(missed(f32::INFINITY, 30), 2_880);
        assert_eq!(missed(-5.0, 0), 0);
    }

    #[test]
    fn nothing_is_counted_twice_and_the_window_moves() {
        let mut cycles = Cycles::default();
        assert!(cycles.take(&[sample(0, 30.0), sample(30, 95.0)], 30));
        assert!(!cycles.take(&[sample(0, 30.0), sample(30, 95.0)], 30));
        let counted = cycles.counted();
        assert_eq!((counted.done, counted.missed), (2, 2));
        assert!((counted.latency_secs - 2.0).abs() < 1e-9);
        assert!(cycles.take(&[sample(WINDOW_SECS + 10, 30.0)], 30));
        assert_eq!(cycles.counted().done, 1);
    }

    #[test]
    fn what_is_kept_and_saved_is_bounded() {
        let mut cycles = Cycles::default();
        let many: Vec<_> = (0..1000).map(|n| sample(n * 30, 30.0)).collect();
        cycles.take(&many, 30);
        assert_eq!(cycles.shared().len(), CYCLES_KEPT);
        assert_eq!(cycles.take_unsaved().map(|s| s.len()), Some(CYCLES_SAVED));
        assert_eq!(cycles.take_unsaved(), None);
    }
}
