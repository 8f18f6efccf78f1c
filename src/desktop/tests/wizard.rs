//! The wizard that protects machines: its pages, that it does not go on without a choice, and what it sends. Apart from
//! `forms`, the dialogs.

use super::asked::show;
use super::harness::Shown;
use crate::route::Route;
use crate::sample;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use leeward_model::{Command, MachineOn, Snapshot, Start};

fn begun(world: Snapshot, dark: bool) -> Shown {
    show(world, Route::Enable, None, dark)
}

fn click(shown: &mut Shown, role: Role, label: &str) {
    shown.harness.get_by_role_and_label(role, label).click();
    shown.harness.run_steps(3);
}

fn next(shown: &mut Shown) {
    click(shown, Role::Button, "Next");
}

fn on(name: &str) -> MachineOn {
    let world = sample::lab();
    world.machines.iter().find(|m| m.definition.name == name).expect("a machine").on()
}

/// Up to the review, with a picture of each page.
fn to_review(shown: &mut Shown, pictures: Option<&str>) {
    let picture = |shown: &mut Shown, page: &str| {
        if let Some(theme) = pictures {
            // What it would do is asked and answered meanwhile.
            shown.harness.run_steps(3);
            shown.picture(&format!("enable_{page}_{theme}"));
        }
    };
    click(shown, Role::RadioButton, "hv-sto-01");
    next(shown);
    click(shown, Role::CheckBox, "build01");
    picture(shown, "machines");
    next(shown);
    click(shown, Role::RadioButton, "hv-got-01");
    picture(shown, "target");
    next(shown);
    click(shown, Role::RadioButton, "gold-30s");
    picture(shown, "policy");
    next(shown);
    picture(shown, "review");
}

#[test]
fn every_page_in_both_themes() {
    let mut results = egui_kittest::SnapshotResults::new();
    for (dark, theme) in [(false, "light"), (true, "dark")] {
        let mut shown = begun(sample::lab(), dark);
        to_review(&mut shown, Some(theme));
        results.extend_harness(&mut shown.harness);
    }
}

#[test]
fn it_does_not_go_on_without_a_choice() {
    let mut shown = begun(sample::lab(), false);
    let stays = |shown: &mut Shown, question: &str| {
        next(shown);
        assert!(shown.harness.query_by_label(question).is_some(), "still at: {question}");
    };
    stays(&mut shown, "From which server?");
    click(&mut shown, Role::RadioButton, "hv-sto-01");
    next(&mut shown);
    stays(&mut shown, "Which machines?");
    click(&mut shown, Role::CheckBox, "web01");
    stays(&mut shown, "Which machines?");
    click(&mut shown, Role::CheckBox, "build01");
    next(&mut shown);
    stays(&mut shown, "To which server?");
    click(&mut shown, Role::RadioButton, "hv-got-01");
    next(&mut shown);
    stays(&mut shown, "Which policy?");
    assert!(shown.stage.sent().is_empty());
}

#[test]
fn it_sends_exactly_what_was_chosen() {
    let mut shown = begun(sample::lab(), false);
    to_review(&mut shown, None);
    click(&mut shown, Role::Button, "Replicate");
    let world = sample::lab();
    let wanted = Command::EnableReplication {
        machines: vec![on("build01")],
        target: world.servers[2].agent,
        policy: world.policies[0].policy.id,
        start: Start::Now,
    };
    assert_eq!(shown.stage.sent(), [wanted]);
    assert_eq!(shown.harness.state().route(), Some(Route::Items));
}

#[test]
fn the_menu_of_a_machine_leads_here_with_the_machine_chosen() {
    let world = sample::lab();
    let agent = world.servers[0].agent;
    let mut shown = show(world, Route::Server(agent), None, false);
    shown.harness.get_by_label("build01").click_secondary();
    shown.harness.run_steps(3);
    click(&mut shown, Role::Button, "Replicate");
    assert_eq!(shown.harness.state().route(), Some(Route::Enable));
    assert!(shown.harness.query_by_label("To which server?").is_some(), "source and machine are known");
    click(&mut shown, Role::RadioButton, "hv-got-01");
    next(&mut shown);
    click(&mut shown, Role::RadioButton, "gold-30s");
    next(&mut shown);
    click(&mut shown, Role::Button, "Replicate");
    let sent = shown.stage.sent();
    let [Command::EnableReplication { machines, .. }] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(machines, &[on("build01")]);
}

#[test]
fn all_that_can_be_chosen_and_a_later_start() {
    let mut shown = begun(sample::lab(), false);
    click(&mut shown, Role::RadioButton, "hv-sto-01");
    next(&mut shown);
    click(&mut shown, Role::Link, "Choose all");
    next(&mut shown);
    click(&mut shown, Role::RadioButton, "hv-got-01");
    next(&mut shown);
    click(&mut shown, Role::RadioButton, "std-5min");
    click(&mut shown, Role::RadioButton, "In");
    next(&mut shown);
    click(&mut shown, Role::Button, "Replicate");
    let sent = shown.stage.sent();
    let [Command::EnableReplication { machines, start, .. }] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(machines, &[on("build01"), on("build02")], "protected ones are not chosen");
    assert_eq!(*start, Start::At(sample::NOW.plus_secs(3_600)));
}

#[test]
fn it_goes_back_when_what_was_chosen_is_gone() {
    let mut shown = begun(sample::lab(), false);
    to_review(&mut shown, None);
    let mut world = sample::lab();
    world.revision += 1;
    let mut machines = world.machines.as_ref().clone();
    machines.retain(|m| m.definition.name != "build01");
    world.machines = machines.into();
    shown.stage.publish(world);
    shown.harness.run_steps(4);
    assert!(shown.harness.query_by_label("Which machines?").is_some());
    assert!(shown.stage.sent().is_empty());
}

#[test]
fn a_page_behind_can_be_gone_back_to() {
    let mut shown = begun(sample::lab(), false);
    to_review(&mut shown, None);
    click(&mut shown, Role::Link, "2. Machines");
    click(&mut shown, Role::CheckBox, "build02");
    for _ in 0..3 {
        next(&mut shown);
    }
    click(&mut shown, Role::Button, "Replicate");
    let sent = shown.stage.sent();
    let [Command::EnableReplication { machines, .. }] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(machines.len(), 2);
}

#[test]
fn long_names_and_no_other_server() {
    let mut world = sample::long_names();
    let mut servers = world.servers.as_ref().clone();
    servers.truncate(1);
    world.servers = servers.into();
    let name = world.servers[0].name.clone();
    let mut shown = begun(world, false);
    click(&mut shown, Role::RadioButton, &name);
    next(&mut shown);
    click(&mut shown, Role::CheckBox, "build01");
    next(&mut shown);
    shown.picture("enable_target_none");
}
