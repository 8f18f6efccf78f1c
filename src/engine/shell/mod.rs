//! The engine as a running thing: a thread of its own that takes news, lets the core decide, writes, and has it
//! done; the listener for agents and operators; what windows and commands hold of it.
//!
//! | file | what it is |
//! |---|---|
//! | `run` | the loop |
//! | `inbox` | the one door in, and the sink for commands of this process |
//! | `agents`, `listener`, `gate` | open control sessions; how sessions and their facts come in |
//! | `trust` | the vault's certificates as the engine uses them |
//! | `publication`, `outcomes`, `receipts` | what goes out to windows; commands count once |
//! | `foretold` | what commands would do, for windows that asked |
//! | `clock` | time and ids, the seam for tests |

mod agents;
pub(crate) mod clock;
pub(crate) mod foretold;
mod gate;
pub(crate) mod inbox;
mod listener;
pub(crate) mod outcomes;
pub(crate) mod publication;
mod receipts;
mod run;
pub(crate) mod trust;

use crate::core::Core;
use crate::operator::Desk;
use crate::records::{Change, Record};
use crate::store::Store;
use crate::vault::{Holder, Listen, VaultError, VaultFolder, VaultLock};
pub use clock::{Clock, SystemClock};
use inbox::{Inbox, LocalSink, News};
use leeward_model::{CommandSink, Fault, Recovery, SnapshotFeed};
use outcomes::Outcomes;
use publication::Publication;
use receipts::{AUDIT_LOOKED_AT, Receipts};
use run::{Pace, Runner};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock, mpsc as std_mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use trust::Trust;

/// How long sessions get to say goodbye.
const FAREWELL: Duration = Duration::from_millis(500);

/// How an engine is run.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Where to listen; none: where the vault says. What is given is kept for the next time.
    pub listen: Option<String>,
    /// Where agents reach it; empty: what the vault says, or the address it listens on.
    pub advertise: Vec<String>,
    /// This host's name, for the lock.
    pub host: String,
    /// Who gives commands in this process, for the audit.
    pub user: String,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            listen: None,
            advertise: Vec::new(),
            host: "localhost".to_owned(),
            user: "somebody".to_owned(),
            clock: Arc::new(SystemClock),
        }
    }
}

/// The engine of a vault.
#[derive(Debug)]
pub struct Engine;

/// A running engine. Dropping it stops the engine in order.
#[derive(Debug)]
pub struct EngineHandle {
    addr: SocketAddr,
    inbox: Inbox,
    sink: LocalSink,
    publication: Publication,
    runtime: tokio::runtime::Handle,
    thread: Option<JoinHandle<Result<(), Box<Fault>>>>,
}

/// What the engine's thread says when it is up.
struct Up {
    addr: SocketAddr,
    inbox: Inbox,
    sink: LocalSink,
    publication: Publication,
    runtime: tokio::runtime::Handle,
}

impl Engine {
    /// Starts the engine of a vault on a thread of its own and returns when it listens.
    ///
    /// # Errors
    /// When another engine holds the vault, or it cannot be opened or listened for.
    pub fn start(folder: &VaultFolder, options: EngineOptions) -> Result<EngineHandle, VaultError> {
        let holder = Holder {
            pid: std::process::id(),
            host: options.host.clone(),
            addr: String::new(),
            since: options.clock.now(),
        };
        let lock = folder.lock(&holder)?;
        let (up, came_up) = std_mpsc::channel();
        let folder = folder.clone();
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || live(&folder, options, holder, lock, &up))
            .map_err(|source| VaultError::Io { path: "engine".into(), source })?;
        match came_up.recv() {
            Ok(Ok(up)) => Ok(EngineHandle {
                addr: up.addr,
                inbox: up.inbox,
                sink: up.sink,
                publication: up.publication,
                runtime: up.runtime,
                thread: Some(thread),
            }),
            Ok(Err(error)) => {
                thread.join().ok();
                Err(error)
            }
            Err(_) => {
                let source = std::io::Error::other("the engine's thread ended before it was up");
                Err(VaultError::Io { path: "engine".into(), source })
            }
        }
    }
}

