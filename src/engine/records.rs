//! What the vault remembers, as it is written: records, the journal of jobs, the audit. Apart from `core`, which
//! decides about them, and from `store`, which only writes and reads them.

use leeward_link::messages::PowerAction;
use leeward_model::{
    AgentId, CycleSample, DiskId, Epoch, EventView, Fault, FenceProof, FinalSyncDone, Forward, InSync,
    ItemId, JobId, JobState, KeyId, KeyState, MachineDefinition, MachineId, Message, Moment, NetworkChoice,
    Phase, Place, PointChoice, PointId, PolicyId, Protection, ReceiptId, ReplicationPolicy, Side, SiteId,
    SourceQuiesced, StepState, TestId, TestState, VaultId, Verb,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One thing that becomes durable. All changes of one decision are written in one transaction.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// A record is new or has changed.
    Put(Record),
    /// A record is gone.
    Delete(RecordKey),
    /// A job has gone on.
    Journal(JournalEntry),
    /// A job is over: its record holds what its journal told, which may be forgotten.
    ForgetJournal(JobId),
    /// Who did what; appended to the hash chain.
    Audit(AuditEntry),
    /// Something a person may want to read later.
    Event(EventView),
}

/// A durable noun.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Record {
    /// The vault itself; there is one.
    Vault(VaultRecord),
    /// A site.
    Site(SiteRecord),
    /// A management server: a host's agent.
    Server(ServerRecord),
    /// A registration key.
    Key(KeyRecord),
    /// A replication policy.
    Policy(ReplicationPolicy),
    /// A replicated item.
    Item(Box<ItemRecord>),
    /// A job: as it was accepted, and again as it ended.
    Job(Box<JobRecord>),
    /// What an item did lately, for its charts.
    History(HistoryRecord),
}

/// Names a record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum RecordKey {
    /// The vault.
    Vault(VaultId),
    /// A site.
    Site(SiteId),
    /// A server.
    Server(AgentId),
    /// A key.
    Key(KeyId),
    /// A policy.
    Policy(PolicyId),
    /// An item.
    Item(ItemId),
    /// A job.
    Job(JobId),
    /// The history of an item.
    History(ItemId),
}

/// The vault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VaultRecord {
    /// Identity.
    pub id: VaultId,
    /// Name.
    pub name: String,
    /// When it was created.
    pub created: Moment,
    /// Where agents reach the engine: `host:port`.
    pub engine_addr: String,
}

/// A site.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SiteRecord {
    /// Identity.
    pub id: SiteId,
    /// Name, unique in the vault.
    pub name: String,
    /// When it was first named.
    pub created: Moment,
}

/// A host's agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServerRecord {
    /// Its identity.
    pub agent: AgentId,
    /// Host name.
    pub name: String,
    /// Its site.
    pub site: SiteId,
    /// Version of its agent when it was last heard of.
    pub version: String,
    /// Where other agents reach it: `host:port`.
    pub replication_addr: String,
    /// End of its certificate.
    pub certificate_expires: Moment,
    /// When it was enrolled.
    pub enrolled: Moment,
    /// Items that were disabled while it was away: it is told when it returns.
    pub releases: Vec<Release>,
}

/// An item that a host must still forget.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Release {
    /// The item.
    pub item: ItemId,
    /// Whether a replica is deleted with it.
    pub delete_replica: bool,
    /// The machine was failed over away from this host, which has not been fenced: it is, under this epoch, before
    /// it forgets, or it would start its old machine beside the new one.
    #[serde(default)]
    pub fence: Option<Epoch>,
    /// How often the host has failed at it; names the next try.
    #[serde(default)]
    pub failures: u32,
}

/// A registration key. Its secret is never here.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Identity.
    pub id: KeyId,
    /// The site it was made for.
    pub site: String,
    /// Who made it.
    pub by: String,
    /// When it was made.
    pub made: Moment,
    /// When it expires.
    pub expires: Moment,
    /// What has become of it. `Expired` is never written: the clock says so.
    pub state: KeyState,
    /// The agent that was enrolled with it.
    #[serde(default)]
    pub agent: Option<AgentId>,
}

