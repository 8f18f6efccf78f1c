//! Sealed change logs: what a cycle captured of each disk, in a spool beside the disk, with a manifest that says
//! whose it is, what it follows and what each block's fingerprint is. A spool without its manifest does not count.
//! Apart from `store`, the other end.

#[cfg(test)]
mod crash_tests;
mod manifest;

pub use manifest::{CycleHead, Manifest, parse_manifest};

use crate::digest::{BLOCK, BLOCK_BYTES, Digest, block_len, blocks_of};
use crate::durable;
use crate::error::{ReplicationError, Result};
use crate::files::{self, Aligned};
use crate::qcow2::{Cluster, Reader};
use leeward_model::{DiskId, ItemId, Sequence};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest manifest that is read.
const MANIFEST_BYTES_MAX: u64 = 512 << 20;

/// Where the log of a disk and cycle goes: beside the disk.
#[must_use]
pub fn spool_path(disk: &Path, sequence: Sequence) -> PathBuf {
    let mut name = disk.as_os_str().to_owned();
    name.push(format!(".{sequence}.hrl"));
    PathBuf::from(name)
}

fn manifest_path(spool: &Path) -> PathBuf {
    spool.with_added_extension("manifest")
}

/// A disk's spool, to be sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpoolDisk {
    /// The disk.
    pub disk: DiskId,
    /// Its virtual size in bytes.
    pub size_bytes: u64,
    /// The spool.
    pub spool: PathBuf,
}

/// One disk's log of a cycle.
#[derive(Clone, PartialEq, Debug)]
pub struct SealedLog {
    /// What it holds.
    pub manifest: Manifest,
    /// The spool with the bytes.
    pub spool: PathBuf,
}

/// The logs of all disks of one cycle.
#[derive(Clone, PartialEq, Debug)]
pub struct SealedCycle {
    /// Whose it is and what it follows.
    pub head: CycleHead,
    /// Disk by disk.
    pub disks: Vec<SealedLog>,
}

impl SealedCycle {
    /// Bytes that changed.
    #[must_use]
    pub fn changed_bytes(&self) -> u64 {
        self.disks.iter().map(|d| d.manifest.blocks.len() as u64 * BLOCK_BYTES).sum()
    }

    /// Bytes that the logs take on their disks.
    #[must_use]
    pub fn log_bytes(&self) -> u64 {
        self.disks.iter().map(|d| files::allocated(&d.spool)).sum()
    }

    /// Forgets it, when the target has it: manifests first, so that a half-forgotten cycle does not count.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn delete(&self) -> Result<()> {
        for log in &self.disks {
            durable::remove(&manifest_path(&log.spool))?;
        }
        for log in &self.disks {
            durable::sync_folder_of(&log.spool)?;
        }
        for log in &self.disks {
            durable::remove(&log.spool)?;
        }
        for log in &self.disks {
            durable::sync_folder_of(&log.spool)?;
        }
        Ok(())
    }
}

/// Seals the spools of a cycle; from here on it counts. Sealing again gives the same.
///
/// # Errors
/// When a spool cannot be read or a manifest not be written.
pub fn seal(head: &CycleHead, disks: &[SpoolDisk]) -> Result<SealedCycle> {
    let all: Vec<DiskId> = disks.iter().map(|d| d.disk).collect();
    let mut logs = Vec::with_capacity(disks.len());
    for disk in disks {
        let blocks = fingerprints(&disk.spool, disk.size_bytes)?;
        let manifest = Manifest {
            head: head.clone(),
            disk: disk.disk,
            size_bytes: disk.size_bytes,
            disks: all.clone(),
            blocks,
        };
        logs.push(SealedLog { manifest, spool: disk.spool.clone() });
    }
    // A cycle counts when all its manifests are there: its bytes must be on the disk before the first one is.
    for log in &logs {
        let spool = std::fs::File::open(&log.spool);
        let spool = spool.map_err(ReplicationError::file("open", log.spool.as_path()))?;
        durable::sync(&spool, &log.spool)?;
    }
    for log in &logs {
        durable::replace(&manifest_path(&log.spool), &log.manifest.bytes())?;
    }
    Ok(SealedCycle { head: head.clone(), disks: logs })
}

/// The blocks that a spool holds.
fn fingerprints(spool: &Path, size_bytes: u64) -> Result<Vec<(u64, Digest)>> {
    let reader = Reader::open(spool)?;
    let damaged = |why: String| ReplicationError::damaged(spool, why);
    if reader.header().cluster_bytes() != BLOCK_BYTES || reader.header().size_bytes != size_bytes {
        return Err(damaged("its clusters or its size are not those of a change log".to_owned()));
    }
    let mut room = Aligned::new(BLOCK);
    let mut blocks = Vec::new();
    for (block, cluster) in reader.clusters() {
        if block >= blocks_of(size_bytes) {
            return Err(damaged(format!("block {block} lies outside the disk")));
        }
        let digest = match cluster {
            Cluster::At(place) => {
                reader.read(place, room.bytes_mut())?;
                Digest::of(room.bytes().get(..block_len(block, size_bytes)).unwrap_or(&[]))
            }
            Cluster::Zero | Cluster::Below => Digest::ZERO,
        };
        blocks.push((block, digest));
    }
    Ok(blocks)
}

