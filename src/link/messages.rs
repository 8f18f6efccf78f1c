//! What the engine asks of an agent and what an agent says of itself. Apart from `control`, which carries these
//! without knowing them.
//!
//! Every request that changes something carries an [`Op`]: asking again with the same one joins the operation
//! that runs or returns the result that was recorded, so that the engine may repeat itself after any crash.

use leeward_model::{
    AgentId, Consistency, CycleSample, DiskId, Epoch, Fault, FenceProof, FinalSyncDone, Forward, InSync,
    ItemId, JobId, MachineDefinition, MachineId, Message, Moment, NetworkChoice, PointChoice, PointId,
    PointSummary, PowerState, Progress, ReplicationPolicy, Sequence, SourceQuiesced, TestId,
};
use serde::{Deserialize, Serialize};

/// Names one operation for ever: a step of a job.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Op {
    /// The job.
    pub job: JobId,
    /// The step's declared id, or an undo's (`undo-<id>`).
    pub step: String,
    /// Rises when a person restarts a failed job, so that a recorded failure is not returned again.
    pub attempt: u32,
}

/// What a host is to an item.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Role {
    /// Runs the machine and sends its changes.
    Source,
    /// Keeps the replica.
    Target,
    /// Runs the machine after a failover; sends nothing yet.
    FailedOver,
    /// Has been left: keeps the old disks and stays off.
    Fenced,
}

/// The other agent of an item.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Peer {
    /// Its identity, which its certificate must carry.
    pub agent: AgentId,
    /// Where it listens for replication: `host:port`.
    pub addr: String,
}

/// What an agent holds of an item, for ever, so that it replicates without the engine.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Assignment {
    /// The item.
    pub item: ItemId,
    /// Its machine, as its source's host knows it.
    pub machine: MachineDefinition,
    /// What this host is to it.
    pub role: Role,
    /// The epoch this was given under. An older one than held is refused.
    pub epoch: Epoch,
    /// The other side.
    pub peer: Peer,
    /// The policy.
    pub policy: ReplicationPolicy,
    /// Paused by a person.
    pub paused: bool,
    /// Rises whenever the engine changes what this says. The host keeps it and says it again in its facts, so that
    /// the engine sees whether the host has heard of the last change.
    #[serde(default)]
    pub revision: u64,
}

/// What a person does with a machine's power.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum PowerAction {
    /// Start.
    Start,
    /// Shut down in order, within a bound.
    ShutDown,
    /// Take the power away.
    PowerOff,
}

