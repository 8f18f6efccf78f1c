//! One management server: how it is connected, its machines, what can be done with them. Apart from `servers`.

use super::servers;
use crate::action::{Action, Dialog};
use crate::ask;
use crate::cx::Cx;
use crate::kit::table::{Column, Table, TableState, cell_text};
use crate::kit::{self, CommandButton, Value, essentials, msg, words};
use crate::route::Route;
use crate::theme::icons::Icon;
use egui::Ui;
use leeward_model::{AgentId, MachineView, PowerState, ServerView};
use std::sync::Arc;

/// What a person has done to the blade.
#[derive(Default, Debug)]
pub struct ServerState {
    machines: TableState,
}

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut ServerState, id: AgentId) {
    let snapshot = Arc::clone(cx.snapshot);
    let Some(server) = snapshot.server(id) else {
        let way = (words("server-gone-way"), Action::Go(Route::Servers));
        return kit::empty(
            ui,
            cx,
            Icon::Server,
            &words("server-gone"),
            &words("server-gone-text"),
            Some(way),
        );
    };
    let commands: Vec<CommandButton> = server
        .verbs
        .iter()
        .map(|v| CommandButton::verb(v, Action::Open(Dialog::ServerVerb { verb: v.verb, server: id })))
        .collect();
    kit::command_bar(ui, cx, &commands);
    essentials(ui, cx, &facts(server, cx));
    kit::section(ui, &words("server-machines"));
    let machines: Vec<&MachineView> = snapshot.machines.iter().filter(|m| m.agent == id).collect();
    if machines.is_empty() {
        let (title, text) = (words("server-no-machines"), words("server-no-machines-text"));
        return kit::empty(ui, cx, Icon::Machine, &title, &text, None);
    }
    table(&machines, snapshot.revision).show(ui, cx, &mut state.machines);
}

fn facts(server: &ServerView, cx: &Cx<'_>) -> Vec<(String, Value)> {
    let age = |at| {
        let (age, exact) = kit::age(at, cx.now);
        Value::Hover(age, exact)
    };
    let free = msg("servers-free-of")
        .with("free", kit::bytes(server.free_bytes))
        .with("total", kit::bytes(server.total_bytes))
        .render();
    vec![
        (words("servers-state"), Value::Health(server.health, servers::connection(server))),
        (words("servers-site"), Value::Text(servers::site_of(cx, server))),
        (words("servers-version"), Value::Text(server.version.clone())),
        (words("server-hypervisor"), Value::Text(server.hypervisor.clone())),
        (words("servers-heard"), server.last_heartbeat.map_or_else(|| Value::Text(words("nothing")), age)),
        (words("server-address"), Value::Mono(server.replication_addr.clone())),
        (words("server-certificate"), age(server.certificate_expires)),
        (words("servers-free"), Value::Text(free)),
        (
            words("server-items"),
            Value::Text(
                msg("server-items-of")
                    .with("source", server.source_items)
                    .with("target", server.target_items)
                    .render(),
            ),
        ),
    ]
}

/// The word of a machine's power.
pub(crate) fn power_word(power: PowerState) -> String {
    words(match power {
        PowerState::Running => "power-running",
        PowerState::Paused => "power-paused",
        PowerState::ShutDown => "power-shut-down",
        PowerState::Off => "power-off",
        PowerState::Unknown => "power-unknown",
    })
}

fn table<'a>(rows: &'a [&'a MachineView], revision: u64) -> Table<'a, &'a MachineView> {
    type Row<'a> = &'a MachineView;
    Table::new("machines", rows, revision, |m| m.definition.id.0.as_u128(), |m| m.definition.name.clone())
        .filter(|m| m.definition.name.clone())
        .counted("machines-count")
        .menu(menu)
        .column(
            Column::new(words("machines-name"), 150.0, |ui, cx, m: &Row<'_>| {
                kit::icon(ui, Icon::Machine, 16.0, cx.theme.accent);
                match m.item {
                    Some(item) => {
                        if kit::link(ui, &m.definition.name).clicked() {
                            cx.go(Route::Item(item));
                        }
                    }
                    None => cell_text(ui, &m.definition.name),
                }
            })
            .sort(|a, b| a.definition.name.cmp(&b.definition.name))
            .grows(1.4),
        )
        .column(Column::text(words("machines-power"), 100.0, |m: &Row<'_>| power_word(m.power)).grows(0.3))
        .column(
            Column::new(words("machines-protected"), 200.0, |ui, _, m: &Row<'_>| {
                let text = match (&m.item, &m.not_protectable) {
                    (Some(_), _) => words("machines-is-protected"),
                    (None, Some(why)) => why.render(),
                    (None, None) => words("machines-not-protected"),
                };
                cell_text(ui, &text);
            })
            .grows(1.4),
        )
        .column(
            Column::text(words("machines-disks"), 150.0, |m: &Row<'_>| {
                let size: u64 = m.definition.disks.iter().map(|d| d.size_bytes).sum();
                msg("machines-disks-of")
                    .with("n", m.definition.disks.len())
                    .with("size", kit::bytes(size))
                    .render()
            })
            .grows(0.3),
        )
        .column(Column::text(words("machines-reach"), 200.0, |m: &Row<'_>| m.reach.join(", ")).gives_way())
}

fn menu(ui: &mut Ui, cx: &mut Cx<'_>, machine: &&MachineView) {
    ui.set_min_width(200.0);
    ui.spacing_mut().item_spacing.y = 0.0;
    for state in &machine.verbs {
        let Some(action) = ask::for_machine(state.verb, machine) else { continue };
        let icon = Icon::named(state.verb.decl().icon);
        let response = kit::flat_button(ui, icon, &state.verb.title(), state.refused.is_none());
        if response.clicked() {
            cx.act(action);
            ui.close();
        }
        if let Some(why) = &state.refused {
            kit::refusal(response, &why.render());
        }
    }
}
