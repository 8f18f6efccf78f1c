//! Answers about what commands would do, until the window that asked takes them. Bounded: a dialog that was closed
//! before its answer came never takes it. Apart from `outcomes`, which holds what became of commands.

use leeward_model::{Preview, ReceiptId, Refusal};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Questions kept at once.
const KEPT: usize = 16;

/// The questions that were asked, with the answers there are so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Foretold {
    inner: Arc<Mutex<VecDeque<Question>>>,
}

#[derive(Debug)]
struct Question {
    receipt: ReceiptId,
    previews: Vec<Option<Preview>>,
    missing: usize,
}

impl Foretold {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Question>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question about so many commands.
    pub(crate) fn begin(&self, receipt: ReceiptId, commands: usize) {
        let mut inner = self.lock();
        inner.push_back(Question { receipt, previews: vec![None; commands], missing: commands });
        while inner.len() > KEPT {
            inner.pop_front();
        }
    }

    /// The answer about one of them. Whether all are there now.
    pub(crate) fn put(&self, receipt: ReceiptId, at: usize, preview: Preview) -> bool {
        let mut inner = self.lock();
        let Some(question) = inner.iter_mut().find(|q| q.receipt == receipt) else { return false };
        if let Some(slot) = question.previews.get_mut(at)
            && slot.replace(preview).is_none()
        {
            question.missing -= 1;
        }
        question.missing == 0
    }

    /// What has no answer yet gets none any more, for this reason.
    pub(crate) fn give_up(&self, why: &Refusal) {
        for question in self.lock().iter_mut() {
            for slot in question.previews.iter_mut().filter(|slot| slot.is_none()) {
                *slot = Some(Preview { refused: Some(why.clone()), ..Preview::default() });
            }
            question.missing = 0;
        }
    }

    /// All answers to a question, once they are there.
    pub(crate) fn take(&self, receipt: ReceiptId) -> Option<Vec<Preview>> {
        let mut inner = self.lock();
        let at = inner.iter().position(|q| q.receipt == receipt && q.missing == 0)?;
        inner.remove(at)?.previews.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_model::Message;
    use uuid::Uuid;

    fn receipt(n: u128) -> ReceiptId {
        ReceiptId(Uuid::from_u128(n))
    }

    #[test]
    fn a_question_is_answered_when_all_of_it_is() {
        let foretold = Foretold::default();
        foretold.begin(receipt(1), 2);
        assert!(!foretold.put(receipt(1), 1, Preview::default()));
        assert_eq!(foretold.take(receipt(1)), None);
        assert!(foretold.put(receipt(1), 0, Preview::default()));
        assert_eq!(foretold.take(receipt(1)).map(|p| p.len()), Some(2));
        assert_eq!(foretold.take(receipt(1)), None, "once");
    }

    #[test]
    fn what_will_never_be_answered_says_why() {
        let foretold = Foretold::default();
        foretold.begin(receipt(1), 2);
        foretold.put(receipt(1), 0, Preview::default());
        let why = Refusal { why: Message::new("not-connected"), helps: None };
        foretold.give_up(&why);
        let told = foretold.take(receipt(1)).expect("answered");
        assert_eq!(told.iter().map(|p| p.refused.clone()).collect::<Vec<_>>(), [None, Some(why)]);
    }

    #[test]
    fn questions_that_nobody_takes_are_forgotten() {
        let foretold = Foretold::default();
        for n in 0..100 {
            foretold.begin(receipt(n), 1);
            foretold.put(receipt(n), 0, Preview::default());
        }
        assert_eq!(foretold.take(receipt(1)), None);
        assert!(foretold.take(receipt(99)).is_some());
    }
}
