//! Dialogs whose answers take their time, slips of the hand, and verbs on several items. Apart from `forms`, where
//! everything goes as it should.

use super::asked::show;
use super::harness::Shown;
use crate::action::Dialog;
use crate::kit::words;
use crate::route::Route;
use crate::sample;
use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use leeward_model::{Accepted, Command, CommandOutcome, ItemId, KeyId, Snapshot, TestId, Verb};
use std::sync::Arc;

fn item(n: u32) -> ItemId {
    ItemId(sample::id(6, n))
}

fn asked(world: Snapshot, verb: Verb, items: Vec<ItemId>) -> Shown {
    show(world, Route::Items, Some(Dialog::ItemVerb { verb, items, test: None }), false)
}

fn press(shown: &mut Shown, label: &str) {
    let buttons: Vec<_> = shown.harness.get_all_by_role_and_label(Role::Button, label).collect();
    buttons.last().expect("a button").click();
    shown.harness.run_steps(4);
}

fn write(shown: &mut Shown, label: &str, text: &str) {
    shown.harness.get_by_role_and_label(Role::TextInput, label).focus();
    shown.harness.run_steps(2);
    shown.harness.get_by_role_and_label(Role::TextInput, label).type_text(text);
    shown.harness.run_steps(3);
}

fn says(shown: &Shown, text: &str) -> bool {
    shown.harness.query_all_by_label_contains(text).next().is_some()
}

#[test]
fn a_key_that_is_being_made_is_not_lost_by_a_slip() {
    let mut shown = show(sample::lab(), Route::Servers, Some(Dialog::RegistrationKey), false);
    write(&mut shown, "Site", "Visby");
    shown.stage.hold(true);
    press(&mut shown, "Make registration key");
    shown.harness.key_press(Key::Escape);
    shown.harness.run_steps(4);
    assert!(says(&shown, &words("dialog-key-not-yet")), "open, and says why");
    let (key, file_text) = (KeyId(sample::id(8, 9)), "the key".to_owned());
    shown.stage.answer(CommandOutcome::Accepted(Accepted::RegistrationKey { key, file_text }));
    shown.stage.hold(false);
    shown.harness.run_steps(4);
    assert!(says(&shown, "Registration key for Visby"));
}

#[test]
fn hosts_that_cannot_join_are_foreseen() {
    let mut world = sample::lab();
    let shown = show(world.clone(), Route::Servers, Some(Dialog::RegistrationKey), false);
    assert!(!says(&shown, "another host cannot join"));
    world.vault.engine_addr = "127.0.0.1:8443".into();
    let shown = show(world, Route::Servers, Some(Dialog::RegistrationKey), false);
    assert!(says(&shown, "127.0.0.1:8443") && says(&shown, "another host cannot join"));
}

#[test]
fn nothing_is_sent_before_its_effect_is_known() {
    let world = sample::lab();
    let mut shown = show(world, Route::Items, None, false);
    shown.stage.keep_foretold(true);
    shown.harness.get_by_label("files01").click();
    shown.harness.run_steps(4);
    press(&mut shown, "Planned failover");
    assert!(says(&shown, &words("dialog-worked-out")));
    press(&mut shown, "Planned failover");
    assert!(shown.stage.sent().is_empty());
    shown.stage.keep_foretold(false);
    shown.harness.run_steps(4);
    assert!(!says(&shown, &words("dialog-worked-out")));
    press(&mut shown, "Planned failover");
    assert_eq!(shown.stage.sent(), [Command::PlannedFailover { item: item(2) }]);
}

#[test]
fn notes_do_not_ask_again_what_a_clean_up_does() {
    let dialog = Dialog::ItemVerb {
        verb: Verb::CleanUpTestFailover,
        items: vec![item(0)],
        test: Some(TestId(sample::id(11, 1))),
    };
    let mut shown = show(sample::lab(), Route::Items, Some(dialog), false);
    let before = shown.stage.asked();
    let field = shown.harness.get_by_role_and_label(Role::MultilineTextInput, "Notes");
    field.focus();
    shown.harness.run_steps(2);
    shown.harness.get_by_role_and_label(Role::MultilineTextInput, "Notes").type_text("all good");
    shown.harness.run_steps(4);
    assert_eq!(shown.stage.asked(), before);
}

#[test]
fn every_test_of_several_items_is_cleaned_up() {
    let mut world = sample::lab();
    let mut items = world.items.as_ref().clone();
    let test = items[0].tests[0].clone();
    for (n, at) in [0, 2].into_iter().enumerate() {
        let view = Arc::make_mut(&mut items[at]);
        view.tests = (0..2)
            .map(|k| {
                let mut test = test.clone();
                test.id = TestId(sample::id(11, 100 + u32::try_from(n * 2 + k).expect("few")));
                test
            })
            .collect();
        for verb in view.verbs.iter_mut().filter(|v| v.verb == Verb::CleanUpTestFailover) {
            verb.refused = None;
        }
    }
    world.items = items.into();
    let mut shown = asked(world, Verb::CleanUpTestFailover, vec![item(0), item(2)]);
    press(&mut shown, &Verb::CleanUpTestFailover.title());
    let tests: Vec<TestId> = shown
        .stage
        .sent()
        .iter()
        .filter_map(|c| if let Command::CleanUpTestFailover { test, .. } = c { Some(*test) } else { None })
        .collect();
    assert_eq!(tests, [100, 101, 102, 103].map(|n| TestId(sample::id(11, n))));
}

#[test]
fn a_verb_on_several_items_names_each_loss() {
    let shown = asked(sample::lab(), Verb::Failover, vec![item(0), item(2)]);
    assert!(says(&shown, "2 of 2 could lose something"));
    for name in ["web01", "files01"] {
        assert!(says(&shown, &format!("{name}: ")), "{name}");
    }
    assert!(says(&shown, "What will happen to web01"), "whose steps are shown");
}

#[test]
fn a_refused_verb_is_reached_by_the_keyboard_and_says_why() {
    let world = sample::lab();
    let view = world.item(item(2)).expect("an item");
    let why = view.verb(Verb::Commit).and_then(|v| v.refused.clone()).expect("refused").render();
    let mut shown = show(world, Route::Item(item(2)), None, false);
    let commit = |shown: &Shown| {
        let node = shown.harness.get_by_role_and_label(Role::Button, "Commit");
        (node.accesskit_node().is_focused(), node.accesskit_node().description())
    };
    assert_eq!(commit(&shown).1.as_deref(), Some(why.as_str()), "for a screen reader");
    shown.harness.get_by_role_and_label(Role::Button, "Commit").focus();
    shown.harness.run_steps(3);
    assert!(commit(&shown).0, "the keyboard comes here");
    assert!(shown.harness.query_by_label(&why).is_some(), "and is told");
    shown.harness.key_press(Key::Enter);
    shown.harness.run_steps(3);
    assert!(shown.stage.sent().is_empty());
}

#[test]
fn a_dialog_gives_the_keyboard_back_to_what_opened_it() {
    let mut shown = show(sample::lab(), Route::Item(item(2)), None, false);
    shown.harness.get_by_role_and_label(Role::Button, "Planned failover").focus();
    shown.harness.run_steps(2);
    shown.harness.key_press(Key::Enter);
    shown.harness.run_steps(4);
    assert!(says(&shown, "What will happen"));
    shown.harness.key_press(Key::Escape);
    shown.harness.run_steps(4);
    assert!(!says(&shown, "What will happen"));
    assert!(
        shown.harness.get_by_role_and_label(Role::Button, "Planned failover").accesskit_node().is_focused()
    );
}