/// Reads the blocks of a sealed log.
pub(crate) struct LogReader {
    reader: Reader,
    room: Aligned,
}

impl LogReader {
    /// Opens a log.
    pub(crate) fn open(log: &SealedLog) -> Result<Self> {
        Ok(Self { reader: Reader::open(&log.spool)?, room: Aligned::new(BLOCK) })
    }

    /// A block's bytes.
    pub(crate) fn block(&mut self, block: u64) -> Result<&[u8]> {
        match self.reader.cluster(block) {
            Cluster::At(place) => self.reader.read(place, self.room.bytes_mut())?,
            Cluster::Zero | Cluster::Below => self.room.bytes_mut().fill(0),
        }
        Ok(self.room.bytes())
    }
}

/// What lies beside the disks of an item.
#[derive(Debug, Default)]
pub struct FoundLogs {
    /// Complete cycles, oldest first.
    pub cycles: Vec<SealedCycle>,
    /// Spools and manifests that belong to no complete cycle.
    pub unsealed: Vec<PathBuf>,
    /// What cannot be understood.
    pub damaged: Vec<(PathBuf, ReplicationError)>,
}

/// Finds the logs beside the disks of an item.
///
/// # Errors
/// When a folder cannot be read.
pub fn find_sealed(item: ItemId, disks: &[(DiskId, PathBuf)]) -> Result<FoundLogs> {
    let mut found = FoundLogs::default();
    let mut logs: BTreeMap<(u64, u64), Vec<SealedLog>> = BTreeMap::new();
    for (disk, path) in disks {
        let (spools, strays) = beside(path)?;
        found.unsealed.extend(strays);
        for spool in spools {
            let sealed = manifest_path(&spool);
            let bytes = match files::read_bounded(&sealed, MANIFEST_BYTES_MAX) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => {
                    found.unsealed.push(spool);
                    continue;
                }
                Err(error) => {
                    found.damaged.push((sealed, error));
                    continue;
                }
            };
            match parse_manifest(&bytes).map_err(|why| ReplicationError::damaged(&sealed, why)) {
                Ok(manifest) if manifest.head.item != item || manifest.disk != *disk => {
                    let what = format!("{} is of another item or disk", sealed.display());
                    found.damaged.push((sealed, ReplicationError::Foreign { what }));
                }
                Ok(manifest) => {
                    let key = (manifest.head.epoch.0, manifest.head.sequence.0);
                    logs.entry(key).or_default().push(SealedLog { manifest, spool });
                }
                Err(error) => found.damaged.push((sealed, error)),
            }
        }
    }
    for (_, mut logs) in logs {
        logs.sort_by_key(|l| l.manifest.disk);
        let Some(first) = logs.first() else { continue };
        let mut wanted = first.manifest.disks.clone();
        wanted.sort();
        let complete = logs.iter().map(|l| l.manifest.disk).eq(wanted)
            && logs.iter().all(|l| l.manifest.head == first.manifest.head);
        if complete {
            found.cycles.push(SealedCycle { head: first.manifest.head.clone(), disks: logs });
        } else {
            found.unsealed.extend(logs.into_iter().flat_map(|l| [manifest_path(&l.spool), l.spool]));
        }
    }
    Ok(found)
}

/// The spools beside a disk, and manifests without a spool: what a deletion that was cut off has left.
fn beside(disk: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (Some(folder), Some(name)) = (disk.parent(), disk.file_name()) else { return Ok(Default::default()) };
    let prefix = format!("{}.", name.to_string_lossy());
    let entries = std::fs::read_dir(folder).map_err(ReplicationError::file("read", folder))?;
    let (mut spools, mut strays) = (Vec::new(), Vec::new());
    for entry in entries {
        let entry = entry.map_err(ReplicationError::file("read", folder))?;
        let file = entry.file_name().to_string_lossy().into_owned();
        let Some((number, kind)) = file.strip_prefix(&prefix).and_then(|r| r.split_once('.')) else {
            continue;
        };
        if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        match kind {
            "hrl" => spools.push(entry.path()),
            "hrl.manifest" if !entry.path().with_extension("").exists() => strays.push(entry.path()),
            "hrl.manifest.next" => strays.push(entry.path()),
            _ => {}
        }
    }
    spools.sort();
    Ok((spools, strays))
}
