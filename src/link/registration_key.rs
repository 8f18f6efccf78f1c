//! The registration key: one file with which one host can join a vault. It holds the vault's root, where the
//! engine is, and a certificate that is good for asking to be enrolled and for nothing else. A checksum tells
//! damage, the vault's seal tells tampering. Apart from `enrol`, which uses one.

use crate::authority::{Authority, issued_by_its_root, root_facts, verify_seal};
use crate::certificate::Credential;
use crate::error::LinkError;
use crate::identity::{Identity, Party};
use crate::private_file::{read_bounded, write_private};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use leeward_model::{Fault, KeyId, Message, Moment, Recovery, VaultId};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of the file.
const FORMAT: u32 = 1;

/// The longest file.
pub const FILE_BYTES_MAX: usize = 64 * 1024;

/// Addresses in a file at most.
const ADDRESSES_MAX: usize = 32;

/// How far the maker's clock may be ahead, in seconds.
const AHEAD_SECS: i64 = 3_600;

/// How long a key is good for, in seconds: 5 days.
pub const LIFE_SECS: i64 = 5 * 86_400;

/// How key files are called: `host-or-site.leeward-key`.
pub const FILE_EXTENSION: &str = "leeward-key";

/// A registration key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationKey {
    version: u32,
    /// The vault.
    pub vault: VaultId,
    /// Its name.
    pub vault_name: String,
    /// The key's identity.
    pub key: KeyId,
    /// The site the host will stand at.
    pub site: String,
    /// When it was made.
    pub issued: Moment,
    /// Until when a host can enrol with it.
    pub expires: Moment,
    /// Where the engine is: `host:port`, in the order to try.
    pub engine_addresses: Vec<String>,
    /// The vault's root and the certificate for asking. A secret.
    pub credential: Credential,
}

/// What a new key says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewKey {
    /// Its identity.
    pub key: KeyId,
    /// The vault's name.
    pub vault_name: String,
    /// The site.
    pub site: String,
    /// Where the engine is.
    pub engine_addresses: Vec<String>,
    /// Until when it is good; see [`LIFE_SECS`].
    pub expires: Moment,
}

/// What can be wrong with a key.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// The file is not as it was written.
    #[error("the registration key is damaged: {what}")]
    Damaged {
        /// What shows it.
        what: String,
    },
    /// Somebody has changed it with care.
    #[error("the registration key was changed after it was made")]
    Tampered,
    /// A newer program has made it.
    #[error("the registration key is of version {version}; this program knows version {FORMAT}")]
    Newer {
        /// The file's version.
        version: u32,
    },
    /// Its time is over.
    #[error("the registration key has expired")]
    Expired {
        /// Since when.
        at: Moment,
    },
    /// Its time has not come: one of the two clocks is wrong.
    #[error("the registration key is from the future")]
    NotYet {
        /// When it was made.
        issued: Moment,
    },
    /// It is of another vault than the one this host belongs to.
    #[error("the registration key is of vault {found}, this host belongs to {ours}")]
    Foreign {
        /// The key's vault.
        found: VaultId,
        /// The host's vault.
        ours: VaultId,
    },
}

impl KeyError {
    /// Stable code; the key of its sentences.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Damaged { .. } => "link-key-damaged",
            Self::Tampered => "link-key-tampered",
            Self::Newer { .. } => "link-key-newer",
            Self::Expired { .. } => "link-key-expired",
            Self::NotYet { .. } => "link-key-not-yet",
            Self::Foreign { .. } => "link-key-foreign",
        }
    }

    /// As a fault with causes and an action. `subject` is the file as a person knows it.
    #[must_use]
    pub fn fault(&self, subject: &str) -> Fault {
        let detail = match self {
            Self::Damaged { what } => what.clone(),
            Self::Tampered => String::new(),
            _ => self.to_string(),
        };
        Fault::new(self.code(), subject, detail, Recovery::NeedsPerson)
    }

    /// The sentence alone.
    #[must_use]
    pub fn message(&self) -> Message {
        Message::new(self.code())
    }
}

/// The file: what it says, and how to tell that nobody changed it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    leeward_registration_key: RegistrationKey,
    /// Of the key's compact JSON: tells damage.
    checksum: String,
    /// Of the same, by the vault's root: tells tampering.
    seal: String,
}

