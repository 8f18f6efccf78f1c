//! A network for the lab: each host in a network namespace of its own, one line between the two that can be slow and
//! lossy, and a way from each to the engine. Apart from `line`, which says what happens to packets.
//!
//! ```text
//!   engine's address (lo)
//!     |  veth pair            |  veth pair
//!   namespace of host 1 ~~~ line (two TUN devices, two carriers) ~~~ namespace of host 2
//! ```
//!
//! Hosts know each other only over the line: there is no other route. It needs an administrator.

use crate::error::{LabError, Result};
use crate::lane::OPEN;
use crate::packages::short_digest;
use crate::processes::{POLL, alive, find_beside, last_words, read_pid, signal, wait_gone, words_of};
use crate::programs::IP;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The record in the lab's folder; a lab that has it has a network.
pub(crate) const RECORD: &str = "network.json";
/// The line's device in each namespace.
const DEVICE: &str = "line0";
/// The way to the engine in each namespace.
const UPLINK: &str = "up0";
const OPEN_LIMIT: Duration = Duration::from_secs(20);

/// The network of a lab with two hosts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Network {
    /// Tells the labs of one computer from each other, in names that may not be long.
    tag: String,
    /// The first three bytes of all its addresses.
    net: [u8; 3],
    /// Hosts, by folder.
    hosts: [String; 2],
}

impl Network {
    /// The network of a lab in a folder.
    pub(crate) fn of(root: &Path, hosts: [&str; 2]) -> Self {
        let digest = blake3::hash(root.as_os_str().as_encoded_bytes());
        let [a, b, ..] = *digest.as_bytes();
        // 198.18.0.0/15 is set aside for measuring networks: nobody routes it.
        Self {
            tag: short_digest(root.as_os_str().as_encoded_bytes()).chars().take(6).collect(),
            net: [198, 18 + a % 2, b],
            hosts: hosts.map(str::to_owned),
        }
    }

