//! The exchanges between source and target, over any duplex stream.
//!
//! | file | what it is |
//! |---|---|
//! | `mod` | what both sides share |
//! | `cycle` | shipping a sealed cycle |
//! | `copy` | shipping frozen disks: whole, or what differs |
//! | `receive` | the target's side of all |

mod copy;
mod cycle;
#[cfg(test)]
mod exchange_tests;
mod receive;

pub use copy::{Copy, CopyDisk, ship_copy};
pub use cycle::ship_cycle;
pub use receive::{Receiver, receive};

use crate::control::Cancel;
use crate::error::{ReplicationError, Result};
use crate::wire::{self, Answer, Ask};
use leeward_model::{DiskId, Epoch, ItemId, Moment, PointId, PointSummary, Sequence};
use std::io::{Read, Write};

/// What came of shipping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shipped {
    /// The point at the target; none when the disks were staged.
    pub point: Option<PointId>,
    /// Bytes of content and facts that travelled.
    pub sent_bytes: u64,
    /// Bytes that had changed, or were compared.
    pub changed_bytes: u64,
    /// The instant that the target has now.
    pub synced_to: Moment,
}

/// How far shipping a disk is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progressed {
    /// Bytes of the disk that are dealt with.
    pub done_bytes: u64,
    /// Bytes of the disk.
    pub total_bytes: u64,
    /// Bytes that travelled.
    pub sent_bytes: u64,
}

/// Told how far it is.
pub type OnProgress<'a> = &'a (dyn Fn(DiskId, Progressed) + Sync);

/// Asks what the target holds.
///
/// # Errors
/// When it refuses, or the connection ends.
pub fn ask_head<R: Read + Send, W: Write + Send>(
    reader: &mut R,
    writer: &mut W,
    item: ItemId,
    epoch: Epoch,
) -> Result<(Epoch, Sequence, Option<Moment>)> {
    wire::say(writer, &Ask::Head { version: wire::VERSION, item, epoch })?;
    match wire::hear(reader, &Cancel::new())? {
        Answer::Head { epoch, sequence, instant } => Ok((epoch, sequence, instant)),
        other => Err(unexpected(&other)),
    }
}

/// Says goodbye: no exchange follows on this stream.
///
/// # Errors
/// When the connection has ended already.
pub fn finish<W: Write>(writer: &mut W) -> Result<()> {
    wire::say(writer, &Ask::Bye)
}

fn unexpected(answer: &Answer) -> ReplicationError {
    ReplicationError::protocol(format!("an answer that does not belong here: {answer:?}"))
}

/// What the target has made of it.
fn ending(answer: Answer, synced_to: Moment, sent_bytes: u64, changed_bytes: u64) -> Result<Shipped> {
    match answer {
        Answer::Held { point } => {
            let point = point.map(|p: PointSummary| p.id);
            Ok(Shipped { point, sent_bytes, changed_bytes, synced_to })
        }
        other => Err(unexpected(&other)),
    }
}

/// When writing fails, what the target said last explains it better.
fn explained<T>(written: Result<T>, reader: &mut impl Read, cancel: &Cancel) -> Result<T> {
    match written {
        Err(ReplicationError::Cut { source }) => match wire::hear(reader, cancel) {
            Err(said @ (ReplicationError::Cut { .. } | ReplicationError::Protocol { .. })) => {
                drop(said);
                Err(ReplicationError::Cut { source })
            }
            Err(said) => Err(said),
            Ok(_) => Err(ReplicationError::Cut { source }),
        },
        written => written,
    }
}
