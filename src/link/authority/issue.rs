//! What goes into each kind of certificate. The issuer decides name, usage, dates and number; of a request only
//! the public key is used. Apart from `mod`, which keeps the key that signs.

use super::register::Issued;
use super::{Authority, BACKDATED_SECS, date, serial, shown};
use crate::certificate::{CertificateFacts, Credential, PEM_BYTES_MAX, chain};
use crate::enrol::HostDescription;
use crate::error::LinkError;
use crate::identity::{Identity, Party};
use crate::secret::Secret;
use leeward_model::{AgentId, KeyId, Moment};
use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKey, PublicKeyData, SanType,
};
use std::net::IpAddr;
use uuid::Uuid;

/// Lives of certificates, in seconds.
const AGENT_SECS: i64 = 365 * 86_400;
const ENGINE_SECS: i64 = 90 * 86_400;
const OPERATOR_SECS: i64 = 365 * 86_400;
/// Longer than a registration key, so that the engine can say that the key has expired.
const BOOTSTRAP_SECS: i64 = 60 * 86_400;

/// A certificate that an agent wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentRequest {
    /// Who it is.
    pub agent: AgentId,
    /// The registration key, when it is an enrolment.
    pub key: Option<KeyId>,
    /// What the host says of itself.
    pub host: HostDescription,
    /// Its request, PEM. Only the public key in it is used.
    pub csr_pem: String,
}

impl Authority {
    /// The engine's own certificate, with a new key. `addresses` are the names and addresses it is reached at,
    /// with or without ports.
    ///
    /// # Errors
    /// When it cannot be made or written down.
    pub fn issue_engine(&self, addresses: &[String], now: Moment) -> Result<Credential, LinkError> {
        let usages = [ExtendedKeyUsagePurpose::ServerAuth];
        let params = self.params(Party::Engine, "engine", addresses, &usages, ENGINE_SECS, now)?;
        self.with_new_key(params, "engine", now)
    }

    /// An operator's certificate, with a new key.
    ///
    /// # Errors
    /// When it cannot be made or written down.
    pub fn issue_operator(&self, id: Uuid, name: &str, now: Moment) -> Result<Credential, LinkError> {
        let usages = [ExtendedKeyUsagePurpose::ClientAuth];
        let params = self.params(Party::Operator(id), name, &[], &usages, OPERATOR_SECS, now)?;
        self.with_new_key(params, name, now)
    }

    /// The certificate inside a registration key, good for asking to be enrolled and for nothing else.
    ///
    /// # Errors
    /// When it cannot be made or written down.
    pub fn issue_bootstrap(&self, key: KeyId, now: Moment) -> Result<Credential, LinkError> {
        let usages = [ExtendedKeyUsagePurpose::ClientAuth];
        let params = self.params(Party::Enrolment(key), "enrolment", &[], &usages, BOOTSTRAP_SECS, now)?;
        self.with_new_key(params, "enrolment", now)
    }

    /// An agent's certificate, PEM, for the public key in its request. Agents dial and listen, so it is good for
    /// both.
    ///
    /// # Errors
    /// When the request is damaged or not signed by its own key, or the certificate cannot be made.
    pub fn issue_agent(&self, asked: &AgentRequest, now: Moment) -> Result<String, LinkError> {
        let request = read_request(&asked.csr_pem)?;
        let usages = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let addresses = std::slice::from_ref(&asked.host.replication_addr);
        let party = Party::Agent(asked.agent);
        let params = self.params(party, &asked.host.name, addresses, &usages, AGENT_SECS, now)?;
        let enrolment = asked.key.map(|key| enrolment(key, &request.public_key));
        self.sign(params, &asked.host.name, &request.public_key, enrolment, now)
    }

    /// The agent that was enrolled with this key and this very request, if one was: its answer was lost.
    ///
    /// # Errors
    /// When the request is damaged.
    pub fn enrolled_with(&self, key: KeyId, csr_pem: &str) -> Result<Option<AgentId>, LinkError> {
        let request = read_request(csr_pem)?;
        let register = self.register();
        let identity = register.enrolled_with(&enrolment(key, &request.public_key));
        Ok(identity.and_then(|i| i.parse::<Identity>().ok()).and_then(|i| match i.party {
            Party::Agent(agent) => Some(agent),
            _ => None,
        }))
    }

