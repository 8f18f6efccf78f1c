//! The vault's certificates as the engine uses them: its root, its own certificate, the operator's, and what
//! agents get. Apart from `vault`, which only knows in which folder they lie.

use crate::operator::Credentials;
use crate::vault::{Listen, VaultError, VaultFolder, write_private};
use leeward_link::messages::Request;
use leeward_model::{AgentId, Fault, KeyId, Moment, Recovery, VaultId};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// The name engines carry in their certificates. Who dials an engine asks for this name, not for its address:
/// what proves an engine is the vault's root.
pub(crate) const ENGINE_NAME: &str = "engine.leeward.internal";

/// The trust of a running engine.
#[derive(Clone)]
pub(crate) struct Trust {
    acceptor: TlsAcceptor,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust").finish_non_exhaustive()
    }
}

impl Trust {
    /// Makes the certificates of a new vault: its root, and the local user's.
    pub(crate) fn create(
        folder: &VaultFolder,
        vault: VaultId,
        name: &str,
        by: &str,
        _now: Moment,
    ) -> Result<(), VaultError> {
        let ca = folder.ca()?;
        let made = || -> Result<_, rcgen::Error> {
            let key = KeyPair::generate()?;
            let mut params = CertificateParams::new(Vec::new())?;
            params.distinguished_name.push(DnType::CommonName, format!("Leeward vault {name}"));
            params.distinguished_name.push(DnType::OrganizationalUnitName, vault.to_string());
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            let root = params.self_signed(&key)?;
            let issuer = Issuer::new(params, key);
            let operator_key = KeyPair::generate()?;
            let mut operator = CertificateParams::new(Vec::new())?;
            operator.distinguished_name.push(DnType::CommonName, format!("operator {by}"));
            operator.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            let operator = operator.signed_by(&operator_key, &issuer)?;
            Ok((root.pem(), issuer.key().serialize_pem(), operator.pem(), operator_key.serialize_pem()))
        };
        let (root, root_key, operator, operator_key) = made().map_err(|e| bad(&ca, &e))?;
        keep(&ca.join("root.pem"), &root)?;
        keep(&ca.join("root.key"), &root_key)?;
        Credentials::new(vault, root, operator, operator_key).keep(folder)
    }

    /// Opens the certificates of a vault and issues the engine its own for this run.
    pub(crate) fn open(folder: &VaultFolder, _listen: &Listen, _now: Moment) -> Result<Self, VaultError> {
        let ca = folder.ca()?;
        let read = |name: &str| {
            let path = ca.join(name);
            std::fs::read_to_string(&path).map_err(|e| bad(&path, &e))
        };
        let (root, key) = (read("root.pem")?, read("root.key")?);
        let acceptor = acceptor(&root, &key).map_err(|detail| bad(&ca, &detail))?;
        Ok(Self { acceptor })
    }

    pub(super) const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// The text of a registration key's file.
    pub(super) fn make_key(&self, _key: KeyId, site: &str, _expires: Moment) -> Result<String, Box<Fault>> {
        Err(Box::new(Fault::new("vault-certificates", site, String::new(), Recovery::NeedsPerson)))
    }

    /// Puts an agent's certificate on the revocation list.
    pub(super) fn revoke(&self, _agent: AgentId, _now: Moment) {}

    /// Fills in what the core cannot know: the revocation list.
    pub(super) fn complete(&self, request: Request) -> Request {
        request
    }
}

fn acceptor(root_pem: &str, root_key_pem: &str) -> Result<TlsAcceptor, String> {
    let key = KeyPair::from_pem(root_key_pem).map_err(|e| e.to_string())?;
    let issuer = Issuer::from_ca_cert_pem(root_pem, key).map_err(|e| e.to_string())?;
    let engine_key = KeyPair::generate().map_err(|e| e.to_string())?;
    let mut params = CertificateParams::new(vec![ENGINE_NAME.to_owned()]).map_err(|e| e.to_string())?;
    params.distinguished_name.push(DnType::CommonName, "engine");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let engine = params.signed_by(&engine_key, &issuer).map_err(|e| e.to_string())?;

    let root = CertificateDer::from_pem_slice(root_pem.as_bytes()).map_err(|e| e.to_string())?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root).map_err(|e| e.to_string())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|e| e.to_string())?;
    let private = PrivateKeyDer::from_pem_slice(engine_key.serialize_pem().as_bytes()).map_err(|e| e.to_string())?;
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| e.to_string())?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![engine.der().clone()], private)
        .map_err(|e| e.to_string())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn keep(path: &Path, text: &str) -> Result<(), VaultError> {
    write_private(path, text.as_bytes()).map_err(|source| VaultError::Io { path: path.to_owned(), source })
}

fn bad(path: &Path, detail: &impl ToString) -> VaultError {
    VaultError::Certificates { path: path.to_owned(), detail: detail.to_string() }
}
