//! Removing points that the rules no longer keep, and merging the files that only they stood on. Every step leaves a
//! store that reads the same: first the catalogue forgets points, then files are merged beside the old ones or into
//! a base that something else covers, then the catalogue names the result, then old files go. Apart from
//! `retention`, which decides.

use super::digests::{self, Prints};
use super::{Kept, PointStore, names, retention};
use crate::control::Cancel;
use crate::digest::{BLOCK, BLOCK_BYTES, Digest, block_len, blocks_of};
use crate::durable;
use crate::error::{ReplicationError, Result};
use crate::files::{Aligned, Mode, open_direct};
use crate::layers::Layer;
use crate::qcow2::{Cluster, Reader, Writer};
use crate::store::catalogue::Change;
use leeward_model::{DiskFormat, DiskId, PointId, PointSummary, Retention};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files between two points are merged when so many have gathered: each merge reads all of them once.
const GATHER: usize = 4;

/// What tidying did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Retained {
    /// Points removed.
    pub points: usize,
    /// Files merged into others.
    pub files: usize,
}

/// Files that can become one.
pub(super) struct Merge {
    disk: DiskId,
    /// Bottom first.
    files: Vec<Kept>,
    /// The first one is a raw base of our own: the others are written into it.
    pub(super) into_base: bool,
}

impl PointStore {
    /// Removes what the rules no longer keep. Returns early when cancelled, or when an exchange runs.
    ///
    /// # Errors
    /// When a file cannot be read or written; everything that counts is as before or as after, never between.
    pub fn retain(&self, rules: &Retention, cancel: &Cancel) -> Result<Retained> {
        let Some(_turn) = self.turns.take_if_free() else { return Ok(Retained::default()) };
        let mut done = Retained::default();
        {
            let mut held = self.held();
            let state = held.state();
            let pinned: BTreeSet<PointId> = state.pins.values().copied().collect();
            let points: Vec<PointSummary> = state.points.iter().map(|p| p.summary.clone()).collect();
            let gone = retention::too_many(&points, &pinned, rules);
            if !gone.is_empty() {
                done.points = gone.len();
                held.append(Change::Drop { points: gone })?;
            }
        }
        self.remove_leaving()?;
        let give_up = || cancel.is_cancelled() || self.turns.pressed();
        // Whoever brings a log does not wait for more than one merge.
        while !give_up() && !self.turns.wanted() {
            let _merging = self.merging();
            let Some(merge) = self.next_merge() else { break };
            let merged = if merge.into_base {
                self.merge_into_base(&merge, &give_up)?
            } else {
                self.unite(&merge, &give_up)?
            };
            if !merged {
                break;
            }
            done.files += merge.files.len() - 1;
        }
        Ok(done)
    }

    /// The next files that can become one: neighbours of which only the topmost is needed by a point, above all that
    /// a pin needs.
    pub(super) fn next_merge(&self) -> Option<Merge> {
        let held = self.held();
        let state = held.state();
        let pinned: BTreeSet<PointId> = state.pins.values().copied().collect();
        for (disk, kept) in &state.layers {
            let tops: BTreeSet<u64> = state.points.iter().filter_map(|p| p.tops.get(disk).copied()).collect();
            let under_pin = |p: &&super::Point| pinned.contains(&p.summary.id);
            let needed: BTreeSet<u64> =
                state.points.iter().filter(under_pin).filter_map(|p| p.tops.get(disk).copied()).collect();
            let first = kept.iter().rposition(|k| needed.contains(&k.id)).map_or(0, |at| at + 1);
            let free = kept.get(first..).unwrap_or_default();
            let mut run: Vec<Kept> = Vec::new();
            for layer in free.iter().filter(|k| k.own || k.handed) {
                run.push(layer.clone());
                if !tops.contains(&layer.id) {
                    continue;
                }
                let based = run.first().is_some_and(|k| k.own && k.format == DiskFormat::Raw);
                if run.len() > 1 && (based || run.len() >= GATHER) {
                    return Some(Merge { disk: *disk, files: run, into_base: based });
                }
                run.clear();
            }
        }
        None
    }

    /// Writes overlays into the base below them. Until the catalogue says so they cover what is written. False when it
    /// was given up.
    pub(super) fn merge_into_base(&self, merge: &Merge, give_up: &dyn Fn() -> bool) -> Result<bool> {
        let [base, overlays @ ..] = merge.files.as_slice() else { return Ok(false) };
        let path = self.folder.join(&base.path);
        let size_bytes = self.size_of(merge.disk)?;
        let file = open_direct(&path, Mode::Write).map_err(ReplicationError::file("open", path.as_path()))?;
        let zeros = Aligned::new(BLOCK);
        let mut room = Aligned::new(BLOCK);
        for overlay in overlays {
            let image = self.folder.join(&overlay.path);
            let reader = Reader::open(&image)?;
            for (block, cluster) in reader.clusters() {
                if give_up() {
                    return Ok(false);
                }
                let offset = block * BLOCK_BYTES;
                match cluster {
                    Cluster::At(place) => {
                        reader.read(place, room.bytes_mut())?;
                        durable::write_at(&file, &path, room.bytes(), offset)?;
                    }
                    Cluster::Zero | Cluster::Below => durable::zero_at(&file, &path, zeros.bytes(), offset)?,
                }
            }
        }
        durable::set_len(&file, &path, size_bytes)?;
        durable::sync(&file, &path)?;
        // Fingerprints of blocks that overlays still cover are not looked at: they may be ahead of the catalogue.
        let mut all = digests::read(&path)?.unwrap_or_default();
        for overlay in overlays {
            all.lay(digests::read(&self.folder.join(&overlay.path))?.unwrap_or_default());
        }
        digests::write(&path, &all)?;
        let files: Vec<u64> = merge.files.iter().map(|k| k.id).collect();
        self.held().append(Change::Merged { disk: merge.disk, files, into: base.clone() })?;
        self.remove_files(overlays)?;
        Ok(true)
    }

