//! The one door into the engine: everything that happens comes through this channel, one at a time. Apart from
//! `run`, which empties it.

use super::agents::Line;
use super::clock::Clock;
use super::foretold::Foretold;
use super::gate::Place;
use super::outcomes::Outcomes;
use super::publication::Publication;
use crate::core::{CallId, Core};
use leeward_link::messages::{AgentHello, Fact, Reply};
use leeward_model::{
    AgentId, Command, CommandOutcome, CommandSink, Fault, KeyId, Message, Moment, Preview, ReceiptId, Refusal,
};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{mpsc, oneshot};

/// Something that happened.
#[derive(Debug)]
pub(crate) enum News {
    /// A person asks for something.
    Command { receipt: ReceiptId, by: String, command: Command },
    /// A host wants to be enrolled with a registration key.
    EnrolmentAsked { ask: EnrolmentAsk, answer: oneshot::Sender<Result<AgentId, Refusal>> },
    /// An agent has opened its control session.
    AgentConnected { hello: AgentHello, certificate_expires: Moment, line: Line },
    /// That session is over.
    AgentLost { agent: AgentId, session: u64, why: Message },
    /// An agent says something unasked.
    Fact { agent: AgentId, session: u64, fact: Fact, place: Place },
    /// An agent answers.
    Reply { agent: AgentId, session: u64, call: CallId, reply: Box<Reply> },
    /// Somebody wants the engine to stop in order.
    Stop,
}

/// What a host says when it asks to be enrolled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct EnrolmentAsk {
    pub(crate) key: KeyId,
    pub(crate) former: Option<AgentId>,
    pub(crate) host: String,
    pub(crate) site: String,
    pub(crate) version: String,
    pub(crate) replication_addr: String,
}

/// The sending end, for all who bring news.
pub(crate) type Inbox = mpsc::UnboundedSender<News>;

/// Commands from this process, by one person.
#[derive(Clone)]
pub(crate) struct LocalSink {
    pub(crate) inbox: Inbox,
    pub(crate) outcomes: Outcomes,
    pub(crate) core: Arc<RwLock<Core>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) by: String,
    pub(crate) foretold: Foretold,
    pub(crate) publication: Publication,
}

impl CommandSink for LocalSink {
    fn submit(&self, command: Command) -> ReceiptId {
        let receipt = ReceiptId(self.clock.new_id());
        let by = self.by.clone();
        if self.inbox.send(News::Command { receipt, by, command }).is_err() {
            self.outcomes.put(receipt, CommandOutcome::Failed(Box::new(stopped())));
        }
        receipt
    }

    fn take_outcome(&self, receipt: ReceiptId) -> Option<CommandOutcome> {
        if let Some(outcome) = self.outcomes.take(receipt) {
            return Some(outcome);
        }
        // An engine that stopped in between will never answer.
        self.inbox.is_closed().then(|| CommandOutcome::Failed(Box::new(stopped())))
    }

    fn preview(&self, command: &Command) -> Preview {
        let core = self.core.read().unwrap_or_else(PoisonError::into_inner);
        core.preview(command, self.clock.now())
    }

    fn ask_previews(&self, commands: Vec<Command>) -> ReceiptId {
        let receipt = ReceiptId(self.clock.new_id());
        self.foretold.begin(receipt, commands.len());
        // The core may be deciding just now: whoever draws must not wait for that.
        let sink = self.clone();
        let spawned = std::thread::Builder::new().name("preview".to_owned()).spawn(move || {
            for (at, command) in commands.iter().enumerate() {
                sink.foretold.put(receipt, at, sink.preview(command));
            }
            sink.publication.ring();
        });
        if let Err(error) = spawned {
            tracing::error!(%error, "no thread for a preview");
            self.foretold.give_up(&Refusal { why: stopped().what, helps: None });
        }
        receipt
    }

    fn take_previews(&self, receipt: ReceiptId) -> Option<Vec<Preview>> {
        self.foretold.take(receipt)
    }
}

impl std::fmt::Debug for LocalSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalSink").field("by", &self.by).finish_non_exhaustive()
    }
}

/// What a command gets from an engine that is no longer there.
pub(crate) fn stopped() -> Fault {
    leeward_model::Fault::new("engine-stopped", "engine", String::new(), leeward_model::Recovery::NeedsPerson)
}