    fn with_new_key(
        &self,
        params: CertificateParams,
        name: &str,
        now: Moment,
    ) -> Result<Credential, LinkError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .map_err(|e| LinkError::credential("private key", e))?;
        let certificate_pem = self.sign(params, name, &key, None, now)?;
        let key_pem = Secret::new(key.serialize_pem());
        Ok(Credential { ca_pem: self.ca_pem.clone(), certificate_pem, key_pem })
    }

    /// Signs, and writes down what was signed before anybody gets it.
    fn sign(
        &self,
        params: CertificateParams,
        name: &str,
        key: &impl PublicKeyData,
        enrolment: Option<String>,
        now: Moment,
    ) -> Result<String, LinkError> {
        let bad = |detail: String| LinkError::credential("certificate", detail);
        let certificate = params.signed_by(key, &self.issuer).map_err(|e| bad(e.to_string()))?;
        let facts = CertificateFacts::read(certificate.der()).map_err(bad)?;
        let issued = Issued {
            serial: facts.serial,
            identity: facts.identity.to_string(),
            name: shown(name),
            enrolment,
            not_after: facts.not_after,
            revoked: None,
        };
        self.register().add(issued, now)?;
        Ok(certificate.pem())
    }

    fn params(
        &self,
        party: Party,
        name: &str,
        addresses: &[String],
        usages: &[ExtendedKeyUsagePurpose],
        life_secs: i64,
        now: Moment,
    ) -> Result<CertificateParams, LinkError> {
        let bad = |e: rcgen::Error| LinkError::credential("certificate", e);
        let identity = Identity { vault: self.vault, party };
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, shown(name));
        params.distinguished_name.push(DnType::OrganizationalUnitName, self.vault.to_string());
        params.subject_alt_names = vec![SanType::URI(identity.to_string().try_into().map_err(bad)?)];
        params.subject_alt_names.extend(addresses.iter().filter_map(|a| name_of_address(a)));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages.to_vec();
        params.not_before = date(now.plus_secs(-BACKDATED_SECS));
        params.not_after = date(now.plus_secs(life_secs).min(self.not_after));
        params.serial_number = Some(serial());
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }
}

/// The host part of `host`, `host:port` or `[v6]:port` as an alternative name. Others are left out: names are for
/// people and foreign tools, programs of the vault go by identity.
fn name_of_address(address: &str) -> Option<SanType> {
    if let Ok(ip) = address.parse::<IpAddr>() {
        return Some(SanType::IpAddress(ip));
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Some(SanType::IpAddress(ip));
    }
    let dns = !host.is_empty()
        && host.len() <= 253
        && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    dns.then(|| host.to_owned().try_into().ok().map(SanType::DnsName)).flatten()
}

/// A new key for a host and the request for a certificate to it, both PEM. The key never travels.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn new_request() -> Result<(Secret, String), LinkError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
        .map_err(|e| LinkError::credential("private key", e))?;
    let csr_pem = request_for(&key)?;
    Ok((Secret::new(key.serialize_pem()), csr_pem))
}

/// The request for a certificate to a key that exists already.
///
/// # Errors
/// When the key is damaged.
pub(crate) fn request_with(key_pem: &Secret) -> Result<String, LinkError> {
    let key = KeyPair::from_pem(key_pem.expose()).map_err(|e| LinkError::credential("private key", e))?;
    request_for(&key)
}

fn request_for(key: &KeyPair) -> Result<String, LinkError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params
        .serialize_request(key)
        .and_then(|request| request.pem())
        .map_err(|e| LinkError::credential("certificate request", e))
}

/// Reads a request, which proves that whoever made it holds its key.
fn read_request(csr_pem: &str) -> Result<CertificateSigningRequestParams, LinkError> {
    let bad = |detail: String| LinkError::credential("certificate request", detail);
    if csr_pem.len() > PEM_BYTES_MAX {
        return Err(bad(format!("{} bytes; at most {PEM_BYTES_MAX} are taken", csr_pem.len())));
    }
    let request = CertificateSigningRequestParams::from_pem(csr_pem).map_err(|e| bad(e.to_string()))?;
    if request.public_key.algorithm() != &PKCS_ECDSA_P256_SHA256 {
        return Err(bad("its key is not of the kind this program makes".to_owned()));
    }
    Ok(request)
}

/// Whether a text is a request for a certificate.
pub(crate) fn certificate_request(csr_pem: &str) -> bool {
    read_request(csr_pem).is_ok()
}

/// Names one enrolment: the registration key and the public key that asked.
fn enrolment(key: KeyId, public_key: &PublicKey) -> String {
    format!("{key}:{}", blake3::hash(public_key.der_bytes()).to_hex())
}

/// Whether a certificate is for this key.
pub(crate) fn certificate_fits_key(certificate_pem: &str, key_pem: &Secret) -> Result<bool, LinkError> {
    let bad = |detail: String| LinkError::credential("certificate", detail);
    let key = KeyPair::from_pem(key_pem.expose()).map_err(|e| LinkError::credential("private key", e))?;
    let der = chain(certificate_pem).map_err(bad)?.into_iter().next();
    let der = der.ok_or_else(|| bad("no certificate".to_owned()))?;
    let (_, parsed) = x509_parser::parse_x509_certificate(&der).map_err(|e| bad(e.to_string()))?;
    Ok(parsed.public_key().subject_public_key.data.as_ref() == key.public_key_raw())
}
