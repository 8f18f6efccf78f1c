//! For tests: the life of a replica as a row of steps that can be stopped anywhere and gone on with, and what must
//! be true of it at any time. Apart from `crash_tests`, which stop it.

use super::{Arriving, Comparison, CopyHead, CopyMode, Overlays, PointStore};
use crate::control::Cancel;
use crate::digest::{BLOCK, BLOCK_BYTES, Digest, blocks_of};
use crate::error::{ReplicationError, Result};
use crate::layers::Chain;
use crate::log::{CycleHead, Manifest};
use leeward_model::{
    Consistency, DiskId, Epoch, ItemId, Moment, PointId, PointKind, PointSummary, Retention, Sequence,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// What happens to a replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Copy(u64),
    Compare(u64),
    /// One disk only.
    Stage(u64),
    /// A log, and the one it follows.
    Cycle(u64, u64),
    Pin(u64),
    Unpin,
    Retain,
    KeepThrough(u64),
    Closed(bool),
}

/// A whole life: base, deltas, tests, merges of both kinds, comparisons, a failover.
pub(super) const LIFE: &[Step] = &[
    Step::Copy(1),
    Step::Cycle(2, 1),
    Step::Cycle(3, 2),
    Step::Pin(2),
    Step::Cycle(4, 3),
    Step::Cycle(5, 4),
    Step::Cycle(6, 5),
    Step::Retain,
    Step::Unpin,
    Step::Cycle(7, 6),
    Step::Retain,
    Step::Stage(8),
    Step::Cycle(9, 7),
    Step::Compare(10),
    Step::KeepThrough(9),
    Step::Cycle(11, 9),
    Step::Closed(true),
    Step::Closed(false),
    Step::Retain,
];

const SIZES: [u64; 2] = [14 * BLOCK_BYTES + 512, 5 * BLOCK_BYTES];

pub(super) struct Trial {
    pub(super) folder: PathBuf,
    disks: Vec<(DiskId, u64)>,
    item: ItemId,
    /// What the source held, by the number of the log.
    versions: BTreeMap<u64, Vec<Vec<u8>>>,
}

/// What was said to be so.
#[derive(Default)]
pub(super) struct Acknowledged {
    pub(super) steps: usize,
}

impl Trial {
    pub(super) fn new(folder: &Path) -> Self {
        let disks = vec![
            (DiskId(Uuid::from_u64_pair(2, 1)), SIZES[0]),
            (DiskId(Uuid::from_u64_pair(2, 2)), SIZES[1]),
        ];
        let mut now: Vec<Vec<u8>> =
            SIZES.iter().map(|s| vec![0; usize::try_from(*s).expect("small")]).collect();
        let mut versions = BTreeMap::new();
        for n in 1..=11_u64 {
            // A few blocks of each disk change; some become zeros; the last, short one often.
            for (d, disk) in now.iter_mut().enumerate() {
                let all = blocks_of(SIZES[d]);
                for k in 0..3 {
                    let block = (n * 5 + k * 7 + d as u64) % all;
                    let begin = usize::try_from(block).expect("small") * BLOCK;
                    let end = (begin + BLOCK).min(disk.len());
                    let byte =
                        if (n + k) % 4 == 0 { 0 } else { u8::try_from(n * 16 + k + 1).expect("small") };
                    disk[begin..end].fill(byte);
                }
                if n % 3 == 1 {
                    let last = disk.len() - 1;
                    disk[last] = u8::try_from(n).expect("small");
                }
            }
            versions.insert(n, now.clone());
        }
        Self { folder: folder.to_owned(), disks, item: ItemId(Uuid::from_u64_pair(1, 1)), versions }
    }

    pub(super) fn point(number: u64) -> PointId {
        PointId(Uuid::from_u64_pair(7, number))
    }

    fn at(number: u64) -> Moment {
        Moment(i64::try_from(number).expect("small") * 100_000)
    }

    pub(super) fn open(&self) -> Result<PointStore> {
        PointStore::create(&self.folder, self.item, &self.disks)
    }

    /// Goes on from where it was.
    pub(super) fn run(&self, store: &PointStore, done: &mut Acknowledged) -> Result<()> {
        self.run_until(store, done, LIFE.len())
    }

    /// Goes on from where it was, up to that many steps.
    pub(super) fn run_until(&self, store: &PointStore, done: &mut Acknowledged, steps: usize) -> Result<()> {
        while let Some(step) = LIFE.get(done.steps).filter(|_| done.steps < steps) {
            self.step(store, *step)?;
            done.steps += 1;
        }
        Ok(())
    }

