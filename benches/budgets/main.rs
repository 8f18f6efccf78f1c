//! The budgets of the design, measured: ours against a peer or a limit of the same run, as ratios. Started by
//! `tests/bench`, which installs the peers. Never a test: what is slow here fails nothing but the bar it prints.

mod image;
mod own;
mod peers;
mod result;
mod storage_daemon;
mod window;

use leeward_fabric::{ChainLayer, Hypervisor as _, QemuDriver, QemuSettings};
use leeward_model::{DiskFormat, PointKind};
use own::{Fails, Pair};
use peers::Cost;
use result::{Bar, Line};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;
use storage_daemon::StorageDaemon;

const MIB: u64 = 1 << 20;

struct Options {
    rounds: usize,
    size_bytes: u64,
    data_bytes: u64,
    /// Only this measurement.
    only: Option<String>,
    json: Option<PathBuf>,
}

fn options() -> Result<Options, Fails> {
    let mut options =
        Options { rounds: 3, size_bytes: 4096 * MIB, data_bytes: 2048 * MIB, only: None, json: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => {
                options.rounds = 1;
                options.size_bytes = 2048 * MIB;
                options.data_bytes = 768 * MIB;
            }
            "--only" => options.only = Some(words.next().ok_or("--only needs a word")?),
            "--json" => options.json = Some(words.next().ok_or("--json needs a file")?.into()),
            // Given by cargo.
            "--bench" => {}
            other => return Err(format!("{other} is no option of the benchmark").into()),
        }
    }
    Ok(options)
}

fn main() -> Result<(), Fails> {
    if let Some(report) = window::asked() {
        return window::measure(&report);
    }
    let options = options()?;
    let folder = tempfile::Builder::new()
        .prefix("leeward-bench-")
        .tempdir_in(std::env::current_dir()?.join("target"))?;
    let root = folder.path();
    peers::certificates(root)?;
    let mut lines = Vec::new();
    let mut add = |line: Line| {
        line.print();
        lines.push(line);
    };
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
    if wanted("initial") {
        initial_copy(root, &options, &mut add)?;
    }
    if wanted("delta") {
        delta(root, &options, &mut add)?;
    }
    if wanted("resync") {
        resync(root, &options, &mut add)?;
    }
    if wanted("failover") {
        failover_share(root, &options, &mut add)?;
    }
    if wanted("engine") {
        engine(&options, &mut add);
    }
    if wanted("window") {
        window::budgets(root, &mut add)?;
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&json!({ "results": lines }))?)?;
    }
    Ok(())
}

/// The cheaper of the peers' medians.
fn best(peers: &[(&str, Vec<Cost>)], of: fn(&Cost) -> f64) -> (String, Vec<f64>) {
    let figures =
        peers.iter().map(|(name, costs)| ((*name).to_owned(), costs.iter().map(of).collect::<Vec<_>>()));
    let least = figures.min_by(|(_, a), (_, b)| result::median(a).total_cmp(&result::median(b)));
    least.unwrap_or_default()
}

fn initial_copy(root: &Path, options: &Options, add: &mut dyn FnMut(Line)) -> Result<(), Fails> {
    let source = root.join("source.raw");
    image::make(&source, options.size_bytes, options.data_bytes, 11)?;
    let (mut ours, mut limits) = (Vec::new(), Vec::new());
    let (mut convert, mut nbdcopy) = (Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let place = root.join(format!("pair-{round}"));
        let mut pair = Pair::new(&place, options.size_bytes)?;
        let (cost, shipped) = pair.copy(&source, options.size_bytes, PointKind::Initial)?;
        assert!(shipped.point.is_some(), "the copy has made a point");
        ours.push(cost);
        drop(pair);
        std::fs::remove_dir_all(&place)?;
        let target = root.join("peer.raw");
        for (name, costs) in [("convert", &mut convert), ("nbdcopy", &mut nbdcopy)] {
            std::fs::File::create(&target)?.set_len(options.size_bytes)?;
            costs.push(if name == "convert" {
                peers::qemu_img(&source, &target, root)?
            } else {
                peers::nbdcopy(&source, &target, root)?
            });
        }
        limits.push(peers::local_copy(&source, &target)?);
        std::fs::remove_file(&target)?;
    }
    let peers = [("qemu-img", convert), ("nbdcopy", nbdcopy)];
    let wall: Vec<f64> = ours.iter().map(|c| c.wall_secs).collect();
    let (name, least) = best(&peers, |c| c.wall_secs);
    add(Line::of("initial copy, sparse disk, TLS: wall seconds", &wall, &least, &name, Bar::AtMost(0.85)));
    let (name, least) = best(&peers, |c| c.cpu_secs);
    let cpu: Vec<f64> = ours.iter().map(|c| c.cpu_secs).collect();
    add(Line::of("initial copy, sparse disk, TLS: CPU seconds", &cpu, &least, &name, Bar::AtMost(0.7)));
    // As shares of the speed: the limit's seconds over ours.
    add(Line::of(
        "initial copy: share of a local direct copy's speed",
        &limits,
        &wall,
        "ours",
        Bar::AtLeast(0.6),
    ));
    Ok(())
}

