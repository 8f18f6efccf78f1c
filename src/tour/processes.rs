//! Looks at the processes of both hosts for as long as the tour lasts: at no moment may two of them run the same
//! machine. Apart from `verify`, because what the product says of itself is no proof of this.

use leeward_lab::Lab;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks. The two processes of a split brain would run for minutes.
const EVERY: Duration = Duration::from_millis(200);
/// Copies that a test failover boots lie in a folder of this name.
const TESTS: &str = "tests";

/// One process of a machine: the machine's name, the host's folder, the process.
type Running = BTreeSet<(String, String, u32)>;

/// What was seen so far.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// How often it was looked.
    pub(crate) looks: u64,
    /// Looks that failed, with the reason.
    pub(crate) failed: BTreeSet<String>,
    /// Machines that two processes ran at the same moment, and where.
    pub(crate) twice: BTreeSet<String>,
    /// Where machines ran at the last look.
    pub(crate) now: BTreeMap<String, Vec<String>>,
}

/// The thread that looks.
pub(crate) struct Processes {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    thread: Option<JoinHandle<()>>,
}

impl Processes {
    /// Begins to look.
    pub(crate) fn watch(lab: Arc<Lab>) -> std::io::Result<Self> {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Seen::default())));
        let (ends, notes) = (Arc::clone(&stop), Arc::clone(&seen));
        let thread = std::thread::Builder::new().name("processes".to_owned()).spawn(move || {
            while !ends.load(Ordering::Acquire) {
                look(&lab, &notes);
                std::thread::sleep(EVERY);
            }
        })?;
        Ok(Self { stop, seen, thread: Some(thread) })
    }

    /// What was seen so far.
    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that looks at the processes ended in disorder");
        }
    }
}

fn look(lab: &Lab, seen: &Mutex<Seen>) {
    let looked = running(lab).and_then(|first| {
        let suspects = at_once(&first);
        // One host is looked at after the other: only processes that are there in both rounds ran together.
        let again = if suspects.is_empty() { Running::new() } else { running(lab)? };
        let both: Running = first.intersection(&again).cloned().collect();
        Ok((first, at_once(&both)))
    });
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    match looked {
        Ok((now, twice)) => {
            seen.looks += 1;
            seen.twice.extend(twice);
            seen.now.clear();
            for (machine, host, _) in now {
                seen.now.entry(machine).or_default().push(host);
            }
        }
        Err(why) => drop(seen.failed.insert(why)),
    }
}

fn running(lab: &Lab) -> Result<Running, String> {
    let mut found = Running::new();
    for host in &lab.spec().hosts {
        let folder = lab.host_folder(&host.folder).map_err(|e| e.to_string())?;
        for (machine, pid) in lab.machine_processes(&host.folder).map_err(|e| e.to_string())? {
            if let Some(name) = name_of(&folder, &machine) {
                found.insert((name, host.folder.clone(), pid));
            }
        }
    }
    Ok(found)
}

/// A machine's name; none for the copy of a test.
fn name_of(host: &Path, machine: &Path) -> Option<String> {
    let inside = machine.strip_prefix(host).unwrap_or(machine);
    let copy = inside.components().any(|c| c.as_os_str() == TESTS);
    machine.file_name().filter(|_| !copy).map(|name| name.to_string_lossy().into_owned())
}

/// Machines with more than one process, and where those are.
fn at_once(running: &Running) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (machine, host, _) in running {
        places.entry(machine).or_default().push(host);
    }
    let twice = places.into_iter().filter(|(_, hosts)| hosts.len() > 1);
    twice.map(|(machine, hosts)| format!("{machine} at {}", hosts.join(" and "))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_of_a_machine_are_named_and_copies_of_tests_are_not_counted() {
        let one = |machine: &str, host: &str, pid| (machine.to_owned(), host.to_owned(), pid);
        let fine = Running::from([one("web01", "stockholm", 1), one("sql01", "goteborg", 2)]);
        assert!(at_once(&fine).is_empty());
        let bad = Running::from([one("web01", "stockholm", 1), one("web01", "goteborg", 2)]);
        assert_eq!(at_once(&bad), ["web01 at goteborg and stockholm"]);
        // A folder above the lab may be called like that too.
        let host = Path::new("/srv/tests/lab/goteborg");
        assert_eq!(name_of(host, &host.join("machines/web01")).as_deref(), Some("web01"));
        assert_eq!(name_of(host, &host.join("data/tests/7f/web01")), None);
    }
}
