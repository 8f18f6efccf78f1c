//! The wizard that protects machines: source, machines, target, policy and start, review. Each page says what is still
//! missing before one can go on; nothing is sent before the last.

use super::policies;
use crate::action::{Action, Dialog};
use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::route::Route;
use crate::theme::icons::Icon;
use crate::theme::ramp;
use egui::{DragValue, Label, ScrollArea, Ui, vec2};
use leeward_model::{
    AgentId, Command, Health, MachineId, MachineView, PolicyId, Preview, ServerView, Start, Verb,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Pages of the wizard.
const PAGES: [&str; 5] = [
    "enable-page-source",
    "enable-page-machines",
    "enable-page-target",
    "enable-page-policy",
    "enable-page-review",
];

/// What has been chosen.
#[derive(Default)]
pub struct EnableState {
    page: usize,
    source: Option<AgentId>,
    machines: BTreeSet<MachineId>,
    filter: String,
    target: Option<AgentId>,
    policy: Option<PolicyId>,
    later: bool,
    in_hours: u32,
    asked: Option<(Command, u64)>,
    preview: Preview,
}

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut EnableState) {
    if cx.snapshot.servers.is_empty() {
        let way = (Verb::MakeRegistrationKey.title(), Action::Open(Dialog::RegistrationKey));
        let (title, text) = (words("enable-no-servers"), words("enable-no-servers-text"));
        return kit::empty(ui, cx, Icon::Server, &title, &text, Some(way));
    }
    if state.source.is_none() && cx.snapshot.servers.len() == 1 {
        state.source = cx.snapshot.servers.first().map(|s| s.agent);
    }
    steps(ui, cx, state);
    ui.add_space(8.0);
    let foot = 52.0;
    let room = vec2(ui.available_width(), (ui.available_height() - foot).max(120.0));
    ui.allocate_ui(room, |ui| {
        ui.set_min_size(room);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| match state.page {
            0 => source(ui, cx, state),
            1 => machines(ui, cx, state),
            2 => target(ui, cx, state),
            3 => policy(ui, cx, state),
            _ => review(ui, cx, state),
        });
    });
    kit::hairline(ui);
    ui.add_space(8.0);
    footer(ui, cx, state);
}

/// The row of pages at the top; those behind can be gone back to.
fn steps(ui: &mut Ui, cx: &Cx<'_>, state: &mut EnableState) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 18.0;
        for (index, key) in PAGES.into_iter().enumerate() {
            let title = format!("{}. {}", index + 1, words(key));
            if index < state.page {
                if kit::link(ui, &title).clicked() {
                    state.page = index;
                }
            } else if index == state.page {
                ui.label(ramp::strong(title, ramp::BODY));
            } else {
                ui.label(ramp::body(title).color(cx.theme.text3));
            }
        }
    });
    ui.add_space(4.0);
    kit::hairline(ui);
}

/// What is still missing on a page.
fn missing(state: &EnableState, page: usize) -> Option<String> {
    let key = match page {
        0 if state.source.is_none() => "enable-need-source",
        1 if state.machines.is_empty() => "enable-need-machines",
        2 if state.target.is_none() => "enable-need-target",
        3 if state.policy.is_none() => "enable-need-policy",
        _ => return None,
    };
    Some(words(key))
}

fn footer(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut EnableState) {
    let last = state.page + 1 == PAGES.len();
    let blocked = if last {
        state.preview.refused.as_ref().map(|r| r.why.render())
    } else {
        missing(state, state.page)
    };
    ui.horizontal(|ui| {
        if kit::secondary_button(ui, &words("enable-back"), state.page > 0).clicked() {
            state.page = state.page.saturating_sub(1);
        }
        let text = if last { Verb::EnableReplication.title() } else { words("enable-next") };
        let next = kit::primary_button(ui, &text, blocked.is_none());
        if next.clicked() {
            if last {
                cx.actions.extend(command(state, cx).map(Action::Send));
                cx.go(Route::Items);
                *state = EnableState::default();
            } else {
                state.page += 1;
            }
        }
        if kit::secondary_button(ui, &words("dialog-cancel"), true).clicked() {
            cx.act(Action::Back);
        }
        if let Some(why) = blocked {
            next.on_disabled_hover_text(&why);
            kit::caption(ui, why);
        }
    });
}

