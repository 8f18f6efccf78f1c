//! The first page as a person uses it: another vault from an open one, back again, and an address that is checked.
//! Apart from `manage`, its pictures.

use crate::app::App;
use crate::options::{RunOptions, Start, StartProgress, StartWish, Startup};
use crate::route::Route;
use crate::sample::{self, Stage};
use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Keeps what was wished, and opens another world for it.
#[derive(Clone, Default)]
struct Wishes(Arc<Mutex<Vec<StartWish>>>);

impl Wishes {
    fn all(&self) -> Vec<StartWish> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Startup for Wishes {
    fn recent(&self) -> Vec<PathBuf> {
        (1..=5).map(|n| PathBuf::from(format!("/srv/vault-{n}"))).collect()
    }
    fn default_vault(&self) -> PathBuf {
        PathBuf::from("/srv/new")
    }
    fn default_addr(&self) -> String {
        "127.0.0.1:8443".to_owned()
    }
    fn begin(&mut self, wish: StartWish) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(wish);
    }
    fn poll(&mut self) -> StartProgress {
        if self.all().is_empty() {
            return StartProgress::Idle;
        }
        StartProgress::Ready(Stage::new(sample::empty()).connected())
    }
}

fn opened(start: Start) -> Harness<'static, App> {
    let options = RunOptions {
        initial: Route::Overview,
        dark: Some(false),
        size: None,
        driver: None,
        clock: sample::clock,
        preferences: None,
    };
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 720.0))
        .with_max_steps(12)
        .build_eframe(move |cc| App::new(&cc.egui_ctx, start, options));
    harness.run_steps(3);
    harness
}

fn press(harness: &mut Harness<'_, App>, role: Role, label: &str) {
    harness.get_by_role_and_label(role, label).click();
    harness.run_steps(4);
}

fn other_vault(harness: &mut Harness<'_, App>) {
    press(harness, Role::Button, "vault-nordic-01");
    press(harness, Role::Button, "Open another vault");
}

#[test]
fn another_vault_is_opened_from_an_open_one() {
    let wishes = Wishes::default();
    let connected = Stage::new(sample::lab()).connected();
    let mut harness = opened(Start::Open(connected, Box::new(wishes.clone())));
    other_vault(&mut harness);
    assert_eq!(harness.state().route(), None, "the first page");
    press(&mut harness, Role::Link, "/srv/vault-5");
    press(&mut harness, Role::Button, "Open a vault");
    assert_eq!(wishes.all(), [StartWish::Open(PathBuf::from("/srv/vault-5"))]);
    assert_eq!(harness.state().route(), Some(Route::Overview));
}

#[test]
fn one_can_go_back_to_the_vault_that_is_open() {
    let connected = Stage::new(sample::lab()).connected();
    let mut harness = opened(Start::Open(connected, Box::new(Wishes::default())));
    other_vault(&mut harness);
    press(&mut harness, Role::Link, "Go on with vault-nordic-01");
    assert_eq!(harness.state().route(), Some(Route::Overview));
}

#[test]
fn the_palette_leads_to_another_vault() {
    let connected = Stage::new(sample::lab()).connected();
    let mut harness = opened(Start::Open(connected, Box::new(Wishes::default())));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    harness.run_steps(2);
    harness.get_by_label("Search").type_text("another vault");
    harness.run_steps(2);
    harness.key_press(Key::Enter);
    harness.run_steps(4);
    assert_eq!(harness.state().route(), None);
}

#[test]
fn a_window_on_one_engine_alone_says_so() {
    let mut harness = opened(Start::Connected(Stage::new(sample::lab()).connected()));
    other_vault(&mut harness);
    assert_eq!(harness.state().route(), Some(Route::Overview));
    assert!(harness.query_by_label_contains("This window was opened on one engine.").is_some());
}

#[test]
fn the_address_of_a_new_vault_is_checked_as_it_is_typed() {
    let wishes = Wishes::default();
    let mut harness = opened(Start::Choose(Box::new(wishes.clone())));
    assert!(
        harness.query_by_label_contains("other hosts cannot join").is_some(),
        "the default says what it means"
    );
    harness.get_by_role_and_label(Role::TextInput, "Name").focus();
    harness.run_steps(2);
    harness.get_by_role_and_label(Role::TextInput, "Name").type_text("nordic");
    harness.run_steps(2);
    let field = "Hosts reach this engine at";
    harness.get_by_role_and_label(Role::TextInput, field).focus();
    harness.run_steps(2);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness.run_steps(2);
    harness.get_by_role_and_label(Role::TextInput, field).type_text("192.0.2.10");
    harness.run_steps(2);
    press(&mut harness, Role::Button, "Create a vault");
    assert!(wishes.all().is_empty(), "an address without a port");
    assert!(harness.query_by_label_contains("An address and a port").is_some());
    harness.get_by_role_and_label(Role::TextInput, field).focus();
    harness.run_steps(2);
    harness.key_press(Key::End);
    harness.run_steps(2);
    harness.get_by_role_and_label(Role::TextInput, field).type_text(":8443");
    harness.run_steps(2);
    assert!(harness.query_by_label_contains("other hosts cannot join").is_none());
    press(&mut harness, Role::Button, "Create a vault");
    let (path, name) = (PathBuf::from("/srv/new"), "nordic".to_owned());
    assert_eq!(wishes.all(), [StartWish::Create { path, name, addr: "192.0.2.10:8443".to_owned() }]);
}
