//! The folder of a machine and the records in it. Apart from the drivers, because the records outlive any
//! process: they are how the next agent knows what the last one meant.
//!
//! A record is written to a neighbour file, flushed, renamed over the old one, and the folder is flushed: it is
//! the old record or the new one after any crash.

use crate::error::{FabricError, Result};
use leeward_model::MachineDefinition;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// No record of ours is larger; a larger file is damage, not data.
const RECORD_BYTES_MAX: u64 = 1 << 20;

/// The folder of one machine, `<host folder>/machines/<name>`, or of one test copy of it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct MachineFolder {
    path: PathBuf,
}

impl MachineFolder {
    /// Names a folder; nothing is touched.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Makes the folder and writes its `machine.json`.
    ///
    /// # Errors
    /// When the folder or the record cannot be written.
    pub fn create(path: impl Into<PathBuf>, definition: &MachineDefinition) -> Result<Self> {
        let folder = Self::new(path);
        fs::create_dir_all(&folder.path).map_err(FabricError::file("create", &folder.path))?;
        folder.write_definition(definition)?;
        Ok(folder)
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its last name, for messages about a machine whose records are not read yet.
    pub(crate) fn shown(&self) -> String {
        self.path
            .file_name()
            .map_or_else(|| self.path.display().to_string(), |n| n.to_string_lossy().into_owned())
    }

    /// A file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// QEMU's control socket.
    #[must_use]
    pub fn qmp_socket(&self) -> PathBuf {
        self.file("qmp.sock")
    }

    /// The guest agent's socket.
    #[must_use]
    pub fn guest_agent_socket(&self) -> PathBuf {
        self.file("qga.sock")
    }

    /// What the guest wrote to its serial port.
    #[must_use]
    pub fn serial_log(&self) -> PathBuf {
        self.file("serial.log")
    }

    /// What QEMU wrote.
    #[must_use]
    pub fn qemu_log(&self) -> PathBuf {
        self.file("qemu.log")
    }

    /// The process id of QEMU.
    #[must_use]
    pub fn pid_file(&self) -> PathBuf {
        self.file("qemu.pid")
    }

    /// A path of a definition: absolute, or relative to this folder.
    #[must_use]
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    /// Reads `machine.json`.
    ///
    /// # Errors
    /// When it is missing or damaged.
    pub fn definition(&self) -> Result<MachineDefinition> {
        let path = self.file("machine.json");
        self.read("machine.json")?.ok_or_else(|| FabricError::file("read", path)(ErrorKind::NotFound.into()))
    }

    /// Writes `machine.json`, durably.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_definition(&self, definition: &MachineDefinition) -> Result<()> {
        self.write("machine.json", definition)
    }

    /// Reads a record; `None` when there is none.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let path = self.file(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(FabricError::file("read", path)(e)),
        };
        let mut bytes = Vec::new();
        file.take(RECORD_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(FabricError::file("read", &path))?;
        if bytes.len() as u64 > RECORD_BYTES_MAX {
            return Err(FabricError::Record { path, reason: "larger than any record".to_owned() });
        }
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|e| FabricError::Record { path, reason: e.to_string() })
    }

    /// Writes a record durably.
    pub(crate) fn write<T: Serialize>(&self, name: &str, record: &T) -> Result<()> {
        let path = self.file(name);
        let next = self.file(&format!(".{name}.next"));
        let bytes = serde_json::to_vec_pretty(record)
            .map_err(|e| FabricError::Record { path: path.clone(), reason: e.to_string() })?;
        let mut file = File::create(&next).map_err(FabricError::file("write", &next))?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(FabricError::file("write", &next))?;
        fs::rename(&next, &path).map_err(FabricError::file("write", &path))?;
        sync_folder(&self.path)
    }

    /// Removes a record durably; a missing one is fine.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        if remove_file(&self.file(name))? { sync_folder(&self.path) } else { Ok(()) }
    }
}

/// Removes a file; tells whether it was there.
pub(crate) fn remove_file(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(FabricError::file("remove", path)(e)),
    }
}

/// Flushes a folder's entries to the disk.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    File::open(path).and_then(|f| f.sync_all()).map_err(FabricError::file("flush", path))
}

/// Flushes a file's bytes and size to the disk.
pub(crate) fn sync_file(path: &Path) -> Result<()> {
    File::open(path).and_then(|f| f.sync_data()).map_err(FabricError::file("flush", path))
}
