//! Lists and what leads to them: figures lead to what they count, selection is what was selected, the keyboard reaches
//! everything in few steps. Apart from `steering`, which is the window as a whole.

use super::harness::{Shown, show};
use crate::route::{ItemsWith, JobsWith, Route};
use crate::sample;
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use leeward_model::{Health, ItemId, Readiness};

fn item(n: u32) -> Route {
    Route::Item(ItemId(sample::id(6, n)))
}

fn press(shown: &mut Shown, keys: &[Key]) {
    for key in keys {
        shown.harness.key_press(*key);
        shown.harness.run();
    }
}

fn rows(shown: &Shown) -> usize {
    shown
        .harness
        .query_all_by_label_contains("Select ")
        .filter(|n| n.accesskit_node().label().as_deref() != Some("Select all"))
        .count()
}

#[test]
fn a_figure_leads_to_what_it_counts_and_a_chip_leads_to_all() {
    let mut shown = show(sample::lab(), Route::Overview, false);
    shown.harness.get_by_label("Warning: 2").click();
    shown.harness.run();
    assert_eq!(shown.harness.state().route(), Some(Route::ItemsWith(ItemsWith::Health(Health::Warning))));
    assert_eq!(rows(&shown), 2);
    shown.harness.get_by_label("Health: Warning. Show all").click();
    shown.harness.run();
    assert_eq!(shown.harness.state().route(), Some(Route::Items));
    assert_eq!(rows(&shown), 6);
}

#[test]
fn every_figure_of_the_overview_agrees_with_its_list() {
    let world = sample::lab();
    let due = world.items.iter().filter(|i| i.readiness(world.made_at) == Readiness::TestDue).count();
    assert_eq!(due, world.overview.test_recommended as usize);
    let mut shown = show(world, Route::Overview, false);
    shown.harness.get_by_label(&format!("Test due: {due}")).click();
    shown.harness.run();
    assert_eq!(rows(&shown), due);
}

#[test]
fn a_symptom_leads_to_the_items_that_have_it() {
    let mut shown = show(sample::lab(), Route::Overview, false);
    shown.harness.get_by_label("Review").click();
    shown.harness.run();
    let with = ItemsWith::Symptom("health-not-sending".into());
    assert_eq!(shown.harness.state().route(), Some(Route::ItemsWith(with)));
    assert_eq!(rows(&shown), 1);
    assert!(shown.harness.query_by_label("Select db01").is_some());
}

#[test]
fn a_class_of_jobs_leads_to_those_jobs() {
    let mut shown = show(sample::lab(), Route::Overview, false);
    shown.harness.get_by_label("Failed (24 h): 1").click();
    shown.harness.run();
    assert_eq!(shown.harness.state().route(), Some(Route::JobsWith(JobsWith::Failed)));
    assert!(shown.harness.query_by_label("1 job").is_some());
}

#[test]
fn who_follows_a_figure_is_not_shown_what_an_old_filter_leaves_of_it() {
    let mut shown = show(sample::lab(), Route::Items, false);
    shown.harness.get_by_label("Filter").focus();
    shown.harness.run();
    shown.harness.get_by_label("Filter").type_text("web01");
    shown.harness.run();
    assert_eq!(rows(&shown), 1);
    shown.harness.get_by_role_and_label(Role::MenuItemRadio, "Overview").click();
    shown.harness.run();
    shown.harness.get_by_label("Warning: 2").click();
    shown.harness.run();
    assert_eq!(rows(&shown), 2);
}

#[test]
fn shift_and_arrows_select_as_they_go() {
    let mut shown = show(sample::lab(), Route::Items, false);
    shown.harness.get_by_label("Rows").focus();
    shown.harness.run();
    press(&mut shown, &[Key::ArrowDown]);
    for _ in 0..2 {
        shown.harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
        shown.harness.run();
    }
    assert!(shown.harness.query_by_label("3 selected").is_some());
    // Escape takes the selection away and leaves the keyboard where it is.
    press(&mut shown, &[Key::Escape]);
    assert!(shown.harness.query_by_label("3 selected").is_none());
    press(&mut shown, &[Key::Space]);
    assert!(shown.harness.query_by_label("1 selected").is_some());
}

#[test]
fn a_new_order_does_not_put_another_row_beneath_the_cursor() {
    let mut shown = show(sample::lab(), Route::Items, false);
    shown.harness.get_by_label("Rows").focus();
    shown.harness.run();
    press(&mut shown, &[Key::ArrowDown]);
    assert!(shown.harness.query_by_label("web01, row 1 of 6").is_some(), "the row is announced");
    let mut next = sample::lab();
    next.revision += 1;
    let mut items = next.items.as_ref().clone();
    items.reverse();
    next.items = items.into();
    shown.stage.publish(next);
    shown.harness.run();
    assert!(shown.harness.query_by_label("web01, row 6 of 6").is_some());
    press(&mut shown, &[Key::Enter]);
    assert_eq!(shown.harness.state().route(), Some(item(0)));
}

#[test]
fn what_is_selected_but_hidden_is_said_and_kept() {
    let mut shown = show(sample::lab(), Route::Items, false);
    shown.harness.get_by_label("Select web01").click();
    shown.harness.run();
    shown.harness.get_by_label("Filter").focus();
    shown.harness.run();
    shown.harness.get_by_label("Filter").type_text("db01");
    shown.harness.run();
    assert!(shown.harness.query_by_label("1 selected, 1 not shown").is_some());
    shown.harness.get_by_label("Select all").click();
    shown.harness.run();
    assert!(shown.harness.query_by_label("2 selected, 1 not shown").is_some());
    shown.harness.get_by_label("Select all").click();
    shown.harness.run();
    assert!(shown.harness.query_by_label("1 selected, 1 not shown").is_some());
}

