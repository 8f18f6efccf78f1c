//! Exchanges over a pair of sockets, looked at from within: what is cut, cancelled or slow in the middle of one. Apart
//! from the tests beside the crate, which look at what stands at the target in the end.

use super::copy::{fingerprints, ship_copy_over};
use super::{Copy, CopyDisk, Receiver, Shipped, receive};
use crate::control::{Cancel, Throttle};
use crate::digest::{BLOCK, BLOCK_BYTES, Digest, blocks_of};
use crate::error::{ReplicationError, Result};
use crate::layers::{Chain, Layer};
use crate::line::Line;
use crate::store::{CopyHead, PointStore};
use crate::wire::{self, Answer, Ask, Kind};
use leeward_model::{
    DiskFormat, DiskId, Epoch, Fault, ItemId, Moment, PointId, PointKind, PointSummary, Sequence,
};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use uuid::Uuid;

/// A sparse disk of more stretches than all threads of a comparison hold together; the last one is short.
const SIZE: u64 = 400 * (1 << 20) + 512;

const ITEM: ItemId = ItemId(Uuid::from_u128(1));
const DISK: DiskId = DiskId(Uuid::from_u128(2));

/// How often signs of life are given here, and how long a read waits for one.
const PULSE: Duration = Duration::from_millis(10);
const READ_TIMEOUT: Duration = Duration::from_secs(10);

struct Host {
    store: Arc<PointStore>,
    points: AtomicU64,
    /// Making a point lasts until so many signs of life were seen here.
    slow: Option<Arc<Seen>>,
}

/// Signs of life that one side has seen.
#[derive(Default)]
struct Seen {
    count: Mutex<u64>,
    more: Condvar,
}

impl Seen {
    fn add(&self, count: u64) {
        *self.count.lock().expect("counted") += count;
        self.more.notify_all();
    }

    fn wait_for_three(&self) {
        drop(self.more.wait_while(self.count.lock().expect("counted"), |n| *n < 3).expect("counted"));
    }
}

/// Counts the signs of life that are read; may hold back fingerprints until the other side has seen some.
struct Watching {
    inner: UnixStream,
    seen: Arc<Seen>,
    hold_hashes: Option<Arc<Seen>>,
}

impl Watching {
    fn new(inner: &UnixStream, seen: &Arc<Seen>) -> Self {
        let inner = inner.try_clone().expect("cloned");
        inner.set_read_timeout(Some(READ_TIMEOUT)).expect("set");
        Self { inner, seen: Arc::clone(seen), hold_hashes: None }
    }
}

impl Read for Watching {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(room)?;
        // Only the kind of a frame is read alone.
        if let ([kind], 1) = (&*room, read) {
            self.seen.add(u64::from(*kind == Kind::Alive as u8));
            if *kind == Kind::Hashes as u8
                && let Some(other) = self.hold_hashes.take()
            {
                other.wait_for_three();
            }
        }
        Ok(read)
    }
}

impl Receiver for Host {
    fn admit(&self, _: ItemId, _: Epoch) -> std::result::Result<Arc<PointStore>, Fault> {
        Ok(Arc::clone(&self.store))
    }
    fn committed(&self, _: ItemId, _: &PointSummary) {}
    fn progressed(&self, _: ItemId) {}
    fn now(&self) -> Moment {
        Moment(1_000_000)
    }
    fn new_point_id(&self) -> PointId {
        if let Some(slow) = &self.slow {
            slow.wait_for_three();
        }
        PointId(Uuid::from_u64_pair(9, self.points.fetch_add(1, Ordering::SeqCst)))
    }
    fn cancelled(&self) -> bool {
        false
    }
    fn keep_alive(&self) -> Duration {
        PULSE
    }
}

/// A writer that ends after so many bytes.
struct Fragile {
    inner: UnixStream,
    left: u64,
}

impl Write for Fragile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            self.inner.shutdown(std::net::Shutdown::Both)?;
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let written = self.inner.write(&bytes[..most])?;
        self.left -= written as u64;
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