fn command(state: &EnableState, cx: &Cx<'_>) -> Option<Command> {
    let hours = i64::from(state.in_hours);
    let start = if state.later { Start::At(cx.now.plus_secs(hours * 3_600)) } else { Start::Now };
    Some(Command::EnableReplication {
        machines: state.machines.iter().copied().collect(),
        target: state.target?,
        policy: state.policy?,
        start,
    })
}

/// A server to be chosen.
fn server_row(ui: &mut Ui, cx: &Cx<'_>, server: &ServerView, chosen: bool) -> bool {
    let shown = ui.horizontal(|ui| {
        let pressed = ui.radio(chosen, ramp::body(server.name.as_str())).clicked();
        let site = super::servers::site_of(cx, server);
        kit::caption(ui, msg("enable-server").with("site", site).with("n", server.machines).render());
        if !server.connected {
            kit::health_mark(ui, Health::Warning, &super::servers::connection(server));
        }
        pressed
    });
    shown.inner
}

fn source(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut EnableState) {
    kit::section(ui, &words("enable-which-source"));
    kit::caption(ui, words("enable-which-source-text"));
    ui.add_space(6.0);
    let snapshot = Arc::clone(cx.snapshot);
    for server in snapshot.servers.iter() {
        if server_row(ui, cx, server, state.source == Some(server.agent))
            && state.source != Some(server.agent)
        {
            state.source = Some(server.agent);
            state.machines.clear();
            state.target = state.target.filter(|t| *t != server.agent);
        }
    }
}

fn machines(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut EnableState) {
    kit::section(ui, &words("enable-which-machines"));
    let snapshot = Arc::clone(cx.snapshot);
    let wanted = state.filter.trim().to_lowercase();
    let rows: Vec<&MachineView> = snapshot
        .machines
        .iter()
        .filter(|m| Some(m.agent) == state.source && m.definition.name.to_lowercase().contains(&wanted))
        .collect();
    ui.horizontal(|ui| {
        kit::text_field(ui, &mut state.filter, &words("associate-filter"), &words("associate-filter"), 240.0);
        let free: Vec<MachineId> =
            rows.iter().filter(|m| why_not(m).is_none()).map(|m| m.definition.id).collect();
        if kit::link(ui, &words("enable-all")).clicked() {
            state.machines.extend(free);
        }
        if kit::link(ui, &words("enable-no-machine")).clicked() {
            state.machines.clear();
        }
        kit::caption(ui, msg("enable-chosen").with("n", state.machines.len()).render());
    });
    ui.add_space(6.0);
    if rows.is_empty() {
        kit::caption(ui, words("enable-none-found"));
    }
    for machine in rows {
        machine_row(ui, cx, machine, &mut state.machines);
    }
}

/// Why a machine cannot be chosen.
fn why_not(machine: &MachineView) -> Option<String> {
    match (&machine.item, &machine.not_protectable) {
        (Some(_), _) => Some(words("machines-is-protected")),
        (None, Some(why)) => Some(why.render()),
        (None, None) => None,
    }
}

fn machine_row(ui: &mut Ui, cx: &Cx<'_>, machine: &MachineView, chosen: &mut BTreeSet<MachineId>) {
    let id = machine.definition.id;
    let why = why_not(machine);
    ui.horizontal(|ui| {
        let mut on = chosen.contains(&id);
        let name = ramp::body(machine.definition.name.as_str());
        if ui.add_enabled(why.is_none(), egui::Checkbox::new(&mut on, name)).changed() {
            if on {
                chosen.insert(id);
            } else {
                chosen.remove(&id);
            }
        }
        let size: u64 = machine.definition.disks.iter().map(|d| d.size_bytes).sum();
        let text = match why {
            Some(why) => why,
            None => msg("enable-machine")
                .with("n", machine.definition.disks.len())
                .with("size", kit::bytes(size))
                .with("power", super::server::power_word(machine.power))
                .render(),
        };
        ui.add(Label::new(ramp::caption(text).color(cx.theme.text2)).truncate());
    });
}

