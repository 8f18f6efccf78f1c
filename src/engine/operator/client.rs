//! The far end of an operator's session: the same two traits the engine's own window holds, kept alive over a
//! connection that comes and goes. A thread of its own talks; nobody who calls in ever waits for the network,
//! except `preview`, for a bounded moment.

use super::credentials::Credentials;
use super::delta;
use super::frames::{self, TELL_BYTES_MAX};
use super::messages::{Ask, Tell, VERSION};
use crate::shell::foretold::Foretold;
use crate::shell::outcomes::Outcomes;
use crate::shell::publication::Publication;
use leeward_model::{
    Command, CommandOutcome, CommandSink, Fault, Message, Moment, Overview, Preview, ReceiptId, Recovery,
    Refusal, Snapshot, SnapshotFeed, VaultId, VaultView,
};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc as std_mpsc};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Pauses between tries to reconnect, the last one for ever.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];

/// How long `preview` waits for its answer.
const PREVIEW: Duration = Duration::from_secs(3);

/// How long an engine may bring not one byte before it counts as lost: it says every few seconds that it is there.
const SILENCE: Duration = Duration::from_secs(20);

/// How long one try to connect and be welcomed may take.
const WELCOME: Duration = Duration::from_secs(10);

/// An attachment to an engine that runs somewhere else. It lives as long as its sink or feed.
#[derive(Clone, Debug)]
pub struct Attached {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    addr: String,
    asks: mpsc::UnboundedSender<Ask>,
    publication: Publication,
    outcomes: Outcomes,
    /// Commands without an outcome yet: they are sent again after a reconnect, under the same receipt.
    pending: Mutex<BTreeMap<ReceiptId, Command>>,
    previews: Mutex<Previews>,
    previewed: Condvar,
    /// What windows have asked.
    foretold: Foretold,
}

#[derive(Debug, Default)]
struct Previews {
    next: u64,
    answered: HashMap<u64, Preview>,
    /// Numbers that are part of a window's question, with their place in it.
    asked: HashMap<u64, (ReceiptId, usize)>,
}

impl Attached {
    /// Attaches and waits for the first snapshot.
    ///
    /// # Errors
    /// When the engine cannot be reached in time, or one side does not accept the other.
    pub fn connect(
        addr: &str,
        credentials: &Credentials,
        by: &str,
        at_most: Duration,
    ) -> Result<Self, Box<Fault>> {
        let (asks, asked) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            addr: addr.to_owned(),
            asks,
            publication: Publication::new(Arc::new(nothing_yet(addr))),
            outcomes: Outcomes::default(),
            pending: Mutex::default(),
            previews: Mutex::default(),
            previewed: Condvar::new(),
            foretold: Foretold::default(),
        });
        let (first, came) = std_mpsc::channel();
        let talker = Talker {
            addr: addr.to_owned(),
            credentials: credentials.clone(),
            by: by.to_owned(),
            shared: Arc::downgrade(&shared),
            asked,
            first: Some(first),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| unreachable_fault(addr, &e))?;
        std::thread::Builder::new()
            .name("operator-link".to_owned())
            .spawn(move || runtime.block_on(talker.run()))
            .map_err(|e| unreachable_fault(addr, &e))?;
        match came.recv_timeout(at_most) {
            Ok(Ok(())) => Ok(Self { shared }),
            Ok(Err(fault)) => Err(fault),
            Err(_) => Err(unreachable_fault(addr, &io::Error::from(io::ErrorKind::TimedOut))),
        }
    }

    /// Where commands go.
    #[must_use]
    pub fn sink(&self) -> Arc<dyn CommandSink> {
        Arc::<Shared>::clone(&self.shared)
    }

    /// Where snapshots come from.
    #[must_use]
    pub fn feed(&self) -> Arc<dyn SnapshotFeed> {
        Arc::<Shared>::clone(&self.shared)
    }
}

impl Shared {
    fn locked_pending(&self) -> std::sync::MutexGuard<'_, BTreeMap<ReceiptId, Command>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Questions that went with a connection are never answered: whoever asked is told, and asks again.
    fn forget_questions(&self) {
        self.previews.lock().unwrap_or_else(PoisonError::into_inner).asked.clear();
        self.foretold.give_up(&Refusal { why: lost_message(&self.addr), helps: None });
    }
}

impl CommandSink for Shared {
    fn submit(&self, command: Command) -> ReceiptId {
        let receipt = ReceiptId(Uuid::now_v7());
        self.locked_pending().insert(receipt, command.clone());
        // The talker lives as long as this does; when it is not connected, it sends what is pending later.
        self.asks.send(Ask::Submit { receipt, command: Box::new(command) }).ok();
        receipt
    }