    /// The network that a lab was made with.
    pub(crate) fn kept(root: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(root.join(RECORD)).ok()?).ok()
    }

    /// Where the engine must listen to be reached from both hosts.
    #[must_use]
    pub fn engine_addr(&self) -> Ipv4Addr {
        self.addr(1)
    }

    /// A host's own address.
    pub(crate) fn host_addr(&self, at: usize) -> Ipv4Addr {
        self.addr(if at == 0 { 65 } else { 66 })
    }

    /// Runs a program in the namespace of a host.
    pub(crate) fn inside(&self, host: &str, program: &Path) -> Result<Command> {
        let mut command = Command::new(IP.find()?);
        command.args(["netns", "exec", &self.space(host)]).arg(program);
        Ok(command)
    }

    /// Lays everything, unless it is there.
    ///
    /// # Errors
    /// Without an administrator's rights, or when a device cannot be made.
    pub(crate) fn up(&self, root: &Path, carrier: Option<&Path>) -> Result<()> {
        if !rustix::process::geteuid().is_root() {
            return Err(LabError::Network {
                reason: "namespaces need root; run it as root or with sudo".to_owned(),
            });
        }
        if self.hosts.iter().all(|host| self.carrier(root, host).is_some()) {
            return Ok(());
        }
        self.down(root)?;
        self.ip(&["addr", "add", &format!("{}/32", self.engine_addr()), "dev", "lo"])?;
        for at in 0..self.hosts.len() {
            self.lay_host(at)?;
        }
        let sockets = self.sockets();
        fs::create_dir_all(&sockets).map_err(LabError::file("create", &sockets))?;
        for at in 0..self.hosts.len() {
            self.carry(root, at, carrier)?;
        }
        for at in 0..self.hosts.len() {
            self.until_open(root, at)?;
        }
        Ok(())
    }

    /// Takes everything away; what is not there is no failure.
    pub(crate) fn down(&self, root: &Path) -> Result<()> {
        for host in &self.hosts {
            if let Some(pid) = self.carrier(root, host) {
                signal(pid, Signal::TERM);
                wait_gone(host, || !alive(pid))?;
            }
            // The devices inside go with the namespace, and the routes with the devices.
            if Path::new("/run/netns").join(self.space(host)).exists() {
                self.ip(&["netns", "del", &self.space(host)])?;
            }
            let veth = self.veth(host);
            let there = || Path::new("/sys/class/net").join(&veth).exists();
            // The kernel takes it away with its other end, in its own time: perhaps just now.
            if there()
                && let Err(error) = self.ip(&["link", "del", &veth])
                && there()
            {
                return Err(error);
            }
        }
        let engine = format!("{}/32", self.engine_addr());
        if self.ip(&["-o", "addr", "show", "dev", "lo"])?.contains(&format!(" {engine} ")) {
            self.ip(&["addr", "del", &engine, "dev", "lo"])?;
        }
        let sockets = self.sockets();
        match fs::remove_dir_all(&sockets) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(LabError::file("remove", &sockets)(error))
            }
            _ => Ok(()),
        }
    }

    /// One host's namespace: its own address, its way to the engine, and the engine's way to it.
    fn lay_host(&self, at: usize) -> Result<()> {
        let Some(host) = self.hosts.get(at) else { return Ok(()) };
        let (space, veth) = (self.space(host), self.veth(host));
        let (outside, inside) =
            if at == 0 { (self.addr(5), self.addr(6)) } else { (self.addr(9), self.addr(10)) };
        let (own, engine) = (self.host_addr(at).to_string(), self.engine_addr().to_string());
        let (outside_net, inside_net) = (format!("{outside}/30"), format!("{inside}/30"));
        let own_net = format!("{own}/32");
        let (outside, inside) = (outside.to_string(), inside.to_string());
        self.ip(&["netns", "add", &space])?;
        self.ip(&["link", "add", &veth, "type", "veth", "peer", "name", UPLINK, "netns", &space])?;
        self.ip(&["addr", "add", &outside_net, "dev", &veth])?;
        self.ip(&["link", "set", &veth, "up"])?;
        self.ip(&["-n", &space, "link", "set", "lo", "up"])?;
        // The address is the host's, not the line's: it stays when the line is laid anew.
        self.ip(&["-n", &space, "addr", "add", &own_net, "dev", "lo"])?;
        self.ip(&["-n", &space, "addr", "add", &inside_net, "dev", UPLINK])?;
        self.ip(&["-n", &space, "link", "set", UPLINK, "up"])?;
        self.ip(&["-n", &space, "route", "add", &engine, "via", &outside])?;
        self.ip(&["route", "add", &own, "via", &inside]).map(drop)
    }

    /// Starts the program that carries packets away from a host.
    fn carry(&self, root: &Path, at: usize, carrier: Option<&Path>) -> Result<()> {
        let (Some(host), Some(other)) = (self.hosts.get(at), self.hosts.get(1 - at)) else { return Ok(()) };
        let program = carrier.map_or_else(|| find_beside("lab-line"), |p| Ok(p.to_owned()))?;
        let log = self.log(root, host);
        let out = File::create(&log).map_err(LabError::file("write", &log))?;
        let mut command = self.inside(host, &program)?;
        let sockets = self.sockets();
        command
            .args([root, Path::new(host), Path::new(DEVICE), &sockets.join(host), &sockets.join(other)])
            .process_group(0)
            .stdin(Stdio::null())
            .stderr(out.try_clone().map_err(LabError::file("write", &log))?)
            .stdout(out);
        let child = command
            .spawn()
            .map_err(|e| LabError::Network { reason: format!("{}: {e}", program.display()) })?;
        let pid_file = root.join(format!("line-{host}.pid"));
        fs::write(&pid_file, format!("{}\n", child.id())).map_err(LabError::file("write", &pid_file))?;
        // Nobody waits for it: it ends with the network.
        std::thread::spawn(move || {
            let mut child = child;
            child.wait().ok();
        });
        Ok(())
    }

    fn until_open(&self, root: &Path, at: usize) -> Result<()> {
        let (Some(host), Some(space)) = (self.hosts.get(at), self.hosts.get(at).map(|h| self.space(h)))
        else {
            return Ok(());
        };
        let deadline = Instant::now() + OPEN_LIMIT;
        let said = || last_words(&self.log(root, host), 0);
        while !said().contains(OPEN) {
            // The program's own name follows a moment after the start of `ip`.
            if Instant::now() > deadline {
                return Err(LabError::Network {
                    reason: format!("the line at {host} did not open: {}", said()),
                });
            }
            std::thread::sleep(POLL);
        }
        let (own, other) = (self.host_addr(at).to_string(), self.host_addr(1 - at).to_string());
        self.ip(&["-n", &space, "link", "set", DEVICE, "up"])?;
        self.ip(&["-n", &space, "route", "replace", &other, "dev", DEVICE, "src", &own]).map(drop)
    }

    fn carrier(&self, root: &Path, host: &str) -> Option<u32> {
        let pid = read_pid(&root.join(format!("line-{host}.pid")))?;
        let socket = self.sockets().join(host);
        words_of(pid).iter().any(|word| Path::new(word) == socket).then_some(pid)
    }

    fn log(&self, root: &Path, host: &str) -> PathBuf {
        root.join(format!("line-{host}.log"))
    }

    /// Names of sockets may not be long, the lab's folder may.
    fn sockets(&self) -> PathBuf {
        Path::new("/run").join(format!("leeward-lab-{}", self.tag))
    }

    fn space(&self, host: &str) -> String {
        format!("leeward-{}-{host}", self.tag)
    }

    /// At most fifteen letters.
    fn veth(&self, host: &str) -> String {
        format!("lw{}{}", self.tag, host.chars().take(3).collect::<String>())
    }

    const fn addr(&self, last: u8) -> Ipv4Addr {
        let [a, b, c] = self.net;
        Ipv4Addr::new(a, b, c, last)
    }

    fn ip(&self, words: &[&str]) -> Result<String> {
        IP.run(Path::new("/"), words)
            .map_err(|e| LabError::Network { reason: format!("ip {}: {e}", words.join(" ")) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_two_labs_do_not_meet() {
        let hosts = ["stockholm", "goteborg"];
        let (one, other) = (Network::of(Path::new("/a"), hosts), Network::of(Path::new("/b"), hosts));
        assert_ne!((&one.tag, one.net), (&other.tag, other.net));
        for host in hosts {
            assert!(one.veth(host).len() <= 15, "{}", one.veth(host));
            assert_ne!(one.space(host), other.space(host));
        }
        assert_ne!(one.veth("stockholm"), one.veth("goteborg"));
        assert_ne!(one.host_addr(0), one.host_addr(1));
    }
}
