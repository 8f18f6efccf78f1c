//! The stream that carries replicated bytes: all of them or an error, and only between agents that work together.

use crate::line::Line;
use crate::vault::{Agent, Vault};
use leeward_link::bulk::{BulkListener, BulkOptions, BulkStream, bulk_dial};
use leeward_link::{LinkError, Trust};
use leeward_model::AgentId;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A listener with what came in, and a switch for who may.
struct Host {
    listener: BulkListener,
    streams: Receiver<(AgentId, BulkStream, Sender<()>)>,
    allows: Arc<AtomicBool>,
}

fn host(trust: Trust, options: BulkOptions) -> Host {
    let (came, streams) = channel();
    let allows = Arc::new(AtomicBool::new(true));
    let allowed = Arc::clone(&allows);
    let came = Mutex::new(came);
    let listener = BulkListener::start(
        TcpListener::bind("127.0.0.1:0").expect("a port"),
        trust,
        options,
        Arc::new(move |_| allowed.load(Ordering::SeqCst)),
        Arc::new(move |agent, stream| {
            // The stream's own thread lives until the test lets go of it.
            let (let_go, wait) = channel();
            let sent = came.lock().expect("no panic holds it").send((agent, stream, let_go)).is_ok();
            if sent {
                wait.recv().ok();
            }
        }),
    );
    Host { listener: listener.expect("listening"), streams, allows }
}

fn two_agents() -> (Vault, Agent, Agent) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let vault = Vault::new(1);
    let (one, two) = runtime.block_on(async { (vault.agent(1).await, vault.agent(2).await) });
    (vault, one, two)
}

/// Bytes that look like nothing, the same for the same seed.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

#[test]
fn every_byte_arrives_both_ways_at_once() {
    let (_vault, one, two) = two_agents();
    let host = host(two.trust, BulkOptions::default());
    let addr = host.listener.addr().to_string();
    let stream = bulk_dial(&addr, two.identity.agent, &one.trust, &BulkOptions::default()).expect("dialled");
    let (from, theirs, _open) = host.streams.recv().expect("a stream");
    assert_eq!(from, one.identity.agent, "proven, not said");
    let copy = |stream: BulkStream, seed: u64, expected: u64| {
        let (mut reader, mut writer) = stream.split();
        let writing = std::thread::spawn(move || {
            // Pieces of every size.
            let bytes = noise(seed, 24 << 20);
            let (mut rest, mut piece) = (&bytes[..], 1);
            while !rest.is_empty() {
                let n = piece.min(rest.len());
                writer.write_all(&rest[..n]).expect("written");
                rest = &rest[n..];
                piece = (piece * 3 + 1) % 700_000;
            }
            writer.flush().expect("written");
            writer.finish().expect("finished");
        });
        let mut all = Vec::new();
        reader.read_to_end(&mut all).expect("read");
        assert!(all == noise(expected, 24 << 20), "what was written is what is read");
        writing.join().expect("no panic");
    };
    let there = std::thread::spawn(move || copy(theirs, 2, 1));
    copy(stream, 1, 2);
    there.join().expect("no panic");
}

#[test]
fn a_stream_that_is_cut_never_looks_like_its_end() {
    let (_vault, one, two) = two_agents();
    let host = host(two.trust, BulkOptions::default());
    let line = Line::to(host.listener.addr());
    let addr = line.addr.to_string();
    for cut in [1_u64, 1_000, 16 * 1024, 100_000, 1_000_003] {
        line.mend();
        let stream = bulk_dial(&addr, two.identity.agent, &one.trust, &BulkOptions::default());
        let mut stream = stream.expect("dialled");
        let (_, mut theirs, _open) = host.streams.recv().expect("a stream");
        line.cut_after(cut);
        let writing = std::thread::spawn(move || {
            let bytes = noise(3, 8 << 20);
            stream.write_all(&bytes).and_then(|()| stream.flush()).and_then(|()| stream.finish())
        });
        let mut all = Vec::new();
        let ended = theirs.read_to_end(&mut all).expect_err("cut, not finished");
        let why = theirs.explain("reading", &ended);
        assert!(matches!(why, LinkError::Cut { .. }), "{why}");
        assert!(all.len() < 8 << 20 && noise(3, 8 << 20).starts_with(&all), "a beginning, and unchanged");
        drop(theirs);
        // Whoever writes may have handed it all to the system; it learns at the latest with the next answer.
        drop(writing.join().expect("no panic"));
    }
}