/// A replicated item.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ItemRecord {
    /// Identity.
    pub id: ItemId,
    /// Its machine, as the active side's host last described it.
    pub machine: MachineDefinition,
    /// Where it was first protected.
    pub primary: Place,
    /// Where its replica was first kept.
    pub recovery: Place,
    /// Where it runs.
    pub active: Side,
    /// Who may write.
    pub epoch: Epoch,
    /// Where protection stands, and since when.
    pub protection: Protection,
    /// Since when.
    pub protection_since: Moment,
    /// Policy.
    pub policy: PolicyId,
    /// Paused by a person.
    pub paused: bool,
    /// Rises with everything its hosts must be told again (policy, pause, address of the other side).
    pub revision: u64,
    /// Open test failovers.
    pub tests: Vec<TestRecord>,
    /// The old source returned under an older epoch and is kept off.
    pub superseded: bool,
    /// The failover under way began while the copy in this direction was not complete.
    #[serde(default)]
    pub reversing: bool,
    /// The old source was never fenced; kept while the item is taken out of the vault, when its state no longer says so.
    #[serde(default)]
    pub left_unfenced: bool,
    /// The active host must still be given the right to write back, because it was away when a failover was undone.
    pub unfence_owed: Option<UnfenceOwed>,
    /// When it was first protected.
    pub created: Moment,
    /// The last test failover that was brought up and cleaned up.
    pub last_test_ok: Option<Moment>,
    /// The last failover that ended well.
    pub last_failover_ok: Option<Moment>,
}

/// A fence that must still be taken back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UnfenceOwed {
    /// Whether the machine ran before and is started again.
    pub start: bool,
}

/// A test failover.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TestRecord {
    /// Identity.
    pub id: TestId,
    /// Where it stands.
    pub state: TestState,
    /// Its point.
    pub point: PointId,
    /// The instant of that point.
    pub point_instant: Moment,
    /// Its network.
    pub network: NetworkChoice,
    /// When it began.
    pub started: Moment,
    /// Where its guest can be reached from the host.
    pub reach: Vec<Forward>,
    /// Seconds from the command to the guest's first answer.
    pub recovery_secs: Option<f64>,
}

/// What a job was asked to do, typed by its workflow.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, strum::EnumDiscriminants)]
#[strum_discriminants(name(Workflow), derive(Hash, PartialOrd, Ord, Serialize, Deserialize, strum::EnumIter))]
#[expect(missing_docs, reason = "fields are named by their nouns")]
pub enum JobArgs {
    /// Protect a machine.
    Enable { not_before: Option<Moment> },
    /// Take protection away.
    Disable {
        delete_replica: bool,
        /// The old source was not fenced when this was asked for.
        #[serde(default)]
        fence: bool,
    },
    /// Bring a copy up in isolation.
    TestFailover { test: TestId, point: PointChoice, network: NetworkChoice },
    /// Take that copy away.
    CleanUpTest { test: TestId, notes: String },
    /// Move in order.
    PlannedFailover,
    /// Bring up at the other side.
    Failover { point: PointChoice, shut_down_source: bool },
    /// Choose another point before commit.
    ChangePoint { point: PointId, from_point: PointId },
    /// Make the choice of point final.
    Commit,
    /// Build the copy in the other direction.
    Reverse,
    /// Compare and repair.
    Resynchronize { disks: Vec<DiskId>, not_before: Option<Moment> },
    /// One cycle now.
    SyncNow,
    /// Hash a point again.
    VerifyPoint { point: PointId },
    /// Delete the superseded disks.
    DiscardSource,
    /// Pause or resume.
    SetPaused { paused: bool },
    /// A machine's power.
    Power { machine: MachineId, agent: AgentId, action: PowerAction },
}

