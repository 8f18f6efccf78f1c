//! A session: requests with answers and notices, both ways at once, until one side ends it or is lost. Then every
//! request that waits fails with the reason. What waits to be sent is bounded in bytes, what waits to be heard in
//! number: whoever is too slow makes the other side wait, and nothing piles up. Apart from `frame`, which knows
//! only bytes, and `opening`, which is over when this begins.

use super::dialect::{Dialect, Words};
use super::frame::{self, Frame, Kind};
use super::opening::{self, Pace};
use crate::error::LinkError;
use crate::tls::alarm::explain;
use leeward_model::Message;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

/// Bytes that may wait to be sent.
const OUTGOING_BYTES_MAX: usize = 2 * frame::FRAME_BYTES_MAX;

/// What every frame counts at least, so that small ones are bounded in number, too.
const OUTGOING_BYTES_EACH: usize = 4 * 1024;

/// Frames that may wait to be heard.
const INCOMING_MAX: usize = 64;

/// Requests of the other side that may be without an answer at a time.
const OPEN_REQUESTS_MAX: usize = 4_096;

/// A handle to a session; clones are the same session. The session itself lives as long as its [`Incoming`].
pub struct Session<Out: Dialect, In: Dialect> {
    wire: Arc<Wire>,
    program: Arc<str>,
    says: PhantomData<fn(Out) -> In>,
}

/// What the other side says.
pub struct Incoming<Out: Dialect, In: Dialect> {
    heard: mpsc::Receiver<Heard<Out, In>>,
    wire: Arc<Wire>,
}

/// One thing the other side says.
#[derive(Debug)]
pub enum Heard<Out: Dialect, In: Dialect> {
    /// It asks.
    Request {
        /// What.
        body: In::Request,
        /// Where the answer goes.
        reply: Reply<Out, In>,
    },
    /// It tells.
    Notice(In::Notice),
}

/// The place for the answer to one request of the other side. Dropping it tells that there will be none.
pub struct Reply<Out: Dialect, In: Dialect> {
    wire: Arc<Wire>,
    number: u64,
    given_up: Option<oneshot::Receiver<()>>,
    answered: bool,
    says: PhantomData<fn(Out) -> In>,
}

/// What the handles and the task of a session share.
struct Wire {
    peer: String,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    budget: Arc<Semaphore>,
    open: Mutex<Open>,
    ended: watch::Sender<Option<LinkError>>,
}

#[derive(Default)]
struct Open {
    last_number: u64,
    /// Requests of this side that wait for their answer.
    asked: HashMap<u64, oneshot::Sender<Result<Vec<u8>, LinkError>>>,
    /// Requests of the other side without an answer. Dropping the sender tells that nobody waits.
    answering: HashMap<u64, oneshot::Sender<()>>,
    over: bool,
}

struct Outgoing {
    bytes: Vec<u8>,
    last: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl<Out: Dialect, In: Dialect> Session<Out, In> {
    /// Says hello on a fresh stream and begins a session on it. `peer` names the other side in errors. Gives the
    /// session, what is heard on it, and the other side's greeting.
    ///
    /// # Errors
    /// When the other side says no proper hello, or no version in common.
    pub async fn open<S>(
        mut stream: S,
        peer: &str,
        greeting: &Out::Greeting,
        pace: Pace,
    ) -> Result<(Self, Incoming<Out, In>, In::Greeting), LinkError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let opened = opening::open::<Out, In>(&mut stream, peer, greeting, pace).await?;
        tracing::debug!(peer, version = opened.version, program = opened.program, "a session begins");
        let (outgoing, to_send) = mpsc::unbounded_channel();
        let wire = Arc::new(Wire {
            peer: peer.to_owned(),
            outgoing,
            budget: Arc::new(Semaphore::new(OUTGOING_BYTES_MAX)),
            open: Mutex::default(),
            ended: watch::Sender::new(None),
        });
        let (hearing, heard) = mpsc::channel(INCOMING_MAX);
        let session = Self { wire: Arc::clone(&wire), program: opened.program.into(), says: PhantomData };
        tokio::spawn(live::<Out, In, S>(stream, Arc::clone(&wire), to_send, hearing, pace));
        Ok((session, Incoming { heard, wire }, opened.greeting))
    }

