//! Processes of the system, found by the files they have left: whose they are, whether they live, where they listen.
//! Apart from `agents`, which knows what they are for.

use crate::agents::agent_error;
use crate::error::{LabError, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const STOP_LIMIT: Duration = Duration::from_secs(20);
pub(crate) const POLL: Duration = Duration::from_millis(20);
/// State of a listening socket in the system's table.
const LISTENS: &str = "0A";

pub(crate) fn read_pid(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The command line of a process; empty when it is gone or waits to be collected.
pub(crate) fn words_of(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|b| *b == 0)
        .filter(|w| !w.is_empty())
        .map(|w| String::from_utf8_lossy(w).into_owned())
        .collect()
}

pub(crate) fn alive(pid: u32) -> bool {
    !words_of(pid).is_empty()
}

pub(crate) fn signal(pid: u32, what: Signal) {
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(target) = target
        && let Err(error) = kill_process(target, what)
    {
        tracing::debug!(pid, %error, "a process had ended before it was told to");
    }
}

pub(crate) fn wait_gone(host: &str, gone: impl Fn() -> bool) -> Result<()> {
    let deadline = Instant::now() + STOP_LIMIT;
    while !gone() {
        if Instant::now() > deadline {
            return Err(agent_error(host, format!("or a machine of it did not end within {STOP_LIMIT:?}")));
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Files of a name under a folder.
pub(crate) fn find(folder: &Path, name: &str, deep: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            if deep > 0 {
                found.extend(find(&path, name, deep - 1));
            }
        } else if entry.file_name() == name {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether a process listens there. The table is the one of the network that the process is in.
pub(crate) fn listens(pid: u32, addr: Ipv4Addr, port: u16) -> bool {
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    // Addresses stand there as the processor keeps them.
    let local = format!("{:08X}:{port:04X}", u32::from_ne_bytes(addr.octets()));
    let any = format!("00000000:{port:04X}");
    let sockets = table.lines().skip(1).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (here, state, number) = (words.get(1)?, words.get(3)?, words.get(9)?);
        ((*here == local || *here == any) && *state == LISTENS).then(|| format!("socket:[{number}]"))
    });
    let sockets: Vec<PathBuf> = sockets.map(PathBuf::from).collect();
    // Another process may have been there first.
    let open = fs::read_dir(format!("/proc/{pid}/fd"));
    open.is_ok_and(|open| {
        open.flatten().filter_map(|fd| fs::read_link(fd.path()).ok()).any(|link| sockets.contains(&link))
    })
}

/// The end of a log, for the reason why its writer is gone.
pub(crate) fn last_words(log: &Path, from: u64) -> String {
    let text = fs::read(log).unwrap_or_default();
    let fresh = text.get(usize::try_from(from).unwrap_or(usize::MAX)..).unwrap_or_default();
    let end = fresh.get(fresh.len().saturating_sub(WORDS_BYTES_MAX)..).unwrap_or_default();
    String::from_utf8_lossy(end).trim().to_owned()
}

/// A program of ours: it lies beside the one that runs; a test's lies a folder below it.
pub(crate) fn find_beside(name: &'static str) -> Result<PathBuf> {
    let me = std::env::current_exe().map_err(LabError::file("find", name))?;
    me.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| LabError::Missing { program: name.to_owned(), package: name })
}

/// How much of a log is shown.
const WORDS_BYTES_MAX: usize = 800;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_socket_is_seen_and_a_free_port_is_not() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = socket.local_addr().expect("its address").port();
        let addr = Ipv4Addr::LOCALHOST;
        assert!(listens(std::process::id(), addr, port));
        assert!(!listens(std::process::id(), Ipv4Addr::new(127, 9, 9, 9), port));
        let other = std::process::Command::new("sleep").arg("60").spawn();
        let mut other = other.expect("a process in the same network");
        assert!(!listens(other.id(), addr, port), "the socket is not its own");
        other.kill().and_then(|()| other.wait()).expect("ended");
        drop(socket);
        assert!(!listens(std::process::id(), addr, port));
    }

    #[test]
    fn only_what_was_said_since_counts() {
        let log = tempfile::NamedTempFile::new().expect("a file");
        fs::write(log.path(), "an old story\nthe reason\n").expect("written");
        assert_eq!(last_words(log.path(), 13), "the reason");
        assert_eq!(last_words(log.path(), 9_999), "");
    }
}
