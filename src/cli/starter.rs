//! What the window's first page can do: open a vault, create one, make the sample lab. Each runs on a thread of its
//! own, and the page asks how far it is. Apart from `window`, which shows the page.

use super::connect::{self, Ends, unreachable};
use super::exit::{Exit, Stop};
use super::{places, window};
use leeward_desktop::{StartProgress, StartWish, Startup};
use leeward_engine::shell::SystemClock;
use leeward_engine::vault::{self, Listen, VaultFolder};
use leeward_lab::{Lab, LabSpec};
use leeward_model::fault::{Fault, Recovery};
use leeward_model::{Accepted, Command, CommandOutcome, Message, PowerState};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a host of the lab may take to connect.
const CONNECT: Duration = Duration::from_secs(60);

/// The hosts of the sample lab, by folder, with their sites.
const LAB_HOSTS: [(&str, &str); 2] = [("stockholm", "Stockholm"), ("goteborg", "Göteborg")];

/// The first page's abilities. The page goes when there is a vault; the engine that it started must not: see [`Engines`].
pub(crate) struct Starter {
    shared: Arc<Mutex<Shared>>,
}

/// The engine of the vault that the window shows. It lives as long as this does, or until another vault is shown.
pub(crate) struct Engines(Arc<Mutex<Shared>>);

impl Engines {
    /// Ends it in order, and waits for those that are ending; agents go on without.
    pub(crate) fn stop(self) -> Result<(), Stop> {
        let ended = ended(&self.0);
        let ends = std::mem::take(&mut lock(&self.0).ends);
        ends.into_iter().map(Ends::stop).fold(ended, Result::and)
    }
}

struct Shared {
    progress: StartProgress,
    /// What the window holds, all of one vault.
    ends: Vec<Ends>,
    /// Engines of vaults that were shown before.
    ending: Vec<JoinHandle<Result<(), Stop>>>,
}

impl Starter {
    pub(crate) fn new() -> Self {
        let (progress, ends, ending) = (StartProgress::Idle, Vec::new(), Vec::new());
        Self { shared: Arc::new(Mutex::new(Shared { progress, ends, ending })) }
    }

    /// Looks after the engine of a vault that was opened without the first page.
    pub(crate) fn hold(&self, ends: Ends) {
        lock(&self.shared).ends.push(ends);
    }

