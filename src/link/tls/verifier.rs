//! The checks of the other side's certificate, the same for callers and listeners: issued by the vault's root,
//! for this use, valid now, not revoked, and naming a party of this vault. Callers also say which party they
//! want; a listener learns it from the protocol after the handshake. Apart from `trust`, which holds what is
//! checked against.

use super::alarm::Misplaced;
use super::trust::{Trust, provider};
use crate::certificate::CertificateFacts;
use crate::identity::Wanted;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error as TlsError, OtherError,
    PeerIncompatible, SignatureScheme,
};
use std::sync::Arc;
use webpki::{EndEntityCert, KeyUsage};

/// Usages by their object identifiers; a certificate must name them.
const SERVER: &[u8] = &[40 + 3, 6, 1, 5, 5, 7, 3, 1];
const CLIENT: &[u8] = &[40 + 3, 6, 1, 5, 5, 7, 3, 2];

/// Checks the other side.
#[derive(Debug)]
pub(super) struct Verifier {
    trust: Trust,
    /// Which party, when this side knows.
    wanted: Option<Wanted>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    pub(super) fn new(trust: Trust, wanted: Option<Wanted>) -> Self {
        Self { trust, wanted, algorithms: provider().signature_verification_algorithms }
    }

    fn check(
        &self,
        shown: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        usage: &'static [u8],
        now: UnixTime,
    ) -> Result<(), TlsError> {
        let certificate = EndEntityCert::try_from(shown).map_err(tls_error)?;
        certificate
            .verify_for_usage(
                self.algorithms.all,
                self.trust.anchors(),
                intermediates,
                now,
                KeyUsage::required(usage),
                None,
                None,
            )
            .map_err(tls_error)?;
        if self.trust.has_revoked_serial(certificate.serial()) {
            return Err(CertificateError::Revoked.into());
        }
        let facts = CertificateFacts::read(shown).map_err(|detail| {
            TlsError::from(CertificateError::Other(OtherError(Arc::from(Box::from(detail)))))
        })?;
        let identity = facts.identity;
        let misplaced = if identity.vault != self.trust.vault() {
            let wanted = format!("vault {}", self.trust.vault());
            Some(Misplaced { wanted, found: identity.to_string() })
        } else {
            let wanted = self.wanted.filter(|w| !w.accepts(identity.party));
            wanted.map(|w| Misplaced { wanted: w.to_string(), found: identity.party.to_string() })
        };
        if let Some(misplaced) = misplaced {
            return Err(CertificateError::Other(OtherError(Arc::new(misplaced))).into());
        }
        Ok(())
    }

    fn signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }
}

/// TLS 1.2 is never agreed to; its methods must exist.
fn too_old<T>() -> Result<T, TlsError> {
    Err(PeerIncompatible::Tls13RequiredForQuic.into())
}

fn tls_error(error: webpki::Error) -> TlsError {
    use webpki::Error as Bad;
    match error {
        Bad::CertExpired { time, not_after } => CertificateError::ExpiredContext { time, not_after },
        Bad::CertNotValidYet { time, not_before } => {
            CertificateError::NotValidYetContext { time, not_before }
        }
        Bad::UnknownIssuer => CertificateError::UnknownIssuer,
        Bad::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Bad::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        Bad::BadDer | Bad::BadDerTime | Bad::TrailingData(_) => CertificateError::BadEncoding,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    }
    .into()
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        self.check(end_entity, intermediates, SERVER, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        too_old()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        self.check(end_entity, intermediates, CLIENT, now).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        too_old()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
