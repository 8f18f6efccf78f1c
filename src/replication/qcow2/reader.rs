//! Reads images that others wrote: spools that QEMU filled, disks of machines, our own overlays. Everything that is
//! read is bounded and checked, because an image may be damaged or foreign. Apart from `writer`.

use super::MAGIC;
use crate::error::{ReplicationError, Result};
use crate::files::{Aligned, Mode, open_direct, read_fully};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The largest virtual size that is believed: 512 TiB.
const SIZE_MAX: u64 = 512 << 40;

/// The longest L1 table that is read, in entries.
const L1_MAX: u64 = 1 << 22;

/// What the header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Logarithm of the cluster's size.
    pub cluster_bits: u32,
    /// Virtual size.
    pub size_bytes: u64,
    /// Where the L1 table lies.
    pub l1: u64,
    /// Its entries.
    pub l1_entries: u64,
}

/// Where a cluster's bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cluster {
    /// Not here: whatever lies below.
    Below,
    /// Zeros.
    Zero,
    /// At this offset of the file.
    At(u64),
}

/// An image.
pub struct Reader {
    file: File,
    path: PathBuf,
    header: Header,
    /// Tables by their number; none for those that are not there.
    tables: Vec<Option<Vec<u64>>>,
}

impl Header {
    /// Reads a header from the first bytes of a file.
    ///
    /// # Errors
    /// Why it is none that can be read.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Self, String> {
        let u32_at =
            |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_be_bytes);
        let u64_at =
            |at: usize| bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map(u64::from_be_bytes);
        let short = || "its header is cut off".to_owned();
        if u32_at(0).ok_or_else(short)? != MAGIC {
            return Err("it is no qcow2 image, or was never finished".to_owned());
        }
        let version = u32_at(4).ok_or_else(short)?;
        if !(2..=3).contains(&version) {
            return Err(format!("version {version} is not known"));
        }
        let cluster_bits = u32_at(20).ok_or_else(short)?;
        if !(9..=21).contains(&cluster_bits) {
            return Err(format!("clusters of 2^{cluster_bits} bytes"));
        }
        let size_bytes = u64_at(24).ok_or_else(short)?;
        if size_bytes > SIZE_MAX {
            return Err(format!("a size of {size_bytes} bytes"));
        }
        if u32_at(32).ok_or_else(short)? != 0 {
            return Err("it is encrypted".to_owned());
        }
        if version == 3 {
            let features = u64_at(72).ok_or_else(short)?;
            // Bit 0 (lazy refcounts) does not matter to a reader.
            if features & 2 != 0 {
                return Err("it is marked as corrupt".to_owned());
            }
            if features & !3 != 0 {
                return Err(format!("it needs features that are not known: {features:#x}"));
            }
        }
        let l1_entries = u64::from(u32_at(36).ok_or_else(short)?);
        let l1 = u64_at(40).ok_or_else(short)?;
        let covered = 1_u64 << (2 * cluster_bits - 3);
        if l1_entries > L1_MAX || l1_entries < size_bytes.div_ceil(covered) {
            return Err(format!("a first table of {l1_entries} entries"));
        }
        Ok(Self { cluster_bits, size_bytes, l1, l1_entries })
    }

    /// Size of a cluster in bytes.
    #[must_use]
    pub const fn cluster_bytes(&self) -> u64 {
        1 << self.cluster_bits
    }
}

