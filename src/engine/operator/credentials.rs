//! What a program needs to attach to an engine: the vault's root certificate, and a certificate and key of its
//! own. A secret: kept in a file that only its owner can read.

use crate::shell::{Clock as _, SystemClock};
use crate::vault::{VaultError, VaultFolder};
use leeward_link::control::{Connection, Dialer};
use leeward_link::private_file::{read_bounded, write_private};
use leeward_link::{Clock, Credential, LinkError, Party, Protocol, Trust, Wanted, needs_rotation};
use leeward_model::{Moment, VaultId};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// The version of the file.
const FORMAT: u32 = 1;

/// The longest file that is read.
const FILE_BYTES_MAX: usize = 64 * 1024;

/// The credentials of an operator.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    format: u32,
    credential: Credential,
}

impl Credentials {
    pub(crate) const fn new(credential: Credential) -> Self {
        Self { format: FORMAT, credential }
    }

    /// The local user's credentials, from the vault's own folder.
    ///
    /// # Errors
    /// When they are not there, may not be read, or are damaged.
    pub fn of_vault(folder: &VaultFolder) -> Result<Self, VaultError> {
        Self::read(&folder.operator()?.join("operator.json"))
    }

    /// From a file.
    ///
    /// # Errors
    /// When it cannot be read, or holds something else.
    pub fn read(path: &Path) -> Result<Self, VaultError> {
        let text = read_bounded(path, FILE_BYTES_MAX)?;
        Self::parse(&text).map_err(|detail| VaultError::Certificates { path: path.to_owned(), detail })
    }

    /// Keeps them in the vault's own folder.
    pub(crate) fn keep(&self, folder: &VaultFolder) -> Result<(), VaultError> {
        self.write(&folder.operator()?.join("operator.json"))
    }

    /// Writes them into a file that only its owner can read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), VaultError> {
        let text = serde_json::to_string_pretty(self).expect("text becomes JSON");
        Ok(write_private(path, text.as_bytes())?)
    }

    /// Whether they are of this vault and not about to end.
    pub(crate) fn is_fresh(&self, vault: VaultId, now: Moment) -> bool {
        let facts = self.credential.facts();
        facts.is_ok_and(|f| f.identity.vault == vault && f.not_before <= now && !needs_rotation(&f, now))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let credentials: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if credentials.format != FORMAT {
            return Err(format!("format {}, known is {FORMAT}", credentials.format));
        }
        let facts = credentials.credential.facts().map_err(|e| e.to_string())?;
        match facts.identity.party {
            Party::Operator(_) => Ok(credentials),
            other => Err(format!("a certificate of {other}, not of an operator")),
        }
    }

    /// Dials an engine of the vault and shakes hands.
    pub(super) async fn dial(&self, addr: &str, patience: Duration) -> Result<Connection, LinkError> {
        let trust = Trust::new(&self.credential, Clock::new(|| SystemClock.now()))?;
        let dialer = Dialer { patience, ..Dialer::new(trust) };
        dialer.dial(addr, Protocol::Operator, Wanted::Engine).await
    }
}
