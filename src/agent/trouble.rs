//! Why work on an item did not succeed, and who acts next. One type, because a cycle goes through the hypervisor,
//! the disks and the wire, and what follows from a failure must not depend on where it happened.

use leeward_fabric::FabricError;
use leeward_link::LinkError;
use leeward_model::fault::{Fault, Recovery};
use leeward_model::{DiskId, Message};
use leeward_replication::ReplicationError;

/// A failure of work on an item.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The hypervisor.
    Fabric(FabricError),
    /// Logs, replicas or what was said about them.
    Bytes(ReplicationError),
    /// The other agent could not be reached.
    Link(LinkError),
    /// Already in words.
    Said(Box<Fault>),
    /// The track of changes cannot be relied on: these disks (all, if none is named) must be compared.
    Resync {
        /// Disks.
        disks: Vec<DiskId>,
        /// Why.
        why: Message,
        /// Sealed logs are of no use.
        discard_logs: bool,
    },
    /// The item has changed meanwhile; nothing failed.
    Changed,
}

impl Trouble {
    /// Whether it may be over when the same is tried again.
    pub(crate) fn passes(&self) -> bool {
        !matches!(self, Self::Resync { .. }) && self.fault("").recovery == Recovery::Retries
    }

    /// As a person reads it.
    pub(crate) fn fault(&self, subject: &str) -> Box<Fault> {
        Box::new(match self {
            Self::Fabric(e) => e.fault(subject),
            Self::Bytes(e) => e.fault(subject),
            Self::Link(e) => e.fault(),
            Self::Said(fault) => return fault.clone(),
            Self::Resync { why, .. } => {
                let mut fault = Fault::new("agent-not-in-sync", subject, String::new(), Recovery::Retries);
                fault.causes = vec![why.clone()];
                fault
            }
            Self::Changed => Fault::new("agent-item-changed", subject, String::new(), Recovery::Retries),
        })
    }
}

impl From<FabricError> for Trouble {
    fn from(error: FabricError) -> Self {
        if matches!(error, FabricError::Starting { .. }) {
            return Self::Changed;
        }
        Self::Fabric(error)
    }
}

impl From<ReplicationError> for Trouble {
    fn from(error: ReplicationError) -> Self {
        if error.needs_resync() {
            return Self::Resync { disks: Vec::new(), why: error.fault("").what, discard_logs: true };
        }
        if matches!(error, ReplicationError::Cancelled { .. }) {
            return Self::Changed;
        }
        Self::Bytes(error)
    }
}

impl From<LinkError> for Trouble {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

impl From<Box<Fault>> for Trouble {
    fn from(fault: Box<Fault>) -> Self {
        Self::Said(fault)
    }
}
