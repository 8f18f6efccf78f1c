//! One connection to QEMU's control socket: a reader thread matches replies to the commands that wait. Apart from
//! the monitor, which makes a new one when this one ends.

use super::QmpError;
use super::line::{LINE_BYTES_MAX, LineReader, QmpEvent, QmpMessage, parse};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The longest socket path that fits a socket address with room to spare.
const SOCKET_PATH_BYTES_MAX: usize = 100;

type Outcome = Result<Value, String>;

/// Commands that wait for their reply; `None` once the connection has ended.
type Waiting = Mutex<Option<HashMap<u64, SyncSender<Outcome>>>>;

/// One live connection.
pub(super) struct Connection {
    stream: Mutex<UnixStream>,
    waiting: Arc<Waiting>,
    alive: Arc<AtomicBool>,
    next_id: AtomicU64,
    peer_pid: Option<u32>,
}

impl Connection {
    /// Connects, takes the greeting, negotiates. `on_event` runs on the reader thread; `on_end` is its last act.
    pub(super) fn open(
        path: &Path,
        limit: Duration,
        on_event: impl FnMut(QmpEvent) + Send + 'static,
        on_end: impl FnOnce() + Send + 'static,
    ) -> Result<Self, QmpError> {
        let stream = connect_socket(path)?;
        let refuse = |reason: String| QmpError::Connect { path: path.display().to_string(), reason };
        let peer_pid = rustix::net::sockopt::socket_peercred(&stream)
            .ok()
            .and_then(|c| u32::try_from(c.pid.as_raw_nonzero().get()).ok());
        let writer = stream.try_clone().map_err(|e| refuse(e.to_string()))?;
        writer.set_write_timeout(Some(limit)).map_err(|e| refuse(e.to_string()))?;
        let waiting: Arc<Waiting> = Arc::new(Mutex::new(Some(HashMap::new())));
        let alive = Arc::new(AtomicBool::new(true));
        let (greeted, greeting) = sync_channel(1);
        let reader = Reader { stream, waiting: Arc::clone(&waiting), alive: Arc::clone(&alive), greeted };
        std::thread::Builder::new()
            .name("qmp-reader".to_owned())
            .spawn(move || {
                reader.run(on_event);
                on_end();
            })
            .map_err(|e| refuse(e.to_string()))?;
        let connection =
            Self { stream: Mutex::new(writer), waiting, alive, next_id: AtomicU64::new(1), peer_pid };
        if greeting.recv_timeout(limit).is_err() {
            return Err(refuse("no greeting; another program may hold the socket".to_owned()));
        }
        connection.command("qmp_capabilities", &Value::Null, limit)?;
        Ok(connection)
    }

    /// The process at the other end.
    pub(super) const fn peer_pid(&self) -> Option<u32> {
        self.peer_pid
    }

    pub(super) fn alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }

    /// Sends a command and waits for its reply.
    pub(super) fn command(
        &self,
        command: &str,
        arguments: &Value,
        limit: Duration,
    ) -> Result<Value, QmpError> {
        let lost = || QmpError::Lost { command: command.to_owned() };
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (reply, replied) = sync_channel(1);
        match self.waiting.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(waiting) => waiting.insert(id, reply),
            None => return Err(lost()),
        };
        let mut line = json!({"execute": command, "id": id});
        if let (Value::Object(members), false) = (&mut line, arguments.is_null()) {
            members.insert("arguments".to_owned(), arguments.clone());
        }
        let mut bytes = line.to_string().into_bytes();
        bytes.push(b'\n');
        let written = self.stream.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes);
        if written.is_err() {
            self.forget(id);
            // Half a command may be in the pipe: nothing more can be said on this connection.
            self.close();
            return Err(lost());
        }
        match replied.recv_timeout(limit) {
            Ok(Ok(returned)) => Ok(returned),
            Ok(Err(reason)) => Err(QmpError::Refused { command: command.to_owned(), reason }),
            Err(RecvTimeoutError::Disconnected) => Err(lost()),
            Err(RecvTimeoutError::Timeout) => {
                self.forget(id);
                let limit_millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                Err(QmpError::Timeout { command: command.to_owned(), limit_millis })
            }
        }
    }

    fn forget(&self, id: u64) {
        if let Some(waiting) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            waiting.remove(&id);
        }
    }

    fn close(&self) {
        // A socket that is closed already is as good.
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).shutdown(Shutdown::Both).ok();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

struct Reader {
    stream: UnixStream,
    waiting: Arc<Waiting>,
    alive: Arc<AtomicBool>,
    greeted: SyncSender<()>,
}

impl Reader {
    fn run(mut self, mut on_event: impl FnMut(QmpEvent)) {
        if let Err(error) = self.read_all(&mut on_event) {
            tracing::warn!(%error, "control connection dropped");
        }
        self.alive.store(false, Ordering::Release);
        // Dropping the senders wakes everybody who waits.
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.stream.shutdown(Shutdown::Both).ok();
    }

    fn read_all(&mut self, on_event: &mut impl FnMut(QmpEvent)) -> Result<(), QmpError> {
        let mut lines = LineReader::new(LINE_BYTES_MAX);
        let mut chunk = vec![0_u8; 64 << 10];
        loop {
            let read = match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(QmpError::Protocol { reason: e.to_string() }),
            };
            lines.feed(chunk.get(..read).unwrap_or_default())?;
            while let Some(line) = lines.next_line()? {
                match parse(&line)? {
                    QmpMessage::Greeting => {
                        self.greeted.try_send(()).ok();
                    }
                    QmpMessage::Event(event) => on_event(event),
                    QmpMessage::Reply { id, outcome } => self.deliver(id, outcome),
                }
            }
        }
    }

    fn deliver(&self, id: Option<u64>, outcome: Outcome) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(id), Some(waiting)) = (id, waiting.as_mut())
            && let Some(reply) = waiting.remove(&id)
        {
            // The one who asked may have given up in this moment.
            reply.try_send(outcome).ok();
        }
    }
}

/// Connects to a socket whose path may be longer than a socket address holds.
pub(crate) fn connect_socket(path: &Path) -> Result<UnixStream, QmpError> {
    let refuse =
        |e: std::io::Error| QmpError::Connect { path: path.display().to_string(), reason: e.to_string() };
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return UnixStream::connect(path).map_err(refuse);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(refuse(std::io::ErrorKind::InvalidInput.into()));
    };
    let folder = File::open(folder).map_err(refuse)?;
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    UnixStream::connect(short).map_err(refuse)
}
