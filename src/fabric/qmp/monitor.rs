//! The control channel to one QEMU. Reconnects when its connection ends while QEMU lives, keeps event listeners
//! across that, and never sends a command twice. Apart from the connection, which knows only one socket.

use super::QmpError;
use super::connection::Connection;
use super::line::QmpEvent;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long an ordinary command may take. A loaded host under software emulation answers in seconds at worst.
const COMMAND_LIMIT: Duration = Duration::from_secs(20);
/// How long a greeting may take.
const GREETING_LIMIT: Duration = Duration::from_secs(5);

/// What listeners hear.
#[derive(Clone, PartialEq, Debug)]
pub enum Note {
    /// QEMU reported something.
    Event(QmpEvent),
    /// The connection ended; events may have been missed since.
    Lost,
}

#[derive(Default)]
struct Listeners(Mutex<Vec<Sender<Note>>>);

impl Listeners {
    fn tell(&self, note: &Note) {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.send(note.clone()).is_ok());
    }
}

/// The control channel to one QEMU.
pub struct Monitor {
    path: PathBuf,
    connection: Mutex<Option<Arc<Connection>>>,
    listeners: Arc<Listeners>,
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Monitor").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Monitor {
    /// Connects to a control socket.
    ///
    /// # Errors
    /// When nobody listens, or another program holds the socket.
    pub fn connect(path: &Path) -> Result<Self, QmpError> {
        let monitor = Self { path: path.to_owned(), connection: Mutex::new(None), listeners: Arc::default() };
        monitor.connection()?;
        Ok(monitor)
    }

    /// The process at the other end, as the system knows it.
    #[must_use]
    pub fn peer_pid(&self) -> Option<u32> {
        self.connection().ok().and_then(|c| c.peer_pid())
    }

    /// Carries out a command within the ordinary limit.
    ///
    /// # Errors
    /// Any [`QmpError`]. After `Lost` or `Timeout` it is not known whether it was carried out.
    pub fn run(&self, command: &str, arguments: &Value) -> Result<Value, QmpError> {
        self.run_within(command, arguments, COMMAND_LIMIT)
    }

    /// Carries out a command within a limit of the caller's.
    ///
    /// # Errors
    /// As [`Monitor::run`].
    pub fn run_within(&self, command: &str, arguments: &Value, limit: Duration) -> Result<Value, QmpError> {
        self.connection()?.command(command, arguments, limit)
    }

    /// Carries out a command of the human monitor, for the few things that have no other one.
    ///
    /// # Errors
    /// As [`Monitor::run`]. Refusals come back as text, as the human monitor gives them.
    pub fn run_human(&self, line: &str) -> Result<String, QmpError> {
        let said = self.run("human-monitor-command", &json!({"command-line": line}))?;
        Ok(said.as_str().unwrap_or_default().to_owned())
    }

    /// Events from now on.
    #[must_use]
    pub fn listen(&self) -> Receiver<Note> {
        let (sender, receiver) = channel();
        self.listeners.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    fn connection(&self) -> Result<Arc<Connection>, QmpError> {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connection) = slot.as_ref().filter(|c| c.alive()) {
            return Ok(Arc::clone(connection));
        }
        *slot = None;
        let (on_event, on_end) = (Arc::clone(&self.listeners), Arc::clone(&self.listeners));
        let connection = Connection::open(
            &self.path,
            GREETING_LIMIT,
            move |event| on_event.tell(&Note::Event(event)),
            move || on_end.tell(&Note::Lost),
        )?;
        let connection = Arc::new(connection);
        *slot = Some(Arc::clone(&connection));
        Ok(connection)
    }
}
