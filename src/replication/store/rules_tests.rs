//! What a store refuses and what it never does, at the edges where two things meet. Apart from `crash_tests`, where
//! the world ends in between.

use super::trial::{Acknowledged, LIFE, Step, Trial};
use super::{Arriving, CopyHead, CopyMode, PointStore};
use crate::control::Cancel;
use crate::digest::{BLOCK, blocks_of};
use crate::error::ReplicationError;
use crate::layers::Layer;
use leeward_model::{DiskFormat, DiskId, Epoch, ItemId, Moment, PointKind, Retention, Sequence};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// A store after so many steps of a life.
fn after(steps: usize) -> (tempfile::TempDir, Trial, PointStore, Acknowledged) {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(&folder.path().join("store"));
    let store = trial.open().expect("opened");
    let mut done = Acknowledged::default();
    trial.run_until(&store, &mut done, steps).expect("lived");
    (folder, trial, store, done)
}

#[test]
fn damage_inside_the_catalogue_is_told_and_costs_nothing() {
    let (_folder, trial, store, _) = after(6);
    let before = store.points();
    let path = trial.folder.join("catalogue");
    let whole = std::fs::read(&path).expect("read");
    drop(store);
    // Every third byte of all but the last record, one bit each.
    let (_, end) = super::parse_catalogue(&whole).expect("whole");
    assert_eq!(end, whole.len());
    let last = last_record(&whole);
    for at in (0..last).step_by(3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        std::fs::write(&path, &damaged).expect("written");
        let opened = PointStore::open(&trial.folder).map(|s| s.points().len());
        assert!(matches!(opened, Err(ReplicationError::Damaged { .. })), "byte {at}: {opened:?}");
        assert_eq!(std::fs::read(&path).expect("read"), damaged, "what is damaged is left for a person");
    }
    // Nothing was thrown away meanwhile.
    std::fs::write(&path, &whole).expect("written");
    let store = trial.open().expect("opened");
    assert_eq!(store.points(), before);
    for point in before {
        store.verify(point.id, &Cancel::new()).expect("whole");
    }
}

/// Where the last record of a catalogue begins.
fn last_record(bytes: &[u8]) -> usize {
    let (mut at, mut last) = (0, 0);
    while at < bytes.len() {
        last = at;
        let length = u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four"));
        at += 12 + usize::try_from(length).expect("small");
    }
    last
}

#[test]
fn who_waits_for_its_turn_sees_what_was_made_meanwhile() {
    let (_folder, trial, store, _) = after(1);
    let manifests = trial.manifests(2, 1);
    let Ok(Arriving::Comes(first)) = store.begin_cycle(&manifests) else { panic!("it comes") };
    std::thread::scope(|scope| {
        let second = scope.spawn(|| match store.begin_cycle(&manifests) {
            Ok(Arriving::Held(Some(point))) => point.id,
            Ok(_) => panic!("the same log was taken twice"),
            Err(error) => panic!("{error}"),
        });
        while !store.turns.wanted() {
            std::thread::yield_now();
        }
        trial.bring(first, &manifests, 2).expect("made");
        assert_eq!(second.join().expect("answered"), Trial::point(2));
    });
    assert_eq!(store.points().len(), 2);
}

#[test]
fn a_store_that_closes_takes_nothing_that_was_under_way() {
    let (_folder, trial, store, done) = after(1);
    let manifests = trial.manifests(2, 1);
    let Ok(Arriving::Comes(coming)) = store.begin_cycle(&manifests) else { panic!("it comes") };
    store.set_closed(true).expect("closed");
    assert!(matches!(trial.bring(coming, &manifests, 2), Err(ReplicationError::Closed {})));
    assert!(matches!(store.begin_cycle(&manifests), Err(ReplicationError::Closed {})));
    assert_eq!(store.points().len(), 1);
    trial.check(&store, &done, "closed");
}

#[test]
fn tidying_leaves_an_exchange_alone() {
    let (_folder, trial, store, _) = after(6);
    let manifests = trial.manifests(6, 5);
    let Ok(Arriving::Comes(_coming)) = store.begin_cycle(&manifests) else { panic!("it comes") };
    let before = store.points();
    let none =
        Retention { every_point_mins: 0, hourly_points_hours: 0, app_consistent_hours: 0, points_max: 1 };
    store.retain(&none, &Cancel::new()).expect("not now");
    assert_eq!(store.points(), before);
}

