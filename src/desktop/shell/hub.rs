//! The hub menu at the left: one tab stop, up and down move within.

use super::ShellState;
use crate::cx::Cx;
use crate::kit::{self, words};
use crate::route::Route;
use crate::theme::{icons, icons::Icon, ramp};
use egui::accesskit::Role;
use egui::{Align2, Frame, Id, Margin, Panel, Rect, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};
use leeward_model::{Health, Snapshot};

/// Width of the menu in points.
pub(crate) const WIDTH: f32 = 228.0;

struct Entry {
    icon: Icon,
    name: &'static str,
    route: Route,
    count: fn(&Snapshot) -> Option<(u32, Health)>,
}

const NONE: fn(&Snapshot) -> Option<(u32, Health)> = |_| None;

const GROUPS: &[(&str, &[Entry])] = &[
    ("", &[Entry { icon: Icon::Home, name: "blade-overview", route: Route::Overview, count: NONE }]),
    (
        "hub-protected",
        &[Entry { icon: Icon::Machine, name: "blade-items", route: Route::Items, count: critical_items }],
    ),
    (
        "hub-manage",
        &[
            Entry { icon: Icon::Server, name: "blade-servers", route: Route::Servers, count: lost_servers },
            Entry { icon: Icon::Policy, name: "blade-policies", route: Route::Policies, count: NONE },
        ],
    ),
    (
        "hub-monitor",
        &[
            Entry { icon: Icon::Jobs, name: "blade-jobs", route: Route::Jobs, count: running_jobs },
            Entry { icon: Icon::Events, name: "blade-events", route: Route::Events, count: NONE },
        ],
    ),
];

fn critical_items(snapshot: &Snapshot) -> Option<(u32, Health)> {
    let [_, _, critical, _] = snapshot.overview.health;
    (critical > 0).then_some((critical, Health::Critical))
}

fn lost_servers(snapshot: &Snapshot) -> Option<(u32, Health)> {
    let lost = snapshot.servers.iter().filter(|s| !s.connected).count();
    let lost = u32::try_from(lost).unwrap_or(u32::MAX);
    (lost > 0).then_some((lost, Health::Critical))
}

fn running_jobs(snapshot: &Snapshot) -> Option<(u32, Health)> {
    let n = snapshot.overview.jobs_running;
    (n > 0).then_some((n, Health::NotApplicable))
}

pub(crate) fn show(ui: &mut Ui, cx: &mut Cx<'_>, shell: &mut ShellState, route: &Route) {
    let t = cx.theme;
    let frame = Frame::new().fill(t.bg).inner_margin(Margin { left: 6, right: 6, top: 10, bottom: 8 });
    Panel::left("hub").exact_size(WIDTH).resizable(false).frame(frame).show(ui, |ui| {
        let area = ui.max_rect();
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let here = route.hub();
            let mut ids = Vec::new();
            // One stop: the entry that has the focus, else the one of the blade that is shown.
            let within = ui.memory(|m| m.focused()).filter(|id| shell.hub.contains(id));
            for (group, entries) in GROUPS {
                if !group.is_empty() {
                    caption(ui, cx, group);
                }
                for entry in *entries {
                    ids.push(row(ui, cx, entry, entry.route == here, within));
                }
            }
            arrows(ui, &ids);
            let entries = GROUPS.iter().flat_map(|(_, entries)| entries.iter());
            let at = entries.zip(&ids).find(|(entry, _)| entry.route == here).map(|(_, id)| *id);
            shell.regions.put(area, within.or(at));
            shell.hub = ids;
        });
    });
}

fn caption(ui: &mut Ui, cx: &Cx<'_>, key: &'static str) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 34.0), Sense::hover());
    let at = pos2(rect.left() + 12.0, rect.center().y + 4.0);
    ui.painter().text(
        at,
        Align2::LEFT_CENTER,
        words(key),
        ramp::semibold_font(ramp::CAPTION),
        cx.theme.text2,
    );
}

fn row(ui: &mut Ui, cx: &mut Cx<'_>, entry: &Entry, here: bool, within: Option<Id>) -> Id {
    let t = cx.theme;
    let name = words(entry.name);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 32.0), Sense::hover());
    let id = ui.scope_id().with(("hub", entry.name));
    let stop = within.map_or(here, |within| within == id);
    let response = ui.interact(rect, id, if stop { Sense::click() } else { Sense::CLICK });
    response.widget_info(|| WidgetInfo::selected(Role::MenuItemRadio, true, here, &name));
    if here {
        ui.painter().rect_filled(rect, 4.0, t.selected);
        let bar = Rect::from_center_size(pos2(rect.left() + 1.5, rect.center().y), vec2(3.0, 16.0));
        ui.painter().rect_filled(bar, 1.5, t.accent);
    } else if response.hovered() {
        ui.painter().rect_filled(rect, 4.0, t.hover);
    }
    if response.has_focus() {
        kit::focus_ring(ui, rect);
    }
    let color = if here { t.accent } else { t.text2 };
    icons::paint(ui.painter(), rect.left_center() + vec2(22.0, 0.0), entry.icon, 16.0, color);
    let font = if here { ramp::semibold_font(ramp::BODY) } else { ramp::regular_font(ramp::BODY) };
    ui.painter().text(rect.left_center() + vec2(40.0, 0.0), Align2::LEFT_CENTER, name, font, t.text);
    if let Some((n, health)) = (entry.count)(cx.snapshot) {
        badge(ui, cx, rect, n, health);
    }
    kit::reveal(&response);
    if response.clicked() {
        cx.go(entry.route.clone());
    }
    response.id
}

fn badge(ui: &Ui, cx: &Cx<'_>, row: Rect, n: u32, health: Health) {
    let t = cx.theme;
    let fg = if health == Health::NotApplicable { t.text2 } else { t.health(health) };
    let galley = ui.painter().layout_no_wrap(kit::count(u64::from(n)), ramp::semibold_font(11.0), fg);
    let size = vec2((galley.size().x + 12.0).max(20.0), 18.0);
    let rect = Rect::from_center_size(pos2(row.right() - 8.0 - size.x * 0.5, row.center().y), size);
    ui.painter().rect_filled(rect, 9.0, t.health_soft(health));
    ui.painter().galley(rect.center() - galley.size() * 0.5, galley, fg);
}

fn arrows(ui: &Ui, ids: &[Id]) {
    let Some(at) = ids.iter().position(|id| ui.memory(|m| m.has_focus(*id))) else { return };
    let keys = egui::EventFilter { vertical_arrows: true, ..Default::default() };
    let Some(now) = ids.get(at) else { return };
    ui.memory_mut(|m| m.set_focus_lock_filter(*now, keys));
    let down = ui.input(|i| i.key_pressed(egui::Key::ArrowDown));
    let up = ui.input(|i| i.key_pressed(egui::Key::ArrowUp));
    let [home, end] = [egui::Key::Home, egui::Key::End].map(|key| ui.input(|i| i.key_pressed(key)));
    let to = match (down, up) {
        (true, _) => at + 1,
        (_, true) => at.wrapping_sub(1),
        _ if home => 0,
        _ if end => ids.len() - 1,
        _ => return,
    };
    if let Some(id) = ids.get(to) {
        ui.memory_mut(|m| m.request_focus(*id));
    }
}
