//! QEMU's own storage daemon with a tracked disk: the peer of a delta, and the source of our spools. One process serves
//! both, so that neither has a better disk.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A storage daemon and its control channel.
pub(crate) struct StorageDaemon {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl StorageDaemon {
    /// Starts it on a raw disk, tracks its changes, and lets `socket` write to it.
    pub(crate) fn start(disk: &Path, socket: &Path, certificates: &Path) -> Result<Self, Box<dyn Error>> {
        let file = format!("driver=file,node-name=f0,filename={},cache.direct=on", disk.display());
        let mut child = Command::new("qemu-storage-daemon")
            .arg(format!("--object=tls-creds-x509,id=t,dir={},endpoint=client", certificates.display()))
            .arg(format!("--blockdev={file}"))
            .arg("--blockdev=driver=raw,node-name=d0,file=f0")
            .arg(format!("--nbd-server=addr.type=unix,addr.path={}", socket.display()))
            .arg("--export=type=nbd,id=e0,node-name=d0,name=d0,writable=on")
            .args(["--chardev", "stdio,id=c", "--monitor", "chardev=c"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut daemon = Self { child, input, output };
        daemon.line()?;
        daemon.ask("qmp_capabilities", json!({}))?;
        let bitmap = json!({"node": "d0", "name": "hr0", "granularity": 65_536});
        daemon.ask("block-dirty-bitmap-add", bitmap)?;
        Ok(daemon)
    }

    fn line(&mut self) -> Result<Value, Box<dyn Error>> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("the storage daemon ended".into());
        }
        Ok(serde_json::from_str(&line)?)
    }

    /// Asks for something; events on the way are passed over.
    pub(crate) fn ask(&mut self, what: &str, arguments: Value) -> Result<Value, Box<dyn Error>> {
        writeln!(self.input, "{}", json!({"execute": what, "arguments": arguments}))?;
        loop {
            let heard = self.line()?;
            if let Some(error) = heard.get("error") {
                return Err(format!("{what}: {error}").into());
            }
            if let Some(answer) = heard.get("return") {
                return Ok(answer.clone());
            }
        }
    }

    /// Pushes what is tracked to a node and waits for its end; the track stays, so that it can be done again.
    pub(crate) fn push(&mut self, target: &str) -> Result<(), Box<dyn Error>> {
        writeln!(
            self.input,
            "{}",
            json!({"execute": "blockdev-backup", "arguments": {"job-id": "b0", "device": "d0", "target": target,
                "sync": "bitmap", "bitmap": "hr0", "bitmap-mode": "never",
                "x-perf": {"use-copy-range": false, "max-workers": 8}}})
        )?;
        loop {
            let heard = self.line()?;
            if let Some(error) = heard.get("error") {
                return Err(format!("blockdev-backup: {error}").into());
            }
            if heard.get("event").and_then(Value::as_str) == Some("BLOCK_JOB_COMPLETED") {
                return match heard.pointer("/data/error") {
                    Some(error) => Err(format!("blockdev-backup: {error}").into()),
                    None => Ok(()),
                };
            }
        }
    }

    /// Ends it.
    pub(crate) fn end(mut self) -> Result<(), Box<dyn Error>> {
        self.ask("quit", json!({})).ok();
        self.child.wait()?;
        Ok(())
    }
}
