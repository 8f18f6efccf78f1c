//! The vault database under use and abuse: what was acknowledged is there after a kill, a transaction is whole
//! or absent, and bad files are told apart.

use super::database::{Database, Row};
use super::error::StoreError;
use sea_orm::{ConnectionTrait, Statement};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Set in the child process that is killed.
const CHILD: &str = "LEEWARD_STORE_TEST_CHILD";

fn put(id: &str, body: &str) -> Row {
    Row::Put { kind: "item".to_owned(), id: id.to_owned(), body: body.to_owned() }
}

fn event(n: u32) -> Row {
    Row::Event { id: n.to_string(), at: i64::from(n), item: None, body: n.to_string() }
}

async fn made(folder: &Path) -> (PathBuf, Database) {
    let path = folder.join("vault.db");
    let database = Database::create(&path, 20).await.expect("a new database");
    (path, database)
}

#[tokio::test]
async fn what_is_written_is_there_after_reopening() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, mut db) = made(folder.path()).await;
    let journal = |job: &str, body: &str| Row::Journal { job: job.to_owned(), body: body.to_owned() };
    db.write(vec![put("a", "1"), put("b", "1"), journal("j1", "x"), journal("j2", "y")])
        .await
        .expect("write");
    db.write(vec![
        put("a", "2"),
        Row::Delete { kind: "item".to_owned(), id: "b".to_owned() },
        put("c", "3"),
        Row::Delete { kind: "item".to_owned(), id: "c".to_owned() },
        Row::ForgetJournal { job: "j1".to_owned() },
        Row::Audit { body: "who".to_owned() },
    ])
    .await
    .expect("write");
    db.close().await.expect("close");

    let db = Database::open(&path, 20).await.expect("reopen");
    assert_eq!(db.records().await.expect("read"), [("item".to_owned(), "a".to_owned(), "2".to_owned())]);
    assert_eq!(db.journal().await.expect("read"), ["y"]);
    assert_eq!(db.verify_audit().await.expect("whole"), 1);
}

#[tokio::test]
async fn many_rows_fit_one_transaction() {
    let folder = tempfile::tempdir().expect("folder");
    let (_, mut db) = made(folder.path()).await;
    db.write((0..10_000).map(|n| put(&n.to_string(), "x")).collect()).await.expect("write");
    assert_eq!(db.records().await.expect("read").len(), 10_000);
}

#[tokio::test]
async fn events_are_bounded() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, mut db) = made(folder.path()).await;
    for n in 0..50 {
        db.write(vec![event(n)]).await.expect("write");
        assert!(db.events().await.expect("read").len() <= 22, "bound of 20 and a tenth");
    }
    db.close().await.expect("close");
    let db = Database::open(&path, 20).await.expect("reopen");
    assert_eq!(db.events().await.expect("read").last().map(String::as_str), Some("49"));
}

#[tokio::test]
async fn a_changed_audit_entry_is_found() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, mut db) = made(folder.path()).await;
    for n in 0..5 {
        db.write(vec![Row::Audit { body: format!("entry {n}") }]).await.expect("write");
    }
    let forge = "UPDATE audit SET body = 'nothing happened' WHERE number = 3";
    db.raw(forge).await;
    assert_eq!(db.verify_audit().await.map_err(Result::ok), Err(Some(3)));
    db.raw("UPDATE audit SET body = 'entry 2' WHERE number = 3").await;
    assert_eq!(db.verify_audit().await.map_err(Result::ok), Ok(5));
    db.raw("DELETE FROM audit WHERE number = 5").await;
    assert_eq!(db.verify_audit().await.map_err(Result::ok), Err(Some(5)), "a cut end is found while it runs");
    drop(path);
}

