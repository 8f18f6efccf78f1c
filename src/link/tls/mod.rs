//! TLS 1.3 between parties of one vault: both sides show a certificate, both sides check it against the vault's
//! root, its list of revoked certificates and the date, and then who it is of. Host names play no part.
//!
//! | file | what it is |
//! |---|---|
//! | `mod` | the protocols, and the configurations made of a [`Trust`] |
//! | `trust` | what a program shows and believes, replaceable while it runs |
//! | `verifier` | the checks |
//! | `alarm` | from TLS errors to ours |

pub(crate) mod alarm;
mod trust;
mod verifier;

pub use trust::Trust;

use crate::error::LinkError;
use crate::identity::Wanted;
use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, ServerConfig};
use std::sync::Arc;
use trust::OwnCertificate;
use verifier::Verifier;

/// What a connection is for. Named in the handshake, so that one port can serve several.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Protocol {
    /// Agents to the engine: requests, answers, facts.
    Control,
    /// Hosts to the engine: enrolment and renewal of certificates.
    Enrol,
    /// Windows and command lines to the engine.
    Operator,
    /// Agents to agents: the replicated bytes.
    Replication,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Control, Self::Enrol, Self::Operator, Self::Replication];

    /// Its name in the handshake.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Control => "leeward-control/1",
            Self::Enrol => "leeward-enrol/1",
            Self::Operator => "leeward-operator/1",
            Self::Replication => "leeward-replication/1",
        }
    }

    /// Who may open a connection for it.
    #[must_use]
    pub const fn callers(self) -> Wanted {
        match self {
            Self::Control | Self::Replication => Wanted::AnyAgent,
            Self::Enrol => Wanted::Enrolling,
            Self::Operator => Wanted::Operator,
        }
    }

    pub(crate) fn of_name(name: Option<&[u8]>) -> Option<Self> {
        Self::ALL.into_iter().find(|p| Some(p.name().as_bytes()) == name)
    }
}

/// The name that stands where TLS wants a server's name. It is not sent and not checked.
pub(crate) const NOMINAL_NAME: &str = "leeward.internal";

impl Trust {
    /// The configuration of a listener for these protocols. Nothing is cached between connections: a certificate
    /// that was revoked since must not come in by resuming.
    pub(crate) fn server_config(&self, protocols: &[Protocol]) -> Result<Arc<ServerConfig>, LinkError> {
        let verifier = Verifier::new(self.clone(), None);
        let mut config =
            ServerConfig::builder_with_details(trust::provider(), Arc::new(self.clock().clone()))
                .with_protocol_versions(&[&rustls::version::TLS13])
                .map_err(|e| LinkError::credential("TLS", e))?
                .with_client_cert_verifier(Arc::new(verifier))
                .with_cert_resolver(Arc::new(OwnCertificate(self.clone())));
        config.alpn_protocols = protocols.iter().map(|p| p.name().as_bytes().to_vec()).collect();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// The configuration of a caller that wants this party for this protocol.
    pub(crate) fn client_config(
        &self,
        protocol: Protocol,
        wanted: Wanted,
    ) -> Result<Arc<ClientConfig>, LinkError> {
        let verifier = Verifier::new(self.clone(), Some(wanted));
        let mut config =
            ClientConfig::builder_with_details(trust::provider(), Arc::new(self.clock().clone()))
                .with_protocol_versions(&[&rustls::version::TLS13])
                .map_err(|e| LinkError::credential("TLS", e))?
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(verifier))
                .with_client_cert_resolver(Arc::new(OwnCertificate(self.clone())));
        config.alpn_protocols = vec![protocol.name().as_bytes().to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        Ok(Arc::new(config))
    }
}
