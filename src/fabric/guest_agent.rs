//! The agent inside the guest (qemu-ga): asks it to freeze, thaw and shut down. Apart from `qmp`: another socket,
//! another protocol, and a peer that may be absent, slow or hostile (it is the guest).
//!
//! Who freezes also thaws: [`freeze`] hands the connection to a thread of its own that thaws when it is told to,
//! when its time is up, or when the one who asked is gone, whatever happens to them.

use crate::qmp::connection::connect_socket;
use crate::qmp::{LineReader, QmpError};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// No answer of the guest that we ask for is longer.
const LINE_BYTES_MAX: usize = 1 << 20;
/// How often a thaw is tried before it is given up; each try has its own limit.
const THAW_TRIES: u32 = 5;
const THAW_LIMIT: Duration = Duration::from_secs(3);

static NEXT_SYNC: AtomicU64 = AtomicU64::new(1);

/// A connection to the guest's agent, in step with it.
#[derive(Debug)]
pub struct GuestAgent {
    stream: UnixStream,
    lines: LineReader,
}

impl GuestAgent {
    /// Connects and gets in step: the agent may be in the middle of an answer to somebody long gone.
    ///
    /// # Errors
    /// When nobody answers within the limit.
    pub fn connect(path: &Path, limit: Duration) -> Result<Self, QmpError> {
        let stream = connect_socket(path)?;
        let mut agent = Self { stream, lines: LineReader::new(LINE_BYTES_MAX) };
        agent.synchronise(Instant::now() + limit)?;
        Ok(agent)
    }

    /// Sends the mark that empties the agent's parser, and skips answers until its echo.
    fn synchronise(&mut self, deadline: Instant) -> Result<(), QmpError> {
        // Any number that no other session has left unanswered will do.
        let id = (u64::from(std::process::id()) << 20) | NEXT_SYNC.fetch_add(1, Ordering::Relaxed);
        let mut bytes = vec![0xff];
        bytes.extend_from_slice(
            json!({"execute": "guest-sync-delimited", "arguments": {"id": id}}).to_string().as_bytes(),
        );
        bytes.push(b'\n');
        self.write(&bytes, "guest-sync-delimited", deadline)?;
        loop {
            let line = self.read_line("guest-sync-delimited", deadline)?;
            // The echo is led by the mark; the parse error that the mark provokes is not.
            let text = line.iter().position(|b| *b == 0xff).map_or(&line[..], |at| &line[at + 1..]);
            let echo = serde_json::from_slice::<Value>(text).ok();
            if echo.and_then(|v| v.get("return").and_then(Value::as_u64)) == Some(id) {
                return Ok(());
            }
        }
    }

    /// Carries out a command of the guest agent.
    ///
    /// # Errors
    /// When it refuses or does not answer within the limit.
    pub fn run(&mut self, command: &str, arguments: &Value, limit: Duration) -> Result<Value, QmpError> {
        let deadline = Instant::now() + limit;
        self.send(command, arguments, deadline)?;
        let line = self.read_line(command, deadline)?;
        answer(&line, command)
    }

    /// Asks the guest to shut down. There is no answer to wait for.
    ///
    /// # Errors
    /// When the request could not be sent.
    pub fn ask_shut_down(&mut self, limit: Duration) -> Result<(), QmpError> {
        self.send("guest-shutdown", &json!({"mode": "powerdown"}), Instant::now() + limit)
    }

    /// How many file systems were frozen.
    fn freeze(&mut self, limit: Duration) -> Result<u64, QmpError> {
        self.run("guest-fsfreeze-freeze", &Value::Null, limit).map(|n| n.as_u64().unwrap_or(0))
    }

    fn send(&mut self, command: &str, arguments: &Value, deadline: Instant) -> Result<(), QmpError> {
        let mut line = json!({"execute": command});
        if let (Value::Object(members), false) = (&mut line, arguments.is_null()) {
            members.insert("arguments".to_owned(), arguments.clone());
        }
        let mut bytes = line.to_string().into_bytes();
        bytes.push(b'\n');
        self.write(&bytes, command, deadline)
    }

    fn write(&mut self, bytes: &[u8], command: &str, deadline: Instant) -> Result<(), QmpError> {
        self.stream.set_write_timeout(Some(left(command, deadline)?)).map_err(|e| protocol(&e))?;
        self.stream.write_all(bytes).map_err(|_gone| QmpError::Lost { command: command.to_owned() })
    }

    fn read_line(&mut self, command: &str, deadline: Instant) -> Result<Vec<u8>, QmpError> {
        let mut chunk = [0_u8; 4096];
        loop {
            if let Some(line) = self.lines.next_line()? {
                return Ok(line);
            }
            self.stream.set_read_timeout(Some(left(command, deadline)?)).map_err(|e| protocol(&e))?;
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(QmpError::Lost { command: command.to_owned() }),
                Ok(read) => self.lines.feed(chunk.get(..read).unwrap_or_default())?,
                Err(e) if would_block(&e) => {}
                Err(e) => return Err(protocol(&e)),
            }
        }
    }
}

