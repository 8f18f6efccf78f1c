//! The tour: the main job, unattended, on a lab of its own, through the same public verbs that a person has. It
//! prints what it does, verifies what can be verified, and leaves a report and pictures.
//!
//! | file | what it is |
//! |---|---|
//! | `mod` | lab, vault, engine and window are brought up, the story runs, everything is taken down |
//! | `place` | the folder it plays in |
//! | `story`, `disaster` | what happens, in order |
//! | `stage`, `report` | one stage of it; what is written down |
//! | `watch`, `verify`, `guest`, `disks`, `processes` | waiting, and proof |
//! | `camera`, `driver` | pictures of the real window |

mod camera;
mod disaster;
mod disks;
mod driver;
mod guest;
mod place;
mod processes;
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
use leeward_model::{Message, Moment};
use place::Place;
use processes::Processes;
use report::Report;
use stage::Tour;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use watch::Watch;

/// How a program ends that was interrupted, by a shell's custom.
const INTERRUPTED: i32 = 130;

/// Size of the window in points.
const WINDOW: (f32, f32) = (1440.0, 900.0);

/// Plays the tour into `out`. Whether every verification held.
pub(crate) fn run(out: &Path, window: bool) -> Result<bool, String> {
    let began = Instant::now();
    let place = Place::take(out)?;
    let out = place.root();
    println!("Leeward tour. Report and pictures: {}", out.display());
    let mut report = Report::new(out, rfc3339(SystemClock.now()));
    // Whatever happens from here on, the report of this tour lies there, and says no until it is yes.
    report.write().map_err(|e| format!("report.json: {e}"))?;
    let made = make_lab(out, began).and_then(|lab| {
        let handle = make_vault(out, &lab)?;
        Ok((lab, handle))
    });
    let (lab, handle) = match made {
        Ok((lab, handle)) => (Arc::new(lab), handle),
        Err(why) => {
            let secs = began.elapsed().as_secs_f64();
            report
                .broken("prepare", "Make the lab and the vault", &why, secs)
                .map_err(|e| format!("report.json: {e}"))?;
            return Err(why);
        }
    };
    end_on_signal(&lab)?;
    let played = play(out, window, report, &lab, &handle, began);
    take_down(&lab);
    handle.stop().map_err(|fault| fault.to_string())?;
    played
}

/// The story on a thread of its own, the window on this one.
fn play(
    out: &Path,
    window: bool,
    report: Report,
    lab: &Arc<Lab>,
    handle: &EngineHandle,
    began: Instant,
) -> Result<bool, String> {
    let (requests, asked) = mpsc::channel();
    let camera = if window { Camera::before(requests, out) } else { Camera::without_window(out) };
    let (sink, feed) = (handle.sink(), handle.feed());
    let mut tour = Tour {
        watch: Watch::new(sink.clone(), feed.clone()),
        camera,
        report,
        lab: Arc::clone(lab),
        processes: Processes::watch(Arc::clone(lab)).map_err(|e| e.to_string())?,
        began,
        first_copy_bytes: 0,
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
    shown?;
    told?
}

/// Ctrl+C, a closed terminal or SIGTERM: hosts and guests end with the tour. The report says how far it came.
fn end_on_signal(lab: &Arc<Lab>) -> Result<(), String> {
    use tokio::signal::unix::{SignalKind, signal};
    let said = |e: std::io::Error| e.to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(said)?;
    let (mut interrupt, mut terminate, mut hangup) = {
        let _inside = runtime.enter();
        let listen = |kind| signal(kind).map_err(said);
        (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?)
    };
    let lab = Arc::clone(lab);
    let waits = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        eprintln!("{}", Message::new("cli-tour-interrupted").render());
        take_down(&lab);
        std::process::exit(INTERRUPTED);
    });
    waits.map(drop).map_err(said)
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
fn make_vault(out: &Path, lab: &Lab) -> Result<EngineHandle, String> {
    let root = out.join("vault");
    lab.network_up().map_err(|e| e.to_string())?;
    let free = TcpListener::bind((lab.engine_addr(), 0)).and_then(|l| l.local_addr());
    let free = free.map_err(|e| e.to_string())?;
    let listen = Listen { listen: free.to_string(), advertise: vec![free.to_string()] };
    let folder = vault::create(&root, "Lab", &listen, "tour", &SystemClock).map_err(|e| e.to_string())?;
    let options = EngineOptions { user: "tour".to_owned(), ..EngineOptions::default() };
    Engine::start(&folder, options).map_err(|e| e.fault().to_string())
}

/// Ends agents and guests of the lab: the tour leaves nothing running.
fn take_down(lab: &Lab) {
    if let Err(error) = lab.take_down() {
        eprintln!("{error}");
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
