//! The pages on which something is chosen. Apart from `review`, on which everything has been.

use super::choice::{Choice, size_bytes, why_not};
use crate::action::{Action, Dialog};
use crate::blades::{policies, server, servers};
use crate::cx::Cx;
use crate::dialogs::choices::beneath;
use crate::kit::{self, msg, words};
use crate::theme::ramp;
use egui::{Align, Checkbox, Label, Layout, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};
use leeward_model::{Health, MachineId, MachineView, ServerView, Verb};
use std::collections::BTreeSet;
use std::sync::Arc;

const ROW: f32 = 32.0;

/// The host that runs the machines.
pub(super) fn source(ui: &mut Ui, cx: &Cx<'_>, choice: &mut Choice) {
    kit::section(ui, &words("enable-which-source"));
    kit::caption(ui, words("enable-which-source-text"));
    ui.add_space(8.0);
    for server in cx.snapshot.servers.iter() {
        let machines = msg("enable-server-machines").with("n", server.machines).render();
        if server_row(ui, cx, server, choice.source == Some(server.agent), &machines) {
            choice.take_source(server.agent);
        }
    }
}

/// The host that keeps the replicas.
pub(super) fn target(ui: &mut Ui, cx: &mut Cx<'_>, choice: &mut Choice) {
    kit::section(ui, &words("enable-which-target"));
    kit::caption(ui, words("enable-which-target-text"));
    ui.add_space(8.0);
    let snapshot = Arc::clone(cx.snapshot);
    let others = || snapshot.servers.iter().filter(|s| Some(s.agent) != choice.source);
    if others().next().is_none() {
        let way = Some((Verb::MakeRegistrationKey.title(), Action::Open(Dialog::RegistrationKey)));
        return kit::banner(ui, cx, Health::Warning, &words("enable-one-server"), way);
    }
    let mut pressed = None;
    for server in others() {
        let free = msg("enable-server-free")
            .with("free", kit::bytes(server.free_bytes))
            .with("total", kit::bytes(server.total_bytes))
            .render();
        if server_row(ui, cx, server, choice.target == Some(server.agent), &free) {
            pressed = Some(server.agent);
        }
    }
    choice.target = pressed.or(choice.target);
    if let (Some(from), Some(to)) = choice.servers(&snapshot)
        && from.site == to.site
    {
        ui.add_space(6.0);
        kit::banner(ui, cx, Health::Warning, &words("enable-same-site"), None);
    }
}

/// A server to be chosen: its name, then its site and one more fact beneath.
fn server_row(ui: &mut Ui, cx: &Cx<'_>, server: &ServerView, chosen: bool, fact: &str) -> bool {
    let pressed = ui.horizontal(|ui| {
        let pressed = ui.radio(chosen, ramp::body(server.name.as_str())).clicked();
        if !server.connected {
            kit::health_mark(ui, Health::Warning, &servers::connection(server));
        }
        pressed
    });
    beneath(ui, &format!("{} \u{b7} {fact}", servers::site_of(cx, server)));
    ui.add_space(4.0);
    pressed.inner
}

/// Which machines, in a list that says why some cannot be chosen.
pub(super) fn machines(ui: &mut Ui, cx: &Cx<'_>, choice: &mut Choice, filter: &mut String) {
    kit::section(ui, &words("enable-which-machines"));
    let snapshot = Arc::clone(cx.snapshot);
    let wanted = filter.trim().to_lowercase();
    let fits = |m: &&MachineView| {
        Some(m.agent) == choice.source && m.definition.name.to_lowercase().contains(&wanted)
    };
    let rows: Vec<&MachineView> = snapshot.machines.iter().filter(fits).collect();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 14.0;
        kit::text_field(ui, filter, &words("associate-filter"), &words("associate-filter"), 240.0);
        if kit::link(ui, &words("enable-all")).clicked() {
            choice.machines.extend(rows.iter().filter(|m| why_not(m).is_none()).map(|m| m.definition.id));
        }
        if kit::link(ui, &words("enable-no-machine")).clicked() {
            choice.machines.clear();
        }
        kit::caption(ui, msg("enable-chosen").with("n", choice.machines.len()).render());
    });
    ui.add_space(6.0);
    if rows.is_empty() {
        return kit::caption(ui, words("enable-none-found"));
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), egui::Sense::hover());
    let heads = ["machines-name", "machines-power", "machines-disks", "machines-protected"];
    for (cell, key) in cells(rect).into_iter().zip(heads) {
        let lead = if key == "machines-name" { 26.0 } else { 0.0 };
        let at = cell.left_center() + vec2(lead, 0.0);
        let font = ramp::semibold_font(ramp::BODY);
        ui.painter().text(at, egui::Align2::LEFT_CENTER, words(key), font, cx.theme.text);
    }
    kit::hairline(ui);
    ScrollArea::vertical().id_salt("machines").auto_shrink(false).show_rows(
        ui,
        ROW,
        rows.len(),
        |ui, range| {
            for machine in rows.get(range).unwrap_or_default() {
                machine_row(ui, cx, machine, &mut choice.machines);
            }
        },
    );
}

