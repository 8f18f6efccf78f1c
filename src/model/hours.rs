//! Hours of the week, by the clock on a wall. Apart from `moment`: an instant is the same everywhere, half past six is
//! not. Whose wall it is, is for the caller: a policy's hours are those of the host that sends.

use crate::moment::Moment;
use crate::text::Message;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use strum::IntoEnumIterator as _;

const DAY_MINS: u16 = 24 * 60;
const MINUTE_MILLIS: i64 = 60_000;
const DAY_MILLIS: i64 = DAY_MINS as i64 * MINUTE_MILLIS;

/// What the clock on a wall shows: milliseconds since 1970-01-01 as if that wall were in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct WallTime(pub i64);

impl WallTime {
    /// An instant on a wall that is so many seconds ahead of UTC.
    #[must_use]
    pub const fn of(moment: Moment, ahead_secs: i64) -> Self {
        Self(moment.plus_secs(ahead_secs).0)
    }
}

/// A day of the week.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, strum::EnumIter,
)]
pub enum Day {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Day {
    /// All seven, from Monday on.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// `Mon`.
    #[must_use]
    pub fn short(self) -> String {
        Message::new(match self {
            Self::Monday => "day-mon",
            Self::Tuesday => "day-tue",
            Self::Wednesday => "day-wed",
            Self::Thursday => "day-thu",
            Self::Friday => "day-fri",
            Self::Saturday => "day-sat",
            Self::Sunday => "day-sun",
        })
        .render()
    }
}

/// The same hours on some days of the week. When they end before they begin, they go over midnight and belong to the
/// day on which they began; when both are the same, they last a whole day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hours {
    /// The days on which they begin.
    pub days: BTreeSet<Day>,
    /// Minute of the day at which they begin.
    pub from_min: u16,
    /// Minute of the day at which they are over.
    pub to_min: u16,
}

impl Hours {
    /// When few people work: every day from 18:30 to 05:30.
    #[must_use]
    pub fn off_work() -> Self {
        Self { days: Day::all().collect(), from_min: 18 * 60 + 30, to_min: 5 * 60 + 30 }
    }

    /// When most people work: Monday to Friday from 08:00 to 18:00.
    #[must_use]
    pub fn at_work() -> Self {
        let days = Day::all().take(5).collect();
        Self { days, from_min: 8 * 60, to_min: 18 * 60 }
    }

    /// Whether they name a day and times of a day.
    #[must_use]
    pub fn are_some(&self) -> bool {
        !self.days.is_empty() && self.from_min < DAY_MINS && self.to_min < DAY_MINS
    }

    /// How long they last, in milliseconds.
    fn length(&self) -> i64 {
        let mins = (i64::from(self.to_min) - i64::from(self.from_min)).rem_euclid(i64::from(DAY_MINS));
        if mins == 0 { DAY_MILLIS } else { mins * MINUTE_MILLIS }
    }

    /// When they begin on that day since 1970, if they do.
    fn begin(&self, day: i64) -> Option<i64> {
        // The first day of 1970 was a Thursday.
        let of_week = usize::try_from(day.saturating_add(3).rem_euclid(7)).unwrap_or(0);
        let begins = Day::all().nth(of_week).is_some_and(|d| self.days.contains(&d));
        let from = i64::from(self.from_min) * MINUTE_MILLIS;
        begins.then(|| day.saturating_mul(DAY_MILLIS).saturating_add(from))
    }

    /// Whether it is within them.
    #[must_use]
    pub fn hold(&self, at: WallTime) -> bool {
        let today = at.0.div_euclid(DAY_MILLIS);
        let within = |begin: i64| begin <= at.0 && at.0 < begin.saturating_add(self.length());
        [today.saturating_sub(1), today].into_iter().filter_map(|day| self.begin(day)).any(within)
    }

    /// When they hold next: now, if they do. None when they never do.
    #[must_use]
    pub fn next(&self, at: WallTime) -> Option<WallTime> {
        if self.hold(at) {
            return Some(at);
        }
        let today = at.0.div_euclid(DAY_MILLIS);
        let mut begins = (0..=7).filter_map(|ahead| self.begin(today.saturating_add(ahead)));
        begins.find(|begin| *begin >= at.0).map(WallTime)
    }

    /// `Mon–Fri 08:00–18:00`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let days = if self.days.len() == 7 {
            Message::new("hours-every-day").render()
        } else {
            runs(&self.days).into_iter().map(|(a, b)| span(a, b)).collect::<Vec<_>>().join(", ")
        };
        Message::new("hours-of-days")
            .with("days", days)
            .with("from", clock(self.from_min))
            .with("to", clock(self.to_min))
            .render()
    }
}

/// `18:30`, of a minute of the day.
#[must_use]
pub fn clock(min: u16) -> String {
    format!("{:02}:{:02}", min / 60, min % 60)
}

/// Days that follow each other, first and last.
fn runs(days: &BTreeSet<Day>) -> Vec<(Day, Day)> {
    let mut runs: Vec<(Day, Day)> = Vec::new();
    for day in days {
        match runs.last_mut() {
            Some((_, last)) if *last as u8 + 1 == *day as u8 => *last = *day,
            _ => runs.push((*day, *day)),
        }
    }
    runs
}

