//! Pictures of the blades one works in at other sizes than the usual: the smallest window, a large screen, screens with
//! more pixels to a point. Apart from `pictures`, which has every blade once.

use super::harness::{show_at, show_scaled};
use super::manage::console_png;
use crate::route::{ItemsWith, JobsWith, Route};
use crate::sample;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::SnapshotResults;
use egui_kittest::kittest::{AccessKitNode, NodeT as _, Queryable as _, by};
use leeward_model::{
    Accepted, CommandOutcome, CycleSample, Health, ItemId, ItemView, JobId, PointId, PointSummary, Snapshot,
};
use std::sync::Arc;

const SMALL: (f32, f32) = (1024.0, 700.0);
const USUAL: (f32, f32) = (1440.0, 900.0);
const LARGE: (f32, f32) = (2560.0, 1440.0);
const FULL: (f32, f32) = (1920.0, 1080.0);

fn main_blades() -> [(&'static str, Route); 4] {
    [
        ("overview", Route::Overview),
        ("items", Route::Items),
        ("item", Route::Item(ItemId(sample::id(6, 0)))),
        ("jobs", Route::Jobs),
    ]
}

fn at(size: (f32, f32), suffix: &str, dark: bool) {
    let mut results = SnapshotResults::new();
    for (name, route) in main_blades() {
        let mut shown = show_at(sample::lab(), route, dark, size);
        shown.picture(&format!("{name}_{suffix}"));
        results.extend_harness(&mut shown.harness);
    }
}

/// Every blade.
fn all_blades() -> Vec<(&'static str, Route)> {
    let world = sample::lab();
    let (item, test) = (world.items[0].id, world.items[0].tests[0].id);
    let mut all = main_blades().to_vec();
    all.extend([
        ("job", Route::Job(world.jobs[1].id)),
        ("events", Route::Events),
        ("servers", Route::Servers),
        ("server", Route::Server(world.servers[0].agent)),
        ("policies", Route::Policies),
        ("enable", Route::Enable),
        ("console", Route::Console { item, test }),
    ]);
    all
}

#[test]
fn every_blade_on_a_full_screen_in_both_themes() {
    let mut results = SnapshotResults::new();
    for (name, route) in all_blades() {
        let mut shown = show_at(sample::lab(), route, false, FULL);
        if name == "console" {
            let picture = Accepted::Picture { png: console_png(), at: sample::NOW.plus_secs(-2) };
            shown.stage.answer(CommandOutcome::Accepted(picture));
            shown.harness.get_by_role_and_label(Role::Button, "Refresh").click();
            shown.harness.run_steps(6);
        }
        shown.picture(&format!("{name}_1920_light"));
        // The same window: a theme is one frame.
        shown.harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
        shown.harness.run_steps(4);
        shown.picture(&format!("{name}_1920_dark"));
        results.extend_harness(&mut shown.harness);
    }
}

/// All column headers with their right edges.
fn headers(shown: &super::harness::Shown) -> Vec<(String, f32)> {
    let role = |n: &AccessKitNode<'_>| n.role() == Role::ColumnHeader;
    let all = shown.harness.query_all(by().predicate(role));
    all.map(|n| (n.accesskit_node().label().unwrap_or_default(), n.rect().right())).collect()
}

#[test]
fn every_table_fits_on_small_screens() {
    for size in [SMALL, (1280.0, 720.0)] {
        for world in [sample::lab as fn() -> Snapshot, sample::long_names] {
            for (name, route) in all_blades() {
                let mut shown = show_at(world(), route, false, size);
                let tabs = |n: &AccessKitNode<'_>| n.role() == Role::Tab;
                let tabs: Vec<String> = shown
                    .harness
                    .query_all(by().predicate(tabs))
                    .filter_map(|n| n.accesskit_node().label())
                    .collect();
                let mut seen = headers(&shown);
                for tab in tabs {
                    shown.harness.get_by_role_and_label(Role::Tab, &tab).click();
                    shown.harness.run();
                    seen.extend(headers(&shown));
                }
                for (title, right) in seen {
                    assert!(right <= size.0 - 16.0, "{title} of {name} ends at {right} of {size:?}");
                }
            }
        }
    }
}

#[test]
fn on_the_smallest_window() {
    at(SMALL, "1024", false);
}

#[test]
fn on_a_usual_window() {
    at(USUAL, "1440", true);
}

#[test]
fn on_a_large_screen() {
    at(LARGE, "2560", false);
}

#[test]
fn with_more_pixels_to_a_point() {
    let mut results = SnapshotResults::new();
    let (overview, item) = (Route::Overview, Route::Item(ItemId(sample::id(6, 0))));
    for (name, route, scale, dark) in [
        ("overview_150", overview.clone(), 1.5, true),
        ("overview_200", overview, 2.0, false),
        ("item_200", item, 2.0, true),
        ("items_150", Route::Items, 1.5, false),
    ] {
        let mut shown = show_scaled(sample::lab(), route, dark, SMALL, scale);
        shown.picture(name);
        results.extend_harness(&mut shown.harness);
    }
}

#[test]
fn overview_of_four_calm_items() {
    let mut world = sample::lab();
    let calm = |item: &&Arc<ItemView>| matches!(item.health, Health::Healthy);
    let two: Vec<Arc<ItemView>> = world.items.iter().filter(calm).cloned().collect();
    let health = [u32::try_from(two.len()).expect("few"), 0, 0, 0];
    world.items = Arc::new(two);
    world.overview.health = health;
    world.overview.errors.clear();
    show_at(world, Route::Overview, false, USUAL).picture("overview_calm");
}

#[test]
fn narrowed_lists() {
    let mut results = SnapshotResults::new();
    let lists = [
        ("items_narrowed", Route::ItemsWith(ItemsWith::Health(Health::Warning)), false),
        ("jobs_narrowed", Route::JobsWith(JobsWith::Failed), true),
    ];
    for (name, route, dark) in lists {
        let mut shown = show_at(sample::lab(), route, dark, (1280.0, 720.0));
        shown.picture(name);
        results.extend_harness(&mut shown.harness);
    }
}

#[test]
fn a_job_on_the_smallest_window() {
    let job = Route::Job(JobId(sample::id(10, 2)));
    show_at(sample::lab(), job, true, SMALL).picture("job_1024");
}

/// An item with so many points and cycles.
fn with_points(count: u32) -> Snapshot {
    let mut world = sample::lab();
    let mut items = world.items.as_ref().clone();
    let mut item = ItemView::clone(&items[0]);
    let point = item.points[0].clone();
    let points = (0..count).map(|n| PointSummary {
        id: PointId(sample::id(7, 50_000 + n)),
        instant: sample::NOW.plus_secs(-14 - i64::from(n) * 30),
        ..point.clone()
    });
    item.points = Arc::new(points.collect());
    let cycle = item.cycles[0];
    let cycles = (0..count).rev().map(|n| CycleSample {
        at: sample::NOW.plus_secs(-14 - i64::from(n) * 30),
        rpo_secs: 31.0 + f32::from(u8::try_from(n % 7).expect("small")),
        ..cycle
    });
    item.cycles = Arc::new(cycles.collect());
    item.tests.clear();
    items[0] = Arc::new(item);
    world.items = Arc::new(items);
    world
}

#[test]
fn timeline_and_charts_of_few_and_of_many() {
    let mut results = SnapshotResults::new();
    for count in [1, 3, 300] {
        let route = Route::Item(ItemId(sample::id(6, 0)));
        let mut shown = show_at(with_points(count), route, count == 3, (1280.0, 900.0));
        shown.picture(&format!("item_points_{count}"));
        results.extend_harness(&mut shown.harness);
    }
}
