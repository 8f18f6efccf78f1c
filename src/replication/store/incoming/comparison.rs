//! A comparison that is arriving: an overlay for each disk with what differs from what is here. The source says up to
//! which block it has compared; now and then that is made durable, so that after a cut or a kill nothing of it is
//! hashed or sent again. Apart from `full`, which has nothing to compare with.

use super::{Incoming, Meaning, keep};
use crate::digest::{BLOCK_BYTES, Digest, block_len, blocks_of};
use crate::durable;
use crate::error::{ReplicationError, Result};
use crate::qcow2::Writer;
use crate::store::digests::{self, Growing, LIES_BELOW, Prints};
use crate::store::{Kept, PointStore, Turn};
use leeward_model::{DiskFormat, DiskId, Moment, PointId, PointSummary};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// What was compared is made durable after so many blocks (1 GiB of disk: reading that again takes about as long as
/// the flushes would slow down what is equal); in tests, whose disks are small, more often.
const MARK_EVERY: u64 = if cfg!(test) { 7 } else { (1 << 30) / BLOCK_BYTES };

/// New overlays with what differs, one for each disk.
pub(crate) struct Comparison<'a> {
    store: &'a PointStore,
    _turn: Turn<'a>,
    meaning: Meaning,
    disks: Vec<ComparedIn>,
    since_mark: u64,
}

struct ComparedIn {
    disk: DiskId,
    size_bytes: u64,
    id: u64,
    name: PathBuf,
    writer: Option<Writer>,
    /// The fingerprints of blocks that have come.
    came: BTreeMap<u64, Digest>,
    /// Those of blocks that are equal, zeros left out, where a file below has none of its own.
    equal: Option<BTreeMap<u64, Digest>>,
    /// What was said to the source of the blocks from `through` on.
    said: VecDeque<Digest>,
    kept: Growing,
    /// The first block that is not compared yet.
    through: u64,
    /// The same, as far as it is durable.
    watermark: u64,
    /// The first block that may come.
    next: u64,
}

impl PointStore {
    /// Goes on with a comparison where its record says it was.
    pub(super) fn comparison<'a>(
        &'a self,
        incoming: &Incoming,
        meaning: Meaning,
        turn: Turn<'a>,
    ) -> Result<Comparison<'a>> {
        let mut disks = Vec::new();
        for ((disk, id, name), (_, mark)) in incoming.files.iter().zip(&incoming.watermark) {
            let below = self.whole_chain(*disk);
            let unprinted = below.iter().any(|layer| !digests::path_of(&layer.path).exists());
            // What is known of equal blocks must be all or nothing: then as it was begun.
            let whole = if *mark == 0 { unprinted } else { incoming.whole.contains(disk) };
            let prints = incoming.prints_of(*disk).unwrap_or(0);
            disks.push(self.compared(*disk, (*id, name), (*mark, prints), (whole, unprinted))?);
        }
        let mut comparison = Comparison { store: self, _turn: turn, meaning, disks, since_mark: 0 };
        if comparison.have() != incoming.watermark {
            // What is begun anew must not be counted from where it was.
            comparison.mark()?;
        }
        Ok(comparison)
    }

    fn compared(
        &self,
        disk: DiskId,
        (id, name): (u64, &Path),
        (mark, prints): (u64, u64),
        (whole, unprinted): (bool, bool),
    ) -> Result<ComparedIn> {
        let size_bytes = self.size_of(disk)?;
        let path = self.folder.join(name);
        let (kept, known) = Growing::open(&path, prints, mark)?;
        // What is not known as a whole is compared again as a whole.
        let (through, whole) = if known.is_some() { (mark, whole) } else { (0, unprinted) };
        let (mut came, mut equal) = (BTreeMap::new(), BTreeMap::new());
        for (block, digest) in known.unwrap_or_default() {
            if block & LIES_BELOW == 0 {
                came.insert(block, digest);
            } else {
                equal.insert(block & !LIES_BELOW, digest);
            }
        }
        let filled = came.iter().filter(|(_, d)| !d.is_zero()).map(|(block, _)| *block).collect();
        let mut writer = Writer::resume(&path, size_bytes, filled)?;
        for (block, _) in came.iter().filter(|(_, d)| d.is_zero()) {
            writer.zero(*block)?;
        }
        Ok(ComparedIn {
            disk,
            size_bytes,
            id,
            name: name.to_owned(),
            writer: Some(writer),
            came,
            equal: whole.then_some(equal),
            said: VecDeque::new(),
            kept,
            through,
            watermark: through,
            next: through,
        })
    }
}

impl ComparedIn {
    /// Blocks come in the order of the disk: what lies before a mark is settled.
    fn take(&mut self, first: u64, count: u64) -> Result<&mut Writer> {
        let end = first.saturating_add(count);
        if first < self.next || end > blocks_of(self.size_bytes) {
            return Err(ReplicationError::protocol(format!(
                "blocks {first} and {count} more are out of place"
            )));
        }
        self.next = end;
        self.writer.as_mut().ok_or_else(|| ReplicationError::protocol("a disk that is complete"))
    }

