//! Pictures of jobs, servers, policies, consoles, the wizard, the dialogs and the first page; and that each sends
//! exactly the command that was chosen.

use super::harness::{Shown, both, show};
use crate::action::Dialog;
use crate::app::App;
use crate::options::{Connected, Director, Driver, RunOptions, Start, StartProgress, StartWish, Startup};
use crate::route::Route;
use crate::sample::{self, Stage, clock};
use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use leeward_model::{Command, ItemId, NetworkChoice, PointChoice, Snapshot, Verb};
use std::path::PathBuf;
use std::sync::Arc;

/// Opens a dialog in the first pass.
struct Opens(Option<Dialog>);

impl Driver for Opens {
    fn drive(&mut self, stage: &mut Director<'_>) {
        if let Some(dialog) = self.0.take() {
            stage.open(dialog);
        }
    }
}

fn asked(snapshot: Snapshot, dark: bool, dialog: Dialog) -> Shown {
    let stage = Stage::new(snapshot);
    let options = RunOptions {
        initial: Route::Items,
        dark: Some(dark),
        size: None,
        driver: Some(Box::new(Opens(Some(dialog)))),
        clock,
        preferences: None,
    };
    let start = Start::Connected(stage.connected());
    let mut harness = built(start, options, dark);
    harness.run();
    Shown { stage, harness }
}

fn built(start: Start, options: RunOptions, dark: bool) -> Harness<'static, App> {
    let tolerance = SnapshotOptions::new().threshold(1.5).max_failed_pixels(120);
    Harness::builder()
        .with_size(egui::vec2(1280.0, 720.0))
        .with_theme(if dark { egui::Theme::Dark } else { egui::Theme::Light })
        .with_max_steps(12)
        .with_options(tolerance)
        .build_eframe(move |cc| App::new(&cc.egui_ctx, start, options))
}

fn dialog_both(dialog: &Dialog, name: &str) {
    let mut results = SnapshotResults::new();
    for (dark, theme) in [(false, "light"), (true, "dark")] {
        let mut shown = asked(sample::lab(), dark, dialog.clone());
        shown.picture(&format!("{name}_{theme}"));
        results.extend_harness(&mut shown.harness);
    }
}

fn verb(verb: Verb, item: &ItemId) -> Dialog {
    Dialog::ItemVerb { verb, items: vec![*item], test: None }
}

fn first() -> ItemId {
    sample::lab().items.first().expect("an item").id
}

/// The first item of the made-up world for which a verb is allowed.
fn allowed(verb: Verb) -> ItemId {
    let world = sample::lab();
    let found = world.items.iter().find(|i| i.verb(verb).is_some_and(|v| v.refused.is_none()));
    found.map_or_else(first, |i| i.id)
}

#[test]
fn jobs() {
    both(sample::lab, &Route::Jobs, "jobs");
}

#[test]
fn one_job() {
    let job = sample::lab().jobs.first().expect("a job").id;
    both(sample::lab, &Route::Job(job), "job");
}

#[test]
fn jobs_none() {
    show(sample::empty(), Route::Jobs, false).picture("jobs_empty");
}

#[test]
fn servers() {
    both(sample::lab, &Route::Servers, "servers");
}

#[test]
fn one_server() {
    let server = sample::lab().servers.first().expect("a server").agent;
    both(sample::lab, &Route::Server(server), "server");
}

#[test]
fn registration_keys() {
    let mut shown = show(sample::lab(), Route::Servers, false);
    let tabs: Vec<_> = shown.harness.get_all_by_role(Role::Tab).collect();
    tabs.last().expect("tabs").click();
    shown.harness.run();
    shown.picture("servers_keys");
}

#[test]
fn policies() {
    both(sample::lab, &Route::Policies, "policies");
}

#[test]
fn a_test_that_is_gone_has_no_console() {
    let item = first();
    let test = leeward_model::TestId(sample::id(99, 1));
    show(sample::lab(), Route::Console { item, test }, false).picture("console_gone");
}

#[test]
fn dialog_of_a_test_failover() {
    dialog_both(&verb(Verb::TestFailover, &allowed(Verb::TestFailover)), "dialog_test_failover");
}

#[test]
fn dialog_of_a_failover() {
    dialog_both(&verb(Verb::Failover, &allowed(Verb::Failover)), "dialog_failover");
}

#[test]
fn dialog_of_a_planned_failover() {
    dialog_both(&verb(Verb::PlannedFailover, &allowed(Verb::PlannedFailover)), "dialog_planned");
}

