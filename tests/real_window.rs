//! The first thing a new user sees: the window on the sample lab, on a virtual screen. Its engine must run for as long
//! as the window does, and the second start must find everything again. Apart from the tour, which has an engine of
//! its own and steers the window.

mod program;

use leeward_lab::LabSpec;
use program::World;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A bound for failures.
const LONG: Duration = Duration::from_secs(180);

struct Screen {
    server: Child,
    number: String,
}

impl Screen {
    fn new() -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-noreset", "-screen", "0", "1280x720x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the virtual screen starts");
        let mut number = String::new();
        let out = server.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut number).expect("its number");
        Self { server, number: format!(":{}", number.trim()) }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

/// A window on the lab.
struct Window(Child);

impl Window {
    fn open(world: &World, screen: &Screen) -> Self {
        let lab = world.path("lab");
        let mut command = world.command(&["--lab", lab.to_str().expect("plain path")]);
        let cache = std::env::var_os("HOME").unwrap_or_default();
        command.env("DISPLAY", &screen.number).stderr(Stdio::null());
        command.env("XDG_CACHE_HOME", std::path::Path::new(&cache).join(".cache"));
        Self(command.spawn().expect("the window opens"))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Waits until so many machines of the lab run, as a command line sees it that attaches to the window's engine.
fn running(world: &World, window: &mut Window, count: usize) {
    let vault = world.path("lab/vault");
    let vault = vault.to_str().expect("plain path");
    let deadline = Instant::now() + LONG;
    loop {
        assert!(Instant::now() < deadline, "{:?}", world.run(&["vault", "show", vault]));
        assert!(window.0.try_wait().expect("asked").is_none(), "the window is open");
        // Only when the window's engine runs: a command would start one of its own.
        if !world.run(&["vault", "show", vault]).out.contains(&format!("process {}", window.0.id())) {
            continue;
        }
        let ran = world.run(&["machine", "list", "--vault", vault, "--json"]);
        let list: Value = serde_json::from_str(&ran.out).unwrap_or_default();
        let machines = list.as_array().map(Vec::as_slice).unwrap_or_default();
        if machines.iter().filter(|m| m["power"] == "Running").count() == count {
            return;
        }
    }
}

/// Hosts and guests of the lab do not outlive the test.
struct Guests(LabSpec);

impl Drop for Guests {
    fn drop(&mut self) {
        let Ok(lab) = leeward_lab::make(&self.0, &mut |_| {}) else { return };
        for host in &self.0.hosts {
            lab.kill_site(&host.folder).ok();
        }
    }
}

#[test]
fn real_window_opens_on_a_lab_that_lives() {
    let world = World::new();
    let screen = Screen::new();
    let _guests = Guests(LabSpec::default(&world.path("lab")));
    for _ in 0..2 {
        let mut window = Window::open(&world, &screen);
        running(&world, &mut window, 4);
    }
}
