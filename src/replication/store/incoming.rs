//! A cycle or a copy that is arriving. Its files are named in `incoming.json`, so that after a cut or a kill it goes on
//! where it was; they count only when the catalogue names them. Apart from `transfer`, which brings the bytes.

use super::digests::Growing;
use super::{Kept, Point, PointStore, Turn, digests, names};
use crate::digest::{BLOCK, BLOCK_BYTES, Digest, block_len, blocks_of};
use crate::durable;
use crate::error::{ReplicationError, Result};
use crate::files::{self, Aligned, Mode, open_direct, read_fully};
use crate::layers::{Chain, Layer};
use crate::log::Manifest;
use crate::qcow2::Writer;
use crate::store::catalogue::Change;
use leeward_model::{
    Consistency, DiskFormat, DiskId, Epoch, ItemId, Moment, PointId, PointKind, PointSummary, Sequence,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use uuid::Uuid;

const FILE: &str = "incoming.json";

/// A full copy makes what has arrived durable after so many bytes; in tests, whose disks are small, more often.
const WATERMARK_EVERY: u64 = if cfg!(test) { 4 * BLOCK_BYTES } else { 256 << 20 };

/// Blocks read at once when what has arrived must be hashed again.
const RUN: u64 = 16;

/// What is arriving.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Incoming {
    /// Names what it is.
    seal: String,
    /// Disk, number and name of its file.
    files: Vec<(DiskId, u64, PathBuf)>,
    /// Full copies: the first block that may be missing.
    watermark: Vec<(DiskId, u64)>,
    /// Full copies: how many fingerprints of what lies before are kept.
    #[serde(default)]
    prints: Vec<(DiskId, u64)>,
}

/// The head of a copy.
#[derive(Clone, Debug)]
pub(crate) struct CopyHead {
    pub(crate) item: ItemId,
    pub(crate) epoch: Epoch,
    pub(crate) sequence: Sequence,
    pub(crate) instant: Moment,
    pub(crate) kind: PointKind,
    pub(crate) copy: Uuid,
    pub(crate) disks: Vec<(DiskId, u64)>,
    pub(crate) completes: bool,
}

/// What an exchange begins with.
pub(crate) enum Arriving<T> {
    /// It is here already.
    Held(Option<PointSummary>),
    /// It comes.
    Comes(T),
}

/// How a copy comes.
pub(crate) enum CopyMode<'a> {
    /// Nothing is here.
    Full(FullCopy<'a>),
    /// What differs from what is here.
    Compare(Overlays<'a>),
}

/// What the point will be.
#[derive(Clone, Debug)]
struct Meaning {
    epoch: Epoch,
    sequence: Sequence,
    instant: Moment,
    consistency: Consistency,
    kind: PointKind,
    completes: bool,
    seal: String,
}

/// New overlays, one for each disk.
pub(crate) struct Overlays<'a> {
    store: &'a PointStore,
    _turn: Turn<'a>,
    meaning: Meaning,
    disks: Vec<OverlayIn>,
}

struct OverlayIn {
    disk: DiskId,
    size_bytes: u64,
    id: u64,
    name: PathBuf,
    writer: Option<Writer>,
    /// What the blocks must be; none when anything may come.
    expected: Option<BTreeMap<u64, Digest>>,
    digests: BTreeMap<u64, Digest>,
    have: u64,
}

/// New base files, one for each disk.
pub(crate) struct FullCopy<'a> {
    store: &'a PointStore,
    _turn: Turn<'a>,
    meaning: Meaning,
    disks: Vec<BaseIn>,
    since_watermark: u64,
}

struct BaseIn {
    disk: DiskId,
    size_bytes: u64,
    id: u64,
    name: PathBuf,
    file: File,
    digests: BTreeMap<u64, Digest>,
    kept: Growing,
    /// The first block whose fingerprint may not be kept yet.
    kept_through: u64,
    watermark: u64,
    next: u64,
    room: Aligned,
}

/// The files of an exchange that may go on.
pub(super) fn files_of_unfinished(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    Ok(load(folder)?
        .map(|i| i.files.into_iter().map(|(_, _, name)| folder.join(name)).collect())
        .unwrap_or_default())
}

/// The first number that no file of an unfinished exchange has.
pub(super) fn next_after_unfinished(folder: &Path) -> Result<u64> {
    let known = load(folder)?;
    Ok(known.iter().flat_map(|i| &i.files).map(|(_, id, _)| id + 1).max().unwrap_or(0))
}

