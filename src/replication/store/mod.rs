//! The replica of one item at its target: for each disk a chain of immutable files, and the recovery points that stand
//! on it. What counts stands in the catalogue; a file that it does not name is thrown away.
//!
//! | file | what it is |
//! |---|---|
//! | `mod` | opening, points, chains, pins |
//! | `catalogue` | the record of what counts, append-only |
//! | `digests` | the fingerprints kept beside each file |
//! | `incoming` | a cycle or copy that is arriving |
//! | `retention`, `tidy` | which points stay; how files are merged when others go |
//! | `verify` | hashing a point again |
//! | `names`, `turns` | which files are the store's own; who may change it |

mod catalogue;
#[cfg(test)]
mod crash_tests;
mod digests;
mod incoming;
mod names;
mod retention;
#[cfg(test)]
mod rounds_tests;
#[cfg(test)]
mod rules_tests;
mod tidy;
#[cfg(test)]
mod trial;
mod turns;
mod verify;

pub use catalogue::parse_catalogue;
pub(crate) use incoming::{Arriving, Comparison, CopyHead, CopyMode, FullCopy, Overlays, Ready};
pub use tidy::Retained;
pub use verify::Verified;

use crate::durable;
use crate::error::{ReplicationError, Result};
use crate::files;
use crate::layers::Layer;
use catalogue::{Catalogue, Change, State};
use leeward_model::{DiskFormat, DiskId, Epoch, ItemId, Moment, PointId, PointKind, PointSummary, Sequence};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use turns::{Turn, Turns};

/// The version of a store.
const VERSION: u32 = 1;

const IDENTITY: &str = "store.json";

/// Whose replica it is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Identity {
    version: u32,
    item: ItemId,
    disks: Vec<(DiskId, u64)>,
}

/// One file of a disk's chain, as the catalogue has it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Kept {
    /// Rises with every file of the store.
    id: u64,
    /// In the store's folder, or absolute.
    path: PathBuf,
    format: DiskFormat,
    /// Made by this store: it may be merged and removed.
    own: bool,
    /// An adopted overlay that nobody else uses: it is never written, but may be merged with its neighbours into a
    /// new file of the store's own, and is removed then.
    #[serde(default)]
    handed: bool,
}

impl Kept {
    /// A file that this store has made.
    fn own(id: u64, path: &Path, format: DiskFormat) -> Self {
        Self { id, path: path.to_owned(), format, own: true, handed: false }
    }
}

/// A recovery point, as the catalogue has it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Point {
    summary: PointSummary,
    /// The topmost file of each disk.
    tops: BTreeMap<DiskId, u64>,
    /// Names what it was made of.
    seal: String,
}

/// A replica store.
pub struct PointStore {
    folder: PathBuf,
    identity: Identity,
    held: Mutex<Catalogue>,
    /// Exchanges and tidying take turns.
    turns: Turns,
    /// Held while files are merged: who pins a point must not be given files that go a moment later.
    merging: Mutex<()>,
    _lock: File,
}

impl std::fmt::Debug for PointStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PointStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl PointStore {
    /// Makes an empty store for an item, or opens the one that is there.
    ///
    /// # Errors
    /// When it cannot be written, or the one that is there is another item's.
    pub fn create(folder: &Path, item: ItemId, disks: &[(DiskId, u64)]) -> Result<Self> {
        let identity = Identity { version: VERSION, item, disks: disks.to_vec() };
        if Self::exists(folder) {
            let store = Self::open(folder)?;
            if store.identity != identity {
                let what = format!("{} is the replica of another item", folder.display());
                return Err(ReplicationError::Foreign { what });
            }
            return Ok(store);
        }
        std::fs::create_dir_all(folder).map_err(ReplicationError::file("create", folder))?;
        durable::sync_folder_of(folder)?;
        {
            // A store that was being deleted has lost its identity first; nothing of it may come back to life.
            let _lock = lock(folder)?;
            empty(folder)?;
            durable::sync_folder(folder)?;
            let bytes = serde_json::to_vec(&identity).unwrap_or_default();
            durable::replace(&folder.join(IDENTITY), &bytes)?;
        }
        Self::open(folder)
    }

