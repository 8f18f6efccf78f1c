//! The nouns, rules and verbs of Leeward, and the read model the window draws from.
//!
//! No I/O, no clock, no randomness, no async, no egui: everything here is a value or a pure function,
//! so that every other crate can name it and every rule can be tested by a table.
//!
//! | file | noun |
//! |---|---|
//! | `ids` | typed identifiers |
//! | `moment` | an instant (milliseconds UTC) and spans |
//! | `machine` | what a hypervisor is told about a machine |
//! | `policy` | replication policy: copy frequency, retention |
//! | `text` | messages by key, rendered from the message files |

pub mod ids;
pub mod machine;
pub mod moment;
pub mod policy;
pub mod text;

pub use ids::*;
pub use machine::{DiskDefinition, DiskFormat, Forward, MachineDefinition, Nic};
pub use moment::Moment;
pub use policy::{CopyFrequency, ReplicationPolicy, Retention};
pub use text::{Arg, Message};
