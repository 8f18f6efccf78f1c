//! A line between two programs that can be cut: a TCP relay with a knife. Apart from `vault`, whose parties do not
//! know of it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// The line. Dropping it cuts it.
pub(crate) struct Line {
    pub(crate) addr: SocketAddr,
    state: Arc<State>,
}

struct State {
    open: AtomicBool,
    carried: AtomicU64,
    cut_at: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
}

impl Line {
    /// Relays connections to `to`.
    pub(crate) fn to(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            open: AtomicBool::new(true),
            carried: AtomicU64::new(0),
            cut_at: AtomicU64::new(u64::MAX),
            streams: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // While it is cut, a caller sees a connection that closes at once.
                if !shared.open.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(far) = TcpStream::connect(to) else { continue };
                relay(&shared, near, far);
            }
        });
        Self { addr, state }
    }

    /// Cuts all connections; new ones close at once until [`Line::mend`].
    pub(crate) fn cut(&self) {
        self.state.cut();
    }

    /// Cuts by itself once this many further bytes have been carried, both ways together.
    pub(crate) fn cut_after(&self, bytes: u64) {
        let at = self.state.carried.load(Ordering::SeqCst) + bytes;
        self.state.cut_at.store(at, Ordering::SeqCst);
    }

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.state.cut_at.store(u64::MAX, Ordering::SeqCst);
        self.state.open.store(true, Ordering::SeqCst);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.cut();
    }
}

impl State {
    fn cut(&self) {
        self.open.store(false, Ordering::SeqCst);
        for stream in self.streams.lock().expect("no panic holds it").drain(..) {
            // Closed already is as good.
            stream.shutdown(Shutdown::Both).ok();
        }
    }
}

fn relay(state: &Arc<State>, near: TcpStream, far: TcpStream) {
    let copy = |stream: &TcpStream| stream.try_clone().expect("a handle");
    for stream in [&near, &far] {
        stream.set_nodelay(true).expect("set");
        state.streams.lock().expect("no panic holds it").push(copy(stream));
    }
    for (from, to) in [(copy(&near), copy(&far)), (far, near)] {
        let state = Arc::clone(state);
        std::thread::spawn(move || carry(&state, from, to));
    }
}

fn carry(state: &State, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(n) = from.read(&mut buffer) {
        let bytes = u64::try_from(n).expect("it fits");
        if state.carried.fetch_add(bytes, Ordering::SeqCst) + bytes > state.cut_at.load(Ordering::SeqCst) {
            return state.cut();
        }
        if n == 0 || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}
