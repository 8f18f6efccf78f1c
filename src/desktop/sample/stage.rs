//! A sink and a feed over a snapshot, with no engine behind: commands are kept for the test to look at.

use super::id;
use crate::options::Connected;
use leeward_model::{
    Accepted, Command, CommandOutcome, CommandSink, Message, Preview, ReceiptId, Snapshot, SnapshotFeed,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What stands in for an engine.
#[derive(Default)]
pub struct Stage {
    snapshot: Mutex<Option<Arc<Snapshot>>>,
    sent: Mutex<Vec<Command>>,
    outcome: Mutex<Option<CommandOutcome>>,
    wake: Mutex<Option<Arc<dyn Fn() + Send + Sync>>>,
    /// Nothing comes of commands for now.
    held: AtomicBool,
    /// What was foretold and not taken yet; whether it is kept back; how often something was asked.
    foretold: Mutex<BTreeMap<ReceiptId, Vec<Preview>>>,
    kept: AtomicBool,
    asked: AtomicUsize,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    /// A stage that shows a world.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Arc<Self> {
        let stage = Self::default();
        *lock(&stage.snapshot) = Some(Arc::new(snapshot));
        Arc::new(stage)
    }

    /// What a window holds of it.
    #[must_use]
    pub fn connected(self: &Arc<Self>) -> Connected {
        Connected {
            sink: Arc::clone(self) as _,
            feed: Arc::clone(self) as _,
            title: self.latest().vault.name.clone(),
        }
    }

    /// Shows another world and wakes the window.
    pub fn publish(&self, snapshot: Snapshot) {
        *lock(&self.snapshot) = Some(Arc::new(snapshot));
        if let Some(wake) = lock(&self.wake).as_ref() {
            wake();
        }
    }

    /// Commands that were sent, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Command> {
        lock(&self.sent).clone()
    }

    /// Keeps what was foretold back, or gives it.
    pub fn keep_foretold(&self, kept: bool) {
        self.kept.store(kept, Ordering::Relaxed);
        if let Some(wake) = lock(&self.wake).as_ref() {
            wake();
        }
    }

    /// How often the window has asked what commands would do.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// Keeps what commands come to back, or gives it again.
    pub fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
        if let Some(wake) = lock(&self.wake).as_ref() {
            wake();
        }
    }

    /// Foretells this, and says so as an engine would.
    pub fn foretell(&self, previews: Vec<Preview>) -> ReceiptId {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut foretold = lock(&self.foretold);
        let receipt = ReceiptId(uuid::Uuid::now_v7());
        foretold.insert(receipt, previews);
        drop(foretold);
        if let Some(wake) = lock(&self.wake).as_ref() {
            wake();
        }
        receipt
    }

    /// What the next commands come to; `Done` otherwise.
    pub fn answer(&self, outcome: CommandOutcome) {
        *lock(&self.outcome) = Some(outcome);
    }
}

impl CommandSink for Stage {
    fn submit(&self, command: Command) -> ReceiptId {
        let mut sent = lock(&self.sent);
        sent.push(command);
        ReceiptId(id(13, u32::try_from(sent.len()).unwrap_or(u32::MAX)))
    }

    fn take_outcome(&self, _receipt: ReceiptId) -> Option<CommandOutcome> {
        if self.held.load(Ordering::Relaxed) {
            return None;
        }
        Some(lock(&self.outcome).clone().unwrap_or(CommandOutcome::Accepted(Accepted::Done)))
    }

    /// There is no engine that could foretell anything.
    fn preview(&self, _command: &Command) -> Preview {
        Preview::default()
    }

    fn ask_previews(&self, commands: Vec<Command>) -> ReceiptId {
        self.foretell(commands.iter().map(|c| self.preview(c)).collect())
    }

    fn take_previews(&self, receipt: ReceiptId) -> Option<Vec<Preview>> {
        if self.kept.load(Ordering::Relaxed) {
            return None;
        }
        lock(&self.foretold).remove(&receipt)
    }
}

impl SnapshotFeed for Stage {
    fn latest(&self) -> Arc<Snapshot> {
        lock(&self.snapshot).clone().unwrap_or_else(|| Arc::new(crate::idle::blank()))
    }

    fn on_change(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        *lock(&self.wake) = Some(wake);
    }

    fn lost(&self) -> Option<Message> {
        None
    }
}
