//! Which points stay. Pure: apart from `tidy`, which removes the others.

use leeward_model::{Consistency, PointId, PointKind, PointSummary, Retention};
use std::collections::{BTreeMap, BTreeSet};

/// So much more time between two points at the target than at the source is a clock that jumped.
const JUMP_SECS: i64 = 1_800;

/// Points that the rules no longer keep. `points` are oldest first; pinned ones and the newest always stay, and a
/// safety point stays until a newer point of its own epoch's successor is older than the window. When there are more
/// than may be, the window gets shorter first: what is promised for hours stays.
pub(super) fn too_many(
    points: &[PointSummary],
    pinned: &BTreeSet<PointId>,
    rules: &Retention,
) -> Vec<PointId> {
    let Some(newest) = points.last() else { return Vec::new() };
    let window = i64::from(rules.every_point_mins) * 60;
    let mut kept: BTreeSet<PointId> = pinned.clone();
    kept.insert(newest.id);
    // The first of each hour, so that a point keeps its place in the row as it ages; of all, and of those of
    // applications.
    let (mut hours, mut app_hours) = (BTreeMap::new(), BTreeMap::new());
    let mut lasting = kept.clone();
    for (point, old) in points.iter().zip(ages(points)) {
        let hour = point.committed_at.0.div_euclid(3_600_000);
        if old <= window {
            kept.insert(point.id);
        }
        if old <= i64::from(rules.hourly_points_hours) * 3_600 {
            hours.entry(hour).or_insert(point.id);
        }
        let application = point.consistency == Consistency::Application;
        if application && old <= i64::from(rules.app_consistent_hours) * 3_600 {
            kept.insert(point.id);
            app_hours.entry(hour).or_insert(point.id);
        }
        if point.kind == PointKind::Safety && old <= i64::from(rules.hourly_points_hours.max(24)) * 3_600 {
            lasting.insert(point.id);
        }
    }
    lasting.extend(hours.into_values().chain(app_hours.into_values()));
    kept.extend(&lasting);
    let most = usize::try_from(rules.points_max.max(1)).unwrap_or(1);
    let mut over = points.iter().filter(|p| kept.contains(&p.id)).count().saturating_sub(most);
    let short_lived = points.iter().filter(|p| !lasting.contains(&p.id));
    for point in short_lived.chain(points) {
        if over == 0 {
            break;
        }
        let may_go = point.id != newest.id && !pinned.contains(&point.id);
        if may_go && kept.remove(&point.id) {
            over -= 1;
        }
    }
    points.iter().filter(|p| !kept.contains(&p.id)).map(|p| p.id).collect()
}

