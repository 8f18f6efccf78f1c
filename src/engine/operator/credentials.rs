//! What a program needs to attach to an engine: the vault's root certificate, and a certificate and key of its
//! own. A secret: kept in a file that only its owner can read.

use crate::shell::trust::ENGINE_NAME;
use crate::vault::{VaultError, VaultFolder, write_private};
use leeward_model::VaultId;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The version of the file.
const FORMAT: u32 = 1;

/// The credentials of an operator.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    format: u32,
    /// The vault they are of.
    pub vault: VaultId,
    root_pem: String,
    certificate_pem: String,
    key_pem: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("vault", &self.vault).finish_non_exhaustive()
    }
}

impl Credentials {
    pub(crate) const fn new(
        vault: VaultId,
        root_pem: String,
        certificate_pem: String,
        key_pem: String,
    ) -> Self {
        Self { format: FORMAT, vault, root_pem, certificate_pem, key_pem }
    }

    /// The local user's credentials, from the vault's own folder.
    ///
    /// # Errors
    /// When they are not there, may not be read, or are damaged.
    pub fn of_vault(folder: &VaultFolder) -> Result<Self, VaultError> {
        let path = folder.operator()?.join("operator.json");
        let text = std::fs::read_to_string(&path)
            .map_err(|source| VaultError::Io { path: path.clone(), source })?;
        Self::parse(&text).map_err(|detail| VaultError::Certificates { path, detail })
    }

    /// Keeps them in the vault's own folder.
    pub(crate) fn keep(&self, folder: &VaultFolder) -> Result<(), VaultError> {
        let path = folder.operator()?.join("operator.json");
        write_private(&path, self.text().as_bytes()).map_err(|source| VaultError::Io { path, source })
    }

    /// From the text of a file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let credentials: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if credentials.format != FORMAT {
            return Err(format!("format {}, known is {FORMAT}", credentials.format));
        }
        credentials.config().map_err(|e| e.to_string())?;
        Ok(credentials)
    }

    /// The text of their file. A secret.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings become JSON")
    }

    /// Dials an engine and shakes hands.
    pub(super) async fn dial(&self, addr: &str) -> io::Result<TlsStream<TcpStream>> {
        let config = self.config()?;
        let tcp = TcpStream::connect(addr).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(ENGINE_NAME).map_err(io::Error::other)?;
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await
    }

    fn config(&self) -> io::Result<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(self.root_pem.as_bytes()) {
            roots.add(root.map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        let chain: Vec<_> = CertificateDer::pem_slice_iter(self.certificate_pem.as_bytes())
            .collect::<Result<_, _>>()
            .map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(io::Error::other)
    }
}
