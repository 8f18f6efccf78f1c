//! A bulk stream: TLS on a blocking socket, for big reads and writes. One thread reads and writes it, or it is
//! split for two; any thread may cut it, and then a blocked read or write returns at once. Apart from `dial` and
//! `listener`, which make one.

use super::BulkOptions;
use super::hello::{Answer, Call, HELLO_BYTES, VERSIONS};
use crate::certificate::CertificateFacts;
use crate::error::LinkError;
use crate::tls::alarm::{explain, explain_tls};
use leeward_model::Message;
use rustls::Connection;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What one write encrypts at most before it sends: small enough to stay in the processor's cache.
const WRITE_BYTES: usize = 256 * 1024;

/// What TLS may hold that is not sent yet.
const TLS_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// What one read takes from the socket at most.
const READ_BYTES: usize = 256 * 1024;

/// A stream to another agent. Reading gives 0 only when the other side has finished in good order; a connection
/// that just ends is an error.
#[derive(Debug)]
pub struct BulkStream {
    reader: BulkReader,
    writer: BulkWriter,
}

/// The reading half.
pub struct BulkReader {
    shared: Arc<Shared>,
    /// From the socket, not yet given to TLS.
    room: Vec<u8>,
    begin: usize,
    end: usize,
}

/// The writing half.
pub struct BulkWriter {
    shared: Arc<Shared>,
    /// While another thread may read: bytes on their way, taken out of TLS, so that a full socket does not hold
    /// the lock that the reader needs.
    apart: Option<Vec<u8>>,
}

struct Shared {
    tls: Mutex<Connection>,
    tcp: TcpStream,
    peer: CertificateFacts,
    addr: String,
}

/// Cuts a stream from any thread.
#[derive(Debug)]
pub struct Cutter {
    tcp: TcpStream,
}

impl Cutter {
    /// Ends the connection now, in both directions: reads and writes in progress return with an error.
    pub fn cut(&self) {
        // It may have ended by itself already.
        self.tcp.shutdown(Shutdown::Both).ok();
    }

    pub(super) fn of(tcp: &TcpStream, addr: &str) -> Result<Self, LinkError> {
        let tcp = tcp.try_clone().map_err(|e| explain(addr, "preparing the connection", &e))?;
        Ok(Self { tcp })
    }
}

impl BulkStream {
    /// Shakes hands on a fresh connection; the other side's certificate is proven when this returns.
    pub(super) fn shake_hands(
        mut tls: Connection,
        tcp: TcpStream,
        addr: &str,
        deadline: Instant,
    ) -> Result<Self, LinkError> {
        let broken = |e: &io::Error| explain(addr, "shaking hands", e);
        tcp.set_nodelay(true).map_err(|e| broken(&e))?;
        tls.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        let mut socket = &tcp;
        while tls.is_handshaking() {
            within(&tcp, addr, deadline)?;
            if tls.wants_write() {
                tls.write_tls(&mut socket).map_err(|e| broken(&e))?;
                continue;
            }
            if tls.read_tls(&mut socket).map_err(|e| broken(&e))? == 0 {
                return Err(LinkError::cut(addr, "the connection was closed during the handshake"));
            }
            if let Err(error) = tls.process_new_packets() {
                // The other side learns why.
                tls.write_tls(&mut socket).ok();
                return Err(explain_tls(addr, &error));
            }
        }
        while tls.wants_write() {
            within(&tcp, addr, deadline)?;
            tls.write_tls(&mut socket).map_err(|e| broken(&e))?;
        }
        let shown = tls.peer_certificates().and_then(<[_]>::first);
        let peer = shown.ok_or_else(|| "no certificate".to_owned()).and_then(CertificateFacts::read);
        let peer = peer.map_err(|detail| LinkError::Tls { peer: addr.to_owned(), detail })?;
        let shared = Arc::new(Shared { tls: Mutex::new(tls), tcp, peer, addr: addr.to_owned() });
        let reader = BulkReader { shared: Arc::clone(&shared), room: Vec::new(), begin: 0, end: 0 };
        Ok(Self { reader, writer: BulkWriter { shared, apart: None } })
    }

