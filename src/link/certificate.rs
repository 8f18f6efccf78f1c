//! Certificates as they are read: whose, from when to when, which number; and the credential that a program
//! shows of itself. Apart from `authority`, which makes them.

use crate::clock::from_certificate_secs;
use crate::error::LinkError;
use crate::identity::Identity;
use crate::secret::Secret;
use leeward_model::Moment;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use x509_parser::extensions::GeneralName;

/// The longest PEM text that is taken for a certificate chain, a key or a request.
pub(crate) const PEM_BYTES_MAX: usize = 64 * 1024;

/// What a certificate says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateFacts {
    /// Whose it is.
    pub identity: Identity,
    /// Its number, in hexadecimal, as the revocation list names it.
    pub serial: String,
    /// From when it is valid.
    pub not_before: Moment,
    /// Until when it is valid.
    pub not_after: Moment,
}

impl CertificateFacts {
    /// Reads a certificate. Proves nothing: that is the verifier's.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(der: &CertificateDer<'_>) -> Result<Self, String> {
        let (rest, certificate) = x509_parser::parse_x509_certificate(der).map_err(|e| e.to_string())?;
        if !rest.is_empty() {
            return Err("bytes after the certificate".to_owned());
        }
        let names = certificate.subject_alternative_name().map_err(|e| e.to_string())?;
        let mut uris = names.iter().flat_map(|n| &n.value.general_names).filter_map(|n| match n {
            GeneralName::URI(uri) => Some(*uri),
            _ => None,
        });
        let (Some(uri), None) = (uris.next(), uris.next()) else {
            return Err("not exactly one identity among its names".to_owned());
        };
        let validity = certificate.validity();
        Ok(Self {
            identity: uri.parse().map_err(|e: crate::identity::NotAnIdentity| e.to_string())?,
            serial: hex(certificate.raw_serial()),
            not_before: from_certificate_secs(validity.not_before.timestamp()),
            not_after: from_certificate_secs(validity.not_after.timestamp()),
        })
    }

    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_pem(pem: &str) -> Result<Self, String> {
        let der = chain(pem)?.into_iter().next().ok_or("no certificate in the text")?;
        Self::read(&der)
    }
}

/// Whether a certificate has lived two thirds of its life and should be replaced.
#[must_use]
pub const fn needs_rotation(facts: &CertificateFacts, now: Moment) -> bool {
    let life = facts.not_after.millis_since(facts.not_before);
    now.millis_since(facts.not_before) >= life / 3 * 2
}

/// What a program shows of itself: a certificate of its vault and the key to it, and the vault's root to check
/// the other side by.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The vault's root certificate, PEM.
    pub ca_pem: String,
    /// Its own certificate, PEM.
    pub certificate_pem: String,
    /// The key to it, PEM.
    pub key_pem: Secret,
}

impl Credential {
    /// What its certificate says.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn facts(&self) -> Result<CertificateFacts, LinkError> {
        CertificateFacts::read_pem(&self.certificate_pem).map_err(|e| LinkError::credential("certificate", e))
    }

    pub(crate) fn root(&self) -> Result<CertificateDer<'static>, LinkError> {
        let bad = |detail: String| LinkError::credential("root certificate", detail);
        let chain = chain(&self.ca_pem).map_err(bad)?;
        let [root] =
            <[_; 1]>::try_from(chain).map_err(|c| bad(format!("{} certificates, not one", c.len())))?;
        Ok(root)
    }

    pub(crate) fn certified(&self) -> Result<Arc<CertifiedKey>, LinkError> {
        let chain = chain(&self.certificate_pem).map_err(|e| LinkError::credential("certificate", e))?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.expose().as_bytes())
            .map_err(|e| LinkError::credential("private key", e))?;
        CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider())
            .map(Arc::new)
            .map_err(|e| LinkError::credential("certificate and key", e))
    }
}

pub(crate) fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    if pem.len() > PEM_BYTES_MAX {
        return Err(format!("{} bytes; at most {PEM_BYTES_MAX} are taken", pem.len()));
    }
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().map_err(|e| e.to_string())
}

/// Lower-case hexadecimal without the leading zeros that encodings differ in.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes.iter().skip_while(|b| **b == 0) {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
    }
    text
}
