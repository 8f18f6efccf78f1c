//! The core: everything that happens comes in as an [`Input`], and what must be remembered and done goes out as an
//! [`Outcome`]. It reads no clock, no randomness and no file, so that any day of an estate can be played again.

pub use crate::records::{
    AuditEntry, AuditPhase, Change, JournalEntry, JournalEvent, Record, RecordKey, VaultRecord,
};
use leeward_link::messages::{AgentHello, Fact, Reply, Request};
use leeward_model::{
    AgentId, Command, CommandOutcome, EventView, KeyId, Message, Moment, Preview, ReceiptId, Refusal, Snapshot,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// Names one call to an agent. Drawn at random, so that a late answer to an earlier engine's call meets nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

/// Where new ids come from.
pub trait IdSource {
    /// A new id, different from all others.
    fn new_id(&mut self) -> Uuid;
}

/// Everything that can happen.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// Once after loading: unfinished jobs resume.
    Started,
    /// A person asks for something.
    Command {
        /// Names this use; the answer comes under it.
        receipt: ReceiptId,
        /// Who.
        by: String,
        /// What.
        command: Command,
    },
    /// The answer to [`Effect::MakeKey`].
    KeyMade {
        /// The command it was made for.
        receipt: ReceiptId,
        /// The key.
        key: KeyId,
        /// The whole text of its file. A secret: it goes into the answer and nowhere else.
        file_text: String,
    },
    /// A host asks to be enrolled; answered by [`Effect::EnrolmentDecided`].
    EnrolmentAsked {
        /// The registration key it has proved to hold.
        key: KeyId,
        /// The identity it would get.
        agent: AgentId,
        /// Host name.
        host: String,
        /// Site name it says; the key's decides.
        site: String,
        /// Version of its agent.
        version: String,
        /// Where it listens for replication.
        replication_addr: String,
        /// Names the question for the answer.
        reply: u64,
    },
    /// An agent has opened its control session. One that was open before is over.
    AgentConnected {
        /// What it says of itself.
        hello: AgentHello,
        /// End of the certificate it came with.
        certificate_expires: Moment,
    },
    /// Its session is over.
    AgentLost {
        /// The agent.
        agent: AgentId,
        /// Why, if that is known.
        why: Message,
    },
    /// An agent says something unasked.
    Fact {
        /// The agent.
        agent: AgentId,
        /// What.
        fact: Fact,
    },
    /// An agent answers a call.
    Reply {
        /// The agent.
        agent: AgentId,
        /// The call.
        call: CallId,
        /// The answer.
        reply: Reply,
    },
    /// Time has passed.
    Tick,
}

/// What a decision leads to. `changes` are written in one transaction before the first effect is run.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// What becomes durable.
    pub changes: Vec<Change>,
    /// What is done then, in this order.
    pub effects: Vec<Effect>,
    /// Whether a snapshot made now would differ.
    pub visible: bool,
}

/// What the core may ask for.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Ask an agent, if it is connected; otherwise nothing: the core asks again when it returns. The shell puts
    /// its revocation list into a [`Request::Trust`], whose `crl_pem` is empty here.
    Call {
        /// The agent.
        agent: AgentId,
        /// Names the answer.
        call: CallId,
        /// What is asked.
        request: Request,
    },
    /// Tell whoever gave a command what became of it.
    Answer {
        /// The command.
        receipt: ReceiptId,
        /// What became of it.
        outcome: CommandOutcome,
    },
    /// Make the file of a registration key; comes back as [`Input::KeyMade`].
    MakeKey {
        /// The command.
        receipt: ReceiptId,
        /// The key.
        key: KeyId,
        /// The site it is for.
        site: String,
        /// When it expires.
        expires: Moment,
    },
    /// The answer to [`Input::EnrolmentAsked`].
    EnrolmentDecided {
        /// The question.
        reply: u64,
        /// The identity it gets, or why not.
        decision: Result<AgentId, Refusal>,
    },
    /// Put the agent's certificate on the revocation list.
    RevokeCertificate {
        /// The agent.
        agent: AgentId,
    },
    /// End the agent's session.
    Disconnect {
        /// The agent.
        agent: AgentId,
    },
    /// Send [`Input::Tick`] at this instant, if not earlier anyway.
    WakeAt(Moment),
}

/// What is written into a new vault.
#[must_use]
pub fn new_vault(vault: VaultRecord, by: &str) -> Vec<Change> {
    let audit = AuditEntry {
        at: vault.created,
        by: by.to_owned(),
        verb: "create-vault".to_owned(),
        target: vault.name.clone(),
        receipt: None,
        job: None,
        phase: AuditPhase::Begun { arguments: String::new() },
    };
    vec![Change::Audit(audit), Change::Put(Record::Vault(vault))]
}

/// The vault that records belong to.
#[must_use]
pub fn vault_of(records: &[Record]) -> Option<&VaultRecord> {
    records.iter().find_map(|record| match record {
        Record::Vault(vault) => Some(vault),
        _ => None,
    })
}

/// The engine's mind.
#[derive(Debug)]
pub struct Core;

impl Core {
    /// The core as it was when all this was written. The journal is that of unfinished jobs; events are oldest
    /// first.
    #[must_use]
    pub fn load(_records: Vec<Record>, _journal: Vec<JournalEntry>, _events: Vec<EventView>) -> Self {
        Self
    }

    /// Takes in what happened and decides. Never panics on what comes from outside.
    pub fn apply(&mut self, _input: Input, _now: Moment, _ids: &mut dyn IdSource) -> Outcome {
        Outcome::default()
    }

    /// The world as the window sees it; shares with the last one what has not changed.
    pub fn snapshot(&mut self, now: Moment) -> Arc<Snapshot> {
        Arc::new(leeward_model::Snapshot {
            revision: 0,
            made_at: now,
            vault: leeward_model::VaultView {
                id: leeward_model::VaultId(Uuid::nil()),
                name: String::new(),
                created: now,
                engine_addr: String::new(),
                engine_version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            sites: Arc::default(),
            servers: Arc::default(),
            keys: Arc::default(),
            machines: Arc::default(),
            policies: Arc::default(),
            items: Arc::default(),
            jobs: Arc::default(),
            events: Arc::default(),
            overview: leeward_model::Overview::default(),
        })
    }

    /// What a command would do if it were given now.
    #[must_use]
    pub fn preview(&self, _command: &Command, _now: Moment) -> Preview {
        Preview::default()
    }
}