#[test]
fn only_agents_that_work_together_and_not_too_many() {
    let (vault, one, two) = two_agents();
    let options = BulkOptions { streams_max: 2, ..BulkOptions::default() };
    let host = host(two.trust.clone(), options);
    let addr = host.listener.addr().to_string();
    let dial = || bulk_dial(&addr, two.identity.agent, &one.trust, &BulkOptions::default());
    host.allows.store(false, Ordering::SeqCst);
    let refused = dial().map(drop);
    assert!(
        matches!(&refused, Err(LinkError::TurnedAway { why, .. }) if why.key == "link-why-not-a-peer"),
        "{refused:?}"
    );
    host.allows.store(true, Ordering::SeqCst);

    // The refused one's thread may still be ending; it counts until then.
    let first = std::iter::repeat_with(dial).take(50).find_map(Result::ok).expect("dialled");
    let (_, mut theirs, first_open) = host.streams.recv().expect("a stream");
    let second = std::iter::repeat_with(dial).take(50).find_map(Result::ok).expect("dialled");
    let (_, _second_theirs, _second_open) = host.streams.recv().expect("a stream");
    let refused = dial().map(drop);
    assert!(
        matches!(&refused, Err(LinkError::TurnedAway { why, .. }) if why.key == "link-why-busy"),
        "{refused:?}"
    );

    // Nobody but the agent that was wanted.
    let wrong = bulk_dial(&addr, one.identity.agent, &one.trust, &BulkOptions::default()).map(drop);
    assert!(matches!(wrong, Err(LinkError::NotOurPeer { .. })), "{wrong:?}");

    // Removed meanwhile: what is open is cut, and nothing new begins.
    vault.authority.revoke_agent(one.identity.agent, vault.now()).expect("revoked");
    two.trust.replace_crl(&vault.authority.crl(vault.now()).expect("a list")).expect("signed");
    host.listener.recheck();
    let mut byte = [0];
    theirs.read_exact(&mut byte).expect_err("cut");
    drop((first, second, theirs, first_open));
    let refused = dial().map(drop);
    assert!(matches!(refused, Err(LinkError::Revoked { .. })), "{refused:?}");
}

/// As on a line that is cut without a word: what is written gets nowhere, and nothing comes.
#[test]
#[cfg(target_os = "linux")]
fn a_stream_on_which_nothing_gets_through_is_over_for_reads_too() {
    let (_vault, one, two) = two_agents();
    let host = host(two.trust, BulkOptions::default());
    let addr = host.listener.addr().to_string();
    let options = BulkOptions {
        read_timeout: None,
        write_timeout: Some(Duration::from_millis(500)),
        ..BulkOptions::default()
    };
    let mut stream = bulk_dial(&addr, two.identity.agent, &one.trust, &options).expect("dialled");
    let (_, _theirs, _open) = host.streams.recv().expect("a stream");
    let (ended, over) = channel();
    std::thread::spawn(move || {
        let bytes = noise(4, 64 << 20);
        let written = stream.write_all(&bytes);
        ended.send((written.is_err(), stream.read(&mut [0; 16]).is_err())).ok();
    });
    let over = over.recv_timeout(Duration::from_secs(60)).expect("the read waits for ever");
    assert_eq!(over, (true, true));
}

#[test]
fn who_says_nothing_is_not_waited_for_and_stopping_ends_all() {
    let (_vault, one, two) = two_agents();
    let options = BulkOptions { read_timeout: Some(Duration::from_millis(300)), ..BulkOptions::default() };
    let mut host = host(two.trust, options);
    let addr = host.listener.addr().to_string();
    let mut stream =
        bulk_dial(&addr, two.identity.agent, &one.trust, &BulkOptions::default()).expect("dialled");
    let (_, mut theirs, open) = host.streams.recv().expect("a stream");
    let late = theirs.read(&mut [0; 16]).expect_err("nothing came");
    let why = theirs.explain("reading", &late);
    assert!(matches!(why, LinkError::TimedOut { .. }), "{why}");
    host.listener.stop();
    stream.read_exact(&mut [0; 1]).expect_err("cut");
    drop(open);
    let gone = bulk_dial(&addr, two.identity.agent, &one.trust, &BulkOptions::default()).map(drop);
    assert!(matches!(gone, Err(LinkError::Refused { .. } | LinkError::Cut { .. })), "{gone:?}");
}
