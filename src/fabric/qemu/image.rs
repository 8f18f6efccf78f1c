//! Disk files through `qemu-img`. Apart from the running machine: for files nobody writes to.

use super::settings::QemuSettings;
use crate::error::{FabricError, Result};
use crate::folder::{sync_file, sync_folder};
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

/// Makes an empty qcow2, flushed to the disk. With a layer below, its header names it, so that nobody who opens
/// it by its header sees holes where the content of the layer should be.
pub(super) fn create_overlay(
    settings: &QemuSettings,
    path: &Path,
    below: Option<&ChainLayer>,
    size_bytes: u64,
) -> Result<()> {
    must_be_free(path)?;
    let mut tool = Command::new(&settings.qemu_img);
    tool.args(["create", "-q", "-f", "qcow2", "-o", "cluster_size=65536"]);
    if let Some(below) = below {
        // -u: the layer may be open for writing in a running machine; its size is given.
        tool.arg("-u").arg("-b").arg(&below.path).args(["-F", format_name(below.format)]);
    }
    tool.arg(path).arg(size_bytes.to_string());
    run(tool, path)?;
    sync_file(path)?;
    path.parent().map_or(Ok(()), sync_folder)
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
