//! The arguments that verbs share, each declared once, and what their words mean. Apart from `forms`, which say
//! which verb takes which.

use super::exit::Stop;
use clap::{Arg, ArgAction, ArgMatches};
use leeward_model::{CopyFrequency, Day, Hours, Message, Moment, NetworkChoice, Start, text};
use std::collections::BTreeSet;

fn base(name: &'static str) -> Arg {
    Arg::new(name)
        .help(text::render(&Message { key: format!("cli-arg-{name}").into(), args: Default::default() }))
}

/// A word that must be there, in its place.
pub(crate) fn word(name: &'static str) -> Arg {
    base(name).required(true).value_name(name)
}

/// One or more words, in their place.
pub(crate) fn words(name: &'static str) -> Arg {
    base(name).required(true).num_args(1..).value_name(name)
}

/// `--name VALUE`, which may be left out.
pub(crate) fn option(name: &'static str) -> Arg {
    base(name).long(name).value_name(name.to_uppercase().replace('-', "_"))
}

/// `--name VALUE`, which must be there.
pub(crate) fn needed(name: &'static str) -> Arg {
    option(name).required(true)
}

/// `--name`.
pub(crate) fn flag(name: &'static str) -> Arg {
    base(name).long(name).action(ArgAction::SetTrue)
}

/// `--name NUMBER` between two bounds.
pub(crate) fn number(name: &'static str, range: std::ops::RangeInclusive<i64>) -> Arg {
    option(name).value_parser(clap::value_parser!(i64).range(range))
}

/// `--point latest|latest-app|ID`.
pub(crate) fn point() -> Arg {
    option("point").default_value("latest")
}

/// `--network isolated|none|production`.
pub(crate) fn network() -> Arg {
    option("network").value_parser(["isolated", "none"]).default_value("isolated")
}

/// `--start-at TIME`.
pub(crate) fn start_at() -> Arg {
    option("start-at")
}

/// The words of a many-valued argument.
pub(crate) fn all_of<'a>(matches: &'a ArgMatches, name: &str) -> Vec<&'a str> {
    matches.get_many::<String>(name).into_iter().flatten().map(String::as_str).collect()
}

/// The word of an argument that may be missing.
pub(crate) fn maybe<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.get_one::<String>(name).map(String::as_str)
}

/// The word of an argument that clap has seen to.
pub(crate) fn of<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    maybe(matches, name).unwrap_or_default()
}

/// The number of an argument as a count.
pub(crate) fn count(matches: &ArgMatches, name: &str) -> Option<u32> {
    matches.get_one::<i64>(name).and_then(|n| u32::try_from(*n).ok())
}

pub(crate) fn network_of(matches: &ArgMatches) -> NetworkChoice {
    match of(matches, "network") {
        "none" => NetworkChoice::None,
        "production" => NetworkChoice::Production,
        _ => NetworkChoice::Isolated,
    }
}

pub(crate) fn frequency_of(word: &str) -> Result<CopyFrequency, Stop> {
    match word {
        "30s" => Ok(CopyFrequency::Secs30),
        "5m" => Ok(CopyFrequency::Mins5),
        "15m" => Ok(CopyFrequency::Mins15),
        other => Err(Stop::usage(Message::new("cli-bad-frequency").with("word", other))),
    }
}

/// `now`, `22:00` (the next one), `2026-11-21 22:00`, or RFC 3339 with an offset.
pub(crate) fn start_of(matches: &ArgMatches, now: Moment) -> Result<Start, Stop> {
    match maybe(matches, "start-at") {
        None | Some("now") => Ok(Start::Now),
        Some(word) => moment_of(word, now).map(Start::At),
    }
}

