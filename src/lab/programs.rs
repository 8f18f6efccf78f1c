//! Programs of the system that the lab is made with: found where Debian puts them, also those for the
//! administrator, and run with their last words kept.

use crate::error::{LabError, Result};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Not in the search path of an ordinary user, who may run them all the same.
const ADMINISTRATION: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
/// How much of a program's last words is kept.
const WORDS_BYTES_MAX: usize = 600;

/// A program of the system and the package that has it.
pub(crate) struct Program {
    name: &'static str,
    package: &'static str,
}

pub(crate) const APT_GET: Program = Program { name: "apt-get", package: "apt" };
pub(crate) const DEBUGFS: Program = Program { name: "debugfs", package: "e2fsprogs" };
pub(crate) const DPKG_DEB: Program = Program { name: "dpkg-deb", package: "dpkg" };
pub(crate) const GRUB_MKIMAGE: Program = Program { name: "grub-mkimage", package: "grub-common" };
pub(crate) const IP: Program = Program { name: "ip", package: "iproute2" };
pub(crate) const MKE2FS: Program = Program { name: "mke2fs", package: "e2fsprogs" };
pub(crate) const QEMU_IMG: Program = Program { name: "qemu-img", package: "qemu-utils" };
pub(crate) const SFDISK: Program = Program { name: "sfdisk", package: "fdisk" };
pub(crate) const ZSTD: Program = Program { name: "zstd", package: "zstd" };

impl Program {
    /// Where it is.
    pub(crate) fn find(&self) -> Result<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(ADMINISTRATION.map(PathBuf::from))
            .map(|folder| folder.join(self.name))
            .find(|candidate| candidate.is_file())
            .ok_or_else(|| LabError::Missing { program: self.name.to_owned(), package: self.package })
    }

    /// Runs it to its end in a folder. Returns what it printed.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, folder: &Path, arguments: &[S]) -> Result<String> {
        let mut command = Command::new(self.find()?);
        command.current_dir(folder).args(arguments).stdin(Stdio::null());
        finish(self.name, command)
    }

    /// Runs it with a text to read.
    pub(crate) fn run_reading<S: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: &[S],
        text: &str,
    ) -> Result<String> {
        let script = folder.join(format!(".{}.input", self.name));
        std::fs::write(&script, text).map_err(LabError::file("write", &script))?;
        let input = std::fs::File::open(&script).map_err(LabError::file("read", &script))?;
        let mut command = Command::new(self.find()?);
        command.current_dir(folder).args(arguments).stdin(input);
        let done = finish(self.name, command);
        std::fs::remove_file(&script).map_err(LabError::file("remove", &script))?;
        done
    }
}

/// Runs a prepared command; its failure carries the end of what it said.
pub(crate) fn finish(name: &str, mut command: Command) -> Result<String> {
    command.env("LC_ALL", "C").stdout(Stdio::piped()).stderr(Stdio::piped());
    let failed = |reason| LabError::Program { program: name.to_owned(), reason };
    let output = command.output().map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = [output.stdout, output.stderr].concat();
    let from = words.len().saturating_sub(WORDS_BYTES_MAX);
    let last = String::from_utf8_lossy(words.get(from..).unwrap_or_default()).trim().to_owned();
    Err(failed(format!("{}: {last}", output.status)))
}
