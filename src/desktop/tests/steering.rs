//! What a person does with keys and pointer, and that nothing happens when nobody does anything.

use super::harness::show;
use crate::route::Route;
use crate::sample;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use leeward_model::{Accepted, Command, CommandOutcome, ItemId, JobId, Message, Refusal};

#[test]
fn an_idle_window_asks_for_no_frame() {
    let mut shown = show(sample::lab(), Route::Overview, false);
    shown.harness.run();
    for viewport in shown.harness.output().viewport_output.values() {
        let wait = viewport.repaint_delay;
        assert!(wait.as_secs() >= 5, "a frame was asked for after {wait:?}");
    }
}

#[test]
fn the_palette_finds_a_verb_and_enter_runs_it() {
    let item = ItemId(sample::id(6, 2));
    let mut shown = show(sample::lab(), Route::Item(item), false);
    shown.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    shown.harness.run();
    shown.harness.get_by_label("Search").type_text("synchronize now");
    shown.harness.run();
    shown.harness.key_press(Key::Enter);
    shown.harness.run_steps(3);
    assert_eq!(shown.stage.sent(), [Command::SyncNow { item }]);
    assert!(shown.harness.query_by_label("Search").is_none(), "the palette has closed");
}

#[test]
fn the_palette_leads_to_an_item() {
    let mut shown = show(sample::lab(), Route::Overview, false);
    shown.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    shown.harness.run();
    shown.harness.get_by_label("Search").type_text("db0");
    shown.harness.run();
    shown.harness.key_press(Key::Enter);
    shown.harness.run();
    assert_eq!(shown.harness.state().route(), Some(Route::Item(ItemId(sample::id(6, 1)))));
}

#[test]
fn a_refusal_becomes_a_toast_with_its_reason() {
    let mut shown = show(sample::lab(), Route::Item(ItemId(sample::id(6, 2))), false);
    let why = Message::new("refusal-job-running").with("item", "files01").with("verb", "Commit");
    let said = why.render();
    shown.stage.answer(CommandOutcome::Refused(Refusal { why, helps: None }));
    shown.harness.key_press_modifiers(Modifiers::COMMAND, Key::R);
    shown.harness.run_steps(4);
    assert!(shown.harness.query_by_label(&said).is_some(), "the reason is shown: {said}");
}

#[test]
fn an_accepted_job_can_be_opened_from_its_toast() {
    let mut shown = show(sample::lab(), Route::Item(ItemId(sample::id(6, 2))), false);
    let job = JobId(sample::id(10, 1));
    shown.stage.answer(CommandOutcome::Accepted(Accepted::Jobs(vec![job])));
    shown.harness.key_press_modifiers(Modifiers::COMMAND, Key::R);
    shown.harness.run_steps(4);
    shown.harness.get_by_label("Show the job").click();
    shown.harness.run_steps(4);
    assert_eq!(shown.harness.state().route(), Some(Route::Job(job)));
}

#[test]
fn a_new_snapshot_is_shown() {
    let mut shown = show(sample::lab(), Route::Items, false);
    assert!(shown.harness.query_by_label("renamed01").is_none());
    let mut next = sample::lab();
    next.revision += 1;
    let mut item = next.items[0].as_ref().clone();
    item.name = "renamed01".into();
    let mut items = next.items.as_ref().clone();
    items[0] = item.into();
    next.items = items.into();
    shown.stage.publish(next);
    shown.harness.run();
    assert!(shown.harness.query_by_label("renamed01").is_some());
}

#[test]
fn arrows_and_enter_open_an_item_of_the_list() {
    let mut shown = show(sample::lab(), Route::Items, false);
    shown.harness.get_by_label("Rows").focus();
    shown.harness.run();
    for key in [Key::ArrowDown, Key::ArrowDown, Key::Space, Key::Enter] {
        shown.harness.key_press(key);
        shown.harness.run();
    }
    assert_eq!(shown.harness.state().route(), Some(Route::Item(ItemId(sample::id(6, 1)))));
}

