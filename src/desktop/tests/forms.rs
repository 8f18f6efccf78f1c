//! What a person does in the dialogs: each sends exactly the command that was chosen, and nothing before everything
//! that is needed is there. Apart from `dialogs`, their pictures, and `wizard`.

use super::asked::show;
use super::harness::Shown;
use crate::action::Dialog;
use crate::kit::msg;
use crate::route::Route;
use crate::sample;
use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use leeward_model::{
    Accepted, Command, CommandOutcome, FailoverKind, ItemId, JobId, KeyId, NetworkChoice, PointChoice,
    Protection, Snapshot, SourceFence, Start, Verb,
};

fn item(n: u32) -> ItemId {
    ItemId(sample::id(6, n))
}

fn asked(snapshot: Snapshot, dialog: Dialog) -> Shown {
    show(snapshot, Route::Items, Some(dialog), false)
}

fn asked_of(verb: Verb, n: u32) -> Shown {
    asked(sample::lab(), Dialog::ItemVerb { verb, items: vec![item(n)], test: None })
}

/// Presses the button of the dialog with this label: the blade beneath may have one too.
fn press(shown: &mut Shown, label: &str) {
    let buttons: Vec<_> = shown.harness.get_all_by_role_and_label(Role::Button, label).collect();
    buttons.last().expect("a button").click();
    shown.harness.run_steps(4);
}

fn click(shown: &mut Shown, role: Role, label: &str) {
    shown.harness.get_by_role_and_label(role, label).click();
    shown.harness.run_steps(3);
}

fn write(shown: &mut Shown, label: &str, text: &str) {
    shown.harness.get_by_role_and_label(Role::TextInput, label).focus();
    shown.harness.run_steps(2);
    shown.harness.get_by_role_and_label(Role::TextInput, label).type_text(text);
    shown.harness.run_steps(3);
}

fn write_name(shown: &mut Shown, name: &str, text: &str) {
    write(shown, &msg("dialog-type-name").with("name", name).render(), text);
}

fn says(shown: &Shown, text: &str) -> bool {
    shown.harness.query_all_by_label_contains(text).next().is_some()
}

#[test]
fn a_test_failover_is_sent_as_it_was_chosen() {
    let mut shown = asked_of(Verb::TestFailover, 2);
    click(&mut shown, Role::RadioButton, "Latest application-consistent");
    click(&mut shown, Role::RadioButton, "None");
    press(&mut shown, "Test failover");
    let (point, network) = (PointChoice::LatestAppConsistent, NetworkChoice::None);
    assert_eq!(shown.stage.sent(), [Command::TestFailover { item: item(2), point, network }]);
    assert!(!says(&shown, "Cancel"), "closed");
}

#[test]
fn a_failover_shows_what_its_point_loses_and_sends_that_point() {
    let mut shown = asked_of(Verb::Failover, 2);
    assert!(says(&shown, "24 s"));
    click(&mut shown, Role::RadioButton, "Another one");
    let point = sample::lab().item(item(2)).expect("it").points[1].clone();
    let row = crate::kit::date_time(point.instant);
    let rows: Vec<_> = shown.harness.get_all_by_label_contains(&row).collect();
    rows.last().expect("a row").click();
    shown.harness.run_steps(3);
    assert!(says(&shown, "54 s"), "the loss follows the point");
    click(&mut shown, Role::CheckBox, "Shut down the machine at its own site first, if it can be reached");
    press(&mut shown, "Failover");
    assert!(shown.stage.sent().is_empty(), "the name is not typed yet");
    write_name(&mut shown, "files01", "files01");
    press(&mut shown, "Failover");
    let point = PointChoice::Exact(point.id);
    assert_eq!(shown.stage.sent(), [Command::Failover { item: item(2), point, shut_down_source: false }]);
}

#[test]
fn a_destructive_verb_wants_the_right_name() {
    let mut shown = asked_of(Verb::DisableReplication, 2);
    click(&mut shown, Role::RadioButton, "Delete it with all recovery points");
    assert!(says(&shown, "14"), "the points that go are counted");
    write_name(&mut shown, "files01", "web");
    assert!(says(&shown, "This is another name."));
    press(&mut shown, "Disable replication");
    assert!(shown.stage.sent().is_empty());
    let label = msg("dialog-type-name").with("name", "files01").render();
    shown.harness.get_by_role_and_label(Role::TextInput, &label).focus();
    shown.harness.run_steps(2);
    shown.harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::A);
    shown.harness.run_steps(2);
    write_name(&mut shown, "files01", "files01");
    assert!(!says(&shown, "This is another name."));
    press(&mut shown, "Disable replication");
    assert_eq!(shown.stage.sent(), [Command::DisableReplication { item: item(2), delete_replica: true }]);
}

