//! A wide-area link between two programs on one machine: a TCP relay with delay, a rate, and a knife. For tests
//! that must run without root; network namespaces do the same with packets.

use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// The link. Dropping it cuts everything.
pub struct Wan {
    addr: SocketAddr,
    state: Arc<State>,
}

struct State {
    delay: Duration,
    bytes_per_sec_max: u64,
    open: AtomicBool,
    carried: AtomicU64,
    cut_after: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
}

impl Wan {
    /// Relays connections to `to`, each byte `delay` late, at most so many bytes per second (0: no limit).
    pub fn to(to: SocketAddr, delay: Duration, bytes_per_sec_max: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State {
            delay,
            bytes_per_sec_max,
            open: AtomicBool::new(true),
            carried: AtomicU64::new(0),
            cut_after: AtomicU64::new(u64::MAX),
            streams: Mutex::new(Vec::new()),
        });
        let shared = Arc::clone(&state);
        std::thread::Builder::new().name("wan-accept".into()).spawn(move || {
            for near in listener.incoming().flatten() {
                if !shared.open.load(Ordering::SeqCst) {
                    continue; // dropped: the caller sees a closed connection, as behind a dead router
                }
                let Ok(far) = TcpStream::connect(to) else { continue };
                if relay(&shared, near, far).is_err() {
                    continue;
                }
            }
        })?;
        Ok(Self { addr, state })
    }

    /// Where to connect.
    pub const fn addr(&self) -> SocketAddr { self.addr }

    /// Bytes carried so far, both ways.
    pub fn carried(&self) -> u64 { self.state.carried.load(Ordering::SeqCst) }

    /// Cuts all connections; new ones are dropped until [`Wan::mend`].
    pub fn cut(&self) { self.state.cut(); }

    /// Cuts by itself once this many further bytes have been carried.
    pub fn cut_after(&self, bytes: u64) {
        self.state.cut_after.store(self.carried() + bytes, Ordering::SeqCst);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.cut_after.store(u64::MAX, Ordering::SeqCst);
        self.state.open.store(true, Ordering::SeqCst);
    }

    /// Whether the knife has fallen.
    pub fn is_cut(&self) -> bool { !self.state.open.load(Ordering::SeqCst) }
}

impl Drop for Wan {
    fn drop(&mut self) { self.cut(); }
}

impl State {
    fn cut(&self) {
        self.open.store(false, Ordering::SeqCst);
        for stream in self.streams.lock().expect("no panic holds it").drain(..) {
            // Already closed is as good.
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

/// Bytes under way in one direction, each chunk with its due time.
#[derive(Default)]
struct Pipe {
    chunks: Mutex<(VecDeque<(Instant, Vec<u8>)>, bool)>,
    bell: Condvar,
}

fn relay(state: &Arc<State>, near: TcpStream, far: TcpStream) -> io::Result<()> {
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
        state.streams.lock().expect("no panic holds it").push(stream.try_clone()?);
    }
    one_way(state, near.try_clone()?, far.try_clone()?)?;
    one_way(state, far, near)
}

fn one_way(state: &Arc<State>, mut from: TcpStream, mut to: TcpStream) -> io::Result<()> {
    let pipe = Arc::new(Pipe::default());
    let (shared, filling) = (Arc::clone(state), Arc::clone(&pipe));
    std::thread::Builder::new().name("wan-in".into()).spawn(move || {
        let mut buffer = vec![0_u8; 64 * 1024];
        while let Ok(n) = from.read(&mut buffer) {
            if n == 0 {
                break;
            }
            let carried = shared.carried.fetch_add(n as u64, Ordering::SeqCst) + n as u64;
            if carried >= shared.cut_after.load(Ordering::SeqCst) {
                shared.cut();
                break;
            }
            let due = Instant::now() + shared.delay;
            let mut queue = filling.chunks.lock().expect("no panic holds it");
            queue.0.push_back((due, buffer[..n].to_vec()));
            filling.bell.notify_all();
            // A bounded window, as a real link has.
            while queue.0.len() > 256 {
                queue = filling.bell.wait(queue).expect("no panic holds it");
            }
        }
        filling.chunks.lock().expect("no panic holds it").1 = true;
        filling.bell.notify_all();
    })?;
    let rate = state.bytes_per_sec_max;
    std::thread::Builder::new().name("wan-out".into()).spawn(move || {
        while let Some((due, chunk)) = next(&pipe) {
            // The delay is what this relay is for; nothing is waited for by luck.
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            if rate > 0 {
                std::thread::sleep(Duration::from_secs_f64(chunk.len() as f64 / rate as f64));
            }
            if to.write_all(&chunk).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Write));
    })?;
    Ok(())
}

fn next(pipe: &Pipe) -> Option<(Instant, Vec<u8>)> {
    let mut queue = pipe.chunks.lock().expect("no panic holds it");
    loop {
        if let Some(chunk) = queue.0.pop_front() {
            pipe.bell.notify_all();
            return Some(chunk);
        }
        if queue.1 {
            return None;
        }
        queue = pipe.bell.wait(queue).expect("no panic holds it");
    }
}
