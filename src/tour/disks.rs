//! The disks themselves, compared byte by byte with the system's own program: what a source wrote last against what
//! the other site started from. Apart from `verify`, which asks guests and digests.

use super::stage::{Stage, Tour};
use leeward_model::{DiskDefinition, DiskFormat, DiskId, MachineDefinition};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What an agent notes of the layers that a machine's disks consist of, lowest first. A disk that it does not name is
/// one file.
#[derive(Deserialize, Default)]
struct Chains {
    disks: Vec<Chain>,
}

#[derive(Deserialize)]
struct Chain {
    disk: DiskId,
    chain: Vec<Layer>,
}

#[derive(Deserialize, Clone)]
struct Layer {
    path: PathBuf,
    format: DiskFormat,
}

impl Tour {
    /// After a planned failover the source is off and its disks stand still. What the machine started from at the
    /// other site must be the same in every byte.
    pub(crate) fn compare_disks(
        &self,
        stage: &mut Stage,
        machine: &str,
        from: &str,
        to: &str,
    ) -> Result<(), String> {
        let folder = |host: &str| {
            self.lab.host_folder(host).map(|f| f.join("machines").join(machine)).map_err(|e| e.to_string())
        };
        let (left, taken) = (folder(from)?, folder(to)?);
        for disk in definition(&left)?.disks {
            let whole = layers(&left, &disk)?;
            let here = definition(&taken)?.disks.into_iter().find(|d| d.id == disk.id);
            let mut point =
                layers(&taken, &here.ok_or_else(|| format!("{machine}: no disk {} at {to}", disk.name))?)?;
            // The overlay on top holds what the machine has written since; below it is the recovery point.
            point.pop();
            let same = same(&whole, &point);
            stage.verify(
                same.is_ok(),
                &format!("{machine}: disk {} arrived as it was left", disk.name),
                "qemu-img compare of the source's disk with the chain that the target's machine stands on",
                same.err().unwrap_or_else(|| format!("{} bytes, all the same", disk.size_bytes)),
            );
        }
        Ok(())
    }
}

/// The layers of a machine's disk, lowest first.
fn layers(folder: &Path, disk: &DiskDefinition) -> Result<Vec<Layer>, String> {
    let path = folder.join("chain.json");
    let chains: Chains = if path.exists() { read(&path)? } else { Chains::default() };
    let own = Layer { path: folder.join(&disk.path), format: disk.format };
    let noted = chains.disks.into_iter().find(|c| c.disk == disk.id).map(|c| c.chain);
    // A note of an earlier life of the machine is not of this disk.
    Ok(noted.filter(|chain| chain.last().is_some_and(|l| l.path == own.path)).unwrap_or_else(|| vec![own]))
}

/// As QEMU's programs take a disk of layers: the points of a replica do not name what lies below them.
fn image(layers: &[Layer]) -> Result<String, String> {
    let mut below = serde_json::Value::Null;
    for layer in layers {
        let format = match layer.format {
            DiskFormat::Qcow2 => "qcow2",
            DiskFormat::Raw => "raw",
        };
        let file = serde_json::json!({ "driver": "file", "filename": layer.path });
        let mut this = serde_json::json!({ "driver": format, "file": file });
        if layer.format == DiskFormat::Qcow2 {
            this["backing"] = below;
        }
        below = this;
    }
    if below.is_null() { Err("a disk without a layer".to_owned()) } else { Ok(format!("json:{below}")) }
}

fn definition(folder: &Path) -> Result<MachineDefinition, String> {
    read(&folder.join("machine.json"))
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, String> {
    let text = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", path.display()))
}

/// The exit code tells whether two disks are the same.
fn same(one: &[Layer], other: &[Layer]) -> Result<(), String> {
    let mut command = Command::new("qemu-img");
    command.args(["compare", "-U", &image(one)?, &image(other)?]);
    let done = command.output().map_err(|e| format!("qemu-img: {e}"))?;
    if done.status.success() {
        return Ok(());
    }
    let words = [done.stdout, done.stderr].concat();
    Err(format!("qemu-img: {}: {}", done.status, String::from_utf8_lossy(&words).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_of_difference_is_found_below_an_overlay_that_names_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let raw = |name: &str, last: u8| {
            let mut bytes = vec![7_u8; 1 << 20];
            bytes[999_999] = last;
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).expect("written");
            Layer { path, format: DiskFormat::Raw }
        };
        let path = folder.path().join("point");
        let made =
            Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(&path).arg("1M").status();
        assert!(made.expect("qemu-img runs").success());
        let point = Layer { path, format: DiskFormat::Qcow2 };
        let (left, good, bad) = (raw("left", 7), raw("good", 7), raw("bad", 8));
        same(std::slice::from_ref(&left), &[good, point.clone()]).expect("the same");
        assert!(same(std::slice::from_ref(&left), &[bad, point.clone()]).is_err());
        assert!(same(std::slice::from_ref(&left), &[point]).is_err(), "an overlay alone is not the disk");
        assert!(same(&[left], &[]).is_err());
    }
}
