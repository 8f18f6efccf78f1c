//! The records on the data disk: files of a fixed number of records, the oldest reused for the newest, so that
//! the disk never fills and what is kept can still be proved gap-free. Apart from `witness`, which is on the
//! other disk.
//!
//! A file is written full of zeros and synced before its first record, so that a record's own sync needs no
//! journal commit. Records are synced one by one: at any instant at most one slot can be half written, and only
//! the one after the last whole record.

use crate::record::{self, RECORD_BYTES, Record, Slot};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Records in one file: 1 MiB.
pub(crate) const FILE_RECORDS: u64 = 256;
/// Files kept at most: 32 MiB of records.
pub(crate) const FILES_MAX: usize = 32;

/// What the records on the disk prove.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Verified {
    /// Number of the oldest record kept; 1 when there is none yet.
    pub(crate) first: u64,
    /// Number of the last whole record; 0 when there is none.
    pub(crate) last: u64,
    /// The last two records, newest first.
    pub(crate) newest: [Option<Record>; 2],
    /// Why the records are not gap-free, if they are not.
    pub(crate) damage: Option<String>,
}

/// The log, ready for the next record.
pub(crate) struct RecordLog {
    folder: PathBuf,
    /// First number of each file, ascending.
    starts: Vec<u64>,
    open: Option<File>,
    next: u64,
    previous: u64,
}

impl RecordLog {
    /// Opens a log and verifies all of it.
    pub(crate) fn open(folder: &Path) -> io::Result<(Self, Verified)> {
        fs::create_dir_all(folder)?;
        let starts = starts(folder)?;
        let verified = verify(folder, &starts)?;
        let open = match starts.last() {
            Some(start) => Some(OpenOptions::new().write(true).open(file_path(folder, *start))?),
            None => None,
        };
        let previous = verified.newest[0].map_or(0, |r| r.checksum);
        let log = Self { folder: folder.to_owned(), starts, open, next: verified.last + 1, previous };
        Ok((log, verified))
    }

    /// Number of the oldest record kept.
    pub(crate) fn first(&self) -> u64 {
        self.starts.first().copied().unwrap_or(1)
    }

    /// Appends one record and syncs it. Returns its number and checksum.
    pub(crate) fn append(&mut self, now_millis: u64) -> io::Result<(u64, u64)> {
        let number = self.next;
        let start = number - (number - 1) % FILE_RECORDS;
        if self.starts.last() != Some(&start) {
            self.open = Some(self.roll(start)?);
        }
        let Some(file) = &self.open else {
            return Err(io::Error::other("no file is open for records"));
        };
        let (bytes, sum) = record::encode(number, self.previous, now_millis);
        file.write_all_at(&bytes, (number - start) * RECORD_BYTES as u64)?;
        file.sync_data()?;
        self.next = number + 1;
        self.previous = sum;
        Ok((number, sum))
    }

    /// The file for the records from `start` on: the oldest one under a new name, or a new one.
    fn roll(&mut self, start: u64) -> io::Result<File> {
        let path = file_path(&self.folder, start);
        if self.starts.len() >= FILES_MAX {
            fs::rename(file_path(&self.folder, self.starts[0]), &path)?;
            self.starts.remove(0);
        } else {
            let fresh = self.folder.join("next");
            let mut file = File::create(&fresh)?;
            let zeros = vec![0_u8; RECORD_BYTES];
            for _ in 0..FILE_RECORDS {
                file.write_all(&zeros)?;
            }
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
        }
        File::open(&self.folder)?.sync_all()?;
        self.starts.push(start);
        OpenOptions::new().write(true).open(path)
    }
}

fn file_path(folder: &Path, start: u64) -> PathBuf {
    folder.join(format!("{start:012}.records"))
}

