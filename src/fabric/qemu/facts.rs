//! Events of QEMU to facts about the machine. A thread per listener, because the end of the process is a fact too
//! and no event tells of it.

use super::process::QemuProcess;
use crate::qmp::{Monitor, Note, QmpEvent};
use crate::status::MachineFact;
use leeward_model::DiskId;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::time::Duration;

/// How often a silent machine is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Tells facts until the process is gone or nobody listens. `disks` is by block node.
pub(super) fn spawn(
    monitor: Arc<Monitor>,
    process: Arc<QemuProcess>,
    disks: HashMap<String, DiskId>,
    facts: Sender<MachineFact>,
) {
    let notes = monitor.listen();
    let watcher = move || {
        loop {
            let told = match notes.recv_timeout(LOOK) {
                Ok(Note::Event(event)) => fact(&event, &disks).map_or(Ok(()), |f| facts.send(f)),
                Ok(Note::Lost) if !process.ended_within(LOOK) => {
                    let told = facts.send(MachineFact::ControlLost);
                    // Any command reconnects, and with it the events come back.
                    monitor.run("query-status", &Value::Null).ok();
                    told
                }
                Ok(Note::Lost) | Err(RecvTimeoutError::Timeout) => Ok(()),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if told.is_err() {
                return;
            }
            if process.ended_within(Duration::ZERO) {
                // What was reported before the end comes before it.
                for note in notes.try_iter() {
                    if let Note::Event(event) = note
                        && let Some(last) = fact(&event, &disks)
                    {
                        facts.send(last).ok();
                    }
                }
                facts.send(MachineFact::Gone).ok();
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("machine-facts".to_owned()).spawn(watcher) {
        tracing::error!(%error, "no thread for the machine's facts");
    }
}

fn fact(event: &QmpEvent, disks: &HashMap<String, DiskId>) -> Option<MachineFact> {
    let flag = |name: &str| event.data.get(name).and_then(Value::as_bool).unwrap_or(false);
    let word = |name: &str| event.data.get(name).and_then(Value::as_str).unwrap_or_default();
    Some(match event.name.as_str() {
        "STOP" => MachineFact::Stopped,
        "RESUME" => MachineFact::Resumed,
        "SHUTDOWN" if flag("guest") => MachineFact::ShutDownByGuest,
        "RESET" => MachineFact::Reset { by_guest: flag("guest") },
        "GUEST_PANICKED" => MachineFact::Panicked,
        "BLOCK_IO_ERROR" => MachineFact::IoError {
            disk: disks.get(word("node-name")).copied(),
            no_space: flag("nospace"),
            stopped: word("action") == "stop",
        },
        _ => return None,
    })
}
