//! What can go wrong with logs, replicas and their exchange. One type, because who acts next follows from what
//! happened, not from where.

use leeward_model::fault::{Fault, Recovery};
use leeward_model::{Epoch, Sequence};
use std::io;
use std::path::{Path, PathBuf};

/// A failure of logs, replicas or their exchange.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicationError {
    /// A file operation failed.
    #[error("could not {action} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file system is full.
    #[error("no space left for {}", path.display())]
    NoSpace {
        /// The file that did not fit.
        path: PathBuf,
    },
    /// A file is not what it should be.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Bytes that arrived have another fingerprint than they were sealed with.
    #[error("block {block} arrived with other bytes than were sealed")]
    Corrupted {
        /// The block.
        block: u64,
    },
    /// It belongs to another item, disk or size.
    #[error("it does not belong here: {what}")]
    Foreign {
        /// What is foreign about it.
        what: String,
    },
    /// It was written under an older right to write.
    #[error("written under epoch {asked}, known is {known}")]
    OlderEpoch {
        /// Of the log.
        asked: Epoch,
        /// Known here.
        known: Epoch,
    },
    /// A log of this number is held, with other content.
    #[error("log {sequence} has come before with other content")]
    Replayed {
        /// Its number.
        sequence: Sequence,
    },
    /// The log does not follow what is held.
    #[error("the log follows {got}, held is {have}")]
    Gap {
        /// Held.
        have: Sequence,
        /// What the log follows.
        got: Sequence,
    },
    /// The other side does not keep to the conversation.
    #[error("the other side does not keep to the conversation: {reason}")]
    Protocol {
        /// How.
        reason: String,
    },
    /// The other side has refused.
    #[error("refused by the other side: {}", fault.code)]
    Refused {
        /// Its reason.
        fault: Box<Fault>,
    },
    /// The store takes no logs: its machine has been failed over.
    #[error("the replica takes no more logs")]
    Closed {},
    /// Another exchange about the same item runs.
    #[error("another exchange about this item is under way")]
    Busy {},
    /// There is no such recovery point.
    #[error("no such recovery point")]
    NoPoint {},
    /// Another process uses the store.
    #[error("{} is used by another process", path.display())]
    Locked {
        /// The store's folder.
        path: PathBuf,
    },
    /// Somebody wanted it to stop.
    #[error("cancelled")]
    Cancelled {},
    /// The connection ended.
    #[error("the connection was cut: {source}")]
    Cut {
        /// How.
        source: io::Error,
    },
}

/// What fails here.
pub type Result<T> = std::result::Result<T, ReplicationError>;

impl ReplicationError {
    /// Makes a file error; a full file system is told apart.
    pub fn file<'a>(action: &'static str, path: impl Into<&'a Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into().to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { path },
            _ => Self::File { action, path, source },
        }
    }

    pub(crate) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn protocol(reason: impl Into<String>) -> Self {
        Self::Protocol { reason: reason.into() }
    }

    /// Whether the replica can only be repaired by a comparison.
    #[must_use]
    pub const fn needs_resync(&self) -> bool {
        matches!(self, Self::Gap { .. } | Self::Replayed { .. } | Self::Corrupted { .. })
    }

    /// Who acts next.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::NoSpace { .. }
            | Self::Busy {}
            | Self::Cut { .. }
            | Self::Cancelled {}
            | Self::Corrupted { .. }
            | Self::Gap { .. }
            | Self::Replayed { .. }
            | Self::Locked { .. } => Recovery::Retries,
            // These do not get better by themselves; a disk or network that hiccups does.
            Self::File { source, .. } => match source.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::ReadOnlyFilesystem
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::Unsupported => Recovery::NeedsPerson,
                _ => Recovery::Retries,
            },
            Self::Refused { fault } => fault.recovery,
            _ => Recovery::NeedsPerson,
        }
    }

    /// The failure's stable code, also the key of its sentences.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "replication-file",
            Self::NoSpace { .. } => "replication-no-space",
            Self::Damaged { .. } => "replication-damaged",
            Self::Corrupted { .. } => "replication-corrupted",
            Self::Foreign { .. } => "replication-foreign",
            Self::OlderEpoch { .. } => "replication-older-epoch",
            Self::Replayed { .. } => "replication-replayed",
            Self::Gap { .. } => "replication-gap",
            Self::Protocol { .. } => "replication-protocol",
            Self::Refused { .. } => "replication-refused",
            Self::Closed {} => "replication-closed",
            Self::Busy {} => "replication-busy",
            Self::NoPoint {} => "replication-no-point",
            Self::Locked { .. } => "replication-locked",
            Self::Cancelled {} => "replication-cancelled",
            Self::Cut { .. } => "replication-cut",
        }
    }

    /// As a person reads it. `subject` is the machine as a person knows it.
    #[must_use]
    pub fn fault(&self, subject: &str) -> Fault {
        match self {
            Self::Refused { fault } => (**fault).clone(),
            _ => Fault::new(self.code(), subject, self.to_string(), self.recovery()),
        }
    }
}