/// A job: its declaration as it was accepted, and how far it has come. The engine keeps it in memory as declared
/// steps plus the journal folded over them; it is written when it is accepted and when it is over.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct JobRecord {
    /// Identity.
    pub id: JobId,
    /// The verb that began it.
    pub verb: Verb,
    /// What was asked.
    pub args: JobArgs,
    /// The item it concerns.
    pub item: Option<ItemId>,
    /// Where the item ran when the job was accepted: the side its "source" steps speak of.
    pub from: Side,
    /// The item's or machine's name.
    pub subject: Arc<str>,
    /// Who asked for it.
    pub by: Arc<str>,
    /// The command it came from.
    pub receipt: ReceiptId,
    /// When it was accepted.
    pub started: Moment,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Where it stands.
    pub state: JobState,
    /// A person asked to cancel it.
    pub cancel_asked: bool,
    /// Why it failed.
    pub fault: Option<Fault>,
    /// Its steps, as declared when it was accepted, and how far each is.
    pub steps: Vec<StepRecord>,
    /// What its steps have earned.
    pub gathered: Gathered,
}

/// One step of a job.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StepRecord {
    /// Declared id.
    pub id: Arc<str>,
    /// What it does.
    pub title: Message,
    /// Its phase.
    pub phase: Phase,
    /// What it concerns.
    pub subject: Arc<str>,
    /// Its share of the job.
    pub weight: u32,
    /// Where it stands.
    pub state: StepState,
    /// When it began.
    pub started: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// How often it was tried; names the operation at the agent together with job and step.
    pub tries: u32,
    /// How often its undo was tried.
    pub undo_tries: u32,
    /// It has been taken back (a failed step still shows that it failed).
    pub undone: bool,
    /// When it is tried again, while it waits for that.
    pub next_at: Option<Moment>,
    /// What it found or did.
    pub note: Option<Message>,
}

/// What the steps of a job have earned. Typed, so that no later step reads a value of the wrong kind.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Gathered {
    /// The machine ran when the job began.
    pub was_running: bool,
    /// The item's epoch when the job began.
    pub epoch: Option<Epoch>,
    /// The source stopped.
    pub quiesced: Option<SourceQuiesced>,
    /// The last delta arrived.
    pub synced: Option<FinalSyncDone>,
    /// The source cannot write.
    pub fence: Option<FenceProof>,
    /// Both sides hold the same.
    pub in_sync: Option<InSync>,
    /// The point that is used.
    pub point: Option<(PointId, Moment)>,
}

/// What one step has earned.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Proof {
    /// How things stood when the job began.
    Began {
        /// The machine ran.
        was_running: bool,
        /// The item's epoch.
        epoch: Epoch,
    },
    /// The source stopped.
    Quiesced(SourceQuiesced),
    /// The last delta arrived.
    Synced(FinalSyncDone),
    /// The source cannot write.
    Fence(FenceProof),
    /// Both sides hold the same.
    InSync(InSync),
    /// The point that is used, and its instant.
    Point(PointId, Moment),
}

/// One entry of the journal: written before its effect, read again after a crash.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct JournalEntry {
    /// The job.
    pub job: JobId,
    /// When.
    pub at: Moment,
    /// What happened to it.
    pub event: JournalEvent,
}

/// What happens to a job. `step` counts its declared steps from 0.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are a step's number and the nouns they are named by")]
pub enum JournalEvent {
    /// A step is about to be asked for.
    StepBegan { step: usize },
    /// It failed in a way that passes.
    StepRetries { step: usize, next_at: Moment, fault: Box<Fault> },
    /// It is done.
    StepDone { step: usize, proof: Option<Box<Proof>>, note: Option<Message> },
    /// It is not needed, or the job goes on without it.
    StepSkipped { step: usize, why: Message },
    /// It failed.
    StepFailed { step: usize, fault: Box<Fault> },
    /// A person asked to cancel the job.
    CancelAsked { by: String },
    /// The job is being taken back, because it was cancelled or because a step failed.
    UndoBegins { fault: Option<Box<Fault>> },
    /// A step is about to be taken back.
    StepUndoBegan { step: usize },
    /// Taking it back failed in a way that passes.
    StepUndoRetries { step: usize, next_at: Moment, fault: Box<Fault> },
    /// It is taken back.
    StepUndone { step: usize },
    /// It could not be taken back.
    StepStuck { step: usize, fault: Box<Fault> },
    /// A person restarted a failed job.
    Restarted { by: String },
    /// The job is over.
    Ended { state: JobState },
}

