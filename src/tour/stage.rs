//! One stage of the tour: what is printed, timed, verified and pictured together. Apart from `story`, which
//! says what happens in which order.

use super::camera::{Camera, Scene};
use super::processes::Processes;
use super::report::{Report, Step, Verified};
use super::watch::Watch;
use leeward_engine::shell::{Clock as _, SystemClock};
use leeward_lab::Lab;
use leeward_model::Moment;
use std::time::{Duration, Instant};

/// Everything the stages share.
pub(crate) struct Tour {
    pub(crate) watch: Watch,
    pub(crate) camera: Camera,
    pub(crate) report: Report,
    pub(crate) lab: std::sync::Arc<Lab>,
    /// Has looked at the hosts' processes from the beginning.
    pub(crate) processes: Processes,
    pub(crate) began: Instant,
    /// Bytes of the points that the first copies made.
    pub(crate) first_copy_bytes: u64,
}

/// What a stage gathers while it runs.
pub(crate) struct Stage {
    step: Step,
    began: Instant,
}

impl Stage {
    /// Verifies something; a failed one is printed at once and fails the stage at its end.
    pub(crate) fn verify(&mut self, ok: bool, what: &str, how: &str, seen: impl Into<String>) {
        let seen = seen.into();
        println!("      {} {what}: {seen}", if ok { "✓" } else { "✗" });
        self.step.verified.push(Verified { what: what.to_owned(), how: how.to_owned(), seen, ok });
    }

    /// Keeps a figure.
    pub(crate) fn figure(&mut self, name: &str, value: f64) {
        println!("        {name}: {value:.2}");
        self.step.figures.push((name.to_owned(), value));
    }

    /// Bytes of a copy that was made in this stage.
    pub(crate) fn bytes(&mut self, bytes: u64) {
        self.step.bytes += bytes;
    }

    /// A line of progress.
    pub(crate) fn say(&self, text: &str) {
        println!("      {text}");
    }

    /// Bytes of the copies of this stage so far.
    pub(crate) const fn sent(&self) -> u64 {
        self.step.bytes
    }

    /// Seconds since this stage began.
    pub(crate) fn secs(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}

impl Tour {
    /// Runs one stage. An error, or a verification that did not hold, ends the tour.
    pub(crate) fn stage(
        &mut self,
        id: &str,
        title: &str,
        run: impl FnOnce(&mut Self, &mut Stage) -> Result<(), String>,
    ) -> Result<(), String> {
        println!("\n  {:>6.1} s  {title}", self.began.elapsed().as_secs_f64());
        let mut stage = Stage {
            step: Step {
                id: id.to_owned(),
                title: title.to_owned(),
                outcome: "failed",
                secs: 0.0,
                bytes: 0,
                verified: Vec::new(),
                pictures: Vec::new(),
                figures: Vec::new(),
            },
            began: Instant::now(),
        };
        let since = SystemClock.now();
        let mut result = run(self, &mut stage);
        stage.step.bytes += self.cycles_since(since);
        if result.is_ok() && stage.step.verified.iter().any(|v| !v.ok) {
            result = Err(format!("{title}: a verification did not hold"));
        }
        if let Err(why) = &result {
            println!("      ✗ {why}");
            stage.step.verified.push(Verified {
                what: "the stage came to its end".to_owned(),
                how: "the tour stops at the first thing that goes wrong".to_owned(),
                seen: why.clone(),
                ok: false,
            });
        } else {
            stage.step.outcome = "passed";
        }
        stage.step.secs = stage.began.elapsed().as_secs_f64();
        println!("      {} in {:.1} s", stage.step.outcome, stage.step.secs);
        let secs = self.began.elapsed().as_secs_f64();
        self.report.add(stage.step, secs).map_err(|e| format!("report.json: {e}"))?;
        result
    }

    /// What the cycles that ended since then have sent, all machines together.
    fn cycles_since(&self, since: Moment) -> u64 {
        let snapshot = self.watch.now();
        let cycles = snapshot.items.iter().flat_map(|i| i.cycles.iter());
        cycles.filter(|c| c.at > since).map(|c| c.sent_bytes).sum()
    }

    /// Takes a picture for a stage. No picture is a failed verification, not a failed failover.
    pub(crate) fn picture(&mut self, stage: &mut Stage, name: &str, scene: &Scene) {
        match self.camera.take(name, scene) {
            Ok(files) => stage.step.pictures.extend(files),
            Err(why) => stage.verify(false, "a picture of the window", "framebuffer of the real window", why),
        }
    }
}

/// Long enough for four guests under software emulation on two busy cores.
pub(crate) const BOOT: Duration = Duration::from_secs(300);
/// Long enough for any job of the lab.
pub(crate) const JOB: Duration = Duration::from_secs(900);
