//! Who gets past a handshake, and what both sides say to those who do not. Each refusal is heard twice: by the side
//! that refuses and by the side that is refused.

use crate::vault::{Agent, Port, TODAY, Vault};
use leeward_link::control::{AgentSays, Dialer, EngineSays, Pace, Session};
use leeward_link::enrol;
use leeward_link::messages::AgentHello;
use leeward_link::{KnownTrust, LinkError, Protocol, Wanted, Whose, needs_rotation};
use leeward_model::{AgentId, KeyId};
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;
use uuid::Uuid;

/// An engine's control port that says who came in.
async fn engine(vault: &Vault) -> (Port, mpsc::UnboundedReceiver<String>) {
    let (came, who) = mpsc::unbounded_channel();
    let on = move |connection: leeward_link::control::Connection| {
        let came = came.clone();
        async move {
            came.send(connection.peer.identity.party.to_string()).ok();
            let peer = connection.addr.clone();
            let opened =
                Session::<EngineSays, AgentSays>::open(connection.stream, &peer, &(), Pace::default()).await;
            if let Ok((session, _incoming, _hello)) = opened {
                session.ended().await;
            }
        }
    };
    (vault.listen(vault.engine_trust(), &[Protocol::Control, Protocol::Operator], on).await, who)
}

/// Dials and opens a session: what an agent does.
async fn visit(dialer: &Dialer, addr: SocketAddr) -> Result<(), LinkError> {
    let addr = addr.to_string();
    let connection = dialer.dial(&addr, Protocol::Control, Wanted::Engine).await?;
    let hello = AgentHello {
        agent: AgentId(Uuid::nil()),
        host: "host".to_owned(),
        site: "Göteborg".to_owned(),
        version: "1".to_owned(),
        replication_addr: String::new(),
    };
    Session::<AgentSays, EngineSays>::open(connection.stream, &addr, &hello, Pace::default()).await.map(drop)
}

#[tokio::test]
async fn an_agent_of_the_vault_gets_in_and_nobody_else() {
    let (vault, other) = (Vault::new(1), Vault::new(2));
    let (port, mut who) = engine(&vault).await;
    let (ours, theirs) = (vault.agent(1).await, other.agent(2).await);

    // An agent of another vault refuses our engine first.
    let refused = visit(&theirs.dialer(), port.addr).await;
    assert!(matches!(refused, Err(LinkError::WrongCertificate { whose: Whose::Theirs, .. })), "{refused:?}");

    // A registration key is good for nothing but asking.
    let key = vault.authority.issue_bootstrap(KeyId(Uuid::from_u128(5)), TODAY).expect("issued");
    let refused = visit(&Dialer::new(vault.trust(&key)), port.addr).await;
    assert!(
        matches!(&refused, Err(LinkError::TurnedAway { why, .. }) if why.key == "link-why-wrong-party"),
        "{refused:?}"
    );

    // An operator is no agent.
    let person = vault.authority.issue_operator(Uuid::from_u128(6), "anna", TODAY).expect("issued");
    let refused = visit(&Dialer::new(vault.trust(&person)), port.addr).await;
    assert!(matches!(refused, Err(LinkError::TurnedAway { .. })), "{refused:?}");

    visit(&ours.dialer(), port.addr).await.expect("welcome");
    assert_eq!(who.recv().await, Some(format!("agent:{}", ours.id())), "only this one came through");
    assert!(who.try_recv().is_err());
}

#[tokio::test]
async fn a_foreign_certificate_under_our_root_is_refused_by_the_engine() {
    // The guest believes our root, as anybody may who has read it, and shows a certificate of another vault.
    let (vault, other) = (Vault::new(1), Vault::new(2));
    let (port, mut who) = engine(&vault).await;
    let theirs = other.agent(2).await;
    let refused = tls_visit(port.addr, vault.authority.ca_pem(), Some(&theirs)).await;
    assert!(refused.contains("UnknownCA") || refused.contains("unknown"), "{refused}");
    let refused = tls_visit(port.addr, vault.authority.ca_pem(), None).await;
    assert!(refused.contains("CertificateRequired") || refused.contains("certificate"), "{refused}");
    assert!(who.try_recv().is_err());
}

/// A stranger's own TLS, that checks nothing. What it hears when it is refused.
async fn tls_visit(addr: SocketAddr, ca_pem: &str, agent: Option<&Agent>) -> String {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).expect("a root")).expect("a root");
    let builder = rustls::ClientConfig::builder_with_provider(std::sync::Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(std::sync::Arc::new(Credulous(provider)));
    let mut config = match agent {
        None => builder.with_no_client_auth(),
        Some(agent) => {
            let credential = &agent.identity.credential;
            let chain = CertificateDer::from_pem_slice(credential.certificate_pem.as_bytes()).expect("one");
            let key = PrivateKeyDer::from_pem_slice(credential.key_pem.expose().as_bytes()).expect("a key");
            builder.with_client_auth_cert(vec![chain], key).expect("they fit")
        }
    };
    config.alpn_protocols = vec![Protocol::Control.name().as_bytes().to_vec()];
    let tcp = tokio::net::TcpStream::connect(addr).await.expect("connected");
    let name = ServerName::try_from("leeward.internal").expect("a name");
    let connected = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config)).connect(name, tcp).await;
    match connected {
        Err(error) => error.to_string(),
        Ok(mut stream) => match stream.read(&mut [0; 1]).await {
            Ok(n) => panic!("{n} bytes for a stranger"),
            Err(error) => error.to_string(),
        },
    }
}

