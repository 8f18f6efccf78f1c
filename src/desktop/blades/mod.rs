//! The blades, one per noun, and the one registry that the window draws them from.

pub mod console;
pub mod enable;
pub mod events;
pub mod item;
pub mod items;
pub mod job;
pub mod jobs;
mod narrow;
pub mod overview;
pub mod policies;
pub mod server;
pub mod servers;

use crate::cx::Cx;
use crate::route::Route;
use egui::Ui;
use leeward_model::{AgentId, CommandSink, ItemId, MachineId, TestId};

/// The state of every blade, kept while the window is open.
#[derive(Default)]
pub(crate) struct Blades {
    overview: overview::OverviewState,
    items: items::ItemsState,
    item: Of<ItemId, item::ItemState>,
    events: events::EventsState,
    enable: enable::EnableState,
    jobs: jobs::JobsState,
    servers: servers::ServersState,
    server: Of<AgentId, server::ServerState>,
    policies: policies::PoliciesState,
    console: Of<TestId, console::ConsoleState>,
}

/// The state of a blade about one thing: begins anew for another thing.
struct Of<K, S> {
    key: Option<K>,
    state: S,
}

impl<K, S: Default> Default for Of<K, S> {
    fn default() -> Self {
        Self { key: None, state: S::default() }
    }
}

impl<K: PartialEq, S: Default> Of<K, S> {
    fn of(&mut self, key: K) -> &mut S {
        if self.key.as_ref() != Some(&key) {
            self.key = Some(key);
            self.state = S::default();
        }
        &mut self.state
    }
}

impl Blades {
    /// Draws the blade of a route.
    pub(crate) fn show(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, route: &Route) {
        match route {
            Route::Overview => overview::show(ui, cx, &mut self.overview),
            Route::Items => items::show(ui, cx, &mut self.items, None),
            Route::ItemsWith(with) => items::show(ui, cx, &mut self.items, Some(with)),
            Route::Item(id) => item::show(ui, cx, self.item.of(*id), *id),
            Route::Events => events::show(ui, cx, &mut self.events),
            Route::Enable => enable::show(ui, cx, &mut self.enable),
            Route::Jobs => jobs::show(ui, cx, &mut self.jobs, None),
            Route::JobsWith(with) => jobs::show(ui, cx, &mut self.jobs, Some(*with)),
            Route::Job(id) => job::show(ui, cx, *id),
            Route::Servers => servers::show(ui, cx, &mut self.servers),
            Route::Server(id) => server::show(ui, cx, self.server.of(*id), *id),
            Route::Policies => policies::show(ui, cx, &mut self.policies),
            Route::Console { item, test } => console::show(ui, cx, self.console.of(*test), *item, *test),
        }
    }

    /// Takes in what has been answered to the blades.
    pub(crate) fn hear(&mut self, sink: &dyn CommandSink) {
        self.enable.hear(sink);
    }

    /// Begins the wizard with a machine chosen.
    pub(crate) fn protect(&mut self, agent: AgentId, machine: MachineId) {
        self.enable = enable::EnableState::of(agent, machine);
    }

    /// The items that a list blade has selected, for shortcuts.
    pub(crate) fn selected(&self, route: &Route) -> Vec<ItemId> {
        if matches!(route, Route::Items | Route::ItemsWith(_)) { self.items.selected() } else { Vec::new() }
    }
}
