//! Disk files from outside: what `qemu-img` and the file system say of them. Apart from the running machine.

use super::settings::QemuSettings;
use crate::error::{FabricError, Result};
use crate::spec::ChainLayer;
use leeward_model::DiskFormat;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// The name of a format as QEMU has it.
pub(super) const fn format_name(format: DiskFormat) -> &'static str {
    match format {
        DiskFormat::Raw => "raw",
        DiskFormat::Qcow2 => "qcow2",
    }
}

/// An error when there is something at a path where a file is to be made.
pub(super) fn must_be_free(path: &Path) -> Result<()> {
    if path.try_exists().map_err(FabricError::file("look at", path))? {
        return Err(FabricError::file("create", path)(std::io::ErrorKind::AlreadyExists.into()));
    }
    Ok(())
}

/// What `qemu-img` says about one file, without its chain and without asking for locks.
pub(super) fn describe(settings: &QemuSettings, layer: &ChainLayer) -> Result<Value> {
    let mut tool = Command::new(&settings.qemu_img);
    tool.args(["info", "-U", "--output=json", "-f", format_name(layer.format)]).arg(&layer.path);
    let said = run(tool, &layer.path)?;
    serde_json::from_slice(&said)
        .map_err(|e| FabricError::Record { path: layer.path.clone(), reason: e.to_string() })
}

fn run(mut tool: Command, path: &Path) -> Result<Vec<u8>> {
    let name = tool.get_program().to_string_lossy().into_owned();
    let fail = |reason: String| FabricError::Tool { tool: name.clone(), path: path.to_owned(), reason };
    let out = tool.stdin(Stdio::null()).output().map_err(|e| fail(e.to_string()))?;
    if !out.status.success() {
        return Err(fail(String::from_utf8_lossy(&out.stderr).trim().to_owned()));
    }
    Ok(out.stdout)
}

/// Whether the file system of a file lets it be opened past the page cache.
pub(super) fn direct_allowed(path: &Path) -> bool {
    use rustix::fs::{Mode, OFlags, open};
    open(path, OFlags::RDONLY | OFlags::DIRECT | OFlags::CLOEXEC, Mode::empty()).is_ok()
}