/// Believes every server.
#[derive(Debug)]
struct Credulous(std::sync::Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".to_owned()))
    }
    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }
    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test]
async fn an_expired_certificate_says_so_on_both_sides_and_renewing_in_time_avoids_it() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let day = 86_400;
    assert!(!needs_rotation(&agent.trust.own(), TODAY.plus_secs(200 * day)));
    assert!(needs_rotation(&agent.trust.own(), TODAY.plus_secs(250 * day)));

    // Renewed, the same party shows a new certificate with a new key; the old one still works until it ends.
    vault.later(250 * day);
    let (port, _) = vault.enrolling().await;
    let mut identity = agent.identity.clone();
    identity.engine_addresses = vec![port.addr.to_string()];
    let folder = vault.folder.path().join("host-1");
    let host = leeward_link::HostDescription::default();
    let renewed = enrol::renew(&identity, &host, &agent.dialer(), &folder).await.expect("renewed");
    assert_eq!(renewed.agent, agent.id());
    assert!(renewed.credential.key_pem != agent.identity.credential.key_pem);
    let old = agent.trust.own();

    vault.later(366 * day);
    let (port, _who) = engine(&vault).await;
    let refused = visit(&agent.dialer(), port.addr).await;
    assert!(matches!(refused, Err(LinkError::Expired { whose: Whose::Ours, .. })), "{refused:?}");
    agent.trust.replace_credential(&renewed.credential).expect("the same party");
    assert!(agent.trust.own().not_after > old.not_after);
    visit(&agent.dialer(), port.addr).await.expect("welcome again");

    // The engine's own, seen by an agent whose clock runs ahead.
    let ahead =
        renewed.trust(&KnownTrust::default(), leeward_link::Clock::new(|| TODAY.plus_secs(600 * 86_400)));
    let refused = visit(&Dialer::new(ahead.expect("it fits")), port.addr).await;
    assert!(matches!(refused, Err(LinkError::Expired { whose: Whose::Theirs, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_clock_far_behind_is_told_as_that() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let (port, _who) = engine(&vault).await;
    let behind = leeward_link::Clock::new(|| TODAY.plus_secs(-2 * 86_400));
    let trust = agent.identity.trust(&KnownTrust::default(), behind).expect("it fits");
    let refused = visit(&Dialer::new(trust), port.addr).await;
    assert!(matches!(refused, Err(LinkError::NotYetValid { whose: Whose::Theirs, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_removed_agent_is_out_and_stays_out() {
    let vault = Vault::new(1);
    let (agent, kept) = (vault.agent(1).await, vault.agent(2).await);
    let trust = vault.engine_trust();
    let on = |connection: leeward_link::control::Connection| async move {
        let peer = connection.addr.clone();
        let opened =
            Session::<EngineSays, AgentSays>::open(connection.stream, &peer, &(), Pace::default()).await;
        if let Ok((session, _incoming, _hello)) = opened {
            session.ended().await;
        }
    };
    let port = vault.listen(trust.clone(), &[Protocol::Control], on).await;
    visit(&agent.dialer(), port.addr).await.expect("welcome");

    let older = vault.authority.crl(TODAY).expect("a list");
    vault.authority.revoke_agent(agent.id(), TODAY).expect("revoked");
    let newer = vault.authority.crl(TODAY.plus_secs(1)).expect("a list");
    assert!(trust.replace_crl(&newer).expect("signed"));
    assert!(!trust.replace_crl(&older).expect("signed"), "an older list does not bring it back");
    let refused = visit(&agent.dialer(), port.addr).await;
    assert!(matches!(refused, Err(LinkError::Revoked { whose: Whose::Ours, .. })), "{refused:?}");
    visit(&kept.dialer(), port.addr).await.expect("others are not touched");

    // A list that the vault has not signed changes nothing.
    let other = Vault::new(2);
    let foreign = other.authority.crl(TODAY).expect("a list");
    trust.replace_crl(&foreign).expect_err("of another vault");
    assert!(trust.is_revoked(&agent.trust.own()));
}

#[tokio::test]
async fn a_caller_notices_that_another_party_answers() {
    let vault = Vault::new(1);
    let (one, two) = (vault.agent(1).await, vault.agent(2).await);
    let port = vault.listen(two.trust.clone(), &[Protocol::Control], |_c| async {}).await;
    let refused = visit(&one.dialer(), port.addr).await;
    assert!(
        matches!(&refused, Err(LinkError::NotOurPeer { wanted, found, .. }) if wanted == "engine" && *found == format!("agent:{}", two.id())),
        "{refused:?}"
    );
}

#[tokio::test]
async fn strangers_who_say_nothing_or_nonsense_hold_up_nobody() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let (port, mut who) = engine(&vault).await;
    let mut strangers: Vec<std::net::TcpStream> = Vec::new();
    for n in 0..100_u8 {
        let mut tcp = std::net::TcpStream::connect(port.addr).expect("connected");
        if n % 2 == 0 {
            tcp.write_all(&[n; 300]).expect("written");
        }
        strangers.push(tcp);
    }
    let welcomed = tokio::time::timeout(Duration::from_secs(60), visit(&agent.dialer(), port.addr)).await;
    welcomed.expect("in time").expect("welcome");
    assert!(who.recv().await.is_some());
    drop(strangers);
}