    /// Makes one new overlay of several. False when it was given up.
    pub(super) fn unite(&self, merge: &Merge, give_up: &dyn Fn() -> bool) -> Result<bool> {
        let size_bytes = self.size_of(merge.disk)?;
        let id = self.next_file()?;
        let name = names::file(merge.disk, id, "qcow2");
        let path = self.folder.join(&name);
        // A merge that was cut off has left a file that nobody names.
        durable::remove(&path)?;
        let mut writer = Writer::create(&path, size_bytes)?;
        let mut room = Aligned::new(BLOCK);
        let mut done: BTreeSet<u64> = BTreeSet::new();
        let mut prints = Prints::default();
        for layer in merge.files.iter().rev() {
            let image = self.folder.join(&layer.path);
            let reader = Reader::open(&image)?;
            let known = digests::read(&image)?;
            // What a guest has written into an adopted file has no fingerprints yet.
            let fresh = known.is_none() && layer.handed && !prints.whole;
            for (block, cluster) in reader.clusters() {
                if give_up() {
                    drop(writer);
                    durable::remove(&path)?;
                    return Ok(false);
                }
                if !done.insert(block) {
                    continue;
                }
                match cluster {
                    Cluster::At(place) => {
                        reader.read(place, room.bytes_mut())?;
                        writer.push(block, room.bytes())?;
                    }
                    Cluster::Zero | Cluster::Below => {
                        room.bytes_mut().fill(0);
                        writer.zero(block)?;
                    }
                }
                if fresh {
                    let within = room.bytes().get(..block_len(block, size_bytes)).unwrap_or(&[]);
                    prints.blocks.insert(block, Digest::of(within));
                }
            }
            prints.lie_under(known.unwrap_or_default());
        }
        writer.finish()?;
        digests::write(&path, &prints)?;
        if merge.files.iter().any(|k| k.handed) {
            let of: Vec<PathBuf> = merge.files.iter().map(|k| self.folder.join(&k.path)).collect();
            let same = same(&path, &of, size_bytes, give_up)?;
            if same != Some(true) {
                durable::remove(&path)?;
                durable::remove(&digests::path_of(&path))?;
                let why = "it does not read as the files it was merged from";
                return if same.is_none() { Ok(false) } else { Err(ReplicationError::damaged(&path, why)) };
            }
        }
        let into = Kept::own(id, &name, DiskFormat::Qcow2);
        let files: Vec<u64> = merge.files.iter().map(|k| k.id).collect();
        self.held().append(Change::Merged { disk: merge.disk, files, into })?;
        self.remove_files(&merge.files)?;
        self.remove_leaving()?;
        Ok(true)
    }

    /// Removes adopted files that the catalogue has already replaced, also when that was cut off the last time.
    fn remove_leaving(&self) -> Result<()> {
        let paths = self.held().state().leaving.clone();
        if paths.is_empty() {
            return Ok(());
        }
        for path in paths.iter().filter(|path| path.exists()) {
            durable::remove(path)?;
            durable::remove(&digests::path_of(path))?;
            durable::sync_folder_of(path)?;
        }
        self.held().append(Change::Left { paths })
    }

    fn remove_files(&self, gone: &[Kept]) -> Result<()> {
        for kept in gone.iter().filter(|k| k.own) {
            let path = self.folder.join(&kept.path);
            durable::remove(&path)?;
            durable::remove(&digests::path_of(&path))?;
        }
        Ok(())
    }
}

/// Whether an adopted overlay has the blocks of the store's own.
pub(super) fn can_be_united(layer: &Layer) -> bool {
    let whole_blocks = |reader: Reader| reader.header().cluster_bytes() == BLOCK_BYTES;
    layer.format == DiskFormat::Qcow2 && Reader::open(&layer.path).is_ok_and(whole_blocks)
}

/// Whether a new overlay holds what the overlays hold that it was made of; none when it was given up. Asked before
/// files are removed that somebody else has made: until then they are the only copy that is known to be good.
fn same(made: &Path, of: &[PathBuf], size_bytes: u64, give_up: &dyn Fn() -> bool) -> Result<Option<bool>> {
    let made = Reader::open(made)?;
    let of = of.iter().rev().map(|path| Reader::open(path)).collect::<Result<Vec<_>>>()?;
    let (mut ours, mut theirs) = (Aligned::new(BLOCK), Aligned::new(BLOCK));
    for block in 0..blocks_of(size_bytes) {
        if give_up() {
            return Ok(None);
        }
        let upper =
            of.iter().map(|reader| (reader, reader.cluster(block))).find(|(_, c)| *c != Cluster::Below);
        match (made.cluster(block), upper) {
            (Cluster::Below, None) | (Cluster::Zero, Some((_, Cluster::Zero))) => {}
            (Cluster::At(here), Some((reader, Cluster::At(there)))) => {
                made.read(here, ours.bytes_mut())?;
                reader.read(there, theirs.bytes_mut())?;
                if ours.bytes() != theirs.bytes() {
                    return Ok(Some(false));
                }
            }
            _ => return Ok(Some(false)),
        }
    }
    Ok(Some(true))
}
