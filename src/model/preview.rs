//! What a command would do, before it does it: the dialog's "what will happen" and "what could be lost".

use crate::command::Refusal;
use crate::job::Phase;
use crate::text::Message;
use serde::{Deserialize, Serialize};

/// One declared step, before the run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PreviewStep {
    /// What it does.
    pub title: Message,
    /// Its phase.
    pub phase: Phase,
    /// What it concerns.
    pub subject: String,
    /// Estimate in seconds from earlier runs or declared weight.
    pub estimate_secs: Option<f32>,
}

/// The preview of a command.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Preview {
    /// Why it would be refused.
    pub refused: Option<Refusal>,
    /// The steps of the workflow, in order; empty for verbs without one.
    pub steps: Vec<PreviewStep>,
    /// What could be lost, in sentences; empty when nothing can be.
    pub losses: Vec<Message>,
    /// What a person should know although nothing is lost.
    pub notes: Vec<Message>,
}
