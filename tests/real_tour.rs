//! The whole story on real parts through the public programs: real guests, real TLS between agent processes,
//! kills included. The same tour a person runs, without its window (the window has tests of its own). An interrupted
//! tour must leave nothing behind that runs, and its folder must serve again.

use leeward_lab::{Lab, LabSpec};
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// A tour that ends with the test, whatever becomes of either.
struct Tour {
    child: Child,
    lab: LabSpec,
}

impl Tour {
    fn begin(out: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_leeward"))
            .args(["tour", "--no-window", "--out"])
            .arg(out)
            .spawn()
            .expect("the leeward program starts");
        Self { child, lab: LabSpec::default(&out.join("lab")) }
    }

    fn end(&mut self) -> ExitStatus {
        self.child.wait().expect("ends")
    }

    /// Agents and machines of its lab that run.
    fn running(&self) -> usize {
        let Some(lab) = Lab::there(&self.lab) else { return 0 };
        let hosts = lab.spec().hosts.iter().map(|h| h.folder.as_str());
        hosts
            .map(|host| {
                usize::from(lab.agent_runs(host).expect("looked"))
                    + lab.machine_processes(host).expect("looked").len()
            })
            .sum()
    }
}

impl Drop for Tour {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if let Some(lab) = Lab::there(&self.lab) {
            lab.take_down().ok();
        }
    }
}

fn report(out: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(out.join("report.json")).expect("the tour leaves a report");
    serde_json::from_str(&text).expect("the report is JSON")
}

#[test]
fn real_tour_keeps_every_promise() {
    let out = tempfile::tempdir().expect("a folder for the report");
    let status = Tour::begin(out.path()).end();
    let report = report(out.path());
    assert!(status.success(), "the tour ended with {status}; its report: {report:#}");
    assert_eq!(report["ok"], true, "{report:#}");
    let steps = report["steps"].as_array().expect("steps");
    assert!(steps.len() >= 16, "all stages ran: {report:#}");
    let verified: usize = steps.iter().map(|s| s["verified"].as_array().map_or(0, Vec::len)).sum();
    assert!(verified >= 90, "verifications were made, not skipped: {verified}");
    let silent: Vec<_> = steps.iter().filter(|s| s["bytes"] == 0).map(|s| s["id"].clone()).collect();
    assert!(!silent.contains(&"cycles".into()) && !silent.contains(&"resync".into()), "{silent:?}");
}

#[test]
fn real_tour_that_is_interrupted_leaves_nothing_running_and_can_begin_again() {
    let out = tempfile::tempdir().expect("a folder for the report");
    for turn in 1..=2 {
        // A success of an earlier day must not be taken for this one's.
        if turn == 2 {
            std::fs::write(out.path().join("report.json"), r#"{"ok": true}"#).expect("written");
        }
        let mut tour = Tour::begin(out.path());
        let deadline = Instant::now() + Duration::from_secs(240);
        // Two agents and the first guests.
        while tour.running() < 4 {
            assert!(Instant::now() < deadline, "the lab does not come up");
            assert!(tour.child.try_wait().expect("asked").is_none(), "the tour plays");
            std::thread::sleep(Duration::from_millis(100));
        }
        let told = Command::new("kill").args(["-TERM", &tour.child.id().to_string()]).status();
        assert!(told.expect("kill runs").success());
        assert_eq!(tour.end().code(), Some(130));
        assert_eq!(tour.running(), 0);
        assert_eq!(report(out.path())["ok"], false);
    }
}
