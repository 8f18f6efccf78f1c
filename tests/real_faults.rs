//! What goes wrong on real parts: agents and hypervisors are killed in the middle of the first copy and of cycles, the
//! engine is restarted, keys are misused. After each the replica must be whole: its digests hold, and a copy of the
//! machine boots from it and finds its numbered records without a gap.

#[path = "../src/tour/guest.rs"]
#[allow(dead_code, reason = "shared with the tour, which uses all of it")]
mod guest;
#[path = "../src/tour/watch.rs"]
#[allow(dead_code, reason = "shared with the tour, which uses all of it")]
mod watch;

use leeward_engine::shell::{Engine, EngineHandle, EngineOptions, SystemClock};
use leeward_engine::vault::{self, Listen, VaultFolder};
use leeward_fabric::MachineFolder;
use leeward_fabric::fence::set_autostart;
use leeward_lab::{Lab, LabSpec, MachineSpec};
use leeward_model::{
    Accepted, Command, CopyFrequency, ItemView, MachineOn, NetworkChoice, PointChoice, PointKind, PolicyId,
    PowerState, Protection, ReplicationPolicy, ReplicationState, Retention, Start,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use watch::Watch;

const LONG: Duration = Duration::from_secs(300);

struct World {
    lab: Lab,
    vault: VaultFolder,
    engine: Option<EngineHandle>,
    watch: Watch,
    _folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        for host in ["stockholm", "goteborg"] {
            self.lab.kill_site(host).ok();
        }
    }
}

fn agent_program() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_leeward")).with_file_name("leeward-agent")
}

fn start(vault: &VaultFolder) -> (EngineHandle, Watch) {
    let engine = Engine::start(vault, EngineOptions::default()).expect("the engine starts");
    let watch = Watch::new(engine.sink(), engine.feed());
    (engine, watch)
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spec = LabSpec::default(&folder.path().join("lab"));
        for host in &mut spec.hosts {
            host.machines.retain(|m: &MachineSpec| m.name == "sql01");
        }
        let lab = leeward_lab::make(&spec, &mut |_| {}).expect("a lab").with_agent_program(agent_program());
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        let listen = Listen { listen: free.to_string(), advertise: vec![free.to_string()] };
        let root = folder.path().join("vault");
        let vault = vault::create(&root, "Faults", &listen, "test", &SystemClock).expect("a vault");
        let (engine, watch) = start(&vault);
        Self { lab, vault, engine: Some(engine), watch, _folder: folder }
    }

    fn key(&self, site: &str) -> String {
        let made = self.watch.command(Command::MakeRegistrationKey { site: site.to_owned() }).expect("a key");
        let Accepted::RegistrationKey { file_text, .. } = made else { panic!("no key: {made:?}") };
        file_text
    }

    fn connected(&self, count: usize) {
        self.watch
            .until("agents", LONG, |s| {
                (s.servers.iter().filter(|v| v.connected).count() == count).then_some(())
            })
            .expect("agents connect");
    }

    fn item(&self) -> Arc<ItemView> {
        self.watch.now().item_named("sql01").cloned().expect("an item")
    }

    fn until_item<T>(&self, what: &str, mut found: impl FnMut(&ItemView) -> Option<T>) -> T {
        let last = std::cell::RefCell::new(String::new());
        let got = self.watch.until(what, LONG, |s| {
            let item = s.item_named("sql01")?;
            *last.borrow_mut() = format!("{} {:?} {:?}", item.status.render(), item.replication, item.issues);
            found(item)
        });
        got.unwrap_or_else(|why| panic!("{why}; last: {}", last.borrow()))
    }

    /// The pid of the machine's hypervisor at a site.
    fn kill_machine(&self, host: &str) {
        for (_, pid) in self.lab.machine_processes(host).expect("processes") {
            let killed = std::process::Command::new("kill").args(["-9", &pid.to_string()]).status();
            assert!(killed.expect("kill runs").success());
        }
    }

    fn start_machine(&self) {
        let item = self.item();
        let machine = MachineOn { agent: item.active_place().agent, machine: item.machine };
        self.watch
            .until("the machine to be off", LONG, |s| {
                let view = s.machines.iter().find(|m| m.on() == machine)?;
                (view.power == PowerState::Off).then_some(())
            })
            .expect("it is off");
        let jobs = self.watch.begin(Command::StartMachine { machine }).expect("accepted");
        self.watch.finish(&jobs, LONG).expect("it starts");
    }

    /// A copy of the machine boots from the newest point with gap-free records; how far they go.
    fn prove(&self) -> u64 {
        let item = self.item();
        let point = item.points.first().expect("a point").id;
        let jobs = self.watch.begin(Command::VerifyPoint { item: item.id, point }).expect("accepted");
        self.watch.finish(&jobs, LONG).expect("the point is whole");
        let test = Command::TestFailover {
            item: item.id,
            point: PointChoice::Latest,
            network: NetworkChoice::Isolated,
        };
        let jobs = self.watch.begin(test).expect("accepted");
        self.watch.finish(&jobs, LONG).expect("the test runs");
        let state = self.until_item("the copy's answer", |item| {
            let reach = item.tests.first()?.reach.first()?.clone();
            guest::ask(reach.split_whitespace().next()?).ok()
        });
        assert!(state.gap_free && state.pair_ok, "records of one instant, without a gap: {state:?}");
        let test = self.item().tests.first().expect("a test").id;
        let clean = Command::CleanUpTestFailover { item: item.id, test, notes: String::new() };
        let jobs = self.watch.begin(clean).expect("accepted");
        self.watch.finish(&jobs, LONG).expect("cleaned up");
        state.verified_at_boot_last
    }
}

