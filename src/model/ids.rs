//! Typed identifiers. Each noun has its own type so that a host id can never be passed as an item id.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta] $name:ident),+ $(,)?) => { $(
        #[$doc]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> { Uuid::parse_str(text).map(Self) }
        }
    )+ };
}

id! {
    /// A vault: the trust domain and the database of one Leeward installation.
    VaultId,
    /// A site: a place with hosts, for example "Stockholm".
    SiteId,
    /// A host agent (one per host, also the identity in its certificate).
    AgentId,
    /// A virtual machine on a host, as the hypervisor knows it.
    MachineId,
    /// One disk of a machine. Stays the same on both sites.
    DiskId,
    /// A replicated item: a machine under protection.
    ItemId,
    /// A replication policy.
    PolicyId,
    /// A recovery point: all disks of one machine at one instant.
    PointId,
    /// A job: one run of a workflow.
    JobId,
    /// A test failover of one item.
    TestId,
    /// A registration key.
    KeyId,
    /// An event in the vault's history.
    EventId,
    /// The receipt that a command gets when it is accepted.
    ReceiptId,
}

/// Who may write: rises by one at every failover of an item. Agents refuse what is older.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch of a newly protected item.
    pub const FIRST: Self = Self(1);

    /// The epoch that the next failover takes.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a change log within one item and epoch; logs are applied in this order without gaps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl Sequence {
    /// The sequence that follows this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
