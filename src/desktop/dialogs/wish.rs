//! What a person has chosen for a verb on items, and the commands that come of it. Apart from `item`, which draws.

use super::choices::{When, in_use};
use crate::kit::{msg, words};
use leeward_model::{
    Command, DiskId, ItemId, ItemView, Moment, NetworkChoice, PointChoice, PointId, PolicyId, TestId, Verb,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A verb with everything that can be chosen for it.
#[derive(Clone, PartialEq)]
pub(super) struct Wish {
    pub(super) verb: Verb,
    pub(super) items: Vec<ItemId>,
    pub(super) test: Option<TestId>,
    pub(super) point: PointChoice,
    pub(super) network: NetworkChoice,
    pub(super) shut_down: bool,
    pub(super) delete_replica: bool,
    pub(super) notes: String,
    pub(super) disks: BTreeSet<DiskId>,
    pub(super) policy: Option<PolicyId>,
    pub(super) when: When,
}

impl Wish {
    /// What is chosen to begin with.
    pub(super) fn new(verb: Verb, items: Vec<ItemId>, test: Option<TestId>, views: &[Arc<ItemView>]) -> Self {
        let first = views.first();
        let other = first.and_then(|i| match verb {
            Verb::ChangeRecoveryPoint => i.points.iter().find(|p| Some(p.id) != in_use(i)),
            Verb::VerifyPoint => i.points.first(),
            _ => None,
        });
        let one = items.len() == 1;
        Self {
            verb,
            test: test.or_else(|| first.and_then(|i| i.tests.first()).map(|t| t.id)),
            point: other.map_or(PointChoice::Latest, |p| PointChoice::Exact(p.id)),
            network: NetworkChoice::Isolated,
            shut_down: views.iter().any(|i| i.active_place().connected),
            delete_replica: false,
            notes: String::new(),
            disks: first.map(|i| i.disks.iter().map(|d| d.id).collect()).unwrap_or_default(),
            policy: first.filter(|_| one).map(|i| i.policy),
            when: When::default(),
            items,
        }
    }

    /// The commands as things stand; none while something is missing.
    pub(super) fn commands(&self, items: &[Arc<ItemView>], now: Moment) -> Vec<Command> {
        if self.verb == Verb::AssociatePolicy {
            let Some(policy) = self.policy else { return Vec::new() };
            return vec![Command::AssociatePolicy { items: self.items.clone(), policy }];
        }
        if self.verb == Verb::CleanUpTestFailover && self.items.len() > 1 {
            // Which test is chosen for one item; of several, all tests go.
            return items.iter().flat_map(|i| i.tests.iter().map(|t| self.clean_up(i.id, t.id))).collect();
        }
        items.iter().filter_map(|i| self.command(i, now)).collect()
    }

    /// What has to be chosen first.
    pub(super) fn missing(&self, items: &[Arc<ItemView>], now: Moment) -> Option<String> {
        if items.is_empty() {
            return Some(words("dialog-gone"));
        }
        if self.verb == Verb::Resynchronize && self.disks.is_empty() {
            return Some(words("dialog-choose-disk"));
        }
        if self.verb == Verb::AssociatePolicy && self.policy.is_none() {
            return Some(words("enable-need-policy"));
        }
        self.commands(items, now).is_empty().then(|| words("dialog-choose-first"))
    }

    /// The first of several items that cannot, by the read model.
    pub(super) fn refused(&self, items: &[Arc<ItemView>]) -> Option<String> {
        items.iter().find_map(|item| {
            let why = item.verb(self.verb)?.refused.as_ref()?;
            Some(msg("refused-for").with("name", &item.name).with("why", why.render()).render())
        })
    }

    /// A certain point belongs to one item.
    fn exact(&self, item: &ItemView) -> Option<PointId> {
        match self.point {
            PointChoice::Exact(point) => item.points.iter().any(|p| p.id == point).then_some(point),
            PointChoice::Latest | PointChoice::LatestAppConsistent => None,
        }
    }

    fn clean_up(&self, item: ItemId, test: TestId) -> Command {
        Command::CleanUpTestFailover { item, test, notes: self.notes.trim().to_owned() }
    }

    fn command(&self, view: &ItemView, now: Moment) -> Option<Command> {
        let item = view.id;
        Some(match self.verb {
            Verb::TestFailover => {
                Command::TestFailover { item, point: self.point, network: self.network.clone() }
            }
            Verb::CleanUpTestFailover => {
                let chosen = view.tests.iter().find(|t| Some(t.id) == self.test);
                let test = chosen.or_else(|| view.tests.first())?.id;
                self.clean_up(item, test)
            }
            Verb::PlannedFailover => Command::PlannedFailover { item },
            Verb::Failover => Command::Failover { item, point: self.point, shut_down_source: self.shut_down },
            Verb::ChangeRecoveryPoint => {
                let point = self.exact(view).filter(|p| Some(*p) != in_use(view))?;
                Command::ChangeRecoveryPoint { item, point }
            }
            Verb::VerifyPoint => Command::VerifyPoint { item, point: self.exact(view)? },
            Verb::Commit => Command::Commit { item },
            Verb::ReverseReplicate => Command::ReverseReplicate { item },
            Verb::DiscardSource => Command::DiscardSource { item },
            Verb::PauseReplication => Command::PauseReplication { item },
            Verb::ResumeReplication => Command::ResumeReplication { item },
            Verb::SyncNow => Command::SyncNow { item },
            Verb::Resynchronize => {
                // Disks are chosen for one item; several are compared whole. No disks named means all.
                let all = self.items.len() > 1 || view.disks.iter().all(|d| self.disks.contains(&d.id));
                let disks = if all { Vec::new() } else { self.disks.iter().copied().collect() };
                Command::Resynchronize { item, disks, start: self.when.start(now) }
            }
            Verb::DisableReplication => {
                Command::DisableReplication { item, delete_replica: self.delete_replica }
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Wish;
    use crate::sample;
    use leeward_model::{Scope, Verb};
    use std::slice;

    #[test]
    fn every_verb_of_an_item_becomes_its_own_command() {
        for item in sample::lab().items.iter() {
            for verb in Verb::all() {
                let wish = Wish::new(verb, vec![item.id], None, slice::from_ref(item));
                for command in wish.commands(slice::from_ref(item), sample::NOW) {
                    assert_eq!(command.verb(), verb);
                    assert_eq!(verb.decl().scope, Scope::Item);
                }
            }
        }
    }
}