#[test]
fn rows_that_are_not_seen_are_not_drawn() {
    let shown = show(sample::many(10_000), Route::Items, false);
    let drawn = shown.harness.query_all_by_label_contains("Select ").count();
    assert!((5..60).contains(&drawn), "{drawn} rows were drawn");
}

#[test]
fn the_theme_changes_by_shortcut() {
    let mut shown = show(sample::lab(), Route::Overview, false);
    shown.harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    shown.harness.run();
    assert_eq!(shown.harness.ctx.theme(), egui::Theme::Dark);
}

#[test]
fn every_symptom_and_verb_of_the_worlds_has_its_sentence() {
    let world = sample::lab();
    for item in world.items.iter() {
        let said = item.status.render();
        assert_ne!(said, item.status.key, "no sentence for {}", item.status.key);
        for issue in &item.issues {
            assert_ne!(issue.fault.what.render(), issue.fault.what.key);
        }
    }
}

#[test]
fn the_topology_leads_to_items_and_servers() {
    let mut shown = show(sample::lab(), Route::Overview, false);
    shown.harness.get_by_label("web01 runs here").click();
    shown.harness.run();
    assert_eq!(shown.harness.state().route(), Some(Route::Item(ItemId(sample::id(6, 0)))));
    shown.harness.key_press_modifiers(Modifiers::ALT, Key::ArrowLeft);
    shown.harness.run();
    shown.harness.get_by_label("Server hv-sto-01").click();
    shown.harness.run();
    assert_eq!(shown.harness.state().route(), Some(Route::Server(sample::lab().servers[0].agent)));
}

#[test]
fn verbs_on_many_items_are_refused_for_the_first_that_cannot() {
    let mut shown = show(sample::lab(), Route::Items, false);
    shown.harness.get_by_label("Select all").click();
    shown.harness.run();
    assert_eq!(shown.harness.query_all_by_label("6 selected").count(), 1);
    shown.harness.get_by_label("Clear selection").click();
    shown.harness.run();
    assert_eq!(shown.harness.query_all_by_label("6 selected").count(), 0);
}

#[test]
fn a_header_sorts_and_turns_the_order_round() {
    let mut shown = show(sample::lab(), Route::Items, false);
    let top = |shown: &super::harness::Shown| {
        let rows = ["app01", "db01", "dc01", "files01", "mail01", "web01"];
        let at = |name: &&str| shown.harness.get_by_label(&format!("Select {name}")).rect().top();
        rows.into_iter().min_by(|a, b| at(a).total_cmp(&at(b)))
    };
    let header = egui::accesskit::Role::ColumnHeader;
    shown.harness.get_by_role_and_label(header, "Name").click();
    shown.harness.run();
    assert_eq!(top(&shown), Some("app01"));
    shown.harness.get_by_role_and_label(header, "Name").click();
    shown.harness.run();
    assert_eq!(top(&shown), Some("web01"));
}

#[test]
fn ten_thousand_can_be_selected_and_sent() {
    let mut shown = show(sample::many(10_000), Route::Items, false);
    shown.harness.get_by_label("Select all").click();
    shown.harness.run();
    shown.harness.get_by_label("Synchronize now").click();
    shown.harness.run_steps(2);
    assert_eq!(shown.stage.sent().len(), 0, "some of them are paused: the verb is refused for all");
    shown.harness.get_by_label("Clear selection").click();
    shown.harness.run();
    for name in ["web-00001", "sql-00001"] {
        shown.harness.get_by_label(&format!("Select {name}")).click();
        shown.harness.run();
    }
    shown.harness.get_by_label("Synchronize now").click();
    shown.harness.run_steps(2);
    assert_eq!(shown.stage.sent().len(), 2);
}

#[test]
fn a_blade_is_found_by_another_word_for_it() {
    let mut shown = show(sample::lab(), Route::Overview, false);
    shown.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    shown.harness.run();
    shown.harness.get_by_label("Search").type_text("retention");
    shown.harness.run();
    shown.harness.key_press(Key::Enter);
    shown.harness.run();
    assert_eq!(shown.harness.state().route(), Some(Route::Policies));
}
