//! Sides that change again and again: each round adopts what the round before has left, with what a guest has written
//! in between. Apart from `rules_tests`, which look at one store.

use super::PointStore;
use super::trial::{Step, Trial};
use crate::control::Cancel;
use crate::digest::{BLOCK, BLOCK_BYTES, blocks_of};
use crate::durable::crash::{Loss, Watched};
use crate::layers::{Chain, Layer};
use crate::qcow2::Writer;
use leeward_model::{DiskFormat, DiskId, Epoch, Moment, PointId, Retention};
use std::path::{Path, PathBuf};

/// Whatever comes, and then only the newest.
const ALL: Retention =
    Retention { every_point_mins: 60, hourly_points_hours: 24, app_consistent_hours: 1, points_max: 24 };
const ONE: Retention =
    Retention { every_point_mins: 0, hourly_points_hours: 0, app_consistent_hours: 0, points_max: 1 };

/// The disks of one side and what they hold.
struct Side {
    chains: Vec<(DiskId, Vec<Layer>)>,
    bytes: Vec<Vec<u8>>,
}

fn ground() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).or_else(|_none| tempfile::tempdir()).expect("a folder")
}

impl Side {
    /// One raw file for each disk.
    fn new(root: &Path, trial: &Trial, disks: &[DiskId]) -> Self {
        let (mut chains, mut bytes) = (Vec::new(), Vec::new());
        for (d, disk) in disks.iter().enumerate() {
            let path = root.join(format!("d{d}.raw"));
            std::fs::write(&path, trial.bytes(1, d)).expect("written");
            chains.push((*disk, vec![Layer { path, format: DiskFormat::Raw }]));
            bytes.push(trial.bytes(1, d).to_vec());
        }
        Self { chains, bytes }
    }

    /// A guest runs on top of it and writes, also zeros.
    fn written(&mut self, root: &Path, round: u64) {
        for (d, (_, chain)) in self.chains.iter_mut().enumerate() {
            let path = root.join(format!("d{d}.epoch-{round}.qcow2"));
            let size = self.bytes[d].len() as u64;
            let mut writer = Writer::create(&path, size).expect("an overlay");
            let blocks: std::collections::BTreeSet<u64> =
                (0..3).map(|n| (round * 7 + n * 3 + d as u64) % blocks_of(size)).collect();
            for (n, block) in blocks.into_iter().enumerate() {
                let begin = usize::try_from(block * BLOCK_BYTES).expect("small");
                let end = (begin + BLOCK).min(self.bytes[d].len());
                let byte = if n == 1 { 0 } else { u8::try_from(round % 200 + 20).expect("small") };
                self.bytes[d][begin..end].fill(byte);
                if byte == 0 {
                    writer.zero(block).expect("written");
                } else {
                    writer.push(block, &self.bytes[d][begin..end]).expect("written");
                }
            }
            writer.finish().expect("written");
            chain.push(Layer { path, format: DiskFormat::Qcow2 });
        }
    }

    /// The disks read as they should.
    fn check(&self, chains: &[(DiskId, Vec<Layer>)], why: &str) {
        for ((_, chain), bytes) in chains.iter().zip(&self.bytes) {
            let size = bytes.len() as u64;
            let open = Chain::open(chain, size).expect("opened");
            let mut room =
                crate::files::Aligned::new(usize::try_from(blocks_of(size)).expect("small") * BLOCK);
            open.read(0, room.bytes_mut()).expect("read");
            assert!(room.bytes()[..bytes.len()] == *bytes, "{why}: a disk reads differently");
        }
    }

    fn adopted(&self, store: &PointStore, point: u64) -> PointId {
        let id = Trial::point(point);
        store.adopt_base(id, Epoch(1), Moment(5), &self.chains, true, Moment(6)).expect("adopted").id
    }
}

fn chains(store: &PointStore, point: PointId) -> Vec<(DiskId, Vec<Layer>)> {
    let one = |(disk, _)| (disk, store.chain(point, disk).expect("a chain"));
    store.disks().into_iter().map(one).collect()
}

fn images(root: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(root).expect("there").flatten().map(|e| e.path());
    let inside = |p: PathBuf| match std::fs::read_dir(&p) {
        Ok(entries) => entries.flatten().map(|e| e.path()).collect(),
        Err(_file) => vec![p],
    };
    folders.flat_map(inside).filter(|p| p.extension().is_some_and(|e| e == "qcow2" || e == "raw")).collect()
}