#[test]
fn dialog_of_disabling() {
    dialog_both(&verb(Verb::DisableReplication, &allowed(Verb::DisableReplication)), "dialog_disable");
}

#[test]
fn form_of_a_policy() {
    dialog_both(&Dialog::EditPolicy(None), "dialog_policy");
}

#[test]
fn form_of_a_registration_key() {
    dialog_both(&Dialog::RegistrationKey, "dialog_key");
}

#[test]
fn the_wizard_begins_with_the_source() {
    both(sample::lab, &Route::Enable, "enable");
}

#[test]
fn the_wizard_does_not_go_on_without_a_choice() {
    let mut shown = show(sample::lab(), Route::Enable, false);
    shown.harness.get_by_role_and_label(Role::Button, "Next").click();
    shown.harness.run();
    assert!(shown.harness.query_by_label("From which server?").is_some(), "still on the first page");
    assert!(shown.stage.sent().is_empty());
}

#[test]
fn a_test_failover_is_sent_as_it_was_chosen() {
    let item = allowed(Verb::TestFailover);
    let mut shown = asked(sample::lab(), false, verb(Verb::TestFailover, &item));
    shown.harness.get_by_role_and_label(Role::RadioButton, "None").click();
    shown.harness.run();
    let title = Verb::TestFailover.title();
    let buttons: Vec<_> = shown.harness.get_all_by_role_and_label(Role::Button, &title).collect();
    buttons.last().expect("the dialog's button").click();
    shown.harness.run();
    let wanted = Command::TestFailover { item, point: PointChoice::Latest, network: NetworkChoice::None };
    assert_eq!(shown.stage.sent(), [wanted]);
}

#[test]
fn a_destructive_verb_wants_the_name_typed() {
    let item = allowed(Verb::DisableReplication);
    let name = sample::lab().item(item).expect("it").name.clone();
    let mut shown = asked(sample::lab(), false, verb(Verb::DisableReplication, &item));
    let title = Verb::DisableReplication.title();
    let press = |shown: &mut Shown| {
        let buttons: Vec<_> = shown.harness.get_all_by_role_and_label(Role::Button, &title).collect();
        buttons.last().expect("the dialog's button").click();
        shown.harness.run();
    };
    press(&mut shown);
    assert!(shown.stage.sent().is_empty(), "nothing is sent before the name is there");
    let label = crate::kit::msg("dialog-type-name").with("name", name.as_str()).render();
    shown.harness.get_by_role_and_label(Role::TextInput, &label).focus();
    shown.harness.run();
    shown.harness.get_by_role_and_label(Role::TextInput, &label).type_text(&name);
    shown.harness.run();
    press(&mut shown);
    assert_eq!(shown.stage.sent(), [Command::DisableReplication { item, delete_replica: false }]);
}

#[test]
fn escape_closes_a_dialog_and_sends_nothing() {
    let mut shown = asked(sample::lab(), false, verb(Verb::Failover, &allowed(Verb::Failover)));
    assert!(
        shown.harness.query_by_label("What will happen").is_some()
            || shown.harness.query_by_label("Recovery point").is_some()
    );
    shown.harness.key_press(Key::Escape);
    shown.harness.run();
    assert!(shown.harness.query_by_label("Cancel").is_none(), "closed");
    assert!(shown.stage.sent().is_empty());
}

/// The first page of somebody who has no vault.
struct Nothing;

impl Startup for Nothing {
    fn recent(&self) -> Vec<PathBuf> {
        Vec::new()
    }
    fn default_vault(&self) -> PathBuf {
        PathBuf::from("/home/anna/.local/share/leeward/vault")
    }
    fn begin(&mut self, _: StartWish) {}
    fn poll(&mut self) -> StartProgress {
        StartProgress::Idle
    }
}

#[test]
fn the_first_page() {
    let mut results = SnapshotResults::new();
    for (dark, theme) in [(false, "light"), (true, "dark")] {
        let options = RunOptions {
            initial: Route::Overview,
            dark: Some(dark),
            size: None,
            driver: None,
            clock,
            preferences: None,
        };
        let mut harness = built(Start::Choose(Box::new(Nothing)), options, dark);
        harness.run();
        harness.snapshot(format!("first_page_{theme}"));
        results.extend_harness(&mut harness);
    }
}

/// Keeps the unused imports of the seam honest: what a stage hands to a window is what a window takes.
#[test]
fn a_stage_is_connected() {
    let stage: Arc<Stage> = Stage::new(sample::lab());
    let connected: Connected = stage.connected();
    assert_eq!(connected.feed.latest().items.len(), sample::lab().items.len());
}
