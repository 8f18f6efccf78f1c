//! From what sockets and TLS say to what a person needs to hear. Apart from `error`, which is the list of those
//! failures and knows nothing of TLS.

use crate::error::{LinkError, Whose};
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use std::io;

/// A party of the vault that does not belong here; travels through TLS from the verifier to [`explain_tls`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the certificate is of {found}, not of {wanted}")]
pub(crate) struct Misplaced {
    pub(crate) wanted: String,
    pub(crate) found: String,
}

/// What an I/O error with `peer` means.
pub(crate) fn explain(peer: &str, doing: &'static str, error: &io::Error) -> LinkError {
    if let Some(tls) = error.get_ref().and_then(|e| e.downcast_ref::<TlsError>()) {
        return explain_tls(peer, tls);
    }
    let (peer_, detail) = (peer.to_owned(), error.to_string());
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => LinkError::TimedOut { peer: peer_, doing },
        io::ErrorKind::ConnectionRefused
        | io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => LinkError::Refused { peer: peer_, detail },
        io::ErrorKind::InvalidData => LinkError::BadFrame { peer: peer_, detail },
        _ => LinkError::Cut { peer: peer_, detail: format!("{doing}: {detail}") },
    }
}

/// What a TLS error with `peer` means.
pub(crate) fn explain_tls(peer: &str, error: &TlsError) -> LinkError {
    let whose = Whose::Theirs;
    let (peer, detail) = (peer.to_owned(), error.to_string());
    match error {
        TlsError::InvalidCertificate(bad) => match bad {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                LinkError::Expired { peer, whose, detail }
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                LinkError::NotYetValid { peer, whose, detail }
            }
            CertificateError::Revoked => LinkError::Revoked { peer, whose },
            CertificateError::Other(other) => match other.0.downcast_ref::<Misplaced>() {
                Some(Misplaced { wanted, found }) => {
                    LinkError::NotOurPeer { peer, wanted: wanted.clone(), found: found.clone() }
                }
                None => LinkError::WrongCertificate { peer, whose, detail },
            },
            _ => LinkError::WrongCertificate { peer, whose, detail },
        },
        TlsError::NoCertificatesPresented => LinkError::NoCertificate { peer, whose },
        TlsError::AlertReceived(alert) => explain_alert(peer, *alert, detail),
        _ => LinkError::Tls { peer, detail },
    }
}

/// The other side has refused what we showed, and says so in one word.
fn explain_alert(peer: String, alert: AlertDescription, detail: String) -> LinkError {
    let whose = Whose::Ours;
    match alert {
        AlertDescription::CertificateExpired => LinkError::Expired { peer, whose, detail },
        AlertDescription::CertificateRevoked => LinkError::Revoked { peer, whose },
        AlertDescription::CertificateRequired => LinkError::NoCertificate { peer, whose },
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::DecryptError => LinkError::WrongCertificate { peer, whose, detail },
        _ => LinkError::Tls { peer, detail },
    }
}