struct Bench {
    folder: tempfile::TempDir,
    host: Host,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = PointStore::create(&folder.path().join("store"), ITEM, &[(DISK, SIZE)]).expect("a store");
        let disk = File::create(folder.path().join("disk.raw")).expect("a disk");
        disk.set_len(SIZE).expect("sized");
        Self { folder, host: Host { store: Arc::new(store), points: AtomicU64::new(0), slow: None } }
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("disk.raw")
    }

    fn chain(&self) -> Vec<Layer> {
        vec![Layer { path: self.source(), format: DiskFormat::Raw }]
    }

    fn write(&self, block: u64, byte: u8) {
        let file = File::options().write(true).open(self.source()).expect("open");
        let length = usize::try_from(BLOCK_BYTES.min(SIZE - block * BLOCK_BYTES)).expect("small");
        file.write_all_at(&vec![byte; length], block * BLOCK_BYTES).expect("written");
    }

    /// Ships the disk as it is, under a number that names the copy.
    fn copy(
        &self,
        reader: &mut (impl Read + Send),
        writer: &mut (impl Write + Send),
        number: u64,
        cancel: &Cancel,
        progress: super::OnProgress<'_>,
    ) -> Result<Shipped> {
        let disks = [CopyDisk { disk: DISK, size_bytes: SIZE, chain: self.chain() }];
        let copy = Copy {
            item: ITEM,
            epoch: Epoch(1),
            sequence: Sequence(number),
            instant: Moment(77),
            kind: PointKind::Resync,
            copy: Uuid::from_u64_pair(5, number),
            disks: &disks,
            completes: true,
        };
        let line = Line::new(writer, PULSE);
        ship_copy_over(reader, &line, &copy, &Throttle::new(0), cancel, progress)
    }

    fn serve<T: Send>(&self, ship: impl FnOnce(UnixStream) -> T + Send) -> T {
        self.serve_seen(&Arc::default(), ship)
    }

    /// Serves, and counts the signs of life that the target sees.
    fn serve_seen<T: Send>(&self, seen: &Arc<Seen>, ship: impl FnOnce(UnixStream) -> T + Send) -> T {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut reader, mut writer) = (Watching::new(&theirs, seen), theirs);
                receive(&mut reader, &mut writer, &self.host).ok();
                // Whoever still waits for signs of life shall not wait for ever.
                seen.add(3);
            });
            ship(ours)
        })
    }

    fn copy_whole(&self, number: u64) -> Shipped {
        self.serve(|ours| {
            let (mut reader, mut writer) = (ours.try_clone().expect("cloned"), ours);
            self.copy(&mut reader, &mut writer, number, &Cancel::new(), &|_, _| {}).expect("copied")
        })
    }
}

#[test]
fn a_comparison_that_is_cut_or_cancelled_in_the_middle_comes_to_its_end() {
    let bench = Bench::new();
    bench.write(3, 7);
    bench.copy_whole(1);
    bench.write(10, 8);
    bench.write(5000, 8);
    // Cut in the first differing block: most stretches are still to be hashed, and nobody hears them any more.
    let cut = bench.serve(|ours| {
        let mut reader = ours.try_clone().expect("cloned");
        let mut writer = Fragile { inner: ours, left: 2000 };
        bench.copy(&mut reader, &mut writer, 2, &Cancel::new(), &|_, _| {})
    });
    assert!(matches!(cut, Err(ReplicationError::Cut { .. })), "{cut:?}");
    let cancel = Cancel::new();
    let cancelled = bench.serve(|ours| {
        let (mut reader, mut writer) = (ours.try_clone().expect("cloned"), ours);
        bench.copy(&mut reader, &mut writer, 2, &cancel, &|_, _| cancel.cancel())
    });
    assert!(matches!(cancelled, Err(ReplicationError::Cancelled {})), "{cancelled:?}");
    let whole = bench.copy_whole(2);
    assert_eq!(whole.sent_bytes, BLOCK_BYTES, "only what differs and has not come travels");
    bench.host.store.verify(whole.point.expect("a point"), &Cancel::new()).expect("verified");
}

/// Counts what is read: from a target that compares, nearly nothing but fingerprints.
struct Counting<'a>(UnixStream, &'a AtomicU64);

impl Read for Counting<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(room)?;
        self.1.fetch_add(read as u64, Ordering::SeqCst);
        Ok(read)
    }
}

