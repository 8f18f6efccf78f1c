//! What surrounds the blades. Each file draws one part; `ShellState` is what a person has done to them.

mod found;
pub(crate) mod heading;
pub(crate) mod hub;
pub(crate) mod notifications;
pub(crate) mod palette;
pub(crate) mod regions;
pub(crate) mod toasts;
pub(crate) mod top_bar;

use std::collections::BTreeSet;

/// What a person has done to the shell.
#[derive(Debug, Default)]
pub(crate) struct ShellState {
    /// The hub menu is folded away.
    pub hub_folded: bool,
    /// The entries of the hub menu, as they were last drawn.
    pub hub: Vec<egui::Id>,
    /// What F6 goes through.
    pub regions: regions::Regions,
    /// The notification list is open.
    pub notifications: bool,
    /// The palette, while it is open.
    pub palette: Option<palette::Palette>,
    /// Notes that are no longer shown as toasts.
    pub dismissed: BTreeSet<u64>,
}
