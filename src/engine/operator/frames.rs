//! Frames between an operator's program and the engine: four bytes of length, then JSON. Apart from the frames
//! of agents, whose bound is far below a snapshot of ten thousand items.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest frame an engine takes from an operator: commands are small.
pub(crate) const ASK_BYTES_MAX: usize = 4 << 20;

/// The longest frame an operator takes from an engine: a whole snapshot of a large vault.
pub(crate) const TELL_BYTES_MAX: usize = 512 << 20;

/// Room is made in steps as bytes arrive, so that a length alone reserves nothing.
const STEP_BYTES: usize = 1 << 20;

/// Writes one frame and flushes it.
pub(crate) async fn write<T: Serialize>(stream: &mut (impl AsyncWrite + Unpin), value: &T) -> io::Result<()> {
    let body = serde_json::to_vec(value).map_err(io::Error::other)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(&body).await?;
    stream.flush().await
}

/// Reads one frame; `None` when the other side has closed in order.
pub(crate) async fn read<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
    bytes_max: usize,
) -> io::Result<Option<T>> {
    read_alive(stream, bytes_max, Duration::MAX).await
}

/// Reads one frame from a side that gives signs of life: one that brings no bytes for `silence` is lost.
pub(crate) async fn read_alive<T: DeserializeOwned>(
    stream: &mut (impl AsyncRead + Unpin),
    bytes_max: usize,
    silence: Duration,
) -> io::Result<Option<T>> {
    let mut length = [0_u8; 4];
    match fill(stream, &mut length, silence).await {
        Ok(_) => {}
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(e) => return Err(e),
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > bytes_max {
        let text = format!("a frame of {length} bytes; at most {bytes_max} are taken");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut body = Vec::new();
    while body.len() < length {
        let have = body.len();
        body.resize(length.min(have + STEP_BYTES), 0);
        if let Some(room) = body.get_mut(have..) {
            fill(stream, room, silence).await?;
        }
    }
    serde_json::from_slice(&body).map(Some).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

async fn fill(
    stream: &mut (impl AsyncRead + Unpin),
    room: &mut [u8],
    silence: Duration,
) -> io::Result<usize> {
    tokio::time::timeout(silence, stream.read_exact(room)).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_pass_and_bad_ones_are_refused() {
        let (mut a, mut b) = tokio::io::duplex(1 << 16);
        write(&mut a, &vec!["hello".to_owned(); 3]).await.expect("write");
        let read_back: Option<Vec<String>> = read(&mut b, 1024).await.expect("read");
        assert_eq!(read_back.map(|v| v.len()), Some(3));

        a.write_all(&u32::MAX.to_be_bytes()).await.expect("write");
        let error = read::<Vec<String>>(&mut b, 1024).await.expect_err("too long");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);

        let (mut a, mut b) = tokio::io::duplex(64);
        a.write_all(&[0, 0, 0, 2, b'{', b'[']).await.expect("write");
        assert!(read::<Vec<String>>(&mut b, 1024).await.is_err(), "not JSON");

        let (_silent, mut b) = tokio::io::duplex(64);
        let error =
            read_alive::<Vec<String>>(&mut b, 1024, Duration::from_millis(1)).await.expect_err("silent");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let (a, mut b) = tokio::io::duplex(64);
        drop(a);
        assert!(read::<Vec<String>>(&mut b, 1024).await.expect("closed in order").is_none());
    }
}