/// Engine to agent. Long ones are answered when they end; their progress comes as facts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Say everything again (after a reconnect of the engine).
    Report,
    /// Target: make an empty point store for the item. Answer: `Done`.
    PrepareTarget { op: Op, assignment: Assignment },
    /// Source: track changes and begin the initial replication, not before `not_before`. Answer at once: `Done`.
    StartSource { op: Op, assignment: Assignment, not_before: Option<Moment> },
    /// Source: answered with `InSync` when the copy that runs (initial or resynchronization) is a point at the
    /// target and deltas flow.
    AwaitInSync { op: Op, item: ItemId },
    /// Both: the policy has changed, or the peer's address. Answer: `Done`.
    Reassign { op: Op, assignment: Assignment },
    /// Source: pause or resume. Answer: `Done`.
    SetPaused { op: Op, item: ItemId, paused: bool },
    /// Source: run a cycle now. Answer: `Point`.
    SyncNow { op: Op, item: ItemId },
    /// Source: compare these disks (all, if none is named) and repair the replica. Answered at once with `Done`;
    /// `AwaitInSync` waits for its end.
    Resynchronize { op: Op, item: ItemId, disks: Vec<DiskId>, not_before: Option<Moment> },
    /// Source: the comparison that is planned or runs is given up, with what it has frozen. The item has to be
    /// resynchronized until somebody asks for it again. Answer: `Done`, also when it has come to its end.
    StopComparison { op: Op, item: ItemId },
    /// Source: shut the guest down in order (guest agent, then ACPI), within `timeout_secs`. Answer: `Quiesced`.
    /// The hypervisor keeps the disks, so that the last delta can be taken.
    Quiesce { op: Op, item: ItemId, timeout_secs: u32, force: bool },
    /// Source: ship everything that is left. Answer: `FinalSync`.
    FinalSync { op: Op, item: ItemId },
    /// Source: give up the right to write for every epoch older than `epoch`: power off, autostart off, persisted.
    /// Answer: `Fenced`. Also sent to a source that returns late.
    Fence { op: Op, item: ItemId, epoch: Epoch },
    /// Source: take a fence back after an undone failover; `epoch` is the newer one the item has now. Starts the
    /// machine if `start`. Answer: `Done`.
    Unfence { op: Op, item: ItemId, epoch: Epoch, start: bool },
    /// Target: raise the epoch, pin the point, put an overlay on it and start the machine. Which point is the newest
    /// is decided here, once no log can come any more, and the answer says which: `Started`.
    FailOver { op: Op, item: ItemId, epoch: Epoch, point: PointChoice, network: NetworkChoice },
    /// Target: stop a failed-over machine and throw its overlay away (undo, or before another point).
    /// `epoch` is the item's present one. Answer: `Done`.
    DiscardFailover { op: Op, item: ItemId, epoch: Epoch },
    /// Target: the choice of point is final: newer points are dropped, the store is closed. Answer: `Done`.
    CommitFailover { op: Op, item: ItemId, epoch: Epoch },
    /// Target: bring a copy of a point up in isolation while replication goes on. Answer: `Started`.
    StartTest { op: Op, item: ItemId, test: TestId, point: PointId, network: NetworkChoice },
    /// Target: take a test failover away. Answer: `Done`.
    CleanUpTest { op: Op, item: ItemId, test: TestId },
    /// Wait until the guest answers (guest agent, or its own line on the console). Answer: `Booted`.
    AwaitBoot { op: Op, item: ItemId, test: Option<TestId>, timeout_secs: u32 },
    /// Old source, fenced: its disks become the safety point of a new point store. Answer: `Done`.
    BecomeTarget { op: Op, assignment: Assignment },
    /// New active side: track changes and bring the other side in sync by checksum. Answered at once: `Done`;
    /// `AwaitInSync` waits for the end.
    BecomeSource { op: Op, assignment: Assignment },
    /// Old source, fenced: delete the superseded disks. Answer: `Done`.
    DiscardSource { op: Op, item: ItemId, epoch: Epoch },
    /// Either: forget the item; a target deletes the replica if `delete_replica`. The machine runs on. Answer: `Done`.
    Release { op: Op, item: ItemId, delete_replica: bool },
    /// Target: hash a point again. Answer: `Verified`.
    VerifyPoint { op: Op, item: ItemId, point: PointId },
    /// A picture of a console. Answer: `Picture`.
    ConsolePicture { item: ItemId, test: Option<TestId> },
    /// A machine's power, unless it is fenced. Answer: `Done`.
    Power { op: Op, machine: MachineId, action: PowerAction },
    /// The answer to an item that waits (see [`AgentReport::waiting`]): under this epoch the host still has the right
    /// to run the machine. Never said while a job moves it. Answer: `Done`.
    MayRun { item: ItemId, epoch: Epoch },
    /// The vault's list of revoked certificates, which agents may talk to this one, and where the engine is to be
    /// looked for from now on (nothing: where it was). Answer: `Done`.
    Trust {
        crl_pem: String,
        peers: Vec<AgentId>,
        #[serde(default)]
        engine_addresses: Vec<String>,
    },
    /// Stop working on this operation if that is still possible. Answer: `Done`.
    CancelOp { op: Op },
}

/// Agent to engine: what came of a request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Response {
    /// It is done (or was before).
    Done,
    /// Everything the agent knows.
    Report(Box<AgentReport>),
    /// The copy is complete and deltas flow.
    InSync { proof: InSync, sent_bytes: u64 },
    /// A cycle's point.
    Point { point: PointId, instant: Moment, sent_bytes: u64 },
    /// The source takes no more writes.
    Quiesced { proof: SourceQuiesced },
    /// Nothing is left at the source.
    FinalSync { proof: FinalSyncDone, instant: Moment, sent_bytes: u64 },
    /// The source cannot write any more. `ran`: its machine ran until then, and what it wrote last is at no other host.
    Fenced {
        proof: FenceProof,
        #[serde(default)]
        ran: bool,
    },
    /// The machine's process runs.
    Started { point: PointId, ours_ms: f64, hypervisor_ms: f64, reach: Vec<Forward> },
    /// The guest answered.
    Booted { secs: f64, how: Message },
    /// The point's bytes have the digests they were sealed with; those of adopted disks have none, and were only read.
    Verified {
        point: PointId,
        bytes: u64,
        #[serde(default)]
        uncompared_bytes: u64,
    },
    /// PNG.
    Picture { png_base64: String, at: Moment },
}

/// The answer to a request.
pub type Reply = Result<Response, Fault>;

