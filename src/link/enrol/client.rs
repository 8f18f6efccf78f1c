//! The host's side of enrolment: makes its key, asks, and keeps the answer. The key is kept before the question is
//! asked, so that asking again after a lost answer is the same question. Apart from `host_identity`, which knows
//! the files.

use super::host_identity::{HostIdentity, KnownTrust, PendingKey};
use super::{Answer, BYTES_MAX, PATIENCE, Question};
use crate::authority::{certificate_fits_key, new_request, prove, request_with};
use crate::certificate::Credential;
use crate::clock::Clock;
use crate::control::frame::{self, Kind};
use crate::control::{Connection, Dialer};
use crate::error::LinkError;
use crate::identity::{Party, Wanted};
use crate::proxy::Proxy;
use crate::registration_key::{KeyError, RegistrationKey};
use crate::secret::Secret;
use crate::tls::alarm::explain;
use crate::tls::{Protocol, Trust};
use leeward_model::{Fault, Message, Recovery};
use serde::{Deserialize, Serialize};
use std::path::Path;
use tokio::io::AsyncWriteExt;

/// What a host says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HostDescription {
    /// Host name.
    pub name: String,
    /// Site name, from its settings; the key's site when they say none.
    pub site: String,
    /// Program version.
    pub version: String,
    /// Where it listens for replication: `host:port`.
    pub replication_addr: String,
}

/// An enrolment to be done.
#[derive(Clone, Debug)]
pub struct Enrolment {
    /// The key.
    pub key: RegistrationKey,
    /// What the host says of itself.
    pub host: HostDescription,
    /// The way out, when it is not direct.
    pub proxy: Option<Proxy>,
    /// The time.
    pub clock: Clock,
}

/// Why a host was not enrolled, or its certificate not renewed.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum EnrolError {
    /// The key is of no use.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The engine could not be asked, or the answer not kept.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The engine has refused.
    #[error("the engine refused: {}", why.key)]
    Refused {
        /// Its reason.
        why: Message,
    },
}

impl EnrolError {
    /// As a fault with causes and an action. `subject` is the key or host as a person knows it.
    #[must_use]
    pub fn fault(&self, subject: &str) -> Fault {
        match self {
            Self::Key(error) => error.fault(subject),
            Self::Link(error) => error.fault(),
            Self::Refused { why } => {
                let mut fault =
                    Fault::new("link-enrol-refused", subject, String::new(), Recovery::NeedsPerson);
                fault.causes = vec![why.clone()];
                fault
            }
        }
    }
}

impl Enrolment {
    /// Enrols this host and keeps its identity in `folder`, which is made if it is not there. May be repeated
    /// after any failure. A host that is in the vault already stays the agent it is, also when its certificate has
    /// expired: it proves that it holds the key of it. Its agent must not run meanwhile.
    ///
    /// # Errors
    /// When the key is of no use, the engine cannot be reached or refuses, or the files cannot be written.
    pub async fn run(&self, folder: &Path) -> Result<HostIdentity, EnrolError> {
        let present = HostIdentity::load(folder)?;
        self.key.check(self.clock.now(), present.as_ref().map(|p| p.vault))?;
        let key_pem = PendingKey::keep(folder, self.key.key)?;
        let csr_pem = request_with(&key_pem)?;
        let trust = Trust::new(&self.key.credential, self.clock.clone())?;
        let dialer = Dialer { proxy: self.proxy.clone(), ..Dialer::new(trust) };
        let mut host = self.host.clone();
        if let (true, Some(present)) = (host.site.is_empty(), &present) {
            host.site.clone_from(&present.site);
        }
        if host.site.is_empty() {
            host.site.clone_from(&self.key.site);
        }
        let site = host.site.clone();
        let former = present.as_ref().map(|p| prove(&p.credential, self.key.key, &csr_pem)).transpose()?;
        let question = Question::Enrol { host, csr_pem, former };
        let granted = ask_anywhere(&dialer, &self.key.engine_addresses, &question).await?;
        let identity = HostIdentity {
            vault: self.key.vault,
            vault_name: self.key.vault_name.clone(),
            agent: granted.agent,
            site,
            engine_addresses: granted.engine_addresses_or(&self.key.engine_addresses),
            credential: granted.credential(&self.key.credential.ca_pem, key_pem)?,
        };
        identity.check()?;
        // What is believed goes first: an identity without it would trust certificates that are revoked.
        let same = present.is_some_and(|p| p.agent == identity.agent);
        let peers = if same { KnownTrust::load(folder)?.peers } else { Vec::new() };
        KnownTrust { crl_pem: granted.crl_pem, peers }.store(folder)?;
        identity.store(folder)?;
        PendingKey::forget(folder)?;
        Ok(identity)
    }
}

