//! A lab machine running under a plain QEMU, without the product's driver: the lab must stand for itself. Waits
//! are for conditions, with a deadline that a loaded computer meets.

use leeward_lab::{Said, last_record_at_stop, said};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const DEADLINE: Duration = Duration::from_secs(180);
const POLL: Duration = Duration::from_millis(50);

/// A running machine; killed when dropped.
pub(crate) struct Running {
    folder: PathBuf,
    process: Child,
    web_port: u16,
}

impl Running {
    /// Starts it from the two disks in its folder.
    pub(crate) fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        drop(std::fs::remove_file(folder.join("serial.log")));
        let process = Command::new("qemu-system-x86_64")
            .current_dir(folder)
            .args(["-nodefaults", "-no-user-config", "-machine", "pc", "-m", "128", "-display", "none"])
            .args(["-accel", "tcg,thread=multi,tb-size=32", "-vga", "std", "-boot", "strict=on"])
            .args(["-drive", "if=none,id=os,file=os.qcow2,format=qcow2"])
            .args(["-device", "virtio-blk-pci,drive=os,bootindex=1"])
            .args(["-drive", "if=none,id=data,file=data.qcow2,format=qcow2"])
            .args(["-device", "virtio-blk-pci,drive=data"])
            .args(["-serial", "file:serial.log", "-qmp", "unix:qmp.sock,server=on,wait=off"])
            .args(["-device", "virtio-serial-pci"])
            .args(["-chardev", "socket,id=qga0,path=qga.sock,server=on,wait=off"])
            .args(["-device", "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0"])
            .args(["-netdev", &format!("user,id=net,hostfwd=tcp:127.0.0.1:{port}-:80")])
            .args(["-device", "virtio-net-pci,netdev=net,romfile="])
            .stdin(Stdio::null())
            .spawn()
            .expect("QEMU starts");
        Self { folder: folder.to_owned(), process, web_port: port }
    }

    /// What the boot said of its records.
    pub(crate) fn boot(&mut self) -> Said {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let lines = said(&self.serial()).unwrap_or_default();
            if let Some(failed) = lines.iter().find(|s| s.word == "FAILED") {
                panic!("the guest failed: {failed:?}");
            }
            let find = |word| lines.iter().find(|s| s.word == word).cloned();
            if let (Some(records), Some(_)) = (find("RECORDS"), find("READY")) {
                return records;
            }
            assert!(Instant::now() < deadline, "the guest did not come up: {lines:?}");
            assert_eq!(self.process.try_wait().expect("asked"), None, "QEMU has ended");
            std::thread::sleep(POLL);
        }
    }

    /// Asks its web server, until it answers.
    pub(crate) fn ask(&self) -> Value {
        self.ask_until("an answer", |_| true)
    }

    /// Asks its web server until the answer is as wished.
    pub(crate) fn ask_until(&self, what: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let answer = self.ask_once();
            if let Some(answer) = &answer
                && wished(answer)
            {
                return answer.clone();
            }
            assert!(Instant::now() < deadline, "waited for {what}, last answer {answer:?}");
            std::thread::sleep(POLL);
        }
    }

    fn ask_once(&self) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.web_port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// The agent in the guest.
    pub(crate) fn guest_agent(&self) -> GuestAgent {
        GuestAgent::connect(&self.folder.join("qga.sock"))
    }

    /// A picture of its screen.
    pub(crate) fn picture(&self, into: &Path) {
        self.control(&json!({"execute": "screendump", "arguments": {"filename": into, "format": "png"}}));
    }

    /// Presses the power button.
    pub(crate) fn press_power_button(&self) {
        self.control(&json!({"execute": "system_powerdown"}));
    }

    fn control(&self, command: &Value) {
        let stream = UnixStream::connect(self.folder.join("qmp.sock")).expect("QEMU listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("set");
        let mut lines = BufReader::new(stream.try_clone().expect("cloned")).lines();
        let mut answer = |wanted: &str| loop {
            let line = lines.next().expect("QEMU answers").expect("text");
            let value: Value = serde_json::from_str(&line).expect("JSON");
            assert!(value.get("error").is_none(), "{value}");
            if value.get(wanted).is_some() {
                break;
            }
        };
        answer("QMP");
        for command in [&json!({"execute": "qmp_capabilities"}), command] {
            (&stream).write_all(format!("{command}\n").as_bytes()).expect("sent");
            answer("return");
        }
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.process.kill().expect("killed");
        self.process.wait().expect("collected");
    }

    /// Waits until it has shut itself down; the last record it wrote.
    pub(crate) fn ended(mut self) -> u64 {
        let deadline = Instant::now() + DEADLINE;
        while self.process.try_wait().expect("asked").is_none() {
            assert!(Instant::now() < deadline, "it did not stop: {:?}", said(&self.serial()));
            std::thread::sleep(POLL);
        }
        let lines = said(&self.serial()).expect("a log");
        assert!(lines.iter().any(|s| s.word == "UNMOUNTED" && s.holds("clean")), "{lines:?}");
        last_record_at_stop(&self.serial(), "web01").expect("it said so")
    }

    fn serial(&self) -> PathBuf {
        self.folder.join("serial.log")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A connection to the agent in the guest.
pub(crate) struct GuestAgent {
    stream: UnixStream,
    lines: std::io::Lines<BufReader<UnixStream>>,
}

impl GuestAgent {
    fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("QEMU listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("set");
        let lines = BufReader::new(stream.try_clone().expect("cloned")).lines();
        let mut agent = Self { stream, lines };
        assert_eq!(agent.run("guest-sync", &json!({"id": 4711})), json!(4711));
        agent
    }

    /// Carries out a command.
    pub(crate) fn run(&mut self, command: &str, arguments: &Value) -> Value {
        self.send(command, arguments);
        let line = self.lines.next().expect("an answer").expect("text");
        let mut answer: Value = serde_json::from_str(&line).expect("JSON");
        assert!(answer.get("error").is_none(), "{command}: {answer}");
        answer["return"].take()
    }

    /// Sends a command that has no answer.
    pub(crate) fn send(&mut self, command: &str, arguments: &Value) {
        let mut line = json!({"execute": command});
        if !arguments.is_null() {
            line["arguments"] = arguments.clone();
        }
        self.stream.write_all(format!("{line}\n").as_bytes()).expect("sent");
    }
}
