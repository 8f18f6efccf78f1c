//! The verbs from the command line on real parts, with the engine as a service that is killed at every step of the
//! jobs that move the right to write, and a line between the sites that is cut in the middle of transfers. Apart
//! from `real_faults`, where agents and hypervisors die and the engine lives in the test.

#[path = "../src/tour/guest.rs"]
#[allow(dead_code, reason = "shared with the tour, which uses all of it")]
mod guest;
#[path = "../src/link/tests/loopback/line.rs"]
#[allow(dead_code, reason = "shared with the tests of the link, which use all of it")]
mod line;
mod program;
#[path = "../src/fabric/tests/real_qemu/small.rs"]
mod small;

use leeward_lab::{Lab, LabSpec};
use line::Line;
use program::{Service, World};
use serde_json::Value;
use small::SmallFileSystem;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A bound for failures.
const LONG: Duration = Duration::from_secs(120);

const STOCKHOLM: &str = "stockholm-host01";
const GOTEBORG: &str = "goteborg-host01";

struct Estate {
    world: World,
    lab: Lab,
    line: Line,
    engine: Option<Service>,
    /// What Göteborg keeps replicas on; none where this user may not mount.
    small: Option<SmallFileSystem>,
}

/// Room for replicas in Göteborg.
const ROOM_BYTES: u64 = 1 << 30;

impl Drop for Estate {
    fn drop(&mut self) {
        for host in ["stockholm", "goteborg"] {
            self.lab.kill_site(host).ok();
        }
    }
}

impl Estate {
    fn new() -> Self {
        let world = World::new();
        let vault = world.vault();
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        let (vault, listen) = (vault.to_str().expect("plain path"), free.to_string());
        world.ok(&["vault", "create", vault, "--name", "Verbs", "--listen", &listen]);
        let mut spec = LabSpec::default(&world.path("lab"));
        for host in &mut spec.hosts {
            host.machines.retain(|m| m.name == "sql01");
        }
        let program = Path::new(env!("CARGO_BIN_EXE_leeward")).with_file_name("leeward-agent");
        let lab = leeward_lab::make(&spec, &mut |_| {}).expect("a lab").with_agent_program(program);
        let goteborg = format!("{}:8084", lab.spec().hosts[1].addr);
        let line = Line::to(goteborg.parse::<SocketAddr>().expect("an address"));
        let engine = Some(world.engine());
        let small = SmallFileSystem::mount(ROOM_BYTES);
        if let Some(small) = &small {
            let data = lab.host_folder("goteborg").expect("a folder").join("data");
            std::fs::remove_dir(&data).ok();
            std::os::unix::fs::symlink(small.path(), &data).expect("in its place");
        }
        let estate = Self { world, lab, line, engine, small };
        estate.reach_goteborg_over_the_line();
        for (host, site) in [("stockholm", "Stockholm"), ("goteborg", "Göteborg")] {
            let file = format!("{host}.leeward-key");
            estate.world.ok(&["server", "make-key", "--site", site, "--out", &file]);
            let text = std::fs::read_to_string(estate.world.path(&file)).expect("a key");
            estate.lab.enrol(host, &text).expect("enrolled");
            estate.lab.start_agent(host).expect("started");
        }
        estate.connected();
        estate
    }

    fn reach_goteborg_over_the_line(&self) {
        let path = self.lab.host_folder("goteborg").expect("a folder").join("agent.json");
        let text = std::fs::read_to_string(&path).expect("settings");
        let mut config: Value = serde_json::from_str(&text).expect("settings");
        config["reached_at"] = self.line.addr.to_string().into();
        std::fs::write(&path, config.to_string()).expect("written");
    }

