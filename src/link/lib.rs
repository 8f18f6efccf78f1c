//! What the programs say to each other: who they are, how they prove it, and the wires between them. Knows no
//! machine, no item, no workflow; `messages` alone speaks of those.
//!
//! | room | what is in it |
//! |---|---|
//! | `authority`, `certificate`, `identity` | who is who in a vault: issued, read, named |
//! | `registration_key`, `enrol` | how a host becomes part of a vault, and how its certificate is renewed |
//! | `tls` | both sides prove themselves; failures in words |
//! | `control` | framed sessions: requests both ways, notices, life signs, reconnecting |
//! | `bulk` | the blocking stream that carries replicated bytes |
//! | `proxy` | the way out through an HTTP proxy |
//! | `messages` | what the engine asks and agents answer |
//! | `foreign` | every reader of what strangers send, for tests |
//! | `clock`, `secret`, `private_file`, `error` | time as it is given, text nobody prints, files nobody else reads, failures |

pub mod authority;
pub mod bulk;
pub mod certificate;
pub mod clock;
pub mod control;
pub mod enrol;
#[expect(missing_docs, reason = "fields repeat what their variants document")]
pub mod error;
pub mod foreign;
pub mod identity;
#[expect(missing_docs, reason = "fields are named by the model's nouns; every variant says what it is")]
pub mod messages;
pub mod private_file;
pub mod proxy;
pub mod registration_key;
pub mod secret;
pub mod tls;

pub use authority::{AgentRequest, Authority};
pub use certificate::{CertificateFacts, Credential, needs_rotation};
pub use clock::Clock;
pub use enrol::{EnrolError, Enrolment, HostDescription, HostIdentity, KnownTrust};
pub use error::{LinkError, Whose};
pub use identity::{Identity, Party, Wanted};
pub use proxy::{Proxy, ProxyCredentials};
pub use registration_key::{KeyError, NewKey, RegistrationKey};
pub use secret::Secret;
pub use tls::{Protocol, Trust};
