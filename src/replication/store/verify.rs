//! Hashing a point again: what a guest would read must have the fingerprints it came with. Apart from `tidy`, which
//! changes files.

use super::{PointStore, digests};
use crate::control::Cancel;
use crate::digest::{BLOCK_BYTES, Digest, block_len};
use crate::error::{ReplicationError, Result};
use crate::files::Aligned;
use crate::layers::{Chain, Layer};
use crate::qcow2::Reader;
use leeward_model::{DiskFormat, PointId};
use std::collections::BTreeMap;

/// Blocks read at once.
const RUN: u64 = 16;

impl PointStore {
    /// Reads every block of a point and compares it with its fingerprint. Bytes that were read are returned; those of
    /// adopted files have no fingerprints and are only read.
    ///
    /// # Errors
    /// When a block has another fingerprint, or a file cannot be read.
    pub fn verify(&self, point: PointId, cancel: &Cancel) -> Result<u64> {
        let mut bytes = 0;
        for (disk, size_bytes) in self.disks() {
            let layers = self.chain(point, disk)?;
            let mut expected: BTreeMap<u64, Digest> = BTreeMap::new();
            for layer in &layers {
                match digests::read(&layer.path)? {
                    Some(known) => expected.extend(known),
                    // An adopted file: nothing is known of what it covers.
                    None => forget_covered(&mut expected, layer)?,
                }
            }
            let chain = Chain::open(&layers, size_bytes)?;
            let damaged = |block: u64| {
                let top = layers.last().map(|l| l.path.clone()).unwrap_or_default();
                ReplicationError::Damaged { path: top, reason: format!("block {block} has changed") }
            };
            let mut room = Aligned::new(usize::try_from(RUN * BLOCK_BYTES).unwrap_or(0));
            let mut seen = 0_usize;
            for (first, count) in chain.runs(0, RUN) {
                if cancel.is_cancelled() {
                    return Err(ReplicationError::Cancelled {});
                }
                let length = usize::try_from(count * BLOCK_BYTES).unwrap_or(0);
                let buffer = room.bytes_mut().get_mut(..length).unwrap_or(&mut []);
                chain.read(first, buffer)?;
                for (n, block) in buffer.chunks_exact(crate::digest::BLOCK).enumerate() {
                    let number = first + n as u64;
                    let Some(digest) = expected.get(&number) else { continue };
                    let within = block.get(..block_len(number, size_bytes)).unwrap_or(block);
                    if Digest::of(within) != *digest {
                        return Err(damaged(number));
                    }
                    seen += usize::from(!digest.is_zero());
                }
                bytes += length as u64;
            }
            // Bytes that should be there and read as a hole would not have been looked at.
            if expected.values().filter(|d| !d.is_zero()).count() != seen {
                let lost = expected
                    .iter()
                    .find(|(b, d)| !d.is_zero() && chain.held(**b) == crate::layers::Held::Zeros);
                return Err(damaged(lost.map_or(0, |(b, _)| *b)));
            }
        }
        Ok(bytes)
    }
}

/// What a file without fingerprints covers is not compared.
fn forget_covered(expected: &mut BTreeMap<u64, Digest>, layer: &Layer) -> Result<()> {
    if layer.format == DiskFormat::Raw {
        expected.clear();
        return Ok(());
    }
    let reader = Reader::open(&layer.path)?;
    let size = reader.header().cluster_bytes();
    for (cluster, _) in reader.clusters() {
        let (first, last) = (cluster * size / BLOCK_BYTES, ((cluster + 1) * size - 1) / BLOCK_BYTES);
        for block in first..=last {
            expected.remove(&block);
        }
    }
    Ok(())
}
