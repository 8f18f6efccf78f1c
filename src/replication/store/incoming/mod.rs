//! A cycle or a copy that is arriving. Its files are named in `incoming.json`, so that after a cut or a kill it goes on
//! where it was; they count only when the catalogue names them. Apart from `transfer`, which brings the bytes.
//!
//! | file | what is arriving |
//! |---|---|
//! | `mod` | what all have in common: the record, the beginning of a copy, the point in the end |
//! | `cycle` | a cycle: its manifests say what comes |
//! | `full` | a first copy: base files |
//! | `comparison` | what differs from what is here |

mod comparison;
mod cycle;
mod full;

use super::{Kept, Point, PointStore, digests, names};
use crate::digest::BLOCK_BYTES;
use crate::durable;
use crate::error::{ReplicationError, Result};
use crate::files;
use crate::store::catalogue::Change;
pub(crate) use comparison::Comparison;
pub(crate) use cycle::Overlays;
pub(crate) use full::{FullCopy, Ready};
use leeward_model::{Consistency, DiskId, Epoch, ItemId, Moment, PointId, PointKind, PointSummary, Sequence};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use uuid::Uuid;

const FILE: &str = "incoming.json";

/// A full copy makes what has arrived durable after so many bytes; in tests, whose disks are small, more often.
const WATERMARK_EVERY: u64 = if cfg!(test) { 4 * BLOCK_BYTES } else { 256 << 20 };

/// What is arriving.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Incoming {
    /// Names what it is.
    seal: String,
    /// Disk, number and name of its file.
    files: Vec<(DiskId, u64, PathBuf)>,
    /// Copies: the first block that may be missing, or has not been compared.
    watermark: Vec<(DiskId, u64)>,
    /// Copies: how many fingerprints of what lies before are kept.
    #[serde(default)]
    prints: Vec<(DiskId, u64)>,
    /// Comparisons: the disks of which the fingerprints of equal blocks are kept too.
    #[serde(default)]
    whole: Vec<DiskId>,
}

impl Incoming {
    /// How many fingerprints of a disk are kept, if that is known.
    fn prints_of(&self, disk: DiskId) -> Option<u64> {
        self.prints.iter().find(|(d, _)| *d == disk).map(|(_, count)| *count)
    }
}

/// The head of a copy.
#[derive(Clone, Debug)]
pub(crate) struct CopyHead {
    pub(crate) item: ItemId,
    pub(crate) epoch: Epoch,
    pub(crate) sequence: Sequence,
    pub(crate) instant: Moment,
    pub(crate) kind: PointKind,
    pub(crate) copy: Uuid,
    pub(crate) disks: Vec<(DiskId, u64)>,
    pub(crate) completes: bool,
}

/// What an exchange begins with.
pub(crate) enum Arriving<T> {
    /// It is here already.
    Held(Option<PointSummary>),
    /// It comes.
    Comes(T),
}

