//! The end of the world, for tests: stops everything at the Nth operation on a folder, and takes back what had not
//! been flushed, in the ways that disks really lose it. Registered by folder, so that tests run side by side.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is left of operations that were not flushed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Loss {
    /// Everything stays: the process was killed.
    Nothing,
    /// The last write is half there; the rest stays.
    Torn,
    /// Bytes and names are as they were when they were last flushed.
    All,
    /// Names stay, bytes are lost.
    Bytes,
    /// Bytes stay, names are lost.
    Names,
}

enum Record {
    /// What a range held before, and how long the file was.
    Wrote { path: PathBuf, offset: u64, before: Vec<u8>, length: u64 },
    /// What a name stood for before.
    Named { path: PathBuf, before: Option<Vec<u8>> },
}

#[derive(Default)]
struct World {
    /// Operations until the end.
    left: Option<u64>,
    done: u64,
    ended: bool,
    torn: bool,
    /// From this operation on the disk is full.
    full_from: Option<u64>,
    records: Vec<Record>,
}

/// A folder under test.
pub(crate) struct Watched {
    folder: PathBuf,
    world: Arc<Mutex<World>>,
}

static WORLDS: Mutex<Vec<(PathBuf, Arc<Mutex<World>>)>> = Mutex::new(Vec::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watched {
    /// Watches a folder.
    pub(crate) fn new(folder: &Path) -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        locked(&WORLDS).push((folder.to_owned(), Arc::clone(&world)));
        Self { folder: folder.to_owned(), world }
    }

    /// The world ends at the operation after so many.
    pub(crate) fn end_after(&self, operations: u64, loss: Loss) {
        let mut world = locked(&self.world);
        *world = World { left: Some(operations), torn: loss == Loss::Torn, ..World::default() };
    }

    /// Writing fails for want of room from this operation on.
    pub(crate) fn full_from(&self, operation: u64) {
        *locked(&self.world) = World { full_from: Some(operation), ..World::default() };
    }

    /// Nothing happens any more.
    pub(crate) fn calm(&self) {
        *locked(&self.world) = World::default();
    }

    /// Operations so far.
    pub(crate) fn done(&self) -> u64 {
        locked(&self.world).done
    }

    /// Takes back what was not flushed. Nobody may have files open.
    pub(crate) fn lose(&self, loss: Loss) {
        let records = std::mem::take(&mut locked(&self.world).records);
        for record in records.into_iter().rev() {
            match record {
                Record::Wrote { path, offset, before, length } if matches!(loss, Loss::All | Loss::Bytes) => {
                    // It may have been removed since.
                    let Ok(file) = File::options().write(true).open(&path) else { continue };
                    file.write_all_at(&before, offset).expect("taken back");
                    file.set_len(length).expect("taken back");
                }
                Record::Named { path, before } if matches!(loss, Loss::All | Loss::Names) => match before {
                    Some(bytes) => fs::write(&path, bytes).expect("taken back"),
                    None => {
                        fs::remove_file(&path).ok();
                    }
                },
                _ => {}
            }
        }
        self.calm();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        locked(&WORLDS).retain(|(folder, _)| *folder != self.folder);
    }
}

/// The error of everything after the end.
pub(super) fn over() -> io::Error {
    io::Error::other("the world has ended")
}

fn world_of(path: &Path) -> Option<Arc<Mutex<World>>> {
    locked(&WORLDS).iter().find(|(folder, _)| path.starts_with(folder)).map(|(_, w)| Arc::clone(w))
}

impl World {
    /// Counts an operation; whether it is the last one.
    fn step(&mut self) -> io::Result<bool> {
        if self.ended {
            return Err(over());
        }
        self.done += 1;
        if let Some(left) = &mut self.left {
            if *left == 0 {
                self.ended = true;
                return Ok(true);
            }
            *left -= 1;
        }
        Ok(false)
    }

    fn keep_range(&mut self, path: &Path, offset: u64, length: usize) {
        let Ok(file) = File::open(path) else { return };
        let whole = file.metadata().map_or(0, |m| m.len());
        let held = usize::try_from(whole.saturating_sub(offset)).unwrap_or(0).min(length);
        let mut before = vec![0; held];
        file.read_exact_at(&mut before, offset).expect("read what is overwritten");
        self.records.push(Record::Wrote { path: path.to_owned(), offset, before, length: whole });
    }
}

/// A write: how much of it still happens, when it is the last one.
pub(super) fn writing(path: &Path, offset: u64, length: usize) -> io::Result<Option<usize>> {
    let Some(world) = world_of(path) else { return Ok(None) };
    let mut world = locked(&world);
    let last = world.step()?;
    if world.full_from.is_some_and(|from| world.done > from) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    if last && !world.torn {
        return Err(over());
    }
    world.keep_range(path, offset, length);
    let half = if length >= 8192 { length / 2 / 4096 * 4096 } else { length / 2 };
    Ok(last.then_some(half))
}

pub(super) fn sizing(path: &Path) -> io::Result<()> {
    let Some(world) = world_of(path) else { return Ok(()) };
    let mut world = locked(&world);
    if world.step()? {
        return Err(over());
    }
    // A shorter length loses bytes: all of them are kept.
    world.keep_range(path, 0, usize::MAX);
    Ok(())
}

/// A flush; whether it need not really happen.
pub(super) fn syncing(path: &Path) -> io::Result<bool> {
    let Some(world) = world_of(path) else { return Ok(false) };
    let mut world = locked(&world);
    if world.step()? {
        return Err(over());
    }
    world.records.retain(|r| !matches!(r, Record::Wrote { path: of, .. } if of == path));
    Ok(true)
}

pub(super) fn syncing_names(folder: &Path) -> io::Result<bool> {
    let Some(world) = world_of(folder) else { return Ok(false) };
    let mut world = locked(&world);
    if world.step()? {
        return Err(over());
    }
    world.records.retain(|r| !matches!(r, Record::Named { path, .. } if path.parent() == Some(folder)));
    Ok(true)
}

/// Names come or go.
pub(super) fn naming(paths: &[&Path]) -> io::Result<()> {
    let Some(world) = paths.first().and_then(|p| world_of(p)) else { return Ok(()) };
    let mut world = locked(&world);
    if world.step()? {
        return Err(over());
    }
    for path in paths {
        let before = fs::read(path).ok();
        world.records.push(Record::Named { path: (*path).to_owned(), before });
    }
    Ok(())
}

/// A file takes the place of another; what it had not flushed goes with it.
pub(super) fn renaming(from: &Path, to: &Path) -> io::Result<()> {
    naming(&[from, to])?;
    let Some(world) = world_of(from) else { return Ok(()) };
    let mut world = locked(&world);
    // What the file that is replaced had not flushed says nothing about the new one.
    world.records.retain(|r| !matches!(r, Record::Wrote { path, .. } if path == to));
    for record in &mut world.records {
        match record {
            Record::Wrote { path, .. } if path == from => to.clone_into(path),
            _ => {}
        }
    }
    Ok(())
}
