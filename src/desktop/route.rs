//! Where the window is: one value per blade. Apart from `action`, which asks to go there.

use leeward_model::{AgentId, ItemId, JobId, TestId};

/// A blade and what it shows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Route {
    /// The vault.
    Overview,
    /// All replicated items.
    Items,
    /// One replicated item.
    Item(ItemId),
    /// The wizard that protects machines.
    Enable,
    /// All jobs.
    Jobs,
    /// One job.
    Job(JobId),
    /// All events.
    Events,
    /// All management servers.
    Servers,
    /// One management server.
    Server(AgentId),
    /// Replication policies.
    Policies,
    /// The console picture of a test failover.
    Console {
        /// Its item.
        item: ItemId,
        /// The test failover.
        test: TestId,
    },
}

impl Route {
    /// The blade above, which the breadcrumb leads back to.
    #[must_use]
    pub const fn parent(&self) -> Option<Self> {
        match self {
            Self::Overview => None,
            Self::Items | Self::Jobs | Self::Events | Self::Servers | Self::Policies => Some(Self::Overview),
            Self::Item(_) | Self::Enable => Some(Self::Items),
            Self::Job(_) => Some(Self::Jobs),
            Self::Server(_) => Some(Self::Servers),
            Self::Console { item, .. } => Some(Self::Item(*item)),
        }
    }

    /// The entry of the hub menu it belongs to.
    #[must_use]
    pub const fn hub(&self) -> Self {
        match self {
            Self::Overview => Self::Overview,
            Self::Items | Self::Item(_) | Self::Enable | Self::Console { .. } => Self::Items,
            Self::Jobs | Self::Job(_) => Self::Jobs,
            Self::Events => Self::Events,
            Self::Servers | Self::Server(_) => Self::Servers,
            Self::Policies => Self::Policies,
        }
    }
}