    /// Asks the other side and waits for its answer. Dropping the future tells the other side that nobody waits.
    ///
    /// # Errors
    /// When the session ends first, the other side cannot answer, or the request is too long.
    pub async fn request(&self, request: &Out::Request) -> Result<Out::Response, LinkError> {
        let (asked, answer) = self.wire.register()?;
        let bytes = frame::write(&self.wire.peer, Kind::Request, asked.number, request)?;
        self.wire.send(bytes, false).await?;
        let body = match answer.await {
            Ok(answer) => answer?,
            Err(_dropped) => return Err(self.wire.reason()),
        };
        frame::body(&self.wire.peer, &body)
            .map_err(|e| LinkError::Unanswered { peer: self.wire.peer.clone(), detail: e.to_string() })
    }

    /// Tells the other side something. Returns when it has its place in the queue.
    ///
    /// # Errors
    /// When the session has ended, or the notice is too long.
    pub async fn notify(&self, notice: &Out::Notice) -> Result<(), LinkError> {
        let bytes = frame::write(&self.wire.peer, Kind::Notice, 0, notice)?;
        self.wire.send(bytes, false).await
    }

    /// Ends the session in good order, after what is queued. The other side hears `why`.
    pub fn end(&self, why: Message) {
        self.wire.end(&why);
    }

    /// Waits for the end of the session.
    pub async fn ended(&self) -> LinkError {
        let mut ended = self.wire.ended.subscribe();
        let reason = ended.wait_for(Option::is_some).await;
        reason.ok().and_then(|r| r.clone()).unwrap_or_else(|| self.wire.reason())
    }

    /// Whether it has ended, and why.
    #[must_use]
    pub fn end_reason(&self) -> Option<LinkError> {
        self.wire.ended.borrow().clone()
    }

    /// The other side's name, as it was given.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.wire.peer
    }

    /// The other side's program version.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }
}

impl<Out: Dialect, In: Dialect> Clone for Session<Out, In> {
    fn clone(&self) -> Self {
        Self { wire: Arc::clone(&self.wire), program: Arc::clone(&self.program), says: PhantomData }
    }
}

impl<Out: Dialect, In: Dialect> std::fmt::Debug for Session<Out, In> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("peer", &self.wire.peer).finish_non_exhaustive()
    }
}

impl<Out: Dialect, In: Dialect> Incoming<Out, In> {
    /// The next thing the other side says; none when the session has ended. Do not wait for an answer of the other
    /// side between two calls: the answer stands in the same line.
    pub async fn next(&mut self) -> Option<Heard<Out, In>> {
        self.heard.recv().await
    }
}

impl<Out: Dialect, In: Dialect> Drop for Incoming<Out, In> {
    fn drop(&mut self) {
        self.wire.end(&Message::new("link-said-goodbye"));
    }
}

impl<Out: Dialect, In: Dialect> std::fmt::Debug for Incoming<Out, In> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Incoming").field("peer", &self.wire.peer).finish_non_exhaustive()
    }
}

impl<Out: Dialect, In: Dialect> Reply<Out, In> {
    /// Answers.
    ///
    /// # Errors
    /// When the session has ended, or the answer is too long; the other side is then told that there is none.
    pub async fn send(mut self, response: &In::Response) -> Result<(), LinkError> {
        let bytes = frame::write(&self.wire.peer, Kind::Response, self.number, response)?;
        self.answered = true;
        self.wire.answered(self.number);
        self.wire.send(bytes, false).await
    }

    /// Waits until nobody wants the answer any more: the other side has cancelled, or the session has ended.
    pub async fn given_up(&mut self) {
        if let Some(given_up) = self.given_up.as_mut() {
            // Nothing is ever sent on it: it ends when the other end is dropped.
            given_up.await.ok();
            self.given_up = None;
        }
    }
}

impl<Out: Dialect, In: Dialect> Drop for Reply<Out, In> {
    fn drop(&mut self) {
        if !self.answered {
            self.wire.answered(self.number);
            self.wire.cannot_answer(self.number, "the request was dropped");
        }
    }
}

