//! The vault's certificates as the engine uses them: the authority that issues and revokes, and the engine's own
//! certificate, which renews itself. Apart from `vault`, which only knows in which folder they lie, and from
//! `leeward_link`, which knows what is in them.

use super::clock::Clock;
use crate::operator::Credentials;
use crate::vault::{Listen, VaultError, VaultFolder};
use leeward_link::messages::Request;
use leeward_link::private_file::{read_bounded, write_private};
use leeward_link::{Authority, Credential, LinkError, NewKey, needs_rotation};
use leeward_model::{AgentId, Fault, KeyId, Moment, VaultId};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// File of the engine's own certificate and key, in the authority's folder.
const ENGINE_FILE: &str = "engine.json";

/// The longest such file.
const FILE_BYTES_MAX: usize = 64 * 1024;

/// The trust of a running engine. A cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Trust {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    authority: Authority,
    link: leeward_link::Trust,
    vault_name: String,
    listen: Listen,
    own_file: PathBuf,
}

impl Trust {
    /// Makes the certificates of a new vault: its authority, and the local user's own.
    pub(crate) fn create(
        folder: &VaultFolder,
        vault: VaultId,
        name: &str,
        by: &str,
        clock: &dyn Clock,
    ) -> Result<(), VaultError> {
        let now = clock.now();
        let authority = Authority::create(&folder.ca()?, vault, name, now)?;
        operator_credentials(&authority, by, clock)?.keep(folder)
    }

    /// Opens the certificates of a vault for a run of its engine.
    pub(crate) fn open(
        folder: &VaultFolder,
        vault_name: String,
        listen: Listen,
        by: &str,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, VaultError> {
        let now = clock.now();
        let ca = folder.ca()?;
        let authority = Authority::open(&ca)?;
        let own_file = ca.join(ENGINE_FILE);
        let own = match kept(&own_file, &authority, now) {
            Some(own) => own,
            None => issue_own(&authority, &own_file, &listen, now)?,
        };
        renew_operator(folder, &authority, by, clock.as_ref())?;
        let time = Arc::clone(clock);
        let link = leeward_link::Trust::new(&own, leeward_link::Clock::new(move || time.now()))?;
        link.replace_crl(&authority.crl(now)?)?;
        Ok(Self { shared: Arc::new(Shared { authority, link, vault_name, listen, own_file }) })
    }

    /// What the listener shows and believes.
    pub(super) fn link(&self) -> leeward_link::Trust {
        self.shared.link.clone()
    }

    /// The authority, for enrolment.
    pub(super) fn authority(&self) -> &Authority {
        &self.shared.authority
    }

    /// Where agents reach the engine.
    pub(super) fn engine_addresses(&self) -> &[String] {
        &self.shared.listen.advertise
    }

    /// The text of a registration key's file. A secret.
    pub(super) fn make_key(
        &self,
        key: KeyId,
        site: &str,
        expires: Moment,
        now: Moment,
    ) -> Result<String, Box<Fault>> {
        let new = NewKey {
            key,
            vault_name: self.shared.vault_name.clone(),
            site: site.to_owned(),
            engine_addresses: self.shared.listen.advertise.clone(),
            expires,
        };
        let made = self.shared.authority.make_registration_key(new, now);
        made.map(|(_, text)| text).map_err(|e| Box::new(e.fault()))
    }

    /// Puts an agent's certificates on the list of revoked ones, and believes the new list.
    pub(super) fn revoke(&self, agent: AgentId, now: Moment) -> Result<(), LinkError> {
        self.shared.authority.revoke_agent(agent, now)?;
        self.shared.link.replace_crl(&self.shared.authority.crl(now)?)?;
        Ok(())
    }

    /// Revokes what agents hold that are not in the vault: the engine may have ended between taking one out and
    /// revoking it.
    pub(super) fn revoke_unknown(&self, known: &BTreeSet<AgentId>, now: Moment) -> Result<(), LinkError> {
        for agent in self.shared.authority.agents().into_iter().filter(|a| !known.contains(a)) {
            tracing::warn!(%agent, "its certificate is revoked: it is not in the vault any more");
            self.revoke(agent, now)?;
        }
        Ok(())
    }

    /// Fills in what the core cannot know: the list of revoked certificates, and where the engine is.
    pub(super) fn complete(&self, request: Request, now: Moment) -> Request {
        match request {
            Request::Trust { crl_pem, peers, .. } if crl_pem.is_empty() => {
                let crl_pem = self.shared.authority.crl(now).unwrap_or_else(|error| {
                    // The agent keeps the list it has.
                    tracing::error!(%error, "the list of revoked certificates could not be made");
                    String::new()
                });
                let engine_addresses = self.shared.listen.advertise.clone();
                Request::Trust { crl_pem, peers, engine_addresses }
            }
            other => other,
        }
    }

    /// Renews the engine's own certificate when two thirds of its life are over.
    pub(super) fn renew_own(&self, now: Moment) {
        if !needs_rotation(&self.shared.link.own(), now) {
            return;
        }
        let renewed = issue_own(&self.shared.authority, &self.shared.own_file, &self.shared.listen, now)
            .and_then(|own| self.shared.link.replace_credential(&own));
        match renewed {
            Ok(()) => tracing::info!("the engine has renewed its certificate"),
            Err(error) => tracing::error!(%error, "the engine could not renew its certificate"),
        }
    }
}

/// The engine's certificate of an earlier run, if it is good for this one.
fn kept(path: &Path, authority: &Authority, now: Moment) -> Option<Credential> {
    let own: Credential = serde_json::from_str(&read_bounded(path, FILE_BYTES_MAX).ok()?).ok()?;
    let facts = own.facts().ok()?;
    let good = own.ca_pem == authority.ca_pem()
        && facts.identity.vault == authority.vault()
        && facts.not_before <= now
        && !needs_rotation(&facts, now);
    good.then_some(own)
}

fn issue_own(
    authority: &Authority,
    path: &Path,
    listen: &Listen,
    now: Moment,
) -> Result<Credential, LinkError> {
    let own = authority.issue_engine(&listen.advertise, now)?;
    let text = serde_json::to_string(&own).expect("a credential becomes JSON");
    write_private(path, text.as_bytes())?;
    Ok(own)
}

fn operator_credentials(
    authority: &Authority,
    by: &str,
    clock: &dyn Clock,
) -> Result<Credentials, VaultError> {
    let credential = authority.issue_operator(clock.new_id(), by, clock.now())?;
    Ok(Credentials::new(credential))
}

/// The local user's own certificate is renewed whenever an engine starts and finds it old, or gone.
fn renew_operator(
    folder: &VaultFolder,
    authority: &Authority,
    by: &str,
    clock: &dyn Clock,
) -> Result<(), VaultError> {
    let good = Credentials::of_vault(folder).is_ok_and(|c| c.is_fresh(authority.vault(), clock.now()));
    if good { Ok(()) } else { operator_credentials(authority, by, clock)?.keep(folder) }
}
