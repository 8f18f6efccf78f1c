//! A disk's whole way: full copy, changes, a log, a point, a comparison; and what stands at the target is compared
//! with the source by QEMU's own tool.

use leeward_model::{
    Consistency, DiskFormat, DiskId, Epoch, Fault, ItemId, Moment, PointId, PointKind, PointSummary,
    Retention, Sequence,
};
use leeward_replication::{
    Cancel, Copy, CopyDisk, CycleHead, Layer, PointStore, Receiver, ReplicationError, SealedCycle, Shipped,
    SpoolDisk, Throttle, qcow2, receive, seal, ship_copy, ship_cycle, spool_path,
};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

const BLOCK: u64 = 65_536;
const SIZE: u64 = 40 * BLOCK + 512;

struct Host {
    store: Arc<PointStore>,
    points: AtomicU64,
}

impl Receiver for Host {
    fn admit(&self, _: ItemId, _: Epoch) -> Result<Arc<PointStore>, Fault> {
        Ok(Arc::clone(&self.store))
    }
    fn committed(&self, _: ItemId, _: &PointSummary) {}
    fn progressed(&self, _: ItemId) {}
    fn now(&self) -> Moment {
        Moment(1_000_000 + i64::try_from(self.points.load(Ordering::SeqCst)).expect("small") * 1000)
    }
    fn new_point_id(&self) -> PointId {
        PointId(Uuid::from_u64_pair(9, self.points.fetch_add(1, Ordering::SeqCst)))
    }
    fn cancelled(&self) -> bool {
        false
    }
}

/// A stream that is cut after so many bytes.
struct Fragile {
    inner: UnixStream,
    left: u64,
}

impl Write for Fragile {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            self.inner.shutdown(std::net::Shutdown::Both)?;
            return Err(std::io::ErrorKind::BrokenPipe.into());
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let n = self.inner.write(&bytes[..most])?;
        self.left -= n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

struct Bench {
    folder: tempfile::TempDir,
    host: Host,
    item: ItemId,
    disk: DiskId,
    sequence: u64,
    acked: u64,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (item, disk) = (ItemId(Uuid::from_u64_pair(1, 1)), DiskId(Uuid::from_u64_pair(2, 2)));
        let store = PointStore::create(&folder.path().join("store"), item, &[(disk, SIZE)]).expect("a store");
        let source = File::create(folder.path().join("disk.raw")).expect("a disk");
        source.set_len(SIZE).expect("sized");
        let host = Host { store: Arc::new(store), points: AtomicU64::new(0) };
        Self { folder, host, item, disk, sequence: 0, acked: 0 }
    }

    /// The target's process ends and another one finds its store.
    fn restart_host(&mut self) {
        let elsewhere = self.folder.path().join("elsewhere");
        let other = PointStore::create(&elsewhere, self.item, &[(self.disk, SIZE)]).expect("a store");
        self.host.store = Arc::new(other);
        self.host.store = Arc::new(PointStore::open(&self.folder.path().join("store")).expect("opened"));
        PointStore::delete(&elsewhere).expect("deleted");
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("disk.raw")
    }

    fn write(&self, block: u64, byte: u8) {
        let length = usize::try_from(BLOCK.min(SIZE - block * BLOCK)).expect("fits");
        let bytes: Vec<u8> =
            (0..length).map(|n| if byte == 0 { 0 } else { byte ^ (n % 251) as u8 }).collect();
        let file = File::options().write(true).open(self.source()).expect("open");
        file.write_all_at(&bytes, block * BLOCK).expect("written");
    }

    fn over<T: Send>(
        &self,
        bytes: u64,
        ship: impl FnOnce(&mut UnixStream, &mut Fragile) -> T + Send,
    ) -> (T, Result<(), ReplicationError>) {
        let (ours, theirs) = UnixStream::pair().expect("a pair");
        std::thread::scope(|scope| {
            let serving = scope.spawn(|| {
                let (mut r, mut w) = (theirs.try_clone().expect("cloned"), theirs);
                receive(&mut r, &mut w, &self.host)
            });
            let mut reader = ours.try_clone().expect("cloned");
            let mut writer = Fragile { inner: ours, left: bytes };
            let out = ship(&mut reader, &mut writer);
            drop((reader, writer));
            (out, serving.join().expect("served"))
        })
    }

