//! The status page on the screen: who this is, what its records prove, where they stand. Readable in a small
//! picture of the console. English only: it is inside the guest, where the product's message files are not.
//!
//! Eighty columns, twenty-five rows. Only rows that changed are written again.

use crate::letters;
use crate::state::{State, now_millis};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

const WIDE: usize = 80;
const HIGH: usize = 25;

/// The sixteen colours of the text console, redefined once.
const PALETTE: &[(char, &str)] = &[
    ('0', "10151d"), // ground
    ('1', "e5534b"), // bad
    ('2', "3fb27f"), // good
    ('3', "d9a441"), // waiting
    ('4', "1d3a5f"), // bar
    ('6', "6cb6ff"), // name
    ('7', "c3ccd8"), // text
    ('8', "7d8899"), // quiet text
    ('f', "f4f7fb"), // strong text
];
const TEXT: &str = "\x1b[0;37;40m";
const QUIET: &str = "\x1b[0;90;40m";
const STRONG: &str = "\x1b[0;97;40m";
const NAME: &str = "\x1b[0;36;40m";
const GOOD: &str = "\x1b[0;32;40m";
const BAD: &str = "\x1b[0;31;40m";
const WAIT: &str = "\x1b[0;33;40m";
const BAR: &str = "\x1b[0;97;44m";

/// The screen.
pub(crate) struct Page {
    terminal: File,
    shown: Vec<String>,
}

impl Page {
    pub(crate) fn open(terminal: &Path) -> io::Result<Self> {
        let mut terminal = OpenOptions::new().write(true).open(terminal)?;
        let mut start = String::new();
        for (slot, colour) in PALETTE {
            start.push_str(&format!("\x1b]P{slot}{colour}"));
        }
        start.push_str(&format!("\x1b[?25l{TEXT}\x1b[2J"));
        terminal.write_all(start.as_bytes())?;
        Ok(Self { terminal, shown: vec![String::new(); HIGH] })
    }

    /// Shows the state.
    pub(crate) fn show(&mut self, state: &State) -> io::Result<()> {
        let rows = rows(state);
        let mut out = String::new();
        for (at, row) in rows.into_iter().enumerate() {
            if self.shown.get(at) != Some(&row) {
                // Erased first: after a full row the cursor still stands on its last column.
                out.push_str(&format!("\x1b[{};1H{TEXT}\x1b[K{row}", at + 1));
                if let Some(shown) = self.shown.get_mut(at) {
                    *shown = row;
                }
            }
        }
        self.terminal.write_all(out.as_bytes())
    }
}

/// The rows of the page with their colours.
fn rows(state: &State) -> Vec<String> {
    let host = &state.settings.host;
    let mut rows = vec![bar(" Leeward sample lab", &format!("{} ", state.settings.role)), String::new()];
    for line in letters::large(host) {
        rows.push(format!("{NAME}  {line}"));
    }
    rows.push(String::new());
    rows.push(format!("{QUIET}  Last record"));
    let (colour, word) = mood(state);
    for line in letters::large(&grouped(state.last)) {
        rows.push(format!("{colour}  {line}"));
    }
    rows.push(String::new());
    let boot = &state.at_boot;
    rows.push(fact("State", colour, word));
    rows.push(match &boot.records.damage {
        None if boot.records.last < boot.records.first => {
            fact("Records", GOOD, "none at boot, this is the first start")
        }
        None => fact(
            "Records",
            GOOD,
            &format!("gap-free, {} to {} at boot", grouped(boot.records.first), grouped(boot.records.last)),
        ),
        Some(damage) => fact("Records", BAD, damage),
    });
    let witness = boot.witness.map_or(0, |w| w.number);
    rows.push(fact(
        "Disks",
        if boot.pair_ok { GOOD } else { BAD },
        &format!(
            "{}: data {}, OS {}",
            if boot.pair_ok { "of one instant" } else { "NOT of one instant" },
            grouped(boot.records.last),
            grouped(witness)
        ),
    ));
    rows.push(fact("Rate", TEXT, &format!("{} records a second, each synced", state.settings.rate)));
    rows.push(fact("Clock", TEXT, &format!("{} UTC", date(now_millis() / 1000))));
    rows.push(fact("Up", TEXT, &duration(state.booted.elapsed().as_secs())));
    rows.push(String::new());
    let boot_id = state.boot_id.get(..8).unwrap_or(&state.boot_id);
    rows.push(format!("{QUIET}  Writes numbered, checksummed records and verifies them at every boot."));
    while rows.len() < HIGH - 1 {
        rows.push(String::new());
    }
    rows.truncate(HIGH - 1);
    rows.push(bar(&format!(" http://{host}/"), &format!("boot {boot_id} ")));
    rows
}

/// Colour and words for how the machine is.
fn mood(state: &State) -> (&'static str, &'static str) {
    if state.trouble().is_some() {
        (BAD, "records are damaged, nothing more is written")
    } else if state.stopped {
        (STRONG, "stopped in good order")
    } else if state.stopping {
        (WAIT, "stopping")
    } else if state.waits() {
        (WAIT, "waiting for the disks")
    } else {
        (GOOD, "writing")
    }
}

fn fact(name: &str, colour: &str, value: &str) -> String {
    let value: String = value.chars().take(WIDE - 16).collect();
    format!("{QUIET}  {name:<10}{colour}{value}")
}

fn bar(left: &str, right: &str) -> String {
    let gap = WIDE.saturating_sub(left.chars().count() + right.chars().count());
    format!("{BAR}{left}{}{right}\x1b[0m", " ".repeat(gap))
}

/// 1234567 as `1 234 567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

fn duration(secs: u64) -> String {
    match (secs / 3600, secs / 60 % 60, secs % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// Seconds since 1970 as a date and time.
fn date(secs: u64) -> String {
    // Days to a civil date, counting years from March so that the leap day ends a year.
    let days = secs / 86_400 + 719_468;
    let era = days / 146_097;
    let day = days % 146_097;
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let (date, month) =
        (of_year - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = year + era * 400 + u64::from(month <= 2);
    format!("{year}-{month:02}-{date:02} {:02}:{:02}:{:02}", secs / 3600 % 24, secs / 60 % 60, secs % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_numbers_read_as_a_person_writes_them() {
        assert_eq!(date(0), "1970-01-01 00:00:00");
        assert_eq!(date(951_827_696), "2000-02-29 12:34:56");
        assert_eq!(date(1_798_761_599), "2026-12-31 23:59:59");
        assert_eq!(grouped(1_234_567), "1 234 567");
        assert_eq!(grouped(999), "999");
        assert_eq!(duration(3_725), "1 h 2 min");
    }
}