/// Bytes of each disk of a first copy that are durable.
pub(super) fn watermarks(folder: &Path) -> Vec<(DiskId, u64)> {
    let known = load(folder).ok().flatten();
    let marks = known.into_iter().flat_map(|i| i.watermark);
    marks.map(|(disk, blocks)| (disk, blocks.saturating_mul(BLOCK_BYTES))).collect()
}

fn load(folder: &Path) -> Result<Option<Incoming>> {
    let bytes = files::read_bounded(&folder.join(FILE), 16 << 20)?;
    // A record that makes no sense only costs what would have gone on.
    Ok(bytes.and_then(|b| serde_json::from_slice(&b).ok()))
}

fn keep(folder: &Path, incoming: &Incoming) -> Result<()> {
    durable::replace(&folder.join(FILE), &serde_json::to_vec(incoming).unwrap_or_default())
}

impl PointStore {
    /// Files for an exchange: those of one that was cut off, or new ones.
    fn files_for(&self, seal: &str, disks: &[DiskId], extension: &str) -> Result<Incoming> {
        let first = self.next_file()?;
        if let Some(known) = load(&self.folder)? {
            let published = |name: &PathBuf| {
                let held = self.held();
                held.state().layers.values().flatten().any(|k| k.path == *name)
            };
            let same = known.seal == seal && known.files.iter().map(|(d, ..)| d).eq(disks);
            // Files that count are never written again, whatever the record of the exchange says.
            if same && !known.files.iter().any(|(_, _, name)| published(name)) {
                return Ok(known);
            }
            for (_, _, name) in known.files.iter().filter(|(_, _, name)| !published(name)) {
                if names::bulk(&name.to_string_lossy()).is_some() {
                    let path = self.folder.join(name);
                    durable::remove(&path)?;
                    durable::remove(&digests::path_of(&path))?;
                }
            }
        }
        let file = |(n, disk): (usize, &DiskId)| {
            let id = first + n as u64;
            (*disk, id, names::file(*disk, id, extension))
        };
        let files = disks.iter().enumerate().map(file).collect();
        let watermark = disks.iter().map(|d| (*d, 0)).collect();
        let incoming = Incoming { seal: seal.to_owned(), files, watermark, prints: Vec::new() };
        keep(&self.folder, &incoming)?;
        Ok(incoming)
    }

