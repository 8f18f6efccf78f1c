//! The one source of chance. Everything that could differ between two runs is drawn here, so that a seed is the
//! whole description of a run.

use leeward_engine::core::IdSource;
use uuid::Uuid;

/// Numbers from a seed (splitmix64: small, and good enough to choose faults by).
#[derive(Clone, Debug)]
pub struct Seed(u64);

impl Seed {
    /// Begins a row of numbers.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound` (which is at least 1).
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.number() % if bound == 0 { 1 } else { bound }
    }

    /// Whether something of this chance in a thousand happens.
    pub const fn in_thousand(&mut self, chance: u64) -> bool {
        self.below(1_000) < chance
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() {
            return None;
        }
        let index = usize::try_from(self.below(from.len() as u64)).unwrap_or(0);
        from.get(index)
    }
}

impl IdSource for Seed {
    fn new_id(&mut self) -> Uuid {
        let (high, low) = (self.number(), self.number());
        Uuid::from_u64_pair(high, low)
    }
}
