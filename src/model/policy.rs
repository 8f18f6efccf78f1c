//! Replication policy: how often changes are copied and what recovery points are kept.

use crate::amount;
use crate::hours::{Hours, WallTime};
use crate::ids::PolicyId;
use crate::text::Message;
use serde::{Deserialize, Serialize};

/// How often a change log is captured and shipped.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, strum::EnumIter,
)]
pub enum CopyFrequency {
    /// Every 30 seconds.
    Secs30,
    /// Every 5 minutes.
    Mins5,
    /// Every 15 minutes.
    Mins15,
}

impl CopyFrequency {
    /// The span between two cycles, in seconds.
    #[must_use]
    pub const fn secs(self) -> u32 {
        match self {
            Self::Secs30 => 30,
            Self::Mins5 => 300,
            Self::Mins15 => 900,
        }
    }
}

/// Which recovery points are kept. The latest one is always kept. Times are a promise as long as `points_max` has room
/// for them ([`ReplicationPolicy::points_needed`]); where it has not, the oldest points of the short window go first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Retention {
    /// Every cycle's point is kept for this many minutes.
    pub every_point_mins: u32,
    /// After that one point per hour is kept for this many hours (0 to 24).
    pub hourly_points_hours: u32,
    /// One application-consistent point per hour is kept for this many hours; further ones while there is room.
    pub app_consistent_hours: u32,
    /// The most points of one item whatever the other rules say (bounds the chain; at most 32).
    pub points_max: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { every_point_mins: 10, hourly_points_hours: 4, app_consistent_hours: 4, points_max: 30 }
    }
}

/// A named set of replication settings, shared by the items associated with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReplicationPolicy {
    /// Identity.
    pub id: PolicyId,
    /// Name, unique in the vault.
    pub name: String,
    /// How often changes are copied.
    pub copy_frequency: CopyFrequency,
    /// What is kept at the target.
    pub retention: Retention,
    /// Take an application-consistent point every this many minutes; 0 turns it off.
    pub app_consistent_every_mins: u32,
    /// Most bytes per second one item may send; 0 means no limit.
    pub bandwidth_bytes_per_sec_max: u64,
    /// Hours in which another limit holds. Policies from before there were any have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy: Option<BusyHours>,
    /// Hours, by the clock of the host that sends, in which comparisons begin that nobody has asked for; none is any
    /// time. A new policy waits for the hours off work; one from before there were any goes on as it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resync_hours: Option<Hours>,
}

/// Hours in which the link has other work to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BusyHours {
    /// When, by the clock of the host that sends.
    pub hours: Hours,
    /// Most bytes per second one item may send then; 0 means no limit.
    pub bandwidth_bytes_per_sec_max: u64,
}

/// How many points what a policy promises takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PointsNeeded {
    /// Every cycle's of the short window.
    pub window: u32,
    /// After it, one per hour.
    pub hourly: u32,
    /// After it, application-consistent ones: one per hour, or as often as they are made.
    pub app_consistent: u32,
}

impl PointsNeeded {
    /// All of them.
    #[must_use]
    pub const fn all(self) -> u32 {
        self.window.saturating_add(self.hourly).saturating_add(self.app_consistent)
    }
}

impl ReplicationPolicy {
    /// What a new policy begins with: copies every five minutes, comparisons off work hours, no bound.
    #[must_use]
    pub fn new(id: PolicyId, name: String) -> Self {
        Self {
            id,
            name,
            copy_frequency: CopyFrequency::Mins5,
            retention: Retention::default(),
            app_consistent_every_mins: 0,
            bandwidth_bytes_per_sec_max: 0,
            busy: None,
            resync_hours: Some(Hours::off_work()),
        }
    }

    /// Most bytes per second one item may send while the clock of the host that sends shows this; 0 means no limit.
    #[must_use]
    pub fn limit_at(&self, at: WallTime) -> u64 {
        match &self.busy {
            Some(busy) if busy.hours.hold(at) => busy.bandwidth_bytes_per_sec_max,
            _ => self.bandwidth_bytes_per_sec_max,
        }
    }

