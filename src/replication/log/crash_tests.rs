//! Sealing and forgetting a cycle, ended at every operation: what is found afterwards is the whole cycle or what may
//! be thrown away, and the folder ends up clean. Apart from `store`, whose lives are longer.

use super::*;
use crate::durable::crash::{Loss, Watched};
use crate::qcow2::Writer;
use leeward_model::{Consistency, Epoch, Moment, PointKind};
use uuid::Uuid;

const SIZE: u64 = 9 * BLOCK_BYTES + 512;

struct Source {
    head: CycleHead,
    disks: Vec<SpoolDisk>,
    paths: Vec<(DiskId, PathBuf)>,
}

fn source(folder: &Path) -> Source {
    let head = CycleHead {
        item: ItemId(Uuid::from_u64_pair(1, 1)),
        epoch: Epoch(1),
        sequence: Sequence(4),
        previous: Sequence(3),
        previous_epoch: Epoch(1),
        instant: Moment(9),
        consistency: Consistency::Crash,
        kind: PointKind::Delta,
    };
    let paths: Vec<(DiskId, PathBuf)> =
        (1..=2).map(|n| (DiskId(Uuid::from_u64_pair(2, n)), folder.join(format!("disk{n}.raw")))).collect();
    let spool = |(disk, path): &(DiskId, PathBuf)| SpoolDisk {
        disk: *disk,
        size_bytes: SIZE,
        spool: spool_path(path, head.sequence),
    };
    Source { disks: paths.iter().map(spool).collect(), head, paths }
}

/// As the hypervisor leaves them: durable.
fn capture(source: &Source) {
    for (n, disk) in (3_u8..).zip(&source.disks) {
        let mut writer = Writer::create(&disk.spool, SIZE).expect("a spool");
        for block in [1, 4, 9] {
            writer.push(block, &[n; BLOCK]).expect("pushed");
        }
        writer.zero(2).expect("zeroed");
        writer.finish().expect("finished");
    }
}

#[test]
fn a_cycle_is_whole_or_none_wherever_sealing_ends() {
    for loss in [Loss::Nothing, Loss::Torn, Loss::All, Loss::Bytes, Loss::Names] {
        for n in 0.. {
            let folder = tempfile::tempdir().expect("a folder");
            let source = source(folder.path());
            capture(&source);
            let watched = Watched::new(folder.path());
            watched.end_after(n, loss);
            let lived = seal(&source.head, &source.disks).and_then(|c| c.delete());
            watched.lose(loss);
            let why = format!("end at operation {n}, {loss:?} lost");
            let found = find_sealed(source.head.item, &source.paths).expect("found");
            if lived.is_err() {
                assert!(found.damaged.is_empty(), "{why}: {:?}", found.damaged);
            }
            // Bytes of a spool were durable before: a cycle that counts reads as it was sealed.
            for cycle in &found.cycles {
                for (log, disk) in cycle.disks.iter().zip(&source.disks) {
                    let now = fingerprints(&disk.spool, SIZE).unwrap_or_else(|e| panic!("{why}: {e}"));
                    assert_eq!(log.manifest.blocks, now, "{why}");
                }
            }
            clean(&source, found, &why);
            if lived.is_ok() {
                assert!(n > 5, "a whole life is longer");
                break;
            }
        }
    }
}

/// What is found can be got rid of, and then nothing is there.
fn clean(source: &Source, found: FoundLogs, why: &str) {
    for cycle in &found.cycles {
        cycle.delete().expect("deleted");
    }
    for path in found.unsealed {
        durable::remove(&path).expect("removed");
    }
    let again = find_sealed(source.head.item, &source.paths).expect("found");
    assert!(again.cycles.is_empty() && again.unsealed.is_empty(), "{why}: {again:?}");
    let folder = source.paths[0].1.parent().expect("a folder");
    let left: Vec<_> = std::fs::read_dir(folder).expect("listed").flatten().map(|e| e.path()).collect();
    assert!(left.is_empty(), "{why}: {left:?}");
}

#[test]
fn sealing_again_gives_the_same_and_logs_are_found_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut source = source(folder.path());
    capture(&source);
    let first = seal(&source.head, &source.disks).expect("sealed");
    assert_eq!(seal(&source.head, &source.disks).expect("again"), first);
    assert_eq!(first.changed_bytes(), 8 * BLOCK_BYTES);
    // Numbers have more digits one day; order is of numbers, not of names.
    for number in [11, 5] {
        source.head.sequence = Sequence(number);
        for (disk, (_, path)) in source.disks.iter_mut().zip(&source.paths) {
            disk.spool = spool_path(path, Sequence(number));
        }
        capture(&source);
        seal(&source.head, &source.disks).expect("sealed");
    }
    // One disk's log of the next cycle only.
    let half = spool_path(&source.paths[0].1, Sequence(12));
    std::fs::write(&half, b"being written").expect("written");
    let found = find_sealed(source.head.item, &source.paths).expect("found");
    let order: Vec<u64> = found.cycles.iter().map(|c| c.head.sequence.0).collect();
    assert_eq!(order, [4, 5, 11]);
    assert_eq!(found.unsealed, [half]);
    let foreign = find_sealed(ItemId(Uuid::from_u64_pair(7, 7)), &source.paths).expect("found");
    assert!(foreign.cycles.is_empty() && foreign.damaged.len() == 6, "{foreign:?}");
}
