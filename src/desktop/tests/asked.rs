//! A window with a dialog open. Apart from `harness`, which shows the blades.

use super::foretold;
use super::harness::Shown;
use crate::action::Dialog;
use crate::app::App;
use crate::options::{Director, Driver, RunOptions, Start};
use crate::route::Route;
use crate::sample::{Stage, clock};
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use leeward_model::Snapshot;

/// Opens one dialog, then does nothing.
struct Opener(Option<Dialog>);

impl Driver for Opener {
    fn drive(&mut self, stage: &mut Director<'_>) {
        if let Some(dialog) = self.0.take() {
            stage.open(dialog);
        }
    }
}

/// A window on a blade, with a dialog over it if one is given.
pub(super) fn show(snapshot: Snapshot, route: Route, dialog: Option<Dialog>, dark: bool) -> Shown {
    let stage = Stage::new(snapshot);
    let start = Start::Connected(foretold::connected(&stage));
    let driver = Some(Box::new(Opener(dialog)) as Box<dyn Driver>);
    let options =
        RunOptions { initial: route, dark: Some(dark), size: None, driver, clock, preferences: None };
    // Pixels differ a little between drivers: allow for edges, not for a moved or missing word.
    let tolerance = SnapshotOptions::new().threshold(1.5).max_failed_pixels(120);
    let mut harness = Harness::builder()
        .with_size(egui::vec2(1280.0, 720.0))
        .with_theme(if dark { egui::Theme::Dark } else { egui::Theme::Light })
        .with_max_steps(12)
        .with_options(tolerance)
        .build_eframe(move |cc| App::new(&cc.egui_ctx, start, options));
    harness.run_steps(6);
    Shown { stage, harness }
}

/// The same dialog in both themes.
pub(super) fn both(world: fn() -> Snapshot, route: &Route, dialog: &Dialog, name: &str) {
    let mut results = SnapshotResults::new();
    for (dark, theme) in [(false, "light"), (true, "dark")] {
        let mut shown = show(world(), route.clone(), Some(dialog.clone()), dark);
        shown.picture(&format!("{name}_{theme}"));
        results.extend_harness(&mut shown.harness);
    }
}
