//! The catalogue: what counts in a store, as a row of changes that is only appended to. A point is there when its one
//! change is on the disk. A torn last change is cut off; damage before the end is told, never passed over.
//!
//! A record is its length (u32, little-endian), the first 8 bytes of its blake3, and JSON.

use super::{Kept, Point};
use crate::durable;
use crate::error::{ReplicationError, Result};
use crate::files;
use leeward_model::{DiskId, Epoch, PointId, Sequence};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

const FILE: &str = "catalogue";

/// The longest record.
const RECORD_BYTES_MAX: usize = 16 << 20;

/// A catalogue of this length is written anew as one record, when it has doubled since the last time; in tests, whose
/// lives are short, earlier.
const COMPACT_AT: u64 = if cfg!(test) { 6 << 10 } else { 4 << 20 };

/// The longest catalogue that is read.
const FILE_BYTES_MAX: u64 = 1 << 30;

const HEAD: usize = 12;

/// What counts.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// Oldest first.
    pub(super) points: Vec<Point>,
    /// Files, bottom first.
    pub(super) layers: BTreeMap<DiskId, Vec<Kept>>,
    pub(super) pins: BTreeMap<String, PointId>,
    pub(super) closed: bool,
    pub(super) next_layer: u64,
    /// Of the last log.
    pub(super) epoch: Epoch,
    pub(super) sequence: Sequence,
    /// Copies of some disks that wait for the next cycle.
    pub(super) staged: Vec<String>,
    /// The number of the last of them.
    #[serde(default)]
    pub(super) staged_sequence: Sequence,
    /// Adopted files that were merged into others and are still to be removed.
    #[serde(default)]
    pub(super) leaving: Vec<PathBuf>,
}

/// A change of what counts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) enum Change {
    /// A point with the files it adds.
    Commit {
        point: Box<Point>,
        layers: Vec<(DiskId, Kept)>,
    },
    /// Files that the next point will stand on.
    Stage {
        seal: String,
        #[serde(default)]
        sequence: Sequence,
        layers: Vec<(DiskId, Kept)>,
    },
    Pin {
        reason: String,
        point: PointId,
    },
    Unpin {
        reason: String,
    },
    Closed {
        closed: bool,
    },
    /// Points that are no more; their files may still be needed.
    Drop {
        points: Vec<PointId>,
    },
    /// Newer points and their files are no more.
    KeepThrough {
        point: PointId,
    },
    /// These files are one now: the topmost stays in the tops of points as `into`.
    Merged {
        disk: DiskId,
        files: Vec<u64>,
        into: Kept,
    },
    /// Adopted files that were merged into others are removed.
    Left {
        paths: Vec<PathBuf>,
    },
    /// Everything so far.
    Whole {
        state: Box<State>,
    },
}

impl State {
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Commit { point, layers } => {
                self.add(layers);
                if point.summary.kind != leeward_model::PointKind::Safety {
                    self.epoch = point.summary.epoch;
                    self.sequence = point.summary.sequence;
                }
                self.staged.clear();
                self.staged_sequence = Sequence(0);
                self.points.push(*point);
            }
            Change::Stage { seal, sequence, layers } => {
                self.add(layers);
                self.staged_sequence = self.staged_sequence.max(sequence);
                self.staged.push(seal);
            }
            Change::Pin { reason, point } => {
                self.pins.insert(reason, point);
            }
            Change::Unpin { reason } => {
                self.pins.remove(&reason);
            }
            Change::Closed { closed } => self.closed = closed,
            Change::Drop { points } => self.points.retain(|p| !points.contains(&p.summary.id)),
            Change::KeepThrough { point } => self.keep_through(point),
            Change::Merged { disk, files, into } => self.merged(disk, &files, into),
            Change::Left { paths } => self.leaving.retain(|p| !paths.contains(p)),
            Change::Whole { state } => *self = *state,
        }
    }

    fn add(&mut self, layers: Vec<(DiskId, Kept)>) {
        for (disk, kept) in layers {
            self.next_layer = self.next_layer.max(kept.id + 1);
            self.layers.entry(disk).or_default().push(kept);
        }
    }

    fn keep_through(&mut self, point: PointId) {
        let Some(at) = self.points.iter().position(|p| p.summary.id == point) else { return };
        self.points.truncate(at + 1);
        let tops = self.points.last().map(|p| p.tops.clone()).unwrap_or_default();
        for (disk, layers) in &mut self.layers {
            let end = layers.iter().position(|k| Some(&k.id) == tops.get(disk)).map_or(0, |at| at + 1);
            layers.truncate(end);
        }
        self.staged.clear();
        self.staged_sequence = Sequence(0);
        if let Some(last) = self.points.last() {
            self.sequence = last.summary.sequence;
            self.epoch = last.summary.epoch;
        }
    }

    fn merged(&mut self, disk: DiskId, files: &[u64], into: Kept) {
        let Some(layers) = self.layers.get_mut(&disk) else { return };
        let Some(at) = layers.iter().position(|k| files.contains(&k.id)) else { return };
        let handed = layers.iter().filter(|k| k.handed && files.contains(&k.id));
        self.leaving.extend(handed.map(|k| k.path.clone()));
        layers.retain(|k| !files.contains(&k.id));
        self.next_layer = self.next_layer.max(into.id + 1);
        let id = into.id;
        layers.insert(at.min(layers.len()), into);
        for point in &mut self.points {
            if let Some(top) = point.tops.get_mut(&disk).filter(|t| files.contains(t)) {
                *top = id;
            }
        }
    }
}