fn delta(root: &Path, options: &Options, add: &mut dyn FnMut(Line)) -> Result<(), Fails> {
    let source = root.join("tracked.raw");
    image::make(&source, options.size_bytes, options.data_bytes, 13)?;
    let mut pair = Pair::new(&root.join("pair-delta"), options.size_bytes)?;
    pair.copy(&source, options.size_bytes, PointKind::Initial)?;
    let socket = root.join("d0.sock");
    let mut daemon = StorageDaemon::start(&source, &socket, root)?;
    let changed = options.size_bytes / image::BLOCK / 100;
    peers::change_through(&socket, options.size_bytes, changed)?;
    let (mut ours, mut theirs, mut wire) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds.max(3) {
        let spool = root.join(format!("tracked.raw.{round}.hrl"));
        let blank = leeward_replication::qcow2::Writer::create(&spool, options.size_bytes)?;
        blank.finish()?;
        let began = Instant::now();
        let file = json!({"driver": "file", "filename": spool, "cache": {"direct": true}});
        daemon.ask("blockdev-add", json!({"driver": "qcow2", "node-name": "s0", "file": file}))?;
        daemon.push("s0")?;
        daemon.ask("blockdev-del", json!({"node-name": "s0"}))?;
        let (_, shipped, sealed) = pair.delta(spool, options.size_bytes)?;
        ours.push(began.elapsed().as_secs_f64());
        wire.push(shipped.sent_bytes as f64);
        sealed.delete()?;
        let target = root.join("push.raw");
        std::fs::File::create(&target)?.set_len(options.size_bytes)?;
        let server = peers::NbdServer::start(&target, root)?;
        let began = Instant::now();
        let addr = json!({"type": "inet", "host": "127.0.0.1", "port": server.port.to_string()});
        daemon.ask(
            "blockdev-add",
            json!({"driver": "nbd", "node-name": "n0", "server": addr, "export": "disk", "tls-creds": "t",
                "tls-hostname": "localhost"}),
        )?;
        daemon.push("n0")?;
        daemon.ask("blockdev-del", json!({"node-name": "n0"}))?;
        theirs.push(began.elapsed().as_secs_f64());
        server.end()?;
        std::fs::remove_file(&target)?;
    }
    daemon.end()?;
    let name = "1 % delta, capture to visible point: wall seconds";
    add(Line::of(name, &ours, &theirs, "QEMU push to NBD over TLS", Bar::AtMost(1.3)));
    #[expect(clippy::cast_precision_loss, reason = "bytes of a benchmark")]
    let bytes = (changed * image::BLOCK) as f64;
    add(Line::of("1 % delta: bytes on the wire", &wire, &[bytes], "changed bytes", Bar::AtMost(1.02)));
    Ok(())
}

fn resync(root: &Path, options: &Options, add: &mut dyn FnMut(Line)) -> Result<(), Fails> {
    let source = root.join("resync.raw");
    image::make(&source, options.size_bytes, options.data_bytes, 17)?;
    let mut pair = Pair::new(&root.join("pair-resync"), options.size_bytes)?;
    pair.copy(&source, options.size_bytes, PointKind::Initial)?;
    let (mut ours, mut theirs, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..options.rounds {
        let target = root.join("rsync.raw");
        let copied =
            std::process::Command::new("cp").arg("--sparse=always").args([&source, &target]).status()?;
        assert!(copied.success());
        let blocks = options.size_bytes / image::BLOCK / 100;
        let changed = image::change(&source, blocks, 23 + round as u64)?.len() as u64;
        let (cost, shipped) = pair.copy(&source, options.size_bytes, PointKind::Resync)?;
        ours.push(cost.wall_secs);
        #[expect(clippy::cast_precision_loss, reason = "bytes of a benchmark")]
        shares.push(shipped.sent_bytes as f64 / (changed * image::BLOCK) as f64);
        theirs.push(peers::rsync(&source, &target)?.0.wall_secs);
        std::fs::remove_file(&target)?;
    }
    // As speed: rsync's seconds over ours.
    add(Line::of(
        "resync, 1 % differing: times faster",
        &theirs,
        &ours,
        "ours, rsync's seconds over",
        Bar::AtLeast(8.0),
    ));
    add(Line::of(
        "resync: bytes sent over bytes differing",
        &shares,
        &[1.0],
        "differing bytes",
        Bar::AtMost(1.03),
    ));
    Ok(())
}

/// What a failover adds to QEMU's own start: the overlays on a point.
fn failover_share(root: &Path, options: &Options, add: &mut dyn FnMut(Line)) -> Result<(), Fails> {
    let driver = QemuDriver::new(QemuSettings::default());
    let base = root.join("base.raw");
    std::fs::File::create(&base)?.set_len(options.size_bytes)?;
    let below = ChainLayer { path: base, format: DiskFormat::Raw };
    let mut millis = Vec::new();
    for round in 0..10 {
        let began = Instant::now();
        for disk in ["os", "data"] {
            driver.create_overlay(&root.join(format!("{disk}-{round}.qcow2")), &below, options.size_bytes)?;
        }
        millis.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    let name = "failover, two disks: our share before the start, milliseconds";
    add(Line::of(name, &millis, &[150.0], "limit", Bar::AtMost(1.0)));
    Ok(())
}

fn engine(options: &Options, add: &mut dyn FnMut(Line)) {
    let secs = if options.rounds > 1 { 120 } else { 40 };
    let load = leeward_sim::bench_engine(10_000, secs, &|| peers::own_cpu().unwrap_or_default());
    let name = "engine, 10,000 items at 30 s: times faster than the world, one core";
    add(Line::of(name, &[load.headroom], &[1.0], "the world", Bar::AtLeast(5.0)));
}
