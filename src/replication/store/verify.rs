//! Hashing a point again: what a guest would read must have the fingerprints it came with. Apart from `tidy`, which
//! changes files.

use super::digests::{self, Prints};
use super::{PointStore, names};
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

/// What verifying a point has looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// Bytes that were read.
    pub bytes: u64,
    /// Those of them that lie in adopted files: they have no fingerprints, and were only read.
    pub uncompared_bytes: u64,
}

impl PointStore {
    /// Reads every block of a point and compares it with its fingerprint, where it has one.
    ///
    /// # Errors
    /// When a block has another fingerprint, or a file cannot be read.
    pub fn verify(&self, point: PointId, cancel: &Cancel) -> Result<Verified> {
        let mut all = Verified::default();
        for (disk, size_bytes) in self.disks() {
            let one = self.verify_disk(point, disk, size_bytes, cancel)?;
            all.bytes += one.bytes;
            all.uncompared_bytes += one.uncompared_bytes;
        }
        Ok(all)
    }

    fn verify_disk(
        &self,
        point: PointId,
        disk: DiskId,
        size_bytes: u64,
        cancel: &Cancel,
    ) -> Result<Verified> {
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
///
/// `whole`: a block without a fingerprint must be zeros.
fn expected(layers: &[Layer]) -> Result<Prints> {
    let mut expected = Prints { blocks: BTreeMap::new(), whole: true };
    for layer in layers {
        match digests::read(&layer.path)? {
            Some(known) => expected.lay(known),
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

fn verify_chain(layers: &[Layer], size_bytes: u64, cancel: &Cancel) -> Result<Verified> {
    let expected = expected(layers)?;
    let chain = Chain::open(layers, size_bytes)?;
    let damaged = |block: u64| {
        let top = layers.last().map(|l| l.path.clone()).unwrap_or_default();
        ReplicationError::Damaged { path: top, reason: format!("block {block} has changed") }
    };
    let mut room = Aligned::new(usize::try_from(RUN * BLOCK_BYTES).unwrap_or(0));
    let mut verified = Verified::default();
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
            match must {
                Some(must) if Digest::of(within) != must => return Err(damaged(number)),
                Some(_) => {}
                None => verified.uncompared_bytes += BLOCK_BYTES,
            }
        }
        verified.bytes += length as u64;
    }
    // Bytes that should be there and read as a hole were not looked at.
    let lost = expected.blocks.iter().find(|(b, d)| !d.is_zero() && chain.held(**b) == Held::Zeros);
    lost.map_or(Ok(verified), |(block, _)| Err(damaged(*block)))
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
