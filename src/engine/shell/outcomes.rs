//! What became of commands, until whoever gave them asks. Bounded: an outcome that nobody fetches is forgotten
//! after thousands of others.

use leeward_model::{CommandOutcome, ReceiptId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Outcomes kept for those who ask later.
const KEPT: usize = 4_096;

/// The outcomes that wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcomes {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: HashMap<ReceiptId, CommandOutcome>,
    order: VecDeque<ReceiptId>,
}

impl Outcomes {
    pub(crate) fn put(&self, receipt: ReceiptId, outcome: CommandOutcome) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.waiting.insert(receipt, outcome).is_none() {
            inner.order.push_back(receipt);
        }
        while inner.order.len() > KEPT {
            if let Some(oldest) = inner.order.pop_front() {
                inner.waiting.remove(&oldest);
            }
        }
    }

    /// What became of it, without taking it away.
    pub(crate) fn peek(&self, receipt: ReceiptId) -> Option<CommandOutcome> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).waiting.get(&receipt).cloned()
    }

    pub(crate) fn take(&self, receipt: ReceiptId) -> Option<CommandOutcome> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = inner.waiting.remove(&receipt)?;
        inner.order.retain(|r| *r != receipt);
        Some(outcome)
    }
}
