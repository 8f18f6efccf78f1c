//! The network of a lab, with programs that stand for its agents: bytes go over the line between the sites, no faster
//! than it lets them, and taking it down leaves nothing behind. Needs an administrator, and no guest.

use leeward_lab::{Lab, LabSpec, LineCount, LineSettings, make};
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Bytes that are sent, and how many of them the line takes in a second.
const SENT: u64 = 600_000;
const RATE: u64 = 400_000;
/// A bound for failures.
const LONG: Duration = Duration::from_secs(60);

/// Listens as an agent does. Told where to in `send`, it sends; what comes in is noted in `received`, with the seconds
/// it took.
const AGENT: &str = r#"#!/bin/sh
exec perl -MIO::Socket::INET -MIO::Select -MTime::HiRes=time -e '
  open(my $settings, "<", $ARGV[2]) or die; my $text = join("", <$settings>);
  $text =~ /"listen": "([^"]+)"/ or die "no address";
  my $socket = IO::Socket::INET->new(LocalAddr => $1, Listen => 1, ReuseAddr => 1) or die "cannot listen: $@";
  my $ready = IO::Select->new($socket);
  while (1) {
    if ($ready->can_read(0.05)) {
      my $peer = $socket->accept or next;
      my ($began, $bytes) = (time, 0);
      while (my $got = sysread($peer, my $room, 65536)) { $bytes += $got }
      open(my $note, ">", "received.next"); printf $note "%d %f", $bytes, time - $began; close($note);
      rename("received.next", "received");
    }
    if (open(my $told, "<", "send")) {
      my ($to, $bytes) = split(" ", <$told>); unlink("send");
      my $peer = IO::Socket::INET->new(PeerAddr => $to) or die "cannot connect: $@";
      my $all = "x" x $bytes; my $at = 0;
      while ($at < $bytes) { $at += syswrite($peer, $all, $bytes - $at, $at) // die "cut" }
      close($peer);
    }
  }
' "$@"
"#;

/// What a test that fails must not leave behind.
struct TakenDown<'a>(&'a Lab);

impl Drop for TakenDown<'_> {
    fn drop(&mut self) {
        self.0.take_down().ok();
    }
}

/// The program that carries packets, where the test command has it built.
fn carrier() -> PathBuf {
    let me = std::env::current_exe().expect("a program");
    let found = me.ancestors().skip(1).take(2).map(|f| f.join("lab-line")).find(|p| p.is_file());
    found.expect("lab-line is built by tests/run")
}

/// Whether this user and this system let namespaces and their line be made; a container may forbid it even to root.
fn may_lay() -> bool {
    let space = format!("leeward-try-{}", std::process::id());
    let words = format!(
        "PATH=$PATH:/usr/sbin:/sbin; test -w /dev/net/tun && ip netns add {space} && ip netns del {space}"
    );
    std::process::Command::new("sh").args(["-c", &words]).output().expect("sh runs").status.success()
}

/// Hosts only, with a network.
fn lab(root: &Path) -> Lab {
    let program = root.join("agent");
    fs::write(&program, AGENT).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("set");
    symlink(carrier(), root.join("lab-line")).expect("beside the agent");
    let mut spec = LabSpec::default(&root.join("lab")).with_network();
    spec.hosts[0].machines.clear();
    make(&spec, &mut |_| {}).expect("made").with_agent_program(program)
}

#[test]
fn real_line_is_no_faster_than_it_may_be_and_leaves_nothing_behind() {
    if !may_lay() {
        return eprintln!(
            "left out: a line between network namespaces, which cannot be made here by this user"
        );
    }
    let root = tempfile::tempdir().expect("a folder");
    let lab = lab(root.path());
    let down = TakenDown(&lab);
    lab.network_up().expect("laid");
    LineSettings { bytes_per_sec: RATE, delay_ms: 20, ..LineSettings::default() }
        .write(lab.root())
        .expect("written");
    for host in ["stockholm", "goteborg"] {
        lab.start_agent(host).expect("listens in its namespace");
    }
    TcpListener::bind((lab.engine_addr(), 0)).expect("the engine's address is there");

    let folder = |host| lab.host_folder(host).expect("a host");
    let order = format!("{}:8084 {SENT}", lab.spec().hosts[1].addr);
    fs::write(folder("stockholm").join("send.next"), order).expect("written");
    fs::rename(folder("stockholm").join("send.next"), folder("stockholm").join("send")).expect("told");
    let noted = folder("goteborg").join("received");
    let began = Instant::now();
    while !noted.is_file() {
        assert!(began.elapsed() < LONG, "nothing came over the line");
        std::thread::sleep(Duration::from_millis(20));
    }
    let text = fs::read_to_string(&noted).expect("a note");
    let (bytes, secs) = text.split_once(' ').expect("two figures");
    assert_eq!(bytes.parse::<u64>().expect("bytes"), SENT);
    // What was on its way before the first byte was read is no more than a few packets.
    let least = (SENT - 20_000) as f64 / RATE as f64;
    assert!(secs.parse::<f64>().expect("seconds") >= least, "{SENT} bytes in {secs} s at {RATE} a second");
    let counted = || LineCount::read(lab.root(), "stockholm").expect("counted").carried_bytes;
    while counted() < SENT {
        assert!(began.elapsed() < LONG, "only {} bytes were counted", counted());
        std::thread::sleep(Duration::from_millis(20));
    }

    let network = fs::read(lab.root().join("network.json")).expect("a record");
    let network: Value = serde_json::from_slice(&network).expect("a record");
    let tag = network["tag"].as_str().expect("a tag").to_owned();
    let left = || -> Vec<PathBuf> {
        let places = ["/run", "/run/netns", "/sys/class/net"].into_iter();
        let names = places.flat_map(|p| fs::read_dir(p).into_iter().flatten().flatten()).map(|e| e.path());
        names.filter(|p| p.to_string_lossy().contains(&tag)).collect()
    };
    assert_eq!(left().len(), 5, "sockets, two namespaces, two ways to the engine: {:?}", left());
    lab.take_down().expect("taken away");
    assert_eq!(left(), Vec::<PathBuf>::new());
    TcpListener::bind((lab.engine_addr(), 0)).expect_err("the engine's address has gone");
    lab.network_down().expect("what is not there is no failure");
    drop(down);
}
