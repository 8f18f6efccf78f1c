//! Registration keys and enrolment: every way in which a key is not good is told apart, and an answer that was lost
//! is asked for again without using a second key.

use crate::line::Line;
use crate::vault::{TODAY, Vault};
use leeward_link::registration_key::LIFE_SECS;
use leeward_link::{EnrolError, HostIdentity, KeyError, KnownTrust, LinkError, RegistrationKey};
use leeward_model::AgentId;
use proptest::prelude::*;
use std::sync::LazyLock;
use std::sync::atomic::Ordering;
use uuid::Uuid;

const NOWHERE: std::net::SocketAddr =
    std::net::SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 1));

#[tokio::test]
async fn a_host_is_enrolled_once_and_knows_it_after_a_restart() {
    let vault = Vault::new(1);
    let (port, asked) = vault.enrolling().await;
    let text = vault.key_text(1, port.addr);
    let folder = vault.folder.path().join("host");
    let identity = vault.enrolment(&text, "hv-got-01").run(&folder).await.expect("enrolled");
    assert_eq!(identity.site, "Göteborg", "the key's site, when the host names none");
    assert_eq!(identity.vault, vault.id);
    assert_eq!(HostIdentity::load(&folder).expect("read"), Some(identity));
    // A second host with the same key.
    let refused = vault.enrolment(&text, "other").run(&vault.folder.path().join("other")).await;
    let Err(EnrolError::Refused { why }) = refused else { panic!("{refused:?}") };
    assert_eq!(why.key, "refuse-key-used");
    assert_eq!(HostIdentity::load(&vault.folder.path().join("other")).expect("read"), None);
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_host_that_enrols_again_stays_who_it_is_also_after_its_certificate_has_expired() {
    let vault = Vault::new(1);
    let folder = vault.folder.path().join("host");
    let (port, _) = vault.enrolling().await;
    let first = vault.enrolment(&vault.key_text(1, port.addr), "hv").run(&folder).await.expect("enrolled");
    let peers = vec![AgentId(Uuid::from_u128(9))];
    let known = KnownTrust { peers: peers.clone(), ..KnownTrust::load(&folder).expect("read") };
    known.store(&folder).expect("kept");

    vault.later(400 * 86_400);
    let (port, _) = vault.enrolling().await;
    let again =
        vault.enrolment(&vault.key_text(2, port.addr), "hv").run(&folder).await.expect("enrolled again");
    assert_eq!((again.agent, &again.site), (first.agent, &first.site), "all items go by this identity");
    assert_ne!(again.credential.certificate_pem, first.credential.certificate_pem);
    assert_eq!(again.engine_addresses, [port.addr.to_string()], "the engine is where the new key says");
    assert_eq!(KnownTrust::load(&folder).expect("read").peers, peers, "whom it may talk to is not forgotten");
    assert_eq!(HostIdentity::load(&folder).expect("read"), Some(again));

    // Who was removed is a new host when it comes back.
    vault.authority.revoke_agent(first.agent, vault.now()).expect("revoked");
    let anew =
        vault.enrolment(&vault.key_text(3, port.addr), "hv").run(&folder).await.expect("enrolled anew");
    assert_ne!(anew.agent, first.agent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_was_lost_is_given_again_to_the_same_host() {
    let vault = Vault::new(1);
    let (port, asked) = vault.enrolling().await;
    let line = Line::to(port.addr);
    let text = vault.key_text(1, line.addr);
    let enrolment = vault.enrolment(&text, "hv-got-01");
    let folder = vault.folder.path().join("host");
    // The line is cut after more and more bytes, until the whole exchange fits.
    let mut lost = 0;
    let identity = loop {
        line.mend();
        line.cut_after(400 * (lost + 1));
        match enrolment.run(&folder).await {
            Ok(identity) => break identity,
            Err(EnrolError::Link(LinkError::Cut { .. } | LinkError::TimedOut { .. })) => lost += 1,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(lost > 5, "{lost}");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "the engine decided once");
    assert_eq!(HostIdentity::load(&folder).expect("read"), Some(identity));
}

#[tokio::test]
async fn a_key_has_its_time_and_its_vault() {
    let (vault, other) = (Vault::new(1), Vault::new(2));
    let (port, asked) = vault.enrolling().await;
    let text = vault.key_text(1, port.addr);
    let key = RegistrationKey::parse(&text).expect("a key");
    let expires = TODAY.plus_secs(LIFE_SECS);
    assert_eq!(key.check(expires.plus_millis(-1), None), Ok(()));
    assert_eq!(key.check(expires, None), Err(KeyError::Expired { at: expires }));
    assert_eq!(key.check(TODAY.plus_secs(-3_600), None), Ok(()), "clocks differ a little");
    assert_eq!(key.check(TODAY.plus_secs(-3_601), None), Err(KeyError::NotYet { issued: TODAY }));
    let foreign = KeyError::Foreign { found: vault.id, ours: other.id };
    assert_eq!(key.check(TODAY, Some(other.id)), Err(foreign.clone()));

    // The host says so before it asks anybody.
    let folder = vault.folder.path().join("late");
    vault.later(LIFE_SECS);
    let late = vault.enrolment(&text, "late").run(&folder).await;
    assert_eq!(late, Err(EnrolError::Key(KeyError::Expired { at: expires })));
    vault.later(0);
    let member = other.agent(7).await;
    let folder = other.folder.path().join("host-7");
    let lured = vault.enrolment(&text, "lured").run(&folder).await;
    assert_eq!(lured, Err(EnrolError::Key(foreign)));
    assert_eq!(HostIdentity::load(&folder).expect("read"), Some(member.identity), "it stays what it is");
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[test]
fn a_key_that_was_changed_with_care_is_told_apart() {
    let vault = Vault::new(1);
    let text = vault.key_text(1, NOWHERE);
    let mut file: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    file["leeward_registration_key"]["engine_addresses"] = serde_json::json!(["evil.example:7443"]);
    let unsummed = file.to_string();
    let Err(KeyError::Damaged { .. }) = RegistrationKey::parse(&unsummed) else { panic!("its sum is wrong") };
    // Whoever knows how the sum is made still cannot make the seal.
    let changed = unsummed.clone();
    let parsed: RegistrationKey =
        serde_json::from_value(file["leeward_registration_key"].clone()).expect("a key");
    let sum = blake3::hash(&serde_json::to_vec(&parsed).expect("JSON")).to_hex().to_string();
    let old = file["checksum"].as_str().expect("text").to_owned();
    assert_eq!(RegistrationKey::parse(&changed.replace(&old, &sum)), Err(KeyError::Tampered));

    // The seal of another vault over its own root does not help either.
    let other = Vault::new(2);
    let theirs: serde_json::Value = serde_json::from_str(&other.key_text(1, NOWHERE)).expect("JSON");
    file["seal"] = theirs["seal"].clone();
    file["checksum"] = serde_json::json!(sum);
    assert_eq!(RegistrationKey::parse(&file.to_string()), Err(KeyError::Tampered));

    let newer = text.replace("\"version\": 1", "\"version\": 2");
    assert_eq!(RegistrationKey::parse(&newer), Err(KeyError::Newer { version: 2 }));
}

/// One key's file, made once.
static TEXT: LazyLock<String> = LazyLock::new(|| Vault::new(1).key_text(1, NOWHERE));

proptest! {
    #[test]
    fn a_damaged_key_is_never_another_key(at: prop::sample::Index, bit in 0..7_u8) {
        let whole = RegistrationKey::parse(&TEXT).expect("a key");
        let mut bytes = TEXT.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        match RegistrationKey::parse(&text) {
            // White space means nothing.
            Ok(key) => prop_assert_eq!(key, whole),
            Err(KeyError::Damaged { .. } | KeyError::Tampered | KeyError::Newer { .. }) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn a_key_that_was_cut_is_damaged(at: prop::sample::Index) {
        let end = (0..=at.index(TEXT.trim_end().len())).rev().find(|n| TEXT.is_char_boundary(*n)).unwrap_or(0);
        let damaged = matches!(RegistrationKey::parse(&TEXT[..end]), Err(KeyError::Damaged { .. }));
        prop_assert!(damaged);
    }
}
