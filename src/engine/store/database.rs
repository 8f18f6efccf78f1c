//! The vault database as rows: opening, checking, one transaction per write. It knows tables, not nouns: what a
//! record means is the core's affair, and `mod.rs` turns changes into rows.

use super::audit::{ChainCheck, GENESIS, seal};
use super::entity::{audit, event, journal, record};
use super::error::StoreError;
use super::migrations;
use sea_orm::sea_query::OnConflict;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectOptions, ConnectionTrait, Database as Connector,
    DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement, TransactionTrait,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Rows per statement: well under SQLite's 32,766 variables and PostgreSQL's 65,535.
const ROWS_PER_STATEMENT: usize = 500;

/// Rows read at a time while the audit log is walked.
const AUDIT_PAGE: u64 = 2_000;

/// One change of the database.
#[derive(Clone, Debug)]
pub(super) enum Row {
    Put { kind: String, id: String, body: String },
    Delete { kind: String, id: String },
    Journal { job: String, body: String },
    ForgetJournal { job: String },
    Audit { body: String },
    Event { id: String, at: i64, item: Option<String>, body: String },
}

/// The open database. There is one of these per vault: the vault's lock sees to it.
#[derive(Debug)]
pub(super) struct Database {
    db: DatabaseConnection,
    path: PathBuf,
    events_max: u64,
    ends: Ends,
}

/// The last numbers written, so that a write need not ask for them.
#[derive(Clone, Debug)]
struct Ends {
    journal: i64,
    event: i64,
    event_first: i64,
    audit: i64,
    audit_hash: String,
}

impl Database {
    /// Makes a new database at a path where no file is, with all tables.
    pub(super) async fn create(path: &Path, events_max: u64) -> Result<Self, StoreError> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|e| StoreError::of_io(path, &e))?;
        let db = connect(path).await?;
        let fail = |e: DbErr| StoreError::of(path, &e);
        let transaction = db.begin().await.map_err(fail)?;
        migrations::prepare(&transaction).await.map_err(fail)?;
        migrations::apply(&transaction, 0).await.map_err(fail)?;
        transaction.commit().await.map_err(fail)?;
        Self::ready(db, path, events_max).await
    }

    /// Opens an existing database, refuses one that is damaged, foreign or newer, and brings an older one up to date.
    pub(super) async fn open(path: &Path, events_max: u64) -> Result<Self, StoreError> {
        // Opened once for writing, so that a permission problem is told now and not at the first change.
        std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(|e| StoreError::of_io(path, &e))?;
        let db = connect(path).await?;
        let fail = |e: DbErr| StoreError::of(path, &e);
        check(&db, path).await?;
        let has = match migrations::applied(&db).await {
            Ok(has) => has,
            Err(error) => match StoreError::of(path, &error) {
                // The file is sound, but has no table of migrations.
                StoreError::Failed { path, .. } => return Err(StoreError::NotAVault { path }),
                other => return Err(other),
            },
        };
        if has > migrations::NEWEST {
            let path = path.to_owned();
            return Err(StoreError::Newer { path, has, knows: migrations::NEWEST });
        }
        if has < migrations::NEWEST {
            let transaction = db.begin().await.map_err(fail)?;
            migrations::apply(&transaction, has).await.map_err(fail)?;
            transaction.commit().await.map_err(fail)?;
        }
        Self::ready(db, path, events_max).await
    }

    async fn ready(db: DatabaseConnection, path: &Path, events_max: u64) -> Result<Self, StoreError> {
        let ends = Ends::read(&db).await.map_err(|e| StoreError::of(path, &e))?;
        Ok(Self { db, path: path.to_owned(), events_max, ends })
    }

    /// Writes all rows in one transaction. When it returns, they are on the disk.
    pub(super) async fn write(&mut self, rows: Vec<Row>) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let ends = write_all(&self.db, rows, self.ends.clone(), self.events_max)
            .await
            .map_err(|e| StoreError::of(&self.path, &e))?;
        self.ends = ends;
        Ok(())
    }

    /// All records as (kind, id, body).
    pub(super) async fn records(&self) -> Result<Vec<(String, String, String)>, StoreError> {
        let rows = record::Entity::find()
            .order_by_asc(record::Column::Kind)
            .order_by_asc(record::Column::Id)
            .all(&self.db)
            .await
            .map_err(|e| StoreError::of(&self.path, &e))?;
        Ok(rows.into_iter().map(|r| (r.kind, r.id, r.body)).collect())
    }

    /// All journal entries as JSON, oldest first.
    pub(super) async fn journal(&self) -> Result<Vec<String>, StoreError> {
        let rows = journal::Entity::find()
            .order_by_asc(journal::Column::Number)
            .all(&self.db)
            .await
            .map_err(|e| StoreError::of(&self.path, &e))?;
        Ok(rows.into_iter().map(|r| r.body).collect())
    }

    /// All events as JSON, oldest first.
    pub(super) async fn events(&self) -> Result<Vec<String>, StoreError> {
        let rows = event::Entity::find()
            .order_by_asc(event::Column::Number)
            .all(&self.db)
            .await
            .map_err(|e| StoreError::of(&self.path, &e))?;
        Ok(rows.into_iter().map(|r| r.body).collect())
    }

    /// Walks the audit log; `Ok` is the number of entries, `Err(Ok(n))` the entry at which the chain breaks.
    pub(super) async fn verify_audit(&self) -> Result<u64, Result<i64, StoreError>> {
        let fail = |e: DbErr| Err(StoreError::of(&self.path, &e));
        let mut check = ChainCheck::new();
        // A live engine may be writing beside: what came after this opening is not looked at.
        let mut pages = audit::Entity::find()
            .filter(audit::Column::Number.lte(self.ends.audit))
            .order_by_asc(audit::Column::Number)
            .paginate(&self.db, AUDIT_PAGE);
        while let Some(rows) = pages.fetch_and_next().await.map_err(fail)? {
            for row in rows {
                check.next(row.number, &row.previous, &row.body, &row.hash).map_err(Ok)?;
            }
        }
        // An end that was cut off leaves a sound chain; the end this program wrote is what it must be.
        if check.entries() != self.ends.audit {
            return Err(Ok(check.entries() + 1));
        }
        Ok(u64::try_from(check.entries()).unwrap_or(0))
    }

    /// The newest audit entries as JSON, newest first.
    pub(super) async fn audit(&self, most: u64) -> Result<Vec<String>, StoreError> {
        let rows = audit::Entity::find()
            .order_by_desc(audit::Column::Number)
            .limit(most)
            .all(&self.db)
            .await
            .map_err(|e| StoreError::of(&self.path, &e))?;
        Ok(rows.into_iter().map(|r| r.body).collect())
    }

    #[cfg(test)]
    pub(super) const fn connection(&self) -> &DatabaseConnection {
        &self.db
    }

    /// Folds the write-ahead log back and closes the file.
    pub(super) async fn close(self) -> Result<(), StoreError> {
        self.db.close().await.map_err(|e| StoreError::of(&self.path, &e))
    }
}