    fn check_disks<'a>(
        &self,
        item: ItemId,
        disks: impl Iterator<Item = (&'a DiskId, &'a u64)>,
    ) -> Result<()> {
        if item != self.identity.item {
            return Err(ReplicationError::Foreign { what: format!("item {item}") });
        }
        for (disk, size) in disks {
            if self.size_of(*disk)? != *size {
                return Err(ReplicationError::Foreign { what: format!("disk {disk} of {size} bytes") });
            }
        }
        if self.is_closed() { Err(ReplicationError::Closed {}) } else { Ok(()) }
    }

    /// Begins to take a cycle.
    pub(crate) fn begin_cycle(&self, manifests: &[Manifest]) -> Result<Arriving<Overlays<'_>>> {
        let Some(head) = manifests.first().map(|m| m.head.clone()) else {
            return Err(ReplicationError::protocol("a cycle without disks"));
        };
        self.check_disks(head.item, manifests.iter().map(|m| (&m.disk, &m.size_bytes)))?;
        let all: BTreeSet<DiskId> = self.identity.disks.iter().map(|(d, _)| *d).collect();
        let named = |m: &Manifest| m.disks.iter().copied().collect::<BTreeSet<_>>();
        let came: BTreeSet<DiskId> = manifests.iter().map(|m| m.disk).collect();
        if came != all || manifests.iter().any(|m| m.head != head || named(m) != all) {
            return Err(ReplicationError::Foreign { what: "the disks of the cycle".to_owned() });
        }
        let seal = seal_of(manifests);
        // What the head is may change until it is our turn.
        let turn = self.turns.take()?;
        let (epoch, have, _) = self.head();
        if head.epoch < epoch {
            return Err(ReplicationError::OlderEpoch { asked: head.epoch, known: epoch });
        }
        if head.epoch == epoch && head.sequence <= have {
            let held = self.held();
            let same = held.state().points.iter().find(|p| p.seal == seal).map(|p| p.summary.clone());
            return match same {
                Some(point) => Ok(Arriving::Held(Some(point))),
                None => Err(ReplicationError::Replayed { sequence: head.sequence }),
            };
        }
        let follows = (head.previous_epoch, head.previous) == (epoch, have);
        // A log from before a staged copy would cover newer blocks with older ones.
        let newer = head.sequence > self.held().state().staged_sequence;
        if !follows || !newer || self.held().state().points.is_empty() {
            return Err(ReplicationError::Gap { have, got: head.previous });
        }
        let meaning = Meaning {
            epoch: head.epoch,
            sequence: head.sequence,
            instant: head.instant,
            consistency: head.consistency,
            kind: head.kind,
            completes: true,
            seal: seal.clone(),
        };
        let ids: Vec<DiskId> = manifests.iter().map(|m| m.disk).collect();
        let files = if manifests.iter().all(|m| m.blocks.is_empty()) {
            // Nothing comes, so nothing needs to be found again.
            ids.iter().map(|disk| (*disk, 0, PathBuf::new())).collect()
        } else {
            self.files_for(&seal, &ids, "qcow2")?.files
        };
        let mut disks = Vec::new();
        for (manifest, (disk, id, name)) in manifests.iter().zip(files) {
            disks.push(self.overlay(disk, id, name, Some(manifest))?);
        }
        Ok(Arriving::Comes(Overlays { store: self, _turn: turn, meaning, disks }))
    }

    fn overlay(
        &self,
        disk: DiskId,
        id: u64,
        name: PathBuf,
        manifest: Option<&Manifest>,
    ) -> Result<OverlayIn> {
        let size_bytes = self.size_of(disk)?;
        let path = self.folder.join(&name);
        let expected: Option<BTreeMap<u64, Digest>> = manifest.map(|m| m.blocks.iter().copied().collect());
        let here = match manifest {
            Some(manifest) => arrived(&path, manifest)?,
            None => Vec::new(),
        };
        let have = here.len() as u64;
        let mut digests: BTreeMap<u64, Digest> = BTreeMap::new();
        if let Some(expected) = &expected {
            digests.extend(here.iter().filter_map(|b| expected.get_key_value(b)).map(|(b, d)| (*b, *d)));
        }
        let writer = if expected.as_ref().is_some_and(BTreeMap::is_empty) {
            None
        } else {
            Some(Writer::resume(&path, size_bytes, here)?)
        };
        Ok(OverlayIn { disk, size_bytes, id, name, writer, expected, digests, have })
    }

    /// Begins to take a copy.
    pub(crate) fn begin_copy(&self, head: &CopyHead) -> Result<Arriving<CopyMode<'_>>> {
        self.check_disks(head.item, head.disks.iter().map(|(d, s)| (d, s)))?;
        let turn = self.turns.take()?;
        let (epoch, have, _) = self.head();
        if head.epoch < epoch {
            return Err(ReplicationError::OlderEpoch { asked: head.epoch, known: epoch });
        }
        let seal = format!("copy:{}", head.copy);
        {
            let held = self.held();
            let state = held.state();
            if let Some(point) = state.points.iter().find(|p| p.seal == seal) {
                return Ok(Arriving::Held(Some(point.summary.clone())));
            }
            if state.staged.contains(&seal) {
                return Ok(Arriving::Held(None));
            }
        }
        let named: BTreeSet<DiskId> = head.disks.iter().map(|(d, _)| *d).collect();
        let all = named.len() == self.identity.disks.len();
        if head.completes != all || named.len() != head.disks.len() || named.is_empty() {
            return Err(ReplicationError::Foreign { what: "the disks of the copy".to_owned() });
        }
        let meaning = Meaning {
            epoch: head.epoch,
            sequence: head.sequence,
            instant: head.instant,
            consistency: Consistency::Crash,
            kind: head.kind,
            completes: head.completes,
            seal: seal.clone(),
        };
        let ids: Vec<DiskId> = head.disks.iter().map(|(d, _)| *d).collect();
        let empty = self.held().state().points.is_empty();
        if empty && !head.completes {
            return Err(ReplicationError::Gap { have, got: head.sequence });
        }
        if empty {
            let incoming = self.files_for(&seal, &ids, "raw")?;
            let disks = incoming.files.iter().zip(&incoming.watermark);
            let prints = |disk| incoming.prints.iter().find(|(d, _)| *d == disk).map(|(_, count)| *count);
            let disks =
                disks.map(|((disk, id, name), (_, mark))| self.base(*disk, *id, name, *mark, prints(*disk)));
            let disks = disks.collect::<Result<Vec<_>>>()?;
            let full = FullCopy { store: self, _turn: turn, meaning, disks, since_watermark: 0 };
            return Ok(Arriving::Comes(CopyMode::Full(full)));
        }
        // A comparison that was cut off begins anew: what had come would only be compared as well.
        durable::remove(&self.folder.join(FILE))?;
        self.throw_away_unpublished()?;
        let incoming = self.files_for(&seal, &ids, "qcow2")?;
        let mut disks = Vec::new();
        for (disk, id, name) in incoming.files {
            disks.push(self.overlay(disk, id, name, None)?);
        }
        Ok(Arriving::Comes(CopyMode::Compare(Overlays { store: self, _turn: turn, meaning, disks })))
    }

    fn base(
        &self,
        disk: DiskId,
        id: u64,
        name: &Path,
        watermark: u64,
        prints: Option<u64>,
    ) -> Result<BaseIn> {
        let size_bytes = self.size_of(disk)?;
        let path = self.folder.join(name);
        let file =
            open_direct(&path, Mode::Create).map_err(ReplicationError::file("create", path.as_path()))?;
        // What lies behind the watermark may be torn: it comes again, and must not stand where a hole belongs.
        let whole = (watermark * BLOCK_BYTES).min(size_bytes);
        durable::set_len(&file, &path, whole)?;
        durable::set_len(&file, &path, size_bytes)?;
        // Without a count, or when not all are there, what has come must be hashed again.
        let (kept, known) = Growing::open(&path, prints.unwrap_or(0), watermark)?;
        let known = known.filter(|_| prints.is_some() || watermark == 0);
        let kept_through = if known.is_some() { watermark } else { 0 };
        let digests = match known {
            Some(known) => known,
            None => hashed(path, size_bytes, watermark)?,
        };
        let room = Aligned::new(crate::wire::RUN_BYTES_MAX);
        let (name, next) = (name.to_owned(), watermark);
        Ok(BaseIn { disk, size_bytes, id, name, file, digests, kept, kept_through, watermark, next, room })
    }

    /// Makes the point, or stages its files.
    fn publish(
        &self,
        meaning: &Meaning,
        files: Vec<(DiskId, Kept)>,
        size_bytes: u64,
        point: PointId,
        now: Moment,
    ) -> Result<Option<PointSummary>> {
        let mut held = self.held();
        // It may have been closed while this came.
        if held.state().closed {
            return Err(ReplicationError::Closed {});
        }
        let summary = if meaning.completes {
            let mut tops: BTreeMap<DiskId, u64> = BTreeMap::new();
            for (disk, layers) in &held.state().layers {
                if let Some(top) = layers.last() {
                    tops.insert(*disk, top.id);
                }
            }
            tops.extend(files.iter().map(|(disk, kept)| (*disk, kept.id)));
            let summary = PointSummary {
                id: point,
                epoch: meaning.epoch,
                sequence: meaning.sequence,
                instant: meaning.instant,
                committed_at: now,
                consistency: meaning.consistency,
                kind: meaning.kind,
                size_bytes,
                pinned: false,
            };
            let made = Point { summary: summary.clone(), tops, seal: meaning.seal.clone() };
            held.append(Change::Commit { point: Box::new(made), layers: files })?;
            Some(summary)
        } else {
            let (seal, sequence) = (meaning.seal.clone(), meaning.sequence);
            held.append(Change::Stage { seal, sequence, layers: files })?;
            None
        };
        drop(held);
        durable::remove(&self.folder.join(FILE))?;
        Ok(summary)
    }
}

