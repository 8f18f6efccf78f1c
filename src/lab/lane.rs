//! What the line between two sites does to packets: it delays, loses, limits, stalls or cuts. Apart from `line`, the
//! records of it, because the program that carries the packets is built by itself and includes this file.

use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// What a carrier says when its device is there.
pub(crate) const OPEN: &str = "the line is open";
/// The record of the settings in the lab's folder.
pub(crate) const SETTINGS: &str = "line.json";

/// The record of what the direction that begins at a host has carried.
pub(crate) fn count_record(host: &str) -> String {
    format!("line-{host}.json")
}

/// What may wait in one direction; a router's buffer would be full too.
pub const QUEUE_BYTES_MAX: usize = 4 << 20;

/// How the line is.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LineSettings {
    /// Each way, in milliseconds.
    pub delay_ms: u32,
    /// Share of packets that are lost, each way, in percent.
    pub loss_percent: f64,
    /// Each way; 0 is without a limit.
    pub bytes_per_sec: u64,
    /// Whether anything passes.
    pub passes: Passes,
}

/// Whether anything passes the line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Passes {
    /// Yes.
    #[default]
    Open,
    /// Packets are held, and delivered when the line opens again.
    Stalled,
    /// Packets vanish, and nobody is told.
    Cut,
}

/// What one direction has carried and lost so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LineCount {
    /// Packets that were delivered.
    pub carried: u64,
    /// Packets that were lost.
    pub lost: u64,
    /// Bytes that were delivered, headers included.
    #[serde(default)]
    pub carried_bytes: u64,
}

/// One direction of the line: when which packet arrives.
#[derive(Debug)]
pub struct Lane {
    /// The wire is busy until then.
    busy_until: Option<Instant>,
    dice: u64,
}

impl Lane {
    /// A direction whose losses follow from a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { busy_until: None, dice: seed | 1 }
    }

    /// When a packet that is sent now arrives; none when it is lost. `waiting` are the bytes on their way.
    pub fn admit(
        &mut self,
        line: &LineSettings,
        bytes: usize,
        waiting: usize,
        now: Instant,
    ) -> Option<Instant> {
        if line.passes == Passes::Cut || waiting + bytes > QUEUE_BYTES_MAX || self.roll() < line.loss_percent
        {
            return None;
        }
        let mut leaves = now;
        if line.bytes_per_sec > 0 {
            #[expect(clippy::cast_precision_loss, reason = "seconds of a packet")]
            let takes = Duration::from_secs_f64(bytes as f64 / line.bytes_per_sec as f64);
            leaves = self.busy_until.map_or(now, |until| until.max(now)) + takes;
            self.busy_until = Some(leaves);
        }
        Some(leaves + Duration::from_millis(u64::from(line.delay_ms)))
    }

    /// From 0 to 100.
    fn roll(&mut self) -> f64 {
        // Marsaglia's xorshift: good enough for losses, and repeatable.
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let share = (self.dice >> 11) as f64 / (1_u64 << 53) as f64;
        share * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_delayed_lost_and_limited_as_asked() {
        let now = Instant::now();
        let mut lane = Lane::new(7);
        let line = LineSettings { delay_ms: 50, ..LineSettings::default() };
        assert_eq!(lane.admit(&line, 1500, 0, now), Some(now + Duration::from_millis(50)));
        let line = LineSettings { loss_percent: 2.0, ..line };
        let lost = (0..10_000).filter(|_| lane.admit(&line, 1500, 0, now).is_none()).count();
        assert!((100..300).contains(&lost), "{lost} of 10000 at 2 %");
        let line = LineSettings { bytes_per_sec: 15_000, ..LineSettings::default() };
        assert_eq!(lane.admit(&line, 1500, 0, now), Some(now + Duration::from_millis(100)));
        assert_eq!(
            lane.admit(&line, 1500, 0, now),
            Some(now + Duration::from_millis(200)),
            "one after the other"
        );
        assert_eq!(lane.admit(&line, 1500, QUEUE_BYTES_MAX, now), None, "a full queue loses");
        let line = LineSettings { passes: Passes::Cut, ..LineSettings::default() };
        assert_eq!(lane.admit(&line, 1500, 0, now), None);
    }
}