#[test]
fn real_replication_survives_the_end_of_any_of_its_parts() {
    let mut world = World::new();
    misuse_of_keys(&world);
    for host in ["stockholm", "goteborg"] {
        world.lab.start_agent(host).expect("started");
    }
    world.connected(2);
    first_copy_is_cut_in_every_way(&world);
    let last = hypervisor_is_killed(&world);
    engine_is_restarted(&mut world);
    agents_are_killed_in_cycles(&world, last);
    source_returns_with_its_guest_alive(&world);
}

fn misuse_of_keys(world: &World) {
    let key = world.key("Stockholm");
    let damaged = key.replacen('A', "B", 3);
    let refused = world.lab.enrol("stockholm", &damaged).expect_err("a damaged key is refused");
    assert!(refused.to_string().contains("cannot be read"), "{refused}");
    world.lab.enrol("stockholm", &key).expect("a good key");
    let used = world.lab.enrol("goteborg", &key).expect_err("a used key is refused");
    assert!(used.to_string().contains("used"), "{used}");
    world.lab.enrol("goteborg", &world.key("Göteborg")).expect("a key of its own");
}

fn first_copy_is_cut_in_every_way(world: &World) {
    let snapshot = world
        .watch
        .until("the machine", LONG, |s| {
            s.machines.iter().any(|m| m.definition.name == "sql01").then(|| s.clone())
        })
        .expect("listed");
    let machine = snapshot.machines.iter().find(|m| m.definition.name == "sql01").expect("it").clone();
    let jobs = world.watch.begin(Command::StartMachine { machine: machine.on() }).expect("accepted");
    world.watch.finish(&jobs, LONG).expect("it starts");
    let target = snapshot.servers.iter().find(|s| s.agent != machine.agent).expect("the other host").agent;
    let policy = ReplicationPolicy {
        id: PolicyId(Uuid::now_v7()),
        name: "Slow".to_owned(),
        copy_frequency: CopyFrequency::Secs30,
        retention: Retention::default(),
        app_consistent_every_mins: 0,
        // Slow enough that each part can be killed while bytes travel.
        bandwidth_bytes_per_sec_max: 3 << 20,
        busy: None,
        // A comparison begins whatever the time is.
        resync_hours: None,
    };
    let id = policy.id;
    world.watch.command(Command::CreatePolicy { policy: policy.clone() }).expect("created");
    let enable =
        Command::EnableReplication { machines: vec![machine.on()], target, policy: id, start: Start::Now };
    let jobs = world.watch.begin(enable).expect("accepted");
    let travels =
        |item: &ItemView, bytes: u64| item.progress.filter(|p| p.done_bytes > bytes).map(|p| p.done_bytes);
    // Far enough for a copy that begins anew to be told from one that goes on.
    world.until_item("the copy to travel", |i| travels(i, 12 << 20));
    world.lab.kill_agent("stockholm").expect("killed");
    world.until_item("the source to be missed", |i| (!i.primary.connected).then_some(()));
    let at = world.item().progress.map_or(0, |p| p.done_bytes);
    world.lab.start_agent("stockholm").expect("started again");
    world.until_item("what was said before to be forgotten", |i| {
        (i.primary.connected && i.progress.is_none_or(|p| p.done_bytes != at)).then_some(())
    });
    let resumed = world.until_item("the copy to go on after the source's agent", |i| travels(i, 0));
    assert!(resumed >= at / 2, "it went on at {resumed} of the {at} bytes that were there");
    let at = world.until_item("the copy to travel on", |i| travels(i, at));
    world.lab.kill_agent("goteborg").expect("killed");
    world.lab.start_agent("goteborg").expect("started again");
    world.connected(2);
    // What waits after a failure is not what is tested: a person may ask for it at once.
    world.watch.command(Command::EditPolicy { policy: policy.clone() }).ok();
    world.until_item("the copy to go on after the target's agent", |i| travels(i, at));
    world.kill_machine("stockholm");
    world.watch.finish(&jobs, LONG).expect("the copy ends although the hypervisor was killed");
    let fast = ReplicationPolicy { bandwidth_bytes_per_sec_max: 0, name: "Fast".to_owned(), ..policy };
    world.watch.command(Command::EditPolicy { policy: fast }).expect("edited");
    world.until_item("protection", |i| (i.protection == Protection::Protected).then_some(()));
    world.start_machine();
    let since = world.item().synced_to;
    world.until_item("a delta", |i| (i.synced_to > since).then_some(()));
    world.prove();
}