#[test]
fn escape_closes_a_dialog_and_sends_nothing() {
    for typing in [false, true] {
        let mut shown = asked_of(Verb::Failover, 2);
        if typing {
            write_name(&mut shown, "files01", "fil");
        }
        // Once for each: what has been typed is not lost by a slip.
        for _ in 0..1 + usize::from(typing) {
            assert!(says(&shown, "What will happen"));
            shown.harness.key_press(Key::Escape);
            shown.harness.run_steps(3);
        }
        assert!(!says(&shown, "What will happen"), "closed, typing: {typing}");
        assert!(shown.stage.sent().is_empty());
    }
}

#[test]
fn tab_stays_in_the_dialog_and_reaches_its_buttons() {
    let mut shown = asked_of(Verb::PlannedFailover, 2);
    let mut reached = Vec::new();
    for _ in 0..6 {
        shown.harness.key_press(Key::Tab);
        shown.harness.run_steps(2);
        let focused = |n: &egui_kittest::kittest::AccessKitNode<'_>| n.is_focused();
        let by = egui_kittest::kittest::by().predicate(focused);
        let named = shown.harness.query_all(by).find_map(|n| {
            use egui_kittest::kittest::NodeT as _;
            n.accesskit_node().label()
        });
        reached.extend(named);
    }
    assert_eq!(reached, ["Close", "Planned failover", "Cancel", "Close", "Planned failover", "Cancel"]);
    shown.harness.key_press(Key::Tab);
    shown.harness.run_steps(2);
    shown.harness.key_press(Key::Tab);
    shown.harness.run_steps(2);
    shown.harness.key_press(Key::Enter);
    shown.harness.run_steps(3);
    assert_eq!(shown.stage.sent(), [Command::PlannedFailover { item: item(2) }]);
}

#[test]
fn a_clean_up_sends_its_notes() {
    let mut shown = asked_of(Verb::CleanUpTestFailover, 0);
    let notes: Vec<_> = shown.harness.get_all_by_label("Notes").collect();
    notes.last().expect("a field").focus();
    shown.harness.run_steps(2);
    shown.harness.get_by_role_and_label(Role::MultilineTextInput, "Notes").type_text("Shop answered. ");
    shown.harness.run_steps(2);
    press(&mut shown, "Clean up test failover");
    let test = sample::lab().item(item(0)).expect("it").tests[0].id;
    let notes = "Shop answered.".to_owned();
    assert_eq!(shown.stage.sent(), [Command::CleanUpTestFailover { item: item(0), test, notes }]);
}

#[test]
fn a_resynchronization_of_one_disk_later() {
    let mut shown = asked_of(Verb::Resynchronize, 2);
    click(&mut shown, Role::CheckBox, "os (8.0 GiB)");
    click(&mut shown, Role::RadioButton, "In");
    press(&mut shown, "Resynchronize");
    let data = sample::lab().item(item(2)).expect("it").disks[1].id;
    let start = Start::At(sample::NOW.plus_secs(3_600));
    assert_eq!(shown.stage.sent(), [Command::Resynchronize { item: item(2), disks: vec![data], start }]);
}

#[test]
fn no_disk_is_no_resynchronization() {
    let mut shown = asked_of(Verb::Resynchronize, 2);
    click(&mut shown, Role::CheckBox, "os (8.0 GiB)");
    click(&mut shown, Role::CheckBox, "data (40.0 GiB)");
    press(&mut shown, "Resynchronize");
    assert!(shown.stage.sent().is_empty());
}

