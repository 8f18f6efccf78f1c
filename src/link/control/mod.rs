//! Sessions between programs: connections that prove who is there, and on them framed requests, answers and
//! notices in both directions. Knows no message of ours: `messages` does, and `dialect` ties the two together.
//!
//! | file | what it is |
//! |---|---|
//! | `frame` | the bytes: length, kind, number, JSON |
//! | `session` | requests and answers, notices, life signs, the end |
//! | `opening` | the hello with versions, before a session begins |
//! | `dialect` | which types a side says |
//! | `connection` | dialling and accepting over TLS |
//! | `reconnect` | the loop that keeps a session up |

mod connection;
mod dialect;
pub mod frame;
mod opening;
mod reconnect;
mod session;

pub use connection::{Connection, Dialer, ListenOptions, listen};
pub use dialect::{AgentSays, AgentSession, Dialect, EngineSays, EngineSession, Never};
pub use opening::Pace;
pub(crate) use opening::{hello_example, hello_is_read};
pub use reconnect::{Addresses, Backoff, LinkState, Reconnect};
pub use session::{Heard, Incoming, Reply, Session};
