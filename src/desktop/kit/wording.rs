//! How figures, spans and instants are said. Apart from `leeward_model::amount`, which has no time zone.

use jiff::{Timestamp, tz::TimeZone};
use leeward_model::{Message, Moment, amount, text};
use std::sync::OnceLock;

static ZONE: OnceLock<TimeZone> = OnceLock::new();

/// Sets the time zone of all instants shown, once, when the window opens. Without it they are UTC.
pub fn set_zone(zone: TimeZone) {
    // A second window keeps the zone of the first.
    ZONE.set(zone).ok();
}

/// The sentence of a key.
#[must_use]
pub fn words(key: &'static str) -> String {
    text::text(key)
}

/// The sentence of a key that is made at run time.
#[must_use]
pub fn render(key: &str) -> String {
    text::render(&Message { key: key.to_owned().into(), args: Default::default() })
}

/// A message that arguments are added to: `msg("items-count").with("n", 3u32).render()`.
#[must_use]
pub const fn msg(key: &'static str) -> Message {
    Message::new(key)
}

/// `10,000`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let separator = if n < 1_000 { String::new() } else { words("thousands-separator") };
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push_str(&separator);
        }
        grouped.push(digit);
    }
    grouped
}

/// `1.5 GiB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    amount::size(bytes)
}

/// `3.2 MiB/s`.
#[must_use]
pub fn rate(bytes_per_sec: u64) -> String {
    msg("rate").with("size", amount::size(bytes_per_sec)).render()
}

/// `0.4 s`, `12 s`, `3 min 20 s`.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "negative and huge spans are clamped"
)]
pub fn secs(secs: f64) -> String {
    if secs < 10.0 {
        msg("span-secs").with("secs", format!("{:.1}", secs.max(0.0))).render()
    } else {
        span(secs.min(1e15).round() as u64)
    }
}

/// A whole number of seconds, with no more digits than one reads: `45 s`, `3 min 20 s`, `26 min`, `2 h 5 min`.
#[must_use]
pub fn span(secs: u64) -> String {
    match secs {
        600..=7_199 => msg("span-whole-mins").with("mins", (secs / 60).to_string()).render(),
        120..=599 if secs.is_multiple_of(60) => {
            msg("span-whole-mins").with("mins", (secs / 60).to_string()).render()
        }
        _ => amount::span(secs),
    }
}

/// `3 min ago`, and the exact time for hovering.
#[must_use]
pub fn age(moment: Moment, now: Moment) -> (String, String) {
    let past = now.secs_since(moment);
    let n = past.unsigned_abs();
    let (key, n) = match (past, n) {
        (..-4, 0..=59) => ("age-in-secs", n),
        (..-4, 60..=3_599) => ("age-in-mins", n / 60),
        (..-4, 3_600..=172_799) => ("age-in-hours", n / 3_600),
        (..-4, _) => ("age-in-days", n / 86_400),
        (_, 0..=4) => ("age-now", 0),
        (_, 0..=59) => ("age-secs", n),
        (_, 60..=3_599) => ("age-mins", n / 60),
        (_, 3_600..=172_799) => ("age-hours", n / 3_600),
        _ => ("age-days", n / 86_400),
    };
    (msg(key).with("n", n).render(), date_time(moment))
}

/// `21 Nov 2026 14:05:30`.
#[must_use]
pub fn date_time(moment: Moment) -> String {
    let month = format(moment, "%-m");
    if month.is_empty() {
        return month;
    }
    msg("date-time")
        .with("day", format(moment, "%-d"))
        .with("month", render(&format!("month-{month}")))
        .with("year", format(moment, "%Y"))
        .with("time", format(moment, "%H:%M:%S"))
        .render()
}

/// `14:05`.
#[must_use]
pub fn clock_time(moment: Moment) -> String {
    format(moment, "%H:%M")
}

/// A time of the day to the second, on charts of a few minutes.
#[must_use]
pub(super) fn clock_seconds(moment: Moment) -> String {
    format(moment, "%H:%M:%S")
}

/// A day and a time of it, on charts of several days.
#[must_use]
pub(super) fn day_time(moment: Moment) -> String {
    format(moment, "%-d %b %H:%M")
}

fn format(moment: Moment, pattern: &str) -> String {
    let Ok(stamp) = Timestamp::from_millisecond(moment.0) else { return String::new() };
    let zone = ZONE.get().cloned().unwrap_or(TimeZone::UTC);
    stamp.to_zoned(zone).strftime(pattern).to_string()
}