    fn copy(&mut self, kind: PointKind, id: u64, bytes: u64) -> Result<Shipped, ReplicationError> {
        self.sequence += 1;
        let disks = [CopyDisk {
            disk: self.disk,
            size_bytes: SIZE,
            chain: vec![Layer { path: self.source(), format: DiskFormat::Raw }],
        }];
        let copy = Copy {
            item: self.item,
            epoch: Epoch(1),
            sequence: Sequence(self.sequence),
            instant: Moment(77),
            kind,
            copy: Uuid::from_u64_pair(5, id),
            disks: &disks,
            completes: true,
        };
        let (shipped, _) =
            self.over(bytes, |r, w| ship_copy(r, w, &copy, &Throttle::new(0), &Cancel::new(), &|_, _| {}));
        if shipped.is_ok() {
            self.acked = self.sequence;
        }
        shipped
    }

    /// A log of these blocks as they are now.
    fn log(&mut self, blocks: &[u64]) -> SealedCycle {
        self.sequence += 1;
        let sequence = Sequence(self.sequence);
        let spool = spool_path(&self.source(), sequence);
        let mut writer = qcow2::Writer::create(&spool, SIZE).expect("a spool");
        let file = File::open(self.source()).expect("open");
        for block in blocks {
            let mut bytes = vec![0; usize::try_from(BLOCK).expect("fits")];
            let length = usize::try_from(BLOCK.min(SIZE - block * BLOCK)).expect("fits");
            file.read_exact_at(&mut bytes[..length], block * BLOCK).expect("read");
            writer.push(*block, &bytes).expect("pushed");
        }
        writer.finish().expect("finished");
        let head = CycleHead {
            item: self.item,
            epoch: Epoch(1),
            sequence,
            previous: Sequence(self.acked),
            previous_epoch: Epoch(1),
            instant: Moment(100),
            consistency: Consistency::Crash,
            kind: PointKind::Delta,
        };
        seal(&head, &[SpoolDisk { disk: self.disk, size_bytes: SIZE, spool }]).expect("sealed")
    }

    fn ship(&mut self, cycle: &SealedCycle, bytes: u64) -> Result<Shipped, ReplicationError> {
        let (shipped, _) =
            self.over(bytes, |r, w| ship_cycle(r, w, cycle, &Throttle::new(0), &Cancel::new(), &|_, _| {}));
        if shipped.is_ok() {
            self.acked = cycle.head.sequence.0;
        }
        shipped
    }

    /// The content of a point, read by QEMU.
    fn content(&self, point: PointId) -> Vec<u8> {
        let chain = self.host.store.chain(point, self.disk).expect("a chain");
        let mut below: Option<String> = None;
        for layer in &chain {
            let format = if layer.format == DiskFormat::Raw { "raw" } else { "qcow2" };
            let file = format!("\"file\":{{\"driver\":\"file\",\"filename\":\"{}\"}}", layer.path.display());
            let backing = match (&below, format) {
                (Some(below), _) => format!(",\"backing\":{below}"),
                (None, "qcow2") => ",\"backing\":null".to_owned(),
                _ => String::new(),
            };
            below = Some(format!("{{\"driver\":\"{format}\",{file}{backing}}}"));
        }
        let out = self.folder.path().join("read.raw");
        let done = Command::new("qemu-img")
            .args(["convert", "-U", "-O", "raw"])
            .arg(format!("json:{}", below.expect("a chain")))
            .arg(&out)
            .output()
            .expect("qemu-img runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        for layer in chain.iter().filter(|l| l.format == DiskFormat::Qcow2) {
            let checked =
                Command::new("qemu-img").args(["check", "-q"]).arg(&layer.path).status().expect("runs");
            assert!(checked.success(), "{}", layer.path.display());
        }
        read(&out)
    }

    fn newest(&self) -> PointId {
        self.host.store.newest().expect("a point").id
    }
}

fn read(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    File::open(path).expect("open").read_to_end(&mut bytes).expect("read");
    bytes
}

#[test]
fn a_disk_goes_the_whole_way_and_every_point_is_its_instant() {
    let mut bench = Bench::new();
    bench.write(3, 7);
    bench.write(4, 8);
    bench.write(40, 9);
    bench.copy(PointKind::Initial, 1, u64::MAX).expect("copied");
    let first = (bench.newest(), read(&bench.source()));
    assert!(bench.content(first.0) == first.1, "the first copy");
    bench.write(4, 0);
    bench.write(20, 3);
    bench.write(40, 1);
    let cycle = bench.log(&[4, 20, 40]);
    let shipped = bench.ship(&cycle, u64::MAX).expect("shipped");
    assert!(shipped.sent_bytes < 3 * BLOCK, "zeros do not travel: {shipped:?}");
    cycle.delete().expect("deleted");
    let second = (bench.newest(), read(&bench.source()));
    assert!(bench.content(second.0) == second.1, "the delta");
    // Something changes behind everybody's back: a comparison finds it.
    bench.write(11, 5);
    bench.write(3, 0);
    let compared = bench.copy(PointKind::Resync, 2, u64::MAX).expect("compared");
    assert!(compared.sent_bytes <= BLOCK + 16, "only what differs travels: {compared:?}");
    let third = (bench.newest(), read(&bench.source()));
    for (point, content) in [&first, &second, &third] {
        assert!(bench.content(*point) == *content);
        bench.host.store.verify(*point, &Cancel::new()).expect("verified");
    }
    let again = bench.copy(PointKind::Resync, 2, u64::MAX).expect("the same copy again");
    assert_eq!(again.point, Some(third.0), "a repeated copy is acknowledged, not made twice");
}

