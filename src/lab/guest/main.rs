//! The program inside the lab's guests: writes numbered, checksummed records to both disks, proves at every boot
//! what it has, and says so on the serial line, the screen and port 80. Uses nothing but the standard library,
//! because it is built into the lab as one static file.

mod button;
mod letters;
mod log;
mod page;
mod record;
mod settings;
mod state;
mod web;
mod witness;
mod writer;

use crate::log::RecordLog;
use crate::settings::Settings;
use crate::state::{AtBoot, Shared, State};
use crate::witness::Witness;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often the last number is said on the serial line, in turns of the page.
const SAY_EVERY: u32 = 5;
const STOP_LIMIT: Duration = Duration::from_secs(60);

static SERIAL: OnceLock<PathBuf> = OnceLock::new();

/// A line for whoever reads the serial line.
pub(crate) fn say(line: &str) {
    let Some(path) = SERIAL.get() else { return };
    if let Ok(mut serial) = OpenOptions::new().append(true).open(path) {
        // Nobody may be listening; the guest goes on.
        drop(serial.write_all(format!("{line}\n").as_bytes()));
    }
}

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let verb = words.next().unwrap_or_default();
    let options: BTreeMap<String, String> =
        words.filter_map(|w| w.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))).collect();
    let path =
        |name: &str, otherwise: &str| PathBuf::from(options.get(name).map_or(otherwise, String::as_str));
    SERIAL.get_or_init(|| path("serial", "/dev/ttyS0"));
    let socket = path("socket", "/run/lab-guest.sock");
    let done = match verb.as_str() {
        "run" => run(&Places {
            settings: path("settings", "/os/etc/leeward-guest"),
            records: path("records", "/data/records"),
            witness: path("witness", "/os/witness"),
            screen: path("screen", "/dev/tty1"),
            input: path("input", "/dev/input"),
            boot_id: path("boot-id", "/proc/sys/kernel/random/boot_id"),
            web: options.get("web").map_or("0.0.0.0:80", String::as_str).to_owned(),
            socket,
        }),
        "stop" => stop(&socket),
        _ => Err(io::Error::other("usage: lab-guest run|stop [name=value...]")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("LEEWARD-FAILED what={verb} why={error}"));
            ExitCode::FAILURE
        }
    }
}

/// Where everything is.
struct Places {
    settings: PathBuf,
    records: PathBuf,
    witness: PathBuf,
    screen: PathBuf,
    input: PathBuf,
    boot_id: PathBuf,
    web: String,
    socket: PathBuf,
}

fn run(places: &Places) -> io::Result<()> {
    let settings = Settings::read(&places.settings)?;
    let (log, records) = RecordLog::open(&places.records)?;
    let (witness, said) = Witness::open(&places.witness)?;
    let pair_ok = witness::agree(records.newest, said);
    let at_boot = AtBoot { records, witness: said, pair_ok };
    let boot_id = std::fs::read_to_string(&places.boot_id).unwrap_or_default().trim().to_owned();
    announce(&settings, &at_boot, &boot_id);
    let shared = Shared::new(State {
        settings,
        boot_id,
        booted: Instant::now(),
        first: at_boot.records.first,
        last: at_boot.records.last,
        last_checksum: at_boot.records.newest[0].map_or(0, |r| r.checksum),
        last_written: Instant::now(),
        stopping: false,
        // Damaged records are left as they are, for whoever wants to look at them.
        stopped: !at_boot.ok(),
        failure: None,
        at_boot,
    });
    if shared.lock().at_boot.ok() {
        let writing = shared.clone();
        std::thread::spawn(move || writer::run(log, &witness, &writing));
    }
    match TcpListener::bind(&places.web) {
        Ok(listener) => {
            let serving = shared.clone();
            say(&format!("LEEWARD-READY host={} web={}", shared.lock().settings.host, places.web));
            std::thread::spawn(move || web::serve(&listener, &serving));
        }
        Err(error) => say(&format!("LEEWARD-FAILED what=web why={error}")),
    }
    button::watch(&places.input);
    let showing = shared.clone();
    let screen = places.screen.clone();
    let (wake, woken) = std::sync::mpsc::channel();
    let shown = std::thread::spawn(move || show(&screen, &showing, &woken));
    let mut asker = wait_for_stop(&places.socket, &shared)?;
    // The last words on the screen stand there when the power goes.
    drop(wake);
    drop(shown.join());
    asker.write_all(format!("last={}\n", shared.lock().last).as_bytes())
}

/// The line a machine reads: what the records prove.
fn announce(settings: &Settings, at_boot: &AtBoot, boot_id: &str) {
    say(&format!(
        "LEEWARD-RECORDS host={} ok={} first={} last={} gap_free={} pair_ok={} witness={} boot_id={boot_id}",
        settings.host,
        at_boot.ok(),
        at_boot.records.first,
        at_boot.records.last,
        at_boot.gap_free(),
        at_boot.pair_ok,
        at_boot.witness.map_or(0, |w| w.number),
    ));
    if let Some(damage) = &at_boot.records.damage {
        say(&format!("LEEWARD-DAMAGE {damage}"));
    }
}

/// Keeps the screen and the serial line up to date, until nobody is left to wake it.
fn show(screen: &Path, shared: &Shared, woken: &Receiver<()>) {
    let mut page = page::Page::open(screen).ok();
    let mut turn = 0_u32;
    let mut ended = false;
    loop {
        let state = shared.copy();
        // A screen that cannot be written to is no reason to fall silent on the serial line.
        if page.as_mut().is_some_and(|p| p.show(&state).is_err()) {
            page = None;
        }
        if turn.is_multiple_of(SAY_EVERY) && !state.stopped {
            say(&format!("LEEWARD-LAST host={} last={}", state.settings.host, state.last));
        }
        turn = turn.wrapping_add(1);
        if ended {
            return;
        }
        ended = woken.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Disconnected);
    }
}

/// Sleeps until somebody asks to stop; returns who, when the last record is safe.
fn wait_for_stop(socket: &Path, shared: &Shared) -> io::Result<UnixStream> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    let (asker, _) = listener.accept()?;
    shared.lock().stopping = true;
    let deadline = Instant::now() + STOP_LIMIT;
    while !shared.lock().stopped && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
    let state = shared.copy();
    if state.stopped {
        say(&format!("LEEWARD-STOPPED last={} host={}", state.last, state.settings.host));
    } else {
        say(&format!("LEEWARD-FAILED what=stop why=the disks did not answer, last={}", state.last));
    }
    Ok(asker)
}

fn stop(socket: &Path) -> io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(STOP_LIMIT))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(())
}