    fn take_outcome(&self, receipt: ReceiptId) -> Option<CommandOutcome> {
        self.outcomes.take(receipt)
    }

    fn preview(&self, command: &Command) -> Preview {
        let number = {
            let mut previews = self.previews.lock().unwrap_or_else(PoisonError::into_inner);
            previews.next += 1;
            previews.next
        };
        self.asks.send(Ask::Preview { number, command: Box::new(command.clone()) }).ok();
        let previews = self.previews.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut previews, _) = self
            .previewed
            .wait_timeout_while(previews, PREVIEW, |p| !p.answered.contains_key(&number))
            .unwrap_or_else(PoisonError::into_inner);
        previews.answered.remove(&number).unwrap_or_else(|| Preview {
            refused: Some(Refusal { why: lost_message(&self.addr), helps: None }),
            ..Preview::default()
        })
    }

    fn ask_previews(&self, commands: Vec<Command>) -> ReceiptId {
        let receipt = ReceiptId(Uuid::now_v7());
        self.foretold.begin(receipt, commands.len());
        let mut previews = self.previews.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, command) in commands.into_iter().enumerate() {
            previews.next += 1;
            let number = previews.next;
            previews.asked.insert(number, (receipt, at));
            self.asks.send(Ask::Preview { number, command: Box::new(command) }).ok();
        }
        drop(previews);
        if self.publication.lost().is_some() {
            self.forget_questions();
        }
        receipt
    }

    fn take_previews(&self, receipt: ReceiptId) -> Option<Vec<Preview>> {
        self.foretold.take(receipt)
    }
}

impl SnapshotFeed for Shared {
    fn latest(&self) -> Arc<Snapshot> {
        self.publication.latest()
    }

    fn on_change(&self, wake: Arc<dyn Fn() + Send + Sync>) {
        self.publication.on_change(wake);
    }

    fn lost(&self) -> Option<Message> {
        self.publication.lost()
    }
}

/// What runs on the thread.
struct Talker {
    addr: String,
    credentials: Credentials,
    by: String,
    shared: std::sync::Weak<Shared>,
    asked: mpsc::UnboundedReceiver<Ask>,
    /// Told once how the first connection went.
    first: Option<std_mpsc::Sender<Result<(), Box<Fault>>>>,
}

impl Talker {
    async fn run(mut self) {
        let mut tries = 0_usize;
        loop {
            let ended = self.connection().await;
            let Some(shared) = self.shared.upgrade() else { return };
            match ended {
                // The window has gone.
                Ok(true) => return,
                Ok(false) => tries = 0,
                Err(fault) => {
                    tracing::debug!(addr = self.addr, fault = fault.detail, "the engine cannot be reached");
                    if let Some(first) = self.first.take() {
                        first.send(Err(fault)).ok();
                        return;
                    }
                    tries += 1;
                }
            }
            shared.publication.set_lost(Some(lost_message(&self.addr)));
            shared.forget_questions();
            shared.publication.ring();
            drop(shared);
            let last = PAUSES.len() - 1;
            tokio::time::sleep(PAUSES.get(tries.min(last)).copied().unwrap_or(PREVIEW)).await;
        }
    }

