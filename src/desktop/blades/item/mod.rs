//! One replicated item: what can be done with it, how it stands, its points, disks and events.

mod charts;
mod disks;
mod facts;
mod overview;
mod points;
mod timeline;

use crate::Action;
use crate::ask;
use crate::cx::Cx;
use crate::kit::table::{Table, TableState};
use crate::kit::{self, CommandButton, words};
use crate::route::Route;
use crate::theme::icons::Icon;
use egui::Ui;
use leeward_model::{EventView, ItemId, ItemView, PointId};
use std::sync::Arc;

/// What a person has done to the blade.
#[derive(Default, Debug)]
pub struct ItemState {
    tab: usize,
    point: Option<PointId>,
    points: TableState,
    events: TableState,
}

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut ItemState, id: ItemId) {
    let Some(item) = cx.item(id).cloned() else {
        let way = (words("item-gone-way"), Action::Go(Route::Items));
        return kit::empty(ui, cx, Icon::Machine, &words("item-gone"), &words("item-gone-text"), Some(way));
    };
    let commands: Vec<CommandButton> = ask::in_order(&item.verbs)
        .into_iter()
        .map(|v| CommandButton::verb(v, ask::for_items(v.verb, vec![id], Some(&item))))
        .collect();
    kit::command_bar(ui, cx, &commands);
    let names = [words("tab-overview"), words("tab-points"), words("tab-disks"), words("tab-events")];
    match state.tab {
        1 => {
            facts::show(ui, cx, &item);
            kit::tabs(ui, &names, &mut state.tab);
            points::show(ui, cx, &item, state);
        }
        3 => {
            facts::show(ui, cx, &item);
            kit::tabs(ui, &names, &mut state.tab);
            events(ui, cx, &item, state);
        }
        _ => {
            kit::page(ui, |ui| {
                facts::show(ui, cx, &item);
                kit::tabs(ui, &names, &mut state.tab);
                if state.tab == 2 {
                    disks::show(ui, cx, &item);
                } else {
                    overview::show(ui, cx, &item, state);
                }
                ui.add_space(16.0);
            });
        }
    }
}

fn events(ui: &mut Ui, cx: &mut Cx<'_>, item: &ItemView, state: &mut ItemState) {
    let snapshot = Arc::clone(cx.snapshot);
    let id = item.id;
    let of_it = move |e: &EventView| e.item == Some(id);
    if !snapshot.events.iter().any(of_it) {
        return kit::empty(ui, cx, Icon::Events, &words("events-none"), &words("events-none-text"), None);
    }
    let table = Table::new(
        "item-events",
        &snapshot.events,
        &snapshot.events,
        |e| e.id.0.as_u128(),
        |e| e.what.render(),
    );
    super::events::columns(table).only(1, of_it).filter(|e| e.what.render()).counted("events-count").show(
        ui,
        cx,
        &mut state.events,
    );
}
