//! Servers from the command line with a real agent process: a revoked key lets nobody in, an enrolled host is listed,
//! a removed one is gone and stays out. Apart from `command_line`, which needs no agent.
#![allow(clippy::tests_outside_test_module, reason = "an integration test is all tests")]

mod program;

use program::{PATIENCE, Ran, World};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// The agent of a host, ended when dropped.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

struct Host<'a> {
    world: &'a World,
    config: PathBuf,
}

impl<'a> Host<'a> {
    fn new(world: &'a World, name: &str) -> Self {
        let config = world.path("agent.json");
        let settings = serde_json::json!({
            "name": name,
            "listen": "127.0.0.1:0",
            "machines": world.path("machines"),
            "data": world.path("data"),
        });
        std::fs::create_dir_all(world.path("machines")).expect("made");
        std::fs::write(&config, settings.to_string()).expect("written");
        Self { world, config }
    }

    fn command(&self, act: &str) -> Command {
        let program = Path::new(env!("CARGO_BIN_EXE_leeward")).with_file_name("leeward-agent");
        let mut command = Command::new(program);
        command.args([act, "--config"]).arg(&self.config).stdin(Stdio::null());
        command
    }

    fn enrol(&self, key: &str) -> Ran {
        let out = self.command("enrol").arg("--key").arg(self.world.path(key)).output().expect("it starts");
        Ran {
            code: out.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&out.stdout).into_owned(),
            err: String::from_utf8_lossy(&out.stderr).into_owned(),
        }
    }

    fn run(&self) -> Agent {
        Agent(self.command("run").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"))
    }
}

fn servers(world: &World) -> Vec<serde_json::Value> {
    serde_json::from_str(&world.ok(&["server", "list", "--json"])).expect("a list")
}

/// Asks until it is so; the bound is for failures.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn real_servers_come_and_go_by_their_keys() {
    let world = World::with_vault();
    let _engine = world.engine();
    let host = Host::new(&world, "hv1");
    let make = |file: &str| world.ok(&["server", "make-key", "--site", "Stockholm", "--out", file]);

    make("revoked.key");
    world.run(&["server", "revoke-key", "Stockholm"]).must(0, "Stockholm");
    world.run(&["server", "keys"]).must(0, "evoked");
    host.enrol("revoked.key").must(1, "revoked");
    assert!(servers(&world).is_empty(), "nobody got in");

    make("first.key");
    host.enrol("first.key").must(0, "Nordic");
    let agent = host.run();
    until("it connects", || servers(&world).iter().any(|s| s["connected"] == true));
    let id = servers(&world)[0]["agent"].clone();
    make("second.key");
    host.enrol("second.key").must(1, "already running");
    drop(agent);

    // Its identity is not another one because of a new key.
    host.enrol("second.key").must(0, "Nordic");
    let agent = host.run();
    until("it connects again", || servers(&world).iter().any(|s| s["connected"] == true));
    let listed = servers(&world);
    assert_eq!((listed.len(), &listed[0]["agent"]), (1, &id), "it is the same server");

    world.run(&["server", "remove", "hv1"]).must(2, "--yes");
    world.run(&["server", "remove", "hv1", "--yes"]).must(0, "hv1");
    assert!(servers(&world).is_empty());
    world.run(&["vault", "audit"]).must(0, "whole");
    drop(agent);
    make("third.key");
    host.enrol("third.key").must(0, "Nordic");
    let _agent = host.run();
    until("it is a new server", || {
        servers(&world).iter().any(|s| s["connected"] == true && s["agent"] != id)
    });
}
