//! The vault database. One writer, one transaction per decision of the core, full sync before it returns; what
//! it says is durable is durable. The core decides what is written, the shell calls, and nothing else opens the
//! file.
//!
//! | file | what it holds |
//! |---|---|
//! | `entity`, `migrations` | the tables as they are, and how they came to be |
//! | `database` | opening, checking, rows in one transaction |
//! | `audit` | the hash chain |
//! | `error` | what can be wrong, told to the owner |

mod audit;
mod database;
mod entity;
mod error;
mod migrations;
#[cfg(test)]
mod tests;

use crate::records::{AuditEntry, Change, JournalEntry, Record};
use database::{Database, Row};
pub use error::StoreError;
use leeward_model::EventView;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Events kept in the vault.
const EVENTS_MAX: u64 = 20_000;

/// The open vault database.
#[derive(Debug)]
pub struct Store {
    database: Database,
    path: PathBuf,
}

/// Everything the core needs to begin.
#[derive(Debug)]
pub struct Loaded {
    /// All records.
    pub records: Vec<Record>,
    /// The journal, oldest first.
    pub journal: Vec<JournalEntry>,
    /// The events, oldest first.
    pub events: Vec<EventView>,
}

/// Whether the audit log is what was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum AuditVerdict {
    /// All entries are there, each sealed with the hash of the one before.
    Whole {
        /// How many.
        entries: u64,
    },
    /// The chain breaks.
    Broken {
        /// At this entry, counted from 1.
        entry: i64,
    },
}

impl Store {
    /// Makes a new database.
    ///
    /// # Errors
    /// When a file is there already or cannot be made.
    pub async fn create(path: &Path) -> Result<Self, StoreError> {
        let database = Database::create(path, EVENTS_MAX).await?;
        Ok(Self { database, path: path.to_owned() })
    }

    /// Opens a database, after checking it, and brings it up to date.
    ///
    /// # Errors
    /// When it is damaged, foreign, newer than this program, or refused by the operating system.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let database = Database::open(path, EVENTS_MAX).await?;
        Ok(Self { database, path: path.to_owned() })
    }

    /// Writes all changes of one decision in one transaction. When it returns, they are on the disk.
    ///
    /// # Errors
    /// When they are not; then none of them is.
    pub async fn write(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let rows: Result<Vec<Row>, serde_json::Error> = changes.iter().map(row).collect();
        let rows = rows.map_err(|e| StoreError::Failed { path: self.path.clone(), detail: e.to_string() })?;
        self.database.write(rows).await
    }

    /// Reads everything the core needs to begin.
    ///
    /// # Errors
    /// When it cannot be read, or a record is not what this program writes.
    pub async fn load(&self) -> Result<Loaded, StoreError> {
        let mut records = Vec::new();
        for (kind, id, body) in self.database.records().await? {
            records.push(self.parsed(&format!("{kind} {id}"), &body)?);
        }
        let journal = self.database.journal().await?;
        let journal = journal.iter().map(|b| self.parsed("journal", b)).collect::<Result<_, _>>()?;
        let events = self.database.events().await?;
        let events = events.iter().map(|b| self.parsed("event", b)).collect::<Result<_, _>>()?;
        Ok(Loaded { records, journal, events })
    }

    /// Walks the whole audit log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        match self.database.verify_audit().await {
            Ok(entries) => Ok(AuditVerdict::Whole { entries }),
            Err(Ok(entry)) => Ok(AuditVerdict::Broken { entry }),
            Err(Err(error)) => Err(error),
        }
    }

    /// The newest audit entries, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn audit(&self, most: u64) -> Result<Vec<AuditEntry>, StoreError> {
        self.database.audit(most).await?.iter().map(|b| self.parsed("audit", b)).collect()
    }

    /// Folds the write-ahead log back and closes the file.
    ///
    /// # Errors
    /// When that fails; nothing is lost then, the log is folded back at the next opening.
    pub async fn close(self) -> Result<(), StoreError> {
        self.database.close().await
    }

    fn parsed<T: DeserializeOwned>(&self, what: &str, body: &str) -> Result<T, StoreError> {
        serde_json::from_str(body)
            .map_err(|e| StoreError::Damaged { path: self.path.clone(), detail: format!("{what}: {e}") })
    }
}

fn row(change: &Change) -> Result<Row, serde_json::Error> {
    Ok(match change {
        Change::Put(record) => {
            let key = record.key();
            Row::Put { kind: key.kind().to_owned(), id: key.id(), body: serde_json::to_string(record)? }
        }
        Change::Delete(key) => Row::Delete { kind: key.kind().to_owned(), id: key.id() },
        Change::Journal(entry) => {
            Row::Journal { job: entry.job.to_string(), body: serde_json::to_string(entry)? }
        }
        Change::ForgetJournal(job) => Row::ForgetJournal { job: job.to_string() },
        Change::Audit(entry) => Row::Audit { body: serde_json::to_string(entry)? },
        Change::Event(event) => Row::Event {
            id: event.id.to_string(),
            at: event.at.0,
            item: event.item.map(|i| i.to_string()),
            body: serde_json::to_string(event)?,
        },
    })
}
