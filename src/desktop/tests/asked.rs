//! A window with a dialog open, over a stage that foretells losses. Apart from `harness`, whose stage foretells none.

use super::harness::Shown;
use crate::action::Dialog;
use crate::app::App;
use crate::options::{Connected, Director, Driver, RunOptions, Start};
use crate::route::Route;
use crate::sample::{Stage, clock};
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults};
use leeward_model::{
    Command, CommandOutcome, CommandSink, Message, Preview, ReceiptId, Refusal, Scope, Snapshot,
    SnapshotFeed as _, Verb,
};
use std::sync::Arc;

/// Foretells what the engine would, by its sentences.
struct Oracle(Arc<Stage>);

impl CommandSink for Oracle {
    fn submit(&self, command: Command) -> ReceiptId {
        self.0.submit(command)
    }

    fn take_outcome(&self, receipt: ReceiptId) -> Option<CommandOutcome> {
        self.0.take_outcome(receipt)
    }

    fn preview(&self, command: &Command) -> Preview {
        let world = self.0.latest();
        let name = command.item().and_then(|id| world.item(id)).map(|i| i.name.clone()).unwrap_or_default();
        let say = |key: &'static str| Message::new(key).with("item", &name);
        let mut preview = self.0.preview(command);
        if command.verb().decl().scope != Scope::Item && command.verb() != Verb::EnableReplication {
            preview.steps.clear();
        }
        match command {
            Command::Failover { point, .. } => {
                let age =
                    if matches!(point, leeward_model::PointChoice::Exact(_)) { "2 min" } else { "14 s" };
                preview.losses.push(say("preview-failover-loss").with("age", age).with("span", age));
            }
            Command::PlannedFailover { .. } => preview.notes.push(say("preview-planned-no-loss")),
            Command::ChangeRecoveryPoint { .. } => preview.losses.push(say("preview-change-point-loss")),
            Command::DisableReplication { delete_replica, .. } => {
                if *delete_replica {
                    preview.losses.push(say("preview-disable-points").with("points", 14_u32));
                }
                preview.losses.push(say("preview-disable-unprotected"));
            }
            Command::DiscardSource { .. } => preview.losses.push(say("preview-discard-loss")),
            Command::TestFailover { .. } => preview.notes.push(say("preview-test-isolated")),
            Command::CleanUpTestFailover { .. } => preview.losses.push(say("preview-clean-up-loss")),
            Command::CreatePolicy { policy } if policy.name == "gold-30s" => {
                let why = Message::new("refusal-policy-name-taken").with("policy", &policy.name);
                preview.refused = Some(Refusal { why, helps: None });
            }
            _ => {}
        }
        preview
    }

    fn ask_previews(&self, commands: Vec<Command>) -> ReceiptId {
        self.0.foretell(commands.iter().map(|c| self.preview(c)).collect())
    }

    fn take_previews(&self, receipt: ReceiptId) -> Option<Vec<Preview>> {
        self.0.take_previews(receipt)
    }
}

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
    let Connected { feed, title, .. } = stage.connected();
    let start = Start::Connected(Connected { sink: Arc::new(Oracle(Arc::clone(&stage))), feed, title });
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