fn moment_of(word: &str, now: Moment) -> Result<Moment, Stop> {
    let bad = || Stop::usage(Message::new("cli-bad-time").with("word", word));
    if let Ok(instant) = word.parse::<jiff::Timestamp>() {
        return Ok(Moment(instant.as_millisecond()));
    }
    let zone = jiff::tz::TimeZone::system();
    let zoned_now = jiff::Timestamp::from_millisecond(now.0).ok().ok_or_else(bad)?.to_zoned(zone.clone());
    if let Ok(time) = word.parse::<jiff::civil::Time>() {
        let today = zoned_now.date().to_datetime(time).to_zoned(zone.clone()).ok().ok_or_else(bad)?;
        let next = if today.timestamp().as_millisecond() > now.0 {
            today
        } else {
            zoned_now
                .date()
                .tomorrow()
                .and_then(|d| d.to_datetime(time).to_zoned(zone))
                .ok()
                .ok_or_else(bad)?
        };
        return Ok(Moment(next.timestamp().as_millisecond()));
    }
    let local = word.replace(' ', "T").parse::<jiff::civil::DateTime>().ok().ok_or_else(bad)?;
    let zoned = local.to_zoned(zone).ok().ok_or_else(bad)?;
    Ok(Moment(zoned.timestamp().as_millisecond()))
}

/// `10MB`, `512KiB`, `0`: bytes per second.
pub(crate) fn bytes_of(word: &str) -> Result<u64, Stop> {
    let bad = || Stop::usage(Message::new("cli-bad-size").with("word", word));
    let split = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (digits, unit) = word.split_at(split);
    let value: u64 = digits.parse().ok().ok_or_else(bad)?;
    let times: u64 = match unit.trim() {
        "" | "B" => 1,
        "kB" | "KB" => 1_000,
        "KiB" | "K" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" | "M" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" | "G" => 1 << 30,
        _ => return Err(bad()),
    };
    value.checked_mul(times).ok_or_else(bad)
}

/// `mon-fri 08:00-18:00`, `sat,sun 00:00-00:00`, `daily 18:30-05:30`.
pub(crate) fn hours_of(word: &str) -> Result<Hours, Stop> {
    let bad = || Stop::usage(Message::new("cli-bad-hours").with("word", word));
    let (days, times) = word.trim().split_once(' ').ok_or_else(bad)?;
    let (from, to) = times.trim().split_once('-').ok_or_else(bad)?;
    let days = days_of(days).ok_or_else(bad)?;
    let (from_min, to_min) = (minute_of(from).ok_or_else(bad)?, minute_of(to).ok_or_else(bad)?);
    Ok(Hours { days, from_min, to_min })
}

fn days_of(word: &str) -> Option<BTreeSet<Day>> {
    if word.eq_ignore_ascii_case("daily") {
        return Some(Day::all().collect());
    }
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let place = |name: &str| NAMES.iter().position(|n| n.eq_ignore_ascii_case(name));
    let mut days = BTreeSet::new();
    for part in word.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (place(first)?, place(last)?);
        // `sat-mon` goes over the end of the week.
        let count = (last + 7 - first) % 7 + 1;
        days.extend((first..first + count).filter_map(|n| Day::all().nth(n % 7)));
    }
    Some(days)
}

fn minute_of(word: &str) -> Option<u16> {
    let (hour, minute) = word.trim().split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_or_refused() {
        assert_eq!(hours_of("mon-fri 08:00-18:00").expect("hours"), Hours::at_work());
        assert_eq!(hours_of("daily 18:30-05:30").expect("hours"), Hours::off_work());
        let odd = hours_of("Sat-Mon,thu 22:00-2:05").expect("hours");
        assert_eq!(odd.in_words(), "Mon, Thu, Sat–Sun 22:00–02:05");
        let wrong = ["", "mon", "mon-fri", "08:00-18:00", "mon 24:00-01:00", "mon 8-9", "mon- 08:00-09:00"];
        for word in wrong.into_iter().chain(["someday 08:00-09:00", "mon,, 08:00-09:00", "mon 08:60-09:00"]) {
            assert!(hours_of(word).is_err(), "{word}");
        }
    }

    #[test]
    fn sizes_and_times_are_read_or_refused() {
        assert_eq!(bytes_of("10MB").expect("size"), 10_000_000);
        assert_eq!(bytes_of("2MiB").expect("size"), 2 << 20);
        assert_eq!(bytes_of("0").expect("size"), 0);
        assert!(bytes_of("ten").is_err());
        assert!(bytes_of("99999999999GiB").is_err());
        let now = Moment(1_800_000_000_000);
        assert_eq!(moment_of("2027-01-15T08:00:00Z", now).expect("time"), Moment(1_800_000_000_000));
        let next = moment_of("22:00", now).expect("time");
        assert!(next > now && next.secs_since(now) <= 25 * 3600);
        assert!(moment_of("soon", now).is_err());
    }
}
