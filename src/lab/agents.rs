//! A lab that is there: its hosts' agents are started, stopped and killed. A host here is a folder and a process;
//! killing it takes its machines along, as a power cut would.

use crate::error::{LabError, Result};
use crate::hosts;
use crate::network::Network;
use crate::processes::{
    POLL, alive, find, find_beside, last_words, listens, read_pid, signal, wait_gone, words_of,
};
use crate::serial;
use crate::spec::{HostSpec, LabSpec, REPLICATION_PORT};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an agent may take to listen; it reads its records before.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How deep under a host's folder machines and their test copies lie.
const FOLDERS_DEEP: u32 = 5;

/// The lab.
#[derive(Debug)]
pub struct Lab {
    spec: LabSpec,
    agent_program: Option<PathBuf>,
    /// Agents that this program started; it must collect them when they end.
    started: Mutex<BTreeMap<String, Child>>,
    /// No agent is started any more.
    ended: AtomicBool,
}

impl Lab {
    /// A lab that was made before; nothing is made or started. None when there is none.
    #[must_use]
    pub fn there(spec: &LabSpec) -> Option<Self> {
        let root = fs::canonicalize(&spec.root).ok()?;
        let spec = LabSpec { root, ..spec.clone() };
        let made = spec.hosts.iter().all(|host| hosts::config(&spec.host_folder(host)).is_some());
        made.then(|| Self::new(&spec))
    }

    pub(crate) fn new(spec: &LabSpec) -> Self {
        Self {
            spec: spec.clone(),
            agent_program: None,
            started: Mutex::new(BTreeMap::new()),
            ended: AtomicBool::new(false),
        }
    }

    /// Takes another agent program than the one beside the running program.
    #[must_use]
    pub fn with_agent_program(self, program: PathBuf) -> Self {
        Self { agent_program: Some(program), ..self }
    }

