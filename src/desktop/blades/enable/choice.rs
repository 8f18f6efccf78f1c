//! What has been chosen in the wizard, what is still missing on a page, and the command that comes of it. Apart from
//! `pages`, which draw.

use crate::dialogs::choices::When;
use crate::kit::words;
use leeward_model::{
    AgentId, Command, MachineId, MachineOn, MachineView, Moment, PolicyId, ServerView, Snapshot,
};
use std::collections::BTreeSet;

/// The pages, in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) enum Page {
    #[default]
    Source,
    Machines,
    Target,
    Policy,
    Review,
}

impl Page {
    pub(super) const ALL: [Self; 5] =
        [Self::Source, Self::Machines, Self::Target, Self::Policy, Self::Review];

    pub(super) const fn title_key(self) -> &'static str {
        match self {
            Self::Source => "enable-page-source",
            Self::Machines => "enable-page-machines",
            Self::Target => "enable-page-target",
            Self::Policy => "enable-page-policy",
            Self::Review => "enable-page-review",
        }
    }

    pub(super) fn step(self, by: isize) -> Self {
        let at = Self::ALL.iter().position(|p| *p == self).unwrap_or_default();
        Self::ALL.get(at.saturating_add_signed(by)).copied().unwrap_or(self)
    }
}

/// What has been chosen.
#[derive(Default)]
pub(super) struct Choice {
    pub(super) source: Option<AgentId>,
    pub(super) machines: BTreeSet<MachineId>,
    pub(super) target: Option<AgentId>,
    pub(super) policy: Option<PolicyId>,
    pub(super) when: When,
    /// The revision at which it was last compared with the world.
    seen: Option<u64>,
}

impl Choice {
    /// Forgets what is not there any more, and chooses where there is no choice.
    pub(super) fn settle(&mut self, world: &Snapshot) {
        if self.seen == Some(world.revision) {
            return;
        }
        self.seen = Some(world.revision);
        let known = |agent: &AgentId| world.server(*agent).is_some();
        self.source = self.source.filter(known);
        self.target = self.target.filter(known);
        self.policy = self.policy.filter(|id| world.policies.iter().any(|p| p.policy.id == *id));
        let source = self.source;
        let free: BTreeSet<MachineId> = world
            .machines
            .iter()
            .filter(|m| Some(m.agent) == source && why_not(m).is_none())
            .map(|m| m.definition.id)
            .collect();
        self.machines.retain(|id| free.contains(id));
        if let [one] = world.policies.as_slice() {
            self.policy.get_or_insert(one.policy.id);
        }
    }

    /// Another source: its machines are others.
    pub(super) fn take_source(&mut self, agent: AgentId) {
        if self.source != Some(agent) {
            self.source = Some(agent);
            self.machines.clear();
            self.target = self.target.filter(|t| *t != agent);
        }
    }

    /// Why one cannot go on from a page.
    pub(super) fn missing(&self, page: Page) -> Option<String> {
        let key = match page {
            Page::Source if self.source.is_none() => "enable-need-source",
            Page::Machines if self.machines.is_empty() => "enable-need-machines",
            Page::Target if self.target.is_none() => "enable-need-target",
            Page::Policy if self.policy.is_none() => "enable-need-policy",
            _ => return None,
        };
        Some(words(key))
    }

    /// The first page on which something is missing.
    pub(super) fn gap(&self) -> Option<Page> {
        Page::ALL.into_iter().find(|page| self.missing(*page).is_some())
    }

    /// The command, once nothing is missing.
    pub(super) fn command(&self, now: Moment) -> Option<Command> {
        if self.gap().is_some() {
            return None;
        }
        let agent = self.source?;
        Some(Command::EnableReplication {
            machines: self.machines.iter().map(|m| MachineOn { agent, machine: *m }).collect(),
            target: self.target?,
            policy: self.policy?,
            start: self.when.start(now),
        })
    }

    /// The two servers.
    pub(super) fn servers<'w>(
        &self,
        world: &'w Snapshot,
    ) -> (Option<&'w ServerView>, Option<&'w ServerView>) {
        let find = |agent: Option<AgentId>| agent.and_then(|a| world.server(a));
        (find(self.source), find(self.target))
    }

    /// The chosen machines.
    pub(super) fn chosen<'w>(&self, world: &'w Snapshot) -> Vec<&'w MachineView> {
        let chosen =
            |m: &&MachineView| Some(m.agent) == self.source && self.machines.contains(&m.definition.id);
        world.machines.iter().filter(chosen).collect()
    }
}

/// Why a machine cannot be chosen.
pub(super) fn why_not(machine: &MachineView) -> Option<String> {
    match (&machine.item, &machine.not_protectable) {
        (Some(_), _) => Some(words("machines-is-protected")),
        (None, Some(why)) => Some(why.render()),
        (None, None) => None,
    }
}

/// Bytes of all disks of a machine.
pub(super) fn size_bytes(machine: &MachineView) -> u64 {
    machine.definition.disks.iter().map(|d| d.size_bytes).sum()
}
