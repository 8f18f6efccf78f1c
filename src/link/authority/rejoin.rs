//! The proof that a host has been in the vault before: its old certificate, also an expired one, and a signature by
//! the key of it over the new question. With it a host that enrols again stays the agent it was and keeps its items.
//! Apart from `issue`, because nothing is issued here.

use super::{Authority, issued_by_its_root, verify_seal};
use crate::certificate::{CertificateFacts, Credential, PEM_BYTES_MAX, chain};
use crate::error::LinkError;
use crate::identity::Party;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use leeward_model::{AgentId, KeyId};
use rcgen::{KeyPair, SigningKey as _};
use serde::{Deserialize, Serialize};

/// What a host shows of its former self.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Former {
    /// The certificate it had, PEM.
    certificate_pem: String,
    /// The signature of its key over the registration key's identity and the new request.
    proof: String,
}

/// What is signed. Bound to this one question, so that it is of no use in another.
fn proved(key: KeyId, csr_pem: &str) -> Vec<u8> {
    format!("leeward enrol again\n{key}\n{csr_pem}").into_bytes()
}

/// Proves that whoever asks held `credential`.
pub(crate) fn prove(credential: &Credential, key: KeyId, csr_pem: &str) -> Result<Former, LinkError> {
    let bad = |e: rcgen::Error| LinkError::credential("private key", e);
    let own = KeyPair::from_pem(credential.key_pem.expose()).map_err(bad)?;
    let proof = STANDARD.encode(own.sign(&proved(key, csr_pem)).map_err(bad)?);
    Ok(Former { certificate_pem: credential.certificate_pem.clone(), proof })
}

impl Authority {
    /// The agent that a host proves to have been; none when its certificate was revoked: then it begins anew.
    ///
    /// # Errors
    /// When it proves nothing: the certificate is not of this vault, or the signature not of its key.
    pub(crate) fn former(
        &self,
        former: &Former,
        key: KeyId,
        csr_pem: &str,
    ) -> Result<Option<AgentId>, LinkError> {
        let bad = |detail: String| LinkError::credential("former certificate", detail);
        if former.certificate_pem.len() > PEM_BYTES_MAX {
            return Err(bad("it is too long".to_owned()));
        }
        let der = chain(&former.certificate_pem).map_err(bad)?.into_iter().next();
        let facts =
            CertificateFacts::read(&der.ok_or_else(|| bad("no certificate".to_owned()))?).map_err(bad)?;
        let shown = Credential {
            ca_pem: self.ca_pem.clone(),
            certificate_pem: former.certificate_pem.clone(),
            key_pem: Secret::new(String::new()),
        };
        let Party::Agent(agent) = facts.identity.party else {
            return Err(bad("it is not of an agent".to_owned()));
        };
        if facts.identity.vault != self.vault || !issued_by_its_root(&shown)? {
            return Err(bad("it is of another vault".to_owned()));
        }
        let proof = STANDARD.decode(&former.proof).map_err(|e| bad(e.to_string()))?;
        if !verify_seal(&former.certificate_pem, &proved(key, csr_pem), &proof).map_err(bad)? {
            return Err(bad("its key has not signed the question".to_owned()));
        }
        let revoked = self.register().revoked().any(|(issued, _)| issued.serial == facts.serial);
        Ok((!revoked).then_some(agent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::{AgentRequest, new_request};
    use crate::enrol::HostDescription;
    use leeward_model::{Moment, VaultId};
    use uuid::Uuid;

    const TODAY: Moment = Moment(1_794_000_000_000);

    fn vault(folder: &std::path::Path, number: u128) -> Authority {
        let name = format!("ca-{number}");
        Authority::create(&folder.join(name), VaultId(Uuid::from_u128(number)), "nordic", TODAY)
            .expect("made")
    }

    fn host(authority: &Authority, number: u128) -> Credential {
        let (key_pem, csr_pem) = new_request().expect("randomness");
        let agent = AgentId(Uuid::from_u128(number));
        let request = AgentRequest { agent, key: None, host: HostDescription::default(), csr_pem };
        let certificate_pem = authority.issue_agent(&request, TODAY).expect("issued");
        Credential { ca_pem: authority.ca_pem.clone(), certificate_pem, key_pem }
    }

    #[test]
    fn only_who_holds_the_old_key_is_who_it_was() {
        let folder = tempfile::tempdir().expect("a folder");
        let (ours, theirs) = (vault(folder.path(), 1), vault(folder.path(), 2));
        let (one, two) = (host(&ours, 1), host(&ours, 2));
        let (key, other) = (KeyId(Uuid::from_u128(7)), KeyId(Uuid::from_u128(8)));
        let shown = prove(&one, key, "a request").expect("signed");
        assert_eq!(ours.former(&shown, key, "a request"), Ok(Some(AgentId(Uuid::from_u128(1)))));
        // The proof is of this question alone.
        assert!(ours.former(&shown, other, "a request").is_err());
        assert!(ours.former(&shown, key, "another").is_err());
        // Another's certificate, which is no secret, with one's own key.
        let stolen = Credential { certificate_pem: two.certificate_pem.clone(), ..one.clone() };
        assert!(ours.former(&prove(&stolen, key, "a request").expect("signed"), key, "a request").is_err());
        let foreign = prove(&host(&theirs, 1), key, "a request").expect("signed");
        assert!(ours.former(&foreign, key, "a request").is_err());
        ours.revoke_agent(AgentId(Uuid::from_u128(1)), TODAY).expect("revoked");
        assert_eq!(ours.former(&shown, key, "a request"), Ok(None), "it was removed: it begins anew");
    }
}
