//! A source that says anything: what an honest one says is recorded, bent in many seeded ways, and said to a store that
//! has a point. Nothing may panic, and no point may change. Apart from `codecs`, which looks at single parsers.

use leeward_model::{
    Consistency, DiskFormat, DiskId, Epoch, Fault, ItemId, Moment, PointId, PointKind, PointSummary, Sequence,
};
use leeward_replication::{
    Cancel, Copy, CopyDisk, CycleHead, Layer, PointStore, Receiver, SpoolDisk, Throttle, qcow2, receive,
    seal, ship_copy, ship_cycle, spool_path,
};
use std::fs::File;
use std::io::{self, Cursor, Write};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use uuid::Uuid;

const BLOCK: u64 = 65_536;
const SIZE: u64 = 20 * BLOCK + 512;
const ITEM: ItemId = ItemId(Uuid::from_u128(1));
const DISK: DiskId = DiskId(Uuid::from_u128(2));

/// Bends of each recording.
const BENDS: u64 = 150;

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
        Moment(1_000_000)
    }
    fn new_point_id(&self) -> PointId {
        PointId(Uuid::from_u64_pair(9, self.points.fetch_add(1, Ordering::SeqCst)))
    }
    fn cancelled(&self) -> bool {
        false
    }
}

/// Keeps what is said.
struct Tape {
    inner: UnixStream,
    kept: Vec<u8>,
}

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.kept.extend_from_slice(&bytes[..written]);
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn host(folder: &Path) -> Host {
    let store = PointStore::create(folder, ITEM, &[(DISK, SIZE)]).expect("a store");
    Host { store: Arc::new(store), points: AtomicU64::new(0) }
}

/// What an honest source says to a host.
fn recorded(host: &Host, ship: impl FnOnce(&mut UnixStream, &mut Tape) + Send) -> Vec<u8> {
    let (ours, theirs) = UnixStream::pair().expect("a pair");
    std::thread::scope(|scope| {
        scope
            .spawn(|| receive(&mut theirs.try_clone().expect("cloned"), &mut &theirs, host).expect("served"));
        let mut reader = ours.try_clone().expect("cloned");
        let mut tape = Tape { inner: ours, kept: Vec::new() };
        ship(&mut reader, &mut tape);
        tape.kept
    })
}

fn copied(host: &Host, disk: &Path, sequence: u64) -> Vec<u8> {
    let chain = vec![Layer { path: disk.to_owned(), format: DiskFormat::Raw }];
    let disks = [CopyDisk { disk: DISK, size_bytes: SIZE, chain }];
    let copy = Copy {
        item: ITEM,
        epoch: Epoch(1),
        sequence: Sequence(sequence),
        instant: Moment(77),
        kind: PointKind::Resync,
        copy: Uuid::from_u64_pair(5, sequence),
        disks: &disks,
        completes: true,
    };
    recorded(host, |reader, tape| {
        ship_copy(reader, tape, &copy, &Throttle::new(0), &Cancel::new(), &|_, _| {}).expect("copied");
    })
}

fn logged(host: &Host, disk: &Path) -> Vec<u8> {
    let spool = spool_path(disk, Sequence(2));
    let mut writer = qcow2::Writer::create(&spool, SIZE).expect("a spool");
    for block in [1, 2, 9, 20] {
        writer.push(block, &vec![7; usize::try_from(BLOCK).expect("small")]).expect("pushed");
    }
    writer.finish().expect("finished");
    let head = CycleHead {
        item: ITEM,
        epoch: Epoch(1),
        sequence: Sequence(2),
        previous: Sequence(1),
        previous_epoch: Epoch(1),
        instant: Moment(100),
        consistency: Consistency::Crash,
        kind: PointKind::Delta,
    };
    let cycle = seal(&head, &[SpoolDisk { disk: DISK, size_bytes: SIZE, spool }]).expect("sealed");
    recorded(host, |reader, tape| {
        ship_cycle(reader, tape, &cycle, &Throttle::new(0), &Cancel::new(), &|_, _| {}).expect("shipped");
    })
}

/// Numbers from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).expect("below a length")
    }
}

