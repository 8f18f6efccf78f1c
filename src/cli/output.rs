//! Where words go: results to standard output, progress and errors to standard error, and with `--json` only
//! JSON to standard output, one value per line.

use super::exit::Stop;
use super::looks::Shown;
use std::io::{IsTerminal, Write};

/// The ways out of the program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// A result for a person.
    pub(crate) fn say(&self, line: &str) {
        if !self.json {
            to_stdout(line);
        }
    }

    /// A result for a program.
    pub(crate) fn json(&self, value: &serde_json::Value) {
        if self.json {
            to_stdout(&value.to_string());
        }
    }

    /// What is going on, for a person who waits.
    pub(crate) fn progress(&self, line: &str) {
        if !self.json {
            to_stderr(line);
        }
    }

    /// Why something did not happen.
    pub(crate) fn error(&self, stop: &Stop) {
        if self.json {
            to_stdout(&stop.json().to_string());
        } else {
            to_stderr(&format!("leeward: {}", stop.sentence()));
        }
    }

    /// A page of text, as it is.
    #[expect(clippy::unused_self, reason = "all ways out stand here")]
    pub(crate) fn page(&self, text: &str) {
        to_stdout(text.trim_end());
    }

    /// A view.
    pub(crate) fn show(&self, shown: &Shown) {
        if self.json {
            let text = serde_json::to_string_pretty(&shown.json).unwrap_or_default();
            to_stdout(&text);
            return;
        }
        let width = std::io::stdout()
            .is_terminal()
            .then(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
            .flatten();
        for line in shown.lines(width) {
            to_stdout(&line);
        }
    }
}

// A reader that went away (`| head`) is no failure of ours, and there is nobody to tell.
fn to_stdout(line: &str) {
    writeln!(std::io::stdout(), "{line}").ok();
}

fn to_stderr(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}