#[test]
fn what_was_compared_before_a_cut_is_neither_hashed_nor_sent_again() {
    let bench = Bench::new();
    bench.write(3, 7);
    bench.copy_whole(1);
    let changed: Vec<u64> = (0..24).map(|n| n * 260 + 1).collect();
    for (number, cuts) in (2..).zip([vec![3], vec![0, 3, 11], vec![5, 5, 5, 5]]) {
        for block in &changed {
            bench.write(*block, u8::try_from(number).expect("small"));
        }
        let (mut sent, mut heard) = (0, Vec::new());
        // Each try is cut off a little behind so many blocks; the last one is not.
        for cut in cuts.iter().copied().map(Some).chain([None]) {
            let (read, last) = (AtomicU64::new(0), AtomicU64::new(0));
            let shipped = bench.serve(|ours| {
                let mut reader = Counting(ours.try_clone().expect("cloned"), &read);
                let left = cut.map_or(u64::MAX, |blocks: u64| blocks * (BLOCK_BYTES + 13) + 900);
                let mut writer = Fragile { inner: ours, left };
                let seen = |_, p: super::Progressed| last.store(p.sent_bytes, Ordering::SeqCst);
                bench.copy(&mut reader, &mut writer, number, &Cancel::new(), &seen)
            });
            match cut {
                Some(_) => assert!(matches!(shipped, Err(ReplicationError::Cut { .. })), "{shipped:?}"),
                None => sent += shipped.expect("compared").sent_bytes,
            }
            // What was sent before the last block that was said to be compared has come.
            sent += if cut.is_some() { last.into_inner() } else { 0 };
            heard.push(read.into_inner());
        }
        assert_eq!(sent, changed.len() as u64 * BLOCK_BYTES, "each block travels once");
        let whole = blocks_of(SIZE) * 16;
        let fewer = heard.last().expect("a last try");
        assert!(
            *fewer < whole,
            "{heard:?}: a fingerprint of what is settled is not said again, {whole} in all"
        );
        let point = bench.host.store.newest().expect("a point").id;
        let layers = bench.host.store.chain(point, DISK).expect("a chain");
        let (here, there) = (Chain::open(&layers, SIZE).expect("opened"), bench.chain());
        let there = Chain::open(&there, SIZE).expect("opened");
        let prints = |chain: &Chain| {
            let mut all = Vec::new();
            fingerprints(chain, SIZE, 0, &Cancel::new(), |_, part| {
                all.extend(part.expect("hashed"));
                true
            });
            all
        };
        assert_eq!(prints(&here), prints(&there), "the replica is what the source is");
    }
}

#[test]
fn fingerprints_of_many_stretches_come_in_the_order_of_the_disk() {
    let bench = Bench::new();
    // The edges of stretches, of a round of all hashers, a run longer than one read, and the short last block.
    let written = [0, 511, 512, 1023, 1024, 1025, 2047, 2048, 2049, 4095, 4096, 6400];
    for block in written.into_iter().chain(3000..3040) {
        bench.write(block, u8::try_from(block % 250 + 1).expect("small"));
    }
    let chain = Chain::open(&bench.chain(), SIZE).expect("opened");
    let mut prints: Vec<Digest> = Vec::new();
    fingerprints(&chain, SIZE, 0, &Cancel::new(), |first, part| {
        assert_eq!(first, prints.len() as u64);
        prints.extend(part.expect("hashed"));
        true
    });
    assert_eq!(prints.len() as u64, blocks_of(SIZE));
    let file = File::open(bench.source()).expect("open");
    for (block, print) in prints.iter().enumerate() {
        let length = usize::try_from(BLOCK_BYTES.min(SIZE - block as u64 * BLOCK_BYTES)).expect("small");
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, block as u64 * BLOCK_BYTES).expect("read");
        assert_eq!(*print, Digest::of(&bytes), "block {block}");
    }
}

#[test]
fn the_other_side_may_cut_its_fingerprints_as_it_likes() {
    let bench = Bench::new();
    for block in [0, 700, 701, 2100, 6400] {
        bench.write(block, 9);
    }
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    let sent = std::thread::scope(|scope| {
        // It holds nothing but zeros, and one block that is zeros at the source.
        let target = scope.spawn(move || {
            let (mut reader, mut writer) = (theirs.try_clone().expect("cloned"), theirs);
            let ask = wire::expect(&mut reader, Vec::new()).expect("asked");
            assert!(matches!(wire::understand(&ask), Ok(Ask::Copy { .. })));
            wire::say(&mut writer, &Answer::Compare { have: vec![(DISK, 0)] }).expect("said");
            let mut at: u64 = 0;
            for length in [1, 699, 3, 4096, 512].into_iter().cycle() {
                let count = (blocks_of(SIZE) - at).min(length);
                if count == 0 {
                    break;
                }
                let one = |block: u64| if block == 1500 { [3; 16] } else { Digest::ZERO.0 };
                let prints: Vec<u8> = (at..at + count).flat_map(one).collect();
                wire::write(&mut writer, Kind::Hashes, &[&at.to_le_bytes(), &prints]).expect("said");
                at += count;
            }
            let mut sent = Vec::new();
            loop {
                let frame = wire::expect(&mut reader, Vec::new()).expect("sent");
                match frame.kind {
                    Kind::End => break,
                    Kind::Compared | Kind::Alive => {}
                    kind => {
                        let (first, rest) = frame.first().expect("a number");
                        assert!(kind == Kind::Zeros || rest.len() == BLOCK);
                        sent.push((kind, first));
                    }
                }
            }
            wire::say(&mut writer, &Answer::Held { point: None }).expect("said");
            sent
        });
        let (mut reader, mut writer) = (ours.try_clone().expect("cloned"), ours);
        bench.copy(&mut reader, &mut writer, 1, &Cancel::new(), &|_, _| {}).expect("compared");
        target.join().expect("ended")
    });
    let wanted = [0, 700, 701].map(|b| (Kind::Blocks, b)).into_iter();
    let wanted = wanted.chain([(Kind::Zeros, 1500), (Kind::Blocks, 2100), (Kind::Blocks, 6400)]);
    assert_eq!(sent, wanted.collect::<Vec<_>>());
}

