//! The disks themselves, compared byte by byte with the system's own program: what a source wrote last against what
//! the other site started from. Apart from `verify`, which asks guests and digests.

use super::stage::{Stage, Tour};
use leeward_model::MachineDefinition;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Deserialize)]
struct ImageLook {
    #[serde(rename = "full-backing-filename")]
    below: Option<PathBuf>,
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
            let here = definition(&taken)?.disks.into_iter().find(|d| d.id == disk.id);
            let here = here.ok_or_else(|| format!("{machine} has no disk {} at {to}", disk.name))?;
            // The overlay on top holds what the machine has written since; below it is the recovery point.
            let top = taken.join(&here.path);
            let point =
                image(&top)?.below.ok_or_else(|| format!("{} stands on no recovery point", top.display()))?;
            let same = same(&left.join(&disk.path), &point);
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

fn definition(folder: &Path) -> Result<MachineDefinition, String> {
    let path = folder.join("machine.json");
    let text = std::fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", path.display()))
}

fn image(path: &Path) -> Result<ImageLook, String> {
    let said = qemu_img(&["info", "-U", "--output=json"], &[path])?;
    serde_json::from_str(&said).map_err(|e| format!("{}: {e}", path.display()))
}

fn same(one: &Path, other: &Path) -> Result<(), String> {
    qemu_img(&["compare", "-U", "-q"], &[one, other]).map(drop)
}

/// What the program said. Its exit code tells whether two disks are the same.
fn qemu_img(words: &[&str], paths: &[&Path]) -> Result<String, String> {
    let done =
        Command::new("qemu-img").args(words).args(paths).output().map_err(|e| format!("qemu-img: {e}"))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let words = [done.stdout, done.stderr].concat();
    Err(format!("qemu-img: {}: {}", done.status, String::from_utf8_lossy(&words).trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_of_difference_is_found_below_an_overlay() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("left"), vec![7_u8; 1 << 20]).expect("written");
        std::fs::write(path("point"), vec![7_u8; 1 << 20]).expect("written");
        let top = path("top");
        let below = path("point");
        let create = ["create", "-q", "-f", "qcow2", "-F", "raw", "-b"];
        qemu_img(&create, &[&below, &top]).expect("an overlay");
        let point = image(&top).expect("read").below.expect("a backing file");
        assert_eq!(point, below);
        same(&path("left"), &point).expect("the same");
        let mut changed = vec![7_u8; 1 << 20];
        changed[999_999] = 8;
        std::fs::write(path("point"), changed).expect("written");
        assert!(same(&path("left"), &point).is_err());
    }
}
