//! The blades, one per noun, and the one registry that the window draws them from.

// Blades of protection and monitoring:
pub mod events;
pub mod item;
pub mod items;
pub mod overview;

// Blades of jobs, servers, policies, console and the wizard:

use crate::cx::Cx;
use crate::route::Route;
use egui::Ui;
use leeward_model::ItemId;

/// The state of every blade, kept while the window is open.
#[derive(Default)]
pub(crate) struct Blades {
    overview: overview::OverviewState,
    items: items::ItemsState,
    item: Of<ItemId, item::ItemState>,
    events: events::EventsState,
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
            Route::Items => items::show(ui, cx, &mut self.items),
            Route::Item(id) => item::show(ui, cx, self.item.of(*id), *id),
            Route::Events => events::show(ui, cx, &mut self.events),
            _ => {}
        }
    }

    /// The items that a list blade has selected, for shortcuts.
    pub(crate) fn selected(&self, route: &Route) -> Vec<ItemId> {
        if *route == Route::Items { self.items.selected() } else { Vec::new() }
    }
}
