//! The writer: one record on the data disk, then its number on the OS disk, at a set rate, until told to stop.
//! Apart from `log` and `witness`, which know files but not time.

use crate::log::RecordLog;
use crate::state::{Shared, now_millis};
use crate::witness::{Said, Witness};
use std::time::{Duration, Instant};

/// Writes until the state says to stop. Blocks where the disks block.
pub(crate) fn run(mut log: RecordLog, witness: &Witness, shared: &Shared) {
    let pause = Duration::from_secs(1) / shared.lock().settings.rate.max(1);
    let mut due = Instant::now();
    while !shared.lock().stopping {
        let written = log.append(now_millis()).and_then(|(number, checksum)| {
            witness.note(Said { number, checksum })?;
            Ok((number, checksum))
        });
        match written {
            Ok((number, checksum)) => {
                let mut state = shared.lock();
                state.first = log.first();
                state.last = number;
                state.last_checksum = checksum;
                state.last_written = Instant::now();
            }
            Err(error) => {
                crate::say(&format!("LEEWARD-FAILED what=write why={error}"));
                shared.lock().failure = Some(format!("writing failed: {error}"));
                break;
            }
        }
        // Time lost in a frozen disk is not made up for.
        due = (due + pause).max(Instant::now());
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    shared.lock().stopped = true;
}
