//! The vault's certificate authority: the one place that says who is who. It lives in a folder that only its
//! owner can read; its key never leaves this type. Apart from `certificate`, which only reads.
//!
//! | file | what it is |
//! |---|---|
//! | `mod` | the authority: made, kept, opened |
//! | `issue` | what goes into each kind of certificate |
//! | `register` | what was issued and what of it is revoked |
//! | `rejoin` | the proof that a host has been in the vault before |
//! | `revocation` | the list of revoked certificates, made and read |

mod issue;
mod register;
mod rejoin;
mod revocation;

pub use issue::AgentRequest;
pub(crate) use issue::{certificate_fits_key, certificate_request, new_request, request_with};
pub(crate) use rejoin::{Former, prove};
pub(crate) use revocation::CrlFacts;

use crate::certificate::{self, Credential};
use crate::clock::certificate_secs;
use crate::error::LinkError;
use crate::identity::{Identity, Party};
use crate::private_file::{private_folder, read_bounded, write_private};
use leeward_model::{AgentId, Moment, VaultId};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SigningKey,
};
use register::Register;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use time::OffsetDateTime;

/// How long a vault's root is valid, in seconds: 20 years.
const ROOT_SECS: i64 = 20 * 365 * 86_400;

/// How far certificates reach back, in seconds, so that a host whose clock is a little behind accepts them.
const BACKDATED_SECS: i64 = 3_600;

/// File of the root certificate and its key, one PEM text, so that they are replaced together or not at all.
const ROOT_FILE: &str = "ca.pem";

/// File of what was issued.
const REGISTER_FILE: &str = "issued.json";

