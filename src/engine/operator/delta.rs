//! What changed between two snapshots, so that a window far away is not sent ten thousand items because one of
//! them moved. Lists are compared by what they share: the projector keeps what did not change, pointer and all.

use leeward_model::{
    EventView, ItemId, ItemView, JobId, JobView, KeyView, MachineView, Moment, Overview, PolicyView,
    ServerView, SiteView, Snapshot, VaultView,
};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// A snapshot as it travels: short lists whole or not at all, long ones as order and changed members.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Delta {
    /// The revision this builds on; 0 builds on nothing.
    pub(crate) base: u64,
    pub(crate) revision: u64,
    pub(crate) made_at: Moment,
    pub(crate) vault: VaultView,
    pub(crate) overview: Overview,
    pub(crate) sites: Option<Arc<Vec<SiteView>>>,
    pub(crate) servers: Option<Arc<Vec<ServerView>>>,
    pub(crate) keys: Option<Arc<Vec<KeyView>>>,
    pub(crate) machines: Option<Arc<Vec<MachineView>>>,
    pub(crate) policies: Option<Arc<Vec<PolicyView>>>,
    pub(crate) events: Option<Arc<Vec<EventView>>>,
    pub(crate) items: Option<Members<ItemId, ItemView>>,
    pub(crate) jobs: Option<Members<JobId, JobView>>,
}

/// The members of a long list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Members<I, T> {
    /// All ids in order; none when the order is what it was.
    pub(crate) order: Option<Vec<I>>,
    /// Members that are new or changed.
    pub(crate) changed: Vec<Arc<T>>,
}

/// The receiver does not have what a delta builds on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a snapshot delta builds on revision {base}, which is not here: {found} is")]
pub(crate) struct WrongBase {
    pub(crate) base: u64,
    pub(crate) found: u64,
}

/// What leads from `old` (none: from nothing) to `new`.
pub(crate) fn between(old: Option<&Snapshot>, new: &Snapshot) -> Delta {
    Delta {
        base: old.map_or(0, |o| o.revision),
        revision: new.revision,
        made_at: new.made_at,
        vault: new.vault.clone(),
        overview: new.overview.clone(),
        sites: whole(old.map(|o| &o.sites), &new.sites),
        servers: whole(old.map(|o| &o.servers), &new.servers),
        keys: whole(old.map(|o| &o.keys), &new.keys),
        machines: whole(old.map(|o| &o.machines), &new.machines),
        policies: whole(old.map(|o| &o.policies), &new.policies),
        events: whole(old.map(|o| &o.events), &new.events),
        items: members(old.map(|o| &o.items), &new.items, |i| i.id),
        jobs: members(old.map(|o| &o.jobs), &new.jobs, |j| j.id),
    }
}

/// The snapshot that a delta leads to from `old`.
pub(crate) fn apply(old: Option<&Snapshot>, delta: Delta) -> Result<Snapshot, WrongBase> {
    let found = old.map_or(0, |o| o.revision);
    let wrong = WrongBase { base: delta.base, found };
    if delta.base != 0 && delta.base != found {
        return Err(wrong);
    }
    let old = if delta.base == 0 { None } else { old };
    Ok(Snapshot {
        revision: delta.revision,
        made_at: delta.made_at,
        vault: delta.vault,
        overview: delta.overview,
        sites: kept(old.map(|o| &o.sites), delta.sites),
        servers: kept(old.map(|o| &o.servers), delta.servers),
        keys: kept(old.map(|o| &o.keys), delta.keys),
        machines: kept(old.map(|o| &o.machines), delta.machines),
        policies: kept(old.map(|o| &o.policies), delta.policies),
        events: kept(old.map(|o| &o.events), delta.events),
        items: merged(old.map(|o| &o.items), delta.items, |i| i.id).ok_or(wrong)?,
        jobs: merged(old.map(|o| &o.jobs), delta.jobs, |j| j.id).ok_or(wrong)?,
    })
}

fn whole<T: PartialEq>(old: Option<&Arc<Vec<T>>>, new: &Arc<Vec<T>>) -> Option<Arc<Vec<T>>> {
    let same = old.is_some_and(|o| Arc::ptr_eq(o, new) || o == new);
    (!same).then(|| Arc::clone(new))
}

fn kept<T>(old: Option<&Arc<Vec<T>>>, new: Option<Arc<Vec<T>>>) -> Arc<Vec<T>> {
    new.or_else(|| old.cloned()).unwrap_or_default()
}