async fn connect(path: &Path) -> Result<DatabaseConnection, StoreError> {
    let file = path.to_owned();
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).min_connections(1).sqlx_logging(false).test_before_acquire(false);
    // One connection for the life of the engine: it must not be recycled after a quiet hour.
    options.idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
    options.map_sqlx_sqlite_opts(move |o| {
        o.filename(&file)
            .in_memory(false)
            .shared_cache(false)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("fullfsync", "1")
            .pragma("trusted_schema", "OFF")
            .busy_timeout(Duration::from_secs(5))
    });
    Connector::connect(options).await.map_err(|e| StoreError::of(path, &e))
}

async fn check(db: &DatabaseConnection, path: &Path) -> Result<(), StoreError> {
    let statement = Statement::from_string(db.get_database_backend(), "PRAGMA quick_check(1)");
    let row = db.query_one_raw(statement).await.map_err(|e| StoreError::of(path, &e))?;
    let verdict = row.and_then(|r| r.try_get_by_index::<String>(0).ok()).unwrap_or_default();
    if verdict == "ok" { Ok(()) } else { Err(StoreError::Damaged { path: path.to_owned(), detail: verdict }) }
}

async fn write_all(
    db: &DatabaseConnection,
    rows: Vec<Row>,
    mut ends: Ends,
    events_max: u64,
) -> Result<Ends, DbErr> {
    let transaction = db.begin().await?;
    // The last word about a record wins, so that each statement holds a key once.
    let mut records: BTreeMap<(String, String), Option<String>> = BTreeMap::new();
    let (mut journals, mut audits, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        match row {
            Row::Put { kind, id, body } => {
                records.insert((kind, id), Some(body));
            }
            Row::Delete { kind, id } => {
                records.insert((kind, id), None);
            }
            Row::Journal { job, body } => journals.push(ends.journal_row(job, body)),
            Row::ForgetJournal { job } => {
                journals.retain(|j| j.job.as_ref() != &job);
                journal::Entity::delete_many()
                    .filter(journal::Column::Job.eq(job))
                    .exec(&transaction)
                    .await?;
            }
            Row::Audit { body } => audits.push(ends.audit_row(body)),
            Row::Event { id, at, item, body } => {
                ends.event += 1;
                let number = Set(ends.event);
                let (id, at, item, body) = (Set(id), Set(at), Set(item), Set(body));
                events.push(event::ActiveModel { number, id, at, item, body });
            }
        }
    }
    write_records(&transaction, records).await?;
    for part in journals.chunks(ROWS_PER_STATEMENT) {
        journal::Entity::insert_many(part.to_vec()).exec_without_returning(&transaction).await?;
    }
    for part in audits.chunks(ROWS_PER_STATEMENT) {
        audit::Entity::insert_many(part.to_vec()).exec_without_returning(&transaction).await?;
    }
    for part in events.chunks(ROWS_PER_STATEMENT) {
        event::Entity::insert_many(part.to_vec()).exec_without_returning(&transaction).await?;
    }
    forget_old_events(&transaction, &mut ends, events_max).await?;
    transaction.commit().await?;
    Ok(ends)
}

