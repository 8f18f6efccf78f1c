//! Two hosts in network namespaces of their own, with a line between them that is slow, loses packets, is cut in the
//! first copy and stands still in the middle of a cycle. Needs an administrator. Apart from `real_faults`, where parts
//! die and the line is good, and from `real_verbs`, whose line tells both sides that it is cut.

#[path = "../src/tour/guest.rs"]
#[allow(dead_code, reason = "shared with the tour, which uses all of it")]
mod guest;
#[path = "../src/tour/watch.rs"]
#[allow(dead_code, reason = "shared with the tour, which uses all of it")]
mod watch;

use leeward_engine::shell::{Engine, EngineHandle, EngineOptions, SystemClock};
use leeward_engine::vault::{self, Listen};
use leeward_lab::{Lab, LabSpec, LineCount, LineSettings, Passes, last_record_seen};
use leeward_model::{
    Accepted, AgentId, Command, CopyFrequency, ItemView, MachineView, NetworkChoice, PointChoice, PointKind,
    PolicyId, Protection, ReplicationPolicy, ReplicationState, Retention, Start,
};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;
use watch::Watch;

/// A bound for failures. A line that stands still is noticed by its silence, which takes its time.
const LONG: Duration = Duration::from_secs(240);
/// As between two towns on a bad day.
const FAR: LineSettings =
    LineSettings { delay_ms: 25, loss_percent: 0.5, bytes_per_sec: 2 << 20, passes: Passes::Open };