#[test]
fn a_merge_is_given_up_for_a_failover_and_harms_nothing() {
    // Both kinds of merge, given up at each of their blocks.
    let retains: Vec<_> = (0..LIFE.len()).filter(|n| LIFE[*n] == Step::Retain).collect();
    let mut kinds = std::collections::BTreeSet::new();
    for steps in retains {
        let (_folder, trial, store, mut done) = after(steps);
        let none =
            Retention { every_point_mins: 0, hourly_points_hours: 0, app_consistent_hours: 0, points_max: 1 };
        // Points go; a failover that presses already lets nothing be merged.
        let pressing = store.turns.press();
        store.retain(&none, &Cancel::new()).expect("points went");
        drop(pressing);
        for blocks in 0_u64.. {
            let Some(merge) = store.next_merge() else { break };
            kinds.insert(merge.into_base);
            let left = std::cell::Cell::new(blocks);
            let give_up = || left.replace(left.get().saturating_sub(1)) == 0;
            let merged = if merge.into_base {
                store.merge_into_base(&merge, &give_up)
            } else {
                store.unite(&merge, &give_up)
            };
            trial.check(&store, &done, "given up, or not");
            if merged.expect("no trouble") {
                break;
            }
        }
        trial.run(&store, &mut done).expect("the rest of a life");
        trial.check_end(&store, "given up before");
    }
    assert_eq!(kinds.len(), 2, "into the base, and several into one");
}

#[test]
fn whoever_pins_a_point_presses_while_it_waits() {
    let (_folder, _trial, store, _) = after(2);
    let merging = store.merging();
    std::thread::scope(|scope| {
        let pinning = scope.spawn(|| store.pin(Trial::point(2), "failover"));
        while !store.turns.pressed() {
            std::thread::yield_now();
        }
        drop(merging);
        pinning.join().expect("ended").expect("pinned");
    });
    assert!(!store.turns.pressed());
}

#[test]
fn a_log_from_before_a_staged_copy_is_not_put_on_top_of_it() {
    let staged = LIFE.iter().position(|s| matches!(s, Step::Stage(_))).expect("staged");
    let (_folder, trial, store, done) = after(staged + 1);
    // Log 8 was sealed before the copy that is staged as number 8.
    let refused = store.begin_cycle(&trial.manifests(8, 7)).map(drop);
    assert!(matches!(refused, Err(ReplicationError::Gap { .. })), "{refused:?}");
    trial.check(&store, &done, "staged");
}

#[test]
fn a_copy_must_name_each_disk_once() {
    let (_folder, trial, store, _) = after(0);
    let disk = store.disks()[0];
    let head = CopyHead {
        item: store.item(),
        epoch: Epoch(1),
        sequence: Sequence(1),
        instant: Moment(1),
        kind: PointKind::Initial,
        copy: Uuid::from_u64_pair(5, 5),
        disks: vec![disk, disk],
        completes: true,
    };
    assert!(matches!(store.begin_copy(&head).map(drop), Err(ReplicationError::Foreign { .. })));
    drop(trial);
}

#[test]
fn deleting_removes_what_is_its_own_and_nothing_comes_back() {
    let (_folder, trial, store, _) = after(4);
    let theirs = trial.folder.join("machine.json");
    std::fs::write(&theirs, b"{}").expect("written");
    assert!(matches!(PointStore::delete(&trial.folder), Err(ReplicationError::Locked { .. })), "in use");
    drop(store);
    // A deletion that was cut off after its first step.
    std::fs::remove_file(trial.folder.join("store.json")).expect("removed");
    assert!(!PointStore::exists(&trial.folder));
    let store = trial.open().expect("made anew");
    assert!(store.points().is_empty(), "the old points are no more");
    drop(store);
    PointStore::delete(&trial.folder).expect("deleted");
    PointStore::delete(&trial.folder).expect("again");
    let left: Vec<_> = std::fs::read_dir(&trial.folder).expect("there").flatten().map(|e| e.path()).collect();
    assert_eq!(left, [theirs], "what others keep there stays");
}

