//! The protection of an item as a state machine whose states carry what is true in them.
//!
//! ```text
//! Enabling ─► InitialReplication ─► Protected ─► FailingOver ─► FailedOver ─► Committed ─► Reversing ─► ProtectedReversed
//!                                       ▲            │              │  ▲           (the same arrows lead home) │
//!                                       └── undone ──┘              └──┘ change of point                      │
//!                                       ▲                                                                      │
//!                                       └───────────── Reversing ◄─ Committed ◄─ FailedOver ◄─ FailingOver ◄───┘
//! ```
//!
//! Each arrow consumes the state and asks for evidence. There is no method from an unknown source to
//! `Reversing`: the source must be fenced first. What is allowed *now* (an open test, a running job) is policy
//! and lives in `availability`; what can be at all lives here.

use crate::evidence::{FenceProof, FinalSyncDone, InSync, SourceQuiesced};
use crate::ids::{Epoch, ItemId, PointId};
use crate::side::Side;
use crate::text::Message;
use serde::{Deserialize, Serialize};

/// How a failover came about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum FailoverKind {
    /// Orderly shutdown, last delta, nothing lost.
    Planned,
    /// The source is gone or is given up.
    Unplanned,
}

/// What is known about the side that was left.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum SourceFence {
    /// It cannot write: here is the proof.
    Fenced(FenceProof),
    /// Not heard of since. It may still run and will be fenced when it returns.
    Unknown,
}

/// Where an item stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, strum::EnumDiscriminants)]
#[strum_discriminants(
    name(ProtectionName),
    derive(Hash, PartialOrd, Ord, Serialize, Deserialize, strum::EnumIter)
)]
pub enum Protection {
    /// Being set up at both sides.
    Enabling,
    /// The first full copy is under way.
    InitialReplication,
    /// Runs at the primary side, replicates to the recovery side.
    Protected,
    /// A failover is under way from the side that was active.
    FailingOver {
        /// Planned or unplanned.
        kind: FailoverKind,
        /// The side it moves to.
        to: Side,
    },
    /// Runs at the other side on a recovery point; the point can still be changed.
    FailedOver {
        /// How it came about.
        kind: FailoverKind,
        /// The point it runs on.
        point: PointId,
        /// What is known about the side that was left.
        source: SourceFence,
    },
    /// The choice of point is final.
    Committed {
        /// What is known about the side that was left.
        source: SourceFence,
    },
    /// The copy in the other direction is being built.
    Reversing,
    /// Runs at the recovery side, replicates to the primary side.
    ProtectedReversed,
    /// Replication is being taken away.
    Disabling,
    /// Leeward does not know what is safe: a person must decide.
    NeedsOperator {
        /// What was found.
        why: Message,
    },
}

/// An arrow that does not exist, or evidence that does not fit.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{item}: cannot go from {from:?} by {arrow}")]
pub struct Illegal {
    /// The item.
    pub item: ItemId,
    /// The state it was in, unchanged.
    pub from: Box<Protection>,
    /// The arrow that was asked for.
    pub arrow: &'static str,
}

/// What entitles a failover to end: a planned one proves that nothing is lost, an unplanned one may not be able to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum FailoverEvidence {
    /// All three were earned.
    Planned {
        /// The guest stopped.
        quiesced: SourceQuiesced,
        /// The last delta arrived.
        synced: FinalSyncDone,
        /// The source cannot start again.
        fence: FenceProof,
    },
    /// A person chose a point; the source may or may not have been fenced.
    Unplanned {
        /// The chosen point.
        point: PointId,
        /// What is known about the source.
        source: SourceFence,
    },
}

impl Protection {
    /// The name of the state without what it carries.
    #[must_use]
    pub fn name(&self) -> ProtectionName {
        self.into()
    }

    /// Whether deltas flow in this state (if not paused).
    #[must_use]
    pub const fn replicates(&self) -> bool {
        matches!(self, Self::InitialReplication | Self::Protected | Self::Reversing | Self::ProtectedReversed)
    }

    /// Both sides are set up; the first copy begins.
    pub fn enabled(self, item: ItemId) -> Result<Self, Illegal> {
        match self {
            Self::Enabling => Ok(Self::InitialReplication),
            from => Err(illegal(item, from, "enabled")),
        }
    }

    /// The first point is complete at the target.
    pub fn initial_done(self, item: ItemId, epoch: Epoch, proof: &InSync) -> Result<Self, Illegal> {
        match self {
            Self::InitialReplication if proof.proves(item, epoch) => Ok(Self::Protected),
            from => Err(illegal(item, from, "initial_done")),
        }
    }

    /// A failover begins, away from the active side.
    pub fn begin_failover(self, item: ItemId, kind: FailoverKind, active: Side) -> Result<Self, Illegal> {
        match (self, kind) {
            (Self::Protected | Self::ProtectedReversed, _)
            // A disaster during the way back: the reverse copy is not complete, but what the other side held when it
            // was left is one of its points.
            | (Self::Reversing, FailoverKind::Unplanned) => Ok(Self::FailingOver { kind, to: active.other() }),
            (from, _) => Err(illegal(item, from, "begin_failover")),
        }
    }

