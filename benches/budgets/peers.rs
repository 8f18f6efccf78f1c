//! The peers: qemu-img and nbdcopy over TLS to qemu-nbd, and rsync. Started as their users would start them, each
//! with the options that make it fastest here. Apart from our own runs, so that nobody tunes only one side.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Wall and CPU seconds of one run, all processes of both sides.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    /// Wall seconds.
    pub(crate) wall_secs: f64,
    /// User and system seconds.
    pub(crate) cpu_secs: f64,
}

/// A folder with certificates in the names that QEMU and libnbd expect.
pub(crate) fn certificates(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    };
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::<String>::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "bench");
    let ca_cert = ca.self_signed(&ca_key)?;
    std::fs::write(folder.join("ca-cert.pem"), ca_cert.pem())?;
    let issuer = Issuer::new(ca, ca_key);
    for (name, usage) in
        [("server", ExtendedKeyUsagePurpose::ServerAuth), ("client", ExtendedKeyUsagePurpose::ClientAuth)]
    {
        let key = KeyPair::generate()?;
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        leaf.extended_key_usages = vec![usage];
        leaf.distinguished_name.push(DnType::CommonName, name);
        let cert = leaf.signed_by(&key, &issuer)?;
        std::fs::write(folder.join(format!("{name}-cert.pem")), cert.pem())?;
        std::fs::write(folder.join(format!("{name}-key.pem")), key.serialize_pem())?;
    }
    Ok(())
}

/// A qemu-nbd that serves one raw file for writing over mutual TLS with direct I/O.
pub(crate) struct NbdServer {
    child: Child,
    /// Its port on 127.0.0.1.
    pub(crate) port: u16,
}

impl NbdServer {
    /// Starts it and waits until it listens.
    pub(crate) fn start(target: &Path, certificates: &Path) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut child = Command::new("qemu-nbd")
            .args(["--format=raw", "--cache=none", "--discard=unmap", "--shared=16", "--persistent"])
            .arg(format!(
                "--object=tls-creds-x509,id=t,dir={},endpoint=server,verify-peer=on",
                certificates.display()
            ))
            .args(["--tls-creds=t", "--bind=127.0.0.1", "--export-name=disk"])
            .arg(format!("--port={port}"))
            .arg(target)
            .stdout(Stdio::null())
            .spawn()?;
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = child.try_wait()? {
                return Err(io::Error::other(format!("qemu-nbd ended: {status}")));
            }
            if Instant::now() > deadline {
                child.kill()?;
                return Err(io::Error::other("qemu-nbd does not listen"));
            }
            std::thread::yield_now();
        }
        Ok(Self { child, port })
    }

    /// Ends it and gives its CPU seconds.
    pub(crate) fn end(mut self) -> io::Result<f64> {
        let cpu = cpu_of(self.child.id())?;
        self.child.kill()?;
        self.child.wait()?;
        Ok(cpu)
    }
}

/// `qemu-img convert -W -m 16` over TLS.
pub(crate) fn qemu_img(source: &Path, target: &Path, certificates: &Path) -> io::Result<Cost> {
    over_nbd(target, certificates, |port| {
        let mut command = Command::new("qemu-img");
        command
            .args(["convert", "-W", "-m", "16", "-n", "-t", "none", "-T", "none"])
            .arg(format!("--object=tls-creds-x509,id=t,dir={},endpoint=client", certificates.display()))
            .arg("--image-opts")
            .arg(format!("driver=raw,file.driver=file,file.filename={},cache.direct=on", source.display()))
            .arg("--target-image-opts")
            .arg(format!(
                "driver=raw,file.driver=nbd,file.host=127.0.0.1,file.port={port},file.export=disk,file.tls-creds=t,file.tls-hostname=localhost"
            ));
        command
    })
}

/// `nbdcopy` over TLS.
pub(crate) fn nbdcopy(source: &Path, target: &Path, certificates: &Path) -> io::Result<Cost> {
    over_nbd(target, certificates, |port| {
        let mut command = Command::new("nbdcopy");
        command
            .arg("--flush")
            .arg(source)
            .arg(format!("nbds://localhost:{port}/disk?tls-certificates={}", certificates.display()));
        command
    })
}

/// The ways in which rsync is tried: its delta algorithm with several blocks, and whole files.
pub(crate) const RSYNC: [&str; 5] = [
    "--inplace --no-whole-file",
    "--inplace --no-whole-file --block-size=65536",
    "--inplace --no-whole-file --block-size=131072",
    "--inplace --whole-file",
    "--sparse --whole-file",
];

/// Copies a sparse file.
pub(crate) fn cp(from: &Path, to: &Path) -> io::Result<()> {
    let copied = Command::new("cp").arg("--sparse=always").args([from, to]).status()?;
    if copied.success() { Ok(()) } else { Err(io::Error::other(format!("cp: {copied}"))) }
}

