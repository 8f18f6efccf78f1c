//! A cycle that is arriving: an overlay for each disk that has changed. What its blocks must be is known from the
//! manifests: a file that was cut off is read again, and what has come stays. Apart from `comparison`, which knows
//! nothing beforehand.

use super::{Arriving, Meaning};
use crate::digest::{BLOCK, BLOCK_BYTES, Digest, block_len};
use crate::durable;
use crate::error::{ReplicationError, Result};
use crate::files::{Aligned, Mode, open_direct, read_fully};
use crate::log::Manifest;
use crate::qcow2::Writer;
use crate::store::digests::{self, Prints};
use crate::store::{Kept, PointStore, Turn};
use leeward_model::{DiskFormat, DiskId, Moment, PointId, PointSummary};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

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
    /// What the blocks must be.
    expected: BTreeMap<u64, Digest>,
    digests: BTreeMap<u64, Digest>,
    have: u64,
}

impl PointStore {
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
            disks.push(self.overlay(disk, id, name, manifest)?);
        }
        Ok(Arriving::Comes(Overlays { store: self, _turn: turn, meaning, disks }))
    }

    fn overlay(&self, disk: DiskId, id: u64, name: PathBuf, manifest: &Manifest) -> Result<OverlayIn> {
        let size_bytes = self.size_of(disk)?;
        let path = self.folder.join(&name);
        let expected: BTreeMap<u64, Digest> = manifest.blocks.iter().copied().collect();
        let here = arrived(&path, manifest)?;
        let have = here.len() as u64;
        let of_here = here.iter().filter_map(|b| expected.get_key_value(b));
        let digests: BTreeMap<u64, Digest> = of_here.map(|(b, d)| (*b, *d)).collect();
        let writer = if expected.is_empty() { None } else { Some(Writer::resume(&path, size_bytes, here)?) };
        Ok(OverlayIn { disk, size_bytes, id, name, writer, expected, digests, have })
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
        if into.expected.get(&block) != Some(&digest) {
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

    /// Everything has come: the point is made.
    pub(crate) fn commit(mut self, point: PointId, now: Moment) -> Result<Option<PointSummary>> {
        let mut files = Vec::new();
        let mut size_bytes = 0;
        for disk in &mut self.disks {
            if let Some(writer) = &mut disk.writer {
                for (block, _) in disk.expected.iter().filter(|(_, d)| d.is_zero()) {
                    writer.zero(*block)?;
                    disk.digests.insert(*block, Digest::ZERO);
                }
                if let Some(missing) = disk.expected.keys().find(|b| !disk.digests.contains_key(b)) {
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
            let blocks = std::mem::take(&mut disk.digests);
            digests::write(&path, &Prints { blocks, whole: false })?;
            let kept = Kept::own(disk.id, &disk.name, DiskFormat::Qcow2);
            files.push((disk.disk, kept));
        }
        self.store.publish(&self.meaning, files, size_bytes, point, now)
    }
}
