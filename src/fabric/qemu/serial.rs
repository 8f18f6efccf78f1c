//! What the guest says on its serial port. QEMU only appends to that log, for as long as the guest runs; apart from
//! `running`, because it is kept within bounds from outside.

use crate::error::{FabricError, Result};
use crate::folder::MachineFolder;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A log that is larger is shortened.
pub(super) const LOG_BYTES_MAX: u64 = 8 << 20;
/// How much of it is kept aside then.
const KEPT_BYTES: u64 = 1 << 20;

/// The log of before, one generation back.
pub(super) fn earlier(log: &Path) -> PathBuf {
    let mut name = log.to_owned().into_os_string();
    name.push(".1");
    name.into()
}

/// Shortens the log of a machine that runs: its tail is copied aside, then it begins anew. QEMU has it open for
/// appending and writes on at the new end; what it writes between the copy and the cut is lost, which is what a
/// full line would do to it.
pub(super) fn bound(folder: &MachineFolder) -> Result<()> {
    let log = folder.serial_log();
    if !fs::metadata(&log).is_ok_and(|m| m.len() > LOG_BYTES_MAX) {
        return Ok(());
    }
    let kept = earlier(&log);
    fs::write(&kept, tail_of(&log, KEPT_BYTES)?).map_err(FabricError::file("write", &kept))?;
    let file = File::options().write(true).open(&log).map_err(FabricError::file("open", &log))?;
    file.set_len(0).map_err(FabricError::file("shorten", &log))
}

/// The last bytes of the log, those put aside included.
pub(super) fn tail(folder: &MachineFolder, bytes_max: usize) -> Result<Vec<u8>> {
    let log = folder.serial_log();
    let newest = tail_of(&log, u64::try_from(bytes_max).unwrap_or(u64::MAX))?;
    let missing = bytes_max.saturating_sub(newest.len());
    let earlier = earlier(&log);
    if missing == 0 || !earlier.exists() {
        return Ok(newest);
    }
    let mut bytes = tail_of(&earlier, u64::try_from(missing).unwrap_or(u64::MAX))?;
    bytes.extend(newest);
    Ok(bytes)
}

fn tail_of(log: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let read = |mut file: File| {
        let len = file.metadata()?.len();
        file.seek(SeekFrom::Start(len.saturating_sub(bytes_max)))?;
        let mut bytes = Vec::new();
        file.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match File::open(log).and_then(read) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        bytes => bytes.map_err(FabricError::file("read", log)),
    }
}