    pub(crate) fn engines(&self) -> Engines {
        Engines(Arc::clone(&self.shared))
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Startup for Starter {
    fn recent(&self) -> Vec<PathBuf> {
        places::recent_vaults().into_iter().filter(|path| path.exists()).collect()
    }

    fn default_vault(&self) -> PathBuf {
        places::default_vault()
    }

    fn default_addr(&self) -> String {
        Listen::default().listen
    }

    fn begin(&mut self, wish: StartWish) {
        let shared = Arc::clone(&self.shared);
        let working = Message::new("cli-start-working").render();
        lock(&shared).progress = StartProgress::Working { text: working, fraction: 0.0 };
        let spawned = std::thread::Builder::new().name("start".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || match perform(&shared, wish) {
                Ok(ends) => go_over(&shared, ends),
                Err(fault) => lock(&shared).progress = StartProgress::Failed(*fault),
            }
        });
        if let Err(error) = spawned {
            lock(&shared).progress = StartProgress::Failed(*broken(error.to_string()));
        }
    }

    fn poll(&mut self) -> StartProgress {
        let mut held = lock(&self.shared);
        match &held.progress {
            StartProgress::Working { text, fraction } => {
                StartProgress::Working { text: text.clone(), fraction: *fraction }
            }
            _ => std::mem::replace(&mut held.progress, StartProgress::Idle),
        }
    }
}

/// The window goes over to this vault. The engine of the one before ends, in order, while nobody waits for it.
fn go_over(shared: &Mutex<Shared>, ends: Ends) {
    let vault = |ends: &Ends| ends.feed().latest().vault.id;
    let connected = window::connected(&ends);
    let shown = vault(&ends);
    let mut held = lock(shared);
    let all = std::mem::take(&mut held.ends);
    let (stay, before): (Vec<Ends>, Vec<Ends>) = all.into_iter().partition(|e| vault(e) == shown);
    held.ends = stay;
    held.ends.push(ends);
    held.progress = StartProgress::Ready(connected);
    for ends in before {
        held.ending.push(std::thread::spawn(|| ends.stop()));
    }
}

/// Waits until the engines of vaults that were shown before have ended.
fn ended(shared: &Mutex<Shared>) -> Result<(), Stop> {
    let ending = std::mem::take(&mut lock(shared).ending);
    let said = |thread: JoinHandle<Result<(), Stop>>| {
        let panicked = || Stop::Fault(Exit::Failed, broken("an engine panicked as it ended".to_owned()));
        thread.join().unwrap_or_else(|_| Err(panicked()))
    };
    ending.into_iter().map(said).fold(Ok(()), Result::and)
}

fn broken(detail: String) -> Box<Fault> {
    Box::new(Fault::new("cli-start-failed", "leeward", detail, Recovery::NeedsPerson))
}

fn said(stop: Stop) -> Box<Fault> {
    match stop {
        Stop::Fault(_, fault) => fault,
        other => broken(other.to_string()),
    }
}

fn perform(shared: &Mutex<Shared>, wish: StartWish) -> Result<Ends, Box<Fault>> {
    match wish {
        StartWish::Open(path) => match lab_of(&path) {
            // Its hosts are processes of this computer: they may have gone with its last shutdown.
            Some(folder) => make_lab(shared, &folder),
            None => open(&path),
        },
        StartWish::Create { path, name, addr } => {
            create(&path, &name, &listen_at(&addr))?;
            open(&path)
        }
        StartWish::MakeLab { folder } => make_lab(shared, &folder),
    }
}

/// The lab whose vault, or whose folder, this is.
fn lab_of(path: &Path) -> Option<PathBuf> {
    let path = std::fs::canonicalize(path).ok()?;
    let above = path.parent().map(Path::to_owned);
    [Some(path), above].into_iter().flatten().find(|root| {
        let spec = LabSpec::default(root);
        let made = |host| spec.host_folder(host).join("machines").is_dir();
        root.join("vault/vault.db").is_file() && spec.hosts.iter().all(made)
    })
}

/// Where an engine listens that hosts reach at this address: there if that is an address of this computer, else at
/// all of them, because a name or an address before a router says nothing about which.
fn listen_at(addr: &str) -> Listen {
    let port = addr.rsplit_once(':').map_or("", |(_, port)| port);
    let listen = match addr.parse::<SocketAddr>() {
        Ok(here) if TcpListener::bind((here.ip(), 0)).is_ok() => addr.to_owned(),
        Ok(SocketAddr::V6(_)) => format!("[::]:{port}"),
        Err(_) if addr.starts_with("localhost:") => format!("127.0.0.1:{port}"),
        Ok(SocketAddr::V4(_)) | Err(_) => format!("0.0.0.0:{port}"),
    };
    Listen { listen, advertise: vec![addr.to_owned()] }
}

fn open(path: &Path) -> Result<Ends, Box<Fault>> {
    let folder = VaultFolder::at(path).map_err(unreachable).map_err(said)?;
    let ends = connect::of_folder(&folder, |_| {}).map_err(said)?;
    places::remember_vault(folder.root());
    Ok(ends)
}

fn create(path: &Path, name: &str, listen: &Listen) -> Result<VaultFolder, Box<Fault>> {
    vault::create(path, name, listen, &places::user(), &SystemClock).map_err(unreachable).map_err(said)
}

/// Makes the sample lab where there is none, and brings everything of it up: vault, engine, hosts, guests.
fn make_lab(shared: &Mutex<Shared>, folder: &Path) -> Result<Ends, Box<Fault>> {
    let tell = |text: String, fraction: f32| {
        lock(shared).progress = StartProgress::Working { text, fraction };
    };
    std::fs::create_dir_all(folder).map_err(|e| broken(format!("{}: {e}", folder.display())))?;
    let folder = std::fs::canonicalize(folder).map_err(|e| broken(format!("{}: {e}", folder.display())))?;
    #[expect(clippy::cast_precision_loss, reason = "a share of a progress bar")]
    let lab = leeward_lab::make(&LabSpec::default(&folder), &mut |p| {
        tell(p.what.render(), 0.8 * p.done as f32 / p.of.max(1) as f32);
    });
    let lab = lab.map_err(|e| Box::new(e.fault()))?;
    let lab = lab.with_agent_program(crate::tour::beside("leeward-agent"));
    // The vault's engine listens on an address of it.
    lab.network_up().map_err(|e| Box::new(e.fault()))?;
    let root = folder.join("vault");
    if !root.exists() {
        let free = TcpListener::bind((lab.engine_addr(), 0)).and_then(|l| l.local_addr());
        let free = free.map_err(|e| broken(e.to_string()))?.to_string();
        create(&root, "Sample lab", &Listen { listen: free.clone(), advertise: vec![free] })?;
    }
    let ends = open(&root)?;
    for (host, site) in LAB_HOSTS {
        tell(Message::new("cli-start-host").with("site", site).render(), 0.9);
        bring_up(&lab, &ends, host, site)?;
    }
    start_machines(&ends);
    Ok(ends)
}

/// One host of the lab: enrolled once, and running.
fn bring_up(lab: &Lab, ends: &Ends, host: &str, site: &str) -> Result<(), Box<Fault>> {
    let said = |e: leeward_lab::LabError| Box::new(e.fault());
    let identity = lab.host_folder(host).map_err(said)?.join("data/identity/identity.json");
    if !identity.exists() {
        let sink = ends.sink();
        let receipt = sink.submit(Command::MakeRegistrationKey { site: site.to_owned() });
        let outcome = wait(CONNECT, || sink.take_outcome(receipt));
        let key = match outcome {
            Some(CommandOutcome::Accepted(Accepted::RegistrationKey { file_text, .. })) => file_text,
            other => return Err(broken(format!("no registration key: {other:?}"))),
        };
        lab.enrol(host, &key).map_err(said)?;
    }
    if !lab.agent_runs(host).map_err(said)? {
        lab.start_agent(host).map_err(said)?;
    }
    let feed = ends.feed();
    let up = wait(CONNECT, || {
        let snapshot = feed.latest();
        let site = snapshot.sites.iter().find(|s| s.name == site)?.id;
        snapshot.servers.iter().any(|s| s.site == site && s.connected).then_some(())
    });
    let silent = || Fault::new("cli-start-silent", site, String::new(), Recovery::NeedsPerson);
    up.ok_or_else(|| Box::new(silent()))
}

/// Guests that run nowhere are started where they are, unless they are protected: then a person decides.
fn start_machines(ends: &Ends) {
    let (sink, feed) = (ends.sink(), ends.feed());
    let machines = wait(CONNECT, || {
        let snapshot = feed.latest();
        (!snapshot.machines.is_empty()).then(|| snapshot.machines.to_vec())
    });
    for machine in machines.unwrap_or_default() {
        if machine.power == PowerState::Off && machine.item.is_none() {
            sink.submit(Command::StartMachine { machine: machine.on() });
        }
    }
}

/// Looks until there is something, or the time is over.
pub(super) fn wait<T>(at_most: Duration, mut found: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + at_most;
    loop {
        if let Some(value) = found() {
            return Some(value);
        }
        if Instant::now() >= until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::{Listen, Starter, VaultFolder, create, ended, go_over, lab_of, listen_at};
    use crate::cli::connect::{Ends, of_folder};
    use leeward_desktop::{StartProgress, Startup as _};
    use leeward_lab::LabSpec;
    use std::fs;
    use std::net::TcpListener;
    use std::path::Path;

    fn vault(root: &Path) -> VaultFolder {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("an address");
        let listen = Listen { listen: free.to_string(), advertise: vec![free.to_string()] };
        create(root, "a vault", &listen).expect("made")
    }

    fn engine(folder: &VaultFolder) -> Ends {
        of_folder(folder, |_| {}).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn the_engine_of_the_vault_before_ends_and_not_the_one_that_is_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, other) = (vault(&folder.path().join("one")), vault(&folder.path().join("other")));
        let mut starter = Starter::new();
        let engines = starter.engines();
        starter.hold(engine(&one));
        assert!(one.holder().is_some(), "it runs");
        // The second time it is attached to the engine that runs already, in this program.
        for _ in 0..2 {
            go_over(&starter.shared, engine(&other));
            assert!(matches!(starter.poll(), StartProgress::Ready(_)));
            ended(&starter.shared).unwrap_or_else(|e| panic!("{e}"));
            assert!(one.holder().is_none(), "the vault is given back");
            assert!(other.holder().is_some(), "what is shown runs on");
        }
        engines.stop().unwrap_or_else(|e| panic!("{e}"));
        assert!(other.holder().is_none());
    }

    #[test]
    fn the_vault_of_a_lab_is_known_as_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("there");
        let vault = root.join("vault");
        fs::create_dir_all(&vault).expect("made");
        fs::write(vault.join("vault.db"), "").expect("written");
        assert_eq!(lab_of(&vault), None, "a vault alone is no lab");
        let spec = LabSpec::default(&root);
        for host in &spec.hosts {
            fs::create_dir_all(spec.host_folder(host).join("machines")).expect("made");
        }
        assert_eq!(lab_of(&vault), Some(root.clone()));
        assert_eq!(lab_of(&root), Some(root.clone()), "its folder means the same");
        assert_eq!(lab_of(&root.join("nothing")), None);
    }

    #[test]
    fn an_engine_listens_where_it_is_reached() {
        let listens = |addr| listen_at(addr).listen;
        assert_eq!(listens("127.0.0.1:8443"), "127.0.0.1:8443");
        assert_eq!(listens("localhost:8443"), "127.0.0.1:8443");
        assert_eq!(listens("dr.example:9000"), "0.0.0.0:9000");
        assert_eq!(listens("192.0.2.10:9000"), "0.0.0.0:9000", "not an address of this computer");
        assert_eq!(listen_at("dr.example:9000").advertise, ["dr.example:9000"]);
    }
}
