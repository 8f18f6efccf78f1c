//! A lab that is there: its hosts' agents are started, stopped and killed. A host here is a folder and a process;
//! killing it takes its machines along, as a power cut would.

use crate::error::{LabError, Result};
use crate::spec::{HostSpec, LabSpec};
use crate::{hosts, serial};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const STOP_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);
/// How deep under a host's folder machines and their test copies lie.
const FOLDERS_DEEP: u32 = 5;

/// The lab.
#[derive(Debug)]
pub struct Lab {
    spec: LabSpec,
    agent_program: Option<PathBuf>,
    /// Agents that this program started; it must collect them when they end.
    started: Mutex<BTreeMap<String, Child>>,
}

impl Lab {
    pub(crate) fn new(spec: &LabSpec) -> Self {
        Self { spec: spec.clone(), agent_program: None, started: Mutex::new(BTreeMap::new()) }
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
        let key = folder.join("registration.key");
        write_private(&key, key_text)?;
        let mut command = Command::new(self.agent_program(host)?);
        command.current_dir(&folder).args(hosts::enrol_arguments(&folder, &key)).stdin(Stdio::null());
        let done = crate::programs::finish("leeward-agent enrol", command).map(drop);
        fs::remove_file(&key).map_err(LabError::file("remove", &key))?;
        done
    }

    /// Starts a host's agent, unless it runs. What it prints goes to `agent.log` in the host's folder.
    ///
    /// # Errors
    /// When there is no agent program or it cannot be started.
    pub fn start_agent(&self, host: &str) -> Result<()> {
        let folder = self.host_folder(host)?;
        if self.agent_process(host)?.is_some() {
            return Ok(());
        }
        let path = folder.join("agent.log");
        let open = || OpenOptions::new().create(true).append(true).open(&path);
        let (out, err) = open().and_then(|o| Ok((o, open()?))).map_err(LabError::file("write", &path))?;
        let child = Command::new(self.agent_program(host)?)
            .args(hosts::run_arguments(&folder))
            .current_dir(&folder)
            // A signal to the window's terminal is not for the host.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|e| agent_error(host, format!("could not be started: {e}")))?;
        let pid_file = folder.join("agent.pid");
        fs::write(&pid_file, format!("{}\n", child.id())).map_err(LabError::file("write", &pid_file))?;
        self.started().insert(host.to_owned(), child);
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

    /// The agent's program lies beside the one that runs; a test's lies a folder below it.
    fn agent_program(&self, host: &str) -> Result<PathBuf> {
        if let Some(program) = &self.agent_program {
            return Ok(program.clone());
        }
        let me =
            std::env::current_exe().map_err(|e| agent_error(host, format!("could not be found: {e}")))?;
        me.ancestors()
            .skip(1)
            .take(2)
            .map(|folder| folder.join("leeward-agent"))
            .find(|candidate| candidate.is_file())
            .ok_or_else(|| LabError::Missing {
                program: "leeward-agent".to_owned(),
                package: "leeward-agent",
            })
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

fn agent_error(host: &str, reason: String) -> LabError {
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

fn read_pid(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The command line of a process; empty when it is gone or waits to be collected.
fn words_of(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|b| *b == 0)
        .filter(|w| !w.is_empty())
        .map(|w| String::from_utf8_lossy(w).into_owned())
        .collect()
}

fn alive(pid: u32) -> bool {
    !words_of(pid).is_empty()
}

fn signal(pid: u32, what: Signal) {
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(target) = target
        && let Err(error) = kill_process(target, what)
    {
        tracing::debug!(pid, %error, "a process had ended before it was told to");
    }
}

fn wait_gone(host: &str, gone: impl Fn() -> bool) -> Result<()> {
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
fn find(folder: &Path, name: &str, deep: u32) -> Vec<PathBuf> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::make;
    use crate::spec::LabSpec;
    use std::os::unix::fs::PermissionsExt as _;

    /// Stands for the agent: notes how it was called, ends when it is told to.
    const AGENT: &str = "#!/bin/sh
case $1 in
  enrol) cp \"$5\" enrolled; [ \"$(cat \"$5\")\" = good ] || { echo 'this key is spent' >&2; exit 1; } ;;
  run) trap 'echo ended >>ended; exit 0' TERM; echo up; while :; do sleep 0.05; done ;;
esac
";

    fn lab(root: &Path) -> Lab {
        let program = root.join("agent");
        std::fs::write(&program, AGENT).expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("set");
        // Hosts only: machines take seconds to make.
        let mut spec = LabSpec::default(&root.join("lab"));
        spec.hosts[0].machines.clear();
        make(&spec, &mut |_| {}).expect("made").with_agent_program(program)
    }

    fn wait_for(what: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !what() {
            assert!(Instant::now() < deadline, "waited too long");
            std::thread::sleep(POLL);
        }
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
        let up = || std::fs::read_to_string(folder.join("agent.log")).unwrap_or_default();
        wait_for(|| up() == "up\n");
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
