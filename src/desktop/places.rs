//! Where items and jobs stand in their lists, so that one is found without going through ten thousand. Apart from the
//! read model, which is published many times a second: what was found there last time is mostly still true, and is
//! looked up anew only when it is not.

use crate::kit::table::Stamp;
use leeward_model::{ItemId, ItemView, JobId, JobView, Snapshot};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Places found so far.
#[derive(Debug, Default)]
pub struct Places {
    items: RefCell<Of<ItemId>>,
    jobs: RefCell<Of<JobId>>,
}

#[derive(Debug)]
struct Of<K> {
    /// The list that the places were read from.
    list: Option<Stamp>,
    places: HashMap<K, usize>,
}

impl<K> Default for Of<K> {
    fn default() -> Self {
        Self { list: None, places: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash> Of<K> {
    fn find<'a, T: Send + Sync + 'static>(
        &mut self,
        list: &'a Arc<Vec<Arc<T>>>,
        key: K,
        of: impl Fn(&T) -> K,
    ) -> Option<&'a Arc<T>> {
        let there = |place: Option<&usize>| {
            let found = list.get(*place?)?;
            (of(found) == key).then_some(found)
        };
        if let Some(found) = there(self.places.get(&key)) {
            return Some(found);
        }
        let now = Stamp::from(list);
        if self.list.as_ref() != Some(&now) {
            self.places = list.iter().enumerate().map(|(place, row)| (of(row), place)).collect();
            self.list = Some(now);
        }
        there(self.places.get(&key))
    }
}

impl Places {
    /// An item by its id.
    pub fn item<'a>(&self, snapshot: &'a Snapshot, id: ItemId) -> Option<&'a Arc<ItemView>> {
        self.items.borrow_mut().find(&snapshot.items, id, |i| i.id)
    }

    /// A job by its id.
    pub fn job<'a>(&self, snapshot: &'a Snapshot, id: JobId) -> Option<&'a Arc<JobView>> {
        self.jobs.borrow_mut().find(&snapshot.jobs, id, |j| j.id)
    }
}

#[cfg(test)]
mod tests {
    use super::Places;
    use crate::sample;
    use std::sync::Arc;

    #[test]
    fn what_was_found_is_found_again_in_the_next_list_and_never_mistaken() {
        let places = Places::default();
        let mut world = sample::many(100);
        let ids: Vec<_> = world.items.iter().map(|i| i.id).collect();
        for id in &ids {
            assert_eq!(places.item(&world, *id).map(|i| i.id), Some(*id));
        }
        // The next list begins elsewhere, and has lost one.
        let mut items = world.items.as_ref().clone();
        let gone = items.remove(3).id;
        items.reverse();
        world.items = Arc::new(items);
        for id in &ids {
            assert_eq!(places.item(&world, *id).map(|i| i.id), (*id != gone).then_some(*id));
        }
    }
}
