//! What has changed since the last snapshot, so that the projector need not look at the rest.

use leeward_model::{AgentId, ItemId, JobId};
use std::collections::BTreeSet;

/// The marks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changed {
    pub(crate) items: BTreeSet<ItemId>,
    pub(crate) jobs: BTreeSet<JobId>,
    /// Hosts whose machines have changed.
    pub(crate) machines_of: BTreeSet<AgentId>,
    pub(crate) servers: bool,
    pub(crate) sites: bool,
    pub(crate) keys: bool,
    pub(crate) policies: bool,
    pub(crate) events: bool,
    pub(crate) overview: bool,
}

impl Changed {
    pub(crate) fn any(&self) -> bool {
        !self.items.is_empty()
            || !self.jobs.is_empty()
            || !self.machines_of.is_empty()
            || self.servers
            || self.sites
            || self.keys
            || self.policies
            || self.events
            || self.overview
    }
}