/// First numbers of the files there are, ascending.
fn starts(folder: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if let Some(stem) = name.to_str().and_then(|n| n.strip_suffix(".records"))
            && let Ok(start) = stem.parse()
        {
            found.push(start);
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn verify(folder: &Path, starts: &[u64]) -> io::Result<Verified> {
    let first = starts.first().copied().unwrap_or(1);
    let mut seen = Verified { first, last: first - 1, newest: [None, None], damage: None };
    for (position, start) in starts.iter().enumerate() {
        if *start != first + position as u64 * FILE_RECORDS {
            seen.damage =
                Some(format!("the file that starts with record {start} does not follow the one before"));
            return Ok(seen);
        }
        let mut bytes = Vec::new();
        File::open(file_path(folder, *start))?
            .take(FILE_RECORDS * RECORD_BYTES as u64 + 1)
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 != FILE_RECORDS * RECORD_BYTES as u64 {
            seen.damage = Some(format!("the file that starts with record {start} has {} bytes", bytes.len()));
            return Ok(seen);
        }
        seen.damage = verify_file(&mut seen, *start, position + 1 == starts.len(), &bytes);
        if seen.damage.is_some() {
            return Ok(seen);
        }
    }
    Ok(seen)
}

/// Goes through one file. Returns what is wrong with it.
fn verify_file(seen: &mut Verified, start: u64, newest_file: bool, bytes: &[u8]) -> Option<String> {
    let mut ended = false;
    for (slot, bytes) in bytes.chunks_exact(RECORD_BYTES).enumerate() {
        let want = start + slot as u64;
        match record::decode(bytes) {
            Slot::Whole(found) if !ended && found.number == want => {
                let before = seen.newest[0];
                if before.is_some_and(|b| b.checksum != found.previous) {
                    return Some(format!("record {want} does not follow from record {}", want - 1));
                }
                if want == 1 && found.previous != 0 {
                    return Some("record 1 follows from a record before it".to_owned());
                }
                seen.newest = [Some(found), before];
                seen.last = want;
            }
            _ if !newest_file => return Some(format!("record {want} is missing and later ones are there")),
            // The one slot that may be half written.
            Slot::Torn if !ended => ended = true,
            Slot::Torn => return Some(format!("the place of record {want} is damaged")),
            Slot::Empty => ended = true,
            // What the file held before it was reused.
            Slot::Whole(old) if old.number < start => ended = true,
            Slot::Whole(found) => {
                return Some(format!("record {} is there but record {} is not", found.number, seen.last + 1));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: u64) -> (tempfile::TempDir, RecordLog) {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut log, verified) = RecordLog::open(folder.path()).expect("opens");
        assert_eq!((verified.first, verified.last, verified.damage), (1, 0, None));
        for n in 1..=count {
            assert_eq!(log.append(n).expect("appends").0, n);
        }
        (folder, log)
    }

    fn reopened(folder: &Path) -> Verified {
        RecordLog::open(folder).expect("opens").1
    }

    fn overwrite(folder: &Path, number: u64, bytes: &[u8]) {
        let start = number - (number - 1) % FILE_RECORDS;
        let file = OpenOptions::new().write(true).open(file_path(folder, start)).expect("is there");
        file.write_all_at(bytes, (number - start) * RECORD_BYTES as u64).expect("writes");
    }

    #[test]
    fn what_was_appended_is_found_and_goes_on() {
        let (folder, log) = filled(FILE_RECORDS + 3);
        drop(log);
        let (mut log, verified) = RecordLog::open(folder.path()).expect("opens");
        assert_eq!((verified.first, verified.last, verified.damage), (1, FILE_RECORDS + 3, None));
        assert_eq!(log.append(9).expect("appends").0, FILE_RECORDS + 4);
        assert_eq!(reopened(folder.path()).last, FILE_RECORDS + 4);
    }

    #[test]
    fn the_oldest_file_is_reused_and_the_rest_is_still_proved() {
        let total = FILE_RECORDS * FILES_MAX as u64 + 5;
        let (folder, log) = filled(total);
        assert_eq!(log.first(), FILE_RECORDS + 1);
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), FILES_MAX);
        let verified = reopened(folder.path());
        assert_eq!((verified.first, verified.last, verified.damage), (FILE_RECORDS + 1, total, None));
    }

    #[test]
    fn a_half_written_last_record_is_no_gap() {
        let (folder, _) = filled(10);
        overwrite(folder.path(), 10, &[7; 512]);
        let verified = reopened(folder.path());
        assert_eq!((verified.last, verified.damage), (9, None));
    }

    #[test]
    fn a_lost_record_is_a_gap() {
        for lost in [4, 9] {
            let (folder, _) = filled(10);
            overwrite(folder.path(), lost, &[0; RECORD_BYTES]);
            assert!(reopened(folder.path()).damage.is_some(), "record {lost} was lost");
        }
    }

    #[test]
    fn a_record_of_another_history_is_no_successor() {
        let (folder, _) = filled(10);
        overwrite(folder.path(), 10, &record::encode(10, 12345, 10).0);
        assert!(reopened(folder.path()).damage.is_some());
    }

    #[test]
    fn a_lost_file_is_a_gap() {
        let (folder, _) = filled(FILE_RECORDS * 2 + 1);
        fs::remove_file(file_path(folder.path(), FILE_RECORDS + 1)).expect("removes");
        assert!(reopened(folder.path()).damage.is_some());
    }
}
