//! The last record's number on the other disk, written after the record. A copy of the machine is of one instant
//! only if both disks agree. Apart from `log`, which it bears witness to.

use crate::record::{Record, checksum};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const SLOT_BYTES: usize = 4096;
const MAGIC: u64 = u64::from_le_bytes(*b"LWWITNS1");

/// Two slots written in turn: a half written one leaves the other.
pub(crate) struct Witness {
    file: File,
}

/// What the witness says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Said {
    /// Number of the record.
    pub(crate) number: u64,
    /// Its checksum.
    pub(crate) checksum: u64,
}

impl Witness {
    /// Opens the witness; a missing one is made.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, Option<Said>)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if file.metadata()?.len() != 2 * SLOT_BYTES as u64 {
            file.write_all_at(&[0; 2 * SLOT_BYTES], 0)?;
            file.set_len(2 * SLOT_BYTES as u64)?;
            file.sync_all()?;
        }
        let mut best: Option<Said> = None;
        for slot in 0..2 {
            let mut bytes = [0_u8; 32];
            file.read_exact_at(&mut bytes, slot * SLOT_BYTES as u64)?;
            if let Some(said) = decode(&bytes)
                && best.is_none_or(|b| b.number < said.number)
            {
                best = Some(said);
            }
        }
        Ok((Self { file }, best))
    }

    /// Notes a record and syncs.
    pub(crate) fn note(&self, said: Said) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(SLOT_BYTES);
        for word in [MAGIC, said.number, said.checksum] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&checksum(&bytes).to_le_bytes());
        bytes.resize(SLOT_BYTES, 0);
        self.file.write_all_at(&bytes, (said.number % 2) * SLOT_BYTES as u64)?;
        self.file.sync_data()
    }
}

fn decode(bytes: &[u8; 32]) -> Option<Said> {
    let word = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    (word(0)? == MAGIC && word(24)? == checksum(&bytes[..24]))
        .then_some(Said { number: word(8)?, checksum: word(16)? })
}

/// Whether the two disks are of one instant: the witness names the last record or the one before, and means the
/// same record, not one of another history.
pub(crate) fn agree(newest: [Option<Record>; 2], said: Option<Said>) -> bool {
    match (newest, said) {
        ([None, _], None) => true,
        // The very first record was written, its witness not yet.
        ([Some(last), None], None) => last.number == 1,
        (_, None) => false,
        (newest, Some(said)) => {
            newest.iter().flatten().any(|r| r.number == said.number && r.checksum == said.checksum)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u64) -> Option<Record> {
        Some(Record { number, previous: 0, written_millis: 0, checksum: number * 10 })
    }

    fn said(number: u64) -> Option<Said> {
        Some(Said { number, checksum: number * 10 })
    }

    #[test]
    fn the_newest_note_is_found_and_a_torn_one_leaves_the_one_before() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("witness");
        let (witness, none) = Witness::open(&path).expect("opens");
        assert_eq!(none, None);
        for n in 1..=5 {
            witness.note(Said { number: n, checksum: n * 10 }).expect("notes");
        }
        assert_eq!(Witness::open(&path).expect("opens").1, said(5));
        witness.file.write_all_at(&[9; 20], SLOT_BYTES as u64 + 4).expect("writes");
        assert_eq!(Witness::open(&path).expect("opens").1, said(4));
    }

    #[test]
    fn disks_of_different_instants_do_not_agree() {
        assert!(agree([None, None], None));
        assert!(agree([record(1), None], None));
        assert!(agree([record(9), record(8)], said(9)));
        assert!(agree([record(9), record(8)], said(8)));
        assert!(!agree([record(9), record(8)], said(7)), "the data disk is ahead");
        assert!(!agree([record(9), record(8)], said(10)), "the data disk is behind");
        assert!(!agree([record(9), record(8)], Some(Said { number: 9, checksum: 1 })), "another history");
        assert!(!agree([record(9), record(8)], None));
        assert!(!agree([None, None], said(3)));
    }
}