#[test]
fn whatever_is_cut_goes_on_where_it_was() {
    for cut in (0..6 * BLOCK).step_by(30_011) {
        let mut bench = Bench::new();
        for block in [1, 2, 3, 9] {
            bench.write(block, 5);
        }
        let first = bench.copy(PointKind::Initial, 1, cut);
        if first.is_err() {
            bench.sequence = 0;
            bench.restart_host();
            // Everything before the watermark is here: none of it, blocks 1 to 3, or 9 as well.
            let progress = bench.host.store.copy_progress();
            let here = match progress.first().map_or(0, |(_, bytes)| bytes / BLOCK) {
                0 => 0,
                4 => 3,
                through => panic!("cut at {cut}: {through} blocks"),
            };
            assert!(here == 3 || cut < 3 * BLOCK + 2_000, "what has come is remembered: cut at {cut}");
            let resumed = bench.copy(PointKind::Initial, 1, u64::MAX).expect("copied");
            assert_eq!(resumed.sent_bytes, (4 - here) * BLOCK, "cut at {cut}: nothing travels twice");
        }
        let copied = read(&bench.source());
        assert!(bench.content(bench.newest()) == copied, "copy cut at {cut}");
        for block in [2, 5, 30] {
            bench.write(block, 6);
        }
        let cycle = bench.log(&[2, 5, 30]);
        if bench.ship(&cycle, cut / 2).is_err() {
            bench.restart_host();
            bench.ship(&cycle, u64::MAX).expect("shipped");
        }
        assert!(bench.content(bench.newest()) == read(&bench.source()), "log cut at {}", cut / 2);
        assert_eq!(bench.host.store.points().len(), 2);
    }
}

#[test]
fn logs_that_do_not_belong_are_refused_and_change_nothing() {
    let mut bench = Bench::new();
    bench.write(1, 1);
    bench.copy(PointKind::Initial, 1, u64::MAX).expect("copied");
    bench.write(1, 2);
    let one = bench.log(&[1]);
    bench.ship(&one, u64::MAX).expect("shipped");
    bench.write(2, 2);
    let two = bench.log(&[2]);
    let before = bench.host.store.points();
    // Replayed: acknowledged again, as the same point.
    let again = bench.ship(&one, u64::MAX).expect("acknowledged");
    assert_eq!(again.point, before.first().map(|p| p.id));
    // The same number with other content.
    let mut other = two.clone();
    other.head.sequence = one.head.sequence;
    other.disks[0].manifest.head = other.head.clone();
    assert!(matches!(bench.ship(&other, u64::MAX), Err(ReplicationError::Replayed { .. })));
    // Not what follows.
    let mut gap = two.clone();
    gap.head.previous = Sequence(99);
    gap.disks[0].manifest.head = gap.head.clone();
    assert!(matches!(bench.ship(&gap, u64::MAX), Err(ReplicationError::Gap { .. })));
    // Older epoch.
    let mut old = two.clone();
    old.head.epoch = Epoch(0);
    old.disks[0].manifest.head = old.head.clone();
    assert!(matches!(bench.ship(&old, u64::MAX), Err(ReplicationError::OlderEpoch { .. })));
    // Another item.
    let mut foreign = two.clone();
    foreign.head.item = ItemId(Uuid::from_u64_pair(6, 6));
    foreign.disks[0].manifest.head = foreign.head.clone();
    assert!(bench.ship(&foreign, u64::MAX).is_err());
    // Bytes that changed after sealing.
    let file = File::options().write(true).open(&two.disks[0].spool).expect("open");
    file.write_all_at(b"damage", BLOCK + 100).expect("written");
    assert!(matches!(bench.ship(&two, u64::MAX), Err(ReplicationError::Corrupted { .. })));
    assert_eq!(bench.host.store.points(), before, "nothing was taken");
}

