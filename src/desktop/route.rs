//! Where the window is: one value per blade. Apart from `action`, which asks to go there.

use leeward_model::{AgentId, Health, ItemId, JobId, Readiness, TestId};

/// A blade and what it shows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Route {
    /// The vault.
    Overview,
    /// All replicated items.
    Items,
    /// The replicated items of which this is true: where a figure that counts them leads.
    ItemsWith(ItemsWith),
    /// One replicated item.
    Item(ItemId),
    /// The wizard that protects machines.
    Enable,
    /// All jobs.
    Jobs,
    /// The jobs of which this is true.
    JobsWith(JobsWith),
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

/// What is true of the items of a list.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum ItemsWith {
    /// Their health.
    Health(Health),
    /// Whether they are ready to be failed over.
    Readiness(Readiness),
    /// They have the symptom of this code.
    Symptom(String),
    /// They stand on this server, as source or target.
    Server(AgentId),
    /// A test failover of theirs waits for a person.
    TestToCleanUp,
}

/// What is true of the jobs of a list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum JobsWith {
    /// Failed within a day.
    Failed,
    /// Wait for a person.
    Waiting,
    /// Are under way.
    Running,
    /// Succeeded within a day.
    Succeeded,
}

impl Route {
    /// The blade above, which the breadcrumb leads back to.
    #[must_use]
    pub const fn parent(&self) -> Option<Self> {
        match self {
            Self::Overview => None,
            Self::Items | Self::ItemsWith(_) | Self::Jobs | Self::JobsWith(_) => Some(Self::Overview),
            Self::Events | Self::Servers | Self::Policies => Some(Self::Overview),
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
            Self::Items | Self::ItemsWith(_) | Self::Item(_) | Self::Enable | Self::Console { .. } => {
                Self::Items
            }
            Self::Jobs | Self::JobsWith(_) | Self::Job(_) => Self::Jobs,
            Self::Events => Self::Events,
            Self::Servers | Self::Server(_) => Self::Servers,
            Self::Policies => Self::Policies,
        }
    }
}