fn hypervisor_is_killed(world: &World) -> u64 {
    world.kill_machine("stockholm");
    world.start_machine();
    let before = world.item().points.first().map(|p| p.sequence);
    // The next cycle finds it, whoever has it run.
    world.watch.begin(Command::SyncNow { item: world.item().id }).expect("accepted");
    let kind = world.until_item("a comparison after the track of changes was lost", |i| {
        i.points.iter().find(|p| p.kind == PointKind::Resync && Some(p.sequence) > before).map(|p| p.kind)
    });
    assert_eq!(kind, PointKind::Resync);
    world.until_item("cycles again", |i| {
        let first = i.points.first()?;
        (first.kind == PointKind::Delta && matches!(i.replication, ReplicationState::Active)).then_some(())
    });
    world.prove()
}

fn engine_is_restarted(world: &mut World) {
    let before = world.item().points.first().map(|p| p.sequence).expect("a point");
    world.engine.take().expect("runs").stop().expect("stops");
    let second = Engine::start(&world.vault, EngineOptions::default()).expect("starts again");
    let refused = Engine::start(&world.vault, EngineOptions::default());
    assert!(refused.is_err(), "two engines on one vault");
    world.watch = Watch::new(second.sink(), second.feed());
    world.engine = Some(second);
    world.connected(2);
    world.until_item("cycles that went on without the engine", |i| {
        i.points.first().filter(|p| p.sequence > before).map(|_| ())
    });
}

/// The files of a folder and those in it whose name has this part.
fn files_with(folder: &Path, part: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, part));
        } else if entry.file_name().to_string_lossy().contains(part) {
            found.insert(path);
        }
    }
    found
}