#[test]
fn adopted_disks_are_never_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(&folder.path().join("store"));
    let store = trial.open().expect("opened");
    let mut adopted: Vec<(DiskId, Vec<Layer>)> = Vec::new();
    let mut before: BTreeMap<_, Vec<u8>> = BTreeMap::new();
    for (n, (disk, size)) in store.disks().into_iter().enumerate() {
        // One of them lies in the store's own folder.
        let path = if n == 0 { trial.folder.join("disk.raw") } else { folder.path().join("data.raw") };
        disk_file(&path, size);
        before.insert(path.clone(), std::fs::read(&path).expect("read"));
        adopted.push((disk, vec![Layer { path, format: DiskFormat::Raw }]));
    }
    let one = &adopted[..1];
    let refused = store.adopt_base(Trial::point(50), Epoch(1), Moment(5), one, true, Moment(6));
    assert!(matches!(refused, Err(ReplicationError::Foreign { .. })), "all disks or none: {refused:?}");
    let safety =
        store.adopt_base(Trial::point(50), Epoch(1), Moment(5), &adopted, true, Moment(6)).expect("adopted");
    assert_eq!(
        store.adopt_base(safety.id, Epoch(1), Moment(5), &adopted, true, Moment(6)).expect("again"),
        safety
    );
    let verified = store.verify(safety.id, &Cancel::new()).expect("read");
    assert!(verified.bytes > 0, "{verified:?}");
    assert_eq!(verified.uncompared_bytes, verified.bytes, "there is nothing to compare with, and it is said");
    let compare = LIFE.iter().position(|s| matches!(s, Step::Compare(_))).expect("compared");
    let mut done = Acknowledged { steps: compare };
    trial.run_until(&store, &mut done, compare + 1).expect("compared");
    trial.run_until(&store, &mut Acknowledged { steps: LIFE.len() - 1 }, LIFE.len()).expect("tidied");
    for (path, bytes) in &before {
        assert!(std::fs::read(path).expect("read") == *bytes, "{}", path.display());
    }
    let newest = store.newest().expect("a point").id;
    let verified = store.verify(newest, &Cancel::new()).expect("whole");
    assert!(
        verified.bytes > 0 && verified.uncompared_bytes == 0,
        "what was found equal is known: {verified:?}"
    );
    drop(store);
    PointStore::delete(&trial.folder).expect("deleted");
    assert!(before.keys().all(|p| p.exists()), "they are not the store's to delete");
}

/// A store whose bottom are disks that hold what the source held at a log of this number.
fn on_adopted(n: u64) -> (tempfile::TempDir, Trial, PointStore, Vec<PathBuf>) {
    let (folder, trial, store, _) = after(0);
    let (mut adopted, mut paths) = (Vec::new(), Vec::new());
    for (d, (disk, _)) in store.disks().into_iter().enumerate() {
        let path = folder.path().join(format!("old-{d}.raw"));
        std::fs::write(&path, trial.bytes(n, d)).expect("written");
        adopted.push((disk, vec![Layer { path: path.clone(), format: DiskFormat::Raw }]));
        paths.push(path);
    }
    store.adopt_base(Trial::point(50), Epoch(1), Moment(5), &adopted, true, Moment(6)).expect("adopted");
    (folder, trial, store, paths)
}

#[test]
fn blocks_of_adopted_disks_that_were_found_equal_are_compared_from_then_on() {
    // Nothing differs in one disk or in any: that everything is equal is kept all the same.
    for (held, of) in [(9, 10), (10, 10)] {
        let (_folder, trial, store, paths) = on_adopted(held);
        trial.step(&store, Step::Compare(of)).expect("compared");
        let newest = store.newest().expect("a point").id;
        let verified = store.verify(newest, &Cancel::new()).expect("whole");
        assert!(verified.bytes > 0 && verified.uncompared_bytes == 0, "{verified:?}");
        trial.step(&store, Step::Cycle(11, of)).expect("a cycle");
        trial.step(&store, Step::Retain).expect("merged");
        let newest = store.newest().expect("a point").id;
        let verified = store.verify(newest, &Cancel::new()).expect("whole");
        assert_eq!(verified.uncompared_bytes, 0, "{verified:?}");
        let equal = |d: usize| {
            let (now, then) = (trial.bytes(11, d), trial.bytes(held, d));
            (0..now.len()).step_by(BLOCK).find(|at| {
                let block = *at..(at + BLOCK).min(now.len());
                now[block.clone()] == then[block.clone()] && now[block].iter().any(|b| *b != 0)
            })
        };
        let (path, at) = paths.iter().enumerate().find_map(|(d, p)| Some((p, equal(d)?))).expect("equal");
        let disk = File::options().write(true).open(path).expect("open");
        disk.write_all_at(&[0xee], at as u64 + 9).expect("changed");
        let found = store.verify(newest, &Cancel::new());
        assert!(matches!(found, Err(ReplicationError::Damaged { .. })), "{found:?}");
    }
}