impl EngineHandle {
    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where commands go.
    #[must_use]
    pub fn sink(&self) -> Arc<dyn CommandSink> {
        Arc::new(self.sink.clone())
    }

    /// Where snapshots come from.
    #[must_use]
    pub fn feed(&self) -> Arc<dyn SnapshotFeed> {
        Arc::new(self.publication.clone())
    }

    /// Stops in order: what was accepted is written, sessions are closed, the vault is given back.
    ///
    /// # Errors
    /// When the engine had stopped by itself, because it could not go on safely.
    pub fn stop(mut self) -> Result<(), Box<Fault>> {
        self.inbox.send(News::Stop).ok();
        self.join()
    }

    /// Runs until `signal` comes or the engine stops by itself.
    ///
    /// # Errors
    /// As [`EngineHandle::stop`].
    pub fn run_until(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Result<(), Box<Fault>> {
        let inbox = self.inbox.clone();
        self.runtime.spawn(async move {
            signal.await;
            inbox.send(News::Stop).ok();
        });
        self.join()
    }

    fn join(&mut self) -> Result<(), Box<Fault>> {
        match self.thread.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(ended)) => ended,
            Some(Err(_)) => {
                let detail = "the engine's thread panicked".to_owned();
                Err(Box::new(Fault::new("engine-core-broken", "engine", detail, Recovery::NeedsPerson)))
            }
        }
    }
}

impl Drop for EngineHandle {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.inbox.send(News::Stop).ok();
            if let Err(fault) = self.join() {
                tracing::error!(%fault, "the engine had stopped by itself");
            }
        }
    }
}

/// The whole life of the engine's thread.
fn live(
    folder: &VaultFolder,
    options: EngineOptions,
    holder: Holder,
    lock: VaultLock,
    up: &std_mpsc::Sender<Result<Up, VaultError>>,
) -> Result<(), Box<Fault>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("engine-io")
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(source) => {
            up.send(Err(VaultError::Io { path: "engine".into(), source })).ok();
            return Ok(());
        }
    };
    let ended = runtime.block_on(async {
        let (mut runner, news, born, lock) = match boot(folder, options, holder, lock).await {
            Ok(booted) => booted,
            Err(error) => {
                up.send(Err(error)).ok();
                return Ok(());
            }
        };
        up.send(Ok(born)).ok();
        let ended = runner.run(news).await;
        runner.farewell(&ended);
        if let Err(error) = runner.store.close().await {
            tracing::warn!(%error, "the vault database was not closed in order");
        }
        drop(lock);
        ended
    });
    if let Err(fault) = &ended {
        tracing::error!(%fault, "the engine stopped by itself");
    }
    runtime.shutdown_timeout(FAREWELL);
    ended
}

