//! Frames: four bytes of length, a byte that says what it is, eight bytes of number, and JSON. The JSON is read
//! only by whoever knows its type, so that one message that is not understood does not end a session. Apart from
//! `session`, which says what the kinds mean to each other.

use crate::error::LinkError;
use crate::tls::alarm::explain;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest frame after its length.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Length, kind and number.
pub(crate) const HEAD_BYTES: usize = 4 + KIND_AND_NUMBER_BYTES;
const KIND_AND_NUMBER_BYTES: usize = 1 + 8;

/// Room is made in steps as bytes arrive, so that a length alone reserves nothing.
const STEP_BYTES: usize = 256 * 1024;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// The first frame of each side.
    Hello,
    /// A request; its number is chosen by who asks.
    Request,
    /// The answer to the request of that number.
    Response,
    /// There will be no answer to the request of that number; the body says why.
    Unanswered,
    /// Nobody waits for the answer to the request of that number any more.
    Cancel,
    /// Something that wants no answer.
    Notice,
    /// A sign of life.
    Ping,
    /// The last frame of a side; the body says why.
    Goodbye,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Hello,
        Self::Request,
        Self::Response,
        Self::Unanswered,
        Self::Cancel,
        Self::Notice,
        Self::Ping,
        Self::Goodbye,
    ];

    const fn byte(self) -> u8 {
        match self {
            Self::Hello => 1,
            Self::Request => 2,
            Self::Response => 3,
            Self::Unanswered => 4,
            Self::Cancel => 5,
            Self::Notice => 6,
            Self::Ping => 7,
            Self::Goodbye => 8,
        }
    }
}

/// A frame as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// The request it belongs to; 0 where there is none.
    pub number: u64,
    /// JSON, not read yet.
    pub body: Vec<u8>,
}

/// Bytes that are no frame.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAFrame {
    /// The length is out of bounds.
    #[error("a frame of {bytes} bytes; between {KIND_AND_NUMBER_BYTES} and {most} are taken")]
    Length {
        /// What the frame says.
        bytes: usize,
        /// What is taken.
        most: usize,
    },
    /// No kind has this byte.
    #[error("a frame of the unknown kind {kind}")]
    Kind {
        /// The byte.
        kind: u8,
    },
}

/// The length that a frame announces, checked.
///
/// # Errors
/// When it is out of bounds.
pub fn length(head: [u8; 4], bytes_max: usize) -> Result<usize, NotAFrame> {
    let bytes = usize::try_from(u32::from_be_bytes(head)).unwrap_or(usize::MAX);
    if (KIND_AND_NUMBER_BYTES..=bytes_max).contains(&bytes) {
        Ok(bytes)
    } else {
        Err(NotAFrame::Length { bytes, most: bytes_max })
    }
}

/// Takes a frame apart that follows its length.
///
/// # Errors
/// When it is too short or of no known kind.
pub fn parse(mut payload: Vec<u8>) -> Result<Frame, NotAFrame> {
    let short = NotAFrame::Length { bytes: payload.len(), most: FRAME_BYTES_MAX };
    let (Some(&byte), Some(number)) = (payload.first(), payload.get(1..KIND_AND_NUMBER_BYTES)) else {
        return Err(short);
    };
    let Ok(number) = <[u8; 8]>::try_from(number) else { return Err(short) };
    let kind = Kind::ALL.into_iter().find(|k| k.byte() == byte).ok_or(NotAFrame::Kind { kind: byte })?;
    payload.drain(..KIND_AND_NUMBER_BYTES);
    Ok(Frame { kind, number: u64::from_be_bytes(number), body: payload })
}

/// A frame as it goes out, length in front.
///
/// # Errors
/// When the body does not become JSON or the frame would be too long; `peer` is named in the error.
pub fn write<T: Serialize>(peer: &str, kind: Kind, number: u64, body: &T) -> Result<Vec<u8>, LinkError> {
    let mut bytes = vec![0; HEAD_BYTES];
    serde_json::to_writer(&mut bytes, body).map_err(|e| LinkError::bad_frame(peer, e))?;
    seal(&mut bytes, peer, kind, number)?;
    Ok(bytes)
}

/// A frame without a body.
pub(crate) fn bare(kind: Kind, number: u64) -> Vec<u8> {
    let mut bytes = vec![0; HEAD_BYTES];
    seal(&mut bytes, "", kind, number).expect("an empty frame is not too long");
    bytes
}

