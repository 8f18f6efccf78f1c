//! From what the core knows to what the window shows. Only what has changed is made anew; everything else is the
//! same allocation as in the last snapshot, so that ten thousand items cost a publication no more than the few
//! that moved.
//!
//! | file | what it shows |
//! |---|---|
//! | `item`, `status` | replicated items, and their one line |
//! | `job` | jobs |
//! | `estate` | sites, servers, machines, keys, policies |
//! | `overview` | the figures |

mod estate;
pub(crate) mod item;
pub(crate) mod job;
mod overview;
mod status;

use crate::core::state::State;
use leeward_model::{
    AgentId, EventView, ItemId, ItemView, KeyView, MachineView, Moment, Overview, PolicyView, ServerView,
    SiteView, Snapshot, VaultView,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Items whose lag is shown are looked at again after this, and after as much again for each thousand items.
const LAG_SHOWN_SECS: i64 = 5;

/// What the last snapshot was made of.
#[derive(Debug, Default)]
pub(crate) struct Projection {
    revision: u64,
    sites: Arc<Vec<SiteView>>,
    servers: Arc<Vec<ServerView>>,
    keys: Arc<Vec<KeyView>>,
    machines: Arc<Vec<MachineView>>,
    machines_of: BTreeMap<AgentId, Vec<MachineView>>,
    policies: Arc<Vec<PolicyView>>,
    items: Arc<Vec<Arc<ItemView>>>,
    /// Where each item stands in `items`.
    places: BTreeMap<ItemId, usize>,
    events: Arc<Vec<EventView>>,
    overview: Overview,
    /// When lags were last looked at.
    lags_at: Option<Moment>,
}

impl Projection {
    /// The snapshot of this moment.
    pub(crate) fn snapshot(&mut self, state: &mut State, now: Moment) -> Arc<Snapshot> {
        self.mark_lags(state, now);
        let changed = std::mem::take(&mut state.changed);
        self.revision += 1;
        if changed.sites {
            self.sites = Arc::new(estate::sites(state));
        }
        if changed.servers {
            self.servers = Arc::new(estate::servers(state, now));
        }
        if changed.keys || self.keys.iter().any(|k| estate::key_aged(k, now)) {
            self.keys = Arc::new(estate::keys(state, now));
        }
        if changed.policies {
            self.policies = Arc::new(estate::policies(state));
        }
        if !changed.machines_of.is_empty() {
            self.machines(state, &changed.machines_of);
        }
        for id in &changed.jobs {
            if let Some(job) = state.jobs.get(id) {
                let view = job::view(state, &job.record, None);
                state.views.put(view);
            }
        }
        for id in &changed.items {
            if let Some(record) = state.restartable.get(id) {
                let restart = crate::core::stand::restart_refused(state, record);
                let view = job::view(state, record, restart);
                state.views.put(view);
            }
        }
        if changed.events {
            self.events = Arc::new(state.events.iter().cloned().collect());
        }
        self.items(state, &changed.items, now);
        if changed.overview || !changed.items.is_empty() || !changed.jobs.is_empty() || changed.servers {
            self.overview = overview::overview(state, &self.items, now);
        }
        Arc::new(Snapshot {
            revision: self.revision,
            made_at: now,
            vault: VaultView {
                id: state.vault.id,
                name: state.vault.name.clone(),
                created: state.vault.created,
                engine_addr: state.vault.engine_addr.clone(),
                engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            sites: Arc::clone(&self.sites),
            servers: Arc::clone(&self.servers),
            keys: Arc::clone(&self.keys),
            machines: Arc::clone(&self.machines),
            policies: Arc::clone(&self.policies),
            items: Arc::clone(&self.items),
            jobs: state.views.shared(),
            events: Arc::clone(&self.events),
            overview: self.overview.clone(),
        })
    }

    /// A lag grows by itself: items that show one which is no longer true are made anew.
    fn mark_lags(&mut self, state: &mut State, now: Moment) {
        let thousands = i64::try_from(self.items.len() / 1_000).unwrap_or(0);
        let every = LAG_SHOWN_SECS * (1 + thousands);
        if self.lags_at.is_some_and(|at| now.secs_since(at) < every && now >= at) {
            return;
        }
        self.lags_at = Some(now);
        for view in self.items.iter() {
            let Some(item) = state.items.get(&view.id) else { continue };
            let lag = state.lag_secs(&item.record, now);
            let moved = match (lag, view.rpo_secs) {
                (Some(is), Some(shown)) => is.abs_diff(shown) > shown / 16,
                (is, shown) => is != shown,
            };
            if moved {
                state.changed.items.insert(view.id);
            }
        }
    }

    fn items(&mut self, state: &mut State, changed: &std::collections::BTreeSet<ItemId>, now: Moment) {
        if changed.is_empty() {
            return;
        }
        let mut shape_changed = false;
        let list = Arc::make_mut(&mut self.items);
        for id in changed {
            let view = item::view(state, *id, now);
            match (view, self.places.get(id).copied()) {
                (Some(view), Some(place)) => {
                    if let Some(slot) = list.get_mut(place) {
                        shape_changed |= slot.name != view.name;
                        *slot = Arc::new(view);
                    }
                }
                (Some(view), None) => {
                    list.push(Arc::new(view));
                    shape_changed = true;
                }
                (None, Some(_)) => shape_changed = true,
                (None, None) => {}
            }
        }
        if shape_changed {
            list.retain(|view| state.items.contains_key(&view.id));
            list.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
            self.places = list.iter().enumerate().map(|(n, view)| (view.id, n)).collect();
        }
    }

    fn machines(&mut self, state: &State, changed: &std::collections::BTreeSet<AgentId>) {
        let mut any = false;
        for agent in changed {
            let views = estate::machines(state, *agent);
            if self.machines_of.get(agent) != Some(&views) {
                self.machines_of.insert(*agent, views);
                any = true;
            }
        }
        if any {
            let mut all: Vec<MachineView> = self.machines_of.values().flatten().cloned().collect();
            all.sort_by(|a, b| {
                a.definition.name.cmp(&b.definition.name).then(a.definition.id.cmp(&b.definition.id))
            });
            self.machines = Arc::new(all);
        }
    }
}
