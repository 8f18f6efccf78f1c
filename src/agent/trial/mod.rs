//! Two hosts on loopback with real certificates, stores, logs and streams, over a hypervisor without machines. Apart
//! from the tests on real parts, because here every step can be stopped at the moment a test wants.

mod changing;
mod confirming;
mod copies;
mod cycles;
mod fake;
mod forgetting;
mod hours;

use crate::config::AgentConfig;
use crate::host::Host;
use crate::item::Item;
use crate::requests::perform;
use crate::{session, source};
use fake::{BLOCK, Fake};
use leeward_fabric::{MachineFolder, MachineState};
use leeward_link::messages::{Assignment, Op, Peer, Reply, Request, Role};
use leeward_link::{AgentRequest, Authority, Clock, Credential, HostDescription, Secret, Trust};
use leeward_model::{
    AgentId, CopyFrequency, DiskDefinition, DiskFormat, DiskId, Epoch, EvidenceMint, ItemId, JobId,
    MachineDefinition, MachineId, Moment, PointSummary, PolicyId, ReplicationPolicy, Retention, VaultId,
};
use leeward_replication::layers::Chain;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The longest anything may take: a bound for failures, never a wait.
const PATIENCE: Duration = Duration::from_secs(60);

/// Blocks of each disk.
const BLOCKS: u64 = 16;

const DAY: i64 = 1_794_000_000_000;

/// One host.
struct Site {
    host: Arc<Host>,
    fake: Fake,
    agent: AgentId,
    addr: String,
    /// What its clock says next.
    ticks: Arc<AtomicI64>,
}

/// Two hosts and a machine with two disks.
struct Stage {
    _folder: tempfile::TempDir,
    source: Site,
    target: Site,
    machine: MachineDefinition,
    item: ItemId,
    asked: AtomicI64,
    /// Bytes per second that may be sent; 0 is no bound.
    slowness: AtomicU64,
    /// The vault's list of revoked certificates.
    crl_pem: String,
}

fn disk(number: u64) -> DiskId {
    DiskId(Uuid::from_u64_pair(3, number))
}

fn credential(authority: &Authority, agent: AgentId, now: Moment) -> Credential {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let request = rcgen::CertificateParams::default().serialize_request(&key).expect("a request");
    let csr_pem = request.pem().expect("written");
    let asked = AgentRequest { agent, key: None, host: HostDescription::default(), csr_pem };
    Credential {
        ca_pem: authority.ca_pem().to_owned(),
        certificate_pem: authority.issue_agent(&asked, now).expect("issued"),
        key_pem: Secret::new(key.serialize_pem()),
    }
}

/// A clock that moves with every look, and can be set.
fn clock(ticks: &Arc<AtomicI64>) -> Clock {
    let ticks = Arc::clone(ticks);
    Clock::new(move || Moment(ticks.fetch_add(1, Ordering::SeqCst)))
}

