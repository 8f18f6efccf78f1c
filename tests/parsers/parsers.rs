//! Every parser of foreign bytes, as a function that takes any bytes: it may refuse them or understand them, and must
//! neither panic nor take more than they are worth. Shared by the fuzz targets and by the test that runs on every
//! change.

use leeward_link::RegistrationKey;
use leeward_link::bulk::hello::{Answer, Call};
use leeward_link::control::frame;
use leeward_link::foreign;
use leeward_link::messages::{AgentHello, Fact, Reply, Request};
use std::hint::black_box;

/// A parser and its name.
pub(crate) type Parser = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const ALL: &[Parser] = &[
    ("manifest", manifest),
    ("catalogue", catalogue),
    ("wire", wire),
    ("qcow2", qcow2),
    ("control-frame", control_frame),
    ("request", request),
    ("fact", fact),
    ("bulk-hello", bulk_hello),
    ("registration-key", registration_key),
    ("qmp", qmp),
    ("operator", operator),
    ("enrolment", enrolment),
    ("session-hello", session_hello),
    ("certificate", certificate),
    ("proxy-answer", proxy_answer),
    ("guest-agent", guest_agent),
];

/// The manifest of a change log.
pub(crate) fn manifest(bytes: &[u8]) {
    if let Ok(read) = leeward_replication::parse_manifest(bytes) {
        // What is understood says the same when it is written again.
        assert_eq!(leeward_replication::parse_manifest(&read.bytes()).as_ref(), Ok(&read));
    }
}

/// The catalogue of a replica.
pub(crate) fn catalogue(bytes: &[u8]) {
    if let Ok((_, whole)) = leeward_replication::parse_catalogue(bytes) {
        assert!(whole <= bytes.len());
    }
}

/// The head of a frame between agents, and the messages in one.
pub(crate) fn wire(bytes: &[u8]) {
    if let Some((head, rest)) = bytes.split_first_chunk::<5>() {
        if let Ok((_, length)) = leeward_replication::wire::parse_header(head) {
            assert!(length <= 16 << 20, "bounded before anything is allocated");
        }
        serde_json::from_slice::<leeward_replication::wire::Ask>(rest).ok();
        serde_json::from_slice::<leeward_replication::wire::Answer>(rest).ok();
    }
}

/// The header of a disk image.
pub(crate) fn qcow2(bytes: &[u8]) {
    if let Ok(header) = leeward_replication::qcow2::Header::parse(bytes) {
        assert!(header.l1_entries <= 1 << 22);
    }
}

/// A frame of a control session.
pub(crate) fn control_frame(bytes: &[u8]) {
    if let Some((head, rest)) = bytes.split_first_chunk::<4>() {
        frame::length(*head, 1 << 20).ok();
        frame::parse(rest.to_vec()).ok();
    }
}

/// What the engine asks.
pub(crate) fn request(bytes: &[u8]) {
    serde_json::from_slice::<Request>(bytes).ok();
    serde_json::from_slice::<Reply>(bytes).ok();
}

/// What an agent says.
pub(crate) fn fact(bytes: &[u8]) {
    serde_json::from_slice::<Fact>(bytes).ok();
    serde_json::from_slice::<AgentHello>(bytes).ok();
}

/// The first bytes of a replication stream.
pub(crate) fn bulk_hello(bytes: &[u8]) {
    Call::parse(bytes).ok();
    Answer::parse(bytes).ok();
}

/// The file of a registration key.
pub(crate) fn registration_key(bytes: &[u8]) {
    RegistrationKey::parse(&String::from_utf8_lossy(bytes)).ok();
}

/// What an attached window and the engine say to each other.
pub(crate) fn operator(bytes: &[u8]) {
    black_box(leeward_engine::operator::foreign::ask(bytes));
    black_box(leeward_engine::operator::foreign::tell(bytes));
}

/// What a host and the engine say to each other when it enrols.
pub(crate) fn enrolment(bytes: &[u8]) {
    black_box(foreign::enrolment_question(bytes));
    black_box(foreign::enrolment_answer(bytes));
}

/// The first words of a session.
pub(crate) fn session_hello(bytes: &[u8]) {
    black_box(foreign::session_hello(bytes));
}

/// Certificates, requests for them, and the list of revoked ones.
pub(crate) fn certificate(bytes: &[u8]) {
    black_box(foreign::certificate(bytes));
    black_box(foreign::request_for_certificate(bytes));
    black_box(foreign::revocation_list(bytes));
}

/// What a proxy answers.
pub(crate) fn proxy_answer(bytes: &[u8]) {
    black_box(foreign::proxy_answer(bytes));
}

/// What the guest agent answers.
pub(crate) fn guest_agent(bytes: &[u8]) {
    leeward_fabric::guest_agent::answer(bytes, "guest-ping").ok();
}

/// A line of QEMU's control protocol.
pub(crate) fn qmp(bytes: &[u8]) {
    leeward_fabric::qmp::parse(bytes).ok();
}
