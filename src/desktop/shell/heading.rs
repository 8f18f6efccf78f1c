//! Breadcrumb and title above every blade.

use crate::cx::Cx;
use crate::kit::{self, words};
use crate::route::Route;
use crate::theme::{icons, icons::Icon, ramp};
use egui::accesskit::Role;
use egui::{Id, Label, Sense, Ui, Vec2, WidgetInfo, vec2};
use leeward_model::Snapshot;

/// What a blade is called: icon, title, and the kind of thing beneath it.
fn title(route: &Route, cx: &Cx<'_>) -> (Icon, String, String) {
    let snapshot: &Snapshot = cx.snapshot;
    let vault = || snapshot.vault.name.clone();
    let gone = || words("gone");
    match route {
        Route::Overview => (Icon::Shield, vault(), words("kind-vault")),
        Route::Items | Route::ItemsWith(_) => (Icon::Machine, words("blade-items"), vault()),
        Route::Item(id) => {
            (Icon::Machine, cx.item(*id).map_or_else(gone, |i| i.name.clone()), words("kind-item"))
        }
        Route::Enable => (Icon::Add, words("blade-enable"), vault()),
        Route::Jobs | Route::JobsWith(_) => (Icon::Jobs, words("blade-jobs"), vault()),
        Route::Job(id) => (
            Icon::Jobs,
            cx.job(*id).map_or_else(gone, |j| format!("{}: {}", j.verb.title(), j.subject)),
            words("kind-job"),
        ),
        Route::Events => (Icon::Events, words("blade-events"), vault()),
        Route::Servers => (Icon::Server, words("blade-servers"), vault()),
        Route::Server(id) => {
            (Icon::Server, snapshot.server(*id).map_or_else(gone, |s| s.name.clone()), words("kind-server"))
        }
        Route::Policies => (Icon::Policy, words("blade-policies"), vault()),
        Route::Console { item, .. } => {
            (Icon::Camera, cx.item(*item).map_or_else(gone, |i| i.name.clone()), words("kind-console"))
        }
    }
}

/// The word of a blade in the breadcrumb.
fn crumb(route: &Route, cx: &Cx<'_>) -> String {
    match route {
        Route::Overview => cx.snapshot.vault.name.clone(),
        Route::Console { .. } => words("kind-console"),
        _ => title(route, cx).1,
    }
}

/// Draws it; the title is what F6 goes to, and reads what the blade is.
pub(crate) fn show(ui: &mut Ui, cx: &mut Cx<'_>, route: &Route) -> Id {
    // The overview is the top: a trail of one step says nothing.
    if route.parent().is_some() {
        breadcrumb(ui, cx, route);
        ui.add_space(6.0);
    }
    let (icon, title, kind) = title(route, cx);
    let id = Id::unique("blade-title");
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(36.0), Sense::hover());
        ui.painter().rect_filled(rect, 6.0, cx.theme.accent_soft);
        icons::paint(ui.painter(), rect.center(), icon, 22.0, cx.theme.accent);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let shown = ui.add(Label::new(ramp::strong(&title, ramp::TITLE)).truncate()).rect;
            ui.add(Label::new(ramp::caption(kind).color(cx.theme.text2)).truncate());
            // Tab does not stop here: the title takes the focus only when F6 gives it.
            let here = ui.memory(|m| m.has_focus(id));
            let sense = if here { Sense::focusable_noninteractive() } else { Sense::HOVER };
            let response = ui.interact(shown, id, sense);
            if here {
                response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, &title));
                kit::focus_ring(ui, shown.expand2(vec2(4.0, 0.0)));
            }
        });
    });
    ui.add_space(6.0);
    id
}

fn breadcrumb(ui: &mut Ui, cx: &mut Cx<'_>, route: &Route) {
    let mut trail = vec![route.clone()];
    while let Some(up) = trail.last().and_then(Route::parent) {
        trail.push(up);
    }
    trail.reverse();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.spacing_mut().interact_size.y = 18.0;
        let last = trail.len() - 1;
        for (index, step) in trail.into_iter().enumerate() {
            let word = crumb(&step, cx);
            if index > 0 {
                let (rect, _) = ui.allocate_exact_size(vec2(10.0, 18.0), Sense::hover());
                icons::paint(ui.painter(), rect.center(), Icon::ChevronRight, 10.0, cx.theme.text2);
            }
            if index == last {
                ui.add(Label::new(ramp::body(word).color(cx.theme.text2)).truncate());
            } else if kit::link(ui, &short(&word)).clicked() {
                cx.go(step);
            }
        }
    });
}

/// A long name must not push the rest of the trail out of sight.
fn short(word: &str) -> String {
    const MOST: usize = 36;
    if word.chars().count() <= MOST {
        return word.to_owned();
    }
    word.chars().take(MOST - 1).chain(['…']).collect()
}
