//! Windows and command lines that are not in the engine's own process: they attach over TLS with an operator's
//! certificate and hold the same two traits, so that nobody who uses them knows the difference.
//!
//! | file | what it is |
//! |---|---|
//! | `messages`, `delta`, `frames` | what is said, how a snapshot travels, how it is framed |
//! | `server` | the engine's end |
//! | `client` | the far end |
//! | `credentials` | what the far end must have |

mod client;
mod credentials;
mod delta;
pub mod foreign;
mod frames;
mod messages;
mod server;

pub use client::Attached;
pub use credentials::Credentials;
pub(crate) use server::{Desk, serve};