#[tokio::test]
async fn what_a_live_engine_writes_meanwhile_is_no_tampering() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, mut live) = made(folder.path()).await;
    live.write(vec![Row::Audit { body: "before".to_owned() }]).await.expect("write");
    let beside = Database::open(&path, 20).await.expect("opens beside");
    live.write(vec![Row::Audit { body: "meanwhile".to_owned() }]).await.expect("write");
    assert_eq!(beside.verify_audit().await.map_err(Result::ok), Ok(1));
}

#[tokio::test]
async fn newer_foreign_and_damaged_files_are_told_apart() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, db) = made(folder.path()).await;
    db.raw("INSERT INTO applied_migration VALUES (99, 'of the future', '9.0')").await;
    db.close().await.expect("close");
    let error = Database::open(&path, 20).await.expect_err("newer");
    assert!(matches!(error, StoreError::Newer { has: 99, .. }), "{error:?}");

    let foreign = folder.path().join("foreign.db");
    let other = Database::create(&foreign, 20).await.expect("made");
    other.raw("DROP TABLE applied_migration").await;
    other.close().await.expect("close");
    let error = Database::open(&foreign, 20).await.expect_err("foreign");
    assert!(matches!(error, StoreError::NotAVault { .. }), "{error:?}");

    let text = folder.path().join("text.db");
    std::fs::write(&text, "this is no database, it is a shopping list").expect("write");
    let error = Database::open(&text, 20).await.expect_err("damaged");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");

    let error = Database::create(&text, 20).await.expect_err("occupied");
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_page_of_rubbish_in_the_middle_is_found_on_opening() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, mut db) = made(folder.path()).await;
    db.write((0..5_000).map(|n| put(&n.to_string(), "some body text")).collect()).await.expect("write");
    db.close().await.expect("close");
    let mut bytes = std::fs::read(&path).expect("read");
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(&path, bytes).expect("write");
    let error = Database::open(&path, 20).await.expect_err("damaged");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("backup"), "says what to do: {error}");
}

/// Runs in the child only: writes until it is killed and says after each transaction what is durable.
#[tokio::test]
async fn writes_until_killed() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let mut db = Database::open(Path::new(&path), 1_000_000).await.expect("open");
    for n in 0_u64.. {
        let rows = vec![
            put("left", &n.to_string()),
            put("right", &n.to_string()),
            Row::Audit { body: n.to_string() },
        ];
        db.write(rows).await.expect("write");
        println!("durable {n}");
    }
}

#[tokio::test]
async fn a_kill_at_any_instant_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().expect("folder");
    let (path, db) = made(folder.path()).await;
    db.close().await.expect("close");
    for round in 0..5_u64 {
        let exe = std::env::current_exe().expect("own path");
        let mut child = Command::new(exe)
            .args(["--exact", "store::tests::writes_until_killed", "--nocapture"])
            .env(CHILD, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("child");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut durable = None;
        for line in lines.map_while(Result::ok) {
            // The first line of the child may stand behind the harness's own words.
            if let Some((_, n)) = line.split_once("durable ") {
                durable = n.parse::<u64>().ok();
            }
            if durable.is_some_and(|n| n >= 20 + round * 7) {
                break;
            }
        }
        child.kill().expect("kill");
        child.wait().expect("reaped");
        let durable = durable.expect("the child wrote");
        let db = Database::open(&path, 20).await.expect("opens after a kill");
        let records = db.records().await.expect("read");
        let of = |id: &str| -> u64 {
            let body = records.iter().find(|r| r.1 == id).map(|r| r.2.clone()).expect("record");
            body.parse().expect("number")
        };
        assert!(of("left") >= durable, "acknowledged {durable}, found {}", of("left"));
        assert_eq!(of("left"), of("right"), "one transaction, whole or absent");
        db.verify_audit().await.expect("the chain is whole");
        db.close().await.expect("close");
    }
}

impl Database {
    /// Does to the file what no part of the product does.
    async fn raw(&self, sql: &str) {
        let backend = self.connection().get_database_backend();
        self.connection().execute_raw(Statement::from_string(backend, sql)).await.expect("runs");
    }
}