/// Names the content of a cycle.
fn seal_of(manifests: &[Manifest]) -> String {
    let mut prints: Vec<_> = manifests.iter().map(|m| (m.disk, m.fingerprint())).collect();
    prints.sort();
    let mut hasher = blake3::Hasher::new();
    for (_, print) in prints {
        hasher.update(&print);
    }
    format!("cycle:{}", hasher.finalize().to_hex())
}

/// The fingerprints of what a raw file holds before a block.
fn hashed(path: PathBuf, size_bytes: u64, end: u64) -> Result<BTreeMap<u64, Digest>> {
    let chain = Chain::open(&[Layer { path, format: DiskFormat::Raw }], size_bytes)?;
    let mut room = Aligned::new(usize::try_from(RUN).unwrap_or(1) * BLOCK);
    let mut digests = BTreeMap::new();
    for (first, count) in chain.runs(0, RUN).take_while(|(b, _)| *b < end) {
        let length = usize::try_from(count.min(end - first)).unwrap_or(0) * BLOCK;
        let buffer = room.bytes_mut().get_mut(..length).unwrap_or(&mut []);
        chain.read(first, buffer)?;
        for (n, bytes) in buffer.chunks_exact(BLOCK).enumerate() {
            let block = first + n as u64;
            let within = bytes.get(..block_len(block, size_bytes)).unwrap_or(&[]);
            digests.insert(block, Digest::of(within));
        }
    }
    Ok(digests)
}