/// The open catalogue.
pub(super) struct Catalogue {
    path: PathBuf,
    file: File,
    /// Bytes of it that count.
    length: u64,
    /// Its length when it was last written anew.
    compacted: u64,
    /// It may not be the file that stands there, or not for good.
    unsettled: bool,
    state: State,
}

impl Catalogue {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let bytes = files::read_bounded(&path, FILE_BYTES_MAX)?.unwrap_or_default();
        let (changes, good) = parse_catalogue(&bytes).map_err(|why| ReplicationError::damaged(&path, why))?;
        let mut state = State::default();
        for change in changes.0 {
            state.apply(change);
        }
        let file = open(&path)?;
        let length = good as u64;
        if good < bytes.len() {
            tracing::warn!(path = %path.display(), "a torn last record is cut off");
            durable::set_len(&file, &path, length)?;
        }
        // What counts from here on must be on the disk, also when its writer was stopped before its flush.
        durable::sync(&file, &path)?;
        durable::sync_folder(folder)?;
        let mut catalogue = Self { path, file, length, compacted: 0, unsettled: false, state };
        if length > COMPACT_AT {
            catalogue.compact()?;
        }
        Ok(catalogue)
    }

    pub(super) const fn state(&self) -> &State {
        &self.state
    }

    /// Makes a change durable, then lets it count.
    pub(super) fn append(&mut self, change: Change) -> Result<()> {
        let record = encode(&change);
        self.settle()?;
        let found = self.file.metadata().map_err(ReplicationError::file("read", self.path.as_path()))?;
        if found.len() != self.length {
            // What was half written before must not stand before the next record.
            durable::set_len(&self.file, &self.path, self.length)?;
        }
        let written = durable::write_at(&self.file, &self.path, &record, self.length)
            .and_then(|()| durable::sync(&self.file, &self.path));
        if written.is_err() {
            self.file.set_len(self.length).ok();
        }
        written?;
        self.length += record.len() as u64;
        self.state.apply(change);
        if self.length > COMPACT_AT && self.length > self.compacted.saturating_mul(2) {
            // The change counts already, whatever comes of this.
            if let Err(error) = self.compact() {
                tracing::warn!(path = %self.path.display(), %error, "it could not be written anew");
                self.compacted = self.length;
            }
        }
        Ok(())
    }

    fn compact(&mut self) -> Result<()> {
        let whole = encode(&Change::Whole { state: Box::new(self.state.clone()) });
        if whole.len() > RECORD_BYTES_MAX {
            self.compacted = self.length;
            return Ok(());
        }
        self.unsettled = true;
        durable::replace(&self.path, &whole)?;
        self.settle()?;
        self.compacted = self.length;
        Ok(())
    }

    /// After it was written anew, or may have been: what is appended must go to the file that stands there for good.
    fn settle(&mut self) -> Result<()> {
        if !self.unsettled {
            return Ok(());
        }
        let failed = ReplicationError::file("read", self.path.as_path());
        let number = |file: &File| file.metadata().map(|m| (m.ino(), m.len()));
        durable::sync_folder_of(&self.path)?;
        let file = open(&self.path)?;
        let (before, now) = match (number(&self.file), number(&file)) {
            (Ok(before), Ok(now)) => (before, now),
            (Err(error), _) | (_, Err(error)) => return Err(failed(error)),
        };
        if before.0 != now.0 {
            self.length = now.1;
        }
        self.file = file;
        self.unsettled = false;
        Ok(())
    }
}

fn open(path: &Path) -> Result<File> {
    let open = || {
        if !path.exists() {
            durable::creating(path)?;
        }
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
    };
    open().map_err(ReplicationError::file("open", path))
}

