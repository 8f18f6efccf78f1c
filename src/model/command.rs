//! A command: one use of a verb with its arguments, and what comes back. Apart from `verb`, which declares.

use crate::fault::Fault;
use crate::ids::*;
use crate::moment::Moment;
use crate::point::PointChoice;
use crate::policy::ReplicationPolicy;
use crate::side::NetworkChoice;
use crate::text::Message;
use crate::verb::Verb;
use serde::{Deserialize, Serialize};

/// When the initial replication or a resynchronization begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Start {
    /// At once.
    Now,
    /// Not before this instant.
    At(Moment),
}

/// A machine on one host. After a failover the same machine may be on two hosts: its id alone does not say which
/// copy is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct MachineOn {
    /// The host's agent.
    pub agent: AgentId,
    /// The machine.
    pub machine: MachineId,
}

/// What a person asks the engine to do.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is documented by its verb; fields are named by the nouns")]
pub enum Command {
    MakeRegistrationKey {
        site: String,
    },
    RevokeRegistrationKey {
        key: KeyId,
    },
    RemoveServer {
        agent: AgentId,
    },
    /// The id is chosen by the caller, so that sending it twice creates one.
    CreatePolicy {
        policy: ReplicationPolicy,
    },
    EditPolicy {
        policy: ReplicationPolicy,
    },
    DeletePolicy {
        policy: PolicyId,
    },
    AssociatePolicy {
        items: Vec<ItemId>,
        policy: PolicyId,
    },
    StartMachine {
        machine: MachineOn,
    },
    ShutDownMachine {
        machine: MachineOn,
    },
    PowerOffMachine {
        machine: MachineOn,
    },
    EnableReplication {
        machines: Vec<MachineOn>,
        target: AgentId,
        policy: PolicyId,
        start: Start,
    },
    DisableReplication {
        item: ItemId,
        delete_replica: bool,
    },
    PauseReplication {
        item: ItemId,
    },
    ResumeReplication {
        item: ItemId,
    },
    SyncNow {
        item: ItemId,
    },
    /// No disks named: all of them.
    Resynchronize {
        item: ItemId,
        disks: Vec<DiskId>,
        start: Start,
    },
    VerifyPoint {
        item: ItemId,
        point: PointId,
    },
    TestFailover {
        item: ItemId,
        point: PointChoice,
        network: NetworkChoice,
    },
    CleanUpTestFailover {
        item: ItemId,
        test: TestId,
        notes: String,
    },
    PlannedFailover {
        item: ItemId,
    },
    Failover {
        item: ItemId,
        point: PointChoice,
        shut_down_source: bool,
    },
    ChangeRecoveryPoint {
        item: ItemId,
        point: PointId,
    },
    Commit {
        item: ItemId,
    },
    ReverseReplicate {
        item: ItemId,
    },
    DiscardSource {
        item: ItemId,
    },
    ConsolePicture {
        item: ItemId,
        test: Option<TestId>,
    },
    CancelJob {
        job: JobId,
    },
    RestartJob {
        job: JobId,
    },
}

impl Command {
    /// The one item it is about; none when it is about something else, or about several.
    #[must_use]
    pub const fn item(&self) -> Option<ItemId> {
        match self {
            Self::DisableReplication { item, .. }
            | Self::PauseReplication { item }
            | Self::ResumeReplication { item }
            | Self::SyncNow { item }
            | Self::Resynchronize { item, .. }
            | Self::VerifyPoint { item, .. }
            | Self::TestFailover { item, .. }
            | Self::CleanUpTestFailover { item, .. }
            | Self::PlannedFailover { item }
            | Self::Failover { item, .. }
            | Self::ChangeRecoveryPoint { item, .. }
            | Self::Commit { item }
            | Self::ReverseReplicate { item }
            | Self::DiscardSource { item }
            | Self::ConsolePicture { item, .. } => Some(*item),
            _ => None,
        }
    }

    /// The verb it uses.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::MakeRegistrationKey { .. } => Verb::MakeRegistrationKey,
            Self::RevokeRegistrationKey { .. } => Verb::RevokeRegistrationKey,
            Self::RemoveServer { .. } => Verb::RemoveServer,
            Self::CreatePolicy { .. } => Verb::CreatePolicy,
            Self::EditPolicy { .. } => Verb::EditPolicy,
            Self::DeletePolicy { .. } => Verb::DeletePolicy,
            Self::AssociatePolicy { .. } => Verb::AssociatePolicy,
            Self::StartMachine { .. } => Verb::StartMachine,
            Self::ShutDownMachine { .. } => Verb::ShutDownMachine,
            Self::PowerOffMachine { .. } => Verb::PowerOffMachine,
            Self::EnableReplication { .. } => Verb::EnableReplication,
            Self::DisableReplication { .. } => Verb::DisableReplication,
            Self::PauseReplication { .. } => Verb::PauseReplication,
            Self::ResumeReplication { .. } => Verb::ResumeReplication,
            Self::SyncNow { .. } => Verb::SyncNow,
            Self::Resynchronize { .. } => Verb::Resynchronize,
            Self::VerifyPoint { .. } => Verb::VerifyPoint,
            Self::TestFailover { .. } => Verb::TestFailover,
            Self::CleanUpTestFailover { .. } => Verb::CleanUpTestFailover,
            Self::PlannedFailover { .. } => Verb::PlannedFailover,
            Self::Failover { .. } => Verb::Failover,
            Self::ChangeRecoveryPoint { .. } => Verb::ChangeRecoveryPoint,
            Self::Commit { .. } => Verb::Commit,
            Self::ReverseReplicate { .. } => Verb::ReverseReplicate,
            Self::DiscardSource { .. } => Verb::DiscardSource,
            Self::ConsolePicture { .. } => Verb::ConsolePicture,
            Self::CancelJob { .. } => Verb::CancelJob,
            Self::RestartJob { .. } => Verb::RestartJob,
        }
    }
}

/// The user asked for something that is not allowed now.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// Why, in the same words everywhere.
    pub why: Message,
    /// The verb that would help, if there is one.
    pub helps: Option<Verb>,
}

/// What an accepted command gave at once.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Accepted {
    /// Done; nothing more to wait for.
    Done,
    /// Jobs that now run.
    Jobs(Vec<JobId>),
    /// A registration key: the whole text of its file. A secret: never stored, logged or audited.
    RegistrationKey {
        /// Its id.
        key: KeyId,
        /// What to write into the file.
        file_text: String,
    },
    /// The picture of a console (PNG).
    Picture {
        /// PNG bytes.
        png: Vec<u8>,
        /// When it was taken.
        at: Moment,
    },
}

/// What becomes of a command.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum CommandOutcome {
    /// Accepted; effects have begun or are done.
    Accepted(Accepted),
    /// Refused; nothing happened.
    Refused(Refusal),
    /// Accepted, but the world failed while it was carried out at once.
    Failed(Box<Fault>),
}