/// Where the four columns stand.
fn cells(row: Rect) -> [Rect; 4] {
    let wide = row.width();
    let edges = [0.0, wide * 0.36, wide * 0.36 + 120.0, wide * 0.36 + 270.0, wide];
    let cell = |at: usize| {
        let [left, right] = [at, at + 1].map(|n| row.left() + edges.get(n).copied().unwrap_or(wide));
        Rect::from_min_max(pos2(left + 4.0, row.top()), pos2(right - 8.0, row.bottom()))
    };
    [cell(0), cell(1), cell(2), cell(3)]
}

fn machine_row(ui: &mut Ui, cx: &Cx<'_>, machine: &MachineView, chosen: &mut BTreeSet<MachineId>) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), egui::Sense::hover());
    let id = machine.definition.id;
    let why = why_not(machine);
    let y = ui.painter().round_to_pixel_center(rect.bottom() - 0.5);
    ui.painter().hline(rect.x_range(), y, egui::Stroke::new(1.0, cx.theme.divider));
    let [name, power, disks, protection] = cells(rect);
    let mut column = |at: Rect, salt: u8, add: &mut dyn FnMut(&mut Ui)| {
        let layout = Layout::left_to_right(Align::Center);
        let mut child = ui.new_child(UiBuilder::new().max_rect(at).layout(layout).id_salt((id, salt)));
        child.shrink_clip_rect(at.expand(2.0));
        add(&mut child);
    };
    column(name, 0, &mut |ui| {
        let mut on = chosen.contains(&id);
        let text = ramp::body(machine.definition.name.as_str());
        let check = ui.add_enabled(why.is_none(), Checkbox::new(&mut on, text));
        if check.changed() && !chosen.remove(&id) {
            chosen.insert(id);
        }
    });
    let mut words_at = |at: Rect, salt: u8, text: String| {
        column(at, salt, &mut |ui| {
            ui.add(Label::new(ramp::body(text.as_str()).color(cx.theme.text2)).truncate());
        });
    };
    words_at(power, 1, server::power_word(machine.power));
    let count = msg("machines-disks-of").with("n", machine.definition.disks.len());
    words_at(disks, 2, count.with("size", kit::bytes(size_bytes(machine))).render());
    words_at(protection, 3, why.clone().unwrap_or_else(|| words("machines-not-protected")));
}

/// By which policy, and when the first copy begins.
pub(super) fn policy(ui: &mut Ui, cx: &mut Cx<'_>, choice: &mut Choice) {
    kit::section(ui, &words("enable-which-policy"));
    let snapshot = Arc::clone(cx.snapshot);
    for view in snapshot.policies.iter() {
        let chosen = choice.policy == Some(view.policy.id);
        if ui.radio(chosen, ramp::body(view.policy.name.as_str())).clicked() {
            choice.policy = Some(view.policy.id);
        }
        beneath(ui, &policies::in_words(&view.policy));
    }
    ui.add_space(4.0);
    if kit::link(ui, &Verb::CreatePolicy.title()).clicked() {
        cx.act(Action::Open(Dialog::EditPolicy(None)));
    }
    ui.add_space(6.0);
    choice.when.show(ui, cx.now, &words("enable-when"));
}
