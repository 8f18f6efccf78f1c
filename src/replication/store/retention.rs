//! Which points stay. Pure: apart from `tidy`, which removes the others.

use leeward_model::{Consistency, Moment, PointId, PointKind, PointSummary, Retention};
use std::collections::{BTreeMap, BTreeSet};

/// Points that the rules no longer keep. `points` are oldest first; pinned ones and the newest always stay, and a
/// safety point stays until a newer point of its own epoch's successor is older than the window.
pub(super) fn too_many(
    points: &[PointSummary],
    pinned: &BTreeSet<PointId>,
    now: Moment,
    rules: &Retention,
) -> Vec<PointId> {
    let Some(newest) = points.last() else { return Vec::new() };
    // Ages count from the newest point when the clock has gone back behind it.
    let now = now.max(newest.committed_at);
    let age = |p: &PointSummary| now.secs_since(p.committed_at);
    let window = i64::from(rules.every_point_mins) * 60;
    let mut kept: BTreeSet<PointId> = pinned.clone();
    kept.insert(newest.id);
    // The newest of each hour, so that a point keeps its place in the row as it ages.
    let mut hours: BTreeMap<i64, PointId> = BTreeMap::new();
    for point in points {
        let old = age(point);
        if old <= window {
            kept.insert(point.id);
        }
        if old <= i64::from(rules.hourly_points_hours) * 3_600 {
            hours.entry(point.committed_at.0.div_euclid(3_600_000)).or_insert(point.id);
        }
        let application = point.consistency == Consistency::Application;
        if application && old <= i64::from(rules.app_consistent_hours) * 3_600 {
            kept.insert(point.id);
        }
        if point.kind == PointKind::Safety && old <= i64::from(rules.hourly_points_hours.max(24)) * 3_600 {
            kept.insert(point.id);
        }
    }
    kept.extend(hours.into_values());
    let most = usize::try_from(rules.points_max.max(1)).unwrap_or(1);
    let mut over = points.iter().filter(|p| kept.contains(&p.id)).count().saturating_sub(most);
    for point in points {
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

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_model::{Epoch, Sequence};
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

    fn left(points: &[PointSummary], now: i64) -> Vec<u64> {
        let gone = too_many(points, &BTreeSet::new(), Moment(now * 1000), &rules());
        points.iter().filter(|p| !gone.contains(&p.id)).map(|p| p.sequence.0).collect()
    }

    #[test]
    fn the_window_keeps_every_point_and_each_hour_one() {
        let points: Vec<_> =
            (0..36).map(|n| point(n, i64::try_from(n).unwrap_or(0) * 300, Consistency::Crash)).collect();
        // Three hours of a point every five minutes: the last ten minutes whole, then one an hour.
        assert_eq!(left(&points, 35 * 300), [0, 12, 24, 33, 34, 35]);
    }

    #[test]
    fn application_points_stay_their_time() {
        let points = [
            point(1, 0, Consistency::Application),
            point(2, 600, Consistency::Crash),
            point(3, 7_000, Consistency::Crash),
        ];
        assert!(left(&points, 7_100).contains(&1));
    }

    #[test]
    fn a_clock_that_jumps_costs_no_point_of_the_window() {
        let points = [point(1, 5_000, Consistency::Crash), point(2, 5_030, Consistency::Crash)];
        assert_eq!(left(&points, 100), [1, 2]);
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
            let gone = too_many(&points, &pinned, Moment(100_000_000), &rules);
            prop_assert!(!gone.contains(&points[points.len() - 1].id));
            prop_assert!(pinned.iter().all(|p| !gone.contains(p)));
            let bound = usize::try_from(most).unwrap_or(0).max(pinned.len() + 1);
            prop_assert!(points.len() - gone.len() <= bound);
        }
    }
}
