//! What a policy may say. A policy whose promises cannot be kept is refused when it is made, with the field that asks
//! for too much and a value that would do; otherwise nobody would know before a point is missing. Apart from `vault`,
//! which keeps policies.

use super::vault::check_name;
use super::{State, refuse};
use leeward_model::{Message, Refusal, ReplicationPolicy, Verb, amount};

/// The most points a chain may hold.
const POINTS_MAX: u32 = 32;
/// The longest that points may be kept.
const HOURS_MAX: u32 = 24;
/// The longest between two application-consistent points.
const APPLICATION_MINS_MAX: u32 = 12 * 60;
/// The least a limit may let through: a block of a disk in a second.
const BYTES_PER_SEC_MIN: u64 = 64 << 10;
/// More than this is no limit to any link.
const BYTES_PER_SEC_MAX: u64 = 100 << 30;

/// Whether a policy may be made, or changed to this.
pub(super) fn check(state: &State, policy: &ReplicationPolicy, edit: bool) -> Result<(), Refusal> {
    check_name(&policy.name, "refusal-policy-name")?;
    let same_name = |p: &&ReplicationPolicy| p.id != policy.id && p.name.eq_ignore_ascii_case(&policy.name);
    if state.policies.values().any(|p| same_name(&p)) {
        return Err(refuse(Message::new("refusal-policy-name-taken").with("policy", &policy.name)));
    }
    match (state.policies.get(&policy.id), edit) {
        (None, true) => return Err(refuse(Message::new("refusal-no-such-policy"))),
        // The same command sent twice makes one policy; another one under its id would be an edit unawares.
        (Some(there), false) if there != policy => {
            return Err(refuse(Message::new("refusal-policy-exists")).helped_by(Verb::EditPolicy));
        }
        _ => {}
    }
    settings(policy).map_err(refuse)
}

/// Whether its settings can be kept, each by itself and all together.
fn settings(policy: &ReplicationPolicy) -> Result<(), Message> {
    let keep = &policy.retention;
    if !(1..=POINTS_MAX).contains(&keep.points_max) {
        return Err(Message::new("refusal-policy-points").with("max", POINTS_MAX));
    }
    if keep.every_point_mins > HOURS_MAX * 60 {
        return Err(Message::new("refusal-policy-window").with("max", HOURS_MAX * 60));
    }
    if keep.hourly_points_hours > HOURS_MAX {
        return Err(Message::new("refusal-policy-hourly").with("max", HOURS_MAX));
    }
    if keep.app_consistent_hours > HOURS_MAX {
        return Err(Message::new("refusal-policy-app-hours").with("max", HOURS_MAX));
    }
    application(policy)?;
    bandwidth(policy.bandwidth_bytes_per_sec_max)?;
    if let Some(busy) = &policy.busy {
        if !busy.hours.are_some() {
            return Err(Message::new("refusal-policy-busy-hours"));
        }
        bandwidth(busy.bandwidth_bytes_per_sec_max)?;
    }
    if policy.resync_hours.as_ref().is_some_and(|hours| !hours.are_some()) {
        return Err(Message::new("refusal-policy-resync-hours"));
    }
    points(policy)
}

fn application(policy: &ReplicationPolicy) -> Result<(), Message> {
    let every = policy.app_consistent_every_mins;
    if every == 0 {
        return Ok(());
    }
    let cycle = policy.copy_frequency.secs();
    if every > APPLICATION_MINS_MAX || every * 60 < cycle {
        let said = Message::new("refusal-policy-app-consistent");
        return Err(said.with("min", cycle.div_ceil(60)).with("max", APPLICATION_MINS_MAX));
    }
    if policy.retention.app_consistent_hours * 60 < every {
        let said = Message::new("refusal-policy-app-kept").with("every", every);
        return Err(said.with("hours", every.div_ceil(60)));
    }
    Ok(())
}

fn bandwidth(bytes_per_sec_max: u64) -> Result<(), Message> {
    if bytes_per_sec_max == 0 || (BYTES_PER_SEC_MIN..=BYTES_PER_SEC_MAX).contains(&bytes_per_sec_max) {
        return Ok(());
    }
    let said = Message::new("refusal-policy-bandwidth").with("size", amount::size(bytes_per_sec_max));
    Err(said.with("min", amount::size(BYTES_PER_SEC_MIN)).with("max", amount::size(BYTES_PER_SEC_MAX)))
}