#[test]
fn forty_changes_of_sides_leave_short_chains_and_the_right_bytes() {
    let root = ground();
    let mut trial = Trial::new(&root.path().join("store-0"));
    let disks: Vec<DiskId> = trial.open().expect("opened").disks().into_iter().map(|(d, _)| d).collect();
    let mut side = Side::new(root.path(), &trial, &disks);
    let bottom: Vec<Vec<u8>> = side.bytes.clone();
    for round in 1..=40_u64 {
        let why = format!("round {round}");
        side.written(root.path(), round);
        trial.folder = root.path().join(format!("store-{round}"));
        let store = trial.open().expect("opened");
        let safety = side.adopted(&store, 1000 + round);
        for step in [Step::Compare(2), Step::Cycle(3, 2), Step::Cycle(4, 3), Step::Cycle(5, 4)] {
            trial.step(&store, step).expect("lived");
            // Some rounds are over before anything was tidied, or while a test keeps the oldest point.
            match round % 4 {
                0 => {}
                1 => store.retain(&ONE, &Cancel::new()).map(drop).expect("tidied"),
                _ => store.retain(&ALL, &Cancel::new()).map(drop).expect("tidied"),
            }
        }
        let newest = store.newest().expect("a point").id;
        trial.check_newest(&store, &why);
        if round % 4 != 1 {
            side.check(&chains(&store, safety), &why);
        }
        let verified = store.verify(newest, &Cancel::new()).expect("whole");
        assert_eq!(verified.uncompared_bytes, 0, "{why}");
        side.chains = chains(&store, newest);
        side.bytes = (0..disks.len()).map(|d| trial.bytes(5, d).to_vec()).collect();
        let deepest = side.chains.iter().map(|(_, c)| c.len()).max().expect("a disk");
        assert!(deepest <= 16, "{why}: {deepest} files on each other");
        let files = images(root.path()).len();
        assert!(files <= 2 * 16, "{why}: {files} files are left");
        drop(store);
    }
    for (d, bytes) in bottom.iter().enumerate() {
        let found = std::fs::read(root.path().join(format!("d{d}.raw"))).expect("read");
        assert!(found == *bytes, "the disk at the very bottom is never written");
    }
}

/// A store on disks with four overlays, and what they hold.
fn on_overlays(root: &Path) -> (Trial, PointStore, Side, PointId) {
    let trial = Trial::new(&root.join("store"));
    let store = trial.open().expect("opened");
    let disks: Vec<DiskId> = store.disks().into_iter().map(|(d, _)| d).collect();
    let mut side = Side::new(root, &trial, &disks);
    for round in 1..=4 {
        side.written(root, round);
    }
    let safety = side.adopted(&store, 1000);
    trial.step(&store, Step::Compare(2)).expect("compared");
    (trial, store, side, safety)
}

#[test]
fn adopted_overlays_are_merged_and_removed_wherever_that_is_cut_off() {
    let operations = {
        let root = ground();
        let (_trial, store, _side, _) = on_overlays(root.path());
        let watched = Watched::new(root.path());
        assert!(store.retain(&ALL, &Cancel::new()).expect("tidied").files > 0);
        watched.done()
    };
    assert!(operations > 20, "{operations} operations are no merge");
    for loss in [Loss::Nothing, Loss::Torn, Loss::All, Loss::Bytes, Loss::Names] {
        for n in 0..operations {
            let why = format!("end at operation {n}, {loss:?} lost");
            let root = ground();
            let (trial, store, side, safety) = on_overlays(root.path());
            let watched = Watched::new(root.path());
            watched.end_after(n, loss);
            store.retain(&ALL, &Cancel::new()).expect_err(&why);
            drop(store);
            watched.lose(loss);
            let store = trial.open().expect("opened");
            side.check(&chains(&store, safety), &why);
            trial.check_newest(&store, &why);
            store.retain(&ALL, &Cancel::new()).expect("tidied");
            side.check(&chains(&store, safety), &why);
            trial.check_newest(&store, &why);
            store.verify(safety, &Cancel::new()).expect("whole");
            let left = images(root.path());
            let theirs: Vec<_> = left.iter().filter(|p| p.to_string_lossy().contains(".epoch-")).collect();
            assert!(theirs.is_empty(), "{why}: {theirs:?} are left");
        }
    }
}

#[test]
fn adopted_overlays_stay_where_something_else_may_stand_on_them() {
    let root = ground();
    let (_trial, store, side, safety) = on_overlays(root.path());
    // A test of the safety point, or a merge that is given up.
    store.pin(safety, "test").expect("pinned");
    let before = chains(&store, safety);
    store.retain(&ALL, &Cancel::new()).expect("tidied");
    assert_eq!(chains(&store, safety), before);
    store.unpin("test").expect("unpinned");
    for blocks in 0_u64..200 {
        let Some(merge) = store.next_merge() else { break };
        let left = std::cell::Cell::new(blocks);
        let give_up = || left.replace(left.get().saturating_sub(1)) == 0;
        let merged = store.unite(&merge, &give_up).expect("no trouble");
        side.check(&chains(&store, safety), "given up, or not");
        assert!(merged || before.iter().flat_map(|(_, c)| c).all(|l| l.path.exists() || blocks > 0));
    }
    // Those of a store that does not know who else uses them.
    let other = ground();
    let trial = Trial::new(&other.path().join("store"));
    let store = trial.open().expect("opened");
    let disks: Vec<DiskId> = store.disks().into_iter().map(|(d, _)| d).collect();
    let mut side = Side::new(other.path(), &trial, &disks);
    for round in 1..=5 {
        side.written(other.path(), round);
    }
    let point = Trial::point(1000);
    store.adopt_base(point, Epoch(1), Moment(5), &side.chains, false, Moment(6)).expect("adopted");
    trial.step(&store, Step::Compare(2)).expect("compared");
    store.retain(&ALL, &Cancel::new()).expect("tidied");
    assert_eq!(chains(&store, point), side.chains);
}
