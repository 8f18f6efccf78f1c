//! The budgets of the design, measured: ours against a peer or a limit of the same run, as ratios. Started by
//! `tests/bench`, which installs the peers. Never a test: what is slow here fails nothing but the bar it prints.

mod engine;
mod failover;
mod guest;
mod image;
mod own;
mod peers;
mod result;
mod storage_daemon;
mod window;

use leeward_model::PointKind;
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
    let mut broken = Vec::new();
    // What cannot be measured takes nothing from what can.
    let mut part = |name: &str, measure: &mut dyn FnMut() -> Result<(), Fails>| {
        if options.only.as_deref().is_none_or(|only| only == name)
            && let Err(why) = measure()
        {
            println!("{name}: not measured: {why}");
            broken.push(name.to_owned());
        }
    };
    part("initial", &mut || initial_copy(root, &options, &mut add));
    part("holes", &mut || holes(root, &options, &mut add));
    part("delta", &mut || delta(root, &options, &mut add));
    part("resync", &mut || resync(root, &options, &mut add));
    part("failover", &mut || failover::share(root, options.size_bytes, &mut add));
    part("cycle", &mut || guest::budgets(root, &mut add));
    part("engine", &mut || engine::headroom(root, options.rounds > 1, &mut add));
    part("window", &mut || window::budgets(root, &mut add));
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_vec_pretty(&json!({ "results": lines }))?)?;
    }
    if broken.is_empty() { Ok(()) } else { Err(format!("not measured: {}", broken.join(", ")).into()) }
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
    let name = "initial copy: MiB of data per second";
    let (ours, limit) = (speeds(options.data_bytes, &wall), speeds(options.data_bytes, &limits));
    add(Line::of(name, &ours, &limit, "local direct copy", Bar::AtLeast(0.6)));
    Ok(())
}

/// How many MiB a second each of these runs over so many bytes made.
#[expect(clippy::cast_precision_loss, reason = "bytes of a benchmark")]
fn speeds(bytes: u64, secs: &[f64]) -> Vec<f64> {
    secs.iter().map(|secs| bytes as f64 / MIB as f64 / secs.max(1e-9)).collect()
}

/// The same data, once with holes between and once without: what the holes cost on the wire and at the target.
fn holes(root: &Path, options: &Options, add: &mut dyn FnMut(Line)) -> Result<(), Fails> {
    let data_bytes = options.data_bytes / 4;
    let copied = |name: &str, size_bytes: u64| -> Result<(f64, f64), Fails> {
        let (source, place) = (root.join(format!("{name}.raw")), root.join(format!("pair-{name}")));
        image::make(&source, size_bytes, data_bytes, 31)?;
        let mut pair = Pair::new(&place, size_bytes)?;
        let (_, shipped) = pair.copy(&source, size_bytes, PointKind::Initial)?;
        let kept_bytes = image::allocated(&place.join("store"))?;
        drop(pair);
        std::fs::remove_dir_all(&place)?;
        std::fs::remove_file(&source)?;
        #[expect(clippy::cast_precision_loss, reason = "bytes of a benchmark")]
        Ok((shipped.sent_bytes as f64, kept_bytes as f64))
    };
    let sparse = copied("sparse", options.size_bytes)?;
    let dense = copied("dense", data_bytes)?;
    let peer = "the data alone";
    add(Line::of("holes: bytes on the wire", &[sparse.0], &[dense.0], peer, Bar::AtMost(1.01)));
    add(Line::of("holes: bytes kept at the target", &[sparse.1], &[dense.1], peer, Bar::AtMost(1.01)));
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
        let began = Instant::now();
        let blank = leeward_replication::qcow2::Writer::create(&spool, options.size_bytes)?;
        blank.finish()?;
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
    let (mut ours, mut shares, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    let mut theirs: Vec<(&str, Vec<Cost>)> = peers::RSYNC.iter().map(|words| (*words, Vec::new())).collect();
    let (before, target) = (root.join("rsync-before.raw"), root.join("rsync.raw"));
    for round in 0..options.rounds {
        peers::cp(&source, &before)?;
        let blocks = options.size_bytes / image::BLOCK / 100;
        let changed = image::change(&source, blocks, 23 + round as u64)?.len() as u64;
        let (cost, shipped) = pair.copy(&source, options.size_bytes, PointKind::Resync)?;
        ours.push(cost.wall_secs);
        #[expect(clippy::cast_precision_loss, reason = "bytes of a benchmark")]
        shares.push(shipped.sent_bytes as f64 / (changed * image::BLOCK) as f64);
        for (words, costs) in &mut theirs {
            peers::cp(&before, &target)?;
            costs.push(peers::rsync(words, &source, &target)?);
        }
        limits.push(peers::read_both(&source, &target)?);
        std::fs::remove_file(&target)?;
    }
    for (words, costs) in &theirs {
        let wall: Vec<f64> = costs.iter().map(|c| c.wall_secs).collect();
        println!(
            "        rsync {words}: {:.2} s, ours {:.2} s",
            result::median(&wall),
            result::median(&ours)
        );
    }
    let (name, least) = best(&theirs, |c| c.wall_secs);
    let size = options.size_bytes;
    add(Line::of(
        "resync, 1 % differing: MiB of disk per second",
        &speeds(size, &ours),
        &speeds(size, &least),
        &format!("rsync {name}"),
        Bar::AtLeast(8.0),
    ));
    let name = "resync: MiB of disk per second";
    let limit = speeds(size, &limits);
    add(Line::of(name, &speeds(size, &ours), &limit, "reading both disks at once", Bar::AtLeast(0.6)));
    add(Line::of(
        "resync: bytes sent over bytes differing",
        &shares,
        &[1.0],
        "differing bytes",
        Bar::AtMost(1.03),
    ));
    Ok(())
}