    /// The lab's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.spec.root
    }

    /// What it consists of.
    #[must_use]
    pub const fn spec(&self) -> &LabSpec {
        &self.spec
    }

    /// The folder of a host, by the folder's name.
    ///
    /// # Errors
    /// When the lab has no such host.
    pub fn host_folder(&self, host: &str) -> Result<PathBuf> {
        self.host(host).map(|h| self.spec.host_folder(h))
    }

    /// Enrols a host's agent with the text of a registration key's file.
    ///
    /// # Errors
    /// When the agent refuses; its words are in the error.
    pub fn enrol(&self, host: &str, key_text: &str) -> Result<()> {
        let folder = self.host_folder(host)?;
        self.network_up()?;
        let key = folder.join("registration.key");
        write_private(&key, key_text)?;
        let mut command = self.agent_command(host)?;
        command.current_dir(&folder).args(hosts::enrol_arguments(&folder, &key)).stdin(Stdio::null());
        let done = crate::programs::finish("leeward-agent enrol", command).map(drop);
        fs::remove_file(&key).map_err(LabError::file("remove", &key))?;
        done
    }

    /// Starts a host's agent, unless it runs, and returns when it listens. What it prints goes to `agent.log` in the
    /// host's folder.
    ///
    /// # Errors
    /// When there is no agent program, or it ends before it listens: then with what it said.
    pub fn start_agent(&self, host: &str) -> Result<()> {
        let folder = self.host_folder(host)?;
        if self.agent_process(host)?.is_some() {
            return Ok(());
        }
        self.network_up()?;
        let path = folder.join("agent.log");
        let open = || OpenOptions::new().create(true).append(true).open(&path);
        let (out, err) = open().and_then(|o| Ok((o, open()?))).map_err(LabError::file("write", &path))?;
        let said = out.metadata().map_err(LabError::file("read", &path))?.len();
        let mut command = self.agent_command(host)?;
        command
            .args(hosts::run_arguments(&folder))
            .current_dir(&folder)
            // A signal to the window's terminal is not for the host.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err);
        let pid = {
            // Whoever takes the lab down waits here, and nothing starts behind their back.
            let mut started = self.started();
            if self.ended.load(Ordering::Acquire) {
                return Err(agent_error(host, "is not started: the lab is being taken down".to_owned()));
            }
            let child =
                command.spawn().map_err(|e| agent_error(host, format!("could not be started: {e}")))?;
            let pid = child.id();
            started.insert(host.to_owned(), child);
            pid
        };
        let pid_file = folder.join("agent.pid");
        fs::write(&pid_file, format!("{pid}\n")).map_err(LabError::file("write", &pid_file))?;
        self.until_it_listens(host, pid, || last_words(&path, said))
    }

    /// An agent that cannot listen, because its address is taken or its settings are wrong, ends and says why.
    fn until_it_listens(&self, host: &str, pid: u32, words: impl Fn() -> String) -> Result<()> {
        let addr = self.host(host)?.addr.parse().ok();
        let deadline = Instant::now() + START_LIMIT;
        while !addr.is_none_or(|addr| listens(pid, addr, REPLICATION_PORT)) {
            let ended = self.started().get_mut(host).is_none_or(|c| !matches!(c.try_wait(), Ok(None)));
            if ended {
                self.started().remove(host);
                return Err(agent_error(host, format!("ended at once: {}", words())));
            }
            if Instant::now() > deadline {
                let limit = START_LIMIT.as_secs();
                return Err(agent_error(host, format!("does not listen after {limit} s: {}", words())));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Stops a host's agent in good order. Its machines go on running.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop_agent(&self, host: &str) -> Result<()> {
        self.end_agent(host, Signal::TERM)
    }

    /// Kills a host's agent. Its machines go on running.
    ///
    /// # Errors
    /// When it does not end.
    pub fn kill_agent(&self, host: &str) -> Result<()> {
        self.end_agent(host, Signal::KILL)
    }

    /// Makes a host's agent stand still: it hears and says nothing, as behind a dead network, while its machines
    /// run on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn suspend_agent(&self, host: &str) -> Result<()> {
        self.tell_agent(host, Signal::STOP)
    }

    /// Lets an agent go on that stands still.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume_agent(&self, host: &str) -> Result<()> {
        self.tell_agent(host, Signal::CONT)
    }

    /// Kills a host: its agent and all its machines, as a power cut would.
    ///
    /// # Errors
    /// When a process does not end.
    pub fn kill_site(&self, host: &str) -> Result<()> {
        self.kill_agent(host)?;
        for (_, pid) in self.machine_processes(host)? {
            signal(pid, Signal::KILL);
            wait_gone(host, || !alive(pid))?;
        }
        Ok(())
    }

    /// Kills every host, and starts none of them any more: for whoever is told to end in the middle of something.
    ///
    /// # Errors
    /// When a process does not end.
    pub fn take_down(&self) -> Result<()> {
        {
            let _nobody_starts = self.started();
            self.ended.store(true, Ordering::Release);
        }
        self.spec.hosts.iter().try_for_each(|host| self.kill_site(&host.folder))?;
        self.network_down()
    }

    /// Ends what is left at a host of machines, asking the hypervisors to close the disks, and its agent in good order.
    /// Whoever wants the guests shut down has that done before.
    ///
    /// # Errors
    /// When a process does not end.
    pub fn stop_site(&self, host: &str) -> Result<()> {
        self.stop_agent(host)?;
        for (_, pid) in self.machine_processes(host)? {
            signal(pid, Signal::TERM);
            wait_gone(host, || !alive(pid))?;
        }
        Ok(())
    }

    /// Whether a host's agent runs.
    ///
    /// # Errors
    /// When the lab has no such host.
    pub fn agent_runs(&self, host: &str) -> Result<bool> {
        Ok(self.agent_process(host)?.is_some())
    }

    /// The number of the last record a machine wrote before its last orderly stop at a host.
    ///
    /// # Errors
    /// When it has not stopped in good order since it last started there.
    pub fn last_record_at_stop(&self, host: &str, machine: &str) -> Result<u64> {
        let folder = self.host_folder(host)?;
        let logs = find(&folder, "serial.log", FOLDERS_DEEP);
        let named = |log: &&PathBuf| log.parent().is_some_and(|p| p.ends_with(machine));
        let log = logs
            .iter()
            .find(named)
            .ok_or_else(|| LabError::NotSaid { machine: machine.to_owned(), what: "anything" })?;
        serial::last_record_at_stop(log, machine)
    }

    /// Machines that run at a host, with their processes. Test copies are among them.
    ///
    /// # Errors
    /// When the lab has no such host.
    pub fn machine_processes(&self, host: &str) -> Result<Vec<(PathBuf, u32)>> {
        let folder = self.host_folder(host)?;
        let mut found = Vec::new();
        for file in find(&folder, "qemu.pid", FOLDERS_DEEP) {
            if let Some(pid) = read_pid(&file)
                && words_of(pid).iter().any(|w| Path::new(w) == file)
                && let Some(machine) = file.parent()
            {
                found.push((machine.to_owned(), pid));
            }
        }
        Ok(found)
    }

    fn host(&self, host: &str) -> Result<&HostSpec> {
        let found = self.spec.hosts.iter().find(|h| h.folder == host);
        found.ok_or_else(|| LabError::NoSuchHost { host: host.to_owned() })
    }

    fn started(&self) -> MutexGuard<'_, BTreeMap<String, Child>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_agent(&self, host: &str, what: Signal) -> Result<()> {
        let pid = self.agent_process(host)?.ok_or_else(|| agent_error(host, "does not run".to_owned()))?;
        signal(pid, what);
        Ok(())
    }

    /// The process of a host's agent, whoever started it.
    fn agent_process(&self, host: &str) -> Result<Option<u32>> {
        let folder = self.host_folder(host)?;
        // Our own child needs no look at its command line, which the system shows a moment after its start.
        if let Some(child) = self.started().get_mut(host)
            && matches!(child.try_wait(), Ok(None))
        {
            return Ok(Some(child.id()));
        }
        let ours = hosts::run_arguments(&folder);
        Ok(read_pid(&folder.join("agent.pid")).filter(|pid| {
            // The number may belong to another process by now.
            let words = words_of(*pid);
            ours.iter().all(|w| words.iter().any(|have| have.as_str() == w))
        }))
    }

    fn agent_program(&self) -> Result<PathBuf> {
        self.agent_program.clone().map_or_else(|| find_beside("leeward-agent"), Ok)
    }

    /// How the agent is called: in its own namespace where the lab has a network.
    fn agent_command(&self, host: &str) -> Result<Command> {
        let program = self.agent_program()?;
        match &self.spec.network {
            Some(network) => network.inside(host, &program),
            None => Ok(Command::new(program)),
        }
    }

    /// Lays the network of a lab that has one, unless it is there. The engine's address is part of it.
    ///
    /// # Errors
    /// Without an administrator's rights, or when a device cannot be made.
    pub fn network_up(&self) -> Result<()> {
        let Some(network) = &self.spec.network else { return Ok(()) };
        // The carrier lies where the agent does.
        let carrier = self.agent_program.as_ref().map(|p| p.with_file_name("lab-line"));
        network.up(&self.spec.root, carrier.as_deref())
    }

    /// Takes the network of a lab away that has one. Its hosts must have ended.
    ///
    /// # Errors
    /// When something cannot be taken away.
    pub fn network_down(&self) -> Result<()> {
        self.spec.network.as_ref().map_or(Ok(()), |network| network.down(&self.spec.root))
    }

    /// Where the engine of this lab's vault must listen to be reached by its hosts.
    #[must_use]
    pub fn engine_addr(&self) -> Ipv4Addr {
        self.spec.network.as_ref().map_or(Ipv4Addr::LOCALHOST, Network::engine_addr)
    }

    fn end_agent(&self, host: &str, how: Signal) -> Result<()> {
        let Some(pid) = self.agent_process(host)? else { return Ok(()) };
        signal(pid, how);
        wait_gone(host, || {
            if let Some(child) = self.started().get_mut(host) {
                return !matches!(child.try_wait(), Ok(None));
            }
            !alive(pid)
        })?;
        self.started().remove(host);
        Ok(())
    }
}