    pub(super) fn step(&self, store: &PointStore, step: Step) -> Result<()> {
        let none =
            Retention { every_point_mins: 0, hourly_points_hours: 0, app_consistent_hours: 0, points_max: 1 };
        match step {
            Step::Copy(n) => self.copy(store, n, PointKind::Initial, true),
            Step::Compare(n) => self.copy(store, n, PointKind::Resync, true),
            Step::Stage(n) => self.copy(store, n, PointKind::Resync, false),
            Step::Cycle(n, previous) => self.cycle(store, n, previous),
            Step::Pin(n) => store.pin(Self::point(n), "test"),
            Step::Unpin => store.unpin("test"),
            Step::Retain => store.retain(&none, &Cancel::new()).map(drop),
            Step::KeepThrough(n) => store.keep_only_through(Self::point(n)),
            Step::Closed(closed) => store.set_closed(closed),
        }
    }

    /// What the source held.
    pub(super) fn bytes(&self, number: u64, disk: usize) -> &[u8] {
        &self.versions[&number][disk]
    }

    /// The newest point reads as its instant.
    pub(super) fn check_newest(&self, store: &PointStore, why: &str) {
        self.check_point(store, &store.newest().expect("a point"), why);
    }

    fn blocks(&self, disk: usize, number: u64) -> Vec<(u64, &[u8])> {
        let bytes = self.versions[&number][disk].chunks(BLOCK);
        bytes.enumerate().map(|(n, b)| (n as u64, b)).collect()
    }

    fn copy(&self, store: &PointStore, n: u64, kind: PointKind, completes: bool) -> Result<()> {
        let wanted = if completes { 0..2 } else { 1..2 };
        let head = self.copy_head(n, kind, completes);
        match store.begin_copy(&head)? {
            Arriving::Held(_) => Ok(()),
            Arriving::Comes(CopyMode::Full(mut full)) => {
                for (at, disk) in wanted.enumerate() {
                    let from = full.have()[at].1;
                    for (block, bytes) in self.blocks(disk, n) {
                        if block >= from && !Digest::of(bytes).is_zero() {
                            full.push(at, block, &padded(bytes))?;
                        }
                    }
                }
                full.commit(Self::point(n), Self::at(n)).map(drop)
            }
            Arriving::Comes(CopyMode::Compare(mut comparison)) => {
                for (at, disk) in wanted.enumerate() {
                    self.compare(store, &mut comparison, (at, disk), n, u64::MAX)?;
                }
                comparison.commit(Self::point(n), Self::at(n)).map(drop)
            }
        }
    }

    /// Compares a disk from where it was up to a block, and brings what differs; how many blocks were hashed.
    pub(super) fn compare(
        &self,
        store: &PointStore,
        comparison: &mut Comparison<'_>,
        (at, disk): (usize, usize),
        n: u64,
        end: u64,
    ) -> Result<u64> {
        let (id, size) = self.disks[disk];
        let chain = Chain::open(&store.whole_chain(id), size)?;
        let mut room = crate::files::Aligned::new(BLOCK);
        let (from, mut hashed) = (comparison.have()[at].1, 0);
        for (block, bytes) in self.blocks(disk, n) {
            if !(from..end).contains(&block) {
                continue;
            }
            chain.read(block, room.bytes_mut())?;
            let (theirs, ours) = (Digest::of(&room.bytes()[..bytes.len()]), Digest::of(bytes));
            hashed += 1;
            comparison.said(at, &[theirs])?;
            if ours != theirs && ours.is_zero() {
                comparison.zeros(at, block, 1)?;
            } else if ours != theirs {
                comparison.push(at, block, &padded(bytes))?;
            }
            comparison.settled(at, block + 1)?;
        }
        Ok(hashed)
    }

    /// The first copy, cut off before its last disk.
    pub(super) fn cut_copy(&self, store: &PointStore, n: u64) {
        let head = self.copy_head(n, PointKind::Initial, true);
        let Ok(Arriving::Comes(CopyMode::Full(mut full))) = store.begin_copy(&head) else {
            panic!("it comes")
        };
        for (block, bytes) in self.blocks(0, n).into_iter().filter(|(_, b)| !Digest::of(b).is_zero()) {
            full.push(0, block, &padded(bytes)).expect("pushed");
        }
        full.interrupted();
    }

    pub(super) fn copy_head(&self, n: u64, kind: PointKind, completes: bool) -> CopyHead {
        let wanted = if completes { 0..2 } else { 1..2 };
        CopyHead {
            item: self.item,
            epoch: Epoch(1),
            sequence: Sequence(n),
            instant: Self::at(n),
            kind,
            copy: Uuid::from_u64_pair(5, n),
            disks: self.disks[wanted].to_vec(),
            completes,
        }
    }

