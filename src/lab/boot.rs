//! The boot loader of an OS disk: GRUB between the partition table and the first partition, told in which sectors
//! kernel and first file system lie. Apart from `disks`, because sectors are not files.
//!
//! GRUB could find the files by name, but it would read them block by block through the firmware, which takes
//! five seconds of a software-emulated processor; by sectors it reads in long runs.

use crate::error::{LabError, Result};
use crate::programs::{DEBUGFS, GRUB_MKIMAGE};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const TEMPLATE: &str = include_str!("../../assets/lab/grub.cfg");
/// The first stage, of the system the lab is made on.
const BOOT_SECTOR: &str = "/usr/lib/grub/i386-pc/boot.img";
const SECTOR_BYTES: u64 = 512;
/// Of the file system's blocks; so small a file system would otherwise get smaller ones.
pub(crate) const BLOCK_BYTES: u64 = 4096;
/// The first sector's part that is the boot loader's; the partition table follows.
const BOOT_SECTOR_BYTES: usize = 440;

/// Installs the boot loader on a raw disk whose partition's file system begins at `partition_bytes`.
pub(crate) fn install(work: &Path, raw: &str, partition_bytes: u64) -> Result<()> {
    let settings = TEMPLATE
        .replace("KERNEL", &sectors(work, raw, partition_bytes, "/boot/vmlinuz")?)
        .replace("INITRD", &sectors(work, raw, partition_bytes, "/boot/initrd.img")?);
    let path = work.join("grub.cfg");
    fs::write(&path, settings).map_err(LabError::file("write", &path))?;
    let arguments = ["-O", "i386-pc", "-o", "core.img", "-c", "grub.cfg", "-p", "(hd0,msdos1)/boot/grub"];
    let modules = ["biosdisk", "part_msdos", "linux", "boot"];
    GRUB_MKIMAGE.run(work, &[&arguments[..], &modules[..]].concat())?;
    if !Path::new(BOOT_SECTOR).is_file() {
        return Err(LabError::Missing { program: BOOT_SECTOR.to_owned(), package: "grub-pc-bin" });
    }
    let read = |path: &Path| fs::read(path).map_err(LabError::file("read", path));
    let (sector, loader) = (read(Path::new(BOOT_SECTOR))?, read(&work.join("core.img"))?);
    let fits = loader.len() as u64 + SECTOR_BYTES <= partition_bytes;
    let start = sector.get(..BOOT_SECTOR_BYTES).filter(|_| fits);
    let start =
        start.ok_or_else(|| LabError::PackageContent { what: "a boot loader that fits".to_owned() })?;
    let disk = work.join(raw);
    let file = OpenOptions::new().write(true).open(&disk).map_err(LabError::file("write", &disk))?;
    file.write_all_at(start, 0)
        .and_then(|()| file.write_all_at(&loader, SECTOR_BYTES))
        .map_err(LabError::file("write", &disk))
}

/// Where a file lies on the disk, as GRUB writes it: `(hd0)2048+128,4096+64`.
fn sectors(work: &Path, raw: &str, partition_bytes: u64, file: &str) -> Result<String> {
    let image = format!("{raw}?offset={partition_bytes}");
    let printed = DEBUGFS.run(work, &["-R", &format!("blocks {file}"), &image])?;
    let blocks: Option<Vec<u64>> = printed.split_whitespace().map(|word| word.parse().ok()).collect();
    let runs = runs(&blocks.unwrap_or_default());
    if runs.is_empty() {
        return Err(LabError::Program { program: "debugfs".to_owned(), reason: printed });
    }
    let per_block = BLOCK_BYTES / SECTOR_BYTES;
    let list: Vec<String> = runs
        .iter()
        .map(|(first, count)| {
            format!("{}+{}", partition_bytes / SECTOR_BYTES + first * per_block, count * per_block)
        })
        .collect();
    Ok(format!("(hd0){}", list.join(",")))
}

/// Neighbouring blocks together: first block and count.
fn runs(blocks: &[u64]) -> Vec<(u64, u64)> {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for block in blocks {
        match runs.last_mut() {
            Some((first, count)) if *first + *count == *block => *count += 1,
            _ => runs.push((*block, 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn neighbours_become_one_run() {
        assert_eq!(runs(&[7, 8, 9, 20, 21, 5]), [(7, 3), (20, 2), (5, 1)]);
        assert_eq!(runs(&[]), []);
    }
}
