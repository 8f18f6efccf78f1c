//! Where sessions come in: one port for agents and operators. Nobody gets further than the handshake without a
//! certificate of the vault. Apart from `agents`, which keeps the sessions of agents once they are in.

use super::trust::Trust;
use crate::operator::{Desk, serve};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(15);

/// Handshakes under way at once: a stranger who opens connections and says nothing holds up only strangers.
const HANDSHAKES_MAX: usize = 256;

/// Accepts sessions until the engine ends.
pub(super) async fn listen(listener: TcpListener, trust: Trust, desk: Desk) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: sessions that end make room.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else { return };
        let (trust, desk) = (trust.clone(), desk.clone());
        tokio::spawn(async move {
            if let Err(error) = session(stream, trust, desk, permit).await {
                tracing::info!(%from, %error, "a session ended");
            }
        });
    }
}

async fn session(
    stream: TcpStream,
    trust: Trust,
    desk: Desk,
    permit: tokio::sync::OwnedSemaphorePermit,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = tokio::time::timeout(HANDSHAKE, trust.acceptor().accept(stream)).await??;
    drop(permit);
    serve(stream, "operator", desk).await
}
