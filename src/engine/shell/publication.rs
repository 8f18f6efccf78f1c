//! The newest snapshot and who wants to hear of a newer one. Apart from `run`, which decides when to publish:
//! attached clients publish into one of these, too.

use leeward_model::{Message, Snapshot, SnapshotFeed};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;

/// Called from another thread whenever there is news.
type Wake = Arc<dyn Fn() + Send + Sync>;

/// One place to publish to and to read from.
#[derive(Clone)]
pub(crate) struct Publication {
    inner: Arc<Inner>,
}

struct Inner {
    latest: RwLock<Arc<Snapshot>>,
    lost: RwLock<Option<Message>>,
    wakes: RwLock<Vec<Wake>>,
    rings: watch::Sender<u64>,
}

impl Publication {
    pub(crate) fn new(first: Arc<Snapshot>) -> Self {
        let inner = Inner {
            latest: RwLock::new(first),
            lost: RwLock::new(None),
            wakes: RwLock::new(Vec::new()),
            rings: watch::Sender::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn publish(&self, snapshot: Arc<Snapshot>) {
        *self.inner.latest.write().unwrap_or_else(PoisonError::into_inner) = snapshot;
        self.ring();
    }

    /// Says why there is no engine, or that there is one again.
    pub(crate) fn set_lost(&self, why: Option<Message>) {
        let changed = {
            let mut lost = self.inner.lost.write().unwrap_or_else(PoisonError::into_inner);
            let changed = *lost != why;
            *lost = why;
            changed
        };
        if changed {
            self.ring();
        }
    }

    /// Hears every ring, for tasks that come and go.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.rings.subscribe()
    }

    /// Wakes whoever listens, for a snapshot or for an outcome.
    pub(crate) fn ring(&self) {
        self.inner.rings.send_modify(|n| *n += 1);
        let wakes = self.inner.wakes.read().unwrap_or_else(PoisonError::into_inner).clone();
        for wake in wakes {
            wake();
        }
    }
}

impl SnapshotFeed for Publication {
    fn latest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.inner.latest.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn on_change(&self, wake: Wake) {
        self.inner.wakes.write().unwrap_or_else(PoisonError::into_inner).push(wake);
    }

    fn lost(&self) -> Option<Message> {
        self.inner.lost.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Publication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publication").field("revision", &self.latest().revision).finish_non_exhaustive()
    }
}
