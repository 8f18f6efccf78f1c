//! `lab-line LAB HOST DEVICE OWN OTHER`: carries packets away from one host of a lab with a network, as slowly and
//! unreliably as the lab's settings say, and hands in what comes from the other side. It runs in the namespace of the
//! host; the socket OWN is its own, OTHER the one of its peer.

#[path = "../lane.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the lab, which uses all of it")]
mod lane;

use lane::{Lane, LineCount, LineSettings, OPEN, Passes, SETTINGS, count_record};
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};
use tun_rs::{DeviceBuilder, SyncDevice};

/// How often the settings are read and the counts written.
const LOOK: Duration = Duration::from_millis(50);
/// No packet of ours is larger.
const PACKET_BYTES_MAX: usize = 65_536;

/// What the threads share.
struct Shared {
    now: Mutex<(LineSettings, LineCount)>,
    changed: Condvar,
    waiting: AtomicUsize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (LineSettings, LineCount)> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn main() -> ExitCode {
    let words: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [lab, host, device, own, other] = words.as_slice() else {
        eprintln!("lab-line LAB HOST DEVICE OWN OTHER");
        return ExitCode::from(2);
    };
    match carry(lab, &host.to_string_lossy(), &device.to_string_lossy(), own, other) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab-line: {error}");
            ExitCode::FAILURE
        }
    }
}

fn carry(lab: &Path, host: &str, device: &str, own: &Path, other: &Path) -> io::Result<()> {
    match std::fs::remove_file(own) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = Arc::new(UnixDatagram::bind(own)?);
    let device = Arc::new(DeviceBuilder::new().name(device).build_sync()?);
    println!("{OPEN}");
    let line = settings(lab)?;
    let shared = Arc::new(Shared {
        now: Mutex::new((line, LineCount::default())),
        changed: Condvar::new(),
        waiting: AtomicUsize::new(0),
    });
    let (queue, queued) = mpsc::channel();
    let (taking, leaving) = (Arc::clone(&shared), Arc::clone(&shared));
    let (source, sink, out) = (Arc::clone(&device), device, Arc::clone(&socket));
    let other = other.to_owned();
    std::thread::spawn(move || take(&source, &taking, &queue));
    std::thread::spawn(move || deliver(&leaving, &queued, &out, &other));
    std::thread::spawn(move || hand_in(&socket, &sink));
    let mut written = None;
    loop {
        std::thread::sleep(LOOK);
        // A record that cannot be read leaves the line as it is.
        match settings(lab) {
            Ok(line) => shared.lock().0 = line,
            Err(error) => eprintln!("lab-line: {error}"),
        }
        shared.changed.notify_all();
        let count = shared.lock().1;
        if written != Some(count) {
            write(lab, host, &count)?;
            written = Some(count);
        }
    }
}

/// As the lab's folder says; an open line where nothing is said.
fn settings(lab: &Path) -> io::Result<LineSettings> {
    match std::fs::read(lab.join(SETTINGS)) {
        Ok(text) => serde_json::from_slice(&text).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(LineSettings::default()),
        Err(error) => Err(error),
    }
}

/// Whole or not at all, for whoever reads it meanwhile.
fn write(lab: &Path, host: &str, count: &LineCount) -> io::Result<()> {
    let name = count_record(host);
    let next = lab.join(format!(".{name}.next"));
    std::fs::write(&next, serde_json::to_vec(count)?)?;
    std::fs::rename(next, lab.join(name))
}

/// From the host onto the line, or not.
fn take(device: &SyncDevice, shared: &Shared, queue: &mpsc::Sender<(Instant, Vec<u8>)>) {
    let mut lane = Lane::new(u64::from(std::process::id()).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut packet = vec![0; PACKET_BYTES_MAX];
    loop {
        let bytes = match device.recv(&mut packet) {
            Ok(bytes) => bytes,
            Err(error) => {
                // Until the device is up nothing can be read from it.
                eprintln!("lab-line: {error}");
                std::thread::sleep(LOOK);
                continue;
            }
        };
        let waiting = shared.waiting.load(Ordering::Acquire);
        let mut now = shared.lock();
        let line = now.0;
        match lane.admit(&line, bytes, waiting, Instant::now()) {
            Some(due) => {
                shared.waiting.fetch_add(bytes, Ordering::AcqRel);
                if queue.send((due, packet.get(..bytes).unwrap_or_default().to_vec())).is_err() {
                    return;
                }
            }
            None => now.1.lost += 1,
        }
    }
}

/// From the line to the other side, each packet when it is due.
fn deliver(shared: &Shared, queued: &mpsc::Receiver<(Instant, Vec<u8>)>, out: &UnixDatagram, other: &Path) {
    while let Ok((due, packet)) = queued.recv() {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut now = shared.lock();
        while now.0.passes == Passes::Stalled {
            now = shared.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
        // A peer that is not there is a wire that ends in the air.
        let arrived = now.0.passes != Passes::Cut;
        drop(now);
        let arrived = arrived && out.send_to(&packet, other).is_ok();
        let mut now = shared.lock();
        if arrived {
            now.1.carried += 1;
            now.1.carried_bytes += packet.len() as u64;
        } else {
            now.1.lost += 1;
        }
        shared.waiting.fetch_sub(packet.len(), Ordering::AcqRel);
    }
}

/// From the line into the host.
fn hand_in(socket: &UnixDatagram, device: &SyncDevice) {
    let mut packet = vec![0; PACKET_BYTES_MAX];
    loop {
        let sent =
            socket.recv(&mut packet).and_then(|bytes| device.send(packet.get(..bytes).unwrap_or_default()));
        if let Err(error) = sent {
            eprintln!("lab-line: {error}");
            std::thread::sleep(LOOK);
        }
    }
}
