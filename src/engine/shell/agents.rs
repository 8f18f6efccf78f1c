//! The control sessions of agents that are open now, and the calls that go out on them. Nothing is held back for
//! an agent that is away: the core asks again when it returns. Apart from `listener`, which brings sessions in.

use crate::core::CallId;
use leeward_link::messages::Request;
use leeward_model::AgentId;
use std::collections::HashMap;
use tokio::sync::mpsc;

/// Calls that may wait to be written to one agent. An agent that is further behind is hung up on.
pub(crate) const CALLS_WAITING_MAX: usize = 4_096;

/// The engine's end of one control session. Dropping it hangs up.
#[derive(Debug)]
pub(crate) struct Line {
    /// Which session of this engine it is: an agent that reconnects gets a new one.
    pub(crate) session: u64,
    /// Calls to be written.
    pub(crate) calls: mpsc::Sender<(CallId, Request)>,
}

/// All open sessions.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    open: HashMap<AgentId, Line>,
}

impl Lines {
    /// A session has begun. One that was still open is hung up on: the agent has moved to this one.
    pub(super) fn open(&mut self, agent: AgentId, line: Line) {
        self.open.insert(agent, line);
    }

    /// A session is over. Whether it was the agent's current one.
    pub(super) fn close(&mut self, agent: AgentId, session: u64) -> bool {
        let current = self.is_current(agent, session);
        if current {
            self.open.remove(&agent);
        }
        current
    }

    pub(super) fn is_current(&self, agent: AgentId, session: u64) -> bool {
        self.open.get(&agent).is_some_and(|line| line.session == session)
    }

    /// Sends a call, if the agent is there.
    pub(super) fn call(&mut self, agent: AgentId, call: CallId, request: Request) {
        let Some(line) = self.open.get(&agent) else { return };
        match line.calls.try_send((call, request)) {
            Ok(()) => {}
            // The session ends by itself, and its end comes through the inbox.
            Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                tracing::warn!(%agent, "the agent takes no more calls; its session is ended");
                self.hang_up(agent);
            }
        }
    }

    /// Ends a session from this side; the end comes through the inbox like any other.
    pub(super) fn hang_up(&mut self, agent: AgentId) {
        if let Some(line) = self.open.get_mut(&agent) {
            // A closed channel tells the session's task to end; the entry stays until it has.
            line.calls = mpsc::channel(1).0;
        }
    }
}
