//! The nouns, rules and verbs of Leeward, and the read model the window draws from.
//!
//! No I/O, no clock, no randomness, no async, no egui: everything here is a value or a pure function,
//! so that every other crate can name it and every rule can be tested by a table.
//!
//! | file | noun |
//! |---|---|
//! | `ids`, `moment`, `side` | typed identifiers, instants, the two sides of an item |
//! | `machine`, `point`, `policy` | machines, recovery points, replication policies |
//! | `hours` | hours of the week, by the clock on a wall |
//! | `protection`, `evidence` | the state machine of protection and the proofs its arrows ask for |
//! | `verb`, `command`, `preview` | what can be done: declared, used, foreseen |
//! | `availability` | whether a verb may be used now, and the refusal |
//! | `health`, `retry` | the rules of health and of trying again |
//! | `job`, `fault` | what is being done, what went wrong |
//! | `snapshot`, `feed` | the read model, and the two ends a window holds |
//! | `text`, `amount` | messages by key, rendered from the message files; sizes and spans in them |

pub mod amount;
pub mod availability;
pub mod command;
pub mod evidence;
pub mod fault;
pub mod feed;
pub mod health;
pub mod hours;
pub mod ids;
pub mod job;
pub mod machine;
pub mod moment;
pub mod point;
pub mod policy;
pub mod preview;
pub mod protection;
pub mod retry;
pub mod side;
pub mod snapshot;
pub mod text;
pub mod verb;

pub use command::{Accepted, Command, CommandOutcome, MachineOn, Refusal, Start};
pub use evidence::{EvidenceMint, FenceProof, FinalSyncDone, InSync, SourceQuiesced};
pub use fault::{Fault, Recovery};
pub use feed::{CommandSink, SnapshotFeed};
pub use hours::{Day, Hours, WallTime};
pub use ids::*;
pub use job::{JobState, JobView, Phase, Progress, StepState, StepView};
pub use machine::{DiskDefinition, DiskFormat, Forward, MachineDefinition, Nic};
pub use moment::Moment;
pub use point::{Consistency, PointChoice, PointKind, PointSummary};
pub use policy::{BusyHours, CopyFrequency, PointsNeeded, ReplicationPolicy, Retention};
pub use preview::{Preview, PreviewStep};
pub use protection::{FailoverEvidence, FailoverKind, Protection, ProtectionName, SourceFence};
pub use side::{NetworkChoice, Place, Side};
pub use snapshot::*;
pub use text::{Arg, Message};
pub use verb::{Risk, Scope, Verb, VerbDecl};