#[test]
fn the_point_in_use_is_not_offered_again() {
    let mut world = sample::lab();
    let mut items = world.items.as_ref().clone();
    let mut view = items[3].as_ref().clone();
    let points: Vec<_> = view.points.iter().map(|p| p.id).collect();
    view.protection = Protection::FailedOver {
        kind: FailoverKind::Unplanned,
        point: points[0],
        source: SourceFence::Unknown,
    };
    items[3] = view.into();
    world.items = items.into();
    let dialog = Dialog::ItemVerb { verb: Verb::ChangeRecoveryPoint, items: vec![item(3)], test: None };
    let mut shown = asked(world, dialog);
    let used: Vec<_> = shown.harness.get_all_by_label_contains("(in use now)").collect();
    used[0].click();
    shown.harness.run_steps(3);
    write_name(&mut shown, "app01", "app01");
    press(&mut shown, "Change recovery point");
    assert_eq!(shown.stage.sent(), [Command::ChangeRecoveryPoint { item: item(3), point: points[1] }]);
}

#[test]
fn several_items_are_each_sent_and_one_that_cannot_refuses_all() {
    let many = |numbers: &[u32]| Dialog::ItemVerb {
        verb: Verb::PauseReplication,
        items: numbers.iter().map(|n| item(*n)).collect(),
        test: None,
    };
    let mut shown = asked(sample::lab(), many(&[0, 2]));
    press(&mut shown, "Pause");
    let each = [0, 2].map(|n| Command::PauseReplication { item: item(n) });
    assert_eq!(shown.stage.sent(), each);
    let mut shown = asked(sample::lab(), many(&[0, 2, 5]));
    press(&mut shown, "Pause");
    assert!(shown.stage.sent().is_empty(), "the last one is paused already");
}

#[test]
fn a_registration_key_is_made_shown_once_and_not_lost_by_a_slip() {
    let mut shown = show(sample::lab(), Route::Servers, Some(Dialog::RegistrationKey), false);
    press(&mut shown, "Make registration key");
    assert!(shown.stage.sent().is_empty(), "no site yet");
    let key = sample::lab().keys[0].id;
    let file_text = "leeward-key-of-malmo".to_owned();
    shown.stage.answer(CommandOutcome::Accepted(Accepted::RegistrationKey { key, file_text }));
    write(&mut shown, "Site", "Malm\u{f6}");
    press(&mut shown, "Make registration key");
    assert_eq!(shown.stage.sent(), [Command::MakeRegistrationKey { site: "Malm\u{f6}".into() }]);
    assert!(says(&shown, "Registration key for Malm\u{f6}"));
    assert!(says(&shown, "Good until"));
    shown.harness.key_press(Key::Escape);
    shown.harness.run_steps(3);
    assert!(says(&shown, "neither copied nor saved"), "it is still there");
    shown.picture("ask_key_made");
    press(&mut shown, "Copy the key");
    assert!(!says(&shown, "neither copied nor saved"));
    shown.harness.key_press(Key::Escape);
    shown.harness.run_steps(3);
    assert!(!says(&shown, "Copy the key"), "closed");
}

#[test]
fn a_key_is_saved_for_its_owner_alone() {
    let kept_folder = tempfile::tempdir().expect("a folder");
    let folder = kept_folder.path();
    let path = folder.join("malmo.leeward-key");
    let mut shown = show(sample::lab(), Route::Servers, Some(Dialog::RegistrationKey), false);
    let (key, file_text) = (KeyId(sample::id(8, 77)), "the key".to_owned());
    shown.stage.answer(CommandOutcome::Accepted(Accepted::RegistrationKey { key, file_text }));
    write(&mut shown, "Site", folder.join("malmo").to_str().expect("a path"));
    press(&mut shown, "Make registration key");
    // The site becomes the file's name, without what would lead elsewhere.
    let suggested = format!("{}.leeward-key", folder.join("malmo").display()).replace('/', "-");
    let field = shown.harness.get_by_role_and_label(Role::TextInput, "Save it as a file");
    assert_eq!(field.value().as_deref(), Some(suggested.as_str()));
    field.focus();
    shown.harness.run_steps(2);
    shown.harness.key_press_modifiers(egui::Modifiers::COMMAND, Key::A);
    shown.harness.run_steps(1);
    let field = shown.harness.get_by_role_and_label(Role::TextInput, "Save it as a file");
    field.type_text(path.to_str().expect("a path"));
    shown.harness.run_steps(2);
    press(&mut shown, "Save");
    let saved = std::fs::read_to_string(&path);
    let kept = std::fs::metadata(&path).map(|m| m.permissions());
    assert_eq!(saved.expect("saved"), "the key");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&kept.expect("there")) & 0o777, 0o600);
}

