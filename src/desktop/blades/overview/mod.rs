//! The vault at a glance: health, readiness, RPO, jobs, the topology of its sites, and what needs somebody.

mod attention;
mod plan;
mod recent;
mod tiles;
mod topology;

use crate::action::Action;
use crate::blades::narrow;
use crate::cx::Cx;
use crate::kit::{self, CommandButton, words};
use crate::route::Route;
use crate::theme::icons::Icon;
use egui::Ui;
use leeward_model::{Health, Verb};

/// What a person has done to the blade.
#[derive(Default, Debug)]
pub struct OverviewState {
    topology: topology::TopologyState,
    attention: attention::AttentionState,
    median: tiles::Median,
}

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut OverviewState) {
    let commands = [
        CommandButton::of_verb(Verb::EnableReplication, Action::Go(Route::Enable)),
        CommandButton::of_verb(Verb::MakeRegistrationKey, Action::Open(crate::Dialog::RegistrationKey)),
        CommandButton::of_verb(Verb::CreatePolicy, Action::Open(crate::Dialog::EditPolicy(None))),
    ];
    kit::command_bar(ui, cx, &commands);
    if cx.snapshot.servers.is_empty() {
        let button = (words("overview-first-server"), Action::Open(crate::Dialog::RegistrationKey));
        let (title, text) = (words("overview-empty"), words("overview-empty-text"));
        return kit::empty(ui, cx, Icon::Server, &title, &text, Some(button));
    }
    kit::page(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 4.0;
        issues(ui, cx);
        tiles::show(ui, cx, &mut state.median);
        ui.add_space(12.0);
        // What the page has left goes to the topology: a tall window is not half empty.
        let above = ui.min_rect().height();
        let width = ui.available_width();
        let below = attention::height(cx, &mut state.attention) + recent::height(cx, width) + 3.0 * 16.0;
        let room = ui.clip_rect().height() - above - below;
        topology::show(ui, cx, &mut state.topology, room);
        ui.add_space(12.0);
        attention::show(ui, cx, &mut state.attention);
        attention::symptoms(ui, cx);
        recent::show(ui, cx);
        ui.add_space(16.0);
    });
}

/// The worst symptom and the first thing that is not configured, in one line each.
fn issues(ui: &mut Ui, cx: &mut Cx<'_>) {
    let snapshot = std::sync::Arc::clone(cx.snapshot);
    if let Some((health, what, n)) = snapshot.overview.errors.iter().find(|(h, _, _)| *h == Health::Critical)
    {
        let way = narrow::symptom(what, &snapshot).map(|way| (words("overview-review"), Action::Go(way)));
        kit::banner(ui, cx, *health, &attention::counted(what, *n), way);
    } else if let Some((what, n)) = snapshot.overview.configuration_issues.first() {
        let way = narrow::symptom(what, &snapshot).map(|way| (words("overview-review"), Action::Go(way)));
        kit::banner(ui, cx, Health::Warning, &attention::counted(what, *n), way);
    }
}