pub(crate) fn agent_error(host: &str, reason: String) -> LabError {
    LabError::Agent { host: host.to_owned(), reason }
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(LabError::file("write", path))?;
    file.write_all(text.as_bytes()).map_err(LabError::file("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::make;
    use crate::spec::LabSpec;
    use std::os::unix::fs::PermissionsExt as _;

    /// Stands for the agent: notes how it was called, listens where its settings say, ends when it is told to.
    const AGENT: &str = r#"#!/bin/sh
case $1 in
  enrol) cp "$5" enrolled; [ "$(cat "$5")" = good ] || { echo 'this key is spent' >&2; exit 1; } ;;
  run) exec perl -MIO::Socket::INET -e '
    open(my $settings, "<", $ARGV[2]) or die; my $text = join("", <$settings>);
    $text =~ /"listen": "([^"]+)"/ or die "no address";
    my $socket = IO::Socket::INET->new(LocalAddr => $1, Listen => 1, ReuseAddr => 1) or die "cannot listen: $@";
    $SIG{TERM} = sub { open(my $note, ">>", "ended"); print $note "ended\n"; close($note); exit 0 };
    $| = 1; print "up\n"; select(undef, undef, undef, 0.05) while 1;
  ' "$@" ;;
esac
"#;

    fn lab(root: &Path) -> Lab {
        let program = root.join("agent");
        std::fs::write(&program, AGENT).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("set");
        // Hosts only: machines take seconds to make.
        let mut spec = LabSpec::default(&root.join("lab"));
        spec.hosts[0].machines.clear();
        make(&spec, &mut |_| {}).expect("made").with_agent_program(program)
    }

    /// A test that fails must not leave its agent behind.
    struct Killed<'a>(&'a Lab);

    impl Drop for Killed<'_> {
        fn drop(&mut self) {
            drop(self.0.kill_site("goteborg"));
        }
    }

    #[test]
    fn an_agent_is_started_once_found_again_and_stopped_in_good_order() {
        let root = tempfile::tempdir().expect("a folder");
        let lab1 = lab(root.path());
        let _at_the_end = Killed(&lab1);
        let folder = lab1.host_folder("goteborg").expect("a host");
        lab1.start_agent("goteborg").expect("started");
        lab1.start_agent("goteborg").expect("runs already");
        assert!(!std::fs::read_to_string(folder.join("agent.log")).expect("a log").contains("cannot"));
        // Another program opens the same lab.
        let lab2 = lab(root.path());
        assert!(lab2.agent_runs("goteborg").expect("looked"));
        assert!(!lab2.agent_runs("stockholm").expect("looked"));
        lab2.suspend_agent("goteborg").expect("stands still");
        lab2.resume_agent("goteborg").expect("goes on");
        lab1.stop_agent("goteborg").expect("stopped");
        assert!(folder.join("ended").is_file(), "it was told, not killed");
        assert!(!lab2.agent_runs("goteborg").expect("looked"));
        assert!(lab2.suspend_agent("goteborg").is_err());
        lab1.start_agent("goteborg").expect("started again");
        lab1.kill_site("goteborg").expect("killed");
        assert!(!lab1.agent_runs("goteborg").expect("looked"));
        assert!(matches!(lab1.start_agent("malmo"), Err(LabError::NoSuchHost { .. })));
    }

    #[test]
    fn an_agent_that_cannot_listen_is_told_of_at_once_with_its_own_words() {
        let root = tempfile::tempdir().expect("a folder");
        let lab = lab(root.path());
        let addr = lab.host("goteborg").expect("a host").addr.clone();
        let _taken = std::net::TcpListener::bind((addr.as_str(), REPLICATION_PORT)).expect("free");
        let _at_the_end = Killed(&lab);
        let failed = lab.start_agent("goteborg").expect_err("told of");
        assert!(failed.to_string().contains("cannot listen"), "{failed}");
    }

    #[test]
    fn a_lab_that_is_taken_down_starts_nothing_any_more() {
        let root = tempfile::tempdir().expect("a folder");
        let lab = lab(root.path());
        lab.start_agent("goteborg").expect("started");
        lab.take_down().expect("ended");
        assert!(!lab.agent_runs("goteborg").expect("looked"));
        assert!(lab.start_agent("goteborg").is_err());
        assert!(!lab.agent_runs("goteborg").expect("looked"));
    }

    #[test]
    fn enrolling_hands_over_the_key_and_leaves_none_behind() {
        let root = tempfile::tempdir().expect("a folder");
        let lab = lab(root.path());
        let folder = lab.host_folder("stockholm").expect("a host");
        lab.enrol("stockholm", "good").expect("enrolled");
        assert_eq!(std::fs::read_to_string(folder.join("enrolled")).expect("called"), "good");
        let refused = lab.enrol("stockholm", "spent").expect_err("refused");
        assert!(refused.to_string().contains("this key is spent"), "{refused}");
        assert!(!folder.join("registration.key").exists());
    }
}