/// Understands one answer of the guest agent: whatever runs in the guest may have written it.
///
/// # Errors
/// When it is a refusal, or not an answer.
pub fn answer(line: &[u8], command: &str) -> Result<Value, QmpError> {
    let strange = |reason: String| QmpError::Protocol { reason };
    let mut reply: Value = serde_json::from_slice(line).map_err(|e| strange(e.to_string()))?;
    if let Some(words) = reply.get("error") {
        let reason = words.get("desc").and_then(Value::as_str).unwrap_or("no reason given").to_owned();
        return Err(QmpError::Refused { command: command.to_owned(), reason });
    }
    reply.get_mut("return").map(Value::take).ok_or_else(|| strange("no return in the answer".to_owned()))
}

fn would_block(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}

fn protocol(error: &std::io::Error) -> QmpError {
    QmpError::Protocol { reason: error.to_string() }
}

/// The time left, never zero; an error when it is up.
fn left(command: &str, deadline: Instant) -> Result<Duration, QmpError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(QmpError::Timeout { command: command.to_owned(), limit_millis: 0 });
    }
    Ok(left)
}

/// Frozen file systems. Dropping it thaws them too.
#[derive(Debug)]
pub struct Freeze {
    thaw: Option<SyncSender<()>>,
    thawed: Receiver<Thawed>,
    since: Instant,
}

/// How a freeze ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Thawed {
    /// The file systems stood still until [`Freeze::thaw`] was called: what happened before it is
    /// application-consistent.
    pub held: bool,
    /// How long they stood still, in milliseconds.
    pub frozen_millis: u64,
}

/// Freezes the guest's file systems for at most `limit`.
///
/// # Errors
/// When the guest agent does not answer or refuses. Nothing is frozen then, or is thawed again.
pub fn freeze(path: &Path, answer_limit: Duration, limit: Duration) -> Result<Freeze, QmpError> {
    let mut agent = GuestAgent::connect(path, answer_limit)?;
    let (thaw, thaw_now) = sync_channel(1);
    let (frozen_to, frozen) = sync_channel(1);
    let (thawed_to, thawed) = sync_channel(1);
    let path = path.to_owned();
    std::thread::Builder::new()
        .name("thaw-keeper".to_owned())
        .spawn(move || {
            let since = Instant::now();
            let outcome = agent.freeze(limit);
            let failed = outcome.is_err();
            // Frozen only counts when the one who asked is still there to hear of it.
            let told = frozen_to.send(outcome).is_ok();
            let held = !failed && told && keep(&thaw_now, limit.saturating_sub(since.elapsed()));
            thaw_surely((!failed).then_some(agent), &path);
            let frozen_millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            thawed_to.send(Thawed { held, frozen_millis }).ok();
        })
        .map_err(|e| protocol(&e))?;
    let since = Instant::now();
    match frozen.recv() {
        Ok(Ok(_count)) => Ok(Freeze { thaw: Some(thaw), thawed, since }),
        Ok(Err(error)) => Err(error),
        Err(_gone) => Err(QmpError::Lost { command: "guest-fsfreeze-freeze".to_owned() }),
    }
}

/// Waits for the order to thaw; false when the time was up first or nobody is left to give it.
fn keep(thaw_now: &Receiver<()>, limit: Duration) -> bool {
    match thaw_now.recv_timeout(limit) {
        Ok(()) => true,
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => false,
    }
}

/// Thaws, on the connection at hand or on a new one. A failed freeze may still be under way in the guest: then
/// its answer would be taken for the thaw's, so a new connection gets in step first.
fn thaw_surely(mut agent: Option<GuestAgent>, path: &Path) {
    for _ in 0..THAW_TRIES {
        let thawed = match agent.take() {
            Some(mut agent) => agent.run("guest-fsfreeze-thaw", &Value::Null, THAW_LIMIT),
            None => thaw_anew(path),
        };
        match thawed {
            Ok(_count) => return,
            // It answers, and says that there is nothing to thaw or that it cannot: asking again changes nothing.
            Err(QmpError::Refused { reason, .. }) => {
                tracing::warn!(%reason, "the guest agent refused to thaw");
                return;
            }
            Err(error) => tracing::warn!(%error, "the guest's file systems did not thaw; trying again"),
        }
    }
    tracing::error!("no answer to the thaw; leaving the order in the guest's queue");
    thaw_blindly(path);
}

fn thaw_anew(path: &Path) -> Result<Value, QmpError> {
    let mut agent = GuestAgent::connect(path, THAW_LIMIT)?;
    agent.run("guest-fsfreeze-thaw", &Value::Null, THAW_LIMIT)
}

/// Leaves the order where a guest that is busy freezing finds it next.
fn thaw_blindly(path: &Path) {
    if let Ok(mut stream) = connect_socket(path) {
        stream.set_write_timeout(Some(THAW_LIMIT)).ok();
        stream.write_all(b"\xff{\"execute\":\"guest-fsfreeze-thaw\"}\n").ok();
    }
}

/// Thaws what an agent that was killed left frozen.
///
/// # Errors
/// When the guest agent does not answer.
pub fn thaw_left_over(path: &Path) -> Result<(), QmpError> {
    thaw_anew(path).map(|_count| ())
}

impl Freeze {
    /// Thaws and waits until it is done or was given up.
    #[must_use]
    pub fn thaw(mut self) -> Thawed {
        if let Some(thaw) = self.thaw.take() {
            thaw.try_send(()).ok();
        }
        let gone = Thawed {
            held: false,
            frozen_millis: u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        self.thawed.recv().unwrap_or(gone)
    }
}
