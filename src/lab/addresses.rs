//! The loopback addresses of a lab's hosts. Several labs may run on one computer, the sample lab beside a tour: each
//! gets addresses that follow from its folder, and keeps them. Apart from `spec`, which only says that a host has one.

use crate::hosts;
use crate::spec::REPLICATION_PORT;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

/// How many pairs are tried before the first one is taken as it is; the agent then says what is wrong with it.
const TRIES: u8 = 64;

/// The addresses of the hosts in these folders of a lab.
pub(crate) fn of(root: &Path, hosts: [&str; 2]) -> [String; 2] {
    let root = absolute(root);
    let kept = hosts.map(|host| kept(&root.join(host)));
    if let [Some(one), Some(other)] = kept {
        return [one, other];
    }
    let pairs = (0..TRIES).map(|turn| pair(&root, turn));
    pairs.clone().find(|pair| pair.iter().all(free)).unwrap_or_else(|| pair(&root, 0)).map(|a| a.to_string())
}

/// The folder may not be there yet, and may be named in several ways.
pub(crate) fn absolute(root: &Path) -> PathBuf {
    let found = std::fs::canonicalize(root).or_else(|_| std::path::absolute(root));
    found.unwrap_or_else(|_| root.to_owned())
}

/// Where the agent of a host that is there listens.
pub(crate) fn kept(host: &Path) -> Option<String> {
    let listen = hosts::config(host)?.listen;
    listen.rsplit_once(':').map(|(addr, _)| addr.to_owned())
}

/// Two addresses that follow from a folder. None of them is `127.0.x.y`, where other services live.
fn pair(root: &Path, turn: u8) -> [Ipv4Addr; 2] {
    let mut all = blake3::Hasher::new();
    all.update(root.as_os_str().as_encoded_bytes()).update(&[turn]);
    let digest = all.finalize();
    let [a, b, ..] = *digest.as_bytes();
    [1, 2].map(|host| Ipv4Addr::new(127, 1 + a % 254, b, host))
}

fn free(addr: &Ipv4Addr) -> bool {
    TcpListener::bind((*addr, REPLICATION_PORT)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_labs_do_not_meet_and_a_lab_keeps_what_it_has() {
        let folder = tempfile::tempdir().expect("a folder");
        let hosts = ["stockholm", "goteborg"];
        let (one, other) = (of(&folder.path().join("a"), hosts), of(&folder.path().join("b"), hosts));
        assert_ne!(one[0], one[1]);
        assert!(other.iter().all(|a| !one.contains(a)), "{one:?} {other:?}");
        // Somebody took the address meanwhile: a new lab goes elsewhere.
        let addr: Ipv4Addr = one[0].parse().expect("an address");
        let taken = TcpListener::bind((addr, REPLICATION_PORT)).expect("free");
        assert_ne!(of(&folder.path().join("a"), hosts)[0], one[0]);
        drop(taken);
        let spec = crate::LabSpec::default(&folder.path().join("a"));
        let hosts_only = crate::LabSpec {
            hosts: spec
                .hosts
                .iter()
                .cloned()
                .map(|h| crate::HostSpec { machines: Vec::new(), ..h })
                .collect(),
            ..spec
        };
        crate::make(&hosts_only, &mut |_| {}).expect("made");
        let _agent = TcpListener::bind((addr, REPLICATION_PORT)).expect("its own agent runs");
        assert_eq!(of(&folder.path().join("a"), hosts), one);
    }
}
