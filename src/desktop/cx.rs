//! Everything a blade may read while it draws, and where its wishes go. Apart from `app`, which makes one a frame.

use crate::action::Action;
use crate::places::Places;
use crate::route::Route;
use crate::theme::Theme;
use leeward_model::{CommandSink, ItemId, ItemView, JobId, JobView, Moment, Snapshot};
use std::sync::Arc;

/// What a blade sees of the world.
pub struct Cx<'a> {
    /// The read model, the same for the whole frame.
    pub snapshot: &'a Arc<Snapshot>,
    /// Where its items and jobs stand.
    pub places: &'a Places,
    /// Now.
    pub now: Moment,
    /// Colours.
    pub theme: &'a Theme,
    /// For previews, and for dialogs that wait for an answer. Everything else goes through `actions`.
    pub sink: &'a dyn CommandSink,
    /// Wishes, applied after the frame.
    pub actions: &'a mut Vec<Action>,
}

impl<'a> Cx<'a> {
    /// An item by its id.
    #[must_use]
    pub fn item(&self, id: ItemId) -> Option<&'a Arc<ItemView>> {
        self.places.item(self.snapshot, id)
    }

    /// A job by its id.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&'a Arc<JobView>> {
        self.places.job(self.snapshot, id)
    }

    /// Asks for something.
    pub fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Asks to go to a blade.
    pub fn go(&mut self, route: Route) {
        self.act(Action::Go(route));
    }
}
