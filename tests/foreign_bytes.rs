//! Foreign bytes on every change: each parser gets good examples, cut and bent in thousands of seeded ways. The fuzz
//! targets in `fuzz/` do the same without end.

#[path = "parsers/parsers.rs"]
mod parsers;

/// Bends per example and parser.
const BENDS: u64 = 3_000;

/// Numbers from a seed.
struct Chance(u64);

impl Chance {
    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.number() % bound.max(1) as u64).expect("below a length")
    }
}

/// Good examples, and shapes that are nearly good.
fn examples() -> Vec<Vec<u8>> {
    let mut qcow2 = vec![0; 4096];
    qcow2[..8].copy_from_slice(&[0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3]);
    qcow2[23] = 16;
    qcow2[31] = 1;
    let fact = br#"{"Event":{"at":1,"item":null,"subject":"web01","what":{"key":"agent-start-waits"},"fault":null}}"#;
    let qmp = br#"{"event": "BLOCK_JOB_COMPLETED", "data": {"device": "b0"}, "timestamp": {"seconds": 1, "microseconds": 2}}"#;
    let mut catalogue = Vec::new();
    let body = br#"{"Closed":{"closed":true}}"#;
    catalogue.extend(u32::try_from(body.len()).expect("short").to_le_bytes());
    catalogue.extend(&blake3::hash(body).as_bytes()[..8]);
    catalogue.extend(body);
    let mut frame = vec![1, 9, 0, 0, 0];
    frame.extend(br#""Bye"    "#);
    let mut all = vec![
        qcow2,
        fact.to_vec(),
        qmp.to_vec(),
        catalogue,
        frame,
        manifest(),
        b"LEEWARDB\0\x01\0\x01\0\0\0\0".to_vec(),
        b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n".to_vec(),
        br#"{"return": {"thawed": 2}}"#.to_vec(),
        br#"{"error": {"class": "GenericError", "desc": "frozen already"}}"#.to_vec(),
        Vec::new(),
    ];
    all.extend(of_sessions());
    all.extend(of_trust());
    all.extend(leeward_engine::operator::foreign::examples().expect("JSON"));
    all
}

fn json(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("JSON")
}

/// What the engine and an agent say, as their own writers write it.
fn of_sessions() -> Vec<Vec<u8>> {
    use leeward_link::control::frame;
    use leeward_link::messages::{AgentHello, Op, Reply, Request, Response};
    use leeward_model::{AgentId, ItemId};
    let hello = AgentHello {
        agent: AgentId(uuid::Uuid::nil()),
        host: "hv1".to_owned(),
        site: "Stockholm".to_owned(),
        version: "0.1.0".to_owned(),
        replication_addr: "hv1:8084".to_owned(),
    };
    let (op, item) = (
        Op { job: leeward_model::JobId(uuid::Uuid::nil()), step: "release-source".to_owned(), attempt: 0 },
        ItemId(uuid::Uuid::nil()),
    );
    let release = Request::Release { op, item, delete_replica: true };
    let done: Reply = Ok(Response::Done);
    let frame = frame::write("example", frame::Kind::Request, 7, &release).expect("a frame");
    vec![json(&Request::Report), json(&release), json(&done), json(&hello), frame]
}

/// A real registration key, certificates, a list of revoked ones behind the root that has signed it, and what this
/// takes.
fn of_trust() -> Vec<Vec<u8>> {
    use leeward_link::{Authority, NewKey};
    use leeward_model::{AgentId, KeyId, Moment, VaultId};
    let today = Moment(1_794_000_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let authority = Authority::create(&folder.path().join("ca"), VaultId(uuid::Uuid::nil()), "nordic", today)
        .expect("made");
    let key = NewKey {
        key: KeyId(uuid::Uuid::nil()),
        vault_name: "nordic".to_owned(),
        site: "Göteborg".to_owned(),
        engine_addresses: vec!["engine:8443".to_owned()],
        expires: today.plus_secs(86_400),
    };
    let (_, text) = authority.make_registration_key(key, today).expect("made");
    let engine = authority.issue_engine(&["engine:8443".to_owned()], today).expect("issued");
    authority.revoke_agent(AgentId(uuid::Uuid::nil()), today).expect("revoked");
    let list = format!("{}{}", authority.ca_pem(), authority.crl(today).expect("made"));
    let mut all = vec![text.into_bytes(), engine.certificate_pem.into_bytes(), list.into_bytes()];
    all.extend(leeward_link::foreign::examples().expect("randomness"));
    all
}

/// A reader by name, and whether it understands.
type Reader = (&'static str, fn(&[u8]) -> bool);

/// An example that its own reader does not understand would only test the first line of it.
#[test]
fn every_example_of_ours_is_understood() {
    use leeward_link::control::frame;
    use leeward_link::foreign;
    use leeward_link::messages::{AgentHello, Reply, Request};
    let understood: &[Reader] = &[
        ("question", foreign::enrolment_question),
        ("answer", foreign::enrolment_answer),
        ("hello", foreign::session_hello),
        ("certificate", foreign::certificate),
        ("request for a certificate", foreign::request_for_certificate),
        ("list", foreign::revocation_list),
        ("proxy", foreign::proxy_answer),
        ("ask", leeward_engine::operator::foreign::ask),
        ("tell", leeward_engine::operator::foreign::tell),
        ("registration key", |b| leeward_link::RegistrationKey::parse(&String::from_utf8_lossy(b)).is_ok()),
        ("request", |b| serde_json::from_slice::<Request>(b).is_ok()),
        ("reply", |b| serde_json::from_slice::<Reply>(b).is_ok()),
        ("agent's hello", |b| serde_json::from_slice::<AgentHello>(b).is_ok()),
        ("frame", |b| b.get(4..).is_some_and(|rest| frame::parse(rest.to_vec()).is_ok())),
        ("guest agent", |b| leeward_fabric::guest_agent::answer(b, "guest-ping").is_ok()),
        ("qmp", |b| leeward_fabric::qmp::parse(b).is_ok()),
        ("manifest", |b| leeward_replication::parse_manifest(b).is_ok()),
    ];
    let examples = examples();
    for (name, read) in understood {
        assert!(examples.iter().any(|example| read(example)), "no example is a good {name}");
    }
}

fn manifest() -> Vec<u8> {
    use leeward_model::{Consistency, DiskId, Epoch, ItemId, Moment, PointKind, Sequence};
    let disk = DiskId(uuid::Uuid::nil());
    let head = leeward_replication::CycleHead {
        item: ItemId(uuid::Uuid::nil()),
        epoch: Epoch(1),
        sequence: Sequence(2),
        previous: Sequence(1),
        previous_epoch: Epoch(1),
        instant: Moment(3),
        consistency: Consistency::Crash,
        kind: PointKind::Delta,
    };
    let blocks = vec![(0, leeward_replication::Digest::ZERO), (7, leeward_replication::Digest([3; 16]))];
    leeward_replication::log::Manifest { head, disk, size_bytes: 1 << 20, disks: vec![disk], blocks }.bytes()
}

/// One bend: a byte changed, a piece cut out, doubled, or a length written over it.
fn bend(bytes: &mut Vec<u8>, chance: &mut Chance) {
    let at = chance.below(bytes.len() + 1);
    match chance.number() % 5 {
        0 => bytes.truncate(at),
        1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (chance.number() % 8);
            }
        }
        2 => bytes.insert(at, u8::try_from(chance.number() % 256).expect("a byte")),
        3 => {
            let piece: Vec<u8> = bytes.iter().skip(at).take(16).copied().collect();
            bytes.extend(piece);
        }
        _ => {
            let word = [0xff, 0xff, 0xff, 0x7f];
            for (n, byte) in word.into_iter().enumerate() {
                if let Some(place) = bytes.get_mut(at + n) {
                    *place = byte;
                }
            }
        }
    }
}

#[test]
fn no_bytes_break_a_parser() {
    for (name, parse) in parsers::ALL {
        for (number, example) in examples().into_iter().enumerate() {
            parse(&example);
            for seed in 1..=BENDS {
                let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
                let mut bytes = example.clone();
                for _ in 0..=chance.below(6) {
                    bend(&mut bytes, &mut chance);
                }
                let kept = bytes.clone();
                let parsed = std::panic::catch_unwind(move || parse(&bytes));
                assert!(parsed.is_ok(), "{name}: example {number}, seed {seed}: {kept:02x?}");
            }
        }
    }
}

#[test]
fn a_manifest_that_was_bent_is_refused() {
    let whole = manifest();
    assert!(leeward_replication::parse_manifest(&whole).is_ok());
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 1;
        assert!(leeward_replication::parse_manifest(&bent).is_err(), "byte {at}");
        assert!(leeward_replication::parse_manifest(&whole[..at]).is_err(), "cut at {at}");
    }
}
