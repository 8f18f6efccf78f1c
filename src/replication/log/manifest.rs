//! The manifest of a change log: a small file that seals it. Apart from the spool, which QEMU writes.
//!
//! Layout: magic (8 bytes), length of the head (u32), head (JSON), number of blocks (u64), per block its index (u64)
//! and fingerprint (16 bytes), and the blake3 of all that (32 bytes). Numbers are little-endian.

use crate::digest::{Digest, blocks_of};
use leeward_model::{Consistency, DiskId, Epoch, ItemId, Moment, PointKind, Sequence};
use serde::{Deserialize, Serialize};

const MAGIC: &[u8; 8] = b"LWHRL\0\0\x01";

/// The longest head.
const HEAD_BYTES_MAX: usize = 1 << 20;

/// Bytes of one block's entry.
const ENTRY_BYTES: usize = 24;

/// Whose a cycle is and what it follows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CycleHead {
    /// The item.
    pub item: ItemId,
    /// The right to write it was captured under.
    pub epoch: Epoch,
    /// Its number.
    pub sequence: Sequence,
    /// The number of what the target must hold before.
    pub previous: Sequence,
    /// The epoch of that.
    pub previous_epoch: Epoch,
    /// The one instant of all disks.
    pub instant: Moment,
    /// What the point will promise.
    pub consistency: Consistency,
    /// What the point will be.
    pub kind: PointKind,
}

/// What one disk's log holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Manifest {
    /// The cycle.
    pub head: CycleHead,
    /// The disk.
    pub disk: DiskId,
    /// Its virtual size in bytes.
    pub size_bytes: u64,
    /// All disks of the cycle.
    pub disks: Vec<DiskId>,
    /// Changed blocks in rising order, with their fingerprints.
    pub blocks: Vec<(u64, Digest)>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    cycle: CycleHead,
    disk: DiskId,
    size_bytes: u64,
    disks: Vec<DiskId>,
}

impl Manifest {
    /// As it is written.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let head = Head {
            cycle: self.head.clone(),
            disk: self.disk,
            size_bytes: self.size_bytes,
            disks: self.disks.clone(),
        };
        let head = serde_json::to_vec(&head).unwrap_or_default();
        let mut bytes = Vec::with_capacity(head.len() + self.blocks.len() * ENTRY_BYTES + 52);
        bytes.extend(MAGIC);
        bytes.extend(u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(head);
        bytes.extend((self.blocks.len() as u64).to_le_bytes());
        for (block, digest) in &self.blocks {
            bytes.extend(block.to_le_bytes());
            bytes.extend(digest.0);
        }
        let seal = blake3::hash(&bytes);
        bytes.extend(seal.as_bytes());
        bytes
    }

    /// Names its content.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        *blake3::hash(&self.bytes()).as_bytes()
    }
}

/// Reads a manifest.
///
/// # Errors
/// Why it is none, or not whole.
pub fn parse_manifest(bytes: &[u8]) -> Result<Manifest, String> {
    let cut = || "it is cut off".to_owned();
    let (content, seal) = bytes.split_at_checked(bytes.len().saturating_sub(32)).ok_or_else(cut)?;
    let rest = content.strip_prefix(MAGIC.as_slice()).ok_or("it is no manifest of a change log")?;
    if blake3::hash(content).as_bytes().as_slice() != seal {
        return Err("its seal is broken".to_owned());
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|e| e.to_string())?;
    if length > HEAD_BYTES_MAX {
        return Err("its head is too long".to_owned());
    }
    let (head, rest) = rest.split_at_checked(length).ok_or_else(cut)?;
    let head: Head = serde_json::from_slice(head).map_err(|e| format!("its head makes no sense: {e}"))?;
    let (count, rest) = rest.split_first_chunk::<8>().ok_or_else(cut)?;
    let count = u64::from_le_bytes(*count);
    if rest.len() as u64 != count.saturating_mul(ENTRY_BYTES as u64) || count > blocks_of(head.size_bytes) {
        return Err(format!("{count} blocks cannot be"));
    }
    let mut blocks = Vec::with_capacity(rest.len() / ENTRY_BYTES);
    for entry in rest.chunks_exact(ENTRY_BYTES) {
        let (block, digest) = entry.split_first_chunk::<8>().ok_or_else(cut)?;
        let block = u64::from_le_bytes(*block);
        let rising = blocks.last().is_none_or(|(before, _)| *before < block);
        if !rising || block >= blocks_of(head.size_bytes) {
            return Err(format!("block {block} is out of place"));
        }
        blocks.push((block, Digest(digest.try_into().unwrap_or_default())));
    }
    let Head { cycle, disk, size_bytes, disks } = head;
    Ok(Manifest { head: cycle, disk, size_bytes, disks, blocks })
}
