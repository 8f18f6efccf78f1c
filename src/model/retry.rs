//! How long to wait before trying again. Apart from `fault`, which says whether trying again can help at all.

/// A row of waits, and the wait that follows for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// Waits after the first, second, ... failure, in seconds.
    pub first_secs: &'static [i64],
    /// The wait after every later one, in seconds.
    pub then_secs: i64,
}

/// Replication: 1, 2, 4, 8, 10 minutes, then every 30.
pub const REPLICATION: Backoff = Backoff { first_secs: &[60, 120, 240, 480, 600], then_secs: 1_800 };

/// A step of a job: somebody waits for it, so it is tried soon.
pub const STEP: Backoff = Backoff { first_secs: &[2, 5, 10, 20, 30], then_secs: 60 };

impl Backoff {
    /// Seconds to wait after the failure number `failures` (the first is 1).
    #[must_use]
    pub fn after(&self, failures: u32) -> i64 {
        let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
        self.first_secs.get(index).copied().unwrap_or(self.then_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replication_waits_as_declared() {
        let waits: Vec<i64> = (1..=8).map(|n| REPLICATION.after(n) / 60).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 30, 30, 30]);
        assert_eq!(REPLICATION.after(u32::MAX), 1_800);
        assert_eq!(REPLICATION.after(0), 60);
    }
}