impl<Out: Dialect, In: Dialect> std::fmt::Debug for Reply<Out, In> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Where the answer to a request comes in.
type Answered = oneshot::Receiver<Result<Vec<u8>, LinkError>>;

/// Takes a request out of the list when nobody waits for it any more.
struct Asked<'a> {
    wire: &'a Wire,
    number: u64,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if self.wire.open().asked.remove(&self.number).is_some() {
            self.wire.push(frame::bare(Kind::Cancel, self.number));
        }
    }
}

impl Wire {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reason(&self) -> LinkError {
        let ended = self.ended.borrow().clone();
        ended.unwrap_or_else(|| LinkError::EndedHere { peer: self.peer.clone() })
    }

    fn register(&self) -> Result<(Asked<'_>, Answered), LinkError> {
        let (slot, answer) = oneshot::channel();
        let mut open = self.open();
        if open.over {
            drop(open);
            return Err(self.reason());
        }
        open.last_number += 1;
        let number = open.last_number;
        open.asked.insert(number, slot);
        Ok((Asked { wire: self, number }, answer))
    }

    /// Sends within the budget.
    async fn send(&self, bytes: Vec<u8>, last: bool) -> Result<(), LinkError> {
        let cost = bytes.len().clamp(OUTGOING_BYTES_EACH, OUTGOING_BYTES_MAX);
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let place = Arc::clone(&self.budget).acquire_many_owned(cost).await;
        let place = place.map_err(|_closed| self.reason())?;
        self.outgoing.send(Outgoing { bytes, last, _place: Some(place) }).map_err(|_gone| self.reason())
    }

    /// Sends a frame of a few bytes, at most one for every request, past the budget.
    fn push(&self, bytes: Vec<u8>) {
        self.outgoing.send(Outgoing { bytes, last: false, _place: None }).ok();
    }

    fn cannot_answer(&self, number: u64, why: &str) {
        if let Ok(bytes) = frame::write(&self.peer, Kind::Unanswered, number, &why) {
            self.push(bytes);
        }
    }

    fn answered(&self, number: u64) {
        self.open().answering.remove(&number);
    }

    fn end(&self, why: &Message) {
        if let Ok(bytes) = frame::write(&self.peer, Kind::Goodbye, 0, why) {
            self.outgoing.send(Outgoing { bytes, last: true, _place: None }).ok();
        }
    }

    /// The session is over: whoever waits hears why.
    fn over(&self, reason: &LinkError) {
        let (asked, answering) = {
            let mut open = self.open();
            open.over = true;
            (std::mem::take(&mut open.asked), std::mem::take(&mut open.answering))
        };
        self.ended.send_replace(Some(reason.clone()));
        self.budget.close();
        for slot in asked.into_values() {
            slot.send(Err(reason.clone())).ok();
        }
        drop(answering);
    }
}

/// The whole life of a session.
async fn live<Out: Dialect, In: Dialect, S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    wire: Arc<Wire>,
    mut to_send: mpsc::UnboundedReceiver<Outgoing>,
    hearing: mpsc::Sender<Heard<Out, In>>,
    pace: Pace,
) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut hear = std::pin::pin!(hear::<Out, In>(&mut reader, &wire, hearing, pace));
    let mut tell = std::pin::pin!(tell(&mut writer, &wire, &mut to_send, pace));
    let reason = tokio::select! {
        reason = &mut hear => reason,
        told = &mut tell => match told {
            // A goodbye was said; what the other side has said before is still taken in, within a bound.
            Ok(()) => {
                tokio::time::timeout(pace.opening, &mut hear).await.ok();
                LinkError::EndedHere { peer: wire.peer.clone() }
            }
            // When writing fails, what the other side said last is the better explanation.
            Err(error) => match tokio::time::timeout(pace.opening, &mut hear).await {
                Ok(LinkError::Cut { .. }) | Err(_) => error,
                Ok(better) => better,
            },
        },
    };
    tracing::debug!(peer = wire.peer, %reason, "a session ended");
    wire.over(&reason);
}

