//! Block jobs: awaited, judged, cleaned up. Jobs are made without automatic dismissal, so that an agent that was
//! killed finds out what became of them.

use super::running::QemuMachine;
use crate::error::Result;
use crate::qmp::Note;
use serde_json::{Value, json};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often jobs are looked at when no event tells of them.
const LOOK: Duration = Duration::from_secs(1);

/// A block job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) done_bytes: u64,
    pub(super) error: Option<String>,
}

/// All jobs whose id is among these.
pub(super) fn look(machine: &QemuMachine, ids: &[String]) -> Result<Vec<Job>> {
    let told = machine.run("query-jobs", &Value::Null)?;
    let word = |job: &Value, name: &str| job.get(name).and_then(Value::as_str).map(str::to_owned);
    let jobs = told.as_array().into_iter().flatten();
    let jobs = jobs.filter_map(|job| {
        let id = word(job, "id").filter(|id| ids.contains(id))?;
        let status = word(job, "status").unwrap_or_default();
        let done_bytes = job.get("current-progress").and_then(Value::as_u64).unwrap_or(0);
        Some(Job { id, status, done_bytes, error: word(job, "error") })
    });
    Ok(jobs.collect())
}

/// Waits until every one of these jobs has one of these states (or is not there). `None` when the limit came
/// first. `on_note` hears what happens meanwhile.
pub(super) fn wait(
    machine: &QemuMachine,
    notes: &Receiver<Note>,
    ids: &[String],
    states: &[&str],
    limit: Duration,
    mut on_note: impl FnMut(&Note),
) -> Result<Option<Vec<Job>>> {
    let deadline = Instant::now() + limit;
    loop {
        let jobs = look(machine, ids)?;
        if jobs.iter().all(|job| states.contains(&job.status.as_str())) {
            return Ok(Some(jobs));
        }
        if !next_change(notes, ids, deadline, &mut on_note) {
            return Ok(None);
        }
    }
}

/// Waits until something may have changed for these jobs; false when the deadline came first.
fn next_change(
    notes: &Receiver<Note>,
    ids: &[String],
    deadline: Instant,
    on_note: &mut impl FnMut(&Note),
) -> bool {
    let look_again = Instant::now() + LOOK;
    loop {
        let now = Instant::now();
        if now >= deadline {
            return false;
        }
        let left = deadline.min(look_again).saturating_duration_since(now);
        match notes.recv_timeout(left) {
            Ok(note) => {
                on_note(&note);
                if tells_of(&note, ids) {
                    return true;
                }
            }
            Err(RecvTimeoutError::Timeout) => return Instant::now() < deadline,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(left.min(Duration::from_millis(50)));
                return true;
            }
        }
    }
}

fn tells_of(note: &Note, ids: &[String]) -> bool {
    let Note::Event(event) = note else {
        return true;
    };
    let named = |member: &str| {
        event.data.get(member).and_then(Value::as_str).is_some_and(|id| ids.iter().any(|i| i == id))
    };
    match event.name.as_str() {
        "JOB_STATUS_CHANGE" => {
            named("id")
                && event
                    .data
                    .get("status")
                    .and_then(Value::as_str)
                    .is_some_and(|s| matches!(s, "ready" | "concluded" | "aborting" | "null"))
        }
        "BLOCK_JOB_ERROR" => named("device"),
        _ => false,
    }
}

/// Forgets jobs that have concluded.
pub(super) fn dismiss(machine: &QemuMachine, ids: &[String]) -> Result<()> {
    for job in look(machine, ids)? {
        if job.status == "concluded" {
            machine.run("job-dismiss", &json!({"id": job.id}))?;
        }
    }
    Ok(())
}

/// Cancels jobs; those that have ended by themselves meanwhile are as good.
pub(super) fn cancel(machine: &QemuMachine, ids: &[String]) -> Result<()> {
    for job in look(machine, ids)? {
        if !matches!(job.status.as_str(), "concluded" | "aborting") {
            machine.monitor.run("job-cancel", &json!({"id": job.id})).ok();
        }
    }
    Ok(())
}

/// Whether QEMU's words speak of a full file system.
pub(super) fn no_space(words: &str) -> bool {
    words.contains("No space left") || words.contains("Disk quota exceeded")
}
