//! Jobs and steps as a person sees them. The engine folds declaration and journal into these; no other code
//! sets a status.

use crate::fault::Fault;
use crate::ids::{ItemId, JobId};
use crate::moment::Moment;
use crate::text::Message;
use crate::verb::Verb;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The part of a workflow a step belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Phase {
    /// Checks and preparations; nothing has changed for the guest.
    Prepare,
    /// The source stops.
    CutOver,
    /// The target starts.
    BringUp,
    /// Tidying.
    Settle,
}

/// Where a step stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Under way.
    Running,
    /// Failed in a way that passes; tried again.
    Retrying {
        /// How often it was tried.
        attempts: u32,
        /// When it is tried next.
        next_at: Moment,
    },
    /// Done.
    Done,
    /// Not needed here.
    Skipped {
        /// Why.
        why: Box<Message>,
    },
    /// Failed.
    Failed,
    /// Being taken back.
    Undoing,
    /// Taken back.
    Undone,
    /// Taking it back failed: a person must look.
    Stuck,
    /// Given up by cancel before it began.
    Cancelled,
}

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, strum::EnumIter)]
pub enum JobState {
    /// Waiting for its time or for a host.
    Waiting,
    /// Steps run.
    Running,
    /// Being taken back.
    Undoing,
    /// All steps done.
    Succeeded,
    /// A step failed; what could be taken back was.
    Failed,
    /// A person cancelled it; what could be taken back was.
    Cancelled,
    /// A person must look.
    Stuck,
}

impl JobState {
    /// Whether nothing more will happen by itself.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled | Self::Stuck)
    }
}

/// How far something long has come.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes done.
    pub done_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Bytes per second lately.
    pub rate_bytes_per_sec: u64,
    /// Seconds left, when it can be said.
    pub left_secs: Option<u64>,
}

impl Progress {
    /// Share done, 0.0 to 1.0.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share shown as a bar")]
    pub fn share(&self) -> f32 {
        if self.total_bytes == 0 {
            0.0
        } else {
            (self.done_bytes as f64 / self.total_bytes as f64).min(1.0) as f32
        }
    }
}

/// One step of a job. What few steps have is boxed: a window holds half a million of them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StepView {
    /// Declared id, unique within the workflow. Like the subject it is shared with the journal's record: a window holds
    /// hundreds of thousands of steps.
    pub id: Arc<str>,
    /// What it does.
    pub title: Message,
    /// Its phase.
    pub phase: Phase,
    /// What it concerns: a machine or host name.
    pub subject: Arc<str>,
    /// Where it stands.
    pub state: StepState,
    /// When it began.
    pub started: Option<Moment>,
    /// When it ended.
    pub ended: Option<Moment>,
    /// How far it is.
    pub progress: Option<Box<Progress>>,
    /// What it found or did: `Last record 1234`.
    pub note: Option<Box<Message>>,
}

/// One run of a workflow.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct JobView {
    /// Identity.
    pub id: JobId,
    /// The verb that began it.
    pub verb: Verb,
    /// The item it concerns.
    pub item: Option<ItemId>,
    /// The item's or server's name.
    pub subject: Arc<str>,
    /// Who asked for it.
    pub by: Arc<str>,
    /// Where it stands.
    pub state: JobState,
    /// When it was accepted.
    pub started: Moment,
    /// When it ended.
    pub ended: Option<Moment>,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// Why it failed.
    pub fault: Option<Box<Fault>>,
    /// Share of the declared weight that is done, 0.0 to 1.0.
    pub share: f32,
    /// Whether it can be cancelled now; else why not.
    pub cancel: Option<Message>,
    /// Whether it can be restarted now; else why not.
    pub restart: Option<Message>,
}