#[test]
fn points_that_stay_keep_their_content_when_others_go() {
    let mut bench = Bench::new();
    bench.write(0, 1);
    bench.copy(PointKind::Initial, 1, u64::MAX).expect("copied");
    let mut contents = vec![(bench.newest(), read(&bench.source()))];
    for n in 0..20_u64 {
        let blocks = [n % 7, 10 + n % 5, 39];
        for block in blocks {
            bench.write(block, u8::try_from((n + block) % 250 + 1).expect("small"));
        }
        let cycle = bench.log(&blocks);
        bench.ship(&cycle, u64::MAX).expect("shipped");
        contents.push((bench.newest(), read(&bench.source())));
        if n == 9 {
            bench.host.store.pin(bench.newest(), "test").expect("pinned");
        }
        if n == 15 {
            bench.host.store.unpin("test").expect("unpinned");
        }
        let rules =
            Retention { every_point_mins: 0, hourly_points_hours: 0, app_consistent_hours: 0, points_max: 5 };
        let rules = Retention { every_point_mins: u32::from(n < 12) * 60, ..rules };
        bench.host.store.retain(&rules, &Cancel::new()).expect("retained");
        let left = bench.host.store.points();
        assert!(left.len() <= 6);
        for point in left {
            let (_, content) = contents.iter().find(|(id, _)| *id == point.id).expect("known");
            assert!(bench.content(point.id) == *content, "after cycle {n}");
            bench.host.store.verify(point.id, &Cancel::new()).expect("verified");
        }
    }
    let depth = bench.host.store.chain(bench.newest(), bench.disk).expect("a chain").len();
    assert!(depth <= 6, "{depth} files");
}

#[test]
fn a_changed_byte_in_a_replica_is_found() {
    let mut bench = Bench::new();
    bench.write(5, 9);
    bench.copy(PointKind::Initial, 1, u64::MAX).expect("copied");
    let point = bench.newest();
    bench.host.store.verify(point, &Cancel::new()).expect("whole");
    let chain = bench.host.store.chain(point, bench.disk).expect("a chain");
    let file = File::options().write(true).open(&chain[0].path).expect("open");
    file.write_all_at(&[1], 5 * BLOCK + 7).expect("written");
    let found = bench.host.store.verify(point, &Cancel::new());
    assert!(matches!(found, Err(ReplicationError::Damaged { .. })), "{found:?}");
}

#[test]
fn a_merge_between_a_cut_and_its_resumption_takes_no_file_of_the_log() {
    let mut bench = Bench::new();
    bench.write(0, 1);
    bench.copy(PointKind::Initial, 1, u64::MAX).expect("copied");
    bench.host.store.pin(bench.newest(), "test").expect("pinned");
    for n in 0..6_u64 {
        bench.write(10 + n, 3);
        let cycle = bench.log(&[10 + n]);
        bench.ship(&cycle, u64::MAX).expect("shipped");
    }
    let content = read(&bench.source());
    let newest = bench.newest();
    for block in 20..36 {
        bench.write(block, 9);
    }
    let cut = bench.log(&(20..36).collect::<Vec<_>>());
    bench.ship(&cut, 9 * BLOCK).expect_err("cut");
    let rules =
        Retention { every_point_mins: 0, hourly_points_hours: 0, app_consistent_hours: 0, points_max: 2 };
    let done = bench.host.store.retain(&rules, &Cancel::new()).expect("retained");
    assert!(done.files > 0, "{done:?}");
    bench.ship(&cut, u64::MAX).expect("resumed");
    assert!(bench.content(newest) == content, "the merged point is whole");
    assert!(bench.content(bench.newest()) == read(&bench.source()));
}

#[test]
fn what_has_come_of_a_log_does_not_travel_again() {
    let mut bench = Bench::new();
    bench.write(0, 1);
    bench.copy(PointKind::Initial, 1, u64::MAX).expect("copied");
    let blocks: Vec<u64> = (0..36).collect();
    for block in &blocks {
        bench.write(*block, 9);
    }
    let log = bench.log(&blocks);
    // One frame of sixteen blocks has come whole.
    bench.ship(&log, 20 * BLOCK).expect_err("cut");
    bench.restart_host();
    let resumed = bench.ship(&log, u64::MAX).expect("resumed");
    let (least, most) = (20 * BLOCK, 20 * BLOCK + 4_000);
    assert!((least..most).contains(&resumed.sent_bytes), "the manifest and the rest: {resumed:?}");
    assert!(bench.content(bench.newest()) == read(&bench.source()));
}