    fn json(&self, args: &[&str]) -> Value {
        let all: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let out = self.world.ok(&all);
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("{args:?}: {e}: {out}"))
    }

    fn item(&self) -> Value {
        self.json(&["item", "show", "sql01"])
    }

    /// Asks again until there is an answer. Each time a program runs: nothing spins.
    fn until<T>(&self, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + LONG;
        loop {
            if let Some(value) = found() {
                return value;
            }
            let late = Instant::now() >= deadline;
            assert!(!late, "{what}: not in time; {}", self.world.run(&["item", "list"]).out);
        }
    }

    fn connected(&self) {
        self.until("both hosts", || {
            let list = self.json(&["server", "list"]);
            let list = list.as_array()?;
            (list.len() == 2 && list.iter().all(|s| s["connected"] == true)).then_some(())
        });
    }

    fn protected(&self) {
        self.until("protection", || {
            let item = self.item();
            let protected = ["Protected", "ProtectedReversed"].iter().any(|p| item["protection"] == *p);
            (protected && item["replication"] == "Active").then_some(())
        })
    }

    fn kill_the_engine(&mut self) {
        self.engine.take().expect("runs").kill();
        self.engine = Some(self.world.engine());
    }

    /// Begins a job and kills the engine whenever another step of it is under way. The steps during which it died.
    fn with_deaths(&mut self, args: &[&str]) -> Vec<String> {
        let all: Vec<&str> = args.iter().copied().chain(["--yes", "--no-wait"]).collect();
        let begun = self.json(&all);
        let job = begun["begun"][0].as_str().expect("a job").to_owned();
        // What was accepted is kept, also when nothing of it has been done yet.
        self.kill_the_engine();
        let mut died = BTreeSet::new();
        let deadline = Instant::now() + LONG * 2;
        loop {
            assert!(
                Instant::now() < deadline,
                "{args:?}: not in time; {:#}",
                self.json(&["job", "show", &job])
            );
            let view = self.json(&["job", "show", &job]);
            if !view["ended"].is_null() {
                assert_eq!(view["state"], "Succeeded", "{args:?}: {view:#}");
                self.connected();
                return died.into_iter().collect();
            }
            let steps = view["steps"].as_array().expect("steps");
            let running = steps.iter().find(|s| s["state"] == "Running").and_then(|s| s["id"].as_str());
            if let Some(step) = running
                && died.insert(step.to_owned())
            {
                self.kill_the_engine();
            }
        }
    }

    /// Newest first.
    fn points(&self) -> Vec<Value> {
        self.json(&["points", "sql01"]).as_array().expect("points").clone()
    }

    /// What the machine says of its records, asked where it runs.
    fn guest(&self) -> guest::GuestState {
        self.until("the machine's answer", || {
            let list = self.json(&["machine", "list"]);
            let running = list.as_array()?.iter().find(|m| m["power"] == "Running")?.clone();
            guest::ask(running["reach"][0].as_str()?.split_whitespace().next()?).ok()
        })
    }

    /// What a copy says of its records.
    fn ask_test(&self, at: usize) -> guest::GuestState {
        self.until("the copy's answer", || {
            let reach = self.item()["tests"][at]["reach"][0].as_str()?.to_owned();
            guest::ask(reach.split_whitespace().next()?).ok()
        })
    }

    /// Runs nowhere else than there.
    fn runs_only_at(&self, host: &str) {
        for folder in ["stockholm", "goteborg"] {
            let processes = self.lab.machine_processes(folder).expect("processes");
            let machines =
                processes.iter().filter(|(path, _)| !path.components().any(|c| c.as_os_str() == "tests"));
            assert_eq!(machines.count(), usize::from(folder == host), "{folder}: {processes:?}");
        }
    }

    fn replica(&self) -> PathBuf {
        self.lab.host_folder("goteborg").expect("a folder").join("data/items")
    }
}

#[test]
fn real_verbs_hold_while_the_engine_dies_and_the_line_is_cut() {
    let mut estate = Estate::new();
    first_copy_over_a_bad_line(&mut estate);
    paused_and_resumed(&estate);
    two_tests_at_once(&estate);
    cancelled_and_restarted(&estate);
    target_is_full(&estate);
    planned_failover_and_home(&mut estate);
    unplanned_failover_with_another_point(&mut estate);
    disabled_both_ways(&estate);
}

fn first_copy_over_a_bad_line(estate: &mut Estate) {
    let world = &estate.world;
    world.ok(&[
        "policy",
        "create",
        "slow",
        "--frequency",
        "30s",
        "--bandwidth-max",
        "4MB",
        "--resync-hours",
        "any",
    ]);
    world.ok(&["machine", "start", "sql01", "--yes"]);
    let enable = ["item", "enable", "sql01", "--target", GOTEBORG, "--policy", "slow", "--no-wait"];
    let job = estate.json(&enable)["begun"][0].as_str().expect("a job").to_owned();
    let done = |estate: &Estate| estate.item()["progress"]["done_bytes"].as_u64();
    let mut at = 0;
    for cut in 1..=3 {
        let resumed = estate.until("the copy travels", || done(estate).filter(|b| *b > 0));
        // The copy goes on where it was: what had been done before the cut is not done again.
        assert!(resumed >= at / 2, "it went on at {resumed} of the {at} bytes that were there");
        // Far enough for a copy that begins anew to be told from one that goes on.
        at = estate.until("the copy travels on", || done(estate).filter(|b| *b > at + (6 << 20)));
        estate.line.cut();
        if cut == 2 {
            estate.kill_the_engine();
            estate.connected();
        }
        estate.until("the failure is shown", || {
            (!estate.item()["replication"]["Retrying"].is_null()).then_some(())
        });
        estate.line.mend();
        // It tries again after a minute, then two, then four; an edited policy has it try at once.
        estate.world.ok(&["policy", "edit", "slow", "--bandwidth-max", &format!("{}MB", 4 + cut)]);
    }
    estate.world.ok(&["job", "watch", &job, "--timeout", "240"]);
    estate.world.ok(&["policy", "edit", "slow", "--bandwidth-max", "0"]);
    estate.protected();
    estate.world.ok(&["item", "sync", "sql01"]);
    estate.world.ok(&["item", "verify", "sql01"]);
}