#[test]
fn a_comparison_that_was_cut_goes_on_where_it_was() {
    let blocks = |trial: &Trial| blocks_of(trial.bytes(10, 0).len() as u64);
    // On a replica of its own, and on adopted disks, whose equal blocks are remembered as well.
    for adopted in [false, true] {
        for cut in 1..blocks(&on_adopted(9).1) {
            let (_folder, trial, store, _done) = if adopted {
                let (folder, trial, store, _) = on_adopted(9);
                (folder, trial, store, Acknowledged::default())
            } else {
                after(LIFE.iter().position(|s| *s == Step::Compare(10)).expect("compared"))
            };
            let head = trial.copy_head(10, PointKind::Resync, true);
            let begin = |store: &PointStore| match store.begin_copy(&head) {
                Ok(Arriving::Comes(CopyMode::Compare(comparison))) => comparison.have(),
                _ => panic!("it comes"),
            };
            let Ok(Arriving::Comes(CopyMode::Compare(mut comparison))) = store.begin_copy(&head) else {
                panic!("it comes")
            };
            assert_eq!(trial.compare(&store, &mut comparison, (0, 0), 10, cut).expect("compared"), cut);
            // Cut off, which is noted; or killed, which finds what the last mark made durable.
            let killed = cut % 2 == 0;
            if killed {
                drop(comparison)
            } else {
                comparison.interrupted()
            }
            let folder = store.folder().to_owned();
            drop(store);
            let store = PointStore::open(&folder).expect("opened");
            let kept = if killed { cut / 7 * 7 } else { cut };
            assert_eq!(begin(&store)[0].1, kept, "cut at {cut}");
            let Ok(Arriving::Comes(CopyMode::Compare(mut comparison))) = store.begin_copy(&head) else {
                panic!("it comes")
            };
            let mut hashed = 0;
            for disk in 0..2 {
                hashed +=
                    trial.compare(&store, &mut comparison, (disk, disk), 10, u64::MAX).expect("compared");
            }
            let all: u64 = (0..2).map(|d| blocks_of(trial.bytes(10, d).len() as u64)).sum();
            assert_eq!(hashed, all - kept, "nothing is compared twice");
            comparison.commit(Trial::point(10), Moment(1_000_000)).expect("made");
            trial.check_newest(&store, "gone on");
            let verified = store.verify(Trial::point(10), &Cancel::new()).expect("whole");
            assert_eq!(verified.uncompared_bytes, 0);
        }
    }
}

#[test]
fn a_comparison_does_not_go_on_with_something_else() {
    let compare = LIFE.iter().position(|s| *s == Step::Compare(10)).expect("compared");
    let (_folder, trial, store, mut done) = after(compare);
    let begin = |n: u64| {
        let head = trial.copy_head(n, PointKind::Resync, true);
        match store.begin_copy(&head) {
            Ok(Arriving::Comes(CopyMode::Compare(comparison))) => comparison,
            _ => panic!("it comes"),
        }
    };
    let cut = |n: u64| {
        let mut comparison = begin(n);
        trial.compare(&store, &mut comparison, (0, 0), n, 8).expect("compared");
        comparison.interrupted();
        assert_eq!(begin(n).have()[0].1, 8);
    };
    cut(10);
    assert_eq!(begin(11).have()[0].1, 0, "another copy begins at its own beginning");
    cut(10);
    // What it was compared with is taken back.
    let newest = store.newest().expect("a point").id;
    store.keep_only_through(newest).expect("nothing to be taken back");
    let chains = store.disks().into_iter().flat_map(|(d, _)| store.chain(newest, d).expect("a chain"));
    let named: Vec<PathBuf> = chains.map(|l| l.path).collect();
    let unnamed = |path: &PathBuf| path.extension().is_some_and(|e| e == "qcow2") && !named.contains(path);
    let entries = super::entries(&trial.folder).expect("listed");
    assert!(!entries.iter().any(|(path, _)| unnamed(path)), "nothing is left of what was cut: {entries:?}");
    cut(10);
    let older = store.points().get(1).expect("an older point").id;
    store.keep_only_through(older).expect("taken back");
    assert_eq!(begin(10).have()[0].1, 0);
    trial.step(&store, Step::Compare(10)).expect("compared");
    trial.check_newest(&store, "compared anew");
    done.steps = 0;
    trial.check(&store, &done, "all points");
}