fn encode(change: &Change) -> Vec<u8> {
    let body = serde_json::to_vec(change).unwrap_or_default();
    let mut record = Vec::with_capacity(body.len() + HEAD);
    record.extend(u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    record.extend(blake3::hash(&body).as_bytes().iter().take(8));
    record.extend(body);
    record
}

/// The changes of a catalogue; opaque to others.
#[derive(Debug)]
pub struct Changes(Vec<Change>);

/// Reads a catalogue: its changes, and how many bytes of it are whole.
///
/// # Errors
/// When something before the last record is damaged.
pub fn parse_catalogue(bytes: &[u8]) -> std::result::Result<(Changes, usize), String> {
    let mut changes = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|r| !r.is_empty()) {
        let Some(record) = record(rest) else {
            // Only the last append can be torn: then nothing whole follows it.
            if follows_a_whole_one(rest) {
                return Err(format!("the record at byte {at} is damaged, and others follow it"));
            }
            break;
        };
        changes.push(serde_json::from_slice(record).map_err(|e| format!("the record at byte {at}: {e}"))?);
        at += HEAD + record.len();
    }
    Ok((Changes(changes), at))
}

/// The record that begins here, if it is whole.
fn record(bytes: &[u8]) -> Option<&[u8]> {
    let (head, body) = bytes.split_at_checked(HEAD)?;
    let (length, seal) = head.split_at_checked(4)?;
    let length = usize::try_from(u32::from_le_bytes(length.try_into().ok()?)).ok()?;
    let record = body.get(..length).filter(|_| length <= RECORD_BYTES_MAX)?;
    (blake3::hash(record).as_bytes().get(..8)? == seal).then_some(record)
}

/// Whether a whole record begins somewhere behind these bytes' begin. Records are JSON objects: where their first byte
/// does not stand, nothing is hashed.
fn follows_a_whole_one(bytes: &[u8]) -> bool {
    (1..bytes.len().saturating_sub(HEAD))
        .any(|at| bytes.get(at + HEAD) == Some(&b'{') && bytes.get(at..).and_then(record).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::crash::{Loss, Watched};

    fn length(folder: &Path) -> u64 {
        std::fs::metadata(folder.join(FILE)).expect("there").len()
    }

    #[test]
    fn years_of_changes_do_not_let_it_grow() {
        let folder = tempfile::tempdir().expect("a folder");
        // Watched, so that flushes cost nothing.
        let _watched = Watched::new(folder.path());
        let mut catalogue = Catalogue::open(folder.path()).expect("opened");
        for n in 0..4000 {
            let change = if n % 5 == 0 {
                Change::Pin { reason: format!("{}", n % 7), point: PointId(uuid::Uuid::from_u64_pair(1, n)) }
            } else {
                Change::Closed { closed: n % 2 == 0 }
            };
            catalogue.append(change).expect("appended");
            assert!(length(folder.path()) <= COMPACT_AT * 2, "{} bytes after {n}", length(folder.path()));
        }
        let state = catalogue.state().clone();
        drop(catalogue);
        assert_eq!(*Catalogue::open(folder.path()).expect("opened").state(), state);
    }

    /// Whatever fails in writing it anew, what was said to count does count after a power cut.
    #[test]
    fn a_change_that_was_said_to_count_outlives_a_failure_to_write_it_anew() {
        let life = |catalogue: &mut Catalogue| {
            let mut said = 0;
            for n in 1..90_u64 {
                let point = PointId(uuid::Uuid::from_u64_pair(1, n));
                match catalogue.append(Change::Pin { reason: "a test of this point".to_owned(), point }) {
                    Ok(()) => said = n,
                    Err(_full) => break,
                }
            }
            said
        };
        let folder = tempfile::tempdir().expect("a folder");
        let watched = Watched::new(folder.path());
        life(&mut Catalogue::open(folder.path()).expect("opened"));
        let all = watched.done();
        drop(watched);
        for n in 0..all {
            for loss in [Loss::All, Loss::Names, Loss::Bytes, Loss::Torn] {
                let folder = tempfile::tempdir().expect("a folder");
                let watched = Watched::new(folder.path());
                watched.end_after(n, loss);
                let said = Catalogue::open(folder.path()).map_or(0, |mut c| life(&mut c));
                watched.lose(loss);
                let catalogue = Catalogue::open(folder.path()).expect("opened");
                let found = catalogue.state().pins.values().next().map_or(0, |p| p.0.as_u64_pair().1);
                assert!(found >= said, "end at {n}, {loss:?} lost: {found} of {said}");
            }
        }
    }
}
