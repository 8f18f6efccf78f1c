//! What can go wrong between two programs, in the words of the one who wanted something. One type for the crate:
//! a caller must be able to tell "try again" from "a person must act" whatever layer failed.

use leeward_model::{Fault, Message, Recovery};
use std::io;
use std::path::{Path, PathBuf};

/// Whose certificate it is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Whose {
    /// The one this program shows; the other side refused it.
    Ours,
    /// The one the other side shows; this program refused it.
    Theirs,
}

/// A failure between two programs. `peer` is the other side as a person knows it: an address or an identity.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// Nobody accepts connections there, or there is no way to it.
    #[error("{peer} does not accept connections: {detail}")]
    Refused { peer: String, detail: String },
    /// The name means no address.
    #[error("the address of {peer} could not be found: {detail}")]
    Unresolved { peer: String, detail: String },
    /// The other side said nothing in time.
    #[error("{peer} did not answer in time ({doing})")]
    TimedOut { peer: String, doing: &'static str },
    /// The connection ended in the middle.
    #[error("the connection to {peer} was cut: {detail}")]
    Cut { peer: String, detail: String },
    /// The other side ended the session in good order.
    #[error("{peer} ended the session: {}", why.key)]
    Ended { peer: String, why: Message },
    /// This side ended the session.
    #[error("the session with {peer} was ended here")]
    EndedHere { peer: String },
    /// A certificate that the vault has not issued.
    #[error("a certificate of another vault ({whose:?}) between us and {peer}: {detail}")]
    WrongCertificate { peer: String, whose: Whose, detail: String },
    /// A certificate past its end.
    #[error("an expired certificate ({whose:?}) between us and {peer}: {detail}")]
    Expired { peer: String, whose: Whose, detail: String },
    /// A certificate whose time has not come: one of the two clocks is wrong.
    #[error("a certificate from the future ({whose:?}) between us and {peer}: {detail}")]
    NotYetValid { peer: String, whose: Whose, detail: String },
    /// A certificate the vault has revoked.
    #[error("a revoked certificate ({whose:?}) between us and {peer}")]
    Revoked { peer: String, whose: Whose },
    /// No certificate was shown.
    #[error("no certificate ({whose:?}) between us and {peer}")]
    NoCertificate { peer: String, whose: Whose },
    /// A party of the vault, but not the one that belongs there.
    #[error("{peer} is {found}, not {wanted}")]
    NotOurPeer { peer: String, wanted: String, found: String },
    /// The other side does not want this party.
    #[error("{peer} turned us away: {}", why.key)]
    TurnedAway { peer: String, why: Message },
    /// The two programs have no version of the conversation in common.
    #[error("{peer} speaks versions {theirs:?}, this program {ours:?}")]
    Version { peer: String, ours: Vec<u32>, theirs: Vec<u32> },
    /// The other side sent what cannot be understood.
    #[error("{peer} sent a bad frame: {detail}")]
    BadFrame { peer: String, detail: String },
    /// The other side gave no answer to one request, and the session goes on.
    #[error("{peer} left a request without an answer: {detail}")]
    Unanswered { peer: String, detail: String },
    /// This side wanted to send more than a frame holds.
    #[error("a message of {size_bytes} bytes to {peer}; at most {most_bytes} go into a frame")]
    TooLong { peer: String, size_bytes: usize, most_bytes: usize },
    /// The proxy wants credentials, or others.
    #[error("the proxy {proxy} wants credentials: {detail}")]
    ProxyCredentials { proxy: String, missing: bool, detail: String },
    /// The proxy does not let us through.
    #[error("the proxy {proxy} does not connect to {peer}: {detail}")]
    ProxyRefused { proxy: String, peer: String, detail: String },
    /// Anything else TLS says.
    #[error("no secure connection with {peer}: {detail}")]
    Tls { peer: String, detail: String },
    /// Certificates or keys on this side that cannot be used.
    #[error("{what} cannot be used: {detail}")]
    Credential { what: String, detail: String },
    /// A file on this side.
    #[error("could not {action} {path}: {detail}", path = path.display())]
    File { action: &'static str, path: PathBuf, detail: String },
}

impl LinkError {
    pub(crate) fn file(action: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::File { action, path: path.to_owned(), detail: error.to_string() }
    }

    pub(crate) fn credential(what: impl Into<String>, detail: impl ToString) -> Self {
        Self::Credential { what: what.into(), detail: detail.to_string() }
    }

    pub(crate) fn bad_frame(peer: &str, detail: impl ToString) -> Self {
        Self::BadFrame { peer: peer.to_owned(), detail: detail.to_string() }
    }

    pub(crate) fn cut(peer: &str, detail: impl ToString) -> Self {
        Self::Cut { peer: peer.to_owned(), detail: detail.to_string() }
    }

    /// Whether it may pass by itself.
    #[must_use]
    pub const fn recovery(&self) -> Recovery {
        match self {
            Self::Refused { .. }
            | Self::Unresolved { .. }
            | Self::TimedOut { .. }
            | Self::Cut { .. }
            | Self::Ended { .. }
            | Self::EndedHere { .. }
            | Self::Unanswered { .. }
            | Self::ProxyRefused { .. } => Recovery::Retries,
            _ => Recovery::NeedsPerson,
        }
    }

    /// As a fault with causes and an action.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let mut fault = Fault::new(self.code(), &self.subject(), self.detail(), self.recovery());
        match self {
            Self::Ended { why, .. } | Self::TurnedAway { why, .. } => fault.causes = vec![why.clone()],
            Self::NotOurPeer { wanted, found, .. } => {
                for message in fault.causes.iter_mut() {
                    *message = message.clone().with("wanted", wanted).with("found", found);
                }
            }
            _ => {}
        }
        fault
    }

    /// The sentence alone, for places that show one line.
    #[must_use]
    pub fn message(&self) -> Message {
        self.fault().what
    }

    /// Stable code; the key of its sentences.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        use Whose::{Ours, Theirs};
        match self {
            Self::Refused { .. } => "link-refused",
            Self::Unresolved { .. } => "link-unresolved",
            Self::TimedOut { .. } => "link-timed-out",
            Self::Cut { .. } => "link-cut",
            Self::Ended { .. } => "link-ended",
            Self::EndedHere { .. } => "link-ended-here",
            Self::WrongCertificate { whose: Ours, .. } => "link-wrong-certificate-ours",
            Self::WrongCertificate { whose: Theirs, .. } => "link-wrong-certificate-theirs",
            Self::Expired { whose: Ours, .. } => "link-expired-ours",
            Self::Expired { whose: Theirs, .. } => "link-expired-theirs",
            Self::NotYetValid { .. } => "link-not-yet-valid",
            Self::Revoked { whose: Ours, .. } => "link-revoked-ours",
            Self::Revoked { whose: Theirs, .. } => "link-revoked-theirs",
            Self::NoCertificate { .. } => "link-no-certificate",
            Self::NotOurPeer { .. } => "link-not-our-peer",
            Self::TurnedAway { .. } => "link-turned-away",
            Self::Version { .. } => "link-version",
            Self::BadFrame { .. } => "link-bad-frame",
            Self::Unanswered { .. } => "link-unanswered",
            Self::TooLong { .. } => "link-too-long",
            Self::ProxyCredentials { missing: true, .. } => "link-proxy-credentials-missing",
            Self::ProxyCredentials { missing: false, .. } => "link-proxy-credentials-wrong",
            Self::ProxyRefused { .. } => "link-proxy-refused",
            Self::Tls { .. } => "link-tls",
            Self::Credential { .. } => "link-credential",
            Self::File { .. } => "link-file",
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Refused { peer, .. }
            | Self::Unresolved { peer, .. }
            | Self::TimedOut { peer, .. }
            | Self::Cut { peer, .. }
            | Self::Ended { peer, .. }
            | Self::EndedHere { peer }
            | Self::WrongCertificate { peer, .. }
            | Self::Expired { peer, .. }
            | Self::NotYetValid { peer, .. }
            | Self::Revoked { peer, .. }
            | Self::NoCertificate { peer, .. }
            | Self::NotOurPeer { peer, .. }
            | Self::TurnedAway { peer, .. }
            | Self::Version { peer, .. }
            | Self::BadFrame { peer, .. }
            | Self::Unanswered { peer, .. }
            | Self::TooLong { peer, .. }
            | Self::Tls { peer, .. } => peer.clone(),
            Self::ProxyCredentials { proxy, .. } | Self::ProxyRefused { proxy, .. } => proxy.clone(),
            Self::Credential { what, .. } => what.clone(),
            Self::File { path, .. } => path.display().to_string(),
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Refused { detail, .. }
            | Self::Unresolved { detail, .. }
            | Self::Cut { detail, .. }
            | Self::WrongCertificate { detail, .. }
            | Self::Expired { detail, .. }
            | Self::NotYetValid { detail, .. }
            | Self::BadFrame { detail, .. }
            | Self::Unanswered { detail, .. }
            | Self::ProxyCredentials { detail, .. }
            | Self::ProxyRefused { detail, .. }
            | Self::Tls { detail, .. }
            | Self::Credential { detail, .. }
            | Self::File { detail, .. } => detail.clone(),
            Self::TimedOut { doing, .. } => (*doing).to_owned(),
            Self::Ended { .. }
            | Self::EndedHere { .. }
            | Self::Revoked { .. }
            | Self::NoCertificate { .. } => String::new(),
            Self::NotOurPeer { .. }
            | Self::TurnedAway { .. }
            | Self::Version { .. }
            | Self::TooLong { .. } => self.to_string(),
        }
    }
}
