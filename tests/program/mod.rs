//! Runs the real `leeward` program as a person or a script would, each vault in a folder of its own. Shared by the
//! tests that go through the command line.
#![allow(dead_code, reason = "each test program uses its part")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// The longest anything in these tests may take: a bound for failures, never a wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A home and a vault that nobody else uses.
pub(crate) struct World {
    folder: tempfile::TempDir,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder for the test") }
    }

    /// With a vault whose engine listens on a free port of this computer.
    pub(crate) fn with_vault() -> Self {
        let world = Self::new();
        let vault = world.vault();
        world.ok(&[
            "vault",
            "create",
            vault.to_str().expect("plain path"),
            "--name",
            "Nordic",
            "--listen",
            "127.0.0.1:0",
        ]);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.path("vault")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_leeward"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("USER", "anna")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let Output { status, stdout, stderr } = self.command(args).output().expect("the program starts");
        Ran {
            code: status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&stdout).into_owned(),
            err: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// Runs a command that must succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "leeward {args:?}\n{}{}", ran.out, ran.err);
        ran.out
    }

    /// Starts the vault's engine as a service and returns when it says that it listens.
    pub(crate) fn engine(&self) -> Service {
        Service::start(self.command(&["engine", "--vault", self.vault().to_str().expect("plain path")]))
    }
}

impl Ran {
    /// The exit code and a part of what was said.
    pub(crate) fn must(&self, code: i32, part: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.out.contains(part) || self.err.contains(part), "no \"{part}\" in {self:?}");
    }
}

/// A running `leeward engine`. Killed when dropped.
pub(crate) struct Service {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Service {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
        let out = child.stdout.take().expect("piped");
        let (say, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if say.send(line).is_err() {
                    return;
                }
            }
        });
        let service = Self { child, lines };
        service.until("runs and listens");
        service
    }

    /// Waits for a line.
    pub(crate) fn until(&self, part: &str) {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("no \"{part}\": {e}"));
            if line.contains(part) {
                return;
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop in order.
    pub(crate) fn terminate(mut self) -> i32 {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        self.until("stopped in order");
        self.child.wait().expect("ends").code().unwrap_or(-1)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("ends");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The permission bits of a file.
#[cfg(unix)]
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).expect("is there").permissions().mode() & 0o777
}