fn paused_and_resumed(estate: &Estate) {
    estate.world.ok(&["item", "pause", "sql01", "--yes"]);
    let before = estate.points()[0]["sequence"].as_u64();
    let written = estate.guest().last;
    estate.world.run(&["item", "sync", "sql01"]).must(3, "paused");
    estate.until("records during the pause", || (estate.guest().last > written + 20).then_some(()));
    assert_eq!(estate.points()[0]["sequence"].as_u64(), before, "nothing travels");
    estate.world.ok(&["item", "resume", "sql01"]);
    estate
        .until("what has changed since", || (estate.points()[0]["sequence"].as_u64() > before).then_some(()));
    estate.world.run(&["item", "resume", "sql01"]).must(3, "not paused");
}

fn two_tests_at_once(estate: &Estate) {
    estate.world.ok(&["item", "sync", "sql01"]);
    let points = estate.points();
    let (newest, older) = (points[0]["id"].as_str().expect("one"), points[1]["id"].as_str().expect("one"));
    estate.world.ok(&["item", "test-failover", "sql01", "--point", older]);
    estate.world.ok(&["item", "test-failover", "sql01", "--point", newest, "--network", "isolated"]);
    let (first, second) = (estate.ask_test(0), estate.ask_test(1));
    assert!(first.gap_free && first.pair_ok && second.gap_free && second.pair_ok, "{first:?} {second:?}");
    let (old, new) = (first.verified_at_boot_last, second.verified_at_boot_last);
    assert!(old < new, "each on its own point: {old}, {new}");
    // Which of the two is not told: a name that means two things is asked about.
    estate.world.run(&["item", "clean-up", "sql01"]).must(7, "sql01");
    let item = estate.item();
    for test in item["tests"].as_array().expect("tests") {
        let id = test["id"].as_str().expect("an id");
        estate.world.ok(&["item", "clean-up", "sql01", "--test", id, "--notes", "Starts; login works"]);
    }
    assert_eq!(estate.item()["tests"].as_array().map(Vec::len), Some(0));
    let events = estate.world.ok(&["event", "list"]);
    assert!(events.contains("Starts; login works"), "{events}");
    estate.runs_only_at("stockholm");
}

fn cancelled_and_restarted(estate: &Estate) {
    let begun = estate.json(&["item", "test-failover", "sql01", "--no-wait"]);
    let job = begun["begun"][0].as_str().expect("a job").to_owned();
    let show = || estate.json(&["job", "show", &job]);
    estate.until("the copy boots", || {
        let view = show();
        view["steps"].as_array()?.iter().any(|s| s["id"] == "boot" && s["state"] == "Running").then_some(())
    });
    estate.world.ok(&["job", "cancel", &job, "--yes"]);
    let view = estate.until("the end", || Some(show()).filter(|v| !v["ended"].is_null()));
    assert_eq!(view["state"], "Cancelled", "{view:#}");
    assert_eq!(estate.item()["tests"].as_array().map(Vec::len), Some(0), "taken away");
    assert!(estate.lab.machine_processes("goteborg").expect("processes").is_empty());
    estate.world.run(&["job", "cancel", &job, "--yes"]).must(3, "over");
    estate.world.ok(&["job", "restart", &job]);
    estate.world.ok(&["job", "watch", &job]);
    let state = estate.ask_test(0);
    assert!(state.gap_free && state.pair_ok, "{state:?}");
    estate.world.ok(&["item", "clean-up", "sql01"]);
    estate.world.run(&["job", "restart", &job]).must(3, "succeeded");
}

