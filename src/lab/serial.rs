//! What a guest said on its serial line: the lab's machines say in fixed words what their records prove. Apart
//! from the guest's own program, which says it, because this is read on the host.

use crate::error::{LabError, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// A serial log is read from this far before its end; a guest says a few hundred bytes per minute.
const TAIL_BYTES: u64 = 4 * 1024 * 1024;

/// One line of a guest: `LEEWARD-RECORDS host=web01 ok=true ...`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// The first word without its prefix: `RECORDS`, `LAST`, `STOPPED`, `UNMOUNTED`, `READY`, `FAILED`.
    pub word: String,
    /// The rest.
    pub values: BTreeMap<String, String>,
}

impl Said {
    /// A value that is a number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.values.get(name)?.parse().ok()
    }

    /// Whether a value is `true`.
    #[must_use]
    pub fn holds(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|v| v == "true")
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.trim_end_matches('\r').split_whitespace();
        let word = words.next()?.strip_prefix("LEEWARD-")?.to_owned();
        let values =
            words.filter_map(|w| w.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        Some(Self { word, values })
    }
}

/// Everything a guest said, oldest first, as far back as its log is read.
///
/// # Errors
/// When the log cannot be read.
pub fn said(serial_log: &Path) -> Result<Vec<Said>> {
    let mut file = File::open(serial_log).map_err(LabError::file("read", serial_log))?;
    let bytes = file.metadata().map_err(LabError::file("read", serial_log))?.len();
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(bytes.saturating_sub(TAIL_BYTES)))
        .and_then(|_| file.take(TAIL_BYTES).read_to_end(&mut text))
        .map_err(LabError::file("read", serial_log))?;
    let text = String::from_utf8_lossy(&text);
    // A line that is still being written has no end.
    let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
    Ok(whole.lines().filter_map(Said::parse).collect())
}

/// The number of the last record at the machine's last orderly stop.
///
/// # Errors
/// When it has not stopped in good order since it last started.
pub fn last_record_at_stop(serial_log: &Path, machine: &str) -> Result<u64> {
    let lines = said(serial_log)?;
    let stopped = lines.iter().rev().find(|s| s.word == "STOPPED" || s.word == "RECORDS");
    stopped
        .filter(|s| s.word == "STOPPED")
        .and_then(|s| s.number("last"))
        .ok_or_else(|| LabError::NotSaid { machine: machine.to_owned(), what: "where its records stopped" })
}

/// The highest record number the machine has said since it last started.
///
/// # Errors
/// When it has said none.
pub fn last_record_seen(serial_log: &Path, machine: &str) -> Result<u64> {
    let lines = said(serial_log)?;
    let since = lines.iter().rposition(|s| s.word == "RECORDS").unwrap_or(0);
    lines
        .iter()
        .skip(since)
        .filter_map(|s| s.number("last"))
        .max()
        .ok_or_else(|| LabError::NotSaid { machine: machine.to_owned(), what: "a record's number" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        file
    }

    #[test]
    fn a_stop_counts_only_until_the_next_start() {
        let stopped = "GRUB\r\nLEEWARD-RECORDS host=a ok=true last=4 boot_id=x\r\nLEEWARD-LAST host=a last=9\r\n\
                       LEEWARD-STOPPED last=11 host=a\r\n";
        let file = log(stopped);
        assert_eq!(last_record_at_stop(file.path(), "a").expect("stopped"), 11);
        assert_eq!(last_record_seen(file.path(), "a").expect("seen"), 11);
        let file = log(&format!("{stopped}LEEWARD-RECORDS host=a ok=true last=11\r\nLEEWARD-STOPPED last=1"));
        assert!(last_record_at_stop(file.path(), "a").is_err(), "it runs again, and half a line is no line");
        assert_eq!(last_record_seen(file.path(), "a").expect("seen"), 11);
        assert!(said(file.path()).expect("read")[0].holds("ok"));
    }
}
