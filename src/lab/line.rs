//! The records of the line in the lab's folder: how it shall be, and what it has carried. Apart from `lane`, which says
//! what happens to packets, and from `network`, which lays the line.

use crate::error::{LabError, Result};
use crate::lane::{LineCount, LineSettings, SETTINGS, count_record};
use crate::machines::write_record;
use serde::Deserialize;
use std::fs;
use std::path::Path;

impl LineSettings {
    /// As the lab's folder says; an open line where nothing is said.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn read(root: &Path) -> Result<Self> {
        read(root, SETTINGS)
    }

    /// Changes the line; it follows within a moment.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn write(&self, root: &Path) -> Result<()> {
        write_record(root, SETTINGS, self)
    }
}

impl LineCount {
    /// What the direction that begins at a host has carried.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn read(root: &Path, host: &str) -> Result<Self> {
        read(root, &count_record(host))
    }
}

fn read<T: Default + for<'a> Deserialize<'a>>(root: &Path, name: &str) -> Result<T> {
    let path = root.join(name);
    if !path.exists() {
        return Ok(T::default());
    }
    let text = fs::read(&path).map_err(LabError::file("read", &path))?;
    serde_json::from_slice(&text).map_err(|e| LabError::Record { path, reason: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::Passes;

    #[test]
    fn the_line_is_open_until_something_else_is_said() {
        let lab = tempfile::tempdir().expect("a folder");
        assert_eq!(LineSettings::read(lab.path()).expect("read"), LineSettings::default());
        let line = LineSettings { delay_ms: 5, passes: Passes::Stalled, ..LineSettings::default() };
        line.write(lab.path()).expect("written");
        assert_eq!(LineSettings::read(lab.path()).expect("read"), line);
        fs::write(lab.path().join(SETTINGS), "{").expect("written");
        assert!(LineSettings::read(lab.path()).is_err());
    }
}
