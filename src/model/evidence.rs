//! Evidence: values that prove that something happened at a host. A failover cannot be written without them.
//! Apart from `protection`, which asks for them, because only an agent may make them.

use crate::ids::{AgentId, Epoch, ItemId, PointId};
use crate::moment::Moment;
use serde::{Deserialize, Serialize};

/// The capability to make evidence. Granted once, in the agent's wiring (and in the simulation); a test of the
/// layers checks that nothing else names [`EvidenceMint::grant`].
#[derive(Debug)]
pub struct EvidenceMint(());

impl EvidenceMint {
    /// Grants the capability. Only for the agent's `main` and for `sim`.
    #[must_use]
    pub const fn grant() -> Self {
        Self(())
    }

    /// The guest has shut down in order, or was powered off, and its disks take no more writes.
    #[must_use]
    pub const fn source_quiesced(
        &self,
        item: ItemId,
        epoch: Epoch,
        at: Moment,
        orderly: bool,
    ) -> SourceQuiesced {
        SourceQuiesced { item, epoch, at, orderly }
    }

    /// The last delta after quiescing is a recovery point at the target.
    #[must_use]
    pub const fn final_sync(&self, item: ItemId, epoch: Epoch, point: PointId) -> FinalSyncDone {
        FinalSyncDone { item, epoch, point }
    }

    /// The host cannot run the machine any more under an epoch older than `epoch`.
    #[must_use]
    pub const fn fence(&self, item: ItemId, agent: AgentId, epoch: Epoch, at: Moment) -> FenceProof {
        FenceProof { item, agent, epoch, at }
    }

    /// The reverse target holds a point that was compared and copied completely.
    #[must_use]
    pub const fn in_sync(&self, item: ItemId, epoch: Epoch, point: PointId) -> InSync {
        InSync { item, epoch, point }
    }
}

/// The source takes no more writes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SourceQuiesced {
    item: ItemId,
    epoch: Epoch,
    at: Moment,
    orderly: bool,
}

/// Nothing was lost: the last delta is at the target.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FinalSyncDone {
    item: ItemId,
    epoch: Epoch,
    point: PointId,
}

/// The other side cannot write.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FenceProof {
    item: ItemId,
    agent: AgentId,
    epoch: Epoch,
    at: Moment,
}

/// Both sides hold the same bytes up to this point.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InSync {
    item: ItemId,
    epoch: Epoch,
    point: PointId,
}

impl SourceQuiesced {
    /// Whether it speaks of this item under this epoch.
    #[must_use]
    pub fn proves(&self, item: ItemId, epoch: Epoch) -> bool {
        self.item == item && self.epoch == epoch
    }
    /// When the last write was possible.
    #[must_use]
    pub const fn at(&self) -> Moment {
        self.at
    }
    /// The guest's own orderly shutdown, not a power-off.
    #[must_use]
    pub const fn orderly(&self) -> bool {
        self.orderly
    }
}

impl FinalSyncDone {
    /// Whether it speaks of this item under this epoch.
    #[must_use]
    pub fn proves(&self, item: ItemId, epoch: Epoch) -> bool {
        self.item == item && self.epoch == epoch
    }
    /// The point that holds everything.
    #[must_use]
    pub const fn point(&self) -> PointId {
        self.point
    }
}

impl FenceProof {
    /// Whether it fences this item against everything older than `epoch`.
    #[must_use]
    pub fn proves(&self, item: ItemId, epoch: Epoch) -> bool {
        self.item == item && self.epoch >= epoch
    }
    /// The fenced host.
    #[must_use]
    pub const fn agent(&self) -> AgentId {
        self.agent
    }
    /// When it was fenced.
    #[must_use]
    pub const fn at(&self) -> Moment {
        self.at
    }
    /// The epoch it is fenced against.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }
}

impl InSync {
    /// Whether it speaks of this item under this epoch.
    #[must_use]
    pub fn proves(&self, item: ItemId, epoch: Epoch) -> bool {
        self.item == item && self.epoch == epoch
    }
    /// The first point of the new direction.
    #[must_use]
    pub const fn point(&self) -> PointId {
        self.point
    }
}
