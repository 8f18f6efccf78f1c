//! The engine with its database, in memory. Both can be killed: before a decision is written, or after it is
//! written and before anything of it is done. What is loaded again has been through the form it is stored in.

use crate::seed::Seed;
use leeward_engine::core::{Change, Core, Effect, Input, JournalEntry, Outcome, Record, RecordKey};
use leeward_engine::records::AuditEntry;
use leeward_model::{EventView, Moment};
use std::collections::BTreeMap;

/// What survives a crash of the engine.
#[derive(Clone, Debug, Default)]
pub struct Database {
    /// Records by name, as they are stored.
    pub records: BTreeMap<RecordKey, String>,
    /// Journals of jobs that are not over.
    pub journal: Vec<JournalEntry>,
    /// Events, oldest first.
    pub events: Vec<EventView>,
    /// The audit log, oldest first.
    pub audit: Vec<AuditEntry>,
    /// Transactions so far.
    pub writes: u64,
}

/// When the engine dies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Death {
    /// The transaction of this number is not written.
    Before(u64),
    /// The transaction of this number is written, and nothing of it is done.
    After(u64),
}

/// The engine.
#[derive(Debug)]
pub struct Vault {
    /// Its core; none while it is dead.
    pub core: Option<Core>,
    /// Its database.
    pub database: Database,
    /// Its chance.
    pub ids: Seed,
    /// When it is to die.
    pub death: Option<Death>,
    /// The instant it asked to be woken at.
    pub wake_at: Option<Moment>,
}

impl Database {
    fn write(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put(record) => {
                    let text = serde_json::to_string(record).expect("a record becomes JSON");
                    self.records.insert(record.key(), text);
                }
                Change::Delete(key) => {
                    self.records.remove(key);
                }
                Change::Journal(entry) => self.journal.push(entry.clone()),
                Change::ForgetJournal(job) => self.journal.retain(|e| e.job != *job),
                Change::Audit(entry) => self.audit.push(entry.clone()),
                Change::Event(event) => self.events.push(event.clone()),
            }
        }
        self.writes += 1;
    }

    /// All records, read back.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.records.values().map(|text| serde_json::from_str(text).expect("a record is read back")).collect()
    }
}

impl Vault {
    /// An engine over a database.
    #[must_use]
    pub fn open(database: Database, ids: Seed) -> Self {
        let mut vault = Self { core: None, database, ids, death: None, wake_at: None };
        vault.load();
        vault
    }

    /// Starts the engine from what is written.
    pub fn load(&mut self) {
        let journal = serde_json::to_string(&self.database.journal).expect("a journal becomes JSON");
        let journal = serde_json::from_str(&journal).expect("a journal is read back");
        self.core = Some(Core::load(self.database.records(), journal, self.database.events.clone()));
        self.wake_at = None;
    }

    /// Gives the engine one input. None when it is dead, or dies of it.
    pub fn apply(&mut self, input: Input, now: Moment) -> Option<Vec<Effect>> {
        let core = self.core.as_mut()?;
        let Outcome { changes, effects, .. } = core.apply(input, now, &mut self.ids);
        if !changes.is_empty() {
            let number = self.database.writes;
            if self.death == Some(Death::Before(number)) {
                self.die();
                return None;
            }
            self.database.write(&changes);
            if self.death == Some(Death::After(number)) {
                self.die();
                return None;
            }
        }
        Some(effects)
    }

    fn die(&mut self) {
        self.death = None;
        self.core = None;
    }
}