    /// `10.0 MiB/s; Mon–Fri 08:00–18:00: 2.0 MiB/s`.
    #[must_use]
    pub fn bandwidth_in_words(&self) -> String {
        let rate = |bytes_per_sec_max: u64| match bytes_per_sec_max {
            0 => Message::new("bandwidth-unlimited").render(),
            most => Message::new("bandwidth-rate").with("size", amount::size(most)).render(),
        };
        let usual = rate(self.bandwidth_bytes_per_sec_max);
        match &self.busy {
            None => usual,
            Some(busy) => Message::new("bandwidth-busy")
                .with("usual", usual)
                .with("hours", busy.hours.in_words())
                .with("busy", rate(busy.bandwidth_bytes_per_sec_max))
                .render(),
        }
    }

    /// `every day 18:30–05:30`, or that it is any time.
    #[must_use]
    pub fn resync_in_words(&self) -> String {
        self.resync_hours
            .as_ref()
            .map_or_else(|| Message::new("hours-any").render(), |hours| hours.in_words())
    }

    /// The points that must be held at once for the times of the retention to be kept. A point of an hour and an
    /// application-consistent one of the same hour are two: the application's may be made later in it.
    #[must_use]
    pub fn points_needed(&self) -> PointsNeeded {
        let keep = &self.retention;
        let beyond = |hours: u32, every: u32| {
            hours.saturating_mul(60).saturating_sub(keep.every_point_mins).div_ceil(every)
        };
        let every = self.app_consistent_every_mins;
        PointsNeeded {
            // One at each end of it.
            window: keep.every_point_mins.saturating_mul(60) / self.copy_frequency.secs() + 1,
            hourly: beyond(keep.hourly_points_hours, 60),
            app_consistent: if every == 0 { 0 } else { beyond(keep.app_consistent_hours, every.max(60)) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A policy as it was written before it had hours.
    const OLD: &str = r#"{"id":"00000000-0000-0000-0000-000000000001","name":"gold","copy_frequency":"Secs30",
        "retention":{"every_point_mins":10,"hourly_points_hours":4,"app_consistent_hours":4,"points_max":24},
        "app_consistent_every_mins":60,"bandwidth_bytes_per_sec_max":4096}"#;

    fn old() -> ReplicationPolicy {
        serde_json::from_str(OLD).expect("it still opens")
    }

    #[test]
    fn a_policy_from_before_there_were_hours_goes_on_as_it_did() {
        let policy = old();
        assert_eq!((&policy.busy, &policy.resync_hours), (&None, &None));
        assert_eq!(policy.limit_at(WallTime(0)), 4096);
    }

    #[test]
    fn limits_and_hours_are_said_in_one_line() {
        let mut policy = old();
        assert_eq!(policy.bandwidth_in_words(), "4.0 KiB/s");
        assert_eq!(policy.resync_in_words(), "any time");
        policy.busy = Some(BusyHours { hours: Hours::at_work(), bandwidth_bytes_per_sec_max: 2 << 20 });
        policy.bandwidth_bytes_per_sec_max = 0;
        policy.resync_hours = Some(Hours::off_work());
        assert_eq!(policy.bandwidth_in_words(), "unlimited; Mon–Fri 08:00–18:00: 2.0 MiB/s");
        assert_eq!(policy.resync_in_words(), "every day 18:30–05:30");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let busy = BusyHours { hours: Hours::at_work(), bandwidth_bytes_per_sec_max: 7 };
        let policy = ReplicationPolicy { busy: Some(busy), resync_hours: Some(Hours::off_work()), ..old() };
        let written = serde_json::to_string(&policy).expect("written");
        assert_eq!(serde_json::from_str::<ReplicationPolicy>(&written).expect("read"), policy);
    }

    proptest! {
        /// The limit of a moment depends on that moment alone: after a jump of the clock, forward or back, it is the
        /// one of the time that the clock shows then.
        #[test]
        fn a_limit_follows_the_clock_wherever_it_jumps(
            jumps in proptest::collection::vec(-40_000_000_000_000_i64..40_000_000_000_000, 1..20),
        ) {
            let busy = BusyHours { hours: Hours::at_work(), bandwidth_bytes_per_sec_max: 7 };
            let policy = ReplicationPolicy { busy: Some(busy), ..old() };
            for millis in jumps {
                let at = WallTime(millis);
                let limit = policy.limit_at(at);
                prop_assert_eq!(limit, if Hours::at_work().hold(at) { 7 } else { 4096 });
            }
        }
    }
}
