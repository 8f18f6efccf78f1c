//! Whose turn it is at a machine's folder: a start keeps everybody else away until its guest may run, and who takes
//! up a machine keeps a start away. A file lock, because neither two agents nor two threads of one may meet here;
//! it ends with the process that held it.

use crate::error::{FabricError, Result};
use crate::folder::MachineFolder;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;

/// A turn; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _lock: File,
}

impl Turn {
    /// The turn to start the machine. Waits for it.
    pub(super) fn to_start(folder: &MachineFolder) -> Result<Self> {
        take(folder, FlockOperation::LockExclusive).map(|lock| Self { _lock: lock })
    }

    /// The turn to take the machine up. Does not wait: while it is being started, the answer is
    /// [`FabricError::Starting`].
    pub(super) fn to_adopt(folder: &MachineFolder) -> Result<Self> {
        take(folder, FlockOperation::NonBlockingLockShared).map(|lock| Self { _lock: lock })
    }
}

fn take(folder: &MachineFolder, how: FlockOperation) -> Result<File> {
    let path = folder.file("start.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(FabricError::file("open", &path))?;
    match flock(&file, how) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(FabricError::Starting { machine: folder.shown() }),
        Err(error) => Err(FabricError::file("lock", &path)(error.into())),
    }
}
