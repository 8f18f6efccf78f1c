//! What can go wrong with machines. One type for the crate, because a driver's failures must look alike to the
//! agent whatever hypervisor is behind them.

use crate::qmp::QmpError;
use leeward_model::fault::{Fault, Recovery};
use leeward_model::{DiskId, Epoch, Message};
use std::path::PathBuf;

/// A failure of a machine, its hypervisor or its folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FabricError {
    /// A file operation failed.
    #[error("could not {action} {path}: {source}")]
    File {
        /// What was tried, as a verb: `read`, `write`, `remove`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A record in the machine's folder cannot be understood.
    #[error("{path} is damaged or of another version: {reason}")]
    Record {
        /// The record.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A definition or request makes no sense.
    #[error("the request for {machine} cannot be carried out: {reason}")]
    Invalid {
        /// Name of the machine.
        machine: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The machine's process runs already.
    #[error("{machine} is already running (process {pid})")]
    AlreadyRunning {
        /// Name of the machine.
        machine: String,
        /// Its process.
        pid: u32,
    },
    /// A start of the machine is under way; it cannot be taken up before that is done.
    #[error("{machine} is being started")]
    Starting {
        /// Name of the machine.
        machine: String,
    },
    /// The machine's process does not run.
    #[error("{machine} is not running")]
    NotRunning {
        /// Name of the machine.
        machine: String,
    },
    /// A fence stands against starting it.
    #[error("{machine} is fenced through epoch {fenced}; a start under epoch {asked} is refused")]
    Fenced {
        /// Name of the machine.
        machine: String,
        /// The fence's epoch: this and all older ones are refused.
        fenced: Epoch,
        /// The epoch of the refused start.
        asked: Epoch,
    },
    /// QEMU ended before the machine was up.
    #[error("QEMU did not start {machine}: {reason}")]
    StartFailed {
        /// Name of the machine.
        machine: String,
        /// The last lines of QEMU's own log.
        reason: String,
    },
    /// The hypervisor's control channel failed or refused.
    #[error("the control channel of {machine} failed: {source}")]
    Control {
        /// Name of the machine.
        machine: String,
        /// What the channel said.
        source: QmpError,
    },
    /// The guest agent is silent or refused.
    #[error("the guest agent of {machine} did not {action}: {reason}")]
    GuestAgent {
        /// Name of the machine.
        machine: String,
        /// What was asked of it.
        action: &'static str,
        /// What it said, or that it said nothing.
        reason: String,
    },
    /// A tool (`qemu-img`) failed.
    #[error("{tool} failed on {path}: {reason}")]
    Tool {
        /// The program.
        tool: String,
        /// The file it worked on.
        path: PathBuf,
        /// Its own words.
        reason: String,
    },
    /// The machine has no such disk.
    #[error("{machine} has no disk {disk}")]
    NoSuchDisk {
        /// Name of the machine.
        machine: String,
        /// The disk asked for.
        disk: DiskId,
    },
    /// Changes of this disk are not tracked without a gap.
    #[error("changes of disk {disk} of {machine} are not tracked: {reason}")]
    NotTracked {
        /// Name of the machine.
        machine: String,
        /// Name of the disk.
        disk: String,
        /// Why.
        reason: String,
    },
    /// The disk is frozen; its changes go to an overlay until it is merged back.
    #[error("disk {disk} of {machine} is frozen for a copy; merge it back first")]
    Frozen {
        /// Name of the machine.
        machine: String,
        /// Name of the disk.
        disk: String,
    },
    /// An earlier capture waits for its owner to say what became of it.
    #[error("capture {sequence} of {machine} is not settled yet; seal its spools and settle it first")]
    Unsettled {
        /// Name of the machine.
        machine: String,
        /// The capture that waits.
        sequence: u64,
    },
    /// A block job failed; everything is as before it.
    #[error("{job} of {machine} failed: {reason}")]
    Job {
        /// Name of the machine.
        machine: String,
        /// What the job was for: `capture`, `merge`.
        job: &'static str,
        /// QEMU's own words.
        reason: String,
    },
    /// No room on the file system of the spool or the overlay.
    #[error("no space left for the {job} of {machine}: {reason}")]
    NoSpace {
        /// Name of the machine.
        machine: String,
        /// What needed it: `capture`, `merge`.
        job: &'static str,
        /// QEMU's own words.
        reason: String,
    },
    /// It did not happen in time; what that leaves is told.
    #[error("{machine} did not {action} within {limit_secs} s")]
    TooSlow {
        /// Name of the machine.
        machine: String,
        /// What was waited for.
        action: &'static str,
        /// How long, in seconds.
        limit_secs: u64,
    },
}

impl FabricError {
    /// A file failure.
    pub(crate) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { action, path, source }
    }

    /// Stable code for searching; also the stem of its sentences in the message files.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "fabric-file",
            Self::Record { .. } => "fabric-record-damaged",
            Self::Invalid { .. } => "fabric-request-invalid",
            Self::AlreadyRunning { .. } => "fabric-already-running",
            Self::Starting { .. } => "fabric-starting",
            Self::NotRunning { .. } => "fabric-not-running",
            Self::Fenced { .. } => "fabric-fenced",
            Self::StartFailed { .. } => "fabric-start-failed",
            Self::Control { .. } => "fabric-control-failed",
            Self::GuestAgent { .. } => "fabric-guest-agent",
            Self::Tool { .. } => "fabric-tool-failed",
            Self::NoSuchDisk { .. } => "fabric-no-such-disk",
            Self::NotTracked { .. } => "fabric-not-tracked",
            Self::Frozen { .. } => "fabric-disk-frozen",
            Self::Unsettled { .. } => "fabric-capture-unsettled",
            Self::Job { .. } => "fabric-job-failed",
            Self::NoSpace { .. } => "fabric-no-space",
            Self::TooSlow { .. } => "fabric-too-slow",
        }
    }

    /// Whether Leeward tries again by itself, or a person must act first.
    #[must_use]
    pub const fn recovery(&self) -> Recovery {
        match self {
            Self::Record { .. }
            | Self::Invalid { .. }
            | Self::Fenced { .. }
            | Self::StartFailed { .. }
            | Self::NoSuchDisk { .. }
            | Self::Tool { .. } => Recovery::NeedsPerson,
            _ => Recovery::Retries,
        }
    }

    /// The failure as a person needs it. `subject` is the machine or disk as a person knows it.
    #[must_use]
    pub fn fault(&self, subject: &str) -> Fault {
        let (what, cause, action) = self.keys();
        Fault {
            code: self.code().to_owned(),
            what: Message::new(what).with("subject", subject),
            subject: subject.to_owned(),
            causes: vec![Message::new(cause).with("subject", subject)],
            action: Message::new(action).with("subject", subject),
            detail: self.to_string(),
            recovery: self.recovery(),
        }
    }

    /// The three sentences: what failed, the likely cause, what to do.
    const fn keys(&self) -> (&'static str, &'static str, &'static str) {
        macro_rules! stem {
            ($stem:literal) => {
                ($stem, concat!($stem, "-cause"), concat!($stem, "-action"))
            };
        }
        match self {
            Self::File { .. } => stem!("fabric-file"),
            Self::Record { .. } => stem!("fabric-record-damaged"),
            Self::Invalid { .. } => stem!("fabric-request-invalid"),
            Self::AlreadyRunning { .. } => stem!("fabric-already-running"),
            Self::Starting { .. } => stem!("fabric-starting"),
            Self::NotRunning { .. } => stem!("fabric-not-running"),
            Self::Fenced { .. } => stem!("fabric-fenced"),
            Self::StartFailed { .. } => stem!("fabric-start-failed"),
            Self::Control { .. } => stem!("fabric-control-failed"),
            Self::GuestAgent { .. } => stem!("fabric-guest-agent"),
            Self::Tool { .. } => stem!("fabric-tool-failed"),
            Self::NoSuchDisk { .. } => stem!("fabric-no-such-disk"),
            Self::NotTracked { .. } => stem!("fabric-not-tracked"),
            Self::Frozen { .. } => stem!("fabric-disk-frozen"),
            Self::Unsettled { .. } => stem!("fabric-capture-unsettled"),
            Self::Job { .. } => stem!("fabric-job-failed"),
            Self::NoSpace { .. } => stem!("fabric-no-space"),
            Self::TooSlow { .. } => stem!("fabric-too-slow"),
        }
    }
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, FabricError>;
