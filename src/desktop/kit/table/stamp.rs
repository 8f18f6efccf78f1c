//! How a table knows that a list is still the one its view was worked out for. Apart from `view`, which works it out.

use std::any::Any;
use std::sync::{Arc, Weak};

/// Which list a view is of. A shared list is itself until it is another one, however often the read model is published.
#[derive(Clone, Debug)]
pub enum Stamp {
    /// The list may be another one with every revision of the read model.
    Revision(u64),
    /// The list itself. The hold keeps its address from being given to another list.
    List(Weak<dyn Any + Send + Sync>),
}

impl PartialEq for Stamp {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Revision(a), Self::Revision(b)) => a == b,
            (Self::List(a), Self::List(b)) => std::ptr::addr_eq(a.as_ptr(), b.as_ptr()),
            _ => false,
        }
    }
}

impl From<u64> for Stamp {
    fn from(revision: u64) -> Self {
        Self::Revision(revision)
    }
}

impl<T: Send + Sync + 'static> From<&Arc<Vec<T>>> for Stamp {
    fn from(list: &Arc<Vec<T>>) -> Self {
        let weak: Weak<Vec<T>> = Arc::downgrade(list);
        Self::List(weak)
    }
}

/// A row that stays the same value while it does not change, so that what was read of it can be kept.
pub trait Shared {
    /// Where it lies.
    fn address(&self) -> *const ();
    /// Keeps its address from being given to another row.
    fn hold(&self) -> Weak<dyn Any + Send + Sync>;
}

impl<T: Send + Sync + 'static> Shared for Arc<T> {
    fn address(&self) -> *const () {
        Self::as_ptr(self).cast()
    }

    fn hold(&self) -> Weak<dyn Any + Send + Sync> {
        let weak: Weak<T> = Self::downgrade(self);
        weak
    }
}

#[cfg(test)]
mod tests {
    use super::Stamp;
    use std::sync::Arc;

    #[test]
    fn a_list_is_itself_until_it_is_another() {
        let list = Arc::new(vec![1, 2, 3]);
        let stamp = Stamp::from(&list);
        assert_eq!(stamp, Stamp::from(&Arc::clone(&list)));
        // The address of a list that is gone is not taken for the list.
        drop(list);
        let lists: Vec<Arc<Vec<i32>>> = (0..64).map(|_| Arc::new(vec![1, 2, 3])).collect();
        assert!(lists.iter().all(|next| Stamp::from(next) != stamp));
    }

    #[test]
    fn a_list_that_was_changed_in_place_is_another() {
        let mut list = Arc::new(vec![1, 2, 3]);
        let stamp = Stamp::from(&list);
        Arc::make_mut(&mut list).push(4);
        assert_ne!(Stamp::from(&list), stamp);
    }
}
