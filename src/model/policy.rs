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

/// Which recovery points are kept. The latest one is always kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Retention {
    /// Every cycle's point is kept for this many minutes.
    pub every_point_mins: u32,
    /// After that one point per hour is kept for this many hours (0 to 24).
    pub hourly_points_hours: u32,
    /// Application-consistent points are kept for this many hours.
    pub app_consistent_hours: u32,
    /// The most points of one item whatever the other rules say (bounds the chain; at most 32).
    pub points_max: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { every_point_mins: 10, hourly_points_hours: 4, app_consistent_hours: 4, points_max: 24 }
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
