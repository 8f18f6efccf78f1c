//! The page before there is a vault: open one, create one, or make the sample lab. Each says how far it is, and what
//! to do when it did not work.

use crate::cx::Cx;
use crate::kit::{self, words};
use crate::options::{Connected, StartProgress, StartWish, Startup};
use crate::theme::icons::Icon;
use crate::theme::ramp;
use egui::{Label, Ui, vec2};
use leeward_model::Fault;
use std::path::PathBuf;
use std::time::Duration;

/// Width of the column.
const WIDTH: f32 = 560.0;

/// What has been put into the page.
#[derive(Default)]
pub(crate) struct State {
    begun: bool,
    open: String,
    create: String,
    name: String,
    lab: String,
    working: Option<(String, f32)>,
    failed: Option<Fault>,
}

/// Draws the page; gives the vault's two ends when there are some.
pub(crate) fn show(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    startup: &mut dyn Startup,
    state: &mut State,
) -> Option<Connected> {
    if !state.begun {
        state.begun = true;
        let place = startup.default_vault();
        state.create = place.display().to_string();
        state.lab = place.with_file_name("lab").display().to_string();
        state.open = startup.recent().first().map(|p| p.display().to_string()).unwrap_or_default();
    }
    match startup.poll() {
        StartProgress::Idle => {}
        StartProgress::Working { text, fraction } => state.working = Some((text, fraction)),
        StartProgress::Ready(connected) => return Some(connected),
        StartProgress::Failed(fault) => {
            state.working = None;
            state.failed = Some(fault);
        }
    }
    egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.vertical_centered(|ui| {
            ui.add_space(48.0);
            ui.set_max_width(WIDTH);
            kit::icon(ui, Icon::Shield, 44.0, cx.theme.accent);
            ui.add_space(8.0);
            ui.label(ramp::strong("Leeward", 26.0));
            ui.add(Label::new(ramp::body(words("start-text")).color(cx.theme.text2)).wrap());
            ui.add_space(20.0);
            match state.working.clone() {
                Some((text, share)) => working(ui, &text, share),
                None => {
                    let left = egui::Layout::top_down(egui::Align::Min);
                    ui.allocate_ui_with_layout(vec2(WIDTH, 0.0), left, |ui| {
                        ui.set_width(WIDTH);
                        choices(ui, cx, startup, state);
                    });
                }
            }
        });
    });
    None
}

fn working(ui: &mut Ui, text: &str, share: f32) {
    ui.add_space(24.0);
    ui.label(ramp::strong(text, ramp::SUBTITLE));
    ui.add_space(10.0);
    kit::progress_bar(ui, 420.0, share);
    ui.ctx().request_repaint_after(Duration::from_millis(150));
}

fn choices(ui: &mut Ui, cx: &mut Cx<'_>, startup: &mut dyn Startup, state: &mut State) {
    let mut wish = None;
    if let Some(fault) = &state.failed {
        ui.allocate_ui(vec2(WIDTH, 0.0), |ui| kit::fault_box(ui, cx, fault));
        ui.add_space(8.0);
    }
    kit::card(ui, cx, &words("start-open"), |ui, cx| {
        kit::caption(ui, words("start-open-text"));
        let label = words("start-folder");
        kit::field(ui, cx.theme, &label, true, None, |ui| {
            kit::text_field(ui, &mut state.open, &label, "", 480.0)
        });
        if kit::primary_button(ui, &words("start-open"), !state.open.trim().is_empty()).clicked() {
            wish = Some(StartWish::Open(PathBuf::from(state.open.trim())));
        }
    });
    ui.add_space(12.0);
    kit::card(ui, cx, &words("start-create"), |ui, cx| {
        kit::caption(ui, words("start-create-text"));
        let label = words("start-name");
        kit::field(ui, cx.theme, &label, true, None, |ui| {
            kit::text_field(ui, &mut state.name, &label, "", 320.0)
        });
        let folder = words("start-folder");
        kit::field(ui, cx.theme, &folder, true, None, |ui| {
            kit::text_field(ui, &mut state.create, &folder, "", 480.0)
        });
        let full = !state.name.trim().is_empty() && !state.create.trim().is_empty();
        if kit::secondary_button(ui, &words("start-create"), full).clicked() {
            let (path, name) = (PathBuf::from(state.create.trim()), state.name.trim().to_owned());
            wish = Some(StartWish::Create { path, name });
        }
    });
    ui.add_space(12.0);
    kit::card(ui, cx, &words("start-lab"), |ui, cx| {
        kit::caption(ui, words("start-lab-text"));
        let folder = words("start-folder");
        kit::field(ui, cx.theme, &folder, true, None, |ui| {
            kit::text_field(ui, &mut state.lab, &folder, "", 480.0)
        });
        if kit::secondary_button(ui, &words("start-lab"), !state.lab.trim().is_empty()).clicked() {
            wish = Some(StartWish::MakeLab { folder: PathBuf::from(state.lab.trim()) });
        }
    });
    if let Some(wish) = wish {
        state.failed = None;
        state.working = Some((words("start-working"), 0.0));
        startup.begin(wish);
        ui.ctx().request_repaint();
    }
}