/// How many seconds older than the newest each point is: time without new points takes none away. Where the target's
/// clock has jumped between two points, the source's is believed.
fn ages(points: &[PointSummary]) -> Vec<i64> {
    let mut ages = vec![0];
    let mut age: i64 = 0;
    for pair in points.windows(2).rev() {
        let [older, newer] = pair else { continue };
        let here = newer.committed_at.secs_since(older.committed_at).max(0);
        let there = newer.instant.secs_since(older.instant).max(0);
        let jumped = here > there.saturating_mul(2).saturating_add(JUMP_SECS);
        age = age.saturating_add(if jumped { there } else { here });
        ages.push(age);
    }
    ages.reverse();
    ages
}

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_model::{Epoch, Moment, Sequence};
    use proptest::prelude::*;
    use uuid::Uuid;

    fn point(n: u64, secs: i64, consistency: Consistency) -> PointSummary {
        PointSummary {
            id: PointId(Uuid::from_u64_pair(1, n)),
            epoch: Epoch(1),
            sequence: Sequence(n),
            instant: Moment(secs * 1000),
            committed_at: Moment(secs * 1000),
            consistency,
            kind: PointKind::Delta,
            size_bytes: 0,
            pinned: false,
        }
    }

    fn rules() -> Retention {
        Retention { every_point_mins: 10, hourly_points_hours: 4, app_consistent_hours: 2, points_max: 24 }
    }

    fn left(points: &[PointSummary]) -> Vec<u64> {
        let gone = too_many(points, &BTreeSet::new(), &rules());
        points.iter().filter(|p| !gone.contains(&p.id)).map(|p| p.sequence.0).collect()
    }

    #[test]
    fn the_window_keeps_every_point_and_each_hour_one() {
        let points: Vec<_> =
            (0..36).map(|n| point(n, i64::try_from(n).unwrap_or(0) * 300, Consistency::Crash)).collect();
        // Three hours of a point every five minutes: the last ten minutes whole, then one an hour.
        assert_eq!(left(&points), [0, 12, 24, 33, 34, 35]);
    }

    #[test]
    fn application_points_stay_their_time() {
        let points = [
            point(1, 0, Consistency::Application),
            point(2, 600, Consistency::Crash),
            point(3, 7_000, Consistency::Crash),
        ];
        assert!(left(&points).contains(&1));
    }

    #[test]
    fn a_clock_that_jumps_costs_no_point_of_the_window() {
        let points = [point(1, 5_000, Consistency::Crash), point(2, 5_030, Consistency::Crash)];
        assert_eq!(left(&points), [1, 2]);
        // Back, and forward by a day.
        let mut back = points.to_vec();
        back[1].committed_at = Moment(100_000);
        assert_eq!(left(&back), [1, 2]);
        let mut forward = points.to_vec();
        forward[1].committed_at = Moment(5_030_000 + 86_400_000);
        assert_eq!(left(&forward), [1, 2]);
    }

    #[test]
    fn time_without_new_points_takes_none_away() {
        let mut points: Vec<_> =
            (0..5).map(|n| point(n, i64::try_from(n).unwrap_or(0) * 60, Consistency::Crash)).collect();
        assert_eq!(left(&points), [0, 1, 2, 3, 4]);
        // The source was silent for a day: then the older ones are a day old.
        points.push(point(5, 86_400, Consistency::Crash));
        assert_eq!(left(&points), [5]);
    }

    /// A point every thirty seconds for six hours, some of them of applications, tidied after each.
    #[test]
    fn the_window_gives_way_before_what_is_promised_for_hours() {
        let mut points: Vec<PointSummary> = Vec::new();
        for n in 0..720_u64 {
            let app = n.is_multiple_of(120);
            let consistency = if app { Consistency::Application } else { Consistency::Crash };
            points.push(point(n, i64::try_from(n).unwrap_or(0) * 30 + 7, consistency));
            let rules = Retention { app_consistent_hours: 4, ..rules() };
            let gone = too_many(&points, &BTreeSet::new(), &rules);
            points.retain(|p| !gone.contains(&p.id));
            assert!(points.len() <= 24);
            for hours in 1..=(n / 120).min(4) {
                let hour = n / 120 - hours;
                let of_hour = |p: &&PointSummary| p.sequence.0 / 120 == hour;
                // The oldest hour goes with its first point.
                let wanted = n - hour * 120 <= 480;
                assert!(!wanted || points.iter().any(|p| of_hour(&p)), "hour {hour} after {n}");
                let application =
                    points.iter().filter(of_hour).any(|p| p.consistency == Consistency::Application);
                assert!(!wanted || application, "the application's point of hour {hour} after {n}");
            }
            let plain = points.iter().filter(|p| n - p.sequence.0 <= 12).count() as u64;
            assert_eq!(plain, n.min(12) + 1, "the newest six minutes are whole after {n}");
        }
    }

    /// With as many points as a policy says that it needs, and no more, everything that it promises is there.
    #[test]
    fn as_many_points_as_a_policy_needs_hold_what_it_promises() {
        use leeward_model::{CopyFrequency, PolicyId, ReplicationPolicy};
        for (copy_frequency, app_every, window, hours, app_hours) in [
            (CopyFrequency::Secs30, 60, 10, 4, 4),
            (CopyFrequency::Secs30, 2, 5, 6, 3),
            (CopyFrequency::Mins5, 120, 65, 3, 6),
            (CopyFrequency::Mins5, 15, 0, 12, 12),
            (CopyFrequency::Mins15, 0, 90, 24, 0),
        ] {
            let (every_point_mins, hourly_points_hours, app_consistent_hours) = (window, hours, app_hours);
            let keep =
                Retention { every_point_mins, hourly_points_hours, app_consistent_hours, points_max: 0 };
            let mut policy = ReplicationPolicy {
                id: PolicyId(Uuid::nil()),
                name: String::new(),
                copy_frequency,
                retention: keep,
                app_consistent_every_mins: app_every,
                bandwidth_bytes_per_sec_max: 0,
                busy: None,
                resync_hours: None,
            };
            policy.retention.points_max = policy.points_needed().all();
            let (cycle, promised) = (i64::from(copy_frequency.secs()), &policy.retention);
            let (mut points, mut all): (Vec<PointSummary>, Vec<PointSummary>) = (Vec::new(), Vec::new());
            for n in 0..30 * 3_600 / cycle {
                let at = n * cycle + 7;
                let app = app_every > 0 && at % (i64::from(app_every) * 60) < cycle;
                let consistency = if app { Consistency::Application } else { Consistency::Crash };
                let made = point(n.unsigned_abs(), at, consistency);
                points.push(made.clone());
                all.push(made);
                let gone = too_many(&points, &BTreeSet::new(), promised);
                points.retain(|p| !gone.contains(&p.id));
                let there = |p: &PointSummary| points.iter().any(|k| k.id == p.id);
                let young = |p: &&PointSummary, secs: i64| at * 1000 - p.instant.0 <= secs * 1000;
                let whole = all.iter().filter(|p| young(p, i64::from(window) * 60)).all(there);
                assert!(whole, "the short window of {policy:?} after {at} s");
                let firsts = |secs: i64, of: Option<Consistency>| {
                    let mut firsts: BTreeMap<i64, &PointSummary> = BTreeMap::new();
                    for p in all.iter().filter(|p| of.is_none_or(|c| p.consistency == c)) {
                        firsts.entry(p.instant.0.div_euclid(3_600_000)).or_insert(p);
                    }
                    firsts.into_values().filter(|p| young(p, secs)).all(there)
                };
                assert!(firsts(i64::from(hours) * 3_600, None), "an hour of {policy:?} after {at} s");
                let app_kept = firsts(i64::from(app_hours) * 3_600, Some(Consistency::Application));
                assert!(app_kept, "an application's point of {policy:?} after {at} s");
            }
        }
    }

    proptest! {
        #[test]
        fn the_newest_and_pinned_ones_stay_and_the_number_is_bounded(
            ages in proptest::collection::vec(0_i64..100_000, 1..80),
            pins in proptest::collection::btree_set(0_usize..80, 0..4),
            most in 1_u32..32,
        ) {
            let mut secs = ages.clone();
            secs.sort_unstable();
            let points: Vec<_> = secs.iter().enumerate().map(|(n, s)| point(n as u64, *s, Consistency::Crash)).collect();
            let pinned: BTreeSet<_> = pins.iter().filter_map(|n| points.get(*n)).map(|p| p.id).collect();
            let rules = Retention { points_max: most, ..rules() };
            let gone = too_many(&points, &pinned, &rules);
            prop_assert!(!gone.contains(&points[points.len() - 1].id));
            prop_assert!(pinned.iter().all(|p| !gone.contains(p)));
            let bound = usize::try_from(most).unwrap_or(0).max(pinned.len() + 1);
            prop_assert!(points.len() - gone.len() <= bound);
        }

        #[test]
        fn a_jump_of_the_targets_clock_costs_nothing_that_was_promised(
            count in 2_usize..24,
            at in 1_usize..24,
            jump in -200_000_i64..1_000_000,
        ) {
            // A point every five minutes; the window and the number allow all of them.
            let every = |n: usize| i64::try_from(n).unwrap_or(0) * 300;
            let mut points: Vec<_> =
                (0..count).map(|n| point(n as u64, every(n), Consistency::Crash)).collect();
            for point in points.iter_mut().skip(at) {
                point.committed_at = Moment(point.committed_at.0 + jump * 1000);
            }
            let rules = Retention { every_point_mins: 150, ..rules() };
            let gone = too_many(&points, &BTreeSet::new(), &rules);
            // A jump that is too small to be told from a slow link makes points a little older.
            let slack = usize::try_from(JUMP_SECS / 300 + 2).unwrap_or(0);
            prop_assert!(points.iter().rev().take(30 - slack).all(|p| !gone.contains(&p.id)), "{gone:?}");
        }
    }
}