/// Where the frames of a recording begin.
fn frames(tape: &[u8]) -> Vec<usize> {
    let (mut at, mut begins) = (0, Vec::new());
    while let Some(head) = tape.get(at..at + 5) {
        begins.push(at);
        let length = u32::from_le_bytes(head[1..].try_into().expect("four"));
        at += 5 + usize::try_from(length).expect("small");
    }
    begins
}

/// Frames that no honest source says.
fn never_said(chance: &mut Chance) -> Vec<u8> {
    let numbers = [0, 1, 20, 21, u64::MAX - 1, u64::MAX];
    let number = |chance: &mut Chance| numbers[chance.below(numbers.len())].to_le_bytes();
    let kind = u8::try_from(chance.below(9)).expect("small");
    let mut payload = number(chance).to_vec();
    match kind {
        2 => payload.extend(vec![1; usize::try_from(BLOCK).expect("small") * chance.below(3)]),
        4 | 7 => payload.clear(),
        _ => payload.extend(number(chance)),
    }
    let mut frame = vec![kind];
    frame.extend(u32::try_from(payload.len()).expect("short").to_le_bytes());
    frame.extend(payload);
    frame
}

fn bend(tape: &mut Vec<u8>, chance: &mut Chance) {
    let begins = frames(tape);
    let frame = begins[chance.below(begins.len())];
    // Most of a recording is content: the heads of frames are bent more often than their share.
    let at = if chance.below(3) == 0 { chance.below(tape.len()) } else { frame + chance.below(40) };
    match chance.below(5) {
        0 => tape.truncate(at.max(1)),
        1 => {
            let foreign = never_said(chance);
            tape.splice(frame..frame, foreign);
        }
        2 => {
            let end = begins.iter().find(|b| **b > frame).copied().unwrap_or(tape.len());
            let again = tape[frame..end].to_vec();
            tape.splice(frame..frame, again);
        }
        3 => {
            let end = begins.iter().find(|b| **b > frame).copied().unwrap_or(tape.len());
            // The first question stays, or nothing is looked at.
            if frame > 0 {
                tape.drain(frame..end);
            }
        }
        _ => {
            if let Some(byte) = tape.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
        }
    }
}

/// Says bent recordings to a host; `check` looks at it after each and puts it back.
fn say_bent(tape: &[u8], host: &mut Host, mut check: impl FnMut(&mut Host, u64)) {
    for seed in 1..=BENDS {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut bent = tape.to_vec();
        for _ in 0..=chance.below(3) {
            bend(&mut bent, &mut chance);
        }
        // Refused, cut or taken: what counts is what the store holds afterwards.
        receive(&mut Cursor::new(bent), &mut io::sink(), host).ok();
        for point in host.store.points() {
            host.store.verify(point.id, &Cancel::new()).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        }
        check(host, seed);
    }
}

fn disk(folder: &Path) -> PathBuf {
    let path = folder.join("disk.raw");
    let file = File::create(&path).expect("a disk");
    file.set_len(SIZE).expect("sized");
    for block in [1, 2, 3, 12, 20] {
        file.write_all_at(&[5; 300], block * BLOCK).expect("written");
    }
    path
}

#[test]
fn a_bent_log_or_comparison_changes_no_point() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = disk(folder.path());
    let mut host = host(&folder.path().join("store"));
    copied(&host, &disk, 1);
    let first = host.store.newest().expect("a point");
    let log = logged(&host, &disk);
    host.store.keep_only_through(first.id).expect("back");
    File::options()
        .write(true)
        .open(&disk)
        .expect("open")
        .write_all_at(&[6; 300], 5 * BLOCK)
        .expect("written");
    let comparison = copied(&host, &disk, 3);
    host.store.keep_only_through(first.id).expect("back");
    for tape in [log, comparison] {
        say_bent(&tape, &mut host, |host, seed| {
            assert_eq!(host.store.points().last(), Some(&first), "seed {seed}");
            host.store.keep_only_through(first.id).expect("back");
        });
    }
}

#[test]
fn a_bent_first_copy_makes_a_whole_point_or_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = disk(folder.path());
    let tape = copied(&host(&folder.path().join("honest")), &disk, 1);
    let mut bent_to = host(&folder.path().join("store"));
    say_bent(&tape, &mut bent_to, |to, seed| {
        if to.store.newest().is_some() {
            *to = host(&folder.path().join(format!("store-{seed}")));
        }
    });
}