    /// The caller's hello. What the listener refused in the handshake shows here.
    pub(super) fn call(&mut self, deadline: Instant) -> Result<(), LinkError> {
        let addr = self.addr().to_owned();
        within(self.tcp(), &addr, deadline)?;
        let call = Call { oldest: VERSIONS.0, newest: VERSIONS.1 };
        let written = self.write_all(&call.bytes()).and_then(|()| self.flush());
        let mut answer = [0; HELLO_BYTES];
        within(self.tcp(), &addr, deadline)?;
        let read = self.read_exact(&mut answer);
        // The other side's last words go before a failure to write.
        if let Err(error) = read.and(written) {
            return Err(explain(&addr, "saying hello", &error));
        }
        let bad = |e| LinkError::bad_frame(&addr, e);
        let why = match Answer::parse(&answer).map_err(bad)? {
            Answer::Welcome { version } if version == VERSIONS.1 => return Ok(()),
            Answer::Welcome { version: newest } | Answer::NoVersion { newest } => {
                let theirs = vec![u32::from(newest)];
                return Err(LinkError::Version { peer: addr, ours: vec![u32::from(VERSIONS.1)], theirs });
            }
            Answer::NotAllowed => Message::new("link-why-not-a-peer"),
            Answer::Busy => Message::new("link-why-busy"),
        };
        Err(LinkError::TurnedAway { peer: addr, why })
    }

    /// The listener's hello.
    pub(super) fn answer(&mut self, allowed: bool, busy: bool, deadline: Instant) -> Result<(), LinkError> {
        let addr = self.addr().to_owned();
        let mut call = [0; HELLO_BYTES];
        within(self.tcp(), &addr, deadline)?;
        self.read_exact(&mut call).map_err(|e| explain(&addr, "waiting for a hello", &e))?;
        let call = Call::parse(&call).map_err(|e| LinkError::bad_frame(&addr, e))?;
        let answer = match call.common() {
            None => Answer::NoVersion { newest: VERSIONS.1 },
            Some(_) if !allowed => Answer::NotAllowed,
            Some(_) if busy => Answer::Busy,
            Some(version) => Answer::Welcome { version },
        };
        within(self.tcp(), &addr, deadline)?;
        let sent = self.write_all(&answer.bytes()).and_then(|()| self.flush());
        sent.map_err(|e| explain(&addr, "answering a hello", &e))?;
        match answer {
            Answer::Welcome { .. } => Ok(()),
            Answer::NoVersion { .. } => {
                let theirs = vec![u32::from(call.newest)];
                Err(LinkError::Version { peer: addr, ours: vec![u32::from(VERSIONS.1)], theirs })
            }
            Answer::NotAllowed | Answer::Busy => {
                let found = self.peer().identity.party.to_string();
                let wanted = if allowed { "fewer streams" } else { "an agent it works with" };
                Err(LinkError::NotOurPeer { peer: addr, wanted: wanted.to_owned(), found })
            }
        }
    }

    /// Sets the timeouts of the stream's use.
    pub(super) fn settle(&self, options: &BulkOptions) -> Result<(), LinkError> {
        self.set_timeouts(options.read_timeout, options.write_timeout)
            .map_err(|e| explain(self.addr(), "preparing the connection", &e))
    }

    /// Changes how long reads and writes may wait. A wait that is over ends with `TimedOut` or `WouldBlock`. Where the
    /// system can, a connection on which nothing gets through for as long as a write may wait is over as a whole: each
    /// further write and read would wait anew, and a line that is cut without a word would be noticed after minutes.
    ///
    /// # Errors
    /// When a time is zero or the system refuses.
    pub fn set_timeouts(
        &self,
        read: Option<std::time::Duration>,
        write: Option<std::time::Duration>,
    ) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            // 0 is the system's own bound.
            let millis = write.map_or(0, |w| u32::try_from(w.as_millis()).unwrap_or(u32::MAX));
            rustix::net::sockopt::set_tcp_user_timeout(self.tcp(), millis)?;
        }
        self.tcp().set_read_timeout(read)?;
        self.tcp().set_write_timeout(write)
    }

    /// The other side's certificate, proven.
    #[must_use]
    pub fn peer(&self) -> &CertificateFacts {
        &self.reader.shared.peer
    }

    /// The other side's address.
    #[must_use]
    pub fn addr(&self) -> &str {
        &self.reader.shared.addr
    }

    /// What an error of reading or writing means.
    #[must_use]
    pub fn explain(&self, doing: &'static str, error: &io::Error) -> LinkError {
        explain(self.addr(), doing, error)
    }

    /// The means to cut this stream from another thread.
    ///
    /// # Errors
    /// When the system has no room for another handle.
    pub fn cutter(&self) -> Result<Cutter, LinkError> {
        Cutter::of(self.tcp(), self.addr())
    }

    /// The two halves, for two threads.
    #[must_use]
    pub fn split(mut self) -> (BulkReader, BulkWriter) {
        self.writer.apart = Some(Vec::new());
        (self.reader, self.writer)
    }

    /// Says that nothing more will be written; the other side then reads 0.
    ///
    /// # Errors
    /// When that cannot be sent.
    pub fn finish(&mut self) -> io::Result<()> {
        self.writer.finish()
    }

    fn tcp(&self) -> &TcpStream {
        &self.reader.shared.tcp
    }
}

