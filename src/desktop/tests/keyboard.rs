//! Dialogs and menus without a pointer: where the keyboard begins, where it can go, what it is told, and what a slip of
//! the hand must not do. Apart from `slips`, where answers take their time.

use super::asked::show;
use super::harness::Shown;
use crate::action::Dialog;
use crate::kit::{msg, words};
use crate::route::Route;
use crate::sample;
use egui::accesskit::Role;
use egui::{Event, Key, Modifiers, PointerButton, Pos2, pos2};
use egui_kittest::kittest::{AccessKitNode, NodeT as _, Queryable as _, by};
use leeward_model::{Command, ItemId, Verb};

fn item(n: u32) -> ItemId {
    ItemId(sample::id(6, n))
}

fn on(verb: Verb, n: u32) -> Dialog {
    Dialog::ItemVerb { verb, items: vec![item(n)], test: None }
}

fn opened(dialog: Dialog) -> Shown {
    show(sample::lab(), Route::Items, Some(dialog), false)
}

fn says(shown: &Shown, text: &str) -> bool {
    shown.harness.query_all_by_label_contains(text).next().is_some()
}

fn press(shown: &mut Shown, key: Key) {
    shown.harness.key_press(key);
    shown.harness.run_steps(4);
}

fn write(shown: &mut Shown, text: &str) {
    shown.harness.event(Event::Text(text.to_owned()));
    shown.harness.run_steps(4);
}

fn click_at(shown: &mut Shown, pos: Pos2) {
    for pressed in [true, false] {
        shown.harness.event(Event::PointerMoved(pos));
        let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
        shown.harness.event(Event::PointerButton { pos, button, pressed, modifiers });
        shown.harness.run_steps(2);
    }
}

/// What the keyboard is at: its name and its left edge.
fn at(shown: &Shown) -> (String, f32) {
    let focused = |n: &AccessKitNode<'_>| n.is_focused();
    let mut all = shown.harness.query_all(by().predicate(focused));
    let named = all.find(|n| n.accesskit_node().label().is_some());
    named.map(|n| (n.accesskit_node().label().unwrap_or_default(), n.rect().left())).unwrap_or_default()
}

#[test]
fn a_slip_of_the_hand_closes_an_empty_dialog_and_no_filled_one() {
    let beside = pos2(300.0, 400.0);
    let title = words("dialog-key-text");
    let mut shown = opened(Dialog::RegistrationKey);
    click_at(&mut shown, beside);
    assert!(!says(&shown, &title), "nothing is lost");

    let mut shown = opened(Dialog::RegistrationKey);
    write(&mut shown, "Visby");
    for _ in 0..3 {
        click_at(&mut shown, beside);
        assert!(says(&shown, &title), "it is still there");
        assert!(says(&shown, &words("dialog-leave")), "and says what would be lost");
    }
    write(&mut shown, "!");
    assert!(!says(&shown, &words("dialog-leave")), "one goes on");
    press(&mut shown, Key::Escape);
    assert!(says(&shown, &words("dialog-leave")));
    assert_eq!(at(&shown).0, words("dialog-key-site"), "the keyboard is where it was");
    press(&mut shown, Key::Escape);
    assert!(!says(&shown, &title), "asked twice");
    assert!(shown.stage.sent().is_empty());
}

#[test]
fn a_choice_is_kept_from_a_slip_too() {
    let mut shown = opened(on(Verb::TestFailover, 2));
    shown.harness.get_by_role_and_label(Role::RadioButton, "None").click();
    shown.harness.run_steps(3);
    click_at(&mut shown, pos2(300.0, 400.0));
    assert!(says(&shown, &words("dialog-leave")));
    let cancel: Vec<_> = shown.harness.get_all_by_role_and_label(Role::Button, "Cancel").collect();
    cancel.last().expect("a way back").click();
    shown.harness.run_steps(3);
    assert!(!says(&shown, &words("dialog-leave")), "who says so leaves at once");
}

#[test]
fn the_keyboard_begins_at_the_first_field() {
    let world = sample::lab();
    let server = world.servers[3].agent;
    let remove = Dialog::ServerVerb { verb: Verb::RemoveServer, server };
    let name = msg("dialog-type-name").with("name", "hv-got-02").render();
    let policy = world.policies[0].policy.id;
    for (dialog, first) in [
        (Dialog::RegistrationKey, words("dialog-key-site")),
        (Dialog::EditPolicy(None), words("policy-name")),
        (Dialog::AssociatePolicy(policy), words("associate-filter")),
        (remove, name),
        (on(Verb::Failover, 2), words("dialog-point-latest")),
        (on(Verb::CleanUpTestFailover, 0), words("dialog-notes")),
        // Nothing to fill in: Enter pressed once too often does nothing.
        (on(Verb::PlannedFailover, 2), words("dialog-cancel")),
    ] {
        let shown = opened(dialog.clone());
        assert_eq!(at(&shown).0, first, "{dialog:?}");
    }
}

