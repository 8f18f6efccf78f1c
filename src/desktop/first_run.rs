//! The page before there is a vault: open one, create one, or make the sample lab. Each says how far it is, and what
//! to do when it did not work.

use crate::address;
use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::options::{Connected, StartProgress, StartWish, Startup};
use crate::theme::icons::Icon;
use crate::theme::ramp;
use egui::{Align, CentralPanel, Frame, Label, Layout, ScrollArea, Ui, Vec2, vec2};
use leeward_model::Fault;
use std::path::PathBuf;
use std::time::Duration;

/// Size of each of the three ways.
const CARD: Vec2 = vec2(312.0, 412.0);
const GAP: f32 = 14.0;

/// Vaults offered from before.
const RECENT_MAX: usize = 5;

/// What has been put into the page.
#[derive(Default)]
pub(crate) struct State {
    begun: bool,
    open: String,
    create: String,
    name: String,
    addr: String,
    lab: String,
    working: Option<(String, f32)>,
    failed: Option<Fault>,
}

/// Draws the page; gives the vault's two ends when there are some, and whether one goes back to the vault of this name.
pub(crate) fn show(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    startup: &mut dyn Startup,
    state: &mut State,
    vault: Option<&str>,
) -> (Option<Connected>, bool) {
    if !state.begun {
        state.begun = true;
        let place = startup.default_vault();
        state.create = place.display().to_string();
        state.addr = startup.default_addr();
        state.lab = place.with_file_name("lab").display().to_string();
        state.open = startup.recent().first().map(|p| p.display().to_string()).unwrap_or_default();
    }
    match startup.poll() {
        StartProgress::Idle => {}
        StartProgress::Working { text, fraction } => state.working = Some((text, fraction)),
        StartProgress::Ready(connected) => return (Some(connected), false),
        StartProgress::Failed(fault) => {
            state.working = None;
            state.failed = Some(fault);
        }
    }
    let mut back = false;
    let page = Frame::new().fill(cx.theme.bg);
    CentralPanel::default().frame(page).show(ui, |ui| {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.vertical_centered(|ui| {
                ui.add_space((ui.ctx().content_rect().height() * 0.12).min(90.0));
                kit::icon(ui, Icon::Shield, 44.0, cx.theme.accent);
                ui.add_space(8.0);
                ui.label(ramp::strong("Leeward", 26.0));
                ui.add(Label::new(ramp::body(words("start-text")).color(cx.theme.text2)).wrap());
                ui.add_space(24.0);
                if let Some(vault) = vault.filter(|_| state.working.is_none()) {
                    back = kit::link(ui, &msg("start-back").with("vault", vault).render()).clicked();
                    ui.add_space(12.0);
                }
            });
            match state.working.clone() {
                Some((text, share)) => working(ui, &text, share),
                None => choices(ui, cx, startup, state),
            }
        });
    });
    (None, back)
}

fn working(ui: &mut Ui, text: &str, share: f32) {
    ui.vertical_centered(|ui| {
        ui.add_space(24.0);
        ui.label(ramp::strong(text, ramp::SUBTITLE));
        ui.add_space(10.0);
        kit::progress_bar(ui, 420.0, share);
    });
    ui.ctx().request_repaint_after(Duration::from_millis(150));
}

/// Vaults that were open before, one press away from the field.
fn recent(ui: &mut Ui, state: &mut State, paths: &[PathBuf]) {
    if paths.len() < 2 {
        return;
    }
    kit::caption(ui, words("start-recent"));
    for path in paths.iter().take(RECENT_MAX) {
        let shown = path.display().to_string();
        if kit::link(ui, &shown).clicked() {
            state.open = shown;
        }
    }
    ui.add_space(6.0);
}

/// The three ways to begin, side by side.
fn choices(ui: &mut Ui, cx: &mut Cx<'_>, startup: &mut dyn Startup, state: &mut State) {
    let mut wish = None;
    let wide = CARD.x * 3.0 + GAP * 2.0;
    let left = ((ui.available_width() - wide) * 0.5).max(0.0);
    if let Some(fault) = &state.failed {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.add_space(left);
            ui.vertical(|ui| {
                ui.set_max_width(wide);
                ui.spacing_mut().item_spacing.x = 8.0;
                kit::fault_box(ui, cx, fault);
            });
        });
        ui.add_space(8.0);
    }
    let before = startup.recent();
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        ui.add_space(left);
        kit::tile(ui, cx, CARD, &words("start-open"), |ui, cx| {
            wish = open(ui, cx, state, &before).or(wish.take());
        });
        kit::tile(ui, cx, CARD, &words("start-create"), |ui, cx| {
            wish = create(ui, cx, state).or(wish.take());
        });
        kit::tile(ui, cx, CARD, &words("start-lab"), |ui, cx| {
            wish = lab(ui, cx, state).or(wish.take());
        });
    });
    ui.add_space(24.0);
    if let Some(wish) = wish {
        state.failed = None;
        state.working = Some((words("start-working"), 0.0));
        startup.begin(wish);
        ui.ctx().request_repaint();
    }
}

fn line(ui: &mut Ui, cx: &Cx<'_>, label: &'static str, text: &mut String, wrong: Option<&str>) {
    let label = words(label);
    let width = ui.available_width();
    kit::field(ui, cx.theme, &label, true, wrong, |ui| kit::text_field(ui, text, &label, "", width));
}

/// The button of a way, at the foot of its card: the three stand in one line.
fn go(ui: &mut Ui, text: &str, on: bool) -> bool {
    ui.with_layout(Layout::bottom_up(Align::Min), |ui| kit::primary_button(ui, text, on).clicked()).inner
}

fn open(ui: &mut Ui, cx: &Cx<'_>, state: &mut State, before: &[PathBuf]) -> Option<StartWish> {
    kit::caption(ui, words("start-open-text"));
    ui.add_space(8.0);
    line(ui, cx, "start-folder", &mut state.open, None);
    recent(ui, state, before);
    let path = PathBuf::from(state.open.trim());
    let pressed = go(ui, &words("start-open"), !state.open.trim().is_empty());
    pressed.then_some(StartWish::Open(path))
}

fn create(ui: &mut Ui, cx: &Cx<'_>, state: &mut State) -> Option<StartWish> {
    kit::caption(ui, words("start-create-text"));
    ui.add_space(8.0);
    line(ui, cx, "start-name", &mut state.name, None);
    line(ui, cx, "start-folder", &mut state.create, None);
    let right = address::is_right(state.addr.trim());
    let wrong = (!right).then(|| words("start-addr-wrong"));
    line(ui, cx, "start-addr", &mut state.addr, wrong.as_deref());
    if address::is_loopback(state.addr.trim()) {
        kit::caption(ui, words("start-addr-loopback"));
        ui.add_space(6.0);
    }
    let (name, path) = (state.name.trim().to_owned(), PathBuf::from(state.create.trim()));
    let addr = state.addr.trim().to_owned();
    let full = !name.is_empty() && !state.create.trim().is_empty() && right;
    let pressed = go(ui, &words("start-create"), full);
    pressed.then_some(StartWish::Create { path, name, addr })
}

fn lab(ui: &mut Ui, cx: &Cx<'_>, state: &mut State) -> Option<StartWish> {
    kit::caption(ui, words("start-lab-text"));
    ui.add_space(8.0);
    line(ui, cx, "start-folder", &mut state.lab, None);
    let folder = PathBuf::from(state.lab.trim());
    let pressed = go(ui, &words("start-lab"), !state.lab.trim().is_empty());
    pressed.then_some(StartWish::MakeLab { folder })
}