/// Writes what waits, and signs of life when nothing does, until the goodbye.
async fn tell(
    writer: &mut (impl AsyncWrite + Unpin),
    wire: &Wire,
    to_send: &mut mpsc::UnboundedReceiver<Outgoing>,
    pace: Pace,
) -> Result<(), LinkError> {
    loop {
        let next = match tokio::time::timeout(pace.ping, to_send.recv()).await {
            Err(_idle) => Outgoing { bytes: frame::bare(Kind::Ping, 0), last: false, _place: None },
            Ok(Some(next)) => next,
            Ok(None) => return Ok(()),
        };
        let written = opening::send(writer, &next.bytes).await;
        written.map_err(|e| explain(&wire.peer, "writing", &e))?;
        if next.last {
            writer.shutdown().await.ok();
            return Ok(());
        }
    }
}

/// Reads until the end, and says why it ended.
async fn hear<Out: Dialect, In: Dialect>(
    reader: &mut (impl AsyncRead + Unpin),
    wire: &Arc<Wire>,
    hearing: mpsc::Sender<Heard<Out, In>>,
    pace: Pace,
) -> LinkError {
    loop {
        let frame = match frame::read(reader, &wire.peer, frame::FRAME_BYTES_MAX, pace.dead).await {
            Ok(frame) => frame,
            Err(error) => return error,
        };
        let heard = match take::<Out, In>(wire, frame) {
            Ok(heard) => heard,
            Err(error) => return error,
        };
        if let Some(heard) = heard {
            // Nobody listens any more: the goodbye is on its way, and what comes until then is not missed.
            hearing.send(heard).await.ok();
        }
    }
}

/// Takes one frame in; what is for the owner of the session comes back.
fn take<Out: Dialect, In: Dialect>(
    wire: &Arc<Wire>,
    frame: Frame,
) -> Result<Option<Heard<Out, In>>, LinkError> {
    let peer = &wire.peer;
    match frame.kind {
        Kind::Request => request(wire, frame.number, &frame.body),
        Kind::Notice => match frame::body(peer, &frame.body) {
            Ok(notice) => Ok(Some(Heard::Notice(notice))),
            Err(error) => {
                tracing::warn!(peer, %error, "a notice was not understood");
                Ok(None)
            }
        },
        Kind::Response | Kind::Unanswered => {
            // Late answers to what nobody waits for are usual.
            if let Some(slot) = wire.open().asked.remove(&frame.number) {
                let answer = if frame.kind == Kind::Response {
                    Ok(frame.body)
                } else {
                    let detail: String = frame::body(peer, &frame.body).unwrap_or_default();
                    Err(LinkError::Unanswered {
                        peer: peer.clone(),
                        detail: detail.chars().take(500).collect(),
                    })
                };
                slot.send(answer).ok();
            }
            Ok(None)
        }
        Kind::Cancel => {
            wire.answered(frame.number);
            Ok(None)
        }
        Kind::Ping => Ok(None),
        Kind::Goodbye => Err(LinkError::Ended { peer: peer.clone(), why: frame::body(peer, &frame.body)? }),
        Kind::Hello => Err(LinkError::bad_frame(peer, "a second hello")),
    }
}

fn request<Out: Dialect, In: Dialect>(
    wire: &Arc<Wire>,
    number: u64,
    body: &[u8],
) -> Result<Option<Heard<Out, In>>, LinkError> {
    let body: In::Request = match parse_request(body) {
        Ok(body) => body,
        Err(detail) => {
            tracing::warn!(peer = wire.peer, detail, "a request was not understood");
            wire.cannot_answer(number, &format!("not understood: {detail}"));
            return Ok(None);
        }
    };
    let (waits, given_up) = oneshot::channel();
    let mut open = wire.open();
    if open.answering.len() >= OPEN_REQUESTS_MAX {
        return Err(LinkError::bad_frame(&wire.peer, format!("more than {OPEN_REQUESTS_MAX} open requests")));
    }
    if open.answering.insert(number, waits).is_some() {
        return Err(LinkError::bad_frame(&wire.peer, format!("a second request {number}")));
    }
    drop(open);
    let reply = Reply {
        wire: Arc::clone(wire),
        number,
        given_up: Some(given_up),
        answered: false,
        says: PhantomData,
    };
    Ok(Some(Heard::Request { body, reply }))
}

fn parse_request<T: Words>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|e| e.to_string())
}
