//! The hello: each side says which versions of the conversation it knows, what program it is, and its greeting.
//! Apart from `session`, which begins when both have understood each other.

use super::dialect::{Dialect, Words};
use super::frame::{self, Kind};
use crate::error::LinkError;
use crate::tls::alarm::explain;
use leeward_model::Message;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// The versions of the conversation that this program knows, newest first.
pub(super) const VERSIONS: &[u32] = &[1];

/// The longest hello.
const HELLO_BYTES_MAX: usize = 256 * 1024;

/// How fast a session shows that it lives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// A sign of life goes out after this long without anything else.
    pub ping: Duration,
    /// The other side is taken for dead after this long without a byte.
    pub dead: Duration,
    /// How long a hello, and a goodbye, may take.
    pub opening: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { ping: Duration::from_secs(4), dead: Duration::from_secs(15), opening: Duration::from_secs(10) }
    }
}

#[derive(Serialize)]
struct HelloOut<'a, G> {
    versions: &'a [u32],
    program: &'a str,
    greeting: &'a G,
}

/// The greeting is read only once the version is known to be understood.
#[derive(Deserialize)]
struct HelloIn {
    versions: Vec<u32>,
    program: String,
    greeting: serde_json::Value,
}

/// Whether bytes are a hello.
pub(crate) fn hello_is_read(bytes: &[u8]) -> bool {
    serde_json::from_slice::<HelloIn>(bytes).is_ok()
}

/// A hello with an empty greeting.
pub(crate) fn hello_example() -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&HelloOut { versions: VERSIONS, program: env!("CARGO_PKG_VERSION"), greeting: &() })
}

/// What the other side has said of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Opened<G> {
    pub(super) greeting: G,
    pub(super) version: u32,
    pub(super) program: String,
}

/// Says hello and hears the other side's.
pub(super) async fn open<Out: Dialect, In: Dialect>(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    peer: &str,
    greeting: &Out::Greeting,
    pace: Pace,
) -> Result<Opened<In::Greeting>, LinkError> {
    let hello = HelloOut { versions: VERSIONS, program: env!("CARGO_PKG_VERSION"), greeting };
    let hello = frame::write(peer, Kind::Hello, 0, &hello)?;
    let talk = async {
        // What the other side says explains why it stopped listening: it goes before a failure to write.
        let written = send(stream, &hello).await;
        let read = frame::read(stream, peer, HELLO_BYTES_MAX, pace.opening).await;
        match (written, read) {
            (_, Ok(frame)) => Ok(frame),
            (_, Err(error)) if !matches!(error, LinkError::Cut { .. }) => Err(error),
            (Err(error), _) => Err(explain(peer, "saying hello", &error)),
            (Ok(()), Err(error)) => Err(error),
        }
    };
    let late = |_| LinkError::TimedOut { peer: peer.to_owned(), doing: "saying hello" };
    let frame = tokio::time::timeout(pace.opening, talk).await.map_err(late)??;
    match frame.kind {
        Kind::Hello => understood(peer, &frame.body),
        Kind::Goodbye => {
            Err(LinkError::TurnedAway { peer: peer.to_owned(), why: frame::body(peer, &frame.body)? })
        }
        other => Err(LinkError::bad_frame(peer, format!("{other:?} where a hello should be"))),
    }
}

fn understood<G: Words>(peer: &str, body: &[u8]) -> Result<Opened<G>, LinkError> {
    let hello: HelloIn = frame::body(peer, body)?;
    let version = VERSIONS.iter().find(|v| hello.versions.contains(v));
    let Some(&version) = version else {
        let theirs = hello.versions.into_iter().take(16).collect();
        return Err(LinkError::Version { peer: peer.to_owned(), ours: VERSIONS.to_vec(), theirs });
    };
    let greeting = serde_json::from_value(hello.greeting).map_err(|e| LinkError::bad_frame(peer, e))?;
    Ok(Opened { greeting, version, program: hello.program.chars().take(64).collect() })
}

/// Says in one frame why there will be no session, and hangs up.
pub(crate) async fn turn_away(stream: &mut (impl AsyncWrite + Unpin), why: &Message, patience: Duration) {
    let Ok(goodbye) = frame::write("", Kind::Goodbye, 0, why) else { return };
    let farewell = async {
        send(stream, &goodbye).await?;
        stream.shutdown().await
    };
    // Whoever does not want to hear it is hung up on just the same.
    tokio::time::timeout(patience, farewell).await.map(|sent| sent.ok()).ok();
}

pub(super) async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}
