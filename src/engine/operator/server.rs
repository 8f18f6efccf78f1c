//! The engine's end of an operator's session: takes commands, tells what became of them, and pushes what changed
//! whenever it changed. Knows nothing of TLS: it gets a stream and the name the certificate gave.

use super::delta;
use super::frames::{self, ASK_BYTES_MAX};
use super::messages::{Ask, Tell, VERSION};
use crate::core::Core;
use crate::shell::clock::Clock;
use crate::shell::inbox::{Inbox, News};
use crate::shell::outcomes::Outcomes;
use crate::shell::publication::Publication;
use leeward_model::{ReceiptId, Snapshot, SnapshotFeed};
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

/// How long a new session has for its first words, and a slow reader for one frame.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often an operator hears that the engine is there, when nothing else is told.
const ALIVE_EVERY: Duration = Duration::from_secs(5);

/// The longest name an operator may say.
const NAME_CHARS_MAX: usize = 64;

/// Asks read ahead of being answered.
const ASKS_AHEAD: usize = 64;

/// What a session needs of the engine.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) inbox: Inbox,
    pub(crate) outcomes: Outcomes,
    pub(crate) publication: Publication,
    pub(crate) core: Arc<RwLock<Core>>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// One session in progress.
struct Session<W> {
    desk: Desk,
    by: String,
    writer: W,
    waiting: BTreeSet<ReceiptId>,
    sent: Option<Arc<Snapshot>>,
}

/// Serves one operator until they go or the engine ends.
pub(crate) async fn serve<S>(stream: S, certified: &str, desk: Desk) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut reader, mut writer) = tokio::io::split(stream);
    let hello = tokio::time::timeout(PATIENCE, frames::read::<Ask>(&mut reader, ASK_BYTES_MAX)).await??;
    let Some(Ask::Hello { version, program, by }) = hello else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the first frame is no hello"));
    };
    let welcome = Tell::Welcome { version: VERSION, program: env!("CARGO_PKG_VERSION").to_owned() };
    frames::write(&mut writer, &welcome).await?;
    if version != VERSION {
        // The other side reads the version and says so in its own words.
        return Ok(());
    }
    let by = who(&by, certified);
    tracing::info!(%by, program, "an operator attached");
    // A frame is read as a whole by one task, so that no select cuts one in two.
    let (asks, mut asked) = mpsc::channel(ASKS_AHEAD);
    let reading = tokio::spawn(async move {
        loop {
            match frames::read::<Ask>(&mut reader, ASK_BYTES_MAX).await {
                Ok(Some(ask)) => {
                    if asks.send(ask).await.is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::info!(%error, "an operator's session broke");
                    return;
                }
            }
        }
    });
    let mut changes = desk.publication.subscribe();
    let mut session = Session { desk, by, writer, waiting: BTreeSet::new(), sent: None };
    let ended = session.talk(&mut asked, &mut changes).await;
    reading.abort();
    tracing::info!(by = session.by, "an operator left");
    ended
}

/// Who is written down: the name that was said, and the certificate that was shown, which alone proves anything.
fn who(said: &str, certified: &str) -> String {
    let said: String = said.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    format!("{} ({certified})", said.trim())
}

impl<W: AsyncWrite + Unpin> Session<W> {
    async fn talk(
        &mut self,
        asked: &mut mpsc::Receiver<Ask>,
        changes: &mut tokio::sync::watch::Receiver<u64>,
    ) -> io::Result<()> {
        self.push_snapshot().await?;
        let mut alive = tokio::time::interval(ALIVE_EVERY);
        alive.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = alive.tick() => self.tell(&Tell::Alive).await?,
                ask = asked.recv() => match ask {
                    Some(ask) => self.answer(ask).await?,
                    None => return Ok(()),
                },
                changed = changes.changed() => {
                    self.push_outcomes().await?;
                    if changed.is_err() || self.desk.inbox.is_closed() {
                        return self.tell(&Tell::Farewell).await;
                    }
                    self.push_snapshot().await?;
                }
            }
        }
    }

    async fn answer(&mut self, ask: Ask) -> io::Result<()> {
        match ask {
            Ask::Hello { .. } => Err(io::Error::new(io::ErrorKind::InvalidData, "a second hello")),
            Ask::Submit { receipt, command } => {
                self.waiting.insert(receipt);
                let (by, command) = (self.by.clone(), *command);
                if self.desk.inbox.send(News::Command { receipt, by, command }).is_err() {
                    return self.tell(&Tell::Farewell).await;
                }
                // Sent a second time, it may be known already.
                self.push_outcomes().await
            }
            Ask::Took { receipt } => {
                self.waiting.remove(&receipt);
                self.desk.outcomes.take(receipt);
                Ok(())
            }
            Ask::Preview { number, command } => {
                let now = self.desk.clock.now();
                let preview = {
                    let core = self.desk.core.read().unwrap_or_else(PoisonError::into_inner);
                    Box::new(core.preview(&command, now))
                };
                self.tell(&Tell::Preview { number, preview }).await
            }
            Ask::Whole => {
                self.sent = None;
                self.push_snapshot().await
            }
        }
    }

    async fn push_outcomes(&mut self) -> io::Result<()> {
        let known: Vec<_> =
            self.waiting.iter().filter_map(|r| self.desk.outcomes.peek(*r).map(|o| (*r, o))).collect();
        for (receipt, outcome) in known {
            // Kept until the other side says that it has it; told once per session.
            self.waiting.remove(&receipt);
            self.tell(&Tell::Outcome { receipt, outcome }).await?;
        }
        Ok(())
    }

    async fn push_snapshot(&mut self) -> io::Result<()> {
        let latest = self.desk.publication.latest();
        if self.sent.as_ref().is_some_and(|s| s.revision == latest.revision) {
            return Ok(());
        }
        let delta = delta::between(self.sent.as_deref(), &latest);
        self.tell(&Tell::Snapshot(Box::new(delta))).await?;
        self.sent = Some(latest);
        Ok(())
    }

    async fn tell(&mut self, tell: &Tell) -> io::Result<()> {
        tokio::time::timeout(PATIENCE, frames::write(&mut self.writer, tell)).await?
    }
}