/// What an item did lately, for its charts; written now and then, so that a restart does not empty them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HistoryRecord {
    /// The item.
    pub item: ItemId,
    /// Cycles, oldest first (bounded, thinned out).
    pub cycles: Vec<CycleSample>,
}

/// Who did what, to what, when, with which outcome. Holds no secret.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Moment,
    /// Who; `engine` for what it does by itself.
    pub by: String,
    /// The verb's declared id.
    pub verb: String,
    /// To what, as a person knows it.
    pub target: String,
    /// The command it came from.
    pub receipt: Option<ReceiptId>,
    /// The job it began.
    pub job: Option<JobId>,
    /// What this entry says of it.
    pub phase: AuditPhase,
}

/// The life of one use of a verb in the audit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum AuditPhase {
    /// Accepted; what follows has not happened yet.
    Begun {
        /// Its arguments as JSON, without secrets.
        arguments: String,
    },
    /// Refused; nothing happened.
    Refused {
        /// The sentence the person was shown.
        why: Message,
    },
    /// Its job is over.
    Ended {
        /// How.
        state: JobState,
    },
}

impl Record {
    /// Its name.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        match self {
            Self::Vault(r) => RecordKey::Vault(r.id),
            Self::Site(r) => RecordKey::Site(r.id),
            Self::Server(r) => RecordKey::Server(r.agent),
            Self::Key(r) => RecordKey::Key(r.id),
            Self::Policy(r) => RecordKey::Policy(r.id),
            Self::Item(r) => RecordKey::Item(r.id),
            Self::Job(r) => RecordKey::Job(r.id),
            Self::History(r) => RecordKey::History(r.item),
        }
    }
}

impl RecordKey {
    /// The kind of the record, as the store's first key.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Vault(_) => "vault",
            Self::Site(_) => "site",
            Self::Server(_) => "server",
            Self::Key(_) => "key",
            Self::Policy(_) => "policy",
            Self::Item(_) => "item",
            Self::Job(_) => "job",
            Self::History(_) => "history",
        }
    }

    /// The id of the record, as the store's second key.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::Vault(id) => id.to_string(),
            Self::Site(id) => id.to_string(),
            Self::Server(id) => id.to_string(),
            Self::Key(id) => id.to_string(),
            Self::Policy(id) => id.to_string(),
            Self::Item(id) | Self::History(id) => id.to_string(),
            Self::Job(id) => id.to_string(),
        }
    }
}

impl JobArgs {
    /// The workflow it runs.
    #[must_use]
    pub fn workflow(&self) -> Workflow {
        self.into()
    }
}

impl Gathered {
    /// Takes in what a step has earned.
    pub fn take(&mut self, proof: Proof) {
        match proof {
            Proof::Began { was_running, epoch } => {
                self.was_running = was_running;
                self.epoch = Some(epoch);
            }
            Proof::Quiesced(p) => self.quiesced = Some(p),
            Proof::Synced(p) => self.synced = Some(p),
            Proof::Fence(p) => self.fence = Some(p),
            Proof::InSync(p) => self.in_sync = Some(p),
            Proof::Point(point, instant) => self.point = Some((point, instant)),
        }
    }
}

impl ItemRecord {
    /// Its host on one side.
    #[must_use]
    pub const fn place(&self, side: Side) -> &Place {
        match side {
            Side::Primary => &self.primary,
            Side::Recovery => &self.recovery,
        }
    }

    /// The side a host stands for.
    #[must_use]
    pub fn side_of(&self, agent: AgentId) -> Option<Side> {
        if self.primary.agent == agent {
            Some(Side::Primary)
        } else if self.recovery.agent == agent {
            Some(Side::Recovery)
        } else {
            None
        }
    }
}