/// How a copy comes.
pub(crate) enum CopyMode<'a> {
    /// Nothing is here.
    Full(FullCopy<'a>),
    /// What differs from what is here.
    Compare(Comparison<'a>),
}

/// What the point will be.
#[derive(Clone, Debug)]
struct Meaning {
    epoch: Epoch,
    sequence: Sequence,
    instant: Moment,
    consistency: Consistency,
    kind: PointKind,
    completes: bool,
    seal: String,
}

/// The files of an exchange that may go on.
pub(super) fn files_of_unfinished(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    Ok(load(folder)?
        .map(|i| i.files.into_iter().map(|(_, _, name)| folder.join(name)).collect())
        .unwrap_or_default())
}

/// The first number that no file of an unfinished exchange has.
pub(super) fn next_after_unfinished(folder: &Path) -> Result<u64> {
    let known = load(folder)?;
    Ok(known.iter().flat_map(|i| &i.files).map(|(_, id, _)| id + 1).max().unwrap_or(0))
}

/// Bytes of each disk of a copy that are durable, or were compared.
pub(super) fn watermarks(folder: &Path) -> Vec<(DiskId, u64)> {
    let known = load(folder).ok().flatten();
    let marks = known.into_iter().flat_map(|i| i.watermark);
    marks.map(|(disk, blocks)| (disk, blocks.saturating_mul(BLOCK_BYTES))).collect()
}

fn load(folder: &Path) -> Result<Option<Incoming>> {
    let bytes = files::read_bounded(&folder.join(FILE), 16 << 20)?;
    // A record that makes no sense only costs what would have gone on.
    Ok(bytes.and_then(|b| serde_json::from_slice(&b).ok()))
}

fn keep(folder: &Path, incoming: &Incoming) -> Result<()> {
    durable::replace(&folder.join(FILE), &serde_json::to_vec(incoming).unwrap_or_default())
}

impl PointStore {
    /// Files for an exchange: those of one that was cut off, or new ones.
    fn files_for(&self, seal: &str, disks: &[DiskId], extension: &str) -> Result<Incoming> {
        let first = self.next_file()?;
        if let Some(known) = load(&self.folder)? {
            let published = |name: &PathBuf| {
                let held = self.held();
                held.state().layers.values().flatten().any(|k| k.path == *name)
            };
            let fits = |name: &PathBuf| name.extension().is_some_and(|e| e == extension);
            let same = known.seal == seal
                && known.files.iter().map(|(d, ..)| d).eq(disks)
                && known.files.iter().all(|(_, _, name)| fits(name));
            // Files that count are never written again, whatever the record of the exchange says.
            if same && !known.files.iter().any(|(_, _, name)| published(name)) {
                return Ok(known);
            }
            for (_, _, name) in known.files.iter().filter(|(_, _, name)| !published(name)) {
                if names::bulk(&name.to_string_lossy()).is_some() {
                    let path = self.folder.join(name);
                    durable::remove(&path)?;
                    durable::remove(&digests::path_of(&path))?;
                }
            }
        }
        let file = |(n, disk): (usize, &DiskId)| {
            let id = first + n as u64;
            (*disk, id, names::file(*disk, id, extension))
        };
        let files = disks.iter().enumerate().map(file).collect();
        let watermark = disks.iter().map(|d| (*d, 0)).collect();
        let incoming =
            Incoming { seal: seal.to_owned(), files, watermark, prints: Vec::new(), whole: Vec::new() };
        keep(&self.folder, &incoming)?;
        Ok(incoming)
    }

    fn check_disks<'a>(
        &self,
        item: ItemId,
        disks: impl Iterator<Item = (&'a DiskId, &'a u64)>,
    ) -> Result<()> {
        if item != self.identity.item {
            return Err(ReplicationError::Foreign { what: format!("item {item}") });
        }
        for (disk, size) in disks {
            if self.size_of(*disk)? != *size {
                return Err(ReplicationError::Foreign { what: format!("disk {disk} of {size} bytes") });
            }
        }
        if self.is_closed() { Err(ReplicationError::Closed {}) } else { Ok(()) }
    }

    /// Begins to take a copy.
    pub(crate) fn begin_copy(&self, head: &CopyHead) -> Result<Arriving<CopyMode<'_>>> {
        self.check_disks(head.item, head.disks.iter().map(|(d, s)| (d, s)))?;
        let turn = self.turns.take()?;
        let (epoch, have, _) = self.head();
        if head.epoch < epoch {
            return Err(ReplicationError::OlderEpoch { asked: head.epoch, known: epoch });
        }
        let seal = format!("copy:{}", head.copy);
        {
            let held = self.held();
            let state = held.state();
            if let Some(point) = state.points.iter().find(|p| p.seal == seal) {
                return Ok(Arriving::Held(Some(point.summary.clone())));
            }
            if state.staged.contains(&seal) {
                return Ok(Arriving::Held(None));
            }
        }
        let named: BTreeSet<DiskId> = head.disks.iter().map(|(d, _)| *d).collect();
        let all = named.len() == self.identity.disks.len();
        if head.completes != all || named.len() != head.disks.len() || named.is_empty() {
            return Err(ReplicationError::Foreign { what: "the disks of the copy".to_owned() });
        }
        let meaning = Meaning {
            epoch: head.epoch,
            sequence: head.sequence,
            instant: head.instant,
            consistency: Consistency::Crash,
            kind: head.kind,
            completes: head.completes,
            seal: seal.clone(),
        };
        let ids: Vec<DiskId> = head.disks.iter().map(|(d, _)| *d).collect();
        let empty = self.held().state().points.is_empty();
        if empty && !head.completes {
            return Err(ReplicationError::Gap { have, got: head.sequence });
        }
        let incoming = self.files_for(&seal, &ids, if empty { "raw" } else { "qcow2" })?;
        if empty {
            let full = self.full(&incoming, meaning, turn)?;
            return Ok(Arriving::Comes(CopyMode::Full(full)));
        }
        Ok(Arriving::Comes(CopyMode::Compare(self.comparison(&incoming, meaning, turn)?)))
    }

    /// What is here is about to become something else: nothing that was compared with it goes on.
    pub(super) fn forget_comparison(&self) -> Result<()> {
        durable::remove(&self.folder.join(FILE))
    }

    /// Makes the point, or stages its files.
    fn publish(
        &self,
        meaning: &Meaning,
        files: Vec<(DiskId, Kept)>,
        size_bytes: u64,
        point: PointId,
        now: Moment,
    ) -> Result<Option<PointSummary>> {
        let mut held = self.held();
        // It may have been closed while this came.
        if held.state().closed {
            return Err(ReplicationError::Closed {});
        }
        let summary = if meaning.completes {
            let mut tops: BTreeMap<DiskId, u64> = BTreeMap::new();
            for (disk, layers) in &held.state().layers {
                if let Some(top) = layers.last() {
                    tops.insert(*disk, top.id);
                }
            }
            tops.extend(files.iter().map(|(disk, kept)| (*disk, kept.id)));
            let summary = PointSummary {
                id: point,
                epoch: meaning.epoch,
                sequence: meaning.sequence,
                instant: meaning.instant,
                committed_at: now,
                consistency: meaning.consistency,
                kind: meaning.kind,
                size_bytes,
                pinned: false,
            };
            let made = Point { summary: summary.clone(), tops, seal: meaning.seal.clone() };
            held.append(Change::Commit { point: Box::new(made), layers: files })?;
            Some(summary)
        } else {
            let (seal, sequence) = (meaning.seal.clone(), meaning.sequence);
            held.append(Change::Stage { seal, sequence, layers: files })?;
            None
        };
        drop(held);
        durable::remove(&self.folder.join(FILE))?;
        Ok(summary)
    }
}
