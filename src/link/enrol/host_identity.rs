//! What a host keeps: who it is, with the key to prove it, in one file that is replaced as a whole; and what it was
//! told to believe, in another, because that changes more often. Apart from `client`, which obtains them.

use crate::authority::new_request;
use crate::certificate::Credential;
use crate::clock::Clock;
use crate::error::LinkError;
use crate::private_file::{private_folder, read_bounded, write_private};
use crate::secret::Secret;
use crate::tls::Trust;
use leeward_model::{AgentId, KeyId, VaultId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of the files.
const FORMAT: u32 = 1;

/// The longest file.
const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

const IDENTITY_FILE: &str = "identity.json";
const TRUST_FILE: &str = "trust.json";
const PENDING_FILE: &str = "enrolment.json";

/// Who a host is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HostIdentity {
    /// Its vault.
    pub vault: VaultId,
    /// The vault's name.
    pub vault_name: String,
    /// Its agent's identity.
    pub agent: AgentId,
    /// The site it stands at.
    pub site: String,
    /// Where the engine is, in the order to try.
    pub engine_addresses: Vec<String>,
    /// How it proves itself. A secret.
    pub credential: Credential,
}

/// What a host was told to believe.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct KnownTrust {
    /// The vault's list of revoked certificates, PEM; empty when none has come yet.
    pub crl_pem: String,
    /// Agents that may talk to this one.
    pub peers: Vec<AgentId>,
}

/// The key of an enrolment that may not have been answered.
#[derive(Serialize, Deserialize)]
pub(super) struct PendingKey {
    registration: KeyId,
    key_pem: Secret,
}

#[derive(Serialize, Deserialize)]
struct File<T> {
    format: u32,
    content: T,
}

impl HostIdentity {
    /// Who this host is; none when it has not been enrolled.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn load(folder: &Path) -> Result<Option<Self>, LinkError> {
        load(&folder.join(IDENTITY_FILE))
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When it cannot be written; what was there before is then still there.
    pub fn store(&self, folder: &Path) -> Result<(), LinkError> {
        store(folder, IDENTITY_FILE, self)
    }

    /// What this host shows and believes, with the list of revoked certificates it was last told.
    ///
    /// # Errors
    /// When the certificate or the list cannot be used.
    pub fn trust(&self, known: &KnownTrust, clock: Clock) -> Result<Trust, LinkError> {
        let trust = Trust::new(&self.credential, clock)?;
        if !known.crl_pem.is_empty() {
            trust.replace_crl(&known.crl_pem)?;
        }
        Ok(trust)
    }
}

impl KnownTrust {
    /// What this host was last told; nothing when it was told nothing.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn load(folder: &Path) -> Result<Self, LinkError> {
        load(&folder.join(TRUST_FILE)).map(Option::unwrap_or_default)
    }

    /// Keeps it.
    ///
    /// # Errors
    /// When it cannot be written; what was there before is then still there.
    pub fn store(&self, folder: &Path) -> Result<(), LinkError> {
        store(folder, TRUST_FILE, self)
    }
}

impl PendingKey {
    /// The key to ask with: the one of an earlier try with the same registration key, or a new one.
    pub(super) fn keep(folder: &Path, registration: KeyId) -> Result<Secret, LinkError> {
        let path = folder.join(PENDING_FILE);
        if let Some(pending) = load::<Self>(&path)?
            && pending.registration == registration
        {
            return Ok(pending.key_pem);
        }
        let (key_pem, _csr) = new_request()?;
        store(folder, PENDING_FILE, &Self { registration, key_pem: key_pem.clone() })?;
        Ok(key_pem)
    }

    /// The answer is kept: the key stands beside its certificate now.
    pub(super) fn forget(folder: &Path) -> Result<(), LinkError> {
        let path = folder.join(PENDING_FILE);
        std::fs::remove_file(&path).map_err(|e| LinkError::file("remove", &path, &e))
    }
}

fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, LinkError> {
    if !path.exists() {
        return Ok(None);
    }
    let bad = |detail: String| LinkError::credential(path.display().to_string(), detail);
    let text = read_bounded(path, FILE_BYTES_MAX)?;
    let file: File<T> = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
    if file.format != FORMAT {
        return Err(bad(format!("format {}, known is {FORMAT}", file.format)));
    }
    Ok(Some(file.content))
}

fn store<T: Serialize>(folder: &Path, name: &str, content: &T) -> Result<(), LinkError> {
    private_folder(folder)?;
    let text = serde_json::to_string_pretty(&File { format: FORMAT, content })
        .map_err(|e| LinkError::credential(name, e))?;
    write_private(&folder.join(name), text.as_bytes())
}