    /// A failover was undone before the machine started at the other side; `reversing` when it began on the way back.
    pub fn failover_undone(self, item: ItemId, reversing: bool) -> Result<Self, Illegal> {
        match self {
            Self::FailingOver { .. } if reversing => Ok(Self::Reversing),
            Self::FailingOver { to: Side::Recovery, .. } => Ok(Self::Protected),
            Self::FailingOver { to: Side::Primary, .. } => Ok(Self::ProtectedReversed),
            from => Err(illegal(item, from, "failover_undone")),
        }
    }

    /// The machine runs at the other side. `epoch` is the one the failover left behind.
    pub fn failed_over(
        self,
        item: ItemId,
        epoch: Epoch,
        evidence: FailoverEvidence,
    ) -> Result<Self, Illegal> {
        match (self, evidence) {
            (
                Self::FailingOver { kind: FailoverKind::Planned, .. },
                FailoverEvidence::Planned { quiesced, synced, fence },
            ) if quiesced.proves(item, epoch)
                && synced.proves(item, epoch)
                && fence.proves(item, epoch.next()) =>
            {
                Ok(Self::FailedOver {
                    kind: FailoverKind::Planned,
                    point: synced.point(),
                    source: SourceFence::Fenced(fence),
                })
            }
            (
                Self::FailingOver { kind: FailoverKind::Unplanned, .. },
                FailoverEvidence::Unplanned { point, source },
            ) if source.is_true_of(item, epoch.next()) => {
                Ok(Self::FailedOver { kind: FailoverKind::Unplanned, point, source })
            }
            (from, _) => Err(illegal(item, from, "failed_over")),
        }
    }

    /// Another point was chosen before commit.
    pub fn point_changed(self, item: ItemId, point: PointId) -> Result<Self, Illegal> {
        match self {
            Self::FailedOver { kind: FailoverKind::Unplanned, source, .. } => {
                Ok(Self::FailedOver { kind: FailoverKind::Unplanned, point, source })
            }
            from => Err(illegal(item, from, "point_changed")),
        }
    }

    /// The choice of point becomes final.
    pub fn committed(self, item: ItemId) -> Result<Self, Illegal> {
        match self {
            Self::FailedOver { source, .. } => Ok(Self::Committed { source }),
            from => Err(illegal(item, from, "committed")),
        }
    }

    /// A source that had not been heard of has been fenced. `epoch` is the item's present one.
    pub fn source_fenced(self, item: ItemId, epoch: Epoch, proof: FenceProof) -> Result<Self, Illegal> {
        if !proof.proves(item, epoch) {
            return Err(illegal(item, self, "source_fenced"));
        }
        match self {
            Self::FailedOver { kind, point, .. } => {
                Ok(Self::FailedOver { kind, point, source: SourceFence::Fenced(proof) })
            }
            Self::Committed { .. } => Ok(Self::Committed { source: SourceFence::Fenced(proof) }),
            from => Err(illegal(item, from, "source_fenced")),
        }
    }

    /// The copy in the other direction begins. Only from a fenced source.
    pub fn begin_reverse(self, item: ItemId) -> Result<Self, Illegal> {
        match self {
            Self::Committed { source: SourceFence::Fenced(_) } => Ok(Self::Reversing),
            from => Err(illegal(item, from, "begin_reverse")),
        }
    }

    /// The copy in the other direction could not be built; the machine goes on unprotected where it runs.
    pub fn reverse_undone(self, item: ItemId, epoch: Epoch, fence: FenceProof) -> Result<Self, Illegal> {
        match self {
            Self::Reversing if fence.proves(item, epoch) => {
                Ok(Self::Committed { source: SourceFence::Fenced(fence) })
            }
            from => Err(illegal(item, from, "reverse_undone")),
        }
    }

    /// Both sides hold the same again; protection runs from the active side.
    pub fn reversed(self, item: ItemId, epoch: Epoch, active: Side, proof: &InSync) -> Result<Self, Illegal> {
        match self {
            Self::Reversing if proof.proves(item, epoch) => Ok(match active {
                Side::Primary => Self::Protected,
                Side::Recovery => Self::ProtectedReversed,
            }),
            from => Err(illegal(item, from, "reversed")),
        }
    }

    /// Taking a failover back did not succeed: it is not known which side is safe to run.
    pub fn lost_track(self, item: ItemId, why: Message) -> Result<Self, Illegal> {
        match self {
            Self::FailingOver { .. } => Ok(Self::NeedsOperator { why }),
            from => Err(illegal(item, from, "lost_track")),
        }
    }

    /// A person has looked and goes on with what got stuck.
    pub fn taken_up(self, item: ItemId, kind: FailoverKind, to: Side) -> Result<Self, Illegal> {
        match self {
            Self::NeedsOperator { .. } => Ok(Self::FailingOver { kind, to }),
            from => Err(illegal(item, from, "taken_up")),
        }
    }

    /// Replication is taken away. Possible from every state but a failover under way.
    pub fn begin_disable(self, item: ItemId) -> Result<Self, Illegal> {
        match self {
            from @ Self::FailingOver { .. } => Err(illegal(item, from, "begin_disable")),
            _ => Ok(Self::Disabling),
        }
    }
}

impl SourceFence {
    fn is_true_of(&self, item: ItemId, epoch: Epoch) -> bool {
        match self {
            Self::Fenced(proof) => proof.proves(item, epoch),
            Self::Unknown => true,
        }
    }
}

fn illegal(item: ItemId, from: Protection, arrow: &'static str) -> Illegal {
    Illegal { item, from: Box::new(from), arrow }
}