/// Just the version: all that is read of a file that may be newer.
#[derive(Deserialize)]
struct Head {
    leeward_registration_key: HeadVersion,
}

#[derive(Deserialize)]
struct HeadVersion {
    version: u32,
}

impl Authority {
    /// Makes a registration key and the text of its file. The text is a secret.
    ///
    /// # Errors
    /// When its certificate cannot be issued.
    pub fn make_registration_key(
        &self,
        new: NewKey,
        now: Moment,
    ) -> Result<(RegistrationKey, String), LinkError> {
        let key = RegistrationKey {
            version: FORMAT,
            vault: self.vault(),
            vault_name: new.vault_name,
            key: new.key,
            site: new.site,
            issued: now,
            expires: new.expires,
            engine_addresses: new.engine_addresses.into_iter().take(ADDRESSES_MAX).collect(),
            credential: self.issue_bootstrap(new.key, now)?,
        };
        let bytes = key.sealed_bytes();
        let file = File {
            checksum: checksum(&bytes),
            seal: STANDARD.encode(self.seal(&bytes)?),
            leeward_registration_key: key.clone(),
        };
        let mut text = serde_json::to_string_pretty(&file).expect("text and numbers become JSON");
        text.push('\n');
        Ok((key, text))
    }
}

impl RegistrationKey {
    /// Reads the text of a key's file. Says nothing about dates: see [`RegistrationKey::check`].
    ///
    /// # Errors
    /// When it is damaged, changed, or of a newer version.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let damaged = |what: &str| KeyError::Damaged { what: what.to_owned() };
        if text.len() > FILE_BYTES_MAX {
            return Err(damaged("it is too long"));
        }
        let head: Head = serde_json::from_str(text).map_err(|e| damaged(&e.to_string()))?;
        let version = head.leeward_registration_key.version;
        if version > FORMAT {
            return Err(KeyError::Newer { version });
        }
        let file: File = serde_json::from_str(text).map_err(|e| damaged(&e.to_string()))?;
        let key = file.leeward_registration_key;
        let bytes = key.sealed_bytes();
        if version != FORMAT || checksum(&bytes) != file.checksum {
            return Err(damaged("its checksum does not fit"));
        }
        let seal = STANDARD.decode(&file.seal).map_err(|_bad| damaged("its seal is no base64"))?;
        if !verify_seal(&key.credential.ca_pem, &bytes, &seal).map_err(|what| damaged(&what))? {
            return Err(KeyError::Tampered);
        }
        // Its maker has sealed it, so what does not fit together was made so on purpose.
        let fits = key.fits_together().map_err(|e| damaged(&e.to_string()))?;
        if fits { Ok(key) } else { Err(KeyError::Tampered) }
    }

    /// Reads a key's file.
    ///
    /// # Errors
    /// When it cannot be read; or what is wrong with what it says.
    pub fn read(path: &Path) -> Result<Result<Self, KeyError>, LinkError> {
        read_bounded(path, FILE_BYTES_MAX).map(|text| Self::parse(&text))
    }

    /// Writes the text of a key's file where only its owner can read it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(path: &Path, text: &str) -> Result<(), LinkError> {
        write_private(path, text.as_bytes())
    }

    /// Whether a host can enrol with it now. `ours` is the vault it belongs to already, if it does.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check(&self, now: Moment, ours: Option<VaultId>) -> Result<(), KeyError> {
        if let Some(ours) = ours.filter(|o| *o != self.vault) {
            return Err(KeyError::Foreign { found: self.vault, ours });
        }
        if self.issued > now.plus_secs(AHEAD_SECS) {
            return Err(KeyError::NotYet { issued: self.issued });
        }
        if now >= self.expires {
            return Err(KeyError::Expired { at: self.expires });
        }
        Ok(())
    }

    fn fits_together(&self) -> Result<bool, LinkError> {
        let root = self.credential.root()?;
        let root_vault = root_facts(&root).map(|(vault, _)| vault).ok();
        let identity = Identity { vault: self.vault, party: Party::Enrolment(self.key) };
        Ok(root_vault == Some(self.vault)
            && self.credential.facts()?.identity == identity
            && issued_by_its_root(&self.credential)?
            && !self.engine_addresses.is_empty()
            && self.engine_addresses.len() <= ADDRESSES_MAX)
    }

    fn sealed_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("text and numbers become JSON")
    }
}

fn checksum(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}
