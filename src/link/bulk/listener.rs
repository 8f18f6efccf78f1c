//! Listening for other agents. One thread accepts; every connection has a thread of its own, from its handshake to
//! its end. Apart from `dial`, the other side.

use super::BulkOptions;
use super::stream::{BulkStream, Cutter};
use crate::certificate::CertificateFacts;
use crate::error::LinkError;
use crate::identity::Party;
use crate::tls::alarm::{explain, explain_tls};
use crate::tls::{Protocol, Trust};
use leeward_model::AgentId;
use rustls::{ServerConfig, ServerConnection};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Whether an agent may open streams to this one.
pub type Allowed = dyn Fn(AgentId) -> bool + Send + Sync;

/// What is done with a stream; runs on the stream's own thread, and the stream ends when it returns.
pub type OnStream = dyn Fn(AgentId, BulkStream) + Send + Sync;

/// Listens until it is dropped; streams that are open then are cut.
#[derive(Debug)]
pub struct BulkListener {
    addr: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    trust: Trust,
    tls: Arc<ServerConfig>,
    options: BulkOptions,
    allowed: Arc<Allowed>,
    on_stream: Arc<OnStream>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    stopping: bool,
    last: u64,
    streams: HashMap<u64, Entry>,
}

struct Entry {
    cutter: Cutter,
    /// Known after the handshake.
    peer: Option<CertificateFacts>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl BulkListener {
    /// Begins to listen.
    ///
    /// # Errors
    /// When TLS cannot be set up or there is no room for a thread.
    pub fn start(
        listener: TcpListener,
        trust: Trust,
        options: BulkOptions,
        allowed: Arc<Allowed>,
        on_stream: Arc<OnStream>,
    ) -> Result<Self, LinkError> {
        let broken = |e: &std::io::Error| explain("the replication port", "listening", e);
        let addr = listener.local_addr().map_err(|e| broken(&e))?;
        let tls = trust.server_config(&[Protocol::Replication])?;
        let shared = Arc::new(Shared { trust, tls, options, allowed, on_stream, open: Mutex::default() });
        let accepting = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("bulk-accept".to_owned())
            .spawn(move || accept(&listener, &accepting))
            .map_err(|e| broken(&e))?;
        Ok(Self { addr, shared, thread: Some(thread) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Cuts the streams of agents that may not have one any more: not allowed, or revoked. To be called when that
    /// has changed.
    pub fn recheck(&self) {
        for entry in self.shared.open().streams.values() {
            let Some(peer) = &entry.peer else { continue };
            let allowed = matches!(peer.identity.party, Party::Agent(agent) if (self.shared.allowed)(agent));
            if !allowed || self.shared.trust.is_revoked(peer) {
                entry.cutter.cut();
            }
        }
    }

    /// Streams that are open now, those in their handshake included.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.shared.open().streams.len()
    }

    /// Stops listening and cuts every stream. The streams' threads end when their work sees the cut.
    pub fn stop(&mut self) {
        {
            let mut open = self.shared.open();
            open.stopping = true;
            for entry in open.streams.values() {
                entry.cutter.cut();
            }
        }
        if let Some(thread) = self.thread.take() {
            // The accepting thread waits for a connection: it gets one.
            TcpStream::connect_timeout(&reachable(self.addr), Duration::from_secs(1)).ok();
            if thread.join().is_err() {
                tracing::error!("the thread that accepts replication streams had panicked");
            }
        }
    }
}

impl Drop for BulkListener {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An address that this host can dial: one that means "all" is reached over loopback.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let accepted = listener.accept();
        if shared.open().stopping {
            return;
        }
        let (tcp, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: streams that end make room.
                tracing::warn!(%error, "a replication stream could not be accepted");
                std::thread::sleep(Duration::from_millis(200));
                continue;
            }
        };
        if let Err(error) = begin(shared, tcp, from) {
            tracing::warn!(%from, %error, "a replication stream could not be begun");
        }
    }
}

/// Gives a connection its thread.
fn begin(shared: &Arc<Shared>, tcp: TcpStream, from: SocketAddr) -> Result<(), LinkError> {
    let addr = from.to_string();
    let cutter = Cutter::of(&tcp, &addr)?;
    let (number, busy) = {
        let mut open = shared.open();
        // Twice the bound: those above it are told so, those above that are hung up on.
        if open.stopping || open.streams.len() >= shared.options.streams_max.saturating_mul(2) {
            return Ok(());
        }
        let busy = open.streams.len() >= shared.options.streams_max;
        open.last += 1;
        let number = open.last;
        open.streams.insert(number, Entry { cutter, peer: None });
        (number, busy)
    };
    let shared = Arc::clone(shared);
    let entered = Entered { shared: Arc::clone(&shared), number };
    let spawned = std::thread::Builder::new().name(format!("bulk-{number}")).spawn(move || {
        let entered = entered;
        if let Err(error) = serve(&shared, entered.number, tcp, &addr, busy) {
            tracing::info!(from = addr, %error, "a replication stream was refused");
        }
    });
    spawned.map(drop).map_err(|e| explain("this host", "starting a thread", &e))
}

/// Takes the stream out of the list when its thread ends, also by a panic.
struct Entered {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.shared.open().streams.remove(&self.number);
    }
}

fn serve(shared: &Shared, number: u64, tcp: TcpStream, addr: &str, busy: bool) -> Result<(), LinkError> {
    let deadline = Instant::now() + shared.options.patience;
    let tls = ServerConnection::new(Arc::clone(&shared.tls)).map_err(|e| explain_tls(addr, &e))?;
    let mut stream = BulkStream::shake_hands(tls.into(), tcp, addr, deadline)?;
    let agent = match stream.peer().identity.party {
        Party::Agent(agent) => Some(agent),
        _ => None,
    };
    if let Some(entry) = shared.open().streams.get_mut(&number) {
        entry.peer = Some(stream.peer().clone());
    }
    let allowed = agent.filter(|a| (shared.allowed)(*a));
    stream.answer(allowed.is_some(), busy, deadline)?;
    stream.settle(&shared.options)?;
    if let Some(agent) = allowed {
        (shared.on_stream)(agent, stream);
    }
    Ok(())
}
