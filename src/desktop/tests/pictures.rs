//! Pictures of the shell and of the blades of protection and monitoring.

use super::harness::{both, show, show_at};
use crate::route::Route;
use crate::sample;
use egui::{Key, Modifiers};
use egui_kittest::SnapshotResults;
use egui_kittest::kittest::Queryable as _;
use leeward_model::{Accepted, CommandOutcome, ItemId, JobId, Message, Refusal, Snapshot};

fn item(n: u32) -> Route {
    Route::Item(ItemId(sample::id(6, n)))
}

#[test]
fn overview() {
    both(sample::lab, &Route::Overview, "overview");
}

#[test]
fn overview_with_room() {
    show_at(sample::lab(), Route::Overview, false, (1440.0, 1340.0)).picture("overview_tall");
}

#[test]
fn overview_without_hosts() {
    show(sample::empty(), Route::Overview, false).picture("overview_empty");
}

#[test]
fn overview_with_long_names_on_the_smallest_window() {
    show_at(sample::long_names(), Route::Overview, false, (1024.0, 700.0)).picture("overview_long");
}

#[test]
fn overview_of_ten_thousand() {
    show_at(sample::many(10_000), Route::Overview, true, (1280.0, 900.0)).picture("overview_many");
}

#[test]
fn items() {
    both(sample::lab, &Route::Items, "items");
}

#[test]
fn items_none() {
    show(sample::unprotected(), Route::Items, false).picture("items_empty");
}

#[test]
fn items_with_long_names() {
    show(sample::long_names(), Route::Items, false).picture("items_long");
}

#[test]
fn items_ten_thousand_filtered() {
    let mut shown = show(sample::many(10_000), Route::Items, false);
    shown.harness.get_by_label("Filter").focus();
    shown.harness.run();
    shown.harness.get_by_label("Filter").type_text("sql 0001");
    shown.harness.run();
    shown.picture("items_many_filtered");
}

#[test]
fn item_protected_with_a_test_running() {
    both(sample::lab, &item(0), "item_test");
}

#[test]
fn item_whole_page() {
    show_at(sample::lab(), item(0), false, (1440.0, 1250.0)).picture("item_tall");
}

#[test]
fn item_retrying() {
    show(sample::lab(), item(1), false).picture("item_retrying");
}

#[test]
fn item_failed_over_and_superseded() {
    show(sample::lab(), item(3), true).picture("item_superseded");
}

#[test]
fn item_initial_replication() {
    show(sample::lab(), item(4), false).picture("item_initial");
}

#[test]
fn item_points_disks_events() {
    let mut results = SnapshotResults::new();
    for (dark, theme) in [(false, ""), (true, "_dark")] {
        let mut shown = show(sample::lab(), item(0), dark);
        let tabs = [("Disks", "item_disks"), ("Events", "item_events"), ("Recovery points", "item_points")];
        for (tab, name) in tabs {
            shown.harness.get_by_role_and_label(egui::accesskit::Role::Tab, tab).click();
            shown.harness.run();
            shown.picture(&format!("{name}{theme}"));
        }
        results.extend_harness(&mut shown.harness);
    }
}

#[test]
fn item_with_long_names() {
    show_at(sample::long_names(), item(1), false, (1024.0, 700.0)).picture("item_long");
}

#[test]
fn events() {
    both(sample::lab, &Route::Events, "events");
}

fn lab() -> Snapshot {
    sample::lab()
}

#[test]
fn palette() {
    let mut results = SnapshotResults::new();
    for (dark, name) in [(true, "palette"), (false, "palette_light")] {
        let mut shown = show(lab(), item(0), dark);
        shown.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
        shown.harness.run();
        shown.harness.get_by_label("Search").type_text("fail");
        shown.harness.run();
        shown.picture(name);
        results.extend_harness(&mut shown.harness);
    }
}

#[test]
fn toasts_and_the_notification_list() {
    let mut results = SnapshotResults::new();
    for (dark, theme) in [(false, ""), (true, "_dark")] {
        let mut shown = show(lab(), item(2), dark);
        let why = Message::new("refusal-job-running").with("item", "files01").with("verb", "Commit");
        shown.stage.answer(CommandOutcome::Refused(Refusal { why, helps: None }));
        shown.harness.key_press_modifiers(Modifiers::COMMAND, Key::R);
        shown.harness.run_steps(4);
        shown.stage.answer(CommandOutcome::Accepted(Accepted::Jobs(vec![JobId(sample::id(10, 1))])));
        shown.harness.key_press_modifiers(Modifiers::COMMAND, Key::R);
        shown.harness.run_steps(4);
        shown.picture(&format!("toasts{theme}"));
        shown.harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::N);
        shown.harness.run_steps(4);
        shown.picture(&format!("notifications{theme}"));
        results.extend_harness(&mut shown.harness);
    }
}

#[test]
fn items_selected_and_columns() {
    let mut shown = show(lab(), Route::Items, false);
    for name in ["Select web01", "Select files01"] {
        shown.harness.get_by_label(name).click();
        shown.harness.run();
    }
    shown.picture("items_selected");
    shown.harness.get_by_label("Columns").click();
    shown.harness.run();
    shown.picture("items_columns");
}

#[test]
fn more_commands_of_an_item() {
    let mut shown = show(lab(), item(3), false);
    shown.harness.get_by_label("More commands").click();
    shown.harness.run();
    shown.picture("item_more");
}
