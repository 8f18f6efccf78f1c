//! Connections over TLS: dialled, perhaps through a proxy, or accepted; each with the proven identity of the other
//! side. Apart from `session`, which runs on one, and from `bulk`, which has its own blocking kind.

use super::opening::turn_away;
use crate::certificate::CertificateFacts;
use crate::error::LinkError;
use crate::identity::Wanted;
use crate::proxy::{self, Proxy};
use crate::tls::alarm::explain;
use crate::tls::{NOMINAL_NAME, Protocol, Trust};
use leeward_model::Message;
use rustls::pki_types::ServerName;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// A connection to a party of the vault.
#[derive(Debug)]
pub struct Connection {
    /// The stream.
    pub stream: TlsStream<TcpStream>,
    /// The other side's certificate, proven.
    pub peer: CertificateFacts,
    /// What the connection is for.
    pub protocol: Protocol,
    /// The other side's address.
    pub addr: String,
}

/// Dials parties of the vault.
#[derive(Clone, Debug)]
pub struct Dialer {
    /// What is shown and believed.
    pub trust: Trust,
    /// The way out, when it is not direct.
    pub proxy: Option<Proxy>,
    /// How long the connection may take to be made, and the handshake again as long.
    pub patience: Duration,
}

impl Dialer {
    /// A dialer that goes out directly.
    #[must_use]
    pub const fn new(trust: Trust) -> Self {
        Self { trust, proxy: None, patience: Duration::from_secs(10) }
    }

    /// Dials `addr` (`host:port`) and shakes hands with the party that is wanted there.
    ///
    /// # Errors
    /// When nobody answers, or it is not the wanted party. That the other side refuses *this* one shows only with
    /// the first read.
    pub async fn dial(
        &self,
        addr: &str,
        protocol: Protocol,
        wanted: Wanted,
    ) -> Result<Connection, LinkError> {
        let config = self.trust.client_config(protocol, wanted)?;
        let late = |doing| move |_| LinkError::TimedOut { peer: addr.to_owned(), doing };
        let tcp =
            tokio::time::timeout(self.patience, self.reach(addr)).await.map_err(late("connecting"))??;
        let name = ServerName::try_from(NOMINAL_NAME).map_err(|e| LinkError::credential("TLS", e))?;
        let handshake = TlsConnector::from(config).connect(name, tcp);
        let stream = tokio::time::timeout(self.patience, handshake)
            .await
            .map_err(late("shaking hands"))?
            .map_err(|e| explain(addr, "shaking hands", &e))?;
        connection(TlsStream::from(stream), addr.to_owned())
    }

    async fn reach(&self, addr: &str) -> Result<TcpStream, LinkError> {
        let first = self.proxy.as_ref().map_or(addr, |p| p.addr.as_str());
        let mut tcp = connect(first).await?;
        if let Some(proxy) = &self.proxy {
            proxy::tunnel(&mut tcp, proxy, addr).await?;
        }
        Ok(tcp)
    }
}

async fn connect(addr: &str) -> Result<TcpStream, LinkError> {
    let found = tokio::net::lookup_host(addr).await;
    let unresolved = |detail: String| LinkError::Unresolved { peer: addr.to_owned(), detail };
    let found: Vec<_> = found.map_err(|e| unresolved(e.to_string()))?.collect();
    let tcp = match TcpStream::connect(found.as_slice()).await {
        Ok(tcp) => tcp,
        Err(_) if found.is_empty() => return Err(unresolved("the name has no address".to_owned())),
        Err(error) => return Err(explain(addr, "connecting", &error)),
    };
    tcp.set_nodelay(true).map_err(|e| explain(addr, "connecting", &e))?;
    Ok(tcp)
}

/// Reads from a handshake that is over who is there and what for.
fn connection(stream: TlsStream<TcpStream>, addr: String) -> Result<Connection, LinkError> {
    let (_, tls) = stream.get_ref();
    let protocol = Protocol::of_name(tls.alpn_protocol());
    let shown = tls.peer_certificates().and_then(<[_]>::first);
    let (Some(protocol), Some(shown)) = (protocol, shown) else {
        let detail = "no protocol or no certificate".to_owned();
        return Err(LinkError::Tls { peer: addr, detail });
    };
    let peer =
        CertificateFacts::read(shown).map_err(|detail| LinkError::Tls { peer: addr.clone(), detail })?;
    Ok(Connection { stream, peer, protocol, addr })
}

/// How a listener listens.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    /// Handshakes under way at once: a stranger who connects and says nothing holds up only strangers.
    pub handshakes_max: usize,
    /// How long a handshake may take.
    pub patience: Duration,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { handshakes_max: 256, patience: Duration::from_secs(15) }
    }
}

/// Accepts connections for ever: drop the future to stop. `on_connection` runs as a task of its own for each party
/// of the vault that may open that protocol; others are turned away, and the log says who.
///
/// # Errors
/// When the protocols cannot be set up.
pub async fn listen<F, Fut>(
    listener: TcpListener,
    trust: Trust,
    protocols: &[Protocol],
    options: ListenOptions,
    on_connection: F,
) -> Result<(), LinkError>
where
    F: Fn(Connection) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(trust.server_config(protocols)?);
    let handshakes = Arc::new(Semaphore::new(options.handshakes_max));
    let on_connection = Arc::new(on_connection);
    loop {
        let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else { return Ok(()) };
        let (tcp, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: sessions that end make room.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let (acceptor, on_connection) = (acceptor.clone(), Arc::clone(&on_connection));
        tokio::spawn(async move {
            let addr = from.to_string();
            let welcomed = tokio::time::timeout(options.patience, welcome(&acceptor, tcp, &addr)).await;
            drop(permit);
            match welcomed {
                Ok(Ok(connection)) => on_connection(connection).await,
                Ok(Err(error)) => tracing::info!(from = addr, %error, "a connection was refused"),
                Err(_late) => tracing::info!(from = addr, "a connection was given up: no handshake in time"),
            }
        });
    }
}

async fn welcome(acceptor: &TlsAcceptor, tcp: TcpStream, addr: &str) -> Result<Connection, LinkError> {
    tcp.set_nodelay(true).map_err(|e| explain(addr, "accepting", &e))?;
    let stream = acceptor.accept(tcp).await.map_err(|e| explain(addr, "shaking hands", &e))?;
    let mut connection = connection(TlsStream::from(stream), addr.to_owned())?;
    let wanted = connection.protocol.callers();
    if wanted.accepts(connection.peer.identity.party) {
        return Ok(connection);
    }
    let found = connection.peer.identity.party.to_string();
    let why =
        Message::new("link-why-wrong-party").with("wanted", wanted.to_string()).with("found", found.as_str());
    turn_away(&mut connection.stream, &why, Duration::from_secs(5)).await;
    Err(LinkError::NotOurPeer { peer: addr.to_owned(), wanted: wanted.to_string(), found })
}
