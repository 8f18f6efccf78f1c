//! The guest agent, played: one that works, one that is slow, one that is silent, one that refuses. Whatever it
//! does, a freeze is followed by a thaw.

use leeward_fabric::guest_agent::{Freeze, GuestAgent, freeze};
use leeward_fabric::qmp::QmpError;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(60);

/// How the played agent takes a freeze.
#[derive(Clone, Copy)]
enum Mood {
    Works,
    /// Answers the freeze only when the connection of the freeze is given up.
    AnswersLate,
    Refuses,
    /// Hangs up when it should freeze; comes back after.
    HangsUp,
}

struct Guest {
    dir: tempfile::TempDir,
    /// Commands in the order the guest carried them out.
    heard: Receiver<String>,
}

impl Guest {
    fn play(mood: Mood) -> Self {
        let dir = tempfile::Builder::new().prefix("leeward-fabric-guest-").tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("qga.sock")).unwrap();
        let (told, heard) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), mood, &told);
            }
        });
        Self { dir, heard }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("qga.sock")
    }

    fn next(&self) -> String {
        self.heard.recv_timeout(SOON).unwrap()
    }
}

/// One connection, one byte at a time, as the real one parses: the mark throws away what came before it.
fn serve(mut stream: UnixStream, mood: Mood, told: &Sender<String>) {
    let mut line = Vec::new();
    let mut byte = [0_u8];
    // Half an answer to somebody long gone, as a real port has it.
    stream.write_all(b"\"left over\"}\n").ok();
    while stream.read(&mut byte).is_ok_and(|n| n == 1) {
        match byte[0] {
            0xff => {
                line.clear();
                stream
                    .write_all(b"{\"error\":{\"class\":\"GenericError\",\"desc\":\"JSON parse error\"}}\n")
                    .ok();
            }
            b'\n' => {
                let asked: Value = serde_json::from_slice(&std::mem::take(&mut line)).unwrap();
                if !answer(&mut stream, mood, told, &asked) {
                    return;
                }
            }
            other => line.push(other),
        }
    }
}

/// False hangs up.
fn answer(stream: &mut UnixStream, mood: Mood, told: &Sender<String>, asked: &Value) -> bool {
    let command = asked["execute"].as_str().unwrap();
    let mut say = |lead: &[u8], value: Value| {
        stream.write_all(lead).and_then(|()| stream.write_all(format!("{value}\n").as_bytes())).ok();
    };
    match (command, mood) {
        ("guest-sync-delimited", _) => say(b"\xff", json!({"return": asked["arguments"]["id"]})),
        ("guest-fsfreeze-freeze", Mood::Refuses) => {
            say(b"", json!({"error": {"class": "GenericError", "desc": "not supported"}}));
        }
        ("guest-fsfreeze-freeze", Mood::HangsUp) => {
            told.send("freeze".to_owned()).ok();
            return false;
        }
        ("guest-fsfreeze-freeze", Mood::AnswersLate) => {
            told.send("freeze".to_owned()).ok();
            // Until the other side hangs up: then it is frozen, and nobody is there.
            stream.read_exact(&mut [0]).ok();
            return false;
        }
        ("guest-fsfreeze-freeze", Mood::Works) => {
            told.send("freeze".to_owned()).ok();
            say(b"", json!({"return": 2}));
        }
        ("guest-fsfreeze-thaw", _) => {
            told.send("thaw".to_owned()).ok();
            say(b"", json!({"return": 2}));
        }
        ("guest-shutdown", _) => {
            told.send(format!("shutdown {}", asked["arguments"]["mode"].as_str().unwrap())).ok();
        }
        _ => say(b"", json!({"error": {"class": "CommandNotFound", "desc": "unknown"}})),
    }
    true
}

fn freeze_for(guest: &Guest, limit: Duration) -> Result<Freeze, QmpError> {
    freeze(&guest.socket(), SOON, limit)
}

#[test]
fn a_freeze_holds_until_it_is_thawed() {
    let guest = Guest::play(Mood::Works);
    let frozen = freeze_for(&guest, LONG).unwrap();
    assert_eq!(guest.next(), "freeze");
    assert!(guest.heard.try_recv().is_err(), "not thawed yet");
    let thawed = frozen.thaw();
    assert!(thawed.held);
    assert_eq!(guest.next(), "thaw");
}

#[test]
fn a_freeze_thaws_when_its_time_is_up_and_says_so() {
    let guest = Guest::play(Mood::Works);
    let frozen = freeze_for(&guest, Duration::from_millis(300)).unwrap();
    assert_eq!((guest.next(), guest.next()), ("freeze".to_owned(), "thaw".to_owned()));
    assert!(!frozen.thaw().held, "what was done meanwhile is not application-consistent");
}

#[test]
fn a_freeze_thaws_when_the_one_who_asked_is_gone() {
    let guest = Guest::play(Mood::Works);
    let caller = std::thread::spawn({
        let socket = guest.socket();
        move || {
            let _frozen = freeze(&socket, SOON, LONG).unwrap();
            panic!("in the middle of a capture");
        }
    });
    assert!(caller.join().is_err());
    assert_eq!((guest.next(), guest.next()), ("freeze".to_owned(), "thaw".to_owned()));
}

#[test]
fn a_freeze_that_answers_too_late_is_an_error_and_thaws() {
    let guest = Guest::play(Mood::AnswersLate);
    assert!(matches!(freeze_for(&guest, Duration::from_millis(200)), Err(QmpError::Timeout { .. })));
    assert_eq!((guest.next(), guest.next()), ("freeze".to_owned(), "thaw".to_owned()));
}

#[test]
fn a_guest_that_hangs_up_in_a_freeze_is_thawed_on_a_new_connection() {
    let guest = Guest::play(Mood::HangsUp);
    assert!(matches!(freeze_for(&guest, LONG), Err(QmpError::Lost { .. })));
    assert_eq!((guest.next(), guest.next()), ("freeze".to_owned(), "thaw".to_owned()));
}

#[test]
fn a_refused_freeze_is_an_error() {
    let guest = Guest::play(Mood::Refuses);
    let refused = freeze_for(&guest, LONG);
    assert!(matches!(refused, Err(QmpError::Refused { reason, .. }) if reason == "not supported"));
}

#[test]
fn a_silent_guest_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("qga.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    let silent = GuestAgent::connect(&path, Duration::from_millis(200));
    assert!(matches!(silent, Err(QmpError::Timeout { .. })));
}

#[test]
fn the_guest_is_asked_to_power_down() {
    let guest = Guest::play(Mood::Works);
    GuestAgent::connect(&guest.socket(), SOON).unwrap().ask_shut_down(SOON).unwrap();
    assert_eq!(guest.next(), "shutdown powerdown");
}
