//! The two sides of a replicated item and what stands at each.

use crate::ids::{AgentId, SiteId};
use serde::{Deserialize, Serialize};

/// A side of an item. Sides never swap names: `Primary` is where it was first protected, and the item's
/// `active` side tells where it runs now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Side {
    /// Where the machine was first protected.
    Primary,
    /// Where its replica was first kept.
    Recovery,
}

impl Side {
    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Primary => Self::Recovery,
            Self::Recovery => Self::Primary,
        }
    }
}

/// The host that stands for an item on one side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The site.
    pub site: SiteId,
    /// The host's agent.
    pub agent: AgentId,
}

/// The network a machine is given when it is brought up at the other side.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum NetworkChoice {
    /// The adapter stays unplugged.
    None,
    /// A network of its own that reaches nothing else, made for this and taken away with it.
    Isolated,
    /// The production network of the machine's definition. Never offered for a test failover.
    Production,
}