/// Each agent is killed at the moment when a file shows what a cycle is doing: its spool is there, its seal, the
/// target's note of what comes. Whatever that cut, the next points are whole and no record is missing: `last` was there
/// before.
fn agents_are_killed_in_cycles(world: &World, last: u64) {
    for (host, seen_at, part) in [
        ("stockholm", "stockholm", ".hrl"),
        ("stockholm", "stockholm", ".hrl.manifest"),
        ("goteborg", "goteborg", "incoming.json"),
        ("stockholm", "goteborg", "incoming.json"),
    ] {
        let before = world.item().points.first().map(|p| p.sequence).expect("a point");
        let folder = world.lab.host_folder(seen_at).expect("there");
        let known = files_with(&folder, part);
        let sync = world.watch.begin(Command::SyncNow { item: world.item().id }).expect("accepted");
        let began = std::time::Instant::now();
        while files_with(&folder, part).difference(&known).next().is_none() {
            assert!(began.elapsed() < LONG, "no cycle made a file with {part}");
            std::thread::sleep(Duration::from_millis(1));
        }
        world.lab.kill_agent(host).expect("killed");
        world.lab.start_agent(host).expect("started again");
        world.connected(2);
        world.watch.finish(&sync, LONG).expect("the cycle comes to its end all the same");
        world.until_item("the next point", |i| i.points.first().filter(|p| p.sequence > before).map(|_| ()));
        let point = world.item().points.first().expect("a point").id;
        let verify = Command::VerifyPoint { item: world.item().id, point };
        let jobs = world.watch.begin(verify).expect("accepted");
        world.watch.finish(&jobs, LONG).expect("every block has the digest it was captured with");
    }
    assert!(world.prove() > last, "the records that were written meanwhile are there");
}

/// The source's agent is gone, its guest lives on, and the machine is failed over without it. The agent that returns
/// must end the guest, or two sites would write, and it must not start it again.
fn source_returns_with_its_guest_alive(world: &World) {
    let item = world.item();
    let home = item.primary.agent;
    world.lab.kill_agent("stockholm").expect("killed");
    let alive = || world.lab.machine_processes("stockholm").expect("processes").len();
    assert_eq!(alive(), 1, "the guest lives on");
    let folder =
        MachineFolder::new(world.lab.host_folder("stockholm").expect("a host").join("machines/sql01"));
    set_autostart(&folder, true).expect("as most machines are");
    world
        .watch
        .until("the vault to notice", LONG, |s| s.server(home).filter(|v| !v.connected).map(|_| ()))
        .expect("noticed");
    let failover = Command::Failover { item: item.id, point: PointChoice::Latest, shut_down_source: false };
    let jobs = world.watch.begin(failover).expect("accepted");
    world.watch.finish(&jobs, LONG).expect("it comes up at the other site");
    assert_eq!(alive(), 1, "nobody could reach it");
    world.lab.start_agent("stockholm").expect("started again");
    world.until_item("the old source to be superseded and ended", |i| {
        (i.superseded && alive() == 0).then_some(())
    });
    assert!(!folder.definition().expect("a definition").autostart, "it does not start by itself");
    // A second return is no other.
    world.lab.kill_agent("stockholm").expect("killed");
    world.until_item("its absence", |i| (!i.primary.connected).then_some(()));
    world.lab.start_agent("stockholm").expect("started again");
    world.connected(2);
    let refused = world
        .watch
        .begin(Command::StartMachine { machine: MachineOn { agent: home, machine: item.machine } });
    assert!(refused.is_err(), "the old source may not be started");
    assert!(world.item().superseded && alive() == 0);
    let state = world.until_item("the machine's answer at the other site", |i| {
        let snapshot = world.watch.now();
        let on = i.active_place().agent;
        let view = snapshot.machines.iter().find(|m| m.definition.id == i.machine && m.agent == on)?;
        guest::ask(view.reach.first()?.split_whitespace().next()?).ok()
    });
    assert!(state.gap_free && state.pair_ok, "{state:?}");
    assert_eq!(alive(), 0);
}
