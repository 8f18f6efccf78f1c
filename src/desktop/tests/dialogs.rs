//! Pictures of the dialogs, and what they let through: choices, losses, the typed name, the keys.

use super::asked::{both, show};
use super::manage::console_png;
use crate::action::Dialog;
use crate::route::Route;
use crate::sample;
use egui::accesskit::Role;
use egui_kittest::SnapshotResults;
use egui_kittest::kittest::Queryable as _;
use leeward_model::{Accepted, CommandOutcome, ItemId, TestId, Verb};

fn item(n: u32) -> ItemId {
    ItemId(sample::id(6, n))
}

fn on(verb: Verb, n: u32) -> Dialog {
    Dialog::ItemVerb { verb, items: vec![item(n)], test: None }
}

fn pictured(verb: Verb, n: u32, name: &str) {
    both(sample::lab, &Route::Item(item(n)), &on(verb, n), &format!("ask_{name}"));
}

#[test]
fn failover() {
    pictured(Verb::Failover, 2, "failover");
}

#[test]
fn planned_failover() {
    pictured(Verb::PlannedFailover, 2, "planned_failover");
}

#[test]
fn test_failover() {
    pictured(Verb::TestFailover, 2, "test_failover");
}

#[test]
fn clean_up() {
    let dialog = Dialog::ItemVerb {
        verb: Verb::CleanUpTestFailover,
        items: vec![item(0)],
        test: Some(TestId(sample::id(11, 1))),
    };
    both(sample::lab, &Route::Item(item(0)), &dialog, "ask_clean_up");
}

#[test]
fn change_point() {
    pictured(Verb::ChangeRecoveryPoint, 3, "change_point");
}

#[test]
fn commit() {
    pictured(Verb::Commit, 3, "commit");
}

#[test]
fn reverse() {
    pictured(Verb::ReverseReplicate, 3, "reverse");
}

#[test]
fn disable() {
    pictured(Verb::DisableReplication, 2, "disable");
}

#[test]
fn pause() {
    pictured(Verb::PauseReplication, 2, "pause");
}

#[test]
fn resynchronize() {
    pictured(Verb::Resynchronize, 2, "resynchronize");
}

#[test]
fn discard() {
    pictured(Verb::DiscardSource, 3, "discard");
}

#[test]
fn change_policy_of_many() {
    let items = (0..6).map(item).collect();
    let dialog = Dialog::ItemVerb { verb: Verb::AssociatePolicy, items, test: None };
    show(sample::long_names(), Route::Items, Some(dialog), false).picture("ask_change_policy");
}

#[test]
fn console_of_a_machine() {
    let mut results = SnapshotResults::new();
    for (dark, theme) in [(false, "light"), (true, "dark")] {
        let mut shown = show(sample::lab(), Route::Item(item(2)), Some(on(Verb::ConsolePicture, 2)), dark);
        let picture = Accepted::Picture { png: console_png(), at: sample::NOW.plus_secs(-2) };
        shown.stage.answer(CommandOutcome::Accepted(picture));
        shown.harness.get_by_role_and_label(Role::Button, "Refresh").click();
        shown.harness.run_steps(6);
        shown.picture(&format!("ask_console_{theme}"));
        results.extend_harness(&mut shown.harness);
    }
}

#[test]
fn registration_key() {
    both(sample::lab, &Route::Servers, &Dialog::RegistrationKey, "ask_key");
}

#[test]
fn create_policy() {
    both(sample::lab, &Route::Policies, &Dialog::EditPolicy(None), "ask_create_policy");
}

#[test]
fn edit_policy() {
    let id = sample::lab().policies[0].policy.id;
    both(sample::lab, &Route::Policies, &Dialog::EditPolicy(Some(id)), "ask_edit_policy");
}

#[test]
fn associate_policy() {
    let id = sample::lab().policies[0].policy.id;
    both(sample::lab, &Route::Policies, &Dialog::AssociatePolicy(id), "ask_associate_policy");
}

#[test]
fn delete_policy() {
    let id = sample::lab().policies[2].policy.id;
    both(sample::lab, &Route::Policies, &Dialog::DeletePolicy(id), "ask_delete_policy");
}

#[test]
fn cancel_job() {
    let job = sample::lab().jobs[1].id;
    let dialog = Dialog::JobVerb { verb: Verb::CancelJob, job };
    both(sample::lab, &Route::Job(job), &dialog, "ask_cancel_job");
}

#[test]
fn remove_server() {
    let server = sample::lab().servers[3].agent;
    let dialog = Dialog::ServerVerb { verb: Verb::RemoveServer, server };
    both(sample::lab, &Route::Server(server), &dialog, "ask_remove_server");
}

#[test]
fn power_off() {
    let machine = sample::lab().machines[0].definition.id;
    let agent = sample::lab().machines[0].agent;
    let dialog = Dialog::MachineVerb { verb: Verb::PowerOffMachine, machine, agent };
    both(sample::lab, &Route::Server(agent), &dialog, "ask_power_off");
}

#[test]
fn failover_with_long_names() {
    let dialog = on(Verb::Failover, 0);
    show(sample::long_names(), Route::Item(item(0)), Some(dialog), true).picture("ask_failover_long");
}
