//! The two ends of the window: where commands go and where snapshots come from. The window and the CLI hold
//! these traits and cannot name the engine.

use crate::command::{Command, CommandOutcome};
use crate::ids::ReceiptId;
use crate::preview::Preview;
use crate::snapshot::Snapshot;
use std::sync::Arc;

/// Takes commands. Never blocks.
pub trait CommandSink: Send + Sync {
    /// Hands a command over and returns its receipt.
    fn submit(&self, command: Command) -> ReceiptId;

    /// Takes what became of it, once; `None` while it is not known yet.
    fn take_outcome(&self, receipt: ReceiptId) -> Option<CommandOutcome>;

    /// What a command would do if it were given now, from the same declarations that run it. The exception: waits
    /// for an engine elsewhere, for a bounded moment. For programs without a window.
    fn preview(&self, command: &Command) -> Preview;

    /// Asks what each of these commands would do if it were given now. The feed calls back when that is known.
    fn ask_previews(&self, commands: Vec<Command>) -> ReceiptId;

    /// Takes the answer, once: one preview for each command, in their order; `None` while it is not known yet.
    fn take_previews(&self, receipt: ReceiptId) -> Option<Vec<Preview>>;
}

/// Gives snapshots. Never blocks.
pub trait SnapshotFeed: Send + Sync {
    /// The newest one.
    fn latest(&self) -> Arc<Snapshot>;

    /// Calls back (from another thread) whenever a newer one has been published.
    fn on_change(&self, wake: Arc<dyn Fn() + Send + Sync>);

    /// Why the engine cannot be reached, while that is so (attached windows).
    fn lost(&self) -> Option<crate::Message>;
}
