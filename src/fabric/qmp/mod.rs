//! QEMU's control protocol (QMP), our own small client: a line at a time, replies by id, events apart.
//! Own code because generated clients bind the product to one schema, and 7.2 does not match theirs.
//!
//! | file | noun |
//! |---|---|
//! | `line` | bytes to lines, lines to messages; bounded, strict; what the fuzzer throws bytes at |
//! | `connection` | one connection: a reader thread, waiting replies |
//! | `monitor` | the channel to one QEMU, which reconnects and hands out events |

pub(crate) mod connection;
mod line;
mod monitor;

pub use line::{LINE_BYTES_MAX, LineReader, QmpEvent, QmpMessage, parse};
pub use monitor::{Monitor, Note};

/// Failures of the control channel.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum QmpError {
    /// No connection to the socket.
    #[error("no connection to {path}: {reason}")]
    Connect {
        /// The socket.
        path: String,
        /// The system's answer.
        reason: String,
    },
    /// The connection ended before the reply.
    #[error("the connection ended during {command}")]
    Lost {
        /// The command that waited.
        command: String,
    },
    /// No reply in time. The command may still be carried out.
    #[error("no reply to {command} within {limit_millis} ms")]
    Timeout {
        /// The command that waited.
        command: String,
        /// How long, in milliseconds.
        limit_millis: u64,
    },
    /// QEMU refused the command.
    #[error("{command} was refused: {reason}")]
    Refused {
        /// The command.
        command: String,
        /// QEMU's own words.
        reason: String,
    },
    /// What came is not the protocol.
    #[error("not the control protocol: {reason}")]
    Protocol {
        /// What is wrong with it.
        reason: String,
    },
}
