//! The tour: the main job, unattended, on a lab of its own, through the same public verbs that a person has. It
//! prints what it does, verifies what can be verified, and leaves a report and pictures.
//!
//! | file | what it is |
//! |---|---|
//! | `mod` | lab, vault, engine and window are brought up, the story runs, everything is taken down |
//! | `story`, `disaster` | what happens, in order |
//! | `stage`, `report` | one stage of it; what is written down |
//! | `watch`, `verify`, `guest` | waiting, and proof |
//! | `camera`, `driver` | pictures of the real window |

mod camera;
mod disaster;
mod driver;
mod guest;
mod report;
mod stage;
mod story;
mod verify;
mod watch;

use camera::Camera;
use driver::TourDriver;
use leeward_desktop::{Connected, Route, RunOptions, Start};
use leeward_engine::shell::{Clock as _, Engine, EngineHandle, EngineOptions, SystemClock};
use leeward_engine::vault::{self, Listen};
use leeward_lab::{Lab, LabSpec};
use leeward_model::Moment;
use report::Report;
use stage::Tour;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use watch::Watch;

/// The hosts of the lab, by folder.
const HOSTS: [&str; 2] = ["stockholm", "goteborg"];

/// Size of the window in points.
const WINDOW: (f32, f32) = (1440.0, 900.0);

/// Plays the tour into `out`. Whether every verification held.
pub(crate) fn run(out: &Path, window: bool) -> Result<bool, String> {
    let began = Instant::now();
    std::fs::create_dir_all(out).map_err(|e| format!("{}: {e}", out.display()))?;
    let out = std::fs::canonicalize(out).map_err(|e| format!("{}: {e}", out.display()))?;
    println!("Leeward tour. Report and pictures: {}", out.display());
    let lab = std::sync::Arc::new(make_lab(&out, began)?);
    take_down(&lab);
    let handle = make_vault(&out)?;
    let (requests, asked) = mpsc::channel();
    let camera = if window { Camera::before(requests, &out) } else { Camera::without_window(&out) };
    let (sink, feed) = (handle.sink(), handle.feed());
    let mut tour = Tour {
        watch: Watch::new(sink.clone(), feed.clone()),
        camera,
        report: Report::new(&out, rfc3339(SystemClock.now())),
        lab: std::sync::Arc::clone(&lab),
        began,
    };
    let story = std::thread::Builder::new().name("tour".to_owned()).spawn(move || {
        let told = story::run(&mut tour);
        if let Err(why) = &told {
            println!("\n  The tour ended early: {why}");
        }
        let secs = tour.began.elapsed().as_secs_f64();
        let closed = tour.report.close(told.is_ok(), secs).map_err(|e| format!("report.json: {e}"));
        let (made, held) = tour.report.counts();
        println!("\n  {held} of {made} verifications held, in {secs:.0} s");
        closed
    });
    let story = story.map_err(|e| e.to_string())?;
    let shown = if window {
        let title = "Leeward".to_owned();
        let start = Start::Connected(Connected { sink, feed, title });
        leeward_desktop::run(start, options(asked)).map_err(|e| e.to_string())
    } else {
        Ok(())
    };
    let told = story.join().map_err(|_panic| "the tour's thread ended in disorder".to_owned());
    take_down(&lab);
    handle.stop().map_err(|fault| fault.to_string())?;
    shown?;
    told?
}

fn options(asked: mpsc::Receiver<camera::Shot>) -> RunOptions {
    RunOptions {
        initial: Route::Overview,
        dark: Some(false),
        size: Some(WINDOW),
        driver: Some(Box::new(TourDriver::new(asked))),
        clock: || SystemClock.now(),
        preferences: None,
    }
}

fn make_lab(out: &Path, began: Instant) -> Result<Lab, String> {
    let spec = LabSpec::default(&out.join("lab"));
    let lab = leeward_lab::make(&spec, &mut |p| {
        println!(
            "  {:>6.1} s  {} ({} of {})",
            began.elapsed().as_secs_f64(),
            p.what.render(),
            p.done + 1,
            p.of
        );
    });
    let lab = lab.map_err(|e| e.to_string())?;
    Ok(lab.with_agent_program(beside("leeward-agent")))
}

/// A vault that agents of this machine reach.
fn make_vault(out: &Path) -> Result<EngineHandle, String> {
    let root = out.join("vault");
    if root.exists() {
        return Err(format!(
            "{} exists: the tour begins with a new vault. Give it an empty folder.",
            root.display()
        ));
    }
    let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(|e| e.to_string())?;
    let listen = Listen { listen: free.to_string(), advertise: vec![free.to_string()] };
    let folder = vault::create(&root, "Lab", &listen, "tour", &SystemClock).map_err(|e| e.to_string())?;
    let options = EngineOptions { user: "tour".to_owned(), ..EngineOptions::default() };
    Engine::start(&folder, options).map_err(|e| e.fault().to_string())
}

/// Ends agents and guests of the lab: the tour leaves nothing running.
fn take_down(lab: &Lab) {
    for host in HOSTS {
        if let Err(error) = lab.kill_site(host) {
            tracing::debug!(host, %error, "nothing to end");
        }
    }
}

/// This program.
fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("leeward"))
}

/// A program that was built with this one.
pub(crate) fn beside(name: &str) -> PathBuf {
    program().with_file_name(name)
}

fn rfc3339(at: Moment) -> String {
    jiff::Timestamp::from_millisecond(at.0).map(|t| t.to_string()).unwrap_or_default()
}

/// How long a window gets to show what it was asked for.
const PATIENCE: Duration = Duration::from_millis(300);
