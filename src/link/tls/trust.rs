//! What a program shows of itself and what it believes of others. Certificates rotate and lists of revoked ones
//! arrive while it runs: they are replaced here, and the next handshake uses them. Apart from `verifier`, which
//! asks this for every handshake.

use crate::authority::{CrlFacts, root_facts};
use crate::certificate::{CertificateFacts, Credential, hex};
use crate::clock::Clock;
use crate::error::LinkError;
use leeward_model::VaultId;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::{Arc, PoisonError, RwLock};

/// What a program shows and believes. A cheap handle: all clones see a replacement at once.
#[derive(Clone, Debug)]
pub struct Trust(Arc<Shared>);

struct Shared {
    vault: VaultId,
    root: CertificateDer<'static>,
    anchors: Vec<TrustAnchor<'static>>,
    clock: Clock,
    own: RwLock<Own>,
    revoked: RwLock<Option<Arc<CrlFacts>>>,
}

#[derive(Clone)]
struct Own {
    certified: Arc<CertifiedKey>,
    facts: CertificateFacts,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("vault", &self.vault).finish_non_exhaustive()
    }
}

impl Trust {
    /// Believes the vault of `credential` and shows it to others.
    ///
    /// # Errors
    /// When the credential cannot be used or does not belong together.
    pub fn new(credential: &Credential, clock: Clock) -> Result<Self, LinkError> {
        let root = credential.root()?;
        let bad = |detail: String| LinkError::credential("root certificate", detail);
        let (vault, _) = root_facts(&root).map_err(bad)?;
        let anchor = webpki::anchor_from_trusted_cert(&root).map_err(|e| bad(e.to_string()))?.to_owned();
        let own = Own::of(credential, vault)?;
        Ok(Self(Arc::new(Shared {
            vault,
            root,
            anchors: vec![anchor],
            clock,
            own: RwLock::new(own),
            revoked: RwLock::new(None),
        })))
    }

    /// The vault.
    #[must_use]
    pub fn vault(&self) -> VaultId {
        self.0.vault
    }

    /// What this program's own certificate says.
    #[must_use]
    pub fn own(&self) -> CertificateFacts {
        self.0.own.read().unwrap_or_else(PoisonError::into_inner).facts.clone()
    }

    /// Shows another certificate from now on.
    ///
    /// # Errors
    /// When it cannot be used or is of another vault or party; then nothing changes.
    pub fn replace_credential(&self, credential: &Credential) -> Result<(), LinkError> {
        let bad = |detail: &str| LinkError::credential("certificate", detail);
        if credential.root()? != self.0.root {
            return Err(bad("it is of another vault"));
        }
        let own = Own::of(credential, self.0.vault)?;
        let mut held = self.0.own.write().unwrap_or_else(PoisonError::into_inner);
        if own.facts.identity != held.facts.identity {
            return Err(bad("it is of another party"));
        }
        *held = own;
        Ok(())
    }

    /// Believes this list of revoked certificates from now on. An older one than is known changes nothing:
    /// whether it was taken is the answer.
    ///
    /// # Errors
    /// When the vault has not signed it; then nothing changes.
    pub fn replace_crl(&self, pem: &str) -> Result<bool, LinkError> {
        let facts = CrlFacts::read(pem, &self.0.root, self.0.vault)?;
        let mut held = self.0.revoked.write().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(|known| known.number > facts.number) {
            return Ok(false);
        }
        *held = Some(Arc::new(facts));
        Ok(true)
    }

    /// Whether a certificate is on the list of revoked ones.
    #[must_use]
    pub fn is_revoked(&self, facts: &CertificateFacts) -> bool {
        self.has_revoked(&facts.serial)
    }

    /// Its clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    pub(super) fn anchors(&self) -> &[TrustAnchor<'static>] {
        &self.0.anchors
    }

    pub(super) fn has_revoked_serial(&self, raw: &[u8]) -> bool {
        self.has_revoked(&hex(raw))
    }

    fn has_revoked(&self, serial: &str) -> bool {
        let held = self.0.revoked.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().is_some_and(|list| list.serials.contains(serial))
    }

    fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.own.read().unwrap_or_else(PoisonError::into_inner).certified)
    }
}

impl Own {
    fn of(credential: &Credential, vault: VaultId) -> Result<Self, LinkError> {
        let bad = |detail: &str| LinkError::credential("certificate", detail);
        let facts = credential.facts()?;
        if facts.identity.vault != vault || !crate::authority::issued_by_its_root(credential)? {
            return Err(bad("it was not issued by the vault it comes with"));
        }
        let certified = credential.certified()?;
        // What does not fit together would only show in the other side's refusal.
        certified.keys_match().map_err(|e| LinkError::credential("certificate and key", e))?;
        Ok(Self { certified, facts })
    }
}

/// Shows what the trust holds at the moment of the handshake.
#[derive(Debug)]
pub(super) struct OwnCertificate(pub(super) Trust);

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.certified())
    }
}

impl ResolvesClientCert for OwnCertificate {
    fn resolve(&self, _roots: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.certified())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The one provider of cryptography.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
