//! Images against QEMU's own tool: what the writer makes is sound and reads as it should; what QEMU makes is read
//! right; what is damaged is told.

use leeward_model::DiskFormat;
use leeward_replication::layers::Chain;
use leeward_replication::qcow2::{Reader, Writer};
use leeward_replication::{Layer, ReplicationError};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const BLOCK: usize = 65_536;

fn qemu_img(args: &[&str], files: &[&Path]) -> bool {
    let done = Command::new("qemu-img").args(args).args(files).output().expect("qemu-img runs");
    if !done.status.success() {
        eprintln!("{args:?}: {}", String::from_utf8_lossy(&done.stdout));
        eprintln!("{}", String::from_utf8_lossy(&done.stderr));
    }
    done.status.success()
}

/// A whole disk as this crate reads it.
fn read(path: &Path, format: DiskFormat, size: usize) -> Result<Vec<u8>, ReplicationError> {
    let chain = Chain::open(&[Layer { path: path.to_owned(), format }], size as u64)?;
    // Direct access wants aligned room.
    let mut room = vec![0; size.next_multiple_of(BLOCK) + 4096];
    let begin = room.as_ptr().align_offset(4096);
    let whole = &mut room[begin..begin + size.next_multiple_of(BLOCK)];
    chain.read(0, whole)?;
    Ok(whole[..size].to_vec())
}

fn content(block: u64, byte: u8) -> Vec<u8> {
    (0..BLOCK).map(|n| byte ^ (n % 253) as u8 ^ (block % 7) as u8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_is_written_is_sound_and_reads_the_same_for_qemu(
        blocks in proptest::collection::btree_map(0_u64..9000, proptest::option::of(1_u8..255), 0..40),
        tail in 1_usize..128,
        cut in 0_usize..40,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, raw) = (folder.path().join("a.qcow2"), folder.path().join("a.raw"));
        let size = 9000 * BLOCK + tail * 512;
        let expected = File::create(&raw).expect("a file");
        expected.set_len(size as u64).expect("sized");
        let mut writer = Writer::create(&path, size as u64).expect("created");
        let mut came = Vec::new();
        for (n, (block, byte)) in blocks.iter().enumerate() {
            let Some(byte) = byte else { continue };
            if n == cut {
                // Cut off and gone on with: what was gathered last is lost and comes again.
                writer.drain().expect("drained");
                writer = Writer::resume(&path, size as u64, came.clone()).expect("resumed");
            }
            writer.push(*block, &content(*block, *byte)).expect("pushed");
            came.push(*block);
            expected.write_all_at(&content(*block, *byte), block * BLOCK as u64).expect("written");
        }
        for (block, _) in blocks.iter().filter(|(_, b)| b.is_none()) {
            writer.zero(*block).expect("zeroed");
        }
        prop_assert!(Reader::open(&path).is_err(), "unfinished, it is no image");
        writer.finish().expect("finished");
        prop_assert!(qemu_img(&["check", "-q"], &[&path]));
        prop_assert!(qemu_img(&["compare", "-q", "-f", "qcow2", "-F", "raw"], &[&path, &raw]));
        let reader = Reader::open(&path).expect("opened");
        let found: Vec<u64> = reader.clusters().map(|(n, _)| n).collect();
        prop_assert_eq!(found, blocks.keys().copied().collect::<Vec<_>>());
    }

    #[test]
    fn what_qemu_makes_is_read_right(
        writes in proptest::collection::vec((0_usize..200, 1_usize..9, 1_u8..255), 0..12),
        cluster in prop::sample::select(vec!["4k", "64k", "2M"]),
        compat in prop::sample::select(vec!["0.10", "1.1"]),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, raw) = (folder.path().join("a.qcow2"), folder.path().join("a.raw"));
        let size = 50 * BLOCK + 4096;
        let mut bytes = vec![0_u8; size];
        for (page, pages, byte) in writes {
            let begin = page * 4096;
            let end = (begin + pages * 4096).min(size);
            bytes[begin..end].fill(byte);
        }
        File::create(&raw).and_then(|mut f| f.write_all(&bytes)).expect("written");
        let options = format!("cluster_size={cluster},compat={compat}");
        prop_assert!(qemu_img(&["convert", "-q", "-f", "raw", "-O", "qcow2", "-o", &options], &[&raw, &path]));
        prop_assert!(read(&path, DiskFormat::Qcow2, size).expect("read") == bytes);
        prop_assert!(read(&raw, DiskFormat::Raw, size).expect("read") == bytes);
    }

    #[test]
    fn a_damaged_image_is_told_or_read_but_never_believed_blindly(
        damage in proptest::collection::vec((0_usize..6 * BLOCK, any::<u8>()), 1..8),
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.qcow2");
        image(&path);
        let file = File::options().write(true).open(&path).expect("opened");
        for (at, byte) in damage {
            file.write_all_at(&[byte], at as u64).expect("written");
        }
        // Whatever it says now: no panic, no endless room.
        if let Ok(reader) = Reader::open(&path) {
            prop_assert!(reader.clusters().count() < 1 << 16);
            read(&path, DiskFormat::Qcow2, 40 * BLOCK).ok();
        }
    }
}

fn image(path: &Path) {
    let mut writer = Writer::create(path, 40 * BLOCK as u64).expect("created");
    for (block, byte) in BTreeMap::from([(3_u64, 7_u8), (4, 8), (39, 9)]) {
        writer.push(block, &content(block, byte)).expect("pushed");
    }
    writer.finish().expect("finished");
}

#[test]
fn images_that_cannot_be_read_right_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = |name: &str, args: &[&str]| -> PathBuf {
        let path = folder.path().join(name);
        let raw = folder.path().join("raw");
        fs::write(&raw, content(1, 9).repeat(4)).expect("written");
        let mut all = vec!["convert", "-q", "-f", "raw", "-O", "qcow2"];
        all.extend(args);
        assert!(qemu_img(&all, &[&raw, &path]));
        path
    };
    let compressed = made("c", &["-c"]);
    let outside = folder.path().join("outside.raw");
    let external = format!("data_file={},data_file_raw=on", outside.display());
    let external = made("x", &["-o", &external]);
    let truncated = made("t", &[]);
    File::options().write(true).open(&truncated).and_then(|f| f.set_len(70_000)).expect("cut");
    for path in [compressed, external, truncated] {
        let opened = Reader::open(&path).map(drop);
        assert!(matches!(opened, Err(ReplicationError::Damaged { .. })), "{}: {opened:?}", path.display());
    }
}