fn span(first: Day, last: Day) -> String {
    if first == last {
        return first.short();
    }
    Message::new("hours-days").with("from", first.short()).with("to", last.short()).render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Monday, 2 November 2026, 00:00.
    const MONDAY: i64 = 1_793_577_600_000;
    const WEEK_MINS: i64 = 7 * DAY_MINS as i64;

    fn at(day: i64, hour: i64, minute: i64) -> WallTime {
        WallTime(MONDAY + day * DAY_MILLIS + (hour * 60 + minute) * MINUTE_MILLIS)
    }

    fn any_hours() -> impl Strategy<Value = Hours> {
        let days = proptest::collection::btree_set(0_usize..7, 0..=7);
        (days, 0..DAY_MINS, 0..DAY_MINS).prop_map(|(days, from_min, to_min)| Hours {
            days: days.into_iter().filter_map(|n| Day::all().nth(n)).collect(),
            from_min,
            to_min,
        })
    }

    #[test]
    fn they_hold_from_their_first_minute_to_the_one_before_their_last() {
        let work = Hours::at_work();
        assert!(!work.hold(at(0, 7, 59)) && work.hold(at(0, 8, 0)));
        assert!(work.hold(at(4, 17, 59)) && !work.hold(at(4, 18, 0)));
        assert!(!work.hold(at(5, 12, 0)) && !work.hold(at(-1, 12, 0)), "a weekend");
        assert_eq!(work.next(at(4, 18, 0)), Some(at(7, 8, 0)), "Friday evening waits for Monday");
    }

    #[test]
    fn over_midnight_they_belong_to_the_day_they_began_on() {
        let night = Hours { days: [Day::Friday].into(), from_min: 22 * 60, to_min: 6 * 60 };
        assert!(night.hold(at(4, 22, 0)) && night.hold(at(5, 5, 59)));
        assert!(!night.hold(at(4, 5, 0)) && !night.hold(at(5, 6, 0)) && !night.hold(at(5, 22, 0)));
        let whole = Hours { days: [Day::Sunday].into(), from_min: 60, to_min: 60 };
        assert!(whole.hold(at(6, 1, 0)) && whole.hold(at(7, 0, 59)) && !whole.hold(at(7, 1, 0)));
    }

    #[test]
    fn they_are_said_as_one_says_them() {
        assert_eq!(Hours::at_work().in_words(), "Mon–Fri 08:00–18:00");
        assert_eq!(Hours::off_work().in_words(), "every day 18:30–05:30");
        let odd = Hours { days: [Day::Monday, Day::Tuesday, Day::Sunday].into(), ..Hours::at_work() };
        assert_eq!(odd.in_words(), "Mon–Tue, Sun 08:00–18:00");
    }

    proptest! {
        #[test]
        fn nothing_holds_before_the_next_time_and_it_comes_within_a_week(
            hours in any_hours(),
            minute in -10 * WEEK_MINS..10 * WEEK_MINS,
        ) {
            let now = WallTime(MONDAY + minute * MINUTE_MILLIS);
            let next = hours.next(now);
            prop_assert_eq!(next.is_none(), hours.days.is_empty());
            if let Some(next) = next {
                prop_assert!(next >= now && next.0 - now.0 <= WEEK_MINS * MINUTE_MILLIS);
                prop_assert!(hours.hold(next));
                let mut between = now.0;
                while between < next.0 {
                    prop_assert!(!hours.hold(WallTime(between)));
                    between += MINUTE_MILLIS;
                }
            }
        }

        /// What holds depends on nothing but what the wall shows: whoever looks after a jump of the clock sees what
        /// anybody else sees at that time of any week.
        #[test]
        fn every_week_is_the_same_and_has_the_hours_it_names(
            hours in any_hours(),
            minute in 0..WEEK_MINS,
            weeks in -500_i64..500,
        ) {
            let now = MONDAY + minute * MINUTE_MILLIS;
            let then = now + weeks * WEEK_MINS * MINUTE_MILLIS;
            prop_assert_eq!(hours.hold(WallTime(now)), hours.hold(WallTime(then)));
            let held = (0..WEEK_MINS).filter(|m| hours.hold(WallTime(MONDAY + m * MINUTE_MILLIS))).count();
            let named = hours.days.len() as i64 * hours.length() / MINUTE_MILLIS;
            prop_assert_eq!(held as i64, named);
        }
    }

    #[test]
    fn what_nobody_can_mean_neither_holds_nor_ends_the_program() {
        let odd = Hours { days: Day::all().collect(), from_min: u16::MAX, to_min: 7 };
        assert!(!odd.are_some());
        for millis in [i64::MIN, -1, 0, i64::MAX] {
            let at = WallTime(millis);
            assert!(!odd.hold(at) || odd.next(at).is_some());
            assert!(Hours::off_work().next(at).is_some() || millis == i64::MAX);
        }
    }
}