/// The first thing an agent says on a control session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AgentHello {
    /// Its identity (the certificate decides; this must agree).
    pub agent: AgentId,
    /// Host name.
    pub host: String,
    /// Site name from its enrolment.
    pub site: String,
    /// Program version.
    pub version: String,
    /// Where it listens for replication.
    pub replication_addr: String,
}
/// Agent to engine, unasked: sent when something changed, and the report at least every few seconds as heartbeat.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Fact {
    /// Everything (first fact of a session; then as heartbeat).
    Report(Box<AgentReport>),
    /// One item has changed.
    Item(Box<ItemFacts>),
    /// One machine has changed.
    Machine(Box<MachineFacts>),
    /// Something a person should read in the events.
    Event {
        /// When.
        at: Moment,
        /// Item, if it concerns one.
        item: Option<ItemId>,
        /// To what.
        subject: String,
        /// What happened; the fault if it is one.
        what: Message,
        /// The failure behind it.
        fault: Option<Fault>,
    },
}

/// Everything an agent knows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AgentReport {
    /// The agent's clock.
    pub at: Moment,
    /// Hypervisor and version.
    pub hypervisor: String,
    /// Free bytes where replicas are kept.
    pub free_bytes: u64,
    /// Size of that file system.
    pub total_bytes: u64,
    /// End of its certificate.
    pub certificate_expires: Moment,
    /// Its machines.
    pub machines: Vec<MachineFacts>,
    /// Its items.
    pub items: Vec<ItemFacts>,
    /// Items whose machine it neither starts nor replicates before somebody who would know has said that it still may:
    /// [`Request::MayRun`]. Silence is no answer.
    #[serde(default)]
    pub waiting: Vec<ItemId>,
}

/// A machine on this host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MachineFacts {
    /// The machine.
    pub definition: MachineDefinition,
    /// Whether it runs.
    pub power: PowerState,
    /// Why it cannot be protected.
    pub not_protectable: Option<Message>,
    /// Where its guest can be reached from the host.
    pub reach: Vec<Forward>,
}

/// How replication does at the source.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Activity {
    /// Nothing to do (target, fenced, failed over).
    Idle,
    /// Waiting for the next cycle.
    Waiting,
    /// Waiting for its time to begin.
    Scheduled { at: Moment },
    /// The first full copy.
    Initial(Progress),
    /// A delta cycle.
    Cycle,
    /// Comparing and repairing.
    Resync(Progress),
    /// Paused by a person.
    Paused,
    /// Failed in a way that passes.
    Retrying { attempts: u32, next_at: Moment },
    /// Must be compared again, not begun.
    ResyncRequired { why: Message, scheduled_at: Option<Moment> },
    /// A person must act.
    Stopped,
}

/// A disk of an item at this host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DiskFacts {
    /// The disk.
    pub disk: DiskId,
    /// Source: changes are tracked.
    pub tracked: bool,
    /// Source: changed since the last cycle.
    pub dirty_bytes: u64,
    /// Source: in logs that the target does not have.
    pub log_bytes: u64,
    /// Target: bytes of all points.
    pub replica_bytes: u64,
    /// Initial replication or resynchronization of this disk.
    pub progress: Option<Progress>,
}

/// A test failover at this host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TestFacts {
    /// The test.
    pub test: TestId,
    /// Its point.
    pub point: PointId,
    /// Whether its machine runs.
    pub power: PowerState,
    /// Where its guest can be reached from the host.
    pub reach: Vec<Forward>,
}

/// An item at this host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ItemFacts {
    /// The item.
    pub item: ItemId,
    /// When this was true, by the agent's clock.
    pub at: Moment,
    /// What this host is to it.
    pub role: Role,
    /// The highest epoch this host has seen for it.
    pub epoch: Epoch,
    /// The revision of the assignment it holds.
    #[serde(default)]
    pub revision: u64,
    /// The machine on this host.
    pub power: PowerState,
    /// Fenced under a newer epoch than it last ran with.
    pub superseded: bool,
    /// How replication does.
    pub activity: Activity,
    /// The last failure, while it lasts.
    pub fault: Option<Fault>,
    /// Since when.
    pub fault_since: Option<Moment>,
    /// Source: the instant of the last acknowledged log. Target: of the newest point.
    pub synced_to: Option<Moment>,
    /// Source: last sequence acknowledged. Target: of the newest point.
    pub sequence: Sequence,
    /// Kind of the newest point.
    pub consistency: Option<Consistency>,
    /// Disks.
    pub disks: Vec<DiskFacts>,
    /// Target: points, newest first. A source sends none.
    pub points: Vec<PointSummary>,
    /// Target: tests.
    pub tests: Vec<TestFacts>,
    /// Source: cycles since the last fact, oldest first.
    pub cycles: Vec<CycleSample>,
    /// Source: 99th percentile of guest write latency in and outside cycles, milliseconds.
    pub guest_write_p99_ms: Option<(f32, f32)>,
}
