//! Where one agent's facts come into the inbox: only so many of them wait there at a time. An agent that says more than
//! the engine takes in is read more slowly, so that a busy engine neither grows without end nor works on what was true
//! long ago. Apart from `inbox`, which everything else enters at once: commands and answers are asked for, and few.

use super::inbox::{Inbox, News};
use leeward_link::messages::Fact;
use leeward_model::AgentId;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Facts of one agent that may wait in the inbox.
const FACTS_WAITING_MAX: usize = 64;

/// A fact's place in the inbox; given back when it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

/// The gate of one session.
#[derive(Debug)]
pub(super) struct Gate {
    inbox: Inbox,
    agent: AgentId,
    session: u64,
    places: Arc<Semaphore>,
}

impl Gate {
    pub(super) fn new(inbox: Inbox, agent: AgentId, session: u64) -> Self {
        Self { inbox, agent, session, places: Arc::new(Semaphore::new(FACTS_WAITING_MAX)) }
    }

    /// Lets a fact in as soon as there is a place for it. Whether the engine still takes any.
    pub(super) async fn enter(&self, fact: Fact) -> bool {
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return false };
        let news = News::Fact { agent: self.agent, session: self.session, fact, place };
        self.inbox.send(news).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_model::{Message, Moment};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use tokio::sync::mpsc;

    fn fact() -> Fact {
        let what = Message::new("event-item-gone");
        Fact::Event { at: Moment(0), item: None, subject: String::new(), what, fault: None }
    }

    #[tokio::test]
    async fn an_agent_waits_when_the_engine_is_behind() {
        let (inbox, mut news) = mpsc::unbounded_channel();
        let gate = Gate::new(inbox, AgentId(uuid::Uuid::nil()), 1);
        for _ in 0..FACTS_WAITING_MAX {
            assert!(gate.enter(fact()).await);
        }
        let mut entering = pin!(gate.enter(fact()));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(entering.as_mut().poll(&mut context), Poll::Pending);
        drop(news.recv().await);
        assert_eq!(entering.as_mut().poll(&mut context), Poll::Ready(true));
        drop(news);
        assert!(!gate.enter(fact()).await, "the engine has ended");
    }
}