fn target(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut EnableState) {
    kit::section(ui, &words("enable-which-target"));
    kit::caption(ui, words("enable-which-target-text"));
    ui.add_space(6.0);
    let snapshot = Arc::clone(cx.snapshot);
    let mut any = false;
    for server in snapshot.servers.iter().filter(|s| Some(s.agent) != state.source) {
        any = true;
        if server_row(ui, cx, server, state.target == Some(server.agent)) {
            state.target = Some(server.agent);
        }
    }
    if !any {
        let way = Some((Verb::MakeRegistrationKey.title(), Action::Open(Dialog::RegistrationKey)));
        kit::banner(ui, cx, Health::Warning, &words("enable-one-server"), way);
    }
}

fn policy(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut EnableState) {
    kit::section(ui, &words("enable-which-policy"));
    let snapshot = Arc::clone(cx.snapshot);
    for view in snapshot.policies.iter() {
        ui.horizontal(|ui| {
            let chosen = state.policy == Some(view.policy.id);
            if ui.radio(chosen, ramp::body(view.policy.name.as_str())).clicked() {
                state.policy = Some(view.policy.id);
            }
            kit::caption(ui, policies::in_words(&view.policy));
        });
    }
    ui.add_space(2.0);
    if kit::link(ui, &Verb::CreatePolicy.title()).clicked() {
        cx.act(Action::Open(Dialog::EditPolicy(None)));
    }
    kit::section(ui, &words("enable-when"));
    if ui.radio(!state.later, ramp::body(words("enable-now"))).clicked() {
        state.later = false;
    }
    ui.horizontal(|ui| {
        if ui.radio(state.later, ramp::body(words("enable-later"))).clicked() {
            state.later = true;
            state.in_hours = state.in_hours.max(1);
        }
        let suffix = format!(" {}", words("policy-hours"));
        ui.add_enabled(state.later, DragValue::new(&mut state.in_hours).range(1..=168).suffix(suffix));
        if state.later {
            let at = cx.now.plus_secs(i64::from(state.in_hours) * 3_600);
            kit::caption(ui, kit::date_time(at));
        }
    });
}

fn review(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut EnableState) {
    let Some(asked) = command(state, cx) else {
        kit::banner(ui, cx, Health::Warning, &words("dialog-choose-first"), None);
        return;
    };
    let revision = cx.snapshot.revision;
    // A later start moves with the clock; what it would do does not.
    let same = |(known, at): &(Command, u64)| {
        *at == revision && std::mem::discriminant(known) == std::mem::discriminant(&asked)
    };
    if !state.asked.as_ref().is_some_and(same) {
        state.preview = cx.sink.preview(&asked);
        state.asked = Some((asked, revision));
    }
    let server = |id: Option<AgentId>| {
        let found = id.and_then(|id| cx.snapshot.server(id));
        found.map(|s| format!("{} ({})", s.name, super::servers::site_of(cx, s))).unwrap_or_default()
    };
    let policy = cx.snapshot.policies.iter().find(|p| Some(p.policy.id) == state.policy);
    let names: Vec<&str> = cx
        .snapshot
        .machines
        .iter()
        .filter(|m| Some(m.agent) == state.source && state.machines.contains(&m.definition.id))
        .map(|m| m.definition.name.as_str())
        .collect();
    let facts = [
        (words("enable-page-source"), kit::Value::Text(server(state.source))),
        (words("enable-page-target"), kit::Value::Text(server(state.target))),
        (words("enable-page-machines"), kit::Value::Text(names.join(", "))),
        (words("items-policy"), kit::Value::Text(policy.map(|p| p.policy.name.clone()).unwrap_or_default())),
    ];
    kit::essentials(ui, cx, &facts);
    if let Some(refused) = &state.preview.refused {
        kit::banner(ui, cx, Health::Warning, &refused.why.render(), None);
    }
    for note in state.preview.losses.iter().chain(&state.preview.notes) {
        kit::banner(ui, cx, Health::NotApplicable, &note.render(), None);
    }
    kit::section(ui, &words("enable-each"));
    for (number, step) in state.preview.steps.iter().enumerate() {
        ui.label(ramp::body(format!("{}. {}", number + 1, step.title.render())));
    }
}