impl Reader {
    /// Opens an image and reads its tables.
    ///
    /// # Errors
    /// When it cannot be read or makes no sense.
    pub fn open(path: &Path) -> Result<Self> {
        let file = open_direct(path, Mode::Read).map_err(ReplicationError::file("open", path))?;
        let damaged = |why: String| ReplicationError::damaged(path, why);
        let mut room = Aligned::new(4096);
        read_fully(&file, room.bytes_mut(), 0).map_err(ReplicationError::file("read", path))?;
        let header = Header::parse(room.bytes()).map_err(damaged)?;
        let length = file.metadata().map_err(ReplicationError::file("read", path))?.len();
        let l1 = table(&file, path, header.l1, header.l1_entries, length)?;
        let mut tables = Vec::with_capacity(l1.len());
        let per_table = header.cluster_bytes() / 8;
        let mut read: u64 = 0;
        for entry in l1 {
            let place = entry & 0x00ff_ffff_ffff_fe00;
            if place == 0 {
                tables.push(None);
                continue;
            }
            if place % header.cluster_bytes() != 0 {
                return Err(damaged(format!("a table at {place}")));
            }
            // Tables of a sound image lie beside each other: together they cannot be longer than the file.
            read = read.saturating_add(header.cluster_bytes());
            if read > length {
                return Err(damaged("its tables lie on each other".to_owned()));
            }
            tables.push(Some(table(&file, path, place, per_table, length)?));
        }
        let reader = Self { file, path: path.to_owned(), header, tables };
        reader.check(length)?;
        Ok(reader)
    }

    fn check(&self, length: u64) -> Result<()> {
        let damaged = |why: String| Err(ReplicationError::damaged(&self.path, why));
        for (number, entry) in self.entries() {
            if entry & 1 << 62 != 0 {
                return damaged(format!("cluster {number} is compressed"));
            }
            let place = entry & 0x00ff_ffff_ffff_fe00;
            if place % self.header.cluster_bytes() != 0 || place >= length && entry & 1 == 0 && place != 0 {
                return damaged(format!("cluster {number} lies at {place}"));
            }
        }
        Ok(())
    }

    fn entries(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let per_table = self.header.cluster_bytes() / 8;
        self.tables.iter().enumerate().flat_map(move |(t, table)| {
            let entries = table.as_deref().unwrap_or(&[]);
            entries.iter().enumerate().map(move |(n, e)| (t as u64 * per_table + n as u64, *e))
        })
    }

    /// What its header says.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Where a cluster's bytes are.
    #[must_use]
    pub fn cluster(&self, number: u64) -> Cluster {
        let per_table = self.header.cluster_bytes() / 8;
        let (table, entry) = (number / per_table, number % per_table);
        let find = || {
            let table = self.tables.get(usize::try_from(table).ok()?)?.as_ref()?;
            table.get(usize::try_from(entry).ok()?).copied()
        };
        as_cluster(find().unwrap_or(0))
    }

    /// All clusters that are here, in the guest's order.
    pub fn clusters(&self) -> impl Iterator<Item = (u64, Cluster)> + '_ {
        self.entries().map(|(n, e)| (n, as_cluster(e))).filter(|(_, c)| *c != Cluster::Below)
    }

    /// Reads a part of a cluster at its place in the file.
    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        read_fully(&self.file, buffer, offset).map_err(ReplicationError::file("read", self.path.as_path()))
    }
}

const fn as_cluster(entry: u64) -> Cluster {
    if entry & 1 == 1 {
        return Cluster::Zero;
    }
    match entry & 0x00ff_ffff_ffff_fe00 {
        0 => Cluster::Below,
        place => Cluster::At(place),
    }
}

/// Reads a table of big-endian words.
fn table(file: &File, path: &Path, place: u64, entries: u64, length: u64) -> Result<Vec<u64>> {
    if place.saturating_add(entries * 8) > length.next_multiple_of(4096) || !place.is_multiple_of(512) {
        return Err(ReplicationError::damaged(path, format!("a table lies at {place}, outside the file")));
    }
    // Direct access wants whole pages.
    let begin = place / 4096 * 4096;
    let skip = usize::try_from(place - begin).unwrap_or(0);
    let bytes = usize::try_from(entries * 8).unwrap_or(usize::MAX);
    let mut room = Aligned::new((skip + bytes).next_multiple_of(4096));
    read_fully(file, room.bytes_mut(), begin).map_err(ReplicationError::file("read", path))?;
    let words = room.bytes().get(skip..skip + bytes).unwrap_or(&[]);
    Ok(words.chunks_exact(8).map(|w| u64::from_be_bytes(w.try_into().unwrap_or_default())).collect())
}
