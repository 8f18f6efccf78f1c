//! Pictures of the blades of jobs, servers, policies and consoles, of the wizard and of the first page.

use super::harness::{both, opaque, show, show_at};
use crate::app::App;
use crate::options::{RunOptions, Start, StartProgress, StartWish, Startup};
use crate::route::Route;
use crate::sample;
use egui_kittest::kittest::Queryable as _;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use leeward_model::{Accepted, Command, CommandOutcome, Fault, ItemId, Recovery, TestId};
use std::path::PathBuf;

#[test]
fn jobs() {
    both(sample::lab, &Route::Jobs, "jobs");
}

#[test]
fn jobs_none() {
    show(sample::empty(), Route::Jobs, false).picture("jobs_empty");
}

#[test]
fn job_running() {
    both(sample::lab, &Route::Job(sample::lab().jobs[1].id), "job_running");
}

#[test]
fn job_failed() {
    both(sample::lab, &Route::Job(sample::lab().jobs[2].id), "job_failed");
}

#[test]
fn servers() {
    both(sample::lab, &Route::Servers, "servers");
}

#[test]
fn servers_with_long_names() {
    show_at(sample::long_names(), Route::Servers, false, (1024.0, 700.0)).picture("servers_long");
}

#[test]
fn servers_none() {
    show(sample::empty(), Route::Servers, true).picture("servers_empty");
}

#[test]
fn registration_keys() {
    let mut results = SnapshotResults::new();
    for (dark, name) in [(false, "keys_light"), (true, "keys_dark")] {
        let mut shown = show(sample::lab(), Route::Servers, dark);
        shown.harness.get_by_label_contains("Registration keys").click();
        shown.harness.run();
        shown.picture(name);
        results.extend_harness(&mut shown.harness);
    }
}

#[test]
fn server() {
    both(sample::lab, &Route::Server(sample::lab().servers[0].agent), "server");
}

#[test]
fn server_lost() {
    show(sample::lab(), Route::Server(sample::lab().servers[3].agent), false).picture("server_lost");
}

#[test]
fn policies() {
    both(sample::lab, &Route::Policies, "policies");
}

#[test]
fn policies_none() {
    show(sample::empty(), Route::Policies, false).picture("policies_empty");
}

#[test]
fn enable_without_servers() {
    show(sample::empty(), Route::Enable, false).picture("enable_empty");
}

#[test]
fn enable_first_page() {
    both(sample::lab, &Route::Enable, "enable_source");
}

#[test]
fn console_waiting() {
    let route = Route::Console { item: ItemId(sample::id(6, 0)), test: TestId(sample::id(11, 1)) };
    show(sample::lab(), route, false).picture("console_waiting");
}

#[test]
fn a_test_that_is_gone_has_no_console() {
    let (item, test) = (ItemId(sample::id(6, 0)), TestId(sample::id(99, 1)));
    show(sample::lab(), Route::Console { item, test }, false).picture("console_gone");
}

/// A picture as a host would send it: a dark screen with one bright line.
pub(super) fn console_png() -> Vec<u8> {
    let (width, height) = (640_u32, 400_u32);
    let bright = |n: u32| (n / width) % 40 == 20 && n % width < 420;
    let pixels: Vec<u8> = (0..width * height).flat_map(|n| [if bright(n) { 220 } else { 20 }; 3]).collect();
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&pixels).expect("pixels");
    writer.finish().expect("an end");
    png
}

#[test]
fn console_of_a_test_failover() {
    let (item, test) = (ItemId(sample::id(6, 0)), TestId(sample::id(11, 1)));
    let mut shown = show(sample::lab(), Route::Items, false);
    let picture = Accepted::Picture { png: console_png(), at: sample::NOW.plus_secs(-2) };
    shown.stage.answer(CommandOutcome::Accepted(picture));
    shown.harness.get_by_label("web01").click();
    shown.harness.run_steps(4);
    shown.harness.get_by_label("Show console").click();
    shown.harness.run_steps(6);
    assert_eq!(shown.stage.sent(), [Command::ConsolePicture { item, test: Some(test) }]);
    let role = egui::accesskit::Role::Image;
    assert!(shown.harness.query_by_role_and_label(role, "Console of the test machine").is_some());
    shown.picture("console");
    shown.harness.get_by_label("Refresh").click();
    shown.harness.run_steps(4);
    assert_eq!(shown.stage.sent().len(), 2, "another picture was asked for");
}

/// The first page of somebody who has used two vaults.
enum Before {
    /// Who has asked for nothing yet.
    Idle,
    /// Whose wish is under way.
    Working,
    /// Whose wish has failed.
    Failed,
}

impl Startup for Before {
    fn recent(&self) -> Vec<PathBuf> {
        ["/home/anna/.local/share/leeward/vault", "/srv/leeward/nordic"].map(PathBuf::from).to_vec()
    }
    fn default_vault(&self) -> PathBuf {
        PathBuf::from("/home/anna/.local/share/leeward/vault")
    }
    fn default_addr(&self) -> String {
        "127.0.0.1:8443".to_owned()
    }
    fn begin(&mut self, _: StartWish) {}
    fn poll(&mut self) -> StartProgress {
        match std::mem::replace(self, Self::Idle) {
            Self::Idle => StartProgress::Idle,
            Self::Working => {
                *self = Self::Working;
                StartProgress::Working { text: "The hosts of Stockholm start".to_owned(), fraction: 0.4 }
            }
            Self::Failed => {
                let detail = "vault.redb: locked".to_owned();
                let fault = Fault::new("fabric-start-failed", "vault", detail, Recovery::NeedsPerson);
                StartProgress::Failed(fault)
            }
        }
    }
}

fn first_page(before: Before, dark: bool) -> Harness<'static, App> {
    let options = RunOptions {
        initial: Route::Overview,
        dark: Some(dark),
        size: None,
        driver: None,
        clock: sample::clock,
        preferences: None,
    };
    let start = Start::Choose(Box::new(before));
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 720.0))
        .with_theme(if dark { egui::Theme::Dark } else { egui::Theme::Light })
        .with_max_steps(12)
        .with_options(SnapshotOptions::new().threshold(1.5).max_failed_pixels(120))
        .build_eframe(move |cc| App::new(&cc.egui_ctx, start, options));
    harness.run_steps(4);
    harness
}

#[test]
fn the_first_page() {
    let mut results = SnapshotResults::new();
    for (dark, before, name) in [
        (false, Before::Idle, "first_page_light"),
        (true, Before::Idle, "first_page_dark"),
        (false, Before::Failed, "first_page_failed"),
        (false, Before::Working, "first_page_working_light"),
        (true, Before::Working, "first_page_working_dark"),
    ] {
        let mut harness = first_page(before, dark);
        opaque(&mut harness);
        harness.snapshot(name);
        results.extend_harness(&mut harness);
    }
}
