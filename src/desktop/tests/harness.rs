//! A window over a made-up world, without a display. Apart from the tests that use it.

use crate::app::App;
use crate::options::{RunOptions, Start};
use crate::route::Route;
use crate::sample::{Stage, clock};
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use leeward_model::Snapshot;
use std::sync::Arc;

/// A window and the stage behind it.
pub(crate) struct Shown {
    pub(crate) stage: Arc<Stage>,
    pub(crate) harness: Harness<'static, App>,
}

/// The window as it is first shown, at the size of the smallest screen we draw for.
pub(crate) fn show(snapshot: Snapshot, route: Route, dark: bool) -> Shown {
    show_at(snapshot, route, dark, (1280.0, 720.0))
}

/// The same at another size.
pub(crate) fn show_at(snapshot: Snapshot, route: Route, dark: bool, size: (f32, f32)) -> Shown {
    show_scaled(snapshot, route, dark, size, 1.0)
}

/// The same on a screen with more pixels to a point.
pub(crate) fn show_scaled(
    snapshot: Snapshot,
    route: Route,
    dark: bool,
    size: (f32, f32),
    scale: f32,
) -> Shown {
    let stage = Stage::new(snapshot);
    let start = Start::Connected(super::foretold::connected(&stage));
    let options =
        RunOptions { initial: route, dark: Some(dark), size: None, driver: None, clock, preferences: None };
    // Pixels differ a little between drivers: allow for edges, not for a moved or missing word.
    let tolerance = SnapshotOptions::new().threshold(1.5).max_failed_pixels(120);
    let mut harness = Harness::builder()
        .with_size(egui::vec2(size.0, size.1))
        .with_pixels_per_point(scale)
        .with_theme(if dark { egui::Theme::Dark } else { egui::Theme::Light })
        .with_max_steps(12)
        .with_options(tolerance)
        .build_eframe(move |cc| App::new(&cc.egui_ctx, start, options));
    harness.run();
    Shown { stage, harness }
}

impl Shown {
    /// Compares with the picture of this name.
    pub(crate) fn picture(&mut self, name: &str) {
        opaque(&mut self.harness);
        self.harness.snapshot(name);
    }
}

/// Something is drawn up to every corner: what is left out is black on some screens and nothing on others.
pub(crate) fn opaque(harness: &mut Harness<'_, App>) {
    let image = harness.render().expect("a picture");
    let (right, bottom) = (image.width() - 1, image.height() - 1);
    for (x, y) in [(0, 0), (right, 0), (0, bottom), (right, bottom)] {
        assert_eq!(image.get_pixel(x, y).0[3], 255, "nothing is drawn at {x}, {y}");
    }
}

/// The same blade in both themes.
pub(crate) fn both(world: fn() -> Snapshot, route: &Route, name: &str) {
    let mut results = SnapshotResults::new();
    for (dark, theme) in [(false, "light"), (true, "dark")] {
        let mut shown = show(world(), route.clone(), dark);
        shown.picture(&format!("{name}_{theme}"));
        results.extend_harness(&mut shown.harness);
    }
}
