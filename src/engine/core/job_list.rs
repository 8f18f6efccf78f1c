//! All jobs as they are shown, newest first, shared with the snapshots. Apart from the running jobs: a hundred
//! thousand old ones must cost nothing when one new one moves.

use leeward_model::{JobId, JobView};
use std::collections::HashMap;
use std::sync::Arc;

/// Jobs kept, in memory and in the vault. The audit log keeps who did what for ever.
pub(crate) const JOBS_KEPT: usize = 100_000;

/// The list.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobList {
    /// Newest first.
    list: Arc<Vec<Arc<JobView>>>,
    /// The running number of each job; the newest has the highest.
    numbers: HashMap<JobId, usize>,
    next: usize,
}

impl JobList {
    /// Jobs as they were loaded, oldest first.
    pub(crate) fn loaded(views: Vec<JobView>) -> Self {
        let next = views.len();
        let numbers = views.iter().enumerate().map(|(n, v)| (v.id, n)).collect();
        Self { list: Arc::new(views.into_iter().rev().map(Arc::new).collect()), numbers, next }
    }

    /// A job is new or looks different.
    pub(crate) fn put(&mut self, view: JobView) {
        let list = Arc::make_mut(&mut self.list);
        match self.numbers.get(&view.id) {
            Some(number) => {
                let index = self.next - 1 - number;
                if let Some(slot) = list.get_mut(index)
                    && **slot != view
                {
                    *slot = Arc::new(view);
                }
            }
            None => {
                self.numbers.insert(view.id, self.next);
                self.next += 1;
                list.insert(0, Arc::new(view));
            }
        }
    }

    /// Takes the oldest one out, if there are too many and it is over.
    pub(crate) fn forget_oldest(&mut self) -> Option<JobId> {
        if self.list.len() <= JOBS_KEPT || !self.list.last()?.state.is_over() {
            return None;
        }
        let oldest = Arc::make_mut(&mut self.list).pop()?;
        self.numbers.remove(&oldest.id);
        Some(oldest.id)
    }

    pub(crate) fn shared(&self) -> Arc<Vec<Arc<JobView>>> {
        Arc::clone(&self.list)
    }

    pub(crate) fn get(&self, id: JobId) -> Option<&Arc<JobView>> {
        let number = self.numbers.get(&id)?;
        self.list.get(self.next - 1 - number)
    }
}