fn members<I: Copy + Eq + std::hash::Hash, T: PartialEq>(
    old: Option<&Arc<Vec<Arc<T>>>>,
    new: &Arc<Vec<Arc<T>>>,
    id: impl Fn(&T) -> I,
) -> Option<Members<I, T>> {
    let Some(old) = old else {
        let order = new.iter().map(|t| id(t)).collect();
        return Some(Members { order: Some(order), changed: new.as_ref().clone() });
    };
    if Arc::ptr_eq(old, new) {
        return None;
    }
    let same_order = old.len() == new.len() && old.iter().zip(new.iter()).all(|(a, b)| id(a) == id(b));
    let before: HashMap<I, &Arc<T>> = old.iter().map(|t| (id(t), t)).collect();
    let changed: Vec<Arc<T>> = new
        .iter()
        .filter(|t| before.get(&id(t)).is_none_or(|b| !Arc::ptr_eq(b, t) && b != t))
        .cloned()
        .collect();
    let order = (!same_order).then(|| new.iter().map(|t| id(t)).collect());
    (order.is_some() || !changed.is_empty()).then_some(Members { order, changed })
}

/// `None` when a member is named that nobody has sent.
fn merged<I: Copy + Eq + std::hash::Hash, T>(
    old: Option<&Arc<Vec<Arc<T>>>>,
    new: Option<Members<I, T>>,
    id: impl Fn(&T) -> I,
) -> Option<Arc<Vec<Arc<T>>>> {
    let Some(new) = new else { return Some(old.cloned().unwrap_or_default()) };
    let mut have: HashMap<I, Arc<T>> =
        old.into_iter().flat_map(|o| o.iter()).map(|t| (id(t), Arc::clone(t))).collect();
    let order = new.order.unwrap_or_else(|| old.into_iter().flat_map(|o| o.iter()).map(|t| id(t)).collect());
    have.extend(new.changed.into_iter().map(|t| (id(&t), t)));
    let list: Option<Vec<Arc<T>>> = order.iter().map(|i| have.get(i).cloned()).collect();
    list.map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_model::{JobState, VaultId, Verb};
    use uuid::Uuid;

    fn job(n: u128, state: JobState) -> Arc<JobView> {
        Arc::new(JobView {
            id: JobId(Uuid::from_u128(n)),
            verb: Verb::SyncNow,
            item: None,
            subject: format!("job {n}").into(),
            by: "somebody".into(),
            state,
            started: Moment(1),
            ended: None,
            steps: Vec::new(),
            fault: None,
            share: 0.0,
            cancel: None,
            restart: None,
        })
    }

    fn snapshot(revision: u64, jobs: Vec<Arc<JobView>>) -> Snapshot {
        Snapshot {
            revision,
            made_at: Moment(i64::try_from(revision).expect("small")),
            vault: VaultView {
                id: VaultId(Uuid::from_u128(1)),
                name: "v".to_owned(),
                created: Moment(0),
                engine_addr: String::new(),
                engine_version: String::new(),
            },
            sites: Arc::default(),
            servers: Arc::default(),
            keys: Arc::default(),
            machines: Arc::default(),
            policies: Arc::default(),
            items: Arc::default(),
            jobs: Arc::new(jobs),
            events: Arc::default(),
            overview: Overview::default(),
        }
    }

    #[test]
    fn only_what_changed_travels_and_the_result_is_the_same() {
        let first = snapshot(1, vec![job(1, JobState::Running), job(2, JobState::Running)]);
        let mut jobs = first.jobs.as_ref().clone();
        jobs[0] = job(1, JobState::Succeeded);
        let second = snapshot(2, jobs);
        let third = snapshot(3, vec![job(3, JobState::Waiting), Arc::clone(&second.jobs[1])]);

        let full = between(None, &first);
        assert_eq!(apply(None, full).expect("fits"), first);

        let delta = between(Some(&first), &second);
        let sent = delta.jobs.as_ref().expect("one job changed");
        assert_eq!((sent.changed.len(), sent.order.is_none()), (1, true));
        assert_eq!(apply(Some(&first), delta).expect("fits"), second);

        let delta = between(Some(&second), &third);
        assert_eq!(delta.jobs.as_ref().map(|j| j.changed.len()), Some(1));
        assert_eq!(apply(Some(&second), delta).expect("fits"), third);
    }

    #[test]
    fn a_delta_on_the_wrong_base_is_refused() {
        let first = snapshot(1, vec![job(1, JobState::Running)]);
        let third = snapshot(3, vec![job(1, JobState::Succeeded)]);
        let delta = between(Some(&snapshot(2, Vec::new())), &third);
        assert_eq!(apply(Some(&first), delta), Err(WrongBase { base: 2, found: 1 }));
    }

    #[test]
    fn a_member_that_was_never_sent_is_refused() {
        let first = snapshot(1, Vec::new());
        let mut delta = between(Some(&first), &snapshot(2, vec![job(7, JobState::Running)]));
        delta.jobs.as_mut().expect("there").changed.clear();
        assert!(apply(Some(&first), delta).is_err());
    }
}