    /// Makes durable what was compared and has come.
    fn mark(&mut self) -> Result<()> {
        if self.through == self.watermark {
            return Ok(());
        }
        let range = self.watermark..self.through;
        let came = self.came.range(range.clone()).map(|(block, digest)| (*block, *digest));
        let equal = self.equal.iter().flat_map(|equal| equal.range(range.clone()));
        let mut fresh: Vec<(u64, Digest)> = came.chain(equal.map(|(b, d)| (*b | LIES_BELOW, *d))).collect();
        fresh.sort_by_key(|(block, _)| block & !LIES_BELOW);
        if let Some(writer) = self.writer.as_mut().filter(|_| fresh.iter().any(|(b, _)| b & LIES_BELOW == 0))
        {
            writer.sync()?;
        }
        self.kept.append(fresh.into_iter())?;
        self.watermark = self.through;
        Ok(())
    }
}

impl Comparison<'_> {
    /// Disks in order, with the first block of each that is to be compared.
    pub(crate) fn have(&self) -> Vec<(DiskId, u64)> {
        self.disks.iter().map(|d| (d.disk, d.through)).collect()
    }

    fn disk(&mut self, disk: usize) -> Result<&mut ComparedIn> {
        self.disks.get_mut(disk).ok_or_else(|| ReplicationError::protocol("one disk too many"))
    }

    /// These fingerprints of what is here are about to be said.
    pub(crate) fn said(&mut self, disk: usize, prints: &[Digest]) -> Result<()> {
        self.disk(disk)?.said.extend(prints);
        Ok(())
    }

    /// A block has come for the disk of this number.
    pub(crate) fn push(&mut self, disk: usize, block: u64, bytes: &[u8]) -> Result<()> {
        let into = self.disk(disk)?;
        let within = bytes.get(..block_len(block, into.size_bytes)).unwrap_or(&[]);
        let digest = Digest::of(within);
        let writer = into.take(block, 1)?;
        if digest.is_zero() {
            writer.zero(block)?;
        } else {
            writer.push(block, bytes)?;
        }
        into.came.insert(block, digest);
        Ok(())
    }

    /// Blocks of the disk of this number are zeros now.
    pub(crate) fn zeros(&mut self, disk: usize, first: u64, count: u64) -> Result<()> {
        let into = self.disk(disk)?;
        into.take(first, count)?;
        for block in first..first.saturating_add(count) {
            if let Some(writer) = &mut into.writer {
                writer.zero(block)?;
            }
            into.came.insert(block, Digest::ZERO);
        }
        Ok(())
    }

    /// The source has compared the disk of this number up to a block: what has not come is equal.
    pub(crate) fn settled(&mut self, disk: usize, through: u64) -> Result<()> {
        let into = self.disk(disk)?;
        let count = through.checked_sub(into.through).and_then(|n| usize::try_from(n).ok());
        let Some(count) = count.filter(|n| *n <= into.said.len() && into.next <= through) else {
            return Err(ReplicationError::protocol(format!("compared up to {through}, out of place")));
        };
        for (block, digest) in (into.through..through).zip(into.said.drain(..count)) {
            if let Some(equal) = &mut into.equal
                && !digest.is_zero()
                && !into.came.contains_key(&block)
            {
                equal.insert(block, digest);
            }
        }
        (into.through, into.next) = (through, through);
        self.since_mark += count as u64;
        if self.since_mark >= MARK_EVERY { self.mark() } else { Ok(()) }
    }

    fn mark(&mut self) -> Result<()> {
        self.since_mark = 0;
        for disk in &mut self.disks {
            disk.mark()?;
        }
        let files = self.disks.iter().map(|d| (d.disk, d.id, d.name.clone())).collect();
        let prints = self.disks.iter().map(|d| (d.disk, d.kept.count())).collect();
        let watermark = self.disks.iter().map(|d| (d.disk, d.watermark)).collect();
        let whole = self.disks.iter().filter(|d| d.equal.is_some()).map(|d| d.disk).collect();
        let seal = self.meaning.seal.clone();
        keep(&self.store.folder, &Incoming { seal, files, watermark, prints, whole })
    }

    /// The connection is lost: what was compared is remembered.
    pub(crate) fn interrupted(mut self) {
        if let Err(error) = self.mark() {
            tracing::warn!(%error, "how far a comparison has come could not be remembered");
        }
    }

    /// Everything was compared: the point is made.
    pub(crate) fn commit(mut self, point: PointId, now: Moment) -> Result<Option<PointSummary>> {
        if self.disks.iter().any(|d| d.through != blocks_of(d.size_bytes)) {
            return Err(ReplicationError::protocol("a disk was not compared to its end"));
        }
        let (mut files, mut size_bytes) = (Vec::new(), 0);
        for disk in &mut self.disks {
            let path = self.store.folder.join(&disk.name);
            let Some(writer) = disk.writer.take() else { continue };
            if disk.came.is_empty() && disk.equal.is_none() {
                durable::remove(&path)?;
                durable::remove(&digests::path_of(&path))?;
                continue;
            }
            size_bytes += disk.came.len() as u64 * BLOCK_BYTES;
            writer.finish()?;
            let came = std::mem::take(&mut disk.came);
            match disk.equal.take() {
                Some(mut all) => {
                    all.extend(came);
                    digests::write(&path, &Prints { blocks: all, whole: true })?;
                }
                None => digests::write(&path, &Prints { blocks: came, whole: false })?,
            }
            let kept = Kept::own(disk.id, &disk.name, DiskFormat::Qcow2);
            files.push((disk.disk, kept));
        }
        self.store.publish(&self.meaning, files, size_bytes, point, now)
    }
}
