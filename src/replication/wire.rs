//! The frames of a replication stream. Apart from `transfer`, which says what follows what.
//!
//! A frame is its kind (u8), its length (u32, little-endian) and its payload. Lengths are bounded before anything is
//! allocated for them.

use crate::control::Cancel;
use crate::digest::{BLOCK, Digest};
use crate::error::{ReplicationError, Result};
use crate::log::CycleHead;
use leeward_model::fault::Fault;
use leeward_model::{DiskId, Epoch, ItemId, Moment, PointKind, PointSummary, Sequence};
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Read, Write};
use uuid::Uuid;

/// The version of the conversation.
pub const VERSION: u32 = 3;

/// The longest message.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// The most bytes of disk content in a frame.
pub(crate) const RUN_BYTES_MAX: usize = 1 << 20;

/// The most fingerprints in a frame.
pub(crate) const HASHES_MAX: usize = 4096;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    /// A message.
    Message = 1,
    /// First block (u64), then whole blocks.
    Blocks = 2,
    /// First block (u64), number of blocks (u64): they are zeros.
    Zeros = 3,
    /// This disk is complete.
    End = 4,
    /// First block (u64), then fingerprints.
    Hashes = 5,
    /// A part of a manifest.
    Manifest = 6,
    /// Nothing: whoever says it is at work, and silent for no other reason.
    Alive = 7,
    /// Block (u64): those before it were compared, and what differs has been sent.
    Compared = 8,
}

/// What the source says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// What do you hold?
    Head {
        /// Version of the conversation.
        version: u32,
        /// The item.
        item: ItemId,
        /// The right to write of the source.
        epoch: Epoch,
    },
    /// A cycle comes; the manifests follow.
    Cycle {
        /// Version of the conversation.
        version: u32,
        /// Its head.
        head: CycleHead,
        /// Disks and the lengths of their manifests.
        disks: Vec<(DiskId, u64)>,
    },
    /// A copy comes.
    Copy {
        /// Version of the conversation.
        version: u32,
        /// The item.
        item: ItemId,
        /// The right to write of the source.
        epoch: Epoch,
        /// Its number.
        sequence: Sequence,
        /// The instant of the frozen disks.
        instant: Moment,
        /// What the point will be.
        kind: PointKind,
        /// Names the copy.
        copy: Uuid,
        /// Disks and their sizes.
        disks: Vec<(DiskId, u64)>,
        /// All disks of the item at one instant.
        completes: bool,
    },
    /// Nothing more.
    Bye,
}

/// What the target says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Answer {
    /// The newest point.
    Head {
        /// Its epoch.
        epoch: Epoch,
        /// Its number.
        sequence: Sequence,
        /// Its instant.
        instant: Option<Moment>,
    },
    /// Send; so many blocks of each disk are here already.
    Go {
        /// Disk by disk: blocks in the order of the manifest, or the first block of a full copy.
        have: Vec<(DiskId, u64)>,
    },
    /// The fingerprints of what is here follow; send what differs.
    Compare {
        /// Disk by disk: the first block that was not compared before.
        have: Vec<(DiskId, u64)>,
    },
    /// It is held as this point, or staged.
    Held {
        /// The point; none when it was staged.
        point: Option<PointSummary>,
    },
    /// No.
    Refused {
        /// What it is for the source.
        why: Why,
        /// In words.
        fault: Box<Fault>,
    },
}

/// What a refusal is for the source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Why {
    /// Not what follows.
    Gap {
        /// Held.
        have: Sequence,
        /// Offered to follow.
        got: Sequence,
    },
    /// Came before with other content.
    Replayed {
        /// Its number.
        sequence: Sequence,
    },
    /// Older right to write.
    OlderEpoch {
        /// Of the log.
        asked: Epoch,
        /// Known.
        known: Epoch,
    },
    /// Bytes and fingerprint do not agree.
    Corrupted {
        /// The block.
        block: u64,
    },
    /// Something else: the fault says it.
    Other,
}

impl Why {
    /// The reason behind a failure at the target.
    pub(crate) const fn of(error: &ReplicationError) -> Self {
        match error {
            ReplicationError::Gap { have, got } => Self::Gap { have: *have, got: *got },
            ReplicationError::Replayed { sequence } => Self::Replayed { sequence: *sequence },
            ReplicationError::OlderEpoch { asked, known } => {
                Self::OlderEpoch { asked: *asked, known: *known }
            }
            ReplicationError::Corrupted { block } => Self::Corrupted { block: *block },
            _ => Self::Other,
        }
    }

    /// The same failure at the source.
    pub(crate) fn error(self, fault: Box<Fault>) -> ReplicationError {
        match self {
            Self::Gap { have, got } => ReplicationError::Gap { have, got },
            Self::Replayed { sequence } => ReplicationError::Replayed { sequence },
            Self::OlderEpoch { asked, known } => ReplicationError::OlderEpoch { asked, known },
            Self::Corrupted { block } => ReplicationError::Corrupted { block },
            Self::Other => ReplicationError::Refused { fault },
        }
    }
}