/// Drops a file from the page cache: two disks of machines are larger than the memory of their hosts.
fn forget(path: &Path) -> io::Result<()> {
    let word = format!("if={}", path.display());
    let done = Command::new("dd").args([&word, "iflag=nocache", "count=0", "status=none"]).status()?;
    if done.success() { Ok(()) } else { Err(io::Error::other(format!("dd: {done}"))) }
}

/// The limit of this machine for a comparison: both files read at the same time, past the page cache; seconds.
pub(crate) fn read_both(one: &Path, other: &Path) -> io::Result<f64> {
    let read = |path: &Path| {
        let word = format!("if={}", path.display());
        Command::new("dd").args([&word, "of=/dev/null", "bs=1M", "iflag=direct", "status=none"]).spawn()
    };
    let began = Instant::now();
    let mut both = [read(one)?, read(other)?];
    for child in &mut both {
        let done = child.wait()?;
        if !done.success() {
            return Err(io::Error::other(format!("dd: {done}")));
        }
    }
    Ok(began.elapsed().as_secs_f64())
}

/// `rsync` with these words, through a local pipe; it begins with nothing in the page cache, as we do, and what it wrote
/// is on the disk when it ends.
pub(crate) fn rsync(words: &str, source: &Path, target: &Path) -> io::Result<Cost> {
    forget(source)?;
    forget(target)?;
    let before = children_cpu()?;
    let began = Instant::now();
    let out = Command::new("rsync")
        .args(words.split(' '))
        .args(["--fsync", "--ignore-times"])
        .arg(source)
        .arg(target)
        .output()?;
    if !out.status.success() {
        return Err(io::Error::other(format!("rsync: {}", String::from_utf8_lossy(&out.stderr))));
    }
    Ok(Cost { wall_secs: began.elapsed().as_secs_f64(), cpu_secs: children_cpu()? - before })
}

fn over_nbd(target: &Path, certificates: &Path, command: impl FnOnce(u16) -> Command) -> io::Result<Cost> {
    let server = NbdServer::start(target, certificates)?;
    let mut command = command(server.port);
    let before = children_cpu()?;
    let began = Instant::now();
    let out = command.output()?;
    let wall_secs = began.elapsed().as_secs_f64();
    let client = children_cpu()? - before;
    let cpu_secs = client + server.end()?;
    if !out.status.success() {
        return Err(io::Error::other(format!("{command:?}: {}", String::from_utf8_lossy(&out.stderr))));
    }
    Ok(Cost { wall_secs, cpu_secs })
}

/// CPU seconds of all children that have ended.
pub(crate) fn children_cpu() -> io::Result<f64> {
    stat_fields(Path::new("/proc/self/stat"), 15, 16)
}

/// CPU seconds of this process, all threads.
pub(crate) fn own_cpu() -> io::Result<f64> {
    stat_fields(Path::new("/proc/self/stat"), 13, 14)
}

/// CPU seconds of a running process.
pub(crate) fn cpu_of(pid: u32) -> io::Result<f64> {
    stat_fields(&PathBuf::from(format!("/proc/{pid}/stat")), 13, 14)
}

/// Two fields of a stat file (0-based), in seconds; a clock tick is 10 ms on Linux.
fn stat_fields(path: &Path, first: usize, second: usize) -> io::Result<f64> {
    let text = std::fs::read_to_string(path)?;
    let after = text.rsplit_once(')').map(|(_, a)| a).ok_or_else(|| io::Error::other("stat"))?;
    let fields: Vec<&str> = after.split_whitespace().collect();
    // Fields before the closing parenthesis (pid, name) are two.
    let ticks = |n: usize| fields.get(n - 2).and_then(|f| f.parse::<f64>().ok()).unwrap_or_default();
    Ok((ticks(first) + ticks(second)) / 100.0)
}

/// The limit of this machine: the same bytes from file to file, past the page cache, without a network.
pub(crate) fn local_copy(source: &Path, target: &Path) -> io::Result<f64> {
    std::fs::remove_file(target)?;
    let began = Instant::now();
    let out = Command::new("qemu-img")
        .args(["convert", "-W", "-m", "16", "-t", "none", "-T", "none", "-f", "raw", "-O", "raw"])
        .args([source, target])
        .output()?;
    if !out.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&out.stderr).into_owned()));
    }
    Ok(began.elapsed().as_secs_f64())
}

/// Writes to so many blocks of a disk that is served on a socket, spread over it.
pub(crate) fn change_through(socket: &Path, size_bytes: u64, blocks: u64) -> io::Result<()> {
    let step = size_bytes / super::image::BLOCK / blocks.max(1);
    let mut words = Command::new("qemu-io");
    words.args(["-f", "raw"]);
    for n in 0..blocks {
        let offset = n * step * super::image::BLOCK;
        words.arg("-c").arg(format!("write -q -P {} {offset} 64k", n % 250 + 1));
    }
    words.arg(format!("nbd+unix:///d0?socket={}", socket.display()));
    let out = words.output()?;
    if !out.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&out.stderr).into_owned()));
    }
    Ok(())
}