/// The blocks of a file that was cut off, as far as they have the fingerprints they should have.
fn arrived(path: &Path, manifest: &Manifest) -> Result<Vec<u64>> {
    let Ok(file) = open_direct(path, Mode::Read) else { return Ok(Vec::new()) };
    let length = file.metadata().map_err(ReplicationError::file("read", path))?.len();
    let mut room = Aligned::new(BLOCK);
    let mut here = Vec::new();
    for (block, digest) in manifest.blocks.iter().filter(|(_, d)| !d.is_zero()) {
        let place = Writer::place_of(here.len() as u64);
        if place + BLOCK_BYTES > length {
            break;
        }
        read_fully(&file, room.bytes_mut(), place).map_err(ReplicationError::file("read", path))?;
        let bytes = room.bytes().get(..block_len(*block, manifest.size_bytes)).unwrap_or(&[]);
        if Digest::of(bytes) != *digest {
            break;
        }
        here.push(*block);
    }
    Ok(here)
}

impl Overlays<'_> {
    /// Disks in order, with the blocks of each that are here already (in the order of its manifest, zeros left out).
    pub(crate) fn have(&self) -> Vec<(DiskId, u64)> {
        self.disks.iter().map(|d| (d.disk, d.have)).collect()
    }

    /// A block has come for the disk of this number.
    pub(crate) fn push(&mut self, disk: usize, block: u64, bytes: &[u8]) -> Result<()> {
        let Some(into) = self.disks.get_mut(disk) else {
            return Err(ReplicationError::protocol("one disk too many"));
        };
        let within = bytes.get(..block_len(block, into.size_bytes)).unwrap_or(&[]);
        let digest = Digest::of(within);
        if let Some(expected) = &into.expected
            && expected.get(&block) != Some(&digest)
        {
            return Err(ReplicationError::Corrupted { block });
        }
        let Some(writer) = &mut into.writer else {
            return Err(ReplicationError::protocol("a disk without changes"));
        };
        if digest.is_zero() {
            writer.zero(block)?
        } else {
            writer.push(block, bytes)?
        }
        into.digests.insert(block, digest);
        Ok(())
    }

    /// Blocks of the disk of this number are zeros now.
    pub(crate) fn zeros(&mut self, disk: usize, first: u64, count: u64) -> Result<()> {
        let Some(into) = self.disks.get_mut(disk) else {
            return Err(ReplicationError::protocol("one disk too many"));
        };
        let Some(writer) = &mut into.writer else {
            return Err(ReplicationError::protocol("a disk without changes"));
        };
        if count > blocks_of(into.size_bytes) {
            return Err(ReplicationError::protocol(format!("{count} blocks of zeros")));
        }
        for block in first..first.saturating_add(count) {
            writer.zero(block)?;
            into.digests.insert(block, Digest::ZERO);
        }
        Ok(())
    }

    /// Everything has come: the point is made.
    pub(crate) fn commit(mut self, point: PointId, now: Moment) -> Result<Option<PointSummary>> {
        let mut files = Vec::new();
        let mut size_bytes = 0;
        for disk in &mut self.disks {
            if let (Some(expected), Some(writer)) = (&disk.expected, &mut disk.writer) {
                for (block, _) in expected.iter().filter(|(_, d)| d.is_zero()) {
                    writer.zero(*block)?;
                    disk.digests.insert(*block, Digest::ZERO);
                }
                if let Some(missing) = expected.keys().find(|b| !disk.digests.contains_key(b)) {
                    return Err(ReplicationError::protocol(format!("block {missing} has not come")));
                }
            }
            let path = self.store.folder.join(&disk.name);
            let Some(writer) = disk.writer.take() else { continue };
            if disk.digests.is_empty() {
                durable::remove(&path)?;
                continue;
            }
            size_bytes += disk.digests.len() as u64 * BLOCK_BYTES;
            writer.finish()?;
            digests::write(&path, &disk.digests)?;
            let kept = Kept { id: disk.id, path: disk.name.clone(), format: DiskFormat::Qcow2, own: true };
            files.push((disk.disk, kept));
        }
        self.store.publish(&self.meaning, files, size_bytes, point, now)
    }
}