/// The head of a frame: its kind and length, both checked.
///
/// # Errors
/// Why it is none.
pub fn parse_header(bytes: &[u8; 5]) -> std::result::Result<(u8, usize), String> {
    let [kind, length @ ..] = *bytes;
    let length = usize::try_from(u32::from_le_bytes(length)).map_err(|e| e.to_string())?;
    let most = match kind {
        1 => MESSAGE_BYTES_MAX,
        2 => 8 + RUN_BYTES_MAX,
        3 => 16,
        4 | 7 => 0,
        5 => 8 + HASHES_MAX * 16,
        6 => RUN_BYTES_MAX,
        8 => 8,
        _ => return Err(format!("a frame of kind {kind}")),
    };
    if length > most {
        return Err(format!("a frame of kind {kind} with {length} bytes"));
    }
    Ok((kind, length))
}

/// One frame.
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The first number of the payload, and what follows.
    pub(crate) fn first(&self) -> Result<(u64, &[u8])> {
        let (number, rest) = self
            .payload
            .split_first_chunk::<8>()
            .ok_or_else(|| ReplicationError::protocol("a frame is too short"))?;
        Ok((u64::from_le_bytes(*number), rest))
    }
}

fn cut(source: std::io::Error) -> ReplicationError {
    ReplicationError::Cut { source }
}

/// Reads a frame, signs of life included; none at the end of the stream. `room` is used again.
pub(crate) fn read(reader: &mut impl Read, room: Vec<u8>) -> Result<Option<Frame>> {
    let mut head = [0; 5];
    match reader.read(&mut head[..1]) {
        Ok(0) => return Ok(None),
        Ok(_) => {}
        Err(e) if e.kind() == ErrorKind::Interrupted => return read(reader, room),
        Err(e) => return Err(cut(e)),
    }
    reader.read_exact(&mut head[1..]).map_err(cut)?;
    let (kind, length) = parse_header(&head).map_err(ReplicationError::protocol)?;
    let kind = match kind {
        1 => Kind::Message,
        2 => Kind::Blocks,
        3 => Kind::Zeros,
        4 => Kind::End,
        5 => Kind::Hashes,
        7 => Kind::Alive,
        8 => Kind::Compared,
        _ => Kind::Manifest,
    };
    let mut payload = room;
    payload.clear();
    payload.resize(length, 0);
    reader.read_exact(&mut payload).map_err(cut)?;
    Ok(Some(Frame { kind, payload }))
}

/// Reads a frame that must come, signs of life included.
pub(crate) fn expect(reader: &mut impl Read, room: Vec<u8>) -> Result<Frame> {
    read(reader, room)?.ok_or_else(|| cut(ErrorKind::UnexpectedEof.into()))
}

/// Reads a frame that says something. Between signs of life it may be given up.
pub(crate) fn await_frame(reader: &mut impl Read, cancel: &Cancel) -> Result<Frame> {
    loop {
        let frame = expect(reader, Vec::new())?;
        if frame.kind != Kind::Alive {
            return Ok(frame);
        }
        if cancel.is_cancelled() {
            return Err(ReplicationError::Cancelled {});
        }
    }
}

/// Writes a frame in parts.
pub(crate) fn write(writer: &mut impl Write, kind: Kind, parts: &[&[u8]]) -> Result<()> {
    let length: usize = parts.iter().map(|p| p.len()).sum();
    let mut head = [kind as u8; 5];
    head[1..].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    writer.write_all(&head).map_err(cut)?;
    for part in parts {
        writer.write_all(part).map_err(cut)?;
    }
    Ok(())
}

/// Sends what was written on its way.
pub(crate) fn flush(writer: &mut impl Write) -> Result<()> {
    writer.flush().map_err(cut)
}

/// Says something.
pub(crate) fn say(writer: &mut impl Write, message: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec(message).map_err(|e| ReplicationError::protocol(e.to_string()))?;
    write(writer, Kind::Message, &[&bytes])?;
    flush(writer)
}

/// Understands a message.
pub(crate) fn understand<T: for<'a> Deserialize<'a>>(frame: &Frame) -> Result<T> {
    if frame.kind != Kind::Message {
        return Err(ReplicationError::protocol("bytes where a message should be"));
    }
    serde_json::from_slice(&frame.payload).map_err(|e| ReplicationError::protocol(e.to_string()))
}

/// Hears the target's answer.
pub(crate) fn hear(reader: &mut impl Read, cancel: &Cancel) -> Result<Answer> {
    match understand(&await_frame(reader, cancel)?)? {
        Answer::Refused { why, fault } => Err(why.error(fault)),
        answer => Ok(answer),
    }
}

/// Fingerprints of a frame.
pub(crate) fn hashes(rest: &[u8]) -> impl Iterator<Item = Digest> + '_ {
    rest.chunks_exact(16).map(|c| Digest(c.try_into().unwrap_or_default()))
}

/// Blocks of a frame.
pub(crate) fn blocks(first: u64, rest: &[u8]) -> Result<impl Iterator<Item = (u64, &[u8])> + '_> {
    if rest.is_empty() || !rest.len().is_multiple_of(BLOCK) {
        return Err(ReplicationError::protocol("no whole number of blocks"));
    }
    Ok(rest.chunks_exact(BLOCK).enumerate().map(move |(n, b)| (first.saturating_add(n as u64), b)))
}
