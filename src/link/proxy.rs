//! The way out through an HTTP proxy: CONNECT with basic credentials, and a strict, bounded reading of its answer.
//! Apart from `control::connection`, which then speaks TLS through it as if the proxy were not there.

use crate::error::LinkError;
use crate::secret::Secret;
use crate::tls::alarm::explain;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest answer that is read before the tunnel begins.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// A proxy.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Proxy {
    /// Where it listens: `host:port`.
    pub addr: String,
    /// User name and password, if it wants them.
    pub credentials: Option<ProxyCredentials>,
}

/// What a proxy wants to see.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct ProxyCredentials {
    /// User name; a colon cannot be part of it.
    pub user: String,
    /// Password.
    pub password: Secret,
}

/// Asks a proxy on a fresh connection for a tunnel to `addr`.
pub(crate) async fn tunnel(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    addr: &str,
) -> Result<(), LinkError> {
    if addr.chars().any(|c| c.is_control() || c == ' ') {
        return Err(LinkError::Unresolved { peer: addr.to_owned(), detail: "not an address".to_owned() });
    }
    let mut request = format!("CONNECT {addr} HTTP/1.1\r\nHost: {addr}\r\n");
    if let Some(credentials) = &proxy.credentials {
        let plain = format!("{}:{}", credentials.user, credentials.password.expose());
        request.push_str("Proxy-Authorization: Basic ");
        STANDARD.encode_string(plain, &mut request);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    let broken = |e: std::io::Error| explain(&proxy.addr, "asking the proxy", &e);
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let mut answer = Vec::new();
    // One byte at a time: what follows the answer is the other side's TLS already.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= ANSWER_BYTES_MAX {
            return Err(refused(proxy, addr, "its answer is too long"));
        }
        match stream.read_u8().await {
            Ok(byte) => answer.push(byte),
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Err(refused(proxy, addr, "it hung up"));
            }
            Err(e) => return Err(broken(e)),
        }
    }
    match status(&answer) {
        Some(200..=299) => Ok(()),
        // Some proxies say 401 for credentials that are wrong.
        Some(code @ (401 | 407)) => Err(LinkError::ProxyCredentials {
            proxy: proxy.addr.clone(),
            missing: proxy.credentials.is_none(),
            detail: format!("HTTP {code}"),
        }),
        Some(code) => Err(refused(proxy, addr, &format!("HTTP {code}"))),
        None => Err(refused(proxy, addr, "its answer is not HTTP")),
    }
}

fn refused(proxy: &Proxy, addr: &str, detail: &str) -> LinkError {
    LinkError::ProxyRefused { proxy: proxy.addr.clone(), peer: addr.to_owned(), detail: detail.to_owned() }
}

/// The status code of an HTTP answer.
#[must_use]
pub fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|b| *b == b'\r').next()?;
    let rest = line.strip_prefix(b"HTTP/1.0 ").or_else(|| line.strip_prefix(b"HTTP/1.1 "))?;
    let (code, after) = rest.split_at_checked(3)?;
    let proper = code.iter().all(u8::is_ascii_digit) && matches!(after.first(), None | Some(b' '));
    proper.then(|| std::str::from_utf8(code).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn status_lines_are_read_strictly() {
        assert_eq!(status(b"HTTP/1.1 200 Connection established\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407\r\n\r\n"), Some(407));
        for bad in [
            "",
            "HTTP/1.1",
            "HTTP/1.1 20\r\n",
            "HTTP/1.1 2000\r\n",
            "HTTP/1.1 +20 x",
            "HTTP/2 200 x",
            "200 ok",
        ] {
            assert_eq!(status(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(code) = status(&bytes) {
                prop_assert!(code < 1000);
            }
        }
    }
}
