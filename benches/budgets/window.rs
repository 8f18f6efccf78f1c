//! The window's budgets: a real window on a virtual screen, in a process of its own, over 10,000 items and 100,000
//! jobs. Apart from the other measurements, whose peers are programs; the peer here is the limit itself.

use crate::own::Fails;
use crate::result::{Bar, Line};
use leeward_desktop::sample::{self, Headless, Stage};
use leeward_desktop::{Director, Driver, Route, RunOptions, Start};
use leeward_model::{JobId, JobView, Message, Snapshot};
use serde::{Deserialize, Serialize};
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
/// How long nothing happens, after it has come to rest.
const IDLE: Duration = Duration::from_secs(10);
const REST: Duration = Duration::from_secs(3);

/// The word with which the benchmark starts itself for the window, and where the report goes.
const WORD: &str = "--window-report";

/// What the window's process has measured.
#[derive(Serialize, Deserialize)]
struct Report {
    first_frame_ms: f64,
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
    for (list, frames) in frames()? {
        line(&format!("window: frame of {list}, p95, ms"), p95(&frames), 6.0);
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

/// A world of many items and jobs.
fn world() -> Result<Snapshot, Fails> {
    let lab = sample::lab();
    let template = lab.jobs.first().ok_or("no job in the sample")?.clone();
    let job = |n: u128| Arc::new(JobView { id: JobId(Uuid::from_u128(n)), ..(*template).clone() });
    let mut world = sample::many(ITEMS);
    world.jobs = Arc::new((0..JOBS).map(job).collect());
    Ok(world)
}

/// One thing that a person looks at, and how they get there.
struct Look {
    name: &'static str,
    route: Route,
    /// Texts that are clicked on, by the keys of their messages.
    pressed: &'static [&'static str],
    typed: &'static str,
    /// The wheel, in points a frame.
    scrolled: f32,
}

impl Look {
    const fn at(name: &'static str, route: Route) -> Self {
        Self { name, route, pressed: &[], typed: "", scrolled: 0.0 }
    }
}

fn looks(world: &Snapshot) -> Result<Vec<Look>, Fails> {
    let item = world.items.first().map(|i| Route::Item(i.id)).ok_or("no item in the sample")?;
    let job = world.jobs.first().map(|j| Route::Job(j.id)).ok_or("no job in the sample")?;
    let with = |mut look: Look, pressed, typed, scrolled| {
        (look.pressed, look.typed, look.scrolled) = (pressed, typed, scrolled);
        look
    };
    Ok(vec![
        Look::at("overview", Route::Overview),
        Look::at("items", Route::Items),
        with(Look::at("items, filtered", Route::Items), &["table-filter"], "web", 0.0),
        with(Look::at("items, filtered and sorted", Route::Items), &["items-status"], "", 0.0),
        with(Look::at("items, filtered, sorted, scrolling", Route::Items), &[], "", -120.0),
        Look::at("one item", item.clone()),
        with(Look::at("one item, its points", item.clone()), &["tab-points"], "", 0.0),
        with(Look::at("one item, its events", item), &["tab-events"], "", 0.0),
        Look::at("jobs", Route::Jobs),
        with(Look::at("jobs, sorted", Route::Jobs), &["jobs-began"], "", 0.0),
        with(Look::at("jobs, sorted, scrolling", Route::Jobs), &[], "", -120.0),
        with(Look::at("jobs, sorted and filtered", Route::Jobs), &["table-filter"], "a", 0.0),
        Look::at("one job", job),
        Look::at("events", Route::Events),
        Look::at("servers", Route::Servers),
        Look::at("policies", Route::Policies),
    ])
}

/// What a frame of each list costs the program, screen apart, milliseconds. Every fourth frame is of a new revision.
/// A look follows the one before: what was filtered and sorted there still is.
fn frames() -> Result<Vec<(String, Vec<f64>)>, Fails> {
    let mut world = world()?;
    let stage = Stage::new(world.clone());
    let mut window = Headless::new(&stage, 1600.0, 1000.0);
    let mut all = Vec::new();
    for look in looks(&world)? {
        window.go(look.route);
        // The first frames of a blade size it.
        for _ in 0..5 {
            std::hint::black_box(window.frame());
        }
        for key in look.pressed {
            let text = Message::new(key).render();
            if !window.press(&text) {
                return Err(format!("{}: \"{text}\" is nowhere to be seen", look.name).into());
            }
        }
        if !look.typed.is_empty() {
            window.type_text(look.typed);
        }
        let mut spent = Vec::with_capacity(FRAMES);
        for number in 0..FRAMES {
            if number.is_multiple_of(4) {
                // As an engine does: new lists that share the rows that have not changed.
                world.revision += 1;
                world.items = Arc::new(world.items.to_vec());
                world.jobs = Arc::new(world.jobs.to_vec());
                stage.publish(world.clone());
            }
            if look.scrolled != 0.0 {
                window.scroll(look.scrolled);
            }
            let began = Instant::now();
            std::hint::black_box(window.frame());
            spent.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        all.push((look.name.to_owned(), spent));
    }
    Ok(all)
}

/// The window's process: opens, stands still, and writes its report.
pub(crate) fn measure(report: &Path) -> Result<(), Fails> {
    let stage = Stage::new(world()?);
    // Making the sample is not the window's work.
    let driver = Measure { began: Instant::now(), first_frame_ms: None, path: report.to_owned(), idle: None };
    let options = RunOptions {
        initial: Route::Items,
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
    first_frame_ms: Option<f64>,
    path: PathBuf,
    idle: Option<(Instant, Duration)>,
}

impl Driver for Measure {
    fn drive(&mut self, director: &mut Director<'_>) {
        if !director.settled() {
            return;
        }
        // Two frames have been drawn.
        let first_frame_ms =
            *self.first_frame_ms.get_or_insert_with(|| self.began.elapsed().as_secs_f64() * 1000.0);
        let rested = self.began.elapsed() >= REST;
        let Some((since, before)) = self.idle else {
            if rested {
                self.idle = Some((Instant::now(), cpu()));
                director.wake_after(IDLE);
            } else {
                director.wake_after(REST.saturating_sub(self.began.elapsed()));
            }
            return;
        };
        let elapsed = since.elapsed();
        if elapsed < IDLE {
            return director.wake_after(IDLE.saturating_sub(elapsed));
        }
        let idle_share = cpu().saturating_sub(before).as_secs_f64() / elapsed.as_secs_f64();
        let report = Report { first_frame_ms, idle_share, resident_mb: resident_mb() };
        let text = serde_json::to_vec(&report).unwrap_or_default();
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