    pub(super) fn manifests(&self, n: u64, previous: u64) -> Vec<Manifest> {
        let head = CycleHead {
            item: self.item,
            epoch: Epoch(1),
            sequence: Sequence(n),
            previous: Sequence(previous),
            previous_epoch: Epoch(1),
            instant: Self::at(n),
            consistency: Consistency::Crash,
            kind: PointKind::Delta,
        };
        let disks: Vec<DiskId> = self.disks.iter().map(|(d, _)| *d).collect();
        let manifest = |(d, (disk, size)): (usize, &(DiskId, u64))| {
            let changed = self.blocks(d, n).into_iter().zip(self.blocks(d, previous));
            let changed = changed.filter(|((_, now), (_, then))| now != then);
            Manifest {
                head: head.clone(),
                disk: *disk,
                size_bytes: *size,
                disks: disks.clone(),
                blocks: changed.map(|((block, bytes), _)| (block, Digest::of(bytes))).collect(),
            }
        };
        self.disks.iter().enumerate().map(manifest).collect()
    }

    fn cycle(&self, store: &PointStore, n: u64, previous: u64) -> Result<()> {
        let manifests = self.manifests(n, previous);
        match store.begin_cycle(&manifests)? {
            Arriving::Comes(overlays) => self.bring(overlays, &manifests, n),
            Arriving::Held(_) => Ok(()),
        }
    }

    /// Brings what is still missing of a log, and makes the point.
    pub(super) fn bring(&self, mut overlays: Overlays<'_>, manifests: &[Manifest], n: u64) -> Result<()> {
        let have = overlays.have();
        for (disk, manifest) in manifests.iter().enumerate() {
            let skip = usize::try_from(have[disk].1).expect("small");
            let bytes = self.blocks(disk, n);
            for (block, _) in manifest.blocks.iter().filter(|(_, d)| !d.is_zero()).skip(skip) {
                overlays.push(disk, *block, &padded(bytes[usize::try_from(*block).expect("small")].1))?;
            }
        }
        overlays.commit(Self::point(n), Self::at(n)).map(drop)
    }

    /// What must be true whatever has happened: every point reads as its instant, what was acknowledged and is still
    /// wanted is there.
    pub(super) fn check(&self, store: &PointStore, done: &Acknowledged, why: &str) {
        for point in store.points() {
            self.check_point(store, &point, why);
        }
        let (mut newest, mut pinned) = (None, None);
        for step in LIFE.iter().take(done.steps) {
            match step {
                Step::Copy(n) | Step::Compare(n) | Step::Cycle(n, _) | Step::KeepThrough(n) => {
                    newest = Some(*n)
                }
                Step::Pin(n) => pinned = Some(*n),
                Step::Unpin => pinned = None,
                _ => {}
            }
        }
        match LIFE.get(done.steps) {
            Some(Step::KeepThrough(n)) => newest = Some(*n),
            Some(Step::Unpin) => pinned = None,
            _ => {}
        }
        for number in newest.into_iter().chain(pinned) {
            // A newer one may have been made without having been acknowledged; then retention has not run since.
            assert!(store.point(Self::point(number)).is_some(), "{why}: point {number} is lost");
        }
    }

    fn check_point(&self, store: &PointStore, point: &PointSummary, why: &str) {
        let number = point.sequence.0;
        for (d, (disk, size)) in self.disks.iter().enumerate() {
            let layers = store.chain(point.id, *disk).expect("a chain");
            let chain = Chain::open(&layers, *size).expect("opened");
            let mut bytes = vec![0; usize::try_from(blocks_of(*size)).expect("small") * BLOCK];
            read_into(&chain, &mut bytes);
            bytes.truncate(usize::try_from(*size).expect("small"));
            assert!(
                bytes == self.versions[&number][d],
                "{why}: point {number} of disk {d} reads differently"
            );
        }
        store.verify(point.id, &Cancel::new()).unwrap_or_else(|e| panic!("{why}: point {number}: {e}"));
    }

    /// At the end of a life: only what counts is there.
    pub(super) fn check_end(&self, store: &PointStore, why: &str) {
        assert_eq!(store.points().iter().map(|p| p.sequence.0).collect::<Vec<_>>(), [11], "{why}");
        let mut named: Vec<PathBuf> = Vec::new();
        for (disk, _) in &self.disks {
            named.extend(store.chain(Self::point(11), *disk).expect("a chain").into_iter().map(|l| l.path));
        }
        let found = super::entries(&self.folder).expect("listed");
        for (path, name) in found {
            let stray = super::names::bulk(&name).is_some_and(|b| !named.contains(&self.folder.join(b)));
            assert!(!stray && !name.ends_with(".next"), "{why}: {} is left", path.display());
        }
    }
}

fn read_into(chain: &Chain, bytes: &mut [u8]) {
    let mut room = crate::files::Aligned::new(bytes.len());
    chain.read(0, room.bytes_mut()).expect("read");
    bytes.copy_from_slice(room.bytes());
}

/// A block as it travels: whole.
fn padded(bytes: &[u8]) -> Vec<u8> {
    let mut whole = vec![0; BLOCK];
    whole[..bytes.len()].copy_from_slice(bytes);
    whole
}

/// Whether an error is the end of the world and nothing else.
pub(super) fn is_the_end(error: &ReplicationError) -> bool {
    matches!(error, ReplicationError::File { source, .. } if source.to_string() == "the world has ended")
}
