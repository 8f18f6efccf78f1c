//! What an attached window or command line and the engine say to each other: frames of JSON over TLS, with an
//! operator's certificate. Apart from `delta`, which says how a snapshot travels.

use super::delta::Delta;
use leeward_model::{Command, CommandOutcome, Preview, ReceiptId};
use serde::{Deserialize, Serialize};

/// The version of this conversation. A program of another version is refused in a sentence.
pub(crate) const VERSION: u32 = 2;

/// Operator to engine.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// The first thing said. `by` is who sits there, for the audit; the certificate says whether they may.
    Hello { version: u32, program: String, by: String },
    /// Gives a command. The receipt is chosen by the sender, so that sending it again after a reconnect is the
    /// same command, not a second one.
    Submit { receipt: ReceiptId, command: Box<Command> },
    /// The outcome has arrived and may be forgotten.
    Took { receipt: ReceiptId },
    /// Asks what a command would do.
    Preview { number: u64, command: Box<Command> },
    /// Asks for the whole snapshot, because a delta did not fit.
    Whole,
}

/// Engine to operator.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) enum Tell {
    /// The conversation may go on.
    Welcome { version: u32, program: String },
    /// What became of a command.
    Outcome { receipt: ReceiptId, outcome: CommandOutcome },
    /// The preview that was asked for.
    Preview { number: u64, preview: Box<Preview> },
    /// The world has changed.
    Snapshot(Box<Delta>),
    /// The engine ends.
    Farewell,
}