async fn write_records(
    transaction: &DatabaseTransaction,
    records: BTreeMap<(String, String), Option<String>>,
) -> Result<(), DbErr> {
    let mut puts = Vec::new();
    for ((kind, id), body) in records {
        match body {
            Some(body) => {
                puts.push(record::ActiveModel { kind: Set(kind), id: Set(id), body: Set(body) });
            }
            None => {
                record::Entity::delete_by_id((kind, id)).exec(transaction).await?;
            }
        }
    }
    for part in puts.chunks(ROWS_PER_STATEMENT) {
        let replace = OnConflict::columns([record::Column::Kind, record::Column::Id])
            .update_column(record::Column::Body)
            .to_owned();
        record::Entity::insert_many(part.to_vec())
            .on_conflict(replace)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

/// Events beyond the bound go, a tenth of the bound at a time so that not every write deletes.
async fn forget_old_events(
    transaction: &DatabaseTransaction,
    ends: &mut Ends,
    events_max: u64,
) -> Result<(), DbErr> {
    let most = i64::try_from(events_max).unwrap_or(i64::MAX);
    if ends.event - ends.event_first < most + most / 10 {
        return Ok(());
    }
    let first_kept = ends.event - most + 1;
    event::Entity::delete_many().filter(event::Column::Number.lt(first_kept)).exec(transaction).await?;
    ends.event_first = first_kept;
    Ok(())
}

impl Ends {
    async fn read(db: &DatabaseConnection) -> Result<Self, DbErr> {
        let journal = journal::Entity::find().order_by_desc(journal::Column::Number).one(db).await?;
        let event = event::Entity::find().order_by_desc(event::Column::Number).one(db).await?;
        let oldest = event::Entity::find().order_by_asc(event::Column::Number).one(db).await?;
        let audit = audit::Entity::find().order_by_desc(audit::Column::Number).one(db).await?;
        Ok(Self {
            journal: journal.map_or(0, |r| r.number),
            event: event.map_or(0, |r| r.number),
            event_first: oldest.map_or(1, |r| r.number),
            audit: audit.as_ref().map_or(0, |r| r.number),
            audit_hash: audit.map_or_else(|| GENESIS.to_owned(), |r| r.hash),
        })
    }

    fn journal_row(&mut self, job: String, body: String) -> journal::ActiveModel {
        self.journal += 1;
        journal::ActiveModel { number: Set(self.journal), job: Set(job), body: Set(body) }
    }

    fn audit_row(&mut self, body: String) -> audit::ActiveModel {
        self.audit += 1;
        let hash = seal(self.audit, &self.audit_hash, &body);
        let previous = std::mem::replace(&mut self.audit_hash, hash.clone());
        audit::ActiveModel {
            number: Set(self.audit),
            body: Set(body),
            previous: Set(previous),
            hash: Set(hash),
        }
    }
}
