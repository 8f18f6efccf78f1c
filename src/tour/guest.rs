//! Asking a guest from outside what its records say, over HTTP. The only witness the tour trusts for what is
//! inside a machine.

use serde::Deserialize;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// A guest's answer is a few hundred bytes; more is not from our guest.
const ANSWER_BYTES_MAX: u64 = 16 * 1024;

/// What a guest says of its records.
#[derive(Deserialize, Clone, Debug)]
pub(crate) struct GuestState {
    /// Host name of the guest.
    pub(crate) host: String,
    /// The last record written.
    pub(crate) last: u64,
    /// Records are numbered without a gap.
    pub(crate) gap_free: bool,
    /// The two disks agree with one instant.
    pub(crate) pair_ok: bool,
    /// The last record found when it booted.
    pub(crate) verified_at_boot_last: u64,
}

/// Asks once. `addr` is `host:port`.
pub(crate) fn ask(addr: &str) -> Result<GuestState, String> {
    let target = addr
        .to_socket_addrs()
        .map_err(|e| format!("{addr}: {e}"))?
        .next()
        .ok_or_else(|| format!("{addr}: no address"))?;
    let mut stream =
        TcpStream::connect_timeout(&target, Duration::from_secs(2)).map_err(|e| format!("{addr}: {e}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(|e| e.to_string())?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: guest\r\n\r\n").map_err(|e| format!("{addr}: {e}"))?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).map_err(|e| format!("{addr}: {e}"))?;
    let text = String::from_utf8_lossy(&answer);
    let body =
        text.split_once("\r\n\r\n").map(|(_, b)| b).ok_or_else(|| format!("{addr}: not HTTP: {text:?}"))?;
    serde_json::from_str(body).map_err(|e| format!("{addr}: {e}: {body:?}"))
}
