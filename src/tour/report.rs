//! What the tour found: every step with its outcome, seconds, bytes and what was verified and how. Apart from
//! the stages, which act.

use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// The whole report, written to `report.json` after every step so that a cut tour leaves what it knows.
#[derive(Serialize)]
pub(crate) struct Report {
    /// Version of the product.
    version: String,
    /// Begin, RFC 3339.
    began: String,
    /// True when every verification held and the tour came to its end.
    ok: bool,
    /// Wall seconds so far.
    secs: f64,
    /// Steps in order.
    steps: Vec<Step>,
    #[serde(skip)]
    path: PathBuf,
}

/// One step of the tour.
#[derive(Serialize, Clone)]
pub(crate) struct Step {
    /// Stable id.
    pub(crate) id: String,
    /// What was done.
    pub(crate) title: String,
    /// `passed` or `failed`.
    pub(crate) outcome: &'static str,
    /// Wall seconds.
    pub(crate) secs: f64,
    /// Bytes that travelled between the sites: what its cycles sent, and the points of its copies.
    pub(crate) bytes: u64,
    /// What was verified.
    pub(crate) verified: Vec<Verified>,
    /// Pictures taken of the window.
    pub(crate) pictures: Vec<String>,
    /// Figures worth keeping, by name with unit.
    pub(crate) figures: Vec<(String, f64)>,
}

/// One verification.
#[derive(Serialize, Clone)]
pub(crate) struct Verified {
    /// What must hold.
    pub(crate) what: String,
    /// How it was checked.
    pub(crate) how: String,
    /// What was seen.
    pub(crate) seen: String,
    /// Whether it held.
    pub(crate) ok: bool,
}

impl Report {
    pub(crate) fn new(folder: &Path, began: String) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            began,
            ok: false,
            secs: 0.0,
            steps: Vec::new(),
            path: folder.join("report.json"),
        }
    }

    /// Adds a step and writes the report.
    pub(crate) fn add(&mut self, step: Step, secs: f64) -> std::io::Result<()> {
        self.steps.push(step);
        self.secs = secs;
        self.write()
    }

    /// Closes the report with a step that did not come to anything.
    pub(crate) fn broken(&mut self, id: &str, title: &str, why: &str, secs: f64) -> std::io::Result<()> {
        let verified = Verified {
            what: "the stage came to its end".to_owned(),
            how: "the tour stops at the first thing that goes wrong".to_owned(),
            seen: why.to_owned(),
            ok: false,
        };
        self.steps.push(Step {
            id: id.to_owned(),
            title: title.to_owned(),
            outcome: "failed",
            secs,
            bytes: 0,
            verified: vec![verified],
            pictures: Vec::new(),
            figures: Vec::new(),
        });
        self.close(false, secs).map(drop)
    }

    /// Closes the report: `ok` only if the story came to its end and every verification held.
    pub(crate) fn close(&mut self, ended: bool, secs: f64) -> std::io::Result<bool> {
        self.secs = secs;
        self.ok = ended && self.steps.iter().all(|s| s.outcome == "passed");
        self.write()?;
        Ok(self.ok)
    }

    /// How many verifications were made and how many held.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let all = self.steps.iter().flat_map(|s| &s.verified);
        (all.clone().count(), all.filter(|v| v.ok).count())
    }

    /// Writes the report as it is.
    pub(crate) fn write(&self) -> std::io::Result<()> {
        let draft = self.path.with_extension("json.part");
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        std::fs::rename(draft, &self.path)
    }
}