async fn boot(
    folder: &VaultFolder,
    options: EngineOptions,
    mut holder: Holder,
    mut lock: VaultLock,
) -> Result<(Runner, mpsc::UnboundedReceiver<News>, Up, VaultLock), VaultError> {
    let mut store = Store::open(&folder.database()).await?;
    let mut loaded = store.load().await?;
    let (listener, listen) = bind(folder, &options).await?;
    tell_address(&mut store, &mut loaded.records, &listen).await?;
    let addr =
        listener.local_addr().map_err(|source| VaultError::Listen { addr: listen.listen.clone(), source })?;
    folder.keep_listen(&listen)?;
    let name = crate::core::vault_of(&loaded.records).map(|v| v.name.clone()).unwrap_or_default();
    let trust = Trust::open(folder, name, listen, &options.user, &options.clock)?;
    let known = loaded.records.iter().filter_map(|r| match r {
        Record::Server(server) => Some(server.agent),
        _ => None,
    });
    trust.revoke_unknown(&known.collect(), options.clock.now())?;
    holder.addr = reachable(addr);
    lock.set_holder(&holder)?;

    let receipts = Receipts::from_before(&loaded.records, &store.audit(AUDIT_LOOKED_AT).await?);
    let mut core = Core::load(loaded.records, loaded.journal, loaded.events);
    let publication = Publication::new(core.snapshot(options.clock.now()));
    let core = Arc::new(RwLock::new(core));
    let outcomes = Outcomes::default();
    let (inbox, news) = mpsc::unbounded_channel();
    // Certificates go by the computer's clock, waits by one that is never set back.
    let clock: Arc<dyn Clock> = Arc::new(clock::SteadyClock::new(options.clock));
    let desk = Desk {
        inbox: inbox.clone(),
        outcomes: outcomes.clone(),
        publication: publication.clone(),
        core: Arc::clone(&core),
        clock: Arc::clone(&clock),
    };
    tokio::spawn(listener::listen(listener, trust.clone(), desk));
    let sink = LocalSink {
        inbox: inbox.clone(),
        outcomes: outcomes.clone(),
        core: Arc::clone(&core),
        clock: Arc::clone(&clock),
        by: options.user,
        foretold: foretold::Foretold::default(),
        publication: publication.clone(),
    };
    let up = Up {
        addr,
        inbox,
        sink,
        publication: publication.clone(),
        runtime: tokio::runtime::Handle::current(),
    };
    let runner = Runner {
        core,
        store,
        clock,
        lines: agents::Lines::default(),
        trust,
        outcomes,
        answers: Vec::new(),
        publication,
        enrolments: Default::default(),
        pace: Pace::new(),
        receipts,
    };
    Ok((runner, news, up, lock))
}

/// The vault's record says where agents reach the engine: that may have changed since the last run.
async fn tell_address(store: &mut Store, records: &mut [Record], listen: &Listen) -> Result<(), VaultError> {
    let addr = listen.advertise.first().cloned().unwrap_or_default();
    for record in records {
        if let Record::Vault(vault) = record
            && vault.engine_addr != addr
        {
            vault.engine_addr.clone_from(&addr);
            store.write(&[Change::Put(record.clone())]).await?;
        }
    }
    Ok(())
}

/// Binds the address; what was given on the command line goes before what the vault remembers.
async fn bind(folder: &VaultFolder, options: &EngineOptions) -> Result<(TcpListener, Listen), VaultError> {
    let mut listen = folder.listen()?;
    if let Some(given) = &options.listen {
        if *given != listen.listen {
            listen.advertise = vec![given.clone()];
        }
        listen.listen.clone_from(given);
    }
    if !options.advertise.is_empty() {
        listen.advertise.clone_from(&options.advertise);
    }
    listen.check()?;
    let listener = TcpListener::bind(&listen.listen)
        .await
        .map_err(|source| VaultError::Listen { addr: listen.listen.clone(), source })?;
    // Port 0 asks for a free one: what it became is what agents must know.
    if let Ok(addr) = listener.local_addr()
        && listen.listen.ends_with(":0")
    {
        listen.listen = addr.to_string();
        for advertised in &mut listen.advertise {
            if let Some(host) = advertised.strip_suffix(":0") {
                *advertised = format!("{host}:{}", addr.port());
            }
        }
    }
    Ok((listener, listen))
}

/// An address that this computer can dial: one that means "all" is reached over loopback.
fn reachable(addr: SocketAddr) -> String {
    let mut addr = addr;
    if addr.ip().is_unspecified() {
        match addr {
            SocketAddr::V4(_) => addr.set_ip(std::net::Ipv4Addr::LOCALHOST.into()),
            SocketAddr::V6(_) => addr.set_ip(std::net::Ipv6Addr::LOCALHOST.into()),
        }
    }
    addr.to_string()
}
