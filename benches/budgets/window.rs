//! The window's budgets: a real window on a virtual screen, in a process of its own, over 10,000 items and 100,000
//! jobs. Apart from the other measurements, whose peers are programs; the peer here is the limit itself.

use crate::own::Fails;
use crate::result::{Bar, Line};
use leeward_desktop::sample::{self, Stage};
use leeward_desktop::{Director, Driver, Route, RunOptions, Start};
use leeward_model::{JobId, JobView, Snapshot};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

const ITEMS: u32 = 10_000;
const JOBS: u128 = 100_000;
/// Frames of each list.
const FRAMES: usize = 120;
/// How long nothing happens.
const IDLE: Duration = Duration::from_secs(10);

/// The word with which the benchmark starts itself for the window, and where the report goes.
const WORD: &str = "--window-report";

/// What the window's process has measured.
#[derive(Serialize, Deserialize, Default)]
struct Report {
    first_frame_ms: f64,
    /// By list, milliseconds of each frame.
    frames_ms: BTreeMap<String, Vec<f64>>,
    idle_share: f64,
    resident_mb: f64,
}

/// The file of the report, when this process is the window's.
pub(crate) fn asked() -> Option<PathBuf> {
    let mut words = std::env::args_os().skip(1);
    (words.next()? == WORD).then(|| words.next().map(PathBuf::from)).flatten()
}

/// Opens the window's process on a screen of its own and compares what it says with the limits.
pub(crate) fn budgets(root: &Path, add: &mut dyn FnMut(Line)) -> Result<(), Fails> {
    let mut screen = Command::new("Xvfb")
        .args(["-displayfd", "1", "-noreset", "-screen", "0", "1600x1000x24", "-nolisten", "tcp"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut number = String::new();
    BufReader::new(screen.stdout.take().ok_or("no output")?).read_line(&mut number)?;
    let path = root.join("window.json");
    let ran = Command::new(std::env::current_exe()?)
        .arg(WORD)
        .arg(&path)
        .env("DISPLAY", format!(":{}", number.trim()))
        .stderr(Stdio::null())
        .status();
    screen.kill()?;
    screen.wait()?;
    if !ran?.success() {
        return Err("the window ended with an error".into());
    }
    let report: Report = serde_json::from_slice(&std::fs::read(&path)?)?;
    let mut line = |name: &str, ours: f64, limit: f64| {
        add(Line::of(name, &[ours], &[limit], "limit", Bar::AtMost(1.0)));
    };
    line("window: first frame over 10,000 items, ms", report.first_frame_ms, 700.0);
    for (list, frames) in &report.frames_ms {
        line(&format!("window: frame of {list}, p95, ms"), p95(frames), 6.0);
    }
    line("window: idle, % of a core", report.idle_share * 100.0, 0.5);
    line("window: memory, MB", report.resident_mb, 250.0);
    Ok(())
}

fn p95(frames: &[f64]) -> f64 {
    let mut sorted = frames.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() * 95 / 100).copied().unwrap_or(f64::INFINITY)
}

/// The window's process: opens, draws each list over and over, stands still, and writes its report.
pub(crate) fn measure(report: &Path) -> Result<(), Fails> {
    let lab = sample::lab();
    let template = lab.jobs.first().ok_or("no job in the sample")?.clone();
    let job = |n: u128| Arc::new(JobView { id: JobId(Uuid::from_u128(n)), ..(*template).clone() });
    let mut world = sample::many(ITEMS);
    world.jobs = Arc::new((0..JOBS).map(job).collect());
    let stage = Stage::new(world.clone());
    let item = world.items.first().map(|i| Route::Item(i.id));
    let mut routes = vec![
        ("overview".to_owned(), Route::Overview),
        ("items".to_owned(), Route::Items),
        ("jobs".to_owned(), Route::Jobs),
        ("events".to_owned(), Route::Events),
        ("servers".to_owned(), Route::Servers),
    ];
    routes.extend(item.map(|route| ("one item".to_owned(), route)));
    let driver = Measure {
        // Making the sample is not the window's work.
        began: Instant::now(),
        report: Report::default(),
        path: report.to_owned(),
        stage: Arc::clone(&stage),
        world,
        routes,
        at: 0,
        frames: 0,
        idle: None,
    };
    let options = RunOptions {
        initial: Route::Overview,
        dark: None,
        size: Some((1600.0, 1000.0)),
        driver: Some(Box::new(driver)),
        clock: sample::clock,
        preferences: None,
    };
    leeward_desktop::run(Start::Connected(stage.connected()), options)?;
    Ok(())
}

/// Measures from inside.
struct Measure {
    began: Instant,
    report: Report,
    path: PathBuf,
    stage: Arc<Stage>,
    world: Snapshot,
    routes: Vec<(String, Route)>,
    at: usize,
    frames: usize,
    idle: Option<(Instant, Duration)>,
}

impl Driver for Measure {
    fn drive(&mut self, director: &mut Director<'_>) {
        if let Some((since, before)) = self.idle {
            return self.idle_is_over(since, before, director);
        }
        let Some(secs) = director.frame_secs() else { return director.wake_after(Duration::ZERO) };
        if self.report.first_frame_ms == 0.0 {
            self.report.first_frame_ms = self.began.elapsed().as_secs_f64() * 1000.0;
        }
        let Some((name, route)) = self.routes.get(self.at) else {
            self.idle = Some((Instant::now(), cpu()));
            return director.wake_after(IDLE);
        };
        if self.frames == 0 {
            director.go(route.clone());
        } else if self.frames > 5 {
            // The first frames of a blade are of the one before.
            self.report.frames_ms.entry(name.clone()).or_default().push(f64::from(secs) * 1000.0);
        }
        self.frames += 1;
        if self.frames.is_multiple_of(4) {
            // What an engine does while things happen: a new revision that shares what has not changed.
            self.world.revision += 1;
            self.stage.publish(self.world.clone());
        }
        if self.frames > FRAMES {
            (self.at, self.frames) = (self.at + 1, 0);
        }
        director.wake_after(Duration::ZERO);
    }
}

impl Measure {
    fn idle_is_over(&mut self, since: Instant, before: Duration, director: &mut Director<'_>) {
        let elapsed = since.elapsed();
        if elapsed < IDLE {
            return director.wake_after(IDLE.saturating_sub(elapsed));
        }
        let spent = cpu().saturating_sub(before);
        self.report.idle_share = spent.as_secs_f64() / elapsed.as_secs_f64();
        self.report.resident_mb = resident_mb();
        let text = serde_json::to_vec(&self.report).unwrap_or_default();
        if let Err(error) = std::fs::write(&self.path, text) {
            eprintln!("{}: {error}", self.path.display());
        }
        director.close();
    }
}

/// What this process has spent on processors.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may hold anything.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|n| fields.get(*n)?.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok())
        .map_or(f64::INFINITY, |kb| kb / 1024.0)
}