/// Lets the next read and write wait until the deadline.
fn within(tcp: &TcpStream, addr: &str, deadline: Instant) -> Result<(), LinkError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(LinkError::TimedOut { peer: addr.to_owned(), doing: "shaking hands" });
    }
    let set = tcp.set_read_timeout(Some(left)).and_then(|()| tcp.set_write_timeout(Some(left)));
    set.map_err(|e| explain(addr, "preparing the connection", &e))
}

impl Shared {
    fn tls(&self) -> MutexGuard<'_, Connection> {
        self.tls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BulkReader {
    /// The other side's certificate, proven.
    #[must_use]
    pub fn peer(&self) -> &CertificateFacts {
        &self.shared.peer
    }

    /// Gives TLS what has come, as much as it takes, and takes plaintext out until `buf` is full.
    fn decrypt(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        let mut tls = self.shared.tls();
        let mut filled = 0;
        loop {
            let room = buf.get_mut(filled..).unwrap_or_default();
            match tls.reader().read(room) {
                // The other side has finished in good order.
                Ok(0) if !room.is_empty() => return Ok(Some(filled)),
                Ok(got) => filled += got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return if filled > 0 { Ok(Some(filled)) } else { Err(error) },
            }
            if filled == buf.len() {
                return Ok(Some(filled));
            }
            let mut waiting = self.room.get(self.begin..self.end).unwrap_or_default();
            if waiting.is_empty() {
                return Ok((filled > 0).then_some(filled));
            }
            self.begin += tls.read_tls(&mut waiting)?;
            if let Err(error) = tls.process_new_packets() {
                // The other side learns why, if there is room for a few bytes.
                tls.write_tls(&mut &self.shared.tcp).ok();
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }
}

impl Read for BulkReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.room.is_empty() {
            self.room.resize(READ_BYTES, 0);
        }
        loop {
            if let Some(read) = self.decrypt(buf)? {
                return Ok(read);
            }
            let got = loop {
                match (&self.shared.tcp).read(&mut self.room) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    got => break got?,
                }
            };
            (self.begin, self.end) = (0, got);
            if got == 0 {
                let mut tls = self.shared.tls();
                // Tells TLS that nothing more comes, so that it knows a cut from a good end.
                tls.read_tls(&mut io::empty())?;
                tls.process_new_packets().map_err(io::Error::other)?;
                return tls.reader().read(buf);
            }
        }
    }
}

impl BulkWriter {
    /// Says that nothing more will be written; the other side then reads 0.
    ///
    /// # Errors
    /// When that cannot be sent.
    pub fn finish(&mut self) -> io::Result<()> {
        self.shared.tls().send_close_notify();
        self.send()?;
        self.shared.tcp.shutdown(Shutdown::Write)
    }

    /// Sends what TLS has ready.
    fn send(&mut self) -> io::Result<()> {
        let Some(apart) = self.apart.as_mut() else {
            let mut tls = self.shared.tls();
            while tls.wants_write() {
                match tls.write_tls(&mut &self.shared.tcp) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            return Ok(());
        };
        apart.clear();
        {
            let mut tls = self.shared.tls();
            while tls.wants_write() {
                tls.write_tls(apart)?;
            }
        }
        (&self.shared.tcp).write_all(apart)
    }
}

impl Write for BulkWriter {
    /// Encrypts and sends. What is taken has left this process when this returns without an error.
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let part = buf.get(..buf.len().min(WRITE_BYTES)).unwrap_or_default();
        let taken = self.shared.tls().writer().write(part)?;
        self.send()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

impl Read for BulkStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buf)
    }
}

impl Write for BulkStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.writer.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl std::fmt::Debug for BulkReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BulkReader").field("addr", &self.shared.addr).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for BulkWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BulkWriter").field("addr", &self.shared.addr).finish_non_exhaustive()
    }
}