#[test]
fn a_filter_that_nothing_fits_says_so_and_can_be_cleared() {
    let mut shown = show(sample::lab(), Route::Items, false);
    shown.harness.get_by_label("Filter").focus();
    shown.harness.run();
    shown.harness.get_by_label("Filter").type_text("nowhere");
    shown.harness.run();
    shown.harness.get_by_label("Clear the filter").click();
    shown.harness.run();
    assert_eq!(rows(&shown), 6);
}

#[test]
fn numbers_of_thousands_have_one_form() {
    let mut shown = show(sample::many(10_000), Route::Items, false);
    shown.harness.get_by_label("Select all").click();
    shown.harness.run();
    assert!(shown.harness.query_by_label("10,000 items").is_some());
    assert!(shown.harness.query_by_label("10,000 selected").is_some());
}

fn focused(shown: &Shown) -> Option<String> {
    let root = shown.harness.root();
    root.query_all(egui_kittest::kittest::by())
        .find(|n| n.is_focused())
        .and_then(|n| n.accesskit_node().label())
}

#[test]
fn f6_goes_from_part_to_part_and_back() {
    let mut shown = show(sample::lab(), item(0), false);
    let mut went = Vec::new();
    for _ in 0..4 {
        press(&mut shown, &[Key::F6]);
        went.push(focused(&shown).unwrap_or_default());
    }
    let search = "Search items, servers, jobs and commands";
    assert_eq!(went, [search, "Replicated items", "web01", search]);
    shown.harness.key_press_modifiers(Modifiers::SHIFT, Key::F6);
    shown.harness.run();
    assert_eq!(focused(&shown).as_deref(), Some("web01"));
}

#[test]
fn the_hub_menu_is_one_stop() {
    let mut shown = show(sample::lab(), Route::Items, false);
    press(&mut shown, &[Key::F6, Key::F6]);
    assert_eq!(focused(&shown).as_deref(), Some("Replicated items"));
    press(&mut shown, &[Key::ArrowDown]);
    assert_eq!(focused(&shown).as_deref(), Some("Management servers"));
    press(&mut shown, &[Key::Tab]);
    let next = focused(&shown).unwrap_or_default();
    assert!(!["Replication policies", "Jobs", "Events", "Overview"].contains(&next.as_str()), "{next}");
}

#[test]
fn rows_are_one_stop_and_the_row_of_the_cursor_can_be_entered() {
    let mut shown = show(sample::lab(), Route::Items, false);
    shown.harness.get_by_label("Rows").focus();
    shown.harness.run();
    press(&mut shown, &[Key::Tab]);
    let after = focused(&shown).unwrap_or_default();
    assert!(!after.starts_with("Select "), "without a cursor the rows are left at once: {after}");
    shown.harness.get_by_label("Rows").focus();
    shown.harness.run();
    press(&mut shown, &[Key::ArrowDown, Key::ArrowDown, Key::Tab]);
    assert_eq!(focused(&shown).as_deref(), Some("Select db01"));
    press(&mut shown, &[Key::Tab]);
    assert_eq!(focused(&shown).as_deref(), Some("db01"));
}

#[test]
fn left_and_right_turn_the_tabs() {
    let mut shown = show(sample::lab(), item(0), false);
    shown.harness.get_by_role_and_label(Role::Tab, "Overview").focus();
    shown.harness.run();
    for name in ["Recovery points", "Disks", "Events"] {
        press(&mut shown, &[Key::ArrowRight]);
        assert_eq!(focused(&shown).as_deref(), Some(name));
    }
    press(&mut shown, &[Key::ArrowLeft]);
    assert_eq!(focused(&shown).as_deref(), Some("Disks"));
}

#[test]
fn the_timeline_is_one_stop_and_arrows_go_from_point_to_point() {
    let world = sample::lab();
    let points = world.items[0].points.len();
    let mut shown = show(world, item(0), false);
    let at = |shown: &Shown, n: usize| {
        shown.harness.query_by_label_contains(&format!(", {n} of {points}")).is_some()
    };
    assert!(at(&shown, 1));
    shown.harness.get_by_label_contains(&format!(", 1 of {points}")).focus();
    shown.harness.run();
    press(&mut shown, &[Key::ArrowLeft, Key::ArrowLeft]);
    assert!(at(&shown, 3));
    press(&mut shown, &[Key::ArrowRight]);
    assert!(at(&shown, 2));
    press(&mut shown, &[Key::Home]);
    assert!(at(&shown, points));
}

#[test]
fn every_column_has_a_name() {
    let mut shown = show(sample::lab(), item(0), false);
    shown.harness.get_by_role_and_label(Role::Tab, "Recovery points").click();
    shown.harness.run();
    for header in shown.harness.query_all_by_role(Role::ColumnHeader) {
        assert!(header.accesskit_node().label().is_some_and(|l| !l.is_empty()));
    }
}

#[test]
fn the_palette_finds_verbs_on_machines_servers_policies_and_jobs() {
    let mut shown = show(sample::lab(), Route::Overview, false);
    for (typed, name) in [
        ("power off dc01", "Power off: dc01"),
        ("remove hv-got-02", "Remove server: hv-got-02"),
        ("edit gold", "Edit policy: gold-30s"),
        ("pause web01", "Pause: web01"),
    ] {
        shown.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
        shown.harness.run();
        shown.harness.get_by_label("Search").type_text(typed);
        shown.harness.run();
        assert!(shown.harness.query_by_label(name).is_some(), "{typed} does not find {name}");
        press(&mut shown, &[Key::Escape]);
    }
}
