//! The names of a store's files: `<disk>.<number>.raw` or `.qcow2`, fingerprints beside them, and few fixed ones. Only
//! what bears such a name is ever removed, because adopted disks may lie in the same folder.

use leeward_model::DiskId;
use std::path::PathBuf;
use uuid::Uuid;

/// What is not bulk.
const FIXED: &[&str] = &["store.json", "catalogue", "incoming.json", "lock"];

/// The name of a disk's file.
pub(super) fn file(disk: DiskId, id: u64, extension: &str) -> PathBuf {
    PathBuf::from(format!("{disk}.{id:08}.{extension}"))
}

/// The bulk file that a name is of or belongs to: the file itself, its fingerprints, or those half written.
pub(super) fn bulk(name: &str) -> Option<&str> {
    let name = name.strip_suffix(".next").unwrap_or(name);
    let name = name.strip_suffix(".digests").unwrap_or(name);
    let (disk, rest) = name.split_once('.')?;
    let (number, extension) = rest.split_once('.')?;
    let ours = Uuid::try_parse(disk).is_ok()
        && number.len() >= 8
        && number.bytes().all(|b| b.is_ascii_digit())
        && matches!(extension, "raw" | "qcow2");
    ours.then_some(name)
}

/// Whether a name is one that a store gives.
pub(super) fn ours(name: &str) -> bool {
    bulk(name).is_some() || FIXED.contains(&name.strip_suffix(".next").unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_store_gives_are_its_own() {
        let disk = DiskId(Uuid::from_u64_pair(1, 2));
        let base = file(disk, 3, "raw").display().to_string();
        assert_eq!(bulk(&base), Some(base.as_str()));
        assert_eq!(bulk(&format!("{base}.digests")), Some(base.as_str()));
        assert_eq!(bulk(&format!("{base}.digests.next")), Some(base.as_str()));
        for theirs in ["disk.raw", "os.qcow2", "os.qcow2.00000001.qcow2", "machine.json", "", "catalogue.old"]
        {
            assert!(!ours(theirs), "{theirs}");
        }
        assert!(ours("incoming.json.next") && ours("lock"));
    }
}
