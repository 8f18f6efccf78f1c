//! Shipping a sealed cycle: manifests first, then the blocks the target does not have yet. Zeros are facts of the
//! manifest and do not travel. Apart from `copy`, which has no manifest.

use super::{OnProgress, Progressed, Shipped, ending, explained, unexpected};
use crate::control::{Cancel, Throttle};
use crate::digest::{BLOCK, BLOCK_BYTES};
use crate::error::{ReplicationError, Result};
use crate::line::{KEEP_ALIVE, Line};
use crate::log::{LogReader, SealedCycle, SealedLog};
use crate::wire::{self, Answer, Ask, Kind, RUN_BYTES_MAX};
use std::io::{Read, Write};

/// Ships a cycle and waits until the target has made its point.
///
/// # Errors
/// When the target refuses, the connection ends, a log cannot be read, or it is cancelled. Nothing is lost: the same
/// cycle may be shipped again.
pub fn ship_cycle<R: Read + Send, W: Write + Send>(
    reader: &mut R,
    writer: &mut W,
    cycle: &SealedCycle,
    throttle: &Throttle,
    cancel: &Cancel,
    progress: OnProgress<'_>,
) -> Result<Shipped> {
    let manifests: Vec<Vec<u8>> = cycle.disks.iter().map(|d| d.manifest.bytes()).collect();
    let disks = cycle.disks.iter().zip(&manifests).map(|(d, m)| (d.manifest.disk, m.len() as u64)).collect();
    let line = &Line::new(writer, KEEP_ALIVE);
    line.say(&Ask::Cycle { version: wire::VERSION, head: cycle.head.clone(), disks })?;
    let mut sent: u64 = 0;
    for manifest in &manifests {
        sent += manifest.len() as u64;
        for part in manifest.chunks(RUN_BYTES_MAX) {
            explained(line.write(Kind::Manifest, &[part]), reader, cancel)?;
        }
    }
    explained(line.flush(), reader, cancel)?;
    let have = match wire::hear(reader, cancel)? {
        Answer::Go { have } => have,
        held @ Answer::Held { .. } => return ending(held, cycle.head.instant, sent, cycle.changed_bytes()),
        other => return Err(unexpected(&other)),
    };
    for log in &cycle.disks {
        let have = have.iter().find(|(d, _)| *d == log.manifest.disk).map_or(0, |(_, n)| *n);
        let shipped = line.alive(|| ship_log(line, log, have, throttle, cancel, progress));
        sent += explained(shipped, reader, cancel)?;
    }
    explained(line.flush(), reader, cancel)?;
    ending(wire::hear(reader, cancel)?, cycle.head.instant, sent, cycle.changed_bytes())
}

/// Ships one disk's blocks; the bytes that travelled.
fn ship_log(
    line: &Line<'_>,
    log: &SealedLog,
    have: u64,
    throttle: &Throttle,
    cancel: &Cancel,
    progress: OnProgress<'_>,
) -> Result<u64> {
    let mut reader = LogReader::open(log)?;
    let mut run: Vec<u8> = Vec::with_capacity(RUN_BYTES_MAX);
    let (mut first, mut sent, mut done) = (0, 0, 0);
    let total_bytes = log.manifest.blocks.len() as u64 * BLOCK_BYTES;
    let have = usize::try_from(have).unwrap_or(usize::MAX);
    let wanted = log.manifest.blocks.iter().filter(|(_, d)| !d.is_zero()).skip(have);
    let mut send = |first: u64, run: &mut Vec<u8>| {
        throttle.take(run.len() as u64, cancel);
        line.write(Kind::Blocks, &[&first.to_le_bytes(), run])?;
        sent += run.len() as u64;
        done += run.len() as u64;
        progress(log.manifest.disk, Progressed { done_bytes: done, total_bytes, sent_bytes: sent });
        run.clear();
        Ok::<(), ReplicationError>(())
    };
    for (block, _) in wanted {
        if cancel.is_cancelled() {
            return Err(ReplicationError::Cancelled {});
        }
        let follows = first + (run.len() / BLOCK) as u64 == *block;
        if !run.is_empty() && (!follows || run.len() + BLOCK > RUN_BYTES_MAX) {
            send(first, &mut run)?;
        }
        if run.is_empty() {
            first = *block;
        }
        run.extend_from_slice(reader.block(*block)?);
    }
    if !run.is_empty() {
        send(first, &mut run)?;
    }
    line.write(Kind::End, &[])?;
    Ok(sent)
}
