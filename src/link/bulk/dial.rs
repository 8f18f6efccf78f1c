//! Dialling another agent for replication. Apart from `listener`, the other side.

use super::BulkOptions;
use super::stream::BulkStream;
use crate::error::LinkError;
use crate::identity::Wanted;
use crate::tls::alarm::{explain, explain_tls};
use crate::tls::{NOMINAL_NAME, Protocol, Trust};
use leeward_model::AgentId;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Instant;

/// Connects to the agent that listens at `addr` (`host:port`), and returns when it has accepted this one.
///
/// # Errors
/// When nobody answers, it is another agent, or it does not accept this one.
pub fn bulk_dial(
    addr: &str,
    agent: AgentId,
    trust: &Trust,
    options: &BulkOptions,
) -> Result<BulkStream, LinkError> {
    let config = trust.client_config(Protocol::Replication, Wanted::Agent(agent))?;
    let tcp = connect(addr, options)?;
    let deadline = Instant::now() + options.patience;
    let name = ServerName::try_from(NOMINAL_NAME).map_err(|e| LinkError::credential("TLS", e))?;
    let tls = ClientConnection::new(config, name).map_err(|e| explain_tls(addr, &e))?;
    let mut stream = BulkStream::shake_hands(tls.into(), tcp, addr, deadline)?;
    stream.call(deadline)?;
    stream.settle(options)?;
    Ok(stream)
}

/// The first of the name's addresses that answers.
fn connect(addr: &str, options: &BulkOptions) -> Result<TcpStream, LinkError> {
    let found = addr.to_socket_addrs();
    let unresolved = |detail: String| LinkError::Unresolved { peer: addr.to_owned(), detail };
    let mut last = None;
    for found in found.map_err(|e| unresolved(e.to_string()))? {
        match TcpStream::connect_timeout(&found, options.patience) {
            Ok(tcp) => return Ok(tcp),
            Err(error) => last = Some(explain(addr, "connecting", &error)),
        }
    }
    Err(last.unwrap_or_else(|| unresolved("the name has no address".to_owned())))
}
