//! Files that only their owner may read, written so that a crash leaves the old one or the new one, never half
//! of one. Apart from what is in them: the authority, an agent's identity, a registration key.

use crate::error::LinkError;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

/// Writes a file with mode 0600: a new one beside it, synced, then renamed over it.
///
/// # Errors
/// When it cannot be written; what was there before is then still there.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), LinkError> {
    write(path, bytes).map_err(|e| LinkError::file("write", path, &e))
}

/// Makes a folder with mode 0700, and those above it that are missing.
///
/// # Errors
/// When it cannot be made.
pub fn private_folder(path: &Path) -> Result<(), LinkError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|e| LinkError::file("make", path, &e))
}

/// Reads a text file of at most `bytes_max` bytes.
///
/// # Errors
/// When it cannot be read, is longer, or is no text.
pub fn read_bounded(path: &Path, bytes_max: usize) -> Result<String, LinkError> {
    let read = || -> io::Result<String> {
        let mut text = String::new();
        let most = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
        File::open(path)?.take(most).read_to_string(&mut text)?;
        if text.len() > bytes_max {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("longer than {bytes_max} bytes")));
        }
        Ok(text)
    };
    read().map_err(|e| LinkError::file("read", path, &e))
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().map(std::ffi::OsStr::to_owned).unwrap_or_default();
    name.push(format!(".new-{}", std::process::id()));
    let draft = path.with_file_name(name);
    // A leftover of a crash may have wider rights than a new file would get.
    if let Err(error) = fs::remove_file(&draft)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&draft, path)?;
    match path.parent().filter(|p| !p.as_os_str().is_empty()) {
        // A folder cannot be opened as a file on Windows, where renames are journalled anyway.
        Some(parent) if cfg!(unix) => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_private_and_replaces_what_was_there() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("key");
        fs::write(&path, "old and readable").expect("write");
        write_private(&path, b"new").expect("write");
        assert_eq!(read_bounded(&path, 3).expect("read"), "new");
        #[cfg(unix)]
        {
            let mode =
                std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).expect("there").permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1, "no draft is left");
    }

    #[test]
    fn a_file_that_is_too_long_is_not_read() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("long");
        fs::write(&path, vec![b'x'; 100]).expect("write");
        assert!(read_bounded(&path, 99).is_err());
        assert!(read_bounded(&path, 100).is_ok());
    }
}
