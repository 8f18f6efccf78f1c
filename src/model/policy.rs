//! Replication policy: how often changes are copied and what recovery points are kept.

use crate::ids::PolicyId;
use serde::{Deserialize, Serialize};

/// How often a change log is captured and shipped.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, strum::EnumIter,
)]
pub enum CopyFrequency {
    /// Every 30 seconds.
    Secs30,
    /// Every 5 minutes.
    Mins5,
    /// Every 15 minutes.
    Mins15,
}

impl CopyFrequency {
    /// The span between two cycles, in seconds.
    #[must_use]
    pub const fn secs(self) -> u32 {
        match self {
            Self::Secs30 => 30,
            Self::Mins5 => 300,
            Self::Mins15 => 900,
        }
    }
}

/// Which recovery points are kept. The latest one is always kept. Times are a promise as long as `points_max` has room
/// for them ([`ReplicationPolicy::points_needed`]); where it has not, the oldest points of the short window go first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Retention {
    /// Every cycle's point is kept for this many minutes.
    pub every_point_mins: u32,
    /// After that one point per hour is kept for this many hours (0 to 24).
    pub hourly_points_hours: u32,
    /// One application-consistent point per hour is kept for this many hours; further ones while there is room.
    pub app_consistent_hours: u32,
    /// The most points of one item whatever the other rules say (bounds the chain; at most 32).
    pub points_max: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { every_point_mins: 10, hourly_points_hours: 4, app_consistent_hours: 4, points_max: 30 }
    }
}

/// A named set of replication settings, shared by the items associated with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReplicationPolicy {
    /// Identity.
    pub id: PolicyId,
    /// Name, unique in the vault.
    pub name: String,
    /// How often changes are copied.
    pub copy_frequency: CopyFrequency,
    /// What is kept at the target.
    pub retention: Retention,
    /// Take an application-consistent point every this many minutes; 0 turns it off.
    pub app_consistent_every_mins: u32,
    /// Most bytes per second one item may send; 0 means no limit.
    pub bandwidth_bytes_per_sec_max: u64,
}

/// How many points what a policy promises takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PointsNeeded {
    /// Every cycle's of the short window.
    pub window: u32,
    /// After it, one per hour.
    pub hourly: u32,
    /// After it, application-consistent ones: one per hour, or as often as they are made.
    pub app_consistent: u32,
}

impl PointsNeeded {
    /// All of them.
    #[must_use]
    pub const fn all(self) -> u32 {
        self.window.saturating_add(self.hourly).saturating_add(self.app_consistent)
    }
}

impl ReplicationPolicy {
    /// The points that must be held at once for the times of the retention to be kept. A point of an hour and an
    /// application-consistent one of the same hour are two: the application's may be made later in it.
    #[must_use]
    pub fn points_needed(&self) -> PointsNeeded {
        let keep = &self.retention;
        let beyond =
            |hours: u32, every: u32| hours.saturating_mul(60).saturating_sub(keep.every_point_mins).div_ceil(every);
        let every = self.app_consistent_every_mins;
        PointsNeeded {
            // One at each end of it.
            window: keep.every_point_mins.saturating_mul(60) / self.copy_frequency.secs() + 1,
            hourly: beyond(keep.hourly_points_hours, 60),
            app_consistent: if every == 0 { 0 } else { beyond(keep.app_consistent_hours, every.max(60)) },
        }
    }
}
