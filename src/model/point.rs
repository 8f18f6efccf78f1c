//! Recovery points as all layers speak of them. Apart from the point store, which holds their bytes.

use crate::ids::{Epoch, PointId, Sequence};
use crate::moment::Moment;
use serde::{Deserialize, Serialize};

/// What a point promises about the guest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Consistency {
    /// As after a power cut, all disks at one instant.
    Crash,
    /// File systems were frozen by the guest agent.
    Application,
}

/// How a point came about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum PointKind {
    /// The first full copy.
    Initial,
    /// A cycle's delta.
    Delta,
    /// A resynchronization.
    Resync,
    /// The last delta of a planned failover; nothing was lost.
    Final,
    /// The disks of an old source, kept before anything of the new direction was written.
    Safety,
}

/// Which point a person asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum PointChoice {
    /// The newest one.
    Latest,
    /// The newest application-consistent one.
    LatestAppConsistent,
    /// This one.
    Exact(PointId),
}

/// A recovery point at its target.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PointSummary {
    /// Identity.
    pub id: PointId,
    /// The epoch its log was written under.
    pub epoch: Epoch,
    /// The log's number.
    pub sequence: Sequence,
    /// The one instant of all disks, by the source's clock.
    pub instant: Moment,
    /// When it became visible at the target, by the target's clock.
    pub committed_at: Moment,
    /// What it promises.
    pub consistency: Consistency,
    /// How it came about.
    pub kind: PointKind,
    /// Bytes that its log carried (all disks, before compression).
    pub size_bytes: u64,
    /// Kept whatever retention says, because something stands on it.
    pub pinned: bool,
}
