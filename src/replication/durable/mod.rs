//! Every operation that changes what a crash would find: writes, lengths, flushes, names. They stand in one place so
//! that a test can end the world between any two of them (`crash`); nothing else in this crate writes files that
//! count. Apart from `files`, which opens and reads.

#[cfg(test)]
pub(crate) mod crash;

use crate::error::{ReplicationError, Result};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Writes bytes at an offset.
pub(crate) fn write_at(file: &File, path: &Path, bytes: &[u8], offset: u64) -> Result<()> {
    let write = || {
        #[cfg(test)]
        if let Some(part) = crash::writing(path, offset, bytes.len())? {
            // Torn: a part of it is there when the world ends.
            file.write_all_at(bytes.get(..part).unwrap_or(bytes), offset)?;
            return Err(crash::over());
        }
        file.write_all_at(bytes, offset)
    };
    write().map_err(ReplicationError::file("write", path))
}

/// Makes a range read as zeros, giving back its room where the file system can.
pub(crate) fn zero_at(file: &File, path: &Path, zeros: &[u8], offset: u64) -> Result<()> {
    use rustix::fs::FallocateFlags;
    #[cfg(test)]
    crash::writing(path, offset, zeros.len()).map_err(ReplicationError::file("write", path))?;
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    match rustix::fs::fallocate(file, flags, offset, zeros.len() as u64) {
        Ok(()) => Ok(()),
        Err(_no_holes_here) => {
            file.write_all_at(zeros, offset).map_err(ReplicationError::file("write", path))
        }
    }
}

/// Sets a file's length.
pub(crate) fn set_len(file: &File, path: &Path, length: u64) -> Result<()> {
    let set = || {
        #[cfg(test)]
        crash::sizing(path)?;
        file.set_len(length)
    };
    set().map_err(ReplicationError::file("write", path))
}

/// Makes a file's bytes and length durable.
pub(crate) fn sync(file: &File, path: &Path) -> Result<()> {
    let sync = || {
        #[cfg(test)]
        if crash::syncing(path)? {
            return Ok(());
        }
        file.sync_all()
    };
    sync().map_err(ReplicationError::file("flush", path))
}

/// Makes the names in a file's folder durable.
pub(crate) fn sync_folder_of(path: &Path) -> Result<()> {
    sync_folder(path.parent().unwrap_or(path))
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    let sync = || {
        #[cfg(test)]
        if crash::syncing_names(folder)? {
            return Ok(());
        }
        File::open(folder)?.sync_all()
    };
    sync().map_err(ReplicationError::file("flush", folder))
}

/// Tells the seam that a file may come to be: every caller that creates files says so first.
pub(crate) fn creating(path: &Path) -> io::Result<()> {
    #[cfg(test)]
    crash::naming(&[path])?;
    let _ = path;
    Ok(())
}

/// Removes a file; one that is not there is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let remove = || {
        #[cfg(test)]
        crash::naming(&[path])?;
        fs::remove_file(path)
    };
    match remove() {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(ReplicationError::file("remove", path)(e)),
        _ => Ok(()),
    }
}

/// Writes a small file so that after any crash it is the old one or the new one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let next = path.with_added_extension("next");
    let written = write_next(&next, path, bytes);
    if written.is_err() {
        // On a full disk the half-written one would only stand in the way.
        fs::remove_file(&next).ok();
    }
    written?;
    sync_folder_of(path)
}

fn write_next(next: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    let create = || {
        creating(next)?;
        File::create(next)
    };
    let file = create().map_err(ReplicationError::file("create", next))?;
    write_at(&file, next, bytes, 0)?;
    sync(&file, next)?;
    let rename = || {
        #[cfg(test)]
        crash::renaming(next, path)?;
        fs::rename(next, path)
    };
    rename().map_err(ReplicationError::file("write", path))
}
