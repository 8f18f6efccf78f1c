//! How a host becomes part of a vault, and how its certificate is renewed: one question and one answer on a
//! connection of its own. The key never leaves the host, and who gets a certificate is decided by whoever runs
//! the engine. Apart from `control`, whose sessions are for those who are in.
//!
//! | file | what it is |
//! |---|---|
//! | `mod` | the question and the answer |
//! | `server` | the engine's side |
//! | `client` | the host's side |
//! | `host_identity` | what a host keeps |

mod client;
mod host_identity;
mod server;

pub use client::{EnrolError, Enrolment, HostDescription, renew};
pub use host_identity::{HostIdentity, KnownTrust};
pub use server::{Ask, serve};

use crate::authority::Former;
use leeward_model::{AgentId, Message};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest question or answer.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long the other side may say nothing. The engine may have to write to a slow disk first.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a host asks.
#[derive(Serialize, Deserialize)]
pub(crate) enum Question {
    /// To be enrolled, with a registration key; `former` proves which agent it was, when it was one.
    Enrol {
        host: HostDescription,
        csr_pem: String,
        #[serde(default)]
        former: Option<Former>,
    },
    /// To have its certificate renewed.
    Renew { host: HostDescription, csr_pem: String },
}

/// What the engine answers.
#[derive(Serialize, Deserialize)]
pub(crate) enum Answer {
    /// A certificate, and what is needed besides.
    Granted { agent: AgentId, certificate_pem: String, crl_pem: String, engine_addresses: Vec<String> },
    /// Why not.
    Refused { why: Message },
}