fn target_is_full(estate: &Estate) {
    let Some(small) = &estate.small else {
        return eprintln!("left out: a full target, because this user may not mount a file system");
    };
    let junk = small.path().join("junk");
    let mut file = std::fs::File::create(&junk).expect("created");
    while std::io::Write::write_all(&mut file, &[1; 64 * 1024]).is_ok() {}
    drop(file);
    let before = estate.points();
    let failed = estate.world.run(&["item", "sync", "sql01"]);
    failed.must(4, "room");
    let item = estate.until("the failure is shown", || {
        let item = estate.item();
        (!item["replication"]["Retrying"].is_null()).then_some(item)
    });
    assert!(item["issues"].to_string().contains("no-space"), "{:#}", item["issues"]);
    estate.runs_only_at("stockholm");
    let written = estate.guest().last;
    estate.until("the machine writes on", || (estate.guest().last > written).then_some(()));
    assert_eq!(estate.points().len(), before.len(), "nothing is lost");
    std::fs::remove_file(&junk).expect("room again");
    estate.world.ok(&["item", "sync", "sql01"]);
    estate.world.ok(&["item", "verify", "sql01"]);
    estate.protected();
}

fn planned_failover_and_home(estate: &mut Estate) {
    let died = estate.with_deaths(&["item", "planned-failover", "sql01"]);
    assert!(died.len() >= 2, "{died:?}");
    let stopped = estate.lab.last_record_at_stop("stockholm", "sql01").expect("an orderly stop");
    let state = estate.guest();
    assert!(state.gap_free && state.pair_ok && state.verified_at_boot_last >= stopped, "{state:?} {stopped}");
    estate.runs_only_at("goteborg");
    estate.world.run(&["machine", "start", "sql01", "--server", STOCKHOLM, "--yes"]).must(3, "disks it left");
    estate.world.run(&["item", "reverse", "sql01", "--yes"]).must(3, "");
    estate.with_deaths(&["item", "commit", "sql01"]);
    let died = estate.with_deaths(&["item", "reverse", "sql01"]);
    assert!(!died.is_empty());
    estate.protected();
    estate.world.ok(&["item", "sync", "sql01"]);
    estate.with_deaths(&["item", "planned-failover", "sql01"]);
    let home = estate.guest();
    assert!(home.gap_free && home.pair_ok && home.verified_at_boot_last > state.verified_at_boot_last);
    estate.runs_only_at("stockholm");
    estate.world.ok(&["item", "commit", "sql01", "--yes"]);
    estate.world.ok(&["item", "reverse", "sql01", "--yes"]);
    estate.protected();
}

fn unplanned_failover_with_another_point(estate: &mut Estate) {
    estate.world.ok(&["item", "sync", "sql01"]);
    let known = estate.points()[0]["sequence"].as_u64();
    estate.until("another point", || (estate.points()[0]["sequence"].as_u64() > known).then_some(()));
    let points = estate.points();
    let (newest, older) = (points[0]["id"].as_str().expect("one"), points[1]["id"].as_str().expect("one"));
    let failover = ["item", "failover", "sql01", "--point", older, "--shut-down-source"];
    let died = estate.with_deaths(&failover);
    assert!(died.len() >= 2, "{died:?}");
    estate.runs_only_at("goteborg");
    let first = estate.guest();
    assert!(first.gap_free && first.pair_ok, "{first:?}");
    estate.with_deaths(&["item", "change-point", "sql01", "--point", newest]);
    let second = estate.guest();
    assert!(second.gap_free && second.verified_at_boot_last > first.verified_at_boot_last, "{second:?}");
    estate.runs_only_at("goteborg");
    estate.world.ok(&["item", "commit", "sql01", "--yes"]);
    estate.world.run(&["item", "change-point", "sql01", "--point", older, "--yes"]).must(3, "");
    estate.with_deaths(&["item", "reverse", "sql01"]);
    estate.protected();
    estate.world.ok(&["item", "planned-failover", "sql01", "--yes"]);
    estate.world.ok(&["item", "commit", "sql01", "--yes"]);
    estate.world.ok(&["item", "reverse", "sql01", "--yes"]);
    estate.protected();
    estate.runs_only_at("stockholm");
}

fn disabled_both_ways(estate: &Estate) {
    let replica = estate.replica();
    let count = || std::fs::read_dir(&replica).map_or(0, |d| d.flatten().count());
    assert_eq!(count(), 1, "{}", replica.display());
    estate.world.ok(&["item", "disable", "sql01", "--keep-replica", "--yes"]);
    estate.runs_only_at("stockholm");
    assert_eq!(count(), 1, "the recovery points are kept");
    // Since the failovers both hosts have a copy; the one that runs is meant.
    let enable = ["item", "enable", "sql01", "--server", STOCKHOLM, "--target", GOTEBORG, "--policy", "slow"];
    estate.world.ok(&enable);
    estate.protected();
    assert_eq!(count(), 2, "a new replica beside the one that was kept");
    estate.world.ok(&["item", "disable", "sql01", "--yes"]);
    assert_eq!(count(), 1, "only the one that was kept");
    estate.runs_only_at("stockholm");
}
