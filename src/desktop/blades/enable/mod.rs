//! The wizard that protects machines: source, machines, target, policy and start, review. Each page says what is still
//! missing before one can go on; nothing is sent before the last.
//!
//! | file | what |
//! |---|---|
//! | `choice` | what has been chosen, what is missing, the command |
//! | `pages` | the first four pages |
//! | `review` | the last |

mod choice;
mod pages;
mod review;

use crate::action::{Action, Dialog};
use crate::cx::Cx;
use crate::dialogs::effect::Effect;
use crate::kit::{self, words};
use crate::route::Route;
use crate::theme::icons::Icon;
use crate::theme::ramp;
use choice::{Choice, Page};
use egui::{Label, ScrollArea, Ui, vec2};
use leeward_model::{AgentId, CommandSink, MachineId, Verb};

/// Height of what stays at the bottom.
const FOOT: f32 = 54.0;

/// What has been chosen, and on which page one is.
#[derive(Default)]
pub struct EnableState {
    page: Page,
    choice: Choice,
    filter: String,
    effect: Effect,
}

impl EnableState {
    /// With this machine of this host chosen: what is asked next is where to.
    pub(crate) fn of(agent: AgentId, machine: MachineId) -> Self {
        let mut state = Self::default();
        state.choice.take_source(agent);
        state.choice.machines.insert(machine);
        state.page = Page::Target;
        state
    }

    /// Takes in what has been answered.
    pub(crate) fn hear(&mut self, sink: &dyn CommandSink) {
        self.effect.hear(sink);
    }
}

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut EnableState) {
    if cx.snapshot.servers.is_empty() {
        let way = Some((Verb::MakeRegistrationKey.title(), Action::Open(Dialog::RegistrationKey)));
        let (title, text) = (words("enable-no-servers"), words("enable-no-servers-text"));
        return kit::empty(ui, cx, Icon::Server, &title, &text, way);
    }
    state.choice.settle(cx.snapshot);
    // What was chosen may have gone meanwhile: back to where it is missing.
    if let Some(gap) = state.choice.gap() {
        state.page = state.page.min(gap);
    }
    steps(ui, cx, state);
    let room = vec2(ui.available_width(), (ui.available_height() - FOOT).max(120.0));
    ui.allocate_ui(room, |ui| {
        ui.set_min_size(room);
        ui.set_max_size(room);
        if state.page == Page::Machines {
            // The list scrolls by itself beneath its header.
            return pages::machines(ui, cx, &mut state.choice, &mut state.filter);
        }
        ScrollArea::vertical().id_salt(state.page.title_key()).auto_shrink(false).show(ui, |ui| {
            ui.set_max_width(ui.available_width() - 14.0);
            ui.spacing_mut().interact_size.y = 24.0;
            match state.page {
                Page::Source => pages::source(ui, cx, &mut state.choice),
                Page::Target => pages::target(ui, cx, &mut state.choice),
                Page::Policy => pages::policy(ui, cx, &mut state.choice),
                Page::Machines | Page::Review => review::show(ui, cx, &state.choice, &mut state.effect),
            }
        });
    });
    kit::hairline(ui);
    ui.add_space(8.0);
    footer(ui, cx, state);
}

/// The row of pages at the top; those behind can be gone back to.
fn steps(ui: &mut Ui, cx: &Cx<'_>, state: &mut EnableState) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 20.0;
        for (number, page) in (1..).zip(Page::ALL) {
            let title = format!("{number}. {}", words(page.title_key()));
            if page < state.page {
                if kit::link(ui, &title).clicked() {
                    state.page = page;
                }
            } else if page == state.page {
                ui.label(ramp::strong(title, ramp::BODY));
            } else {
                ui.label(ramp::body(title).color(cx.theme.text3));
            }
        }
    });
    ui.add_space(4.0);
    kit::hairline(ui);
}

fn footer(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut EnableState) {
    let last = state.page == Page::Review;
    let blocked = if last { state.effect.blocked() } else { state.choice.missing(state.page) };
    ui.horizontal(|ui| {
        if kit::secondary_button(ui, &words("enable-back"), state.page > Page::Source).clicked() {
            state.page = state.page.step(-1);
        }
        let text = if last { Verb::EnableReplication.title() } else { words("enable-next") };
        let next = kit::primary_button(ui, &text, blocked.is_none());
        if next.clicked() && !last {
            state.page = state.page.step(1);
        } else if next.clicked()
            && let Some(command) = state.choice.command(cx.now)
        {
            cx.act(Action::Send(command));
            cx.go(Route::Items);
            *state = EnableState::default();
        }
        if kit::secondary_button(ui, &words("dialog-cancel"), true).clicked() {
            *state = EnableState::default();
            cx.act(Action::Back);
        }
        if let Some(why) = blocked {
            ui.add(Label::new(ramp::caption(&why).color(cx.theme.text2)).truncate());
            kit::refusal(next, &why);
        }
    });
}
