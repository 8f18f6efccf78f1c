//! The stream between agents that carries the replicated bytes: blocking, on threads of its own, so that nothing
//! stands between the disk and the wire. Apart from `control`, whose sessions carry small messages.
//!
//! | file | what it is |
//! |---|---|
//! | `stream` | reading and writing, cutting, reading and writing on two threads |
//! | `dial` | towards another agent |
//! | `listener` | from other agents |
//! | `hello` | sixteen bytes each way before the first byte of content |

mod dial;
pub mod hello;
mod listener;
mod stream;

pub use dial::bulk_dial;
pub use listener::{Allowed, BulkListener, OnStream};
pub use stream::{BulkReader, BulkStream, BulkWriter, Cutter};

use std::time::Duration;

/// Bounds of bulk streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BulkOptions {
    /// How long connecting may take, and the handshake with the hello again as long.
    pub patience: Duration,
    /// How long a read may wait for the other side. None waits for ever.
    pub read_timeout: Option<Duration>,
    /// How long a write may wait for the other side.
    pub write_timeout: Option<Duration>,
    /// Connections at once, those in their handshake included.
    pub streams_max: usize,
}

impl Default for BulkOptions {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(10),
            read_timeout: Some(Duration::from_secs(60)),
            write_timeout: Some(Duration::from_secs(60)),
            streams_max: 256,
        }
    }
}
