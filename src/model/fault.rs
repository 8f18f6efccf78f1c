//! What went wrong, as a person needs it: what failed, on what, possible causes, recommended action.

use crate::text::Message;
use serde::{Deserialize, Serialize};

/// Who acts next.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Recovery {
    /// Leeward tries again by itself (network, disk full, memory).
    Retries,
    /// A person must act first (authentication, authorisation, broken chain, machine not found).
    NeedsPerson,
}

/// A failure of the world, ready to be shown.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Fault {
    /// Stable code for searching: `replication-target-disk-full`. Also the key of its sentences.
    pub code: String,
    /// What failed.
    pub what: Message,
    /// On what: a machine, disk, host or file as a person knows it.
    pub subject: String,
    /// Possible causes, most likely first.
    pub causes: Vec<Message>,
    /// Recommended action.
    pub action: Message,
    /// Lower-level text for support (error chain), paths last. Never secrets.
    pub detail: String,
    /// Who acts next.
    pub recovery: Recovery,
}

impl Fault {
    /// A failure whose sentences stand in the message files under its code: `<code>`, `<code>-cause` (if there is
    /// one) and `<code>-action`. Each of them may use `$subject`.
    #[must_use]
    pub fn new(code: &'static str, subject: &str, detail: String, recovery: Recovery) -> Self {
        let message =
            |key: String| Message { key: key.into(), args: Default::default() }.with("subject", subject);
        let cause = format!("{code}-cause");
        Self {
            code: code.to_owned(),
            what: Message::new(code).with("subject", subject),
            subject: subject.to_owned(),
            causes: if crate::text::has(&cause) { vec![message(cause)] } else { Vec::new() },
            action: message(format!("{code}-action")),
            detail,
            recovery,
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.what.render(), self.subject)?;
        for cause in &self.causes {
            write!(f, "\n  {}", cause.render())?;
        }
        write!(f, "\n  {}", self.action.render())?;
        if !self.detail.is_empty() {
            write!(f, "\n  [{}: {}]", self.code, self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