    /// One connection from beginning to end. `Ok(true)` when nobody needs it any more.
    async fn connection(&mut self) -> Result<bool, Box<Fault>> {
        let fault = |e: &io::Error| unreachable_fault(&self.addr, e);
        let opening = async {
            let connection = self.credentials.dial(&self.addr, WELCOME).await.map_err(io::Error::other)?;
            let mut stream = connection.stream;
            let (by, program) = (self.by.clone(), env!("CARGO_PKG_VERSION").to_owned());
            frames::write(&mut stream, &Ask::Hello { version: VERSION, program, by }).await?;
            let told = frames::read::<Tell>(&mut stream, TELL_BYTES_MAX).await?;
            Ok::<_, io::Error>((stream, told))
        };
        let (stream, told) = tokio::time::timeout(WELCOME, opening)
            .await
            .unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|e| fault(&e))?;
        match told {
            Some(Tell::Welcome { version: VERSION, .. }) => {}
            Some(Tell::Welcome { program, .. }) => {
                return Err(Box::new(version_fault(&self.addr, &program)));
            }
            _ => return Err(fault(&io::ErrorKind::ConnectionAborted.into())),
        }
        match self.talk(stream).await {
            Ok(over) => Ok(over),
            // It was a connection; how it broke matters only to the log.
            Err(error) => {
                tracing::info!(addr = self.addr, %error, "the engine went away");
                Ok(false)
            }
        }
    }

    async fn talk<S>(&mut self, stream: S) -> io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (mut reader, mut writer) = tokio::io::split(stream);
        // What was asked while there was no connection is stale: what is pending stands in `shared`.
        while self.asked.try_recv().is_ok() {}
        if let Some(shared) = self.shared.upgrade() {
            shared.forget_questions();
        }
        let pending = self.shared.upgrade().map(|s| s.locked_pending().clone()).unwrap_or_default();
        for (receipt, command) in pending {
            frames::write(&mut writer, &Ask::Submit { receipt, command: Box::new(command) }).await?;
        }
        let (tells, mut told) = mpsc::channel::<Tell>(8);
        let reading = tokio::spawn(async move {
            loop {
                match frames::read_alive::<Tell>(&mut reader, TELL_BYTES_MAX, SILENCE).await {
                    Ok(Some(tell)) => {
                        if tells.send(tell).await.is_err() {
                            return;
                        }
                    }
                    Ok(None) => return,
                    Err(error) => {
                        tracing::info!(%error, "the engine's session broke");
                        return;
                    }
                }
            }
        });
        let mut have: Option<Snapshot> = None;
        let over = loop {
            tokio::select! {
                ask = self.asked.recv() => match ask {
                    Some(ask) => frames::write(&mut writer, &ask).await?,
                    None => break true,
                },
                tell = told.recv() => match tell {
                    None | Some(Tell::Farewell) => break false,
                    Some(tell) => {
                        if let Some(ask) = self.take(tell, &mut have) {
                            frames::write(&mut writer, &ask).await?;
                        }
                    }
                },
            }
        };
        reading.abort();
        Ok(over)
    }

    /// Takes in what the engine told; what it gives back is to be asked in turn.
    fn take(&mut self, tell: Tell, have: &mut Option<Snapshot>) -> Option<Ask> {
        let shared = self.shared.upgrade()?;
        match tell {
            Tell::Snapshot(delta) => match delta::apply(have.as_ref(), *delta) {
                Ok(snapshot) => {
                    *have = Some(snapshot.clone());
                    shared.publication.publish(Arc::new(snapshot));
                    shared.publication.set_lost(None);
                    if let Some(first) = self.first.take() {
                        first.send(Ok(())).ok();
                    }
                    None
                }
                Err(wrong) => {
                    tracing::warn!(%wrong, "asking for the whole snapshot");
                    Some(Ask::Whole)
                }
            },
            Tell::Outcome { receipt, outcome } => {
                shared.locked_pending().remove(&receipt);
                shared.outcomes.put(receipt, outcome);
                shared.publication.ring();
                Some(Ask::Took { receipt })
            }
            Tell::Preview { number, preview } => {
                let mut previews = shared.previews.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((receipt, at)) = previews.asked.remove(&number) {
                    drop(previews);
                    if shared.foretold.put(receipt, at, *preview) {
                        shared.publication.ring();
                    }
                    return None;
                }
                previews.answered.insert(number, *preview);
                // Answers that came too late for whoever asked.
                previews.answered.retain(|n, _| number.saturating_sub(*n) < 64);
                drop(previews);
                shared.previewed.notify_all();
                None
            }
            Tell::Welcome { .. } | Tell::Alive | Tell::Farewell => None,
        }
    }
}

fn lost_message(addr: &str) -> Message {
    Message::new("cli-attached-lost").with("addr", addr)
}

fn unreachable_fault(addr: &str, error: &io::Error) -> Box<Fault> {
    Box::new(Fault::new("operator-unreachable", addr, error.to_string(), Recovery::Retries))
}

fn version_fault(addr: &str, program: &str) -> Fault {
    let mut fault = Fault::new("operator-version", addr, String::new(), Recovery::NeedsPerson);
    fault.what = fault.what.with("version", program);
    fault
}

/// What is shown before the first snapshot has come.
fn nothing_yet(addr: &str) -> Snapshot {
    Snapshot {
        revision: 0,
        made_at: Moment(0),
        vault: VaultView {
            id: VaultId(Uuid::nil()),
            name: String::new(),
            created: Moment(0),
            engine_addr: addr.to_owned(),
            engine_version: String::new(),
        },
        sites: Arc::default(),
        servers: Arc::default(),
        keys: Arc::default(),
        machines: Arc::default(),
        policies: Arc::default(),
        items: Arc::default(),
        jobs: Arc::default(),
        events: Arc::default(),
        overview: Overview::default(),
    }
}