/// What is promised for minutes and hours must fit into the number of points.
fn points(policy: &ReplicationPolicy) -> Result<(), Message> {
    let (needed, most) = (policy.points_needed(), policy.retention.points_max);
    if needed.all() <= most {
        return Ok(());
    }
    let fits = needed.all() <= POINTS_MAX;
    let said = Message::new(if fits { "refusal-policy-too-few" } else { "refusal-policy-too-many" });
    Err(said
        .with("most", most)
        .with("max", POINTS_MAX)
        .with("needed", needed.all())
        .with("window", needed.window)
        .with("hourly", needed.hourly)
        .with("application", needed.app_consistent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_model::{BusyHours, CopyFrequency, Hours, PolicyId, Retention};
    use std::collections::BTreeSet;

    fn policy() -> ReplicationPolicy {
        ReplicationPolicy {
            id: PolicyId(uuid::Uuid::nil()),
            name: "gold".to_owned(),
            copy_frequency: CopyFrequency::Secs30,
            retention: Retention::default(),
            app_consistent_every_mins: 60,
            bandwidth_bytes_per_sec_max: 0,
            busy: None,
            resync_hours: None,
        }
    }

    /// The key and the words of the refusal, once something is changed.
    fn refused(change: impl FnOnce(&mut ReplicationPolicy)) -> (String, String) {
        let mut changed = policy();
        change(&mut changed);
        let why = settings(&changed).expect_err("it cannot be kept");
        (why.key.to_string(), why.render())
    }

    fn allowed(change: impl FnOnce(&mut ReplicationPolicy)) {
        let mut changed = policy();
        change(&mut changed);
        assert_eq!(settings(&changed), Ok(()), "{changed:?}");
    }

    #[test]
    fn what_a_new_policy_begins_with_can_be_kept_at_every_frequency() {
        for frequency in [CopyFrequency::Secs30, CopyFrequency::Mins5, CopyFrequency::Mins15] {
            for every in [0, 15, 60, 240] {
                allowed(|p| (p.copy_frequency, p.app_consistent_every_mins) = (frequency, every));
            }
        }
    }

    #[test]
    fn names_are_there_and_of_one_line() {
        for name in ["", " ", " gold", "gold ", "go\nld", &"x".repeat(65)] {
            let refusal = check_name(name, "refusal-policy-name").expect_err("no name");
            assert_eq!(refusal.why.key, "refusal-policy-name", "{name:?}");
        }
        assert!(check_name(&"ö".repeat(64), "refusal-policy-name").is_ok());
    }

    #[test]
    fn each_time_and_number_has_its_bounds() {
        let key = |change: fn(&mut ReplicationPolicy)| refused(change).0;
        assert_eq!(key(|p| p.retention.points_max = 0), "refusal-policy-points");
        assert_eq!(key(|p| p.retention.points_max = 33), "refusal-policy-points");
        assert_eq!(key(|p| p.retention.every_point_mins = 1_441), "refusal-policy-window");
        assert_eq!(key(|p| p.retention.every_point_mins = u32::MAX), "refusal-policy-window");
        assert_eq!(key(|p| p.retention.hourly_points_hours = 25), "refusal-policy-hourly");
        assert_eq!(key(|p| p.retention.hourly_points_hours = u32::MAX), "refusal-policy-hourly");
        assert_eq!(key(|p| p.retention.app_consistent_hours = 25), "refusal-policy-app-hours");
        allowed(|p| {
            p.retention = Retention { every_point_mins: 0, hourly_points_hours: 0, ..Retention::default() }
        });
    }

    #[test]
    fn application_consistent_points_follow_cycles_and_outlive_the_next_one() {
        let key = |change: fn(&mut ReplicationPolicy)| refused(change).0;
        let quarter = |every| {
            move |p: &mut ReplicationPolicy| {
                (p.copy_frequency, p.app_consistent_every_mins) = (CopyFrequency::Mins15, every)
            }
        };
        assert_eq!(refused(quarter(14)).0, "refusal-policy-app-consistent");
        assert!(refused(quarter(14)).1.contains("15"), "{}", refused(quarter(14)).1);
        allowed(quarter(15));
        assert_eq!(key(|p| p.app_consistent_every_mins = 721), "refusal-policy-app-consistent");
        assert_eq!(key(|p| p.app_consistent_every_mins = u32::MAX), "refusal-policy-app-consistent");
        // Made every five hours, gone after four: most of the time there would be none.
        let (key, said) = refused(|p| p.app_consistent_every_mins = 300);
        assert_eq!(key, "refusal-policy-app-kept");
        assert!(said.contains("300") && said.contains('5'), "{said}");
        allowed(|p| (p.app_consistent_every_mins, p.retention.app_consistent_hours) = (0, 0));
    }

    #[test]
    fn a_limit_lets_something_through() {
        for limit in [1, (64 << 10) - 1, (100 << 30) + 1, u64::MAX] {
            let (key, said) = refused(|p| p.bandwidth_bytes_per_sec_max = limit);
            assert_eq!(key, "refusal-policy-bandwidth");
            assert!(said.contains("64.0 KiB"), "{said}");
        }
        for limit in [0, 64 << 10, 100 << 30] {
            allowed(|p| p.bandwidth_bytes_per_sec_max = limit);
        }
    }

    #[test]
    fn hours_name_a_day_and_times_of_it() {
        let never = || Hours { days: BTreeSet::new(), ..Hours::at_work() };
        let late = || Hours { to_min: 24 * 60, ..Hours::at_work() };
        for hours in [never, late] {
            let busy = BusyHours { hours: hours(), bandwidth_bytes_per_sec_max: 1 << 20 };
            assert_eq!(refused(|p| p.busy = Some(busy)).0, "refusal-policy-busy-hours");
            assert_eq!(refused(|p| p.resync_hours = Some(hours())).0, "refusal-policy-resync-hours");
        }
        let busy = |bandwidth_bytes_per_sec_max| {
            Some(BusyHours { hours: Hours::at_work(), bandwidth_bytes_per_sec_max })
        };
        assert_eq!(refused(|p| p.busy = busy(1)).0, "refusal-policy-bandwidth");
        allowed(|p| (p.busy, p.resync_hours) = (busy(1 << 20), Some(Hours::off_work())));
    }

    #[test]
    fn what_is_promised_fits_into_the_number_of_points() {
        // Ten minutes of half minutes, both ends counted, then four hours of both kinds.
        let (key, said) = refused(|p| p.retention.points_max = 28);
        assert_eq!(key, "refusal-policy-too-few");
        for figure in ["28", "29", "21", "4"] {
            assert!(said.contains(figure), "{figure} in {said}");
        }
        allowed(|p| p.retention.points_max = 29);
        // A day of hours beside that is more than a chain may hold, whatever is allowed.
        let (key, said) = refused(|p| p.retention.hourly_points_hours = 24);
        assert_eq!(key, "refusal-policy-too-many");
        assert!(said.contains("32") && said.contains("49"), "{said}");
        allowed(|p| {
            p.retention = Retention { every_point_mins: 0, hourly_points_hours: 24, ..Retention::default() };
        });
    }
}