struct World {
    lab: Lab,
    watch: Watch,
    _engine: EngineHandle,
    _folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.lab.take_down().ok();
    }
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spec = LabSpec::default(&folder.path().join("lab")).with_network();
        for host in &mut spec.hosts {
            host.machines.retain(|m| m.name == "sql01");
        }
        let program = Path::new(env!("CARGO_BIN_EXE_leeward")).with_file_name("leeward-agent");
        let lab = leeward_lab::make(&spec, &mut |_| {}).expect("a lab").with_agent_program(program);
        lab.network_up().expect("a network");
        let free = std::net::TcpListener::bind((lab.engine_addr(), 0)).and_then(|l| l.local_addr());
        let free = free.expect("a port").to_string();
        let listen = Listen { listen: free.clone(), advertise: vec![free] };
        let root = folder.path().join("vault");
        let vault = vault::create(&root, "Line", &listen, "test", &SystemClock).expect("a vault");
        let engine = Engine::start(&vault, EngineOptions::default()).expect("the engine starts");
        let watch = Watch::new(engine.sink(), engine.feed());
        let world = Self { lab, watch, _engine: engine, _folder: folder };
        world.line(Passes::Open);
        for (host, site) in [("stockholm", "Stockholm"), ("goteborg", "Göteborg")] {
            let made = world.watch.command(Command::MakeRegistrationKey { site: site.to_owned() });
            let Ok(Accepted::RegistrationKey { file_text, .. }) = made else { panic!("no key: {made:?}") };
            world.lab.enrol(host, &file_text).expect("enrolled");
            world.lab.start_agent(host).expect("started");
        }
        world
    }

    fn line(&self, passes: Passes) {
        LineSettings { passes, ..FAR }.write(self.lab.root()).expect("written");
    }

    /// What has gone over the line from Stockholm.
    fn carried(&self) -> LineCount {
        LineCount::read(self.lab.root(), "stockholm").expect("counted")
    }

    /// Waits until so many bytes have gone over the line.
    fn until_carried(&self, bytes: u64) {
        let began = Instant::now();
        while self.carried().carried_bytes < bytes {
            assert!(began.elapsed() < LONG, "{:?}, not {bytes}", self.carried());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn machine_folder(&self) -> PathBuf {
        self.lab.host_folder("stockholm").expect("a host").join("machines/sql01")
    }

    fn item(&self) -> Arc<ItemView> {
        self.watch.now().item_named("sql01").cloned().expect("an item")
    }

    fn until<T>(&self, what: &str, mut found: impl FnMut(&ItemView) -> Option<T>) -> T {
        let got = self.watch.until(what, LONG, |s| found(s.item_named("sql01")?));
        got.unwrap_or_else(|why| {
            let item = self.item();
            panic!("{why}; now: {} {:?} {:?}", item.status.render(), item.replication, item.issues)
        })
    }

    fn until_retrying(&self, what: &str) {
        self.until(what, |i| matches!(i.replication, ReplicationState::Retrying { .. }).then_some(()));
    }
}

#[test]
fn real_replication_and_a_test_failover_hold_over_a_line_that_loses_is_cut_and_stalls() {
    if !may_lay() {
        return eprintln!(
            "left out: a line between network namespaces, which cannot be made here by this user"
        );
    }
    let world = World::new();
    let (machine, target) = world
        .watch
        .until("both hosts and the machine", LONG, |s| {
            let both = s.servers.iter().filter(|v| v.connected).count() == 2;
            let machine = s.machines.iter().find(|m| both && m.definition.name == "sql01")?.clone();
            let target = s.servers.iter().find(|s| s.agent != machine.agent)?.agent;
            Some((machine, target))
        })
        .expect("listed");
    let jobs = world.watch.begin(Command::StartMachine { machine: machine.on() }).expect("accepted");
    world.watch.finish(&jobs, LONG).expect("it starts");

    first_copy_meets_a_cut(&world, &machine, target);
    let written = a_cycle_meets_a_stall(&world);
    a_copy_boots(&world, written);
    assert!(world.carried().lost > 0, "the line lost nothing: {:?}", world.carried());
}

fn policy(id: PolicyId, name: &str) -> ReplicationPolicy {
    ReplicationPolicy {
        id,
        name: name.to_owned(),
        copy_frequency: CopyFrequency::Mins5,
        retention: Retention::default(),
        app_consistent_every_mins: 0,
        bandwidth_bytes_per_sec_max: 0,
        busy: None,
        resync_hours: None,
    }
}

/// The line is cut while the first copy travels, and nobody is told. What had arrived before does not travel again.
fn first_copy_meets_a_cut(world: &World, machine: &MachineView, target: AgentId) {
    let files = ["os.qcow2", "data.qcow2"].map(|name| world.machine_folder().join(name));
    let filled: u64 = files.iter().map(|f| f.metadata().expect("a disk").blocks() * 512).sum();
    let id = PolicyId(Uuid::now_v7());
    world.watch.command(Command::CreatePolicy { policy: policy(id, "Far") }).expect("created");
    let before = world.carried().carried_bytes;
    let machines = vec![machine.on()];
    let enable = Command::EnableReplication { machines, target, policy: id, start: Start::Now };
    let enabling = world.watch.begin(enable).expect("accepted");
    world.until_carried(before + filled / 2);
    world.line(Passes::Cut);
    world.until_retrying("the silence to be noticed");
    let arrived = world.carried().carried_bytes - before;
    world.line(Passes::Open);
    // What waits after a failure is not what is tested: an edited policy has it try at once.
    world.watch.command(Command::EditPolicy { policy: policy(id, "Far away") }).expect("edited");
    let whole = world.until("the first point", |i| {
        i.points.iter().find(|p| p.kind == PointKind::Initial).map(|p| p.size_bytes)
    });
    let after = world.carried().carried_bytes - before - arrived;
    // Headers and what was sent twice for its losses come on top.
    let most = whole + whole / 8 - arrived / 2;
    assert!(after < most, "{after} bytes travelled after the cut; {arrived} of {whole} had arrived");
    world.watch.finish(&enabling, LONG).expect("the copy ends");
    world.until("protection", |i| (i.protection == Protection::Protected).then_some(()));
}

/// A cycle meets a line that holds everything for so long that it is given up, and then lets go. Returns a record that
/// was written before.
fn a_cycle_meets_a_stall(world: &World) -> u64 {
    let log = world.machine_folder().join("serial.log");
    let known = world.until("the cycle that follows the copy", |i| {
        let newest = i.points.first().filter(|p| p.kind == PointKind::Delta)?;
        (i.replication == ReplicationState::Active).then_some(newest.sequence)
    });
    let began = Instant::now();
    let written = loop {
        match last_record_seen(&log, "sql01") {
            Ok(number) if number > 20 => break number,
            _ => assert!(began.elapsed() < LONG, "the guest writes no records"),
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let before = world.carried().carried_bytes;
    let sync = world.watch.begin(Command::SyncNow { item: world.item().id }).expect("accepted");
    // More than a handshake: the exchange is under way.
    world.until_carried(before + (64 << 10));
    world.line(Passes::Stalled);
    world.until_retrying("the cycle to be given up");
    world.line(Passes::Open);
    world.watch.finish(&sync, LONG).expect("it arrives after all");
    world.until("a point of the cycle", |i| {
        let newest = i.points.first()?;
        (newest.sequence > known && i.replication == ReplicationState::Active).then_some(())
    });
    written
}

/// Every block has the digest it was captured with; a copy boots at the other site, is asked in its namespace, and has
/// what was written before the cycle.
fn a_copy_boots(world: &World, written: u64) {
    let item = world.item();
    let point = item.points.first().expect("a point").id;
    let jobs = world.watch.begin(Command::VerifyPoint { item: item.id, point }).expect("accepted");
    world.watch.finish(&jobs, LONG).expect("the point is whole");
    let test =
        Command::TestFailover { item: item.id, point: PointChoice::Latest, network: NetworkChoice::Isolated };
    let jobs = world.watch.begin(test).expect("accepted");
    world.watch.finish(&jobs, LONG).expect("the test runs");
    let host = world.lab.spec().hosts[1].addr.clone();
    let state = world.until("the copy's answer", |item| {
        let reach = item.tests.first()?.reach.first()?;
        assert!(reach.starts_with(&host), "{reach} is not at {host}, the address of its namespace");
        guest::ask(reach.split_whitespace().next()?).ok()
    });
    assert!(state.gap_free && state.pair_ok, "records of one instant, without a gap: {state:?}");
    assert!(state.verified_at_boot_last >= written, "{state:?} is behind {written}");
}

/// Whether this user and this system let namespaces and their line be made; a container may forbid it even to root.
fn may_lay() -> bool {
    let space = format!("leeward-try-{}", std::process::id());
    let words = format!(
        "PATH=$PATH:/usr/sbin:/sbin; test -w /dev/net/tun && ip netns add {space} && ip netns del {space}"
    );
    std::process::Command::new("sh").args(["-c", &words]).output().expect("sh runs").status.success()
}