#[test]
fn enter_in_a_field_presses_the_first_button_when_it_can_be() {
    let mut shown = opened(Dialog::RegistrationKey);
    press(&mut shown, Key::Enter);
    assert!(shown.stage.sent().is_empty(), "no site yet");
    assert_eq!(at(&shown).0, words("dialog-key-site"), "one types on");
    write(&mut shown, "Visby");
    press(&mut shown, Key::Enter);
    assert_eq!(shown.stage.sent(), [Command::MakeRegistrationKey { site: "Visby".into() }]);
}

#[test]
fn tab_goes_round_within_each_dialog() {
    let world = sample::lab();
    let (server, policy) = (world.servers[3].agent, world.policies[0].policy.id);
    let left = 1_280.0 - 564.0;
    for dialog in [
        Dialog::RegistrationKey,
        Dialog::EditPolicy(None),
        Dialog::AssociatePolicy(policy),
        Dialog::ServerVerb { verb: Verb::RemoveServer, server },
        on(Verb::Failover, 2),
        on(Verb::DisableReplication, 2),
        on(Verb::Resynchronize, 2),
    ] {
        let mut shown = opened(dialog.clone());
        let (first, _) = at(&shown);
        let mut names = vec![first.clone()];
        for _ in 0..24 {
            press(&mut shown, Key::Tab);
            let (name, x) = at(&shown);
            assert!(!name.is_empty(), "a stop without a name after {names:?}");
            assert!(x >= left, "{name} is not in the dialog");
            if name == first {
                break;
            }
            names.push(name);
        }
        let end = names.len() - 3;
        assert_eq!(names[end + 1..], [words("dialog-cancel"), words("close")], "{names:?}");
        press(&mut shown, Key::Tab);
        assert_eq!(at(&shown).0, names[1], "it has gone round");
    }
}

#[test]
fn a_blocked_button_is_reached_and_its_reason_is_read() {
    let mut shown = opened(Dialog::EditPolicy(None));
    let why = words("policy-name-missing");
    assert!(says(&shown, &why), "without a pointer");
    let verb = Verb::CreatePolicy.title();
    for _ in 0..24 {
        if at(&shown).0 == verb {
            break;
        }
        press(&mut shown, Key::Tab);
    }
    let buttons: Vec<_> = shown.harness.get_all_by_role_and_label(Role::Button, &verb).collect();
    let node = buttons.last().expect("a button").accesskit_node();
    assert!(node.is_focused() && node.is_disabled());
    assert_eq!(node.description().as_deref(), Some(why.as_str()), "for a screen reader");
    drop(buttons);
    press(&mut shown, Key::Enter);
    assert!(shown.stage.sent().is_empty());
}

/// Opens the menu of the row that the keyboard is at, and goes down to an entry.
fn told_in_menu(route: Route, rows: usize, entry: &str, why: &str) {
    let mut shown = show(sample::lab(), route, None, false);
    shown.harness.get_by_label("Rows").focus();
    shown.harness.run_steps(2);
    for _ in 0..rows {
        press(&mut shown, Key::ArrowDown);
    }
    for _ in 0..12 {
        if at(&shown).0 == words("more-commands") {
            break;
        }
        press(&mut shown, Key::Tab);
    }
    press(&mut shown, Key::Enter);
    for _ in 0..20 {
        press(&mut shown, Key::ArrowDown);
        if at(&shown).0 == entry {
            break;
        }
    }
    assert_eq!(at(&shown).0, entry, "the keyboard gets there");
    assert!(shown.harness.query_by_label(why).is_some(), "{why}");
    press(&mut shown, Key::Enter);
    assert!(shown.stage.sent().is_empty());
}

#[test]
fn refused_verbs_of_a_row_say_why_to_the_keyboard() {
    let world = sample::lab();
    let commit = world.items[0].verb(Verb::Commit).and_then(|v| v.refused.clone()).expect("refused");
    told_in_menu(Route::Items, 1, &Verb::Commit.title(), &commit.render());
    let restart = world.jobs[0].restart.clone().expect("refused");
    told_in_menu(Route::Jobs, 1, &Verb::RestartJob.title(), &restart.render());
    let delete = world.policies[0].verbs.iter().find(|v| v.verb == Verb::DeletePolicy);
    let delete = delete.and_then(|v| v.refused.clone()).expect("refused");
    told_in_menu(Route::Policies, 1, &Verb::DeletePolicy.title(), &delete.render());
}