impl FullCopy<'_> {
    /// Disks in order, with the first block of each that is wanted.
    pub(crate) fn have(&self) -> Vec<(DiskId, u64)> {
        self.disks.iter().map(|d| (d.disk, d.watermark)).collect()
    }

    /// Consecutive blocks have come for the disk of this number.
    pub(crate) fn push(&mut self, disk: usize, first: u64, bytes: &[u8]) -> Result<()> {
        let Some(into) = self.disks.get_mut(disk) else {
            return Err(ReplicationError::protocol("one disk too many"));
        };
        let count = (bytes.len() / BLOCK) as u64;
        let room = into.room.bytes_mut().get_mut(..bytes.len());
        let inside = first >= into.next && first.saturating_add(count) <= blocks_of(into.size_bytes);
        let Some(room) = room.filter(|_| inside && bytes.len().is_multiple_of(BLOCK)) else {
            return Err(ReplicationError::protocol(format!(
                "blocks {first} and {count} more are out of place"
            )));
        };
        room.copy_from_slice(bytes);
        for (n, block) in bytes.chunks_exact(BLOCK).enumerate() {
            let number = first + n as u64;
            let within = block.get(..block_len(number, into.size_bytes)).unwrap_or(block);
            into.digests.insert(number, Digest::of(within));
        }
        let path = self.store.folder.join(&into.name);
        durable::write_at(&into.file, &path, room, first * BLOCK_BYTES)?;
        into.next = first + count;
        self.since_watermark += bytes.len() as u64;
        if self.since_watermark >= WATERMARK_EVERY { self.mark() } else { Ok(()) }
    }

    /// Makes what has come durable, and remembers it.
    fn mark(&mut self) -> Result<()> {
        self.since_watermark = 0;
        for disk in &mut self.disks {
            if disk.next > disk.watermark {
                let path = self.store.folder.join(&disk.name);
                durable::sync(&disk.file, &path)?;
                disk.kept.append(disk.digests.range(disk.kept_through..disk.next))?;
                (disk.watermark, disk.kept_through) = (disk.next, disk.next);
            }
        }
        let files = self.disks.iter().map(|d| (d.disk, d.id, d.name.clone())).collect();
        let prints = self.disks.iter().map(|d| (d.disk, d.kept.count())).collect();
        let incoming = Incoming { seal: self.meaning.seal.clone(), files, watermark: self.have(), prints };
        keep(&self.store.folder, &incoming)
    }

    /// The connection is lost: what has come is remembered.
    pub(crate) fn interrupted(mut self) {
        if let Err(error) = self.mark() {
            tracing::warn!(%error, "what has come of a copy could not be remembered");
        }
    }

    /// Everything has come: the point is made.
    pub(crate) fn commit(self, point: PointId, now: Moment) -> Result<Option<PointSummary>> {
        let (mut files, mut size_bytes) = (Vec::new(), 0);
        for disk in &self.disks {
            let path = self.store.folder.join(&disk.name);
            durable::set_len(&disk.file, &path, disk.size_bytes)?;
            durable::sync(&disk.file, &path)?;
            digests::write(&path, &disk.digests)?;
            size_bytes += disk.digests.len() as u64 * BLOCK_BYTES;
            let kept = Kept { id: disk.id, path: disk.name.clone(), format: DiskFormat::Raw, own: true };
            files.push((disk.disk, kept));
        }
        durable::sync_folder(&self.store.folder)?;
        self.store.publish(&self.meaning, files, size_bytes, point, now)
    }
}