/// Has this host's certificate renewed, with a new key, and keeps it in `folder`. The caller then puts it into its
/// [`Trust`] with `replace_credential`.
///
/// # Errors
/// When the engine cannot be reached or refuses, or the file cannot be written; then the old one stands.
pub async fn renew(
    identity: &HostIdentity,
    host: &HostDescription,
    dialer: &Dialer,
    folder: &Path,
) -> Result<HostIdentity, EnrolError> {
    let (key_pem, csr_pem) = new_request()?;
    let question = Question::Renew { host: host.clone(), csr_pem };
    let granted = ask_anywhere(dialer, &identity.engine_addresses, &question).await?;
    let renewed = HostIdentity {
        engine_addresses: granted.engine_addresses_or(&identity.engine_addresses),
        credential: granted.credential(&identity.credential.ca_pem, key_pem)?,
        ..identity.clone()
    };
    renewed.check()?;
    renewed.store(folder)?;
    Ok(renewed)
}

struct Granted {
    agent: leeward_model::AgentId,
    certificate_pem: String,
    crl_pem: String,
    engine_addresses: Vec<String>,
}

impl Granted {
    fn engine_addresses_or(&self, known: &[String]) -> Vec<String> {
        let told = &self.engine_addresses;
        if told.is_empty() { known.to_vec() } else { told.iter().take(32).cloned().collect() }
    }

    fn credential(&self, ca_pem: &str, key_pem: Secret) -> Result<Credential, LinkError> {
        if !certificate_fits_key(&self.certificate_pem, &key_pem)? {
            return Err(LinkError::credential("certificate", "it is for another key than the one asked for"));
        }
        Ok(Credential { ca_pem: ca_pem.to_owned(), certificate_pem: self.certificate_pem.clone(), key_pem })
    }
}

/// Asks at one address after the other. What no other address would change ends the search.
async fn ask_anywhere(dialer: &Dialer, addrs: &[String], question: &Question) -> Result<Granted, EnrolError> {
    let mut first = None;
    for addr in addrs {
        match ask(dialer, addr, question).await {
            Err(EnrolError::Link(error)) if error.recovery() == Recovery::Retries => {
                tracing::info!(addr, %error, "the engine cannot be asked there");
                first.get_or_insert(error);
            }
            decided => return decided,
        }
    }
    let nowhere =
        || LinkError::Unresolved { peer: "engine".to_owned(), detail: "no address is known".to_owned() };
    Err(first.unwrap_or_else(nowhere).into())
}

async fn ask(dialer: &Dialer, addr: &str, question: &Question) -> Result<Granted, EnrolError> {
    let Connection { mut stream, .. } = dialer.dial(addr, Protocol::Enrol, Wanted::Engine).await?;
    let question = frame::write(addr, Kind::Request, 1, question)?;
    let sent = async {
        stream.write_all(&question).await?;
        stream.flush().await
    };
    let late = |_| LinkError::TimedOut { peer: addr.to_owned(), doing: "asking to be enrolled" };
    let sent = tokio::time::timeout(PATIENCE, sent).await.map_err(late)?;
    // What the engine says goes before a failure to write: it explains why it stopped listening.
    let answer = match (frame::read(&mut stream, addr, BYTES_MAX, PATIENCE).await, sent) {
        (Ok(answer), _) => answer,
        (Err(LinkError::Cut { .. }), Err(error)) => {
            return Err(explain(addr, "asking to be enrolled", &error).into());
        }
        (Err(error), _) => return Err(error.into()),
    };
    match answer.kind {
        Kind::Response => match frame::body(addr, &answer.body)? {
            Answer::Granted { agent, certificate_pem, crl_pem, engine_addresses } => {
                Ok(Granted { agent, certificate_pem, crl_pem, engine_addresses })
            }
            Answer::Refused { why } => Err(EnrolError::Refused { why }),
        },
        Kind::Goodbye => {
            let why = frame::body(addr, &answer.body)?;
            Err(LinkError::TurnedAway { peer: addr.to_owned(), why }.into())
        }
        other => Err(LinkError::bad_frame(addr, format!("{other:?} where an answer should be")).into()),
    }
}

impl HostIdentity {
    /// Whether what it says and what its certificate says are the same.
    fn check(&self) -> Result<(), LinkError> {
        let facts = self.credential.facts()?;
        let same = facts.identity.vault == self.vault && facts.identity.party == Party::Agent(self.agent);
        if same && crate::authority::issued_by_its_root(&self.credential)? {
            return Ok(());
        }
        Err(LinkError::credential("certificate", "it is not the one that was asked for"))
    }
}