fn seal(bytes: &mut [u8], peer: &str, kind: Kind, number: u64) -> Result<(), LinkError> {
    let payload = bytes.len() - 4;
    let too_long =
        || LinkError::TooLong { peer: peer.to_owned(), size_bytes: payload, most_bytes: FRAME_BYTES_MAX };
    if payload > FRAME_BYTES_MAX {
        return Err(too_long());
    }
    let length = u32::try_from(payload).map_err(|_long| too_long())?;
    if let Some((head, _)) = bytes.split_first_chunk_mut::<HEAD_BYTES>() {
        head[..4].copy_from_slice(&length.to_be_bytes());
        head[4] = kind.byte();
        head[5..].copy_from_slice(&number.to_be_bytes());
    }
    Ok(())
}

/// Reads a body.
///
/// # Errors
/// When it is not what is expected; the peer is named.
pub(crate) fn body<T: DeserializeOwned>(peer: &str, body: &[u8]) -> Result<T, LinkError> {
    serde_json::from_slice(body).map_err(|e| LinkError::bad_frame(peer, e))
}

/// Reads one frame. `patience` is how long not a single byte may come; within a frame, too, so that a long one
/// over a slow line is not taken for a dead peer.
///
/// # Errors
/// When the connection ends, also in good order: a session ends with a goodbye.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    peer: &str,
    bytes_max: usize,
    patience: Duration,
) -> Result<Frame, LinkError> {
    let mut head = [0; 4];
    fill(stream, peer, &mut head, patience).await?;
    let length = length(head, bytes_max).map_err(|e| LinkError::bad_frame(peer, e))?;
    let mut payload = Vec::new();
    while payload.len() < length {
        let have = payload.len();
        payload.resize(length.min(have + STEP_BYTES), 0);
        fill(stream, peer, payload.get_mut(have..).unwrap_or_default(), patience).await?;
    }
    parse(payload).map_err(|e| LinkError::bad_frame(peer, e))
}

async fn fill(
    stream: &mut (impl AsyncRead + Unpin),
    peer: &str,
    mut room: &mut [u8],
    patience: Duration,
) -> Result<(), LinkError> {
    while !room.is_empty() {
        let read = tokio::time::timeout(patience, stream.read(room)).await;
        let got = match read {
            Err(_late) => {
                return Err(LinkError::TimedOut {
                    peer: peer.to_owned(),
                    doing: "waiting for a sign of life",
                });
            }
            Ok(Err(error)) => return Err(explain(peer, "reading", &error)),
            Ok(Ok(0)) => return Err(LinkError::cut(peer, "the connection was closed")),
            Ok(Ok(got)) => got,
        };
        room = room.get_mut(got..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(bytes: &[u8]) -> (usize, Vec<u8>) {
        let (head, rest) = bytes.split_first_chunk::<4>().expect("a length");
        (length(*head, FRAME_BYTES_MAX).expect("in bounds"), rest.to_vec())
    }

    #[test]
    fn frames_read_back_as_they_were_written() {
        for kind in Kind::ALL {
            let written = write("peer", kind, 7, &"body").expect("written");
            let (length, rest) = payload(&written);
            assert_eq!(length, rest.len());
            let frame = parse(rest).expect("a frame");
            assert_eq!((frame.kind, frame.number), (kind, 7));
            assert_eq!(body::<String>("peer", &frame.body).expect("JSON"), "body");
        }
        assert_eq!(parse(payload(&bare(Kind::Ping, 0)).1).expect("a frame").body, b"");
    }

    #[test]
    fn a_message_that_is_too_long_is_not_written() {
        let long = "x".repeat(FRAME_BYTES_MAX);
        let error = write("peer", Kind::Notice, 0, &long).expect_err("too long");
        assert!(matches!(error, LinkError::TooLong { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_length_out_of_bounds_ends_the_reading_before_anything_is_reserved() {
        for bytes in [u32::MAX, 8, 0] {
            let wire = bytes.to_be_bytes();
            let error = read(&mut wire.as_slice(), "peer", FRAME_BYTES_MAX, Duration::from_secs(5)).await;
            assert!(matches!(error, Err(LinkError::BadFrame { .. })), "{bytes}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_frame_cut_at_any_byte_is_a_cut() {
        let whole = write("peer", Kind::Notice, 3, &"some text").expect("written");
        for end in 0..whole.len() {
            let mut wire = &whole[..end];
            let error = read(&mut wire, "peer", FRAME_BYTES_MAX, Duration::from_secs(5)).await;
            assert!(matches!(error, Err(LinkError::Cut { .. })), "{end}: {error:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_a_frame(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let rest = bytes.get(KIND_AND_NUMBER_BYTES..).map(<[u8]>::to_vec);
            if let Ok(frame) = parse(bytes) {
                prop_assert_eq!(Some(frame.body), rest);
            }
        }
    }
}
