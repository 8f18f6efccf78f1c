//! An empty qcow2, written by ourselves: three clusters and a table. Apart from `image`, which asks `qemu-img`: a
//! tool is a process of its own, costs more than the whole rest of an empty spool, and goes on writing when the
//! agent that started it is killed, so that a file appears after its clean-up.

use crate::error::{FabricError, Result};
use crate::folder::sync_folder;
use crate::spec::ChainLayer;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// 64 KiB, as every image of ours.
const CLUSTER_BITS: u32 = 16;
const CLUSTER_BYTES: u64 = 1 << CLUSTER_BITS;
/// What one entry of the level-1 table covers.
const L1_ENTRY_COVERS_BYTES: u64 = CLUSTER_BYTES * (CLUSTER_BYTES / 8);
/// Header of version 3 with the fields we fill.
const HEADER_BYTES: u32 = 104;
const BACKING_FORMAT_EXTENSION: u32 = 0xe279_2aca;
/// The longest name a header can hold.
const BACKING_NAME_BYTES_MAX: usize = 1023;
/// The largest virtual size: its tables still fit one refcount block.
const SIZE_BYTES_MAX: u64 = 1 << 46;

/// Makes an empty image, flushed to the disk. Names a backing file in its header when there is one below.
pub(super) fn create(path: &Path, below: Option<&ChainLayer>, size_bytes: u64) -> Result<()> {
    let head = head(path, below, size_bytes)?;
    let mut file = File::create_new(path).map_err(FabricError::file("create", path))?;
    let written = file.write_all(&head).and_then(|()| file.sync_all());
    written.map_err(FabricError::file("write", path))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// The clusters: header, refcount table, refcount block, level-1 table.
fn head(path: &Path, below: Option<&ChainLayer>, size_bytes: u64) -> Result<Vec<u8>> {
    let refuse = |reason: &str| FabricError::Record { path: path.to_owned(), reason: reason.to_owned() };
    if size_bytes == 0 || size_bytes > SIZE_BYTES_MAX {
        return Err(refuse("a disk of this size cannot have an overlay or a spool"));
    }
    let l1_entries = size_bytes.div_ceil(L1_ENTRY_COVERS_BYTES);
    let l1_clusters = (l1_entries * 8).div_ceil(CLUSTER_BYTES);
    let clusters = 3 + l1_clusters;
    let name = below.map(|layer| layer.path.as_os_str().as_encoded_bytes()).unwrap_or_default();
    if name.len() > BACKING_NAME_BYTES_MAX {
        return Err(refuse("the path of the file below it is longer than a header holds"));
    }
    let mut extensions = Vec::new();
    if let Some(layer) = below {
        let format = super::image::format_name(layer.format).as_bytes();
        extensions.extend(BACKING_FORMAT_EXTENSION.to_be_bytes());
        extensions.extend(u32::try_from(format.len()).unwrap_or_default().to_be_bytes());
        extensions.extend(format);
        extensions.resize(extensions.len().next_multiple_of(8), 0);
    }
    extensions.extend([0; 8]);
    let name_at = u64::from(HEADER_BYTES) + extensions.len() as u64;
    let mut header = Vec::new();
    header.extend(b"QFI\xfb");
    header.extend(3_u32.to_be_bytes());
    header.extend(if name.is_empty() { 0 } else { name_at }.to_be_bytes());
    header.extend(u32::try_from(name.len()).unwrap_or_default().to_be_bytes());
    header.extend(CLUSTER_BITS.to_be_bytes());
    header.extend(size_bytes.to_be_bytes());
    header.extend(0_u32.to_be_bytes()); // no encryption
    header.extend(u32::try_from(l1_entries).unwrap_or_default().to_be_bytes());
    header.extend((3 * CLUSTER_BYTES).to_be_bytes()); // level-1 table
    header.extend(CLUSTER_BYTES.to_be_bytes()); // refcount table
    header.extend(1_u32.to_be_bytes()); // its clusters
    header.extend([0; 4 + 8]); // no snapshots
    header.extend([0; 3 * 8]); // no features
    header.extend(4_u32.to_be_bytes()); // refcounts of 16 bits
    header.extend(HEADER_BYTES.to_be_bytes());
    header.extend(extensions);
    header.extend(name);
    let mut image = header;
    image.resize(to_index(CLUSTER_BYTES), 0);
    image.extend((2 * CLUSTER_BYTES).to_be_bytes()); // the one refcount block
    image.resize(to_index(2 * CLUSTER_BYTES), 0);
    for _ in 0..clusters {
        image.extend(1_u16.to_be_bytes());
    }
    image.resize(to_index(clusters * CLUSTER_BYTES), 0);
    Ok(image)
}

/// Of offsets below [`SIZE_BYTES_MAX`]'s tables, which fit any address space.
fn to_index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use leeward_model::DiskFormat;
    use std::process::Command;

    fn qemu_img(words: &[&str], path: &Path) -> String {
        let out = Command::new("qemu-img").args(words).arg(path).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    #[test]
    fn qemu_takes_it_for_a_sound_image_of_any_size() {
        let dir = tempfile::tempdir().unwrap();
        for size_bytes in [512, 1 << 20, (5 << 30) + 512, 7 << 40, SIZE_BYTES_MAX] {
            let path = dir.path().join(format!("{size_bytes}.qcow2"));
            create(&path, None, size_bytes).unwrap();
            let told: serde_json::Value =
                serde_json::from_str(&qemu_img(&["info", "--output=json"], &path)).unwrap();
            assert_eq!(told["virtual-size"], size_bytes);
            assert!(qemu_img(&["check"], &path).contains("No errors"));
        }
    }

    #[test]
    fn its_header_names_what_is_below() {
        let dir = tempfile::tempdir().unwrap();
        let base = ChainLayer { path: dir.path().join("base, with comma.raw"), format: DiskFormat::Raw };
        std::fs::write(&base.path, vec![0xab; 1 << 20]).unwrap();
        let path = dir.path().join("overlay.qcow2");
        create(&path, Some(&base), 1 << 20).unwrap();
        let told: serde_json::Value =
            serde_json::from_str(&qemu_img(&["info", "--output=json"], &path)).unwrap();
        assert_eq!(told["backing-filename"], base.path.to_str().unwrap());
        assert_eq!(told["backing-filename-format"], "raw");
        let raw = dir.path().join("content.raw");
        qemu_img(&["convert", "-O", "raw", path.to_str().unwrap()], &raw);
        assert_eq!(std::fs::read(raw).unwrap(), std::fs::read(&base.path).unwrap());
    }

    #[test]
    fn it_overwrites_nothing_and_refuses_what_it_cannot_hold() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        std::fs::write(&path, b"somebody's").unwrap();
        assert!(matches!(create(&path, None, 512), Err(FabricError::File { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"somebody's");
        assert!(create(&dir.path().join("none"), None, 0).is_err());
        let long = ChainLayer { path: "x".repeat(2000).into(), format: DiskFormat::Raw };
        assert!(create(&dir.path().join("none"), Some(&long), 512).is_err());
        assert!(!dir.path().join("none").exists());
    }
}