/// The authority of one vault.
pub struct Authority {
    vault: VaultId,
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
    not_after: Moment,
    register: Mutex<Register>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("vault", &self.vault).finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes the authority of a new vault in `folder`, which is made if it is not there.
    ///
    /// # Errors
    /// When there is one already, or it cannot be written.
    pub fn create(folder: &Path, vault: VaultId, name: &str, now: Moment) -> Result<Self, LinkError> {
        private_folder(folder)?;
        let path = folder.join(ROOT_FILE);
        if path.exists() {
            return Err(LinkError::credential("certificate authority", "there is one already"));
        }
        let made = || -> Result<(String, KeyPair), rcgen::Error> {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            let mut params = CertificateParams::default();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, format!("Leeward vault {}", shown(name)));
            params.distinguished_name.push(DnType::OrganizationalUnitName, vault.to_string());
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            params.not_before = date(now.plus_secs(-BACKDATED_SECS));
            params.not_after = date(now.plus_secs(ROOT_SECS));
            params.serial_number = Some(serial());
            let root = params.self_signed(&key)?;
            Ok((root.pem(), key))
        };
        let (ca_pem, key) = made().map_err(|e| LinkError::credential("certificate authority", e))?;
        write_private(&path, format!("{ca_pem}{}", key.serialize_pem()).as_bytes())?;
        Self::assemble(folder, &ca_pem, key)
    }

    /// Opens the authority of a vault.
    ///
    /// # Errors
    /// When it cannot be read or is damaged.
    pub fn open(folder: &Path) -> Result<Self, LinkError> {
        let text = read_bounded(&folder.join(ROOT_FILE), certificate::PEM_BYTES_MAX)?;
        let bad = |detail: String| LinkError::credential("certificate authority", detail);
        // The certificate goes in front; what follows its end is the key.
        let end = "-----END CERTIFICATE-----";
        let at = text.find(end).ok_or_else(|| bad("no certificate in its file".to_owned()))?;
        let (ca_pem, key) = text.split_at(at + end.len());
        let key = KeyPair::from_pem(key.trim_start()).map_err(|e| bad(e.to_string()))?;
        Self::assemble(folder, &format!("{ca_pem}\n"), key)
    }

    fn assemble(folder: &Path, ca_pem: &str, key: KeyPair) -> Result<Self, LinkError> {
        let bad = |detail: String| LinkError::credential("certificate authority", detail);
        let root = certificate::chain(ca_pem).map_err(bad)?.into_iter().next();
        let root = root.ok_or_else(|| bad("no certificate in its file".to_owned()))?;
        let (vault, not_after) = root_facts(&root).map_err(bad)?;
        let issuer = Issuer::from_ca_cert_der(&root, key).map_err(|e| bad(e.to_string()))?;
        let register = Mutex::new(Register::open(&folder.join(REGISTER_FILE))?);
        Ok(Self { vault, issuer, ca_pem: ca_pem.to_owned(), not_after, register })
    }

    /// The vault it vouches for.
    #[must_use]
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// Its root certificate, PEM: what everybody of the vault checks others by.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The agents that hold a certificate that is not revoked.
    #[must_use]
    pub fn agents(&self) -> BTreeSet<AgentId> {
        let party = |identity: &str| identity.parse::<Identity>().ok().map(|i| i.party);
        let register = self.register();
        let agent = |party| if let Party::Agent(agent) = party { Some(agent) } else { None };
        register.holders().filter_map(party).filter_map(agent).collect()
    }

    /// Revokes every certificate that an agent holds. The new list of revoked certificates has them; so do the
    /// later ones, until they have expired.
    ///
    /// # Errors
    /// When that cannot be written down; then nothing is revoked.
    pub fn revoke_agent(&self, agent: AgentId, now: Moment) -> Result<(), LinkError> {
        self.revoke(Identity { vault: self.vault, party: Party::Agent(agent) }, now)
    }

    /// Revokes every certificate of a party.
    ///
    /// # Errors
    /// When that cannot be written down; then nothing is revoked.
    pub fn revoke(&self, identity: Identity, now: Moment) -> Result<(), LinkError> {
        self.register().revoke(&identity.to_string(), now)
    }

    /// The list of revoked certificates as of now, signed, PEM.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn crl(&self, now: Moment) -> Result<String, LinkError> {
        let register = self.register();
        revocation::make(&self.issuer, register.revoked(), register.list_number(), now)
    }

    /// Signs bytes with the vault's key; [`verify_seal`] checks.
    pub(crate) fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, LinkError> {
        self.issuer.key().sign(bytes).map_err(|e| LinkError::credential("certificate authority", e))
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the key of this root has signed these bytes.
pub(crate) fn verify_seal(ca_pem: &str, bytes: &[u8], seal: &[u8]) -> Result<bool, String> {
    let root = certificate::chain(ca_pem)?.into_iter().next().ok_or("no root certificate")?;
    let parsed = webpki::EndEntityCert::try_from(&root).map_err(|e| e.to_string())?;
    Ok(parsed.verify_signature(webpki::aws_lc_rs::ECDSA_P256_SHA256, bytes, seal).is_ok())
}

/// Whether `credential` is what its root has issued, whatever the date.
pub(crate) fn issued_by_its_root(credential: &Credential) -> Result<bool, LinkError> {
    let root = credential.root()?;
    let chain = certificate::chain(&credential.certificate_pem)
        .map_err(|e| LinkError::credential("certificate", e))?;
    let Some(own) = chain.first() else { return Ok(false) };
    let (Ok((_, root)), Ok((_, own))) =
        (x509_parser::parse_x509_certificate(&root), x509_parser::parse_x509_certificate(own))
    else {
        return Ok(false);
    };
    Ok(own.issuer() == root.subject() && own.verify_signature(Some(root.public_key())).is_ok())
}

/// The vault and the end of a root certificate.
pub(crate) fn root_facts(root: &[u8]) -> Result<(VaultId, Moment), String> {
    let (_, parsed) = x509_parser::parse_x509_certificate(root).map_err(|e| e.to_string())?;
    let vault = parsed
        .subject()
        .iter_organizational_unit()
        .next()
        .and_then(|unit| unit.as_str().ok())
        .and_then(|unit| unit.parse().ok())
        .ok_or("no vault in the root certificate")?;
    let end = crate::clock::from_certificate_secs(parsed.validity().not_after.timestamp());
    Ok((vault, end))
}

/// A certificate's date.
fn date(moment: Moment) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::from_secs(certificate_secs(moment))
}

/// A number that no other certificate has: random, positive, 16 bytes.
fn serial() -> rcgen::SerialNumber {
    let mut bytes = uuid::Uuid::new_v4().into_bytes();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    rcgen::SerialNumber::from_slice(&bytes)
}

/// A name for people inside a certificate: short and printable, because it comes from outside.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}
