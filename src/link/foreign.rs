//! Every reader of what strangers send to this crate, as a function that takes any bytes: for the tests that throw
//! bytes at them. Each says whether it understood. Apart from the readers themselves, most of which nobody else needs.

use crate::authority::{CrlFacts, certificate_request};
use crate::certificate::{CertificateFacts, chain};
use crate::{LinkError, enrol, proxy};

/// A question of a host that wants to be enrolled.
#[must_use]
pub fn enrolment_question(bytes: &[u8]) -> bool {
    serde_json::from_slice::<enrol::Question>(bytes).is_ok()
}

/// The engine's answer to one.
#[must_use]
pub fn enrolment_answer(bytes: &[u8]) -> bool {
    serde_json::from_slice::<enrol::Answer>(bytes).is_ok()
}

/// The hello of a session.
#[must_use]
pub fn session_hello(bytes: &[u8]) -> bool {
    crate::control::hello_is_read(bytes)
}

/// A certificate, DER, or a chain of them, PEM.
#[must_use]
pub fn certificate(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let of_chain = chain(&text).is_ok_and(|all| all.iter().any(|der| CertificateFacts::read(der).is_ok()));
    CertificateFacts::read(&bytes.to_vec().into()).is_ok() || of_chain
}

/// A request for a certificate, PEM.
#[must_use]
pub fn request_for_certificate(bytes: &[u8]) -> bool {
    certificate_request(&String::from_utf8_lossy(bytes))
}

/// A list of revoked certificates, PEM, behind the root that has signed it, as a chain in one text.
#[must_use]
pub fn revocation_list(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Ok(Some(root)) = chain(&text).map(|all| all.into_iter().next()) else { return false };
    CrlFacts::read(&text, &root, leeward_model::VaultId(uuid::Uuid::nil())).is_ok()
}

/// The answer of a proxy.
#[must_use]
pub fn proxy_answer(bytes: &[u8]) -> bool {
    proxy::status(bytes).is_some()
}

/// Good examples of what only this crate can write: an enrolment's question and answer, a hello, a request for a
/// certificate.
///
/// # Errors
/// When the system gives no randomness.
pub fn examples() -> Result<Vec<Vec<u8>>, LinkError> {
    let (key_pem, csr_pem) = crate::authority::new_request()?;
    let host = crate::HostDescription { name: "hv1".to_owned(), ..Default::default() };
    let credential = crate::Credential { ca_pem: String::new(), certificate_pem: csr_pem.clone(), key_pem };
    let key = leeward_model::KeyId(uuid::Uuid::nil());
    let former = Some(crate::authority::prove(&credential, key, &csr_pem)?);
    let question = enrol::Question::Enrol { host, csr_pem: csr_pem.clone(), former };
    let answer = enrol::Answer::Granted {
        agent: leeward_model::AgentId(uuid::Uuid::nil()),
        certificate_pem: csr_pem.clone(),
        crl_pem: String::new(),
        engine_addresses: vec!["engine:8443".to_owned()],
    };
    let json = |value: serde_json::Result<Vec<u8>>| value.map_err(|e| LinkError::bad_frame("example", e));
    Ok(vec![
        json(serde_json::to_vec(&question))?,
        json(serde_json::to_vec(&answer))?,
        json(crate::control::hello_example())?,
        csr_pem.into_bytes(),
    ])
}
