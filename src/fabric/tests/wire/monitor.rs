//! The control channel against a QEMU that hangs up, babbles, or says nothing.

use leeward_fabric::qmp::{LINE_BYTES_MAX, Monitor, Note, QmpError};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(20);

struct Peer {
    dir: tempfile::TempDir,
    listener: UnixListener,
}

/// One connection as the peer sees it.
struct Line(BufReader<UnixStream>);

impl Peer {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("leeward-fabric-wire-").tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("qmp.sock")).unwrap();
        Self { dir, listener }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("qmp.sock")
    }

    /// Takes a connection as QEMU does.
    fn accept(&self) -> Line {
        let mut line = Line(BufReader::new(self.listener.accept().unwrap().0));
        line.say(&json!({"QMP": {"version": {}, "capabilities": []}}));
        let asked = line.hear();
        assert_eq!(asked["execute"], "qmp_capabilities");
        line.say(&json!({"return": {}, "id": asked["id"]}));
        line
    }
}

impl Line {
    fn say(&mut self, value: &Value) {
        self.0.get_mut().write_all(format!("{value}\r\n").as_bytes()).unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut text = String::new();
        self.0.read_line(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

#[test]
fn replies_go_to_who_asked_in_any_order_and_events_apart() {
    let peer = Peer::new();
    std::thread::scope(|scope| {
        let qemu = scope.spawn(|| {
            let mut line = peer.accept();
            let (one, two) = (line.hear(), line.hear());
            line.say(&json!({"event": "STOP", "data": {}}));
            line.say(&json!({"return": two["execute"], "id": two["id"]}));
            line.say(&json!({"return": 1, "id": 999}));
            line.say(&json!({"error": {"class": "GenericError", "desc": "no"}, "id": one["id"]}));
            line
        });
        let monitor = Arc::new(Monitor::connect(&peer.path()).unwrap());
        let notes = monitor.listen();
        let asked = ["first", "second"].map(|name| {
            let monitor = Arc::clone(&monitor);
            scope.spawn(move || monitor.run(name, &Value::Null))
        });
        let [first, second] = asked.map(|a| a.join().unwrap());
        // Which of the two was sent first is open; one was refused and the other told its name.
        let (refused, told) = if first.is_err() { (first, second) } else { (second, first) };
        assert!(matches!(refused, Err(QmpError::Refused { reason, .. }) if reason == "no"));
        assert!(told.unwrap().is_string());
        let note = notes.recv_timeout(SOON).unwrap();
        assert!(matches!(note, Note::Event(e) if e.name == "STOP"));
        drop(qemu.join().unwrap());
        assert_eq!(notes.recv_timeout(SOON).unwrap(), Note::Lost);
    });
}

#[test]
fn a_lost_connection_fails_who_waits_and_the_next_command_reconnects() {
    let peer = Peer::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut line = peer.accept();
            line.hear();
            drop(line);
            let mut line = peer.accept();
            let asked = line.hear();
            line.say(&json!({"event": "RESUME"}));
            line.say(&json!({"return": "again", "id": asked["id"]}));
            line.0.read_line(&mut String::new()).unwrap();
        });
        let monitor = Monitor::connect(&peer.path()).unwrap();
        let notes = monitor.listen();
        assert!(matches!(monitor.run("one", &Value::Null), Err(QmpError::Lost { .. })));
        assert_eq!(notes.recv_timeout(SOON).unwrap(), Note::Lost);
        assert_eq!(monitor.run("two", &Value::Null).unwrap(), "again");
        assert!(matches!(notes.recv_timeout(SOON).unwrap(), Note::Event(e) if e.name == "RESUME"));
        drop(monitor);
    });
}

#[test]
fn silence_ends_in_a_timeout_and_a_late_reply_is_nobodys() {
    let peer = Peer::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut line = peer.accept();
            let (slow, quick) = (line.hear(), line.hear());
            line.say(&json!({"return": "late", "id": slow["id"]}));
            line.say(&json!({"return": "in time", "id": quick["id"]}));
            line.0.read_line(&mut String::new()).unwrap();
        });
        let monitor = Monitor::connect(&peer.path()).unwrap();
        let slow = monitor.run_within("slow", &Value::Null, Duration::from_millis(1));
        assert!(matches!(slow, Err(QmpError::Timeout { .. })));
        assert_eq!(monitor.run("quick", &Value::Null).unwrap(), "in time");
        drop(monitor);
    });
}

#[test]
fn babble_ends_the_connection() {
    for babble in [b"not json\n".to_vec(), b"[1]\n".to_vec(), vec![b'x'; LINE_BYTES_MAX + 2]] {
        let peer = Peer::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut line = peer.accept();
                line.hear();
                // The other side may hang up in the middle of it.
                line.0.get_mut().write_all(&babble).ok();
                line.0.read_line(&mut String::new()).ok();
            });
            let monitor = Monitor::connect(&peer.path()).unwrap();
            assert!(matches!(monitor.run("hello", &Value::Null), Err(QmpError::Lost { .. })));
        });
    }
}

#[test]
fn nobody_there_is_said_at_once_and_no_greeting_in_a_while() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Monitor::connect(&dir.path().join("none")), Err(QmpError::Connect { .. })));
    let peer = Peer::new();
    // Bound but never accepted: as a QEMU whose socket another program holds.
    assert!(matches!(Monitor::connect(&peer.path()), Err(QmpError::Connect { .. })));
}
