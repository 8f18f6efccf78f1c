//! What the authority has issued and what of it is revoked: a small file beside the root. It is written before a
//! certificate is handed out, so that everything that can be shown can also be revoked. Apart from `revocation`,
//! which makes the signed list that others read.

use crate::error::LinkError;
use crate::private_file::{read_bounded, write_private};
use leeward_model::Moment;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The longest file that is read: tens of thousands of hosts.
const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// The version of the file.
const FORMAT: u32 = 1;

/// How long an expired certificate is remembered, in seconds, in case a clock was wrong.
const REMEMBERED_SECS: i64 = 7 * 86_400;

/// One certificate.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Issued {
    /// Its number.
    pub(super) serial: String,
    /// Whose it is.
    pub(super) identity: String,
    /// The name of its holder as people know it.
    pub(super) name: String,
    /// Its end.
    pub(super) not_after: Moment,
    /// The registration key and the public key it was asked for with, when it was an enrolment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) enrolment: Option<String>,
    /// Since when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) revoked: Option<Moment>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct File {
    format: u32,
    list_number: u64,
    issued: Vec<Issued>,
}

/// Everything that was issued.
#[derive(Debug)]
pub(super) struct Register {
    path: PathBuf,
    file: File,
}

impl Register {
    /// Opens it, or begins it if there is none.
    pub(super) fn open(path: &Path) -> Result<Self, LinkError> {
        let file = if path.exists() {
            let text = read_bounded(path, FILE_BYTES_MAX)?;
            let bad = |detail: String| LinkError::credential(path.display().to_string(), detail);
            let file: File = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
            if file.format != FORMAT {
                return Err(bad(format!("format {}, known is {FORMAT}", file.format)));
            }
            file
        } else {
            File { format: FORMAT, list_number: 1, issued: Vec::new() }
        };
        Ok(Self { path: path.to_owned(), file })
    }

    /// Writes down a certificate that is about to be handed out.
    pub(super) fn add(&mut self, issued: Issued, now: Moment) -> Result<(), LinkError> {
        let mut next = self.file.clone();
        next.issued.retain(|i| i.not_after.plus_secs(REMEMBERED_SECS) > now);
        next.issued.push(issued);
        self.keep(next)
    }

    /// Revokes what a party holds.
    pub(super) fn revoke(&mut self, identity: &str, now: Moment) -> Result<(), LinkError> {
        let mut next = self.file.clone();
        let mut changed = false;
        for issued in next.issued.iter_mut().filter(|i| i.identity == identity && i.revoked.is_none()) {
            issued.revoked = Some(now);
            changed = true;
        }
        if !changed {
            return Ok(());
        }
        // Rises also when the register came back from an old copy: those who know a later list keep it.
        next.list_number = next.list_number.saturating_add(1).max(u64::try_from(now.0).unwrap_or(0));
        self.keep(next)
    }

    /// Whom an enrolment like this was granted to, if it was and still stands.
    pub(super) fn enrolled_with(&self, enrolment: &str) -> Option<&str> {
        let found = self.file.issued.iter().rev().find(|i| i.enrolment.as_deref() == Some(enrolment));
        found.filter(|i| i.revoked.is_none()).map(|i| i.identity.as_str())
    }

    /// Who holds a certificate that is not revoked.
    pub(super) fn holders(&self) -> impl Iterator<Item = &str> {
        self.file.issued.iter().filter(|i| i.revoked.is_none()).map(|i| i.identity.as_str())
    }

    /// What is revoked.
    pub(super) fn revoked(&self) -> impl Iterator<Item = (&Issued, Moment)> {
        self.file.issued.iter().filter_map(|i| i.revoked.map(|at| (i, at)))
    }

    /// The number of the list of what is revoked; rises whenever the list changes.
    pub(super) const fn list_number(&self) -> u64 {
        self.file.list_number
    }

    fn keep(&mut self, next: File) -> Result<(), LinkError> {
        let text = serde_json::to_string_pretty(&next)
            .map_err(|e| LinkError::credential(self.path.display().to_string(), e))?;
        write_private(&self.path, text.as_bytes())?;
        self.file = next;
        Ok(())
    }
}
