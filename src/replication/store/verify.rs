//! Hashing a point again: what a guest would read must have the fingerprints it came with. Apart from `tidy`, which
//! changes files.

use super::{PointStore, digests, names};
use crate::control::Cancel;
use crate::digest::{BLOCK, BLOCK_BYTES, Digest, block_len};
use crate::error::{ReplicationError, Result};
use crate::files::Aligned;
use crate::layers::{Chain, Held, Layer};
use crate::qcow2::Reader;
use leeward_model::{DiskFormat, DiskId, PointId};
use std::collections::BTreeMap;
use std::path::Path;

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
            bytes += self.verify_disk(point, disk, size_bytes, cancel)?;
        }
        Ok(bytes)
    }

    fn verify_disk(&self, point: PointId, disk: DiskId, size_bytes: u64, cancel: &Cancel) -> Result<u64> {
        loop {
            let layers = self.chain(point, disk)?;
            match verify_chain(&layers, size_bytes, cancel) {
                // Tidying has merged files meanwhile: what was found says nothing about those that are there now.
                Err(_) if !cancel.is_cancelled() && self.chain(point, disk)? != layers => {}
                verified => return verified,
            }
        }
    }
}

/// What the blocks of a chain must be.
struct Expected {
    blocks: BTreeMap<u64, Digest>,
    /// Every file has fingerprints: a block without one must be zeros.
    whole: bool,
}

fn expected(layers: &[Layer]) -> Result<Expected> {
    let mut expected = Expected { blocks: BTreeMap::new(), whole: true };
    for layer in layers {
        match digests::read(&layer.path)? {
            Some(known) => expected.blocks.extend(known),
            None if of_a_store(&layer.path) => {
                return Err(ReplicationError::damaged(&layer.path, "its fingerprints are gone or damaged"));
            }
            None => {
                expected.whole = false;
                forget_covered(&mut expected.blocks, layer)?;
            }
        }
    }
    Ok(expected)
}

fn verify_chain(layers: &[Layer], size_bytes: u64, cancel: &Cancel) -> Result<u64> {
    let expected = expected(layers)?;
    let chain = Chain::open(layers, size_bytes)?;
    let damaged = |block: u64| {
        let top = layers.last().map(|l| l.path.clone()).unwrap_or_default();
        ReplicationError::Damaged { path: top, reason: format!("block {block} has changed") }
    };
    let mut room = Aligned::new(usize::try_from(RUN * BLOCK_BYTES).unwrap_or(0));
    let mut bytes = 0;
    for (first, count) in chain.runs(0, RUN) {
        if cancel.is_cancelled() {
            return Err(ReplicationError::Cancelled {});
        }
        let length = usize::try_from(count * BLOCK_BYTES).unwrap_or(0);
        let buffer = room.bytes_mut().get_mut(..length).unwrap_or(&mut []);
        chain.read(first, buffer)?;
        for (n, block) in buffer.chunks_exact(BLOCK).enumerate() {
            let number = first + n as u64;
            let within = block.get(..block_len(number, size_bytes)).unwrap_or(block);
            let must = expected.blocks.get(&number).copied();
            let must = must.or(expected.whole.then_some(Digest::ZERO));
            if must.is_some_and(|must| Digest::of(within) != must) {
                return Err(damaged(number));
            }
        }
        bytes += length as u64;
    }
    // Bytes that should be there and read as a hole were not looked at.
    let lost = expected.blocks.iter().find(|(b, d)| !d.is_zero() && chain.held(**b) == Held::Zeros);
    lost.map_or(Ok(bytes), |(block, _)| Err(damaged(*block)))
}

/// Whether a file was made by a store: then it has fingerprints.
fn of_a_store(path: &Path) -> bool {
    path.file_name().is_some_and(|n| names::bulk(&n.to_string_lossy()).is_some())
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
