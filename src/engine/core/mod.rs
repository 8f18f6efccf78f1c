//! The core: everything that happens comes in as an [`Input`], and what must be remembered and done goes out as an
//! [`Outcome`]. It reads no clock, no randomness and no file, so that any day of an estate can be played again.
//!
//! | file | what it is |
//! |---|---|
//! | `state`, `turn`, `load` | what is known; one decision under way; what is known after a restart |
//! | `commands/` | what people ask for |
//! | `agents`, `facts`, `correct`, `pictures` | hosts: who is here, what they say, what they are told |
//! | `jobs`, `runner`, `unwind`, `fold` | jobs: their life, forward, backward, from the journal |
//! | `stand` | the facts that availability is decided on |
//! | `alarms`, `changed`, `cycles`, `job_list` | time, marks, counts, the long list |

pub(crate) mod agents;
pub(crate) mod alarms;
pub(crate) mod changed;
pub(crate) mod commands;
pub(crate) mod correct;
pub(crate) mod cycles;
pub(crate) mod facts;
pub(crate) mod fold;
pub(crate) mod job_list;
pub(crate) mod jobs;
pub(crate) mod load;
pub(crate) mod pictures;
pub(crate) mod runner;
pub(crate) mod stand;
pub(crate) mod state;
pub(crate) mod turn;
pub(crate) mod unwind;

use crate::projector::Projection;

pub use crate::records::{
    AuditEntry, AuditPhase, Change, JournalEntry, JournalEvent, Record, RecordKey, VaultRecord,
};
use leeward_link::messages::{AgentHello, Fact, Reply, Request};
use leeward_model::{
    AgentId, Command, CommandOutcome, EventView, KeyId, Message, Moment, Preview, ReceiptId, Refusal,
    Snapshot,
};
use serde::{Deserialize, Serialize};
use state::{Pending, State};
use std::sync::Arc;
use turn::Turn;
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
    /// [`Effect::MakeKey`] has failed: there is no such key.
    KeyNotMade {
        /// The command it was made for.
        receipt: ReceiptId,
        /// The key.
        key: KeyId,
        /// Why.
        fault: Box<leeward_model::Fault>,
    },
    /// A host asks to be enrolled; answered by [`Effect::EnrolmentDecided`].
    EnrolmentAsked {
        /// The registration key it has proved to hold.
        key: KeyId,
        /// The identity it would get.
        agent: AgentId,
        /// The identity it has proved to have had: it keeps that one, if the vault still has it.
        former: Option<AgentId>,
        /// Host name.
        host: String,
        /// Site name it says; it must be the key's, or empty.
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
pub struct Core {
    state: State,
    projection: Projection,
}

impl Core {
    /// The core as it was when all this was written. The journal is that of unfinished jobs; events are oldest
    /// first.
    #[must_use]
    pub fn load(records: Vec<Record>, journal: Vec<JournalEntry>, events: Vec<EventView>) -> Self {
        Self { state: load::state(records, journal, events), projection: Projection::default() }
    }

    /// Takes in what happened and decides. Never panics on what comes from outside.
    pub fn apply(&mut self, input: Input, now: Moment, ids: &mut dyn IdSource) -> Outcome {
        let mut turn = Turn { state: &mut self.state, now, ids, out: Outcome::default() };
        turn.take(input);
        let mut out = turn.out;
        if let Some(at) = self.state.alarms.wake(now) {
            out.effects.push(Effect::WakeAt(at));
        }
        out.visible = self.state.changed.any();
        out
    }

    /// The world as the window sees it; shares with the last one what has not changed.
    pub fn snapshot(&mut self, now: Moment) -> Arc<Snapshot> {
        self.projection.snapshot(&mut self.state, now)
    }

    /// Whether an agent belongs to the vault.
    #[must_use]
    pub fn has_server(&self, agent: AgentId) -> bool {
        self.state.servers.contains_key(&agent)
    }

    /// What a command would do if it were given now.
    #[must_use]
    pub fn preview(&self, command: &Command, now: Moment) -> Preview {
        crate::preview::preview(&self.state, command, now)
    }
}

impl Turn<'_> {
    fn take(&mut self, input: Input) {
        match input {
            Input::Started => {
                for server in self.state.servers.values_mut() {
                    server.since = self.now;
                }
                // What was shown before the first turn did not know the time.
                let items: Vec<_> = self.state.items.keys().copied().collect();
                self.state.changed.items.extend(items);
                self.state.changed.servers = true;
                self.resume_all();
            }
            Input::Command { receipt, by, command } => self.command(receipt, &by, command),
            Input::KeyMade { receipt, key, file_text } => self.key_made(receipt, key, file_text),
            Input::KeyNotMade { receipt, key, fault } => self.key_not_made(receipt, key, fault),
            Input::EnrolmentAsked { key, agent, former, host, site, version, replication_addr, reply } => {
                let addr = replication_addr;
                self.enrol(agents::Asked {
                    key,
                    agent,
                    former,
                    host,
                    site,
                    version,
                    replication_addr: addr,
                    reply,
                });
            }
            Input::AgentConnected { hello, certificate_expires } => {
                self.connected(hello, certificate_expires)
            }
            Input::AgentLost { agent, why } => self.lost(agent, why),
            Input::Fact { agent, fact } => self.fact(agent, fact),
            Input::Reply { agent, call, reply } => self.reply(agent, call, reply),
            Input::Tick => {
                self.watch_silence();
                self.save_histories();
                self.note_rpo();
            }
        }
        self.ring();
    }

    /// An agent has answered a call. One that nobody knows (any more) changes nothing.
    fn reply(&mut self, agent: AgentId, call: CallId, reply: Reply) {
        if self.state.calls.get(&call).is_none_or(|p| p.agent() != agent) {
            return;
        }
        match self.state.calls.remove(&call) {
            Some(Pending::Step { job, step, undo, .. }) => {
                // A step that was given up has been taken elsewhere meanwhile.
                if self.state.jobs.get(&job).is_some_and(|j| j.call == Some(call)) {
                    self.step_answered(job, step, undo, reply);
                }
            }
            Some(Pending::Correction { item, .. }) => self.corrected(agent, item, call, reply),
            Some(Pending::Release { item, .. }) => self.released(agent, item, reply),
            Some(Pending::Picture { receipt, .. }) => self.picture_answered(agent, receipt, reply),
            Some(Pending::Told { .. }) => {
                if let Ok(leeward_link::messages::Response::Report(report)) = reply {
                    self.report(agent, *report);
                }
            }
            None => {}
        }
    }
}
