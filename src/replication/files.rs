//! Opening and reading past the page cache. Buffered bulk access costs thirty times the processor time, so everything
//! big goes through here; where a file system refuses direct access, the same calls work without. Apart from
//! `durable`, which changes files.

use crate::durable;
use crate::error::{ReplicationError, Result};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// What direct access wants addresses, offsets and lengths to be multiples of.
pub(crate) const ALIGN: usize = 4096;

/// A buffer whose begin is aligned for direct access.
pub(crate) struct Aligned {
    room: Vec<u8>,
    begin: usize,
    len: usize,
}

impl Aligned {
    /// A buffer of zeros.
    pub(crate) fn new(len: usize) -> Self {
        let room = vec![0; len + ALIGN];
        let begin = room.as_ptr().align_offset(ALIGN).min(ALIGN);
        Self { room, begin, len }
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.room.get(self.begin..self.begin + self.len).unwrap_or(&[])
    }

    /// Its bytes, to be written.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        self.room.get_mut(self.begin..self.begin + self.len).unwrap_or(&mut [])
    }
}

/// Whether a file is opened for reading or for both.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Write,
    Create,
}

/// Opens a file past the page cache, or through it where that is refused.
pub(crate) fn open_direct(path: &Path, mode: Mode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(mode != Mode::Read).create(mode == Mode::Create);
    if mode == Mode::Create && !path.exists() {
        durable::creating(path)?;
    }
    let flag = i32::try_from(rustix::fs::OFlags::DIRECT.bits()).unwrap_or(0);
    match options.clone().custom_flags(flag).open(path) {
        Err(e) if e.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => options.open(path),
        opened => opened,
    }
}

/// Reads until the buffer is full or the file ends; what lies behind its end reads as zeros.
pub(crate) fn read_fully(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        let rest = buffer.get_mut(done..).unwrap_or(&mut []);
        match file.read_at(rest, offset + done as u64) {
            Ok(0) => {
                rest.fill(0);
                return Ok(());
            }
            Ok(n) => {
                done += n;
                // A short read that is not aligned is the end of the file.
                if done % 512 != 0 {
                    buffer.get_mut(done..).unwrap_or(&mut []).fill(0);
                    return Ok(());
                }
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Reads a whole file that must not be longer than `most` bytes; none when there is none.
pub(crate) fn read_bounded(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let found = match fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(ReplicationError::file("read", path)(e)),
        Ok(found) => found,
    };
    if found.len() > most {
        return Err(ReplicationError::damaged(
            path,
            format!("{} bytes, at most {most} make sense", found.len()),
        ));
    }
    fs::read(path).map(Some).map_err(ReplicationError::file("read", path))
}

/// Bytes that a file takes on its disk.
pub(crate) fn allocated(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).map_or(0, |m| m.blocks().saturating_mul(512))
}
