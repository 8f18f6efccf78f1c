//! A new image, written from front to back. Data clusters come in any order of the guest and in one order of the
//! file; tables follow; the header is written when everything else is on the disk. Apart from `reader`.

use super::MAGIC;
use crate::digest::{BLOCK, BLOCK_BYTES, blocks_of};
use crate::durable;
use crate::error::{ReplicationError, Result};
use crate::files::{Aligned, Mode, open_direct};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Clusters gathered before they are written.
const GATHERED: usize = 16;

/// Entries of an L2 table.
const L2_ENTRIES: u64 = BLOCK_BYTES / 8;

/// Entries of a refcount block.
const REFCOUNTS: u64 = BLOCK_BYTES / 2;

/// An image that is being written.
pub struct Writer {
    file: File,
    path: PathBuf,
    size_bytes: u64,
    /// Guest cluster to its place in the file; 0 stands for zeros.
    map: BTreeMap<u64, u64>,
    buffer: Aligned,
    gathered: usize,
    /// The next free cluster of the file behind what is gathered.
    next: u64,
}

impl Writer {
    /// Begins a new image of this virtual size.
    ///
    /// # Errors
    /// When the file cannot be made, or is there.
    pub fn create(path: &Path, size_bytes: u64) -> Result<Self> {
        if path.exists() {
            return Err(ReplicationError::damaged(path, "it is there already"));
        }
        Self::open(path, size_bytes, Vec::new())
    }