    /// Opens a store and throws away what a crash has left unfinished.
    ///
    /// # Errors
    /// When it cannot be read, is damaged, or another process uses it.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(IDENTITY);
        let bytes = files::read_bounded(&path, 1 << 20)?;
        let bytes = bytes.ok_or_else(|| ReplicationError::damaged(&path, "it is not there"))?;
        let identity: Identity =
            serde_json::from_slice(&bytes).map_err(|e| ReplicationError::damaged(&path, e.to_string()))?;
        if identity.version != VERSION {
            let why = format!("version {}, known is {VERSION}", identity.version);
            return Err(ReplicationError::damaged(&path, why));
        }
        let lock = lock(folder)?;
        let catalogue = Catalogue::open(folder)?;
        let store = Self {
            folder: folder.to_owned(),
            identity,
            held: Mutex::new(catalogue),
            turns: Turns::default(),
            merging: Mutex::new(()),
            _lock: lock,
        };
        store.throw_away_unpublished()?;
        Ok(store)
    }

    /// Whether there is a store in a folder.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        folder.join(IDENTITY).is_file()
    }

    /// Deletes a store with all its points. Adopted files are not its own and stay.
    ///
    /// # Errors
    /// When it is in use or cannot be removed.
    pub fn delete(folder: &Path) -> Result<()> {
        if !folder.exists() {
            return Ok(());
        }
        let _lock = lock(folder)?;
        // Its identity goes first: a half-deleted store is none.
        durable::remove(&folder.join(IDENTITY))?;
        durable::sync_folder(folder)?;
        empty(folder)?;
        // Something that is not the store's own may keep the folder.
        match std::fs::remove_dir(folder) {
            Err(e) if e.kind() != std::io::ErrorKind::DirectoryNotEmpty => {
                return Err(ReplicationError::file("remove", folder)(e));
            }
            _ => {}
        }
        durable::sync_folder_of(folder)
    }

    fn held(&self) -> MutexGuard<'_, Catalogue> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> State {
        self.held().state().clone()
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its item.
    #[must_use]
    pub const fn item(&self) -> ItemId {
        self.identity.item
    }

    /// Its disks and their sizes.
    #[must_use]
    pub fn disks(&self) -> Vec<(DiskId, u64)> {
        self.identity.disks.clone()
    }

    pub(crate) fn size_of(&self, disk: DiskId) -> Result<u64> {
        let found = self.identity.disks.iter().find(|(d, _)| *d == disk);
        found.map(|(_, size)| *size).ok_or_else(|| ReplicationError::Foreign { what: format!("disk {disk}") })
    }

    /// Points, newest first.
    #[must_use]
    pub fn points(&self) -> Vec<PointSummary> {
        let held = self.held();
        let state = held.state();
        let pinned: BTreeSet<PointId> = state.pins.values().copied().collect();
        let with_pin = |p: &Point| {
            let mut summary = p.summary.clone();
            summary.pinned = pinned.contains(&summary.id);
            summary
        };
        state.points.iter().rev().map(with_pin).collect()
    }

    /// The newest point.
    #[must_use]
    pub fn newest(&self) -> Option<PointSummary> {
        self.points().into_iter().next()
    }

    /// A point.
    #[must_use]
    pub fn point(&self, id: PointId) -> Option<PointSummary> {
        self.points().into_iter().find(|p| p.id == id)
    }

    /// What the next log must follow: epoch and number of the last one, and the newest instant.
    #[must_use]
    pub fn head(&self) -> (Epoch, Sequence, Option<Moment>) {
        let held = self.held();
        let state = held.state();
        (state.epoch, state.sequence, state.points.last().map(|p| p.summary.instant))
    }

    /// The files of a disk at a point, bottom first.
    ///
    /// # Errors
    /// When there is no such point or disk.
    pub fn chain(&self, point: PointId, disk: DiskId) -> Result<Vec<Layer>> {
        let held = self.held();
        let state = held.state();
        let found = state.points.iter().find(|p| p.summary.id == point);
        let top = found.and_then(|p| p.tops.get(&disk)).ok_or(ReplicationError::NoPoint {})?;
        Ok(self.layers(state, disk).take_through(*top))
    }

    /// The files of a disk as it stands, bottom first, staged ones included.
    pub(crate) fn whole_chain(&self, disk: DiskId) -> Vec<Layer> {
        let held = self.held();
        self.layers(held.state(), disk).all()
    }

    fn layers(&self, state: &State, disk: DiskId) -> Layers {
        let kept = state.layers.get(&disk).cloned().unwrap_or_default();
        Layers { folder: self.folder.clone(), kept }
    }

    /// Keeps a point from being removed, for a reason that names who needs it.
    ///
    /// # Errors
    /// When there is no such point, or the catalogue cannot be written.
    pub fn pin(&self, point: PointId, reason: &str) -> Result<()> {
        // Whoever starts a machine on it does not wait for a merge to end.
        let _pressing = self.turns.press();
        let _merging = self.merging();
        let mut held = self.held();
        if !held.state().points.iter().any(|p| p.summary.id == point) {
            return Err(ReplicationError::NoPoint {});
        }
        if held.state().pins.get(reason) == Some(&point) {
            return Ok(());
        }
        held.append(Change::Pin { reason: reason.to_owned(), point })
    }

    /// Takes a pin away; one that is not there is fine.
    ///
    /// # Errors
    /// When the catalogue cannot be written.
    pub fn unpin(&self, reason: &str) -> Result<()> {
        let mut held = self.held();
        if !held.state().pins.contains_key(reason) {
            return Ok(());
        }
        held.append(Change::Unpin { reason: reason.to_owned() })
    }

    /// Who needs which point.
    #[must_use]
    pub fn pins(&self) -> BTreeMap<String, PointId> {
        self.held().state().pins.clone()
    }

    /// Takes existing disks as the bottom of an empty store, with one safety point. They are never written by the
    /// store. Where nobody else uses them, what is `handed` over with them are their overlays: those grow by some with
    /// every change of sides, so they are merged into files of the store's own and removed; the file at the very bottom
    /// stays what it is. Doing it again with the same identity is harmless.
    ///
    /// # Errors
    /// When the store has points, or the catalogue cannot be written.
    pub fn adopt_base(
        &self,
        point: PointId,
        epoch: Epoch,
        instant: Moment,
        disks: &[(DiskId, Vec<Layer>)],
        handed: bool,
        now: Moment,
    ) -> Result<PointSummary> {
        if let Some(known) = self.point(point) {
            return Ok(known);
        }
        let _turn = self.turns.take_pressing()?;
        let mut next = self.next_file()?;
        let mut held = self.held();
        if !held.state().points.is_empty() {
            let what = "the store has points of its own".to_owned();
            return Err(ReplicationError::Foreign { what });
        }
        let wanted: BTreeSet<DiskId> = self.identity.disks.iter().map(|(d, _)| *d).collect();
        let given = disks.iter().filter(|(_, chain)| !chain.is_empty()).map(|(d, _)| *d);
        if given.collect::<BTreeSet<_>>() != wanted || disks.len() != wanted.len() {
            return Err(ReplicationError::Foreign { what: "the disks to adopt".to_owned() });
        }
        let (mut layers, mut tops) = (Vec::new(), BTreeMap::new());
        for (disk, chain) in disks {
            for (n, layer) in chain.iter().enumerate() {
                let handed = handed && n > 0 && tidy::can_be_united(layer);
                let (path, format) = (layer.path.clone(), layer.format);
                let kept = Kept { id: next, path, format, own: false, handed };
                tops.insert(*disk, next);
                layers.push((*disk, kept));
                next += 1;
            }
        }
        let sequence = held.state().sequence;
        let summary = PointSummary {
            id: point,
            epoch,
            sequence,
            instant,
            committed_at: now,
            consistency: leeward_model::Consistency::Crash,
            kind: PointKind::Safety,
            size_bytes: 0,
            pinned: false,
        };
        let made = Point { summary: summary.clone(), tops, seal: format!("safety:{point}") };
        held.append(Change::Commit { point: Box::new(made), layers })?;
        Ok(summary)
    }

    /// Drops all points newer than this one.
    ///
    /// # Errors
    /// When there is no such point, or the catalogue cannot be written.
    pub fn keep_only_through(&self, point: PointId) -> Result<()> {
        // An exchange that is about to publish its files must not find them gone.
        let _turn = self.turns.take_pressing()?;
        {
            let mut held = self.held();
            let state = held.state();
            let at = state.points.iter().position(|p| p.summary.id == point);
            let at = at.ok_or(ReplicationError::NoPoint {})?;
            let newest = at + 1 == state.points.len();
            let staged = state.layers.iter().any(|(disk, l)| {
                l.last().map(|k| k.id) != state.points.get(at).and_then(|p| p.tops.get(disk).copied())
            });
            // What was compared with the newer ones, or comes after this one, is of no use any more.
            self.forget_comparison()?;
            if !newest || staged {
                held.append(Change::KeepThrough { point })?;
            }
        }
        self.throw_away_unpublished()
    }

    /// Closes the store for new logs, or opens it again.
    ///
    /// # Errors
    /// When the catalogue cannot be written.
    pub fn set_closed(&self, closed: bool) -> Result<()> {
        let mut held = self.held();
        if held.state().closed == closed { Ok(()) } else { held.append(Change::Closed { closed }) }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.held().state().closed
    }

    /// Bytes that a disk's replica takes, files of its own only.
    #[must_use]
    pub fn replica_bytes(&self, disk: DiskId) -> u64 {
        let state = self.state();
        let kept = state.layers.get(&disk).map(Vec::as_slice).unwrap_or_default();
        kept.iter().filter(|k| k.own).map(|k| files::allocated(&self.folder.join(&k.path))).sum()
    }

    /// How many bytes of a copy that is under way, or was cut off, are here for good or were compared.
    #[must_use]
    pub fn copy_progress(&self) -> Vec<(DiskId, u64)> {
        incoming::watermarks(&self.folder)
    }

    /// Removes the store's files that its catalogue does not name, except those of an exchange that may go on.
    /// Whoever calls has the turn, or nobody else knows the store yet.
    fn throw_away_unpublished(&self) -> Result<()> {
        let going_on = incoming::files_of_unfinished(&self.folder)?;
        let state = self.state();
        let named: BTreeSet<PathBuf> =
            state.layers.values().flatten().map(|k| self.folder.join(&k.path)).collect();
        for (path, name) in entries(&self.folder)? {
            let half = name.ends_with(".next");
            let wanted = match names::bulk(&name) {
                Some(bulk) => {
                    let owner = self.folder.join(bulk);
                    (named.contains(&owner) || going_on.contains(&owner)) && !half
                }
                None => !(half && names::ours(&name)),
            };
            if !wanted {
                durable::remove(&path)?;
            }
        }
        Ok(())
    }

    fn merging(&self) -> MutexGuard<'_, ()> {
        self.merging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for a new file that neither the catalogue nor an exchange that may go on has given.
    fn next_file(&self) -> Result<u64> {
        let going_on = incoming::next_after_unfinished(&self.folder)?;
        Ok(self.held().state().next_layer.max(going_on))
    }
}

/// Files of a folder with their names.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let failed = |e| ReplicationError::file("read", folder)(e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        found.push((entry.path(), entry.file_name().to_string_lossy().into_owned()));
    }
    Ok(found)
}

/// Removes everything of a store but its lock's hold.
fn empty(folder: &Path) -> Result<()> {
    for (path, name) in entries(folder)? {
        if names::ours(&name) {
            durable::remove(&path)?;
        }
    }
    Ok(())
}

/// The files of one disk.
struct Layers {
    folder: PathBuf,
    kept: Vec<Kept>,
}

impl Layers {
    fn all(self) -> Vec<Layer> {
        let Self { folder, kept } = self;
        kept.into_iter().map(|k| Layer { path: folder.join(&k.path), format: k.format }).collect()
    }

    fn take_through(mut self, top: u64) -> Vec<Layer> {
        let end = self.kept.iter().position(|k| k.id == top).map_or(0, |at| at + 1);
        self.kept.truncate(end);
        self.all()
    }
}

/// One process for a store.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(ReplicationError::file("lock", path.as_path()))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(ReplicationError::Locked { path: folder.to_owned() }),
        Err(e) => Err(ReplicationError::file("lock", path.as_path())(e.into())),
    }
}