#[test]
fn a_comparison_of_equal_disks_is_not_taken_for_a_dead_one() {
    let bench = Bench::new();
    bench.write(3, 7);
    bench.copy_whole(1);
    let at_target = Arc::default();
    let compared = bench.serve_seen(&at_target, |ours| {
        let mut reader = Watching::new(&ours, &Arc::default());
        // Nothing differs, so nothing is sent; and it takes its time.
        reader.hold_hashes = Some(Arc::clone(&at_target));
        let mut writer = ours;
        bench.copy(&mut reader, &mut writer, 2, &Cancel::new(), &|_, _| {})
    });
    assert_eq!(compared.expect("compared").sent_bytes, 0);
}

#[test]
fn a_copy_of_written_zeros_is_not_taken_for_a_dead_one() {
    let bench = Bench::new();
    for block in 0..64 {
        bench.write(block, 0);
    }
    let at_target: Arc<Seen> = Arc::default();
    let copied = bench.serve_seen(&at_target, |ours| {
        let (mut reader, mut writer) = (ours.try_clone().expect("cloned"), ours);
        bench.copy(&mut reader, &mut writer, 1, &Cancel::new(), &|_, _| at_target.wait_for_three())
    });
    assert_eq!(copied.expect("copied").sent_bytes, 0);
}

#[test]
fn a_target_that_takes_its_time_shows_that_it_lives() {
    let mut bench = Bench::new();
    bench.write(3, 7);
    let at_source: Arc<Seen> = Arc::default();
    bench.host.slow = Some(Arc::clone(&at_source));
    // Making the point takes long.
    bench.serve(|ours| {
        let mut reader = Watching::new(&ours, &at_source);
        let mut writer = ours;
        bench.copy(&mut reader, &mut writer, 1, &Cancel::new(), &|_, _| {}).expect("copied");
    });
    // Beginning takes long: another exchange has the turn until the source has seen signs of life.
    let at_source: Arc<Seen> = Arc::default();
    let held = bench.host.store.begin_copy(&head(9)).expect("begun");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            at_source.wait_for_three();
            drop(held);
        });
        bench.serve(|ours| {
            let mut reader = Watching::new(&ours, &at_source);
            let mut writer = ours;
            bench.copy(&mut reader, &mut writer, 2, &Cancel::new(), &|_, _| {}).expect("compared");
        });
    });
}

#[test]
fn a_source_that_waits_for_its_target_can_be_cancelled() {
    let bench = Bench::new();
    bench.write(3, 7);
    bench.copy_whole(1);
    let cancel = Cancel::new();
    cancel.cancel();
    let held = bench.host.store.begin_copy(&head(9)).expect("begun");
    let waited = bench.serve(|ours| {
        let (mut reader, mut writer) = (ours.try_clone().expect("cloned"), ours);
        let waited = bench.copy(&mut reader, &mut writer, 2, &cancel, &|_, _| {});
        drop(held);
        waited
    });
    assert!(matches!(waited, Err(ReplicationError::Cancelled {})), "{waited:?}");
}

fn head(number: u64) -> CopyHead {
    CopyHead {
        item: ITEM,
        epoch: Epoch(1),
        sequence: Sequence(number),
        instant: Moment(77),
        kind: PointKind::Resync,
        copy: Uuid::from_u64_pair(5, number),
        disks: vec![(DISK, SIZE)],
        completes: true,
    }
}