#[test]
fn a_policy_is_created_as_it_was_filled_in() {
    let mut shown = show(sample::lab(), Route::Policies, Some(Dialog::EditPolicy(None)), false);
    press(&mut shown, "Create policy");
    assert!(shown.stage.sent().is_empty(), "no name yet");
    write(&mut shown, "Name", "gold-30s");
    assert!(says(&shown, "gold-30s"), "the engine's refusal names it");
    press(&mut shown, "Create policy");
    assert!(shown.stage.sent().is_empty(), "the engine refuses the name");
    write(&mut shown, "Name", "-b ");
    click(&mut shown, Role::RadioButton, "Every 30 seconds");
    press(&mut shown, "Create policy");
    let sent = shown.stage.sent();
    let [Command::CreatePolicy { policy }] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(policy.name, "gold-30s-b");
    assert_eq!(policy.copy_frequency, leeward_model::CopyFrequency::Secs30);
}

#[test]
fn items_are_given_a_policy() {
    let policy = sample::lab().policies[0].policy.id;
    let mut shown = show(sample::lab(), Route::Policies, Some(Dialog::AssociatePolicy(policy)), false);
    press(&mut shown, "Use policy");
    assert!(shown.stage.sent().is_empty(), "nothing is chosen");
    click(&mut shown, Role::CheckBox, "db01 (now: std-5min)");
    press(&mut shown, "Use policy");
    assert_eq!(shown.stage.sent(), [Command::AssociatePolicy { items: vec![item(1)], policy }]);
}

#[test]
fn a_job_is_restarted_at_once_and_cancelled_after_a_question() {
    let failed = JobId(sample::id(10, 2));
    let mut shown = show(sample::lab(), Route::Job(failed), None, false);
    press(&mut shown, "Restart job");
    assert_eq!(shown.stage.sent(), [Command::RestartJob { job: failed }]);
    let running = JobId(sample::id(10, 1));
    let mut shown = show(sample::lab(), Route::Job(running), None, false);
    press(&mut shown, "Cancel job");
    assert!(shown.stage.sent().is_empty(), "asked first");
    press(&mut shown, "Cancel job");
    assert_eq!(shown.stage.sent(), [Command::CancelJob { job: running }]);
}

#[test]
fn a_key_is_revoked_after_a_question() {
    let mut shown = show(sample::lab(), Route::Servers, None, false);
    shown.harness.get_by_label_contains("Registration keys").click();
    shown.harness.run_steps(3);
    click(&mut shown, Role::Link, "Revoke");
    assert!(shown.stage.sent().is_empty());
    press(&mut shown, "Revoke registration key");
    let key = sample::lab().keys[0].id;
    assert_eq!(shown.stage.sent(), [Command::RevokeRegistrationKey { key }]);
}

#[test]
fn an_open_dialog_asks_for_no_frame() {
    let shown = asked_of(Verb::Failover, 2);
    for viewport in shown.harness.output().viewport_output.values() {
        let wait = viewport.repaint_delay;
        assert!(wait.as_secs() >= 5, "a frame was asked for after {wait:?}");
    }
}

#[test]
fn ten_thousand_items_can_be_given_a_policy() {
    let world = sample::many(10_000);
    let policy = world.policies[2].policy.id;
    let mut shown = show(world, Route::Policies, Some(Dialog::AssociatePolicy(policy)), false);
    let drawn = shown.harness.query_all_by_label_contains("(now: ").count();
    assert!((5..60).contains(&drawn), "{drawn} rows were drawn");
    write(&mut shown, "Find a machine", "sql-00001");
    click(&mut shown, Role::CheckBox, "sql-00001 (now: std-5min)");
    press(&mut shown, "Use policy");
    assert_eq!(shown.stage.sent().len(), 1);
}

#[test]
fn a_verb_on_ten_thousand_items_names_a_few_and_sends_all() {
    let world = sample::many(10_000);
    let items: Vec<ItemId> = world.items.iter().map(|i| i.id).collect();
    let policy = world.policies[2].policy.id;
    let dialog = Dialog::ItemVerb { verb: Verb::AssociatePolicy, items: items.clone(), test: None };
    let mut shown = show(world, Route::Items, Some(dialog), false);
    assert!(says(&shown, "and 9995 more") || says(&shown, "and 9,995 more"));
    click(&mut shown, Role::RadioButton, "archive-15min");
    press(&mut shown, "Change policy");
    assert_eq!(shown.stage.sent(), [Command::AssociatePolicy { items, policy }]);
}