    /// Goes on with an image whose data clusters so far are those of these blocks, in this order.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn resume(path: &Path, size_bytes: u64, blocks: Vec<u64>) -> Result<Self> {
        Self::open(path, size_bytes, blocks)
    }

    fn open(path: &Path, size_bytes: u64, blocks: Vec<u64>) -> Result<Self> {
        let file = open_direct(path, Mode::Create).map_err(ReplicationError::file("create", path))?;
        let next = 1 + blocks.len() as u64;
        durable::set_len(&file, path, next * BLOCK_BYTES)?;
        let map = blocks.into_iter().enumerate().map(|(n, block)| (block, n as u64 + 1)).collect();
        let buffer = Aligned::new(GATHERED * BLOCK);
        Ok(Self { file, path: path.to_owned(), size_bytes, map, buffer, gathered: 0, next })
    }

    /// Where the clusters of an unfinished file lie: the data cluster of number `n` (from 0).
    #[must_use]
    pub const fn place_of(n: u64) -> u64 {
        (n + 1) * BLOCK_BYTES
    }

    /// Writes a block. Each block once.
    ///
    /// # Errors
    /// When it cannot be written, lies outside or was written.
    pub fn push(&mut self, block: u64, bytes: &[u8]) -> Result<()> {
        self.check(block)?;
        let begin = self.gathered * BLOCK;
        let room = self.buffer.bytes_mut().get_mut(begin..begin + BLOCK);
        let Some(room) = room.filter(|_| bytes.len() <= BLOCK) else {
            return Err(ReplicationError::protocol(format!("a block of {} bytes", bytes.len())));
        };
        let (head, tail) = room.split_at_mut(bytes.len());
        head.copy_from_slice(bytes);
        tail.fill(0);
        self.map.insert(block, self.next + self.gathered as u64);
        self.gathered += 1;
        if self.gathered == GATHERED { self.drain() } else { Ok(()) }
    }

    /// Notes that a block is zeros, whatever lies below.
    ///
    /// # Errors
    /// When it lies outside or was written.
    pub fn zero(&mut self, block: u64) -> Result<()> {
        self.check(block)?;
        self.map.insert(block, 0);
        Ok(())
    }

    fn check(&self, block: u64) -> Result<()> {
        if block >= blocks_of(self.size_bytes) {
            return Err(ReplicationError::protocol(format!("block {block} lies outside the disk")));
        }
        if self.map.contains_key(&block) {
            return Err(ReplicationError::protocol(format!("block {block} came twice")));
        }
        Ok(())
    }

    /// Brings what is gathered to the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn drain(&mut self) -> Result<()> {
        if self.gathered == 0 {
            return Ok(());
        }
        let bytes = self.buffer.bytes().get(..self.gathered * BLOCK).unwrap_or(&[]);
        durable::write_at(&self.file, &self.path, bytes, self.next * BLOCK_BYTES)?;
        self.next += self.gathered as u64;
        self.gathered = 0;
        Ok(())
    }

    /// Makes durable what was written so far. Only who resumes it knows where which block is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn sync(&mut self) -> Result<()> {
        self.drain()?;
        durable::sync(&self.file, &self.path)
    }

    /// Appends clusters of metadata; where the first lies.
    fn append(&mut self, bytes: &[u8]) -> Result<u64> {
        let begin = self.next;
        let count = bytes.len().div_ceil(BLOCK).max(1);
        let mut room = Aligned::new(count * BLOCK);
        room.bytes_mut().get_mut(..bytes.len()).unwrap_or(&mut []).copy_from_slice(bytes);
        durable::write_at(&self.file, &self.path, room.bytes(), begin * BLOCK_BYTES)?;
        self.next += count as u64;
        Ok(begin * BLOCK_BYTES)
    }

    /// Finishes the image: tables, then everything to the disk, then the header, then that to the disk.
    ///
    /// # Errors
    /// When something cannot be written: the file has no header then.
    pub fn finish(mut self) -> Result<()> {
        self.drain()?;
        let (l1, l1_entries) = self.tables()?;
        let (refcounts, refcount_clusters) = self.refcounts()?;
        durable::sync(&self.file, &self.path)?;
        let header = header(self.size_bytes, l1, l1_entries, refcounts, refcount_clusters);
        let mut room = Aligned::new(BLOCK);
        room.bytes_mut().get_mut(..header.len()).unwrap_or(&mut []).copy_from_slice(&header);
        durable::write_at(&self.file, &self.path, room.bytes(), 0)?;
        durable::sync(&self.file, &self.path)?;
        durable::sync_folder_of(&self.path)
    }

    /// L2 tables and the L1 table above them.
    fn tables(&mut self) -> Result<(u64, u64)> {
        let l1_entries = blocks_of(self.size_bytes).div_ceil(L2_ENTRIES).max(1);
        let mut l1 = vec![0_u8; usize::try_from(l1_entries * 8).unwrap_or(usize::MAX)];
        let map = std::mem::take(&mut self.map);
        let mut tables: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
        for (block, place) in map {
            let table = tables.entry(block / L2_ENTRIES).or_insert_with(|| vec![0; BLOCK]);
            // Bit 63: the only reference. Bit 0: reads as zeros.
            let entry = if place == 0 { 1_u64 } else { (place * BLOCK_BYTES) | 1 << 63 };
            let at = usize::try_from(block % L2_ENTRIES * 8).unwrap_or(0);
            put(table, at, &entry.to_be_bytes());
        }
        for (number, table) in tables {
            let place = self.append(&table)?;
            put(&mut l1, usize::try_from(number * 8).unwrap_or(0), &(place | 1 << 63).to_be_bytes());
        }
        let place = self.append(&l1)?;
        Ok((place, l1_entries))
    }

    /// Refcount blocks and their table: every cluster of the file, themselves included, is used once.
    fn refcounts(&mut self) -> Result<(u64, u64)> {
        let (mut blocks, mut table_clusters) = (1, 1);
        loop {
            let all = self.next + blocks + table_clusters;
            let (need, table) =
                (all.div_ceil(REFCOUNTS), (all.div_ceil(REFCOUNTS) * 8).div_ceil(BLOCK_BYTES));
            if need == blocks && table == table_clusters {
                break;
            }
            (blocks, table_clusters) = (need, table);
        }
        let all = self.next + blocks + table_clusters;
        let mut table = vec![0_u8; usize::try_from(table_clusters * BLOCK_BYTES).unwrap_or(BLOCK)];
        for number in 0..blocks {
            let used = all.saturating_sub(number * REFCOUNTS).min(REFCOUNTS);
            let mut counts = vec![0_u8; BLOCK];
            for n in 0..used {
                put(&mut counts, usize::try_from(n * 2).unwrap_or(0), &1_u16.to_be_bytes());
            }
            let place = self.append(&counts)?;
            put(&mut table, usize::try_from(number * 8).unwrap_or(0), &place.to_be_bytes());
        }
        Ok((self.append(&table)?, table_clusters))
    }
}

fn put(room: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = room.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

/// The header of version 3.
fn header(size_bytes: u64, l1: u64, l1_entries: u64, refcounts: u64, refcount_clusters: u64) -> Vec<u8> {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
    let mut h = Vec::with_capacity(112);
    h.extend(MAGIC.to_be_bytes());
    h.extend(3_u32.to_be_bytes());
    h.extend(0_u64.to_be_bytes()); // backing file: the chain is given, never believed
    h.extend(0_u32.to_be_bytes());
    h.extend(16_u32.to_be_bytes()); // cluster bits
    h.extend(size_bytes.to_be_bytes());
    h.extend(0_u32.to_be_bytes()); // encryption
    h.extend(small(l1_entries));
    h.extend(l1.to_be_bytes());
    h.extend(refcounts.to_be_bytes());
    h.extend(small(refcount_clusters));
    h.extend(0_u32.to_be_bytes()); // snapshots
    h.extend(0_u64.to_be_bytes());
    h.extend(0_u64.to_be_bytes()); // incompatible
    h.extend(0_u64.to_be_bytes()); // compatible
    h.extend(0_u64.to_be_bytes()); // autoclear
    h.extend(4_u32.to_be_bytes()); // 16-bit refcounts
    h.extend(104_u32.to_be_bytes()); // header length
    h.extend(0_u64.to_be_bytes()); // end of extensions
    h
}
