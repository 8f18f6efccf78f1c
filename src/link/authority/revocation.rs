//! The list of revoked certificates: made and signed by the authority, checked and read by everybody else. Apart
//! from `register`, which is the authority's own memory.

use super::date;
use super::register::Issued;
use crate::certificate::hex;
use crate::error::LinkError;
use leeward_model::{Moment, VaultId};
use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, RevocationReason, RevokedCertParams,
    SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use std::collections::BTreeSet;

/// How long a list says it is good for, in seconds. Nobody refuses an older one: an agent that is cut off from
/// the engine must go on replicating with what it knows.
const LIST_SECS: i64 = 30 * 86_400;

/// The longest list that is taken, in bytes of PEM.
const LIST_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A checked list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CrlFacts {
    /// Rises with every change; a lower one is older.
    pub(crate) number: u64,
    /// The revoked certificates' numbers, as `CertificateFacts::serial` has them.
    pub(crate) serials: BTreeSet<String>,
}

/// Makes and signs a list.
pub(super) fn make<'a>(
    issuer: &Issuer<'static, KeyPair>,
    revoked: impl Iterator<Item = (&'a Issued, Moment)>,
    number: u64,
    now: Moment,
) -> Result<String, LinkError> {
    let bad = |e: rcgen::Error| LinkError::credential("list of revoked certificates", e);
    let mut revoked_certs = Vec::new();
    for (issued, at) in revoked {
        let serial = unhex(&issued.serial)
            .ok_or_else(|| LinkError::credential("register of certificates", "a bad number"))?;
        revoked_certs.push(RevokedCertParams {
            serial_number: SerialNumber::from_slice(&serial),
            revocation_time: date(at),
            reason_code: Some(RevocationReason::CessationOfOperation),
            invalidity_date: None,
        });
    }
    let number: Vec<u8> = number.to_be_bytes().into_iter().skip_while(|b| *b == 0).collect();
    let params = CertificateRevocationListParams {
        this_update: date(now),
        next_update: date(now.plus_secs(LIST_SECS)),
        crl_number: SerialNumber::from_slice(&number),
        issuing_distribution_point: None,
        revoked_certs,
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).and_then(|list| list.pem()).map_err(bad)
}

impl CrlFacts {
    /// Reads a list and checks that the vault's root has signed it.
    pub(crate) fn read(pem: &str, root: &CertificateDer<'_>, vault: VaultId) -> Result<Self, LinkError> {
        let what = || format!("list of revoked certificates of vault {vault}");
        let bad = |detail: String| LinkError::credential(what(), detail);
        if pem.len() > LIST_BYTES_MAX {
            return Err(bad(format!("{} bytes; at most {LIST_BYTES_MAX} are taken", pem.len())));
        }
        let der =
            CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).map_err(|e| bad(e.to_string()))?;
        let (rest, list) = x509_parser::parse_x509_crl(&der).map_err(|e| bad(e.to_string()))?;
        if !rest.is_empty() {
            return Err(bad("bytes after the list".to_owned()));
        }
        let (_, root) = x509_parser::parse_x509_certificate(root).map_err(|e| bad(e.to_string()))?;
        if list.issuer() != root.subject() || list.verify_signature(root.public_key()).is_err() {
            return Err(bad("it is not signed by the vault".to_owned()));
        }
        let number = list.crl_number().and_then(|n| u64::try_from(n).ok());
        Ok(Self {
            number: number.ok_or_else(|| bad("no number".to_owned()))?,
            serials: list.iter_revoked_certificates().map(|r| hex(r.raw_serial())).collect(),
        })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    text.len().is_multiple_of(2).then_some(())?;
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