impl Site {
    fn new(folder: &Path, authority: &Authority, number: u64, peer: AgentId) -> Self {
        let agent = AgentId(Uuid::from_u64_pair(2, number));
        let ticks = Arc::new(AtomicI64::new(DAY));
        let trust = Trust::new(&credential(authority, agent, Moment(DAY)), clock(&ticks)).expect("it fits");
        let config = AgentConfig {
            name: format!("host{number}"),
            site: String::new(),
            listen: "127.0.0.1:0".to_owned(),
            reached_at: None,
            machines: folder.join("machines"),
            data: folder.join("data"),
            proxy: None,
        };
        let fake = Fake::default();
        let host =
            Host::new(config, fake.clone(), agent, EvidenceMint::grant(), trust, &[peer]).expect("a host");
        let host = Arc::new(host);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address").to_string();
        session::listen_on(&host, listener).expect("listens");
        Self { host, fake, agent, addr, ticks }
    }
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = VaultId(Uuid::from_u64_pair(1, 1));
        let authority =
            Authority::create(&folder.path().join("ca"), vault, "trial", Moment(DAY)).expect("made");
        let agent = |number| AgentId(Uuid::from_u64_pair(2, number));
        let source = Site::new(&folder.path().join("one"), &authority, 1, agent(2));
        let target = Site::new(&folder.path().join("two"), &authority, 2, agent(1));
        let disk = |number: u64| DiskDefinition {
            id: disk(number),
            name: format!("d{number}"),
            path: format!("d{number}.raw"),
            format: DiskFormat::Raw,
            size_bytes: BLOCKS * BLOCK,
        };
        let machine = MachineDefinition {
            id: MachineId(Uuid::from_u64_pair(4, 1)),
            name: "web01".to_owned(),
            memory_mib: 64,
            vcpus: 1,
            disks: vec![disk(1), disk(2)],
            nics: Vec::new(),
            autostart: true,
        };
        let stage = Self {
            source,
            target,
            machine,
            item: ItemId(Uuid::from_u64_pair(5, 1)),
            asked: AtomicI64::new(0),
            slowness: AtomicU64::new(0),
            crl_pem: authority.crl(Moment(DAY)).expect("a list"),
            _folder: folder,
        };
        let machine_folder = stage.folder();
        MachineFolder::create(machine_folder.path(), &stage.machine).expect("a machine");
        for disk in &stage.machine.disks {
            let file = std::fs::File::create(machine_folder.resolve(&disk.path)).expect("a disk");
            file.set_len(disk.size_bytes).expect("sized");
            stage
                .source
                .fake
                .with(&machine_folder, |body| body.disks.entry(disk.id).or_default().lost = false);
        }
        stage
    }

    /// The machine's folder at the source.
    fn folder(&self) -> MachineFolder {
        MachineFolder::new(self.source.host.config.machines.join("web01"))
    }

    fn write(&self, number: u64, block: u64, byte: u8) {
        self.source.fake.write(&self.folder(), disk(number), block, byte);
    }

    fn assignment(&self, role: Role, epoch: u64) -> Assignment {
        let other = if role == Role::Target { &self.source } else { &self.target };
        Assignment {
            item: self.item,
            machine: self.machine.clone(),
            role,
            epoch: Epoch(epoch),
            peer: Peer { agent: other.agent, addr: other.addr.clone() },
            policy: ReplicationPolicy {
                id: PolicyId(Uuid::from_u64_pair(6, 1)),
                name: "trial".to_owned(),
                // Cycles run when a test asks.
                copy_frequency: CopyFrequency::Mins15,
                retention: Retention::default(),
                app_consistent_every_mins: 0,
                bandwidth_bytes_per_sec_max: self.slowness.load(Ordering::SeqCst),
                busy: None,
                resync_hours: None,
            },
            paused: false,
            revision: 1,
        }
    }

    fn op(&self, step: &str) -> Op {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        Op { job: JobId(Uuid::from_u64_pair(7, number as u64)), step: step.to_owned(), attempt: 1 }
    }

    fn ask(&self, site: &Site, request: Request) -> Reply {
        perform(&site.host, request)
    }

    /// Begins to protect the machine.
    fn enable(&self) {
        let assignment = self.assignment(Role::Target, 1);
        self.ask(&self.target, Request::PrepareTarget { op: self.op("prepare"), assignment })
            .expect("prepared");
        let assignment = self.assignment(Role::Source, 1);
        let start = Request::StartSource { op: self.op("start"), assignment, not_before: None };
        self.ask(&self.source, start).expect("started");
    }

    /// Protects the machine and waits until it is in sync, and the cycle that follows a copy by itself is over: from
    /// here on cycles run only when a test asks.
    fn protect(&self) {
        self.enable();
        self.in_sync();
        self.until("the first cycle", || self.sync().ok());
    }

    fn in_sync(&self) {
        let wait = Request::AwaitInSync { op: self.op("await"), item: self.item };
        self.ask(&self.source, wait).expect("in sync");
    }

    /// Starts the machine.
    fn run(&self) {
        self.source.host.start_machine(self.machine.id).expect("it runs");
    }

    fn sync(&self) -> Reply {
        self.ask(&self.source, Request::SyncNow { op: self.op("sync"), item: self.item })
    }

    fn source_item(&self) -> Arc<Item> {
        self.source.host.item(self.item).expect("known")
    }

    /// Waits until something is so; failures of the worker on the way do not make it wait for its next try.
    fn until<T>(&self, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = found() {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "{what} did not happen");
            if let Some(item) = self.source.host.known(self.item) {
                item.retry_now();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Begins a copy whose disks are frozen when the line ends.
    fn freeze_and_fail(&self) {
        let (told, go_on) = hold_at(self, "frozen");
        self.enable();
        told.recv().expect("frozen");
        self.line(false);
        drop(go_on);
        self.until_failed();
        self.source.fake.on_nothing();
    }

    /// Waits until the worker has failed and waits for its next try.
    fn until_failed(&self) {
        self.left_alone("its failure", || self.source_item().live().retry.is_some());
    }

    /// Waits for what the worker does without being asked to try again.
    fn left_alone(&self, what: &str, mut so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !so() {
            assert!(began.elapsed() < PATIENCE, "{what} did not happen");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The line between the hosts: without it nobody answers at the other side's address.
    fn line(&self, up: bool) {
        let addr = if up { self.target.addr.clone() } else { "127.0.0.1:1".to_owned() };
        self.source_item().change(|r| r.assignment.peer.addr = addr).expect("written");
    }

    fn points(&self) -> Vec<PointSummary> {
        let item = self.target.host.item(self.item).expect("known");
        item.store().expect("opened").map(|s| s.points()).unwrap_or_default()
    }

    /// The newest point has exactly the bytes of the disks.
    fn same(&self) {
        let item = self.target.host.item(self.item).expect("known");
        let store = item.store().expect("opened").expect("a store");
        let newest = store.newest().expect("a point").id;
        for disk in &self.machine.disks {
            let chain = store.chain(newest, disk.id).expect("a chain");
            let chain = Chain::open(&chain, disk.size_bytes).expect("opened");
            // Files are read past the page cache: the buffer must lie as they want it.
            let mut room = vec![0; (BLOCKS * BLOCK) as usize + 4096];
            let at = room.as_ptr().align_offset(4096);
            let replica = &mut room[at..at + (BLOCKS * BLOCK) as usize];
            chain.read(0, replica).expect("read");
            let bytes = std::fs::read(self.folder().resolve(&disk.path)).expect("read");
            let differs = (0..BLOCKS).find(|b| {
                let range = (b * BLOCK) as usize..((b + 1) * BLOCK) as usize;
                bytes[range.clone()] != replica[range]
            });
            assert_eq!(differs, None, "a block of disk {} differs", disk.name);
        }
    }

    fn power_off(&self) {
        self.source.fake.with(&self.folder(), |body| body.state = None);
    }

    fn frozen(&self) -> usize {
        use leeward_fabric::Hypervisor as _;
        self.source.fake.frozen(&self.folder()).expect("known").len()
    }

    fn state(&self) -> Option<MachineState> {
        self.source.fake.with(&self.folder(), |body| body.state.clone())
    }
}

/// Has the worker stand still when this is told; gives what it waits for.
fn hold_at(stage: &Stage, what: &'static str) -> (Receiver<()>, Sender<()>) {
    let (begun, told) = channel();
    let (go_on, wait) = channel::<()>();
    stage.source.fake.on(move |happens| {
        if happens == what {
            begun.send(()).ok();
            wait.recv().ok();
        }
        Ok(())
    });
    (told, go_on)
}

impl Drop for Stage {
    fn drop(&mut self) {
        for site in [&self.source, &self.target] {
            site.fake.on_nothing();
            if let Some(item) = site.host.known(self.item) {
                item.end_work(PATIENCE);
            }
        }
    }
}

/// What the source's worker does when it looks after room.
fn look_after_room(stage: &Stage) {
    source::room::look(&stage.source.host, &stage.source_item()).expect("looked");
}