#[test]
fn a_source_that_skips_blocks_of_a_comparison_is_refused() {
    let (_folder, trial, store, _) = after(1);
    let head = trial.copy_head(2, PointKind::Resync, true);
    let Ok(Arriving::Comes(CopyMode::Compare(mut comparison))) = store.begin_copy(&head) else {
        panic!("it comes")
    };
    let refused = |r: crate::error::Result<()>| matches!(r, Err(ReplicationError::Protocol { .. }));
    assert!(refused(comparison.settled(0, 1)), "nothing was said to it yet");
    trial.compare(&store, &mut comparison, (0, 0), 2, 3).expect("compared");
    assert!(refused(comparison.push(0, 1, &[1; BLOCK])), "that block is settled");
    assert!(refused(comparison.zeros(0, 14, u64::MAX)), "behind the end");
    assert!(refused(comparison.commit(Trial::point(2), Moment(1)).map(drop)), "not compared to its end");
}

fn disk_file(path: &Path, size: u64) {
    let file = File::create(path).expect("a disk");
    file.set_len(size).expect("sized");
    file.write_all_at(&[7; 9000], 65_536).expect("written");
}

#[test]
fn fingerprints_that_are_gone_are_told() {
    let (_folder, trial, store, _) = after(2);
    let point = store.newest().expect("a point").id;
    let disk = store.disks()[0].0;
    let top = store.chain(point, disk).expect("a chain").pop().expect("a file");
    std::fs::remove_file(top.path.with_added_extension("digests")).expect("removed");
    let found = store.verify(point, &Cancel::new());
    assert!(matches!(found, Err(ReplicationError::Damaged { .. })), "{found:?}");
    drop(trial);
}

#[test]
fn what_has_come_of_a_copy_is_not_read_again_and_its_fingerprints_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let trial = Trial::new(&folder.path().join("store"));
    let begin = |store: &PointStore| trial.cut_copy(store, 1);
    let store = trial.open().expect("opened");
    begin(&store);
    drop(store);
    let raw = || {
        let names = std::fs::read_dir(&trial.folder).expect("there").flatten().map(|e| e.path());
        names.filter(|p| p.extension().is_some_and(|e| e == "raw")).collect::<Vec<_>>()
    };
    // A byte of what has come changes meanwhile: hashing it again would take it for what the source has sent.
    let (file, at) = raw().iter().find_map(|path| first_byte(path)).expect("a byte");
    file.write_all_at(&[0xa5], at).expect("changed");
    let store = trial.open().expect("opened");
    trial.run_until(&store, &mut Acknowledged::default(), 1).expect("gone on");
    let found = store.verify(Trial::point(1), &Cancel::new());
    assert!(matches!(found, Err(ReplicationError::Damaged { .. })), "{found:?}");
    // Without them the file itself is read again: a store from before they were kept goes on as well.
    drop(store);
    PointStore::delete(&trial.folder).expect("deleted");
    let store = trial.open().expect("opened");
    begin(&store);
    drop(store);
    for file in raw() {
        std::fs::remove_file(file.with_added_extension("digests")).ok();
    }
    let store = trial.open().expect("opened");
    let mut done = Acknowledged::default();
    trial.run_until(&store, &mut done, 1).expect("gone on");
    trial.check(&store, &done, "hashed again");
}

/// The file and its first byte that is not zero.
fn first_byte(path: &Path) -> Option<(File, u64)> {
    let at = std::fs::read(path).expect("read").iter().position(|b| *b != 0)?;
    Some((File::options().write(true).open(path).expect("open"), at as u64))
}

#[test]
fn another_items_folder_is_not_taken() {
    let (_folder, trial, store, _) = after(1);
    let disks = store.disks();
    drop(store);
    let other = ItemId(Uuid::from_u64_pair(8, 8));
    let taken = PointStore::create(&trial.folder, other, &disks);
    assert!(matches!(taken, Err(ReplicationError::Foreign { .. })), "{taken:?}");
}
