//! Guest write latency: a histogram as the hypervisor counts it, and what a person asks of it. Apart from
//! `capture`, which only carries one along.

use serde::{Deserialize, Serialize};

/// Upper edges of the bins, in microseconds; one more bin is above the last. Roughly a factor of 1.4 apart
/// where guests live, so that a ratio of two percentiles means something.
pub const EDGES_MICROS: &[u64] = &[
    50, 75, 100, 140, 200, 280, 400, 560, 800, 1_100, 1_600, 2_200, 3_200, 4_500, 6_400, 9_000, 12_800,
    18_000, 25_600, 36_000, 51_200, 72_000, 102_400, 204_800, 409_600, 819_200, 1_638_400,
];

/// Counts of guest writes by how long they took.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WriteLatency {
    /// One count per edge of [`EDGES_MICROS`], and one above.
    pub counts: Vec<u64>,
}

impl WriteLatency {
    /// How many writes.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What happened since an earlier reading of the same run.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = earlier.counts.iter().copied().chain(std::iter::repeat(0));
        Self { counts: self.counts.iter().zip(before).map(|(now, then)| now.saturating_sub(then)).collect() }
    }

    /// Adds another disk's counts.
    pub fn add(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// The latency that `per_mille` of a thousand writes stayed under, in microseconds (the upper edge of its
    /// bin; twice the last edge when above all). `None` without writes.
    #[must_use]
    pub fn percentile_micros(&self, per_mille: u64) -> Option<u64> {
        let total = u128::from(self.writes());
        if total == 0 {
            return None;
        }
        let rank = (total * u128::from(per_mille.min(1000))).div_ceil(1000).max(1);
        let mut seen = 0_u128;
        for (bin, count) in self.counts.iter().enumerate() {
            seen += u128::from(*count);
            if seen >= rank {
                let beyond = EDGES_MICROS.last().copied().unwrap_or_default().saturating_mul(2);
                return Some(EDGES_MICROS.get(bin).copied().unwrap_or(beyond));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_come_from_the_bin_that_holds_the_rank() {
        let mut counts = vec![0; EDGES_MICROS.len() + 1];
        counts[2] = 98;
        counts[8] = 1;
        counts[EDGES_MICROS.len()] = 1;
        let latency = WriteLatency { counts };
        assert_eq!(latency.percentile_micros(500), Some(100));
        assert_eq!(latency.percentile_micros(980), Some(100));
        assert_eq!(latency.percentile_micros(990), Some(800));
        assert_eq!(latency.percentile_micros(1000), Some(2 * 1_638_400));
        assert_eq!(WriteLatency::default().percentile_micros(990), None);
    }

    #[test]
    fn a_span_is_the_difference_of_two_readings() {
        let earlier = WriteLatency { counts: vec![1, 2, 3] };
        let later = WriteLatency { counts: vec![1, 5, 4] };
        assert_eq!(later.since(&earlier).counts, [0, 3, 1]);
        assert_eq!(later.since(&WriteLatency::default()), later);
    }
}
