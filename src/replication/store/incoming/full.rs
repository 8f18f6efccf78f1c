//! A first copy that is arriving: new base files. Up to a mark that rises now and then, what has come is durable, and
//! with it its fingerprints. Apart from `comparison`, which has something to compare with.

use super::{Incoming, Meaning, WATERMARK_EVERY, keep};
use crate::digest::{BLOCK, BLOCK_BYTES, Digest, block_len, blocks_of};
use crate::durable;
use crate::error::{ReplicationError, Result};
use crate::files::{Aligned, Mode, open_direct};
use crate::layers::{Chain, Layer};
use crate::store::digests::{self, Growing, Prints};
use crate::store::{Kept, PointStore, Turn};
use leeward_model::{DiskFormat, DiskId, Moment, PointId, PointSummary};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Blocks read at once when what has arrived must be hashed again.
const RUN: u64 = 16;

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
}

/// Consecutive blocks with their fingerprints, ready to be written. Making them is work for another thread than the one
/// that waits for the disk.
pub(crate) struct Ready {
    first: u64,
    prints: Vec<Digest>,
    room: Aligned,
}

impl Ready {
    /// Takes the blocks of a disk of this size into `room`.
    pub(crate) fn of(first: u64, bytes: &[u8], size_bytes: u64, mut room: Aligned) -> Result<Self> {
        let into = room.bytes_mut().get_mut(..bytes.len()).filter(|_| bytes.len().is_multiple_of(BLOCK));
        into.ok_or_else(|| ReplicationError::protocol("a run of odd length"))?.copy_from_slice(bytes);
        let within = |(n, block): (u64, &[u8])| {
            Digest::of(block.get(..block_len(first.saturating_add(n), size_bytes)).unwrap_or(&[]))
        };
        let prints = (0..).zip(bytes.chunks_exact(BLOCK)).map(within).collect();
        Ok(Self { first, prints, room })
    }

    fn bytes(&self) -> &[u8] {
        self.room.bytes().get(..self.prints.len() * BLOCK).unwrap_or(&[])
    }

    /// The room, when they are written.
    pub(crate) fn into_room(self) -> Aligned {
        self.room
    }
}

impl PointStore {
    /// Goes on with a first copy where its record says it was.
    pub(super) fn full<'a>(
        &'a self,
        incoming: &Incoming,
        meaning: Meaning,
        turn: Turn<'a>,
    ) -> Result<FullCopy<'a>> {
        let disks = incoming.files.iter().zip(&incoming.watermark);
        let disks = disks.map(|((disk, id, name), (_, mark))| {
            self.base(*disk, *id, name, *mark, incoming.prints_of(*disk))
        });
        let disks = disks.collect::<Result<Vec<_>>>()?;
        Ok(FullCopy { store: self, _turn: turn, meaning, disks, since_watermark: 0 })
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
            Some(known) => known.into_iter().collect(),
            None => hashed(path, size_bytes, watermark)?,
        };
        let (name, next) = (name.to_owned(), watermark);
        Ok(BaseIn { disk, size_bytes, id, name, file, digests, kept, kept_through, watermark, next })
    }
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

impl FullCopy<'_> {
    /// Disks in order, with the first block of each that is wanted.
    pub(crate) fn have(&self) -> Vec<(DiskId, u64)> {
        self.disks.iter().map(|d| (d.disk, d.watermark)).collect()
    }

    /// The disks' sizes in bytes, in order.
    pub(crate) fn sizes(&self) -> Vec<u64> {
        self.disks.iter().map(|d| d.size_bytes).collect()
    }

    /// Consecutive blocks have come for the disk of this number.
    #[cfg(test)]
    pub(crate) fn push(&mut self, disk: usize, first: u64, bytes: &[u8]) -> Result<()> {
        let size_bytes = self.disks.get(disk).map_or(0, |d| d.size_bytes);
        self.write(disk, &Ready::of(first, bytes, size_bytes, Aligned::new(bytes.len()))?)
    }

    /// Writes consecutive blocks of the disk of this number.
    pub(crate) fn write(&mut self, disk: usize, run: &Ready) -> Result<()> {
        let Some(into) = self.disks.get_mut(disk) else {
            return Err(ReplicationError::protocol("one disk too many"));
        };
        let (first, count) = (run.first, run.prints.len() as u64);
        if first < into.next || first.saturating_add(count) > blocks_of(into.size_bytes) {
            return Err(ReplicationError::protocol(format!(
                "blocks {first} and {count} more are out of place"
            )));
        }
        let path = self.store.folder.join(&into.name);
        durable::write_at(&into.file, &path, run.bytes(), first * BLOCK_BYTES)?;
        into.digests.extend((first..).zip(run.prints.iter().copied()));
        into.next = first + count;
        self.since_watermark += run.bytes().len() as u64;
        if self.since_watermark >= WATERMARK_EVERY { self.mark() } else { Ok(()) }
    }

    /// Makes what has come durable, and remembers it.
    fn mark(&mut self) -> Result<()> {
        self.since_watermark = 0;
        for disk in &mut self.disks {
            if disk.next > disk.watermark {
                let path = self.store.folder.join(&disk.name);
                durable::sync(&disk.file, &path)?;
                let more = disk.digests.range(disk.kept_through..disk.next);
                disk.kept.append(more.map(|(block, digest)| (*block, *digest)))?;
                (disk.watermark, disk.kept_through) = (disk.next, disk.next);
            }
        }
        let files = self.disks.iter().map(|d| (d.disk, d.id, d.name.clone())).collect();
        let prints = self.disks.iter().map(|d| (d.disk, d.kept.count())).collect();
        let seal = self.meaning.seal.clone();
        let incoming = Incoming { seal, files, watermark: self.have(), prints, whole: Vec::new() };
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
        for disk in self.disks {
            let path = self.store.folder.join(&disk.name);
            durable::set_len(&disk.file, &path, disk.size_bytes)?;
            durable::sync(&disk.file, &path)?;
            size_bytes += disk.digests.len() as u64 * BLOCK_BYTES;
            digests::write(&path, &Prints { blocks: disk.digests, whole: false })?;
            let kept = Kept::own(disk.id, &disk.name, DiskFormat::Raw);
            files.push((disk.disk, kept));
        }
        durable::sync_folder(&self.store.folder)?;
        self.store.publish(&self.meaning, files, size_bytes, point, now)
    }
}
