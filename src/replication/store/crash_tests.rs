//! The life of a replica, ended at every single operation on its files and in every way a disk can lose what was not
//! flushed; and on a disk that is full from any operation on.

use super::trial::{Acknowledged, LIFE, Trial, is_the_end};
use crate::durable::crash::{Loss, Watched};
use crate::error::{ReplicationError, Result};

fn live(trial: &Trial, done: &mut Acknowledged) -> Result<()> {
    let store = trial.open()?;
    trial.run(&store, done)
}

/// How many operations a life takes.
fn operations() -> u64 {
    let folder = ground();
    let trial = Trial::new(&folder.path().join("store"));
    let watched = Watched::new(&trial.folder);
    let mut done = Acknowledged::default();
    live(&trial, &mut done).expect("a life without trouble");
    let operations = watched.done();
    let store = trial.open().expect("opened");
    trial.check(&store, &done, "no trouble");
    trial.check_end(&store, "no trouble");
    let catalogue = std::fs::read(trial.folder.join("catalogue")).expect("read");
    let changes = format!("{:?}", super::parse_catalogue(&catalogue).expect("whole"));
    assert!(changes.contains("Whole"), "a life in which the catalogue is written anew");
    operations
}

/// Thousands of lives are spent: in memory, where there is such a file system. Flushes are simulated anyway.
fn ground() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_none| tempfile::tempdir()).expect("a folder")
}

fn end_at(n: u64, loss: Loss) {
    let folder = ground();
    let trial = Trial::new(&folder.path().join("store"));
    let watched = Watched::new(&trial.folder);
    let mut done = Acknowledged::default();
    watched.end_after(n, loss);
    let ended = live(&trial, &mut done).expect_err("the world ends");
    let step = LIFE.get(done.steps);
    let why = format!("end at operation {n} in {step:?}, {loss:?} lost");
    assert!(is_the_end(&ended), "{why}: {ended}");
    watched.lose(loss);
    let store = trial.open().unwrap_or_else(|e| panic!("{why}: {e}"));
    trial.check(&store, &done, &why);
    // What a crash has left shows in the steps that follow; the whole rest of the life is lived by some.
    let whole = n.is_multiple_of(8);
    let rest = if whole { LIFE.len() } else { done.steps + 2 };
    trial.run_until(&store, &mut done, rest).unwrap_or_else(|e| panic!("{why}: {e}"));
    trial.check(&store, &done, &why);
    drop(store);
    let store = trial.open().unwrap_or_else(|e| panic!("{why}: {e}"));
    if whole {
        trial.check_end(&store, &why);
    }
}

fn end_everywhere(loss: Loss) {
    let all = operations();
    assert!(all > 150, "{all} operations are no whole life");
    for n in 0..all {
        end_at(n, loss);
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_said() {
    end_everywhere(Loss::Nothing);
}

#[test]
fn a_torn_last_write_loses_nothing_that_was_said() {
    end_everywhere(Loss::Torn);
}

#[test]
fn a_power_cut_that_takes_all_that_was_not_flushed_loses_nothing_that_was_said() {
    end_everywhere(Loss::All);
}

#[test]
fn a_power_cut_that_takes_bytes_but_leaves_names_loses_nothing_that_was_said() {
    end_everywhere(Loss::Bytes);
}

#[test]
fn a_power_cut_that_takes_names_but_leaves_bytes_loses_nothing_that_was_said() {
    end_everywhere(Loss::Names);
}

#[test]
fn a_full_disk_stops_a_replica_and_harms_nothing() {
    for n in 0..operations() {
        let folder = ground();
        let trial = Trial::new(&folder.path().join("store"));
        let watched = Watched::new(&trial.folder);
        let mut done = Acknowledged::default();
        watched.full_from(n);
        let why = format!("full from operation {n}");
        let store = loop {
            match trial.open() {
                Ok(store) => break store,
                Err(ReplicationError::NoSpace { .. }) => watched.calm(),
                Err(error) => panic!("{why}: {error}"),
            }
        };
        match trial.run(&store, &mut done) {
            Ok(()) => {}
            Err(ReplicationError::NoSpace { .. }) => {
                trial.check(&store, &done, &why);
                watched.calm();
                // The same store goes on as soon as there is room.
                trial.run(&store, &mut done).unwrap_or_else(|e| panic!("{why}: {e}"));
            }
            Err(error) => panic!("{why}: {error}"),
        }
        trial.check(&store, &done, &why);
        drop(store);
        trial.check_end(&trial.open().expect("opened"), &why);
    }
}
