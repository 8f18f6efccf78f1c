//! All replicated items: filter, sort, columns, many at once. Smooth at ten thousand. Apart from `item`, which is one.

use crate::action::Action;
use crate::ask;
use crate::blades::narrow;
use crate::cx::Cx;
use crate::kit::table::{Column, Stamp, Table, TableState, cell_text};
use crate::kit::{self, CommandButton, words};
use crate::route::{ItemsWith, Route};
use crate::theme::{icons::Icon, ramp};
use egui::Ui;
use leeward_model::{ItemId, ItemView, Snapshot, Verb, VerbState};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a person has done to the list.
#[derive(Default, Debug)]
pub struct ItemsState {
    table: TableState,
    /// What may be done with the selection, worked out when it or the read model changes.
    verdicts: Vec<VerbState>,
    verdicts_of: Option<(Stamp, BTreeSet<u128>)>,
    /// What the list was narrowed to when it was last shown.
    with: Option<ItemsWith>,
}

impl ItemsState {
    /// The selected items.
    #[must_use]
    pub fn selected(&self) -> Vec<ItemId> {
        self.table.selected.iter().filter_map(|key| id_of(*key)).collect()
    }
}

fn id_of(key: u128) -> Option<ItemId> {
    Some(ItemId(uuid::Uuid::from_u128(key)))
}

impl ItemsState {
    fn judge(&mut self, snapshot: &Snapshot) {
        let now = Stamp::from(&snapshot.items);
        let same = |(list, of): &(Stamp, BTreeSet<u128>)| *list == now && *of == self.table.selected;
        if !self.verdicts_of.as_ref().is_some_and(same) {
            let selected = self.table.selected.clone();
            self.verdicts = BULK.iter().map(|verb| ask::shared_verb(snapshot, &selected, *verb)).collect();
            self.verdicts_of = Some((now, selected));
        }
    }
}

/// Verbs that make sense for many items at once.
const BULK: [Verb; 9] = [
    Verb::TestFailover,
    Verb::PlannedFailover,
    Verb::Failover,
    Verb::SyncNow,
    Verb::PauseReplication,
    Verb::ResumeReplication,
    Verb::AssociatePolicy,
    Verb::CleanUpTestFailover,
    Verb::DisableReplication,
];

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut ItemsState, with: Option<&ItemsWith>) {
    let snapshot = Arc::clone(cx.snapshot);
    if state.with.as_ref() != with {
        // Who follows a figure wants to see what it counts, not what a filter of before leaves of it.
        if with.is_some() {
            state.table.filter.clear();
        }
        state.with = with.cloned();
    }
    let selected = state.selected();
    state.judge(&snapshot);
    kit::command_bar(ui, cx, &commands(cx, &selected, &state.verdicts));
    if snapshot.items.is_empty() {
        let button = (Verb::EnableReplication.title(), Action::Go(Route::Enable));
        let (title, text) = (words("items-none"), words("items-none-text"));
        return kit::empty(ui, cx, Icon::Machine, &title, &text, Some(button));
    }
    let mut table = table(&snapshot);
    if let Some(with) = with {
        let made_at = snapshot.made_at;
        table = table
            .only(narrow::tag(with, made_at), move |i| narrow::item(with, i, made_at))
            .chip(narrow::items_said(with, &snapshot), Action::Go(Route::Items));
    }
    table.show(ui, cx, &mut state.table);
}

fn commands(cx: &Cx<'_>, selected: &[ItemId], verdicts: &[VerbState]) -> Vec<CommandButton> {
    let mut all = vec![CommandButton::of_verb(Verb::EnableReplication, Action::Go(Route::Enable))];
    let one = match selected {
        [one] => cx.item(*one).map(Arc::as_ref),
        _ => None,
    };
    for verdict in verdicts {
        let verb = verdict.verb;
        let action = ask::for_items(verb, selected.to_vec(), one);
        let button = if selected.is_empty() {
            let refused = Some(words("items-select-first"));
            CommandButton { refused, ..CommandButton::of_verb(verb, action) }
        } else {
            CommandButton::verb(verdict, action)
        };
        all.push(button);
    }
    all
}

fn table(snapshot: &Snapshot) -> Table<'_, Arc<ItemView>> {
    let table =
        Table::new("items", &snapshot.items, &snapshot.items, |i| i.id.0.as_u128(), |i| i.name.clone())
            .shared()
            .filter(|i| {
                format!(
                    "{} {} {} {} {}",
                    i.name,
                    i.status.render(),
                    i.active_place().site_name,
                    i.active_place().server_name,
                    i.policy_name
                )
            })
            .counted("items-count")
            .selectable()
            .open(|i| Action::Go(Route::Item(i.id)))
            .menu(row_menu);
    more_columns(columns(table))
}

fn columns<'a>(table: Table<'a, Arc<ItemView>>) -> Table<'a, Arc<ItemView>> {
    type Item = Arc<ItemView>;
    table
        .column(
            Column::new(words("items-name"), 140.0, |ui, cx, i: &Item| {
                kit::icon(ui, Icon::Machine, 16.0, cx.theme.accent);
                if kit::link(ui, &i.name).clicked() {
                    cx.go(Route::Item(i.id));
                }
            })
            .sort(|a, b| a.name.cmp(&b.name))
            .grows(2.0),
        )
        .column(
            Column::new(words("items-health"), 126.0, |ui, _, i: &Item| {
                kit::health_mark(ui, i.health, &kit::health_word(i.health));
            })
            .sort(|a, b| a.health.cmp(&b.health))
            .grows(0.3),
        )
        .column(
            Column::text(words("items-status"), 176.0, |i: &Item| i.status.render())
                .sort(|a, b| a.status.key.cmp(&b.status.key))
                .grows(1.4),
        )
        .column(
            Column::new(words("items-active"), 156.0, |ui, _, i: &Item| cell_text(ui, &location(i)))
                .sort(|a, b| a.active_place().site_name.cmp(&b.active_place().site_name)),
        )
        .column(
            Column::new(words("items-tested"), 106.0, |ui, cx, i: &Item| match i.last_test_ok {
                Some(at) => {
                    let (age, exact) = kit::age(at, cx.now);
                    ui.label(ramp::body(age)).on_hover_text(exact);
                }
                None => _ = ui.label(ramp::body(words("items-never")).color(cx.theme.text2)),
            })
            .sort(|a, b| a.last_test_ok.cmp(&b.last_test_ok))
            .grows(0.3)
            .gives_way(),
        )
        .column(
            Column::text(words("items-rpo"), 84.0, |i: &Item| i.rpo_secs.map_or_else(dash, kit::span))
                .sort(|a, b| a.rpo_secs.cmp(&b.rpo_secs))
                .grows(0.3),
        )
        .column(
            Column::new(words("items-policy"), 96.0, |ui, cx, i: &Item| {
                if kit::link(ui, &i.policy_name).clicked() {
                    cx.go(Route::Policies);
                }
            })
            .sort(|a, b| a.policy_name.cmp(&b.policy_name))
            .gives_way(),
        )
}

fn more_columns<'a>(table: Table<'a, Arc<ItemView>>) -> Table<'a, Arc<ItemView>> {
    type Item = Arc<ItemView>;
    table
        .column(
            Column::text(words("items-server"), 120.0, |i: &Item| i.active_place().server_name.clone())
                .sort(|a, b| a.active_place().server_name.cmp(&b.active_place().server_name))
                .hidden(),
        )
        .column(
            Column::text(words("items-target"), 120.0, |i: &Item| i.target_place().server_name.clone())
                .sort(|a, b| a.target_place().server_name.cmp(&b.target_place().server_name))
                .hidden(),
        )
        .column(
            Column::text(words("items-points"), 80.0, |i: &Item| i.points.len().to_string())
                .sort(|a, b| a.points.len().cmp(&b.points.len()))
                .grows(0.0)
                .hidden(),
        )
        .column(
            Column::new(words("items-synced"), 110.0, |ui, cx, i: &Item| {
                let age = i.synced_to.map_or_else(dash, |at| kit::age(at, cx.now).0);
                cell_text(ui, &age);
            })
            .sort(|a, b| a.synced_to.cmp(&b.synced_to))
            .hidden(),
        )
}

/// Where an item runs, and which of its sides that is.
pub(crate) fn location(item: &ItemView) -> String {
    let key = match item.active {
        leeward_model::Side::Primary => "side-primary",
        leeward_model::Side::Recovery => "side-recovery",
    };
    kit::msg(key).with("site", &item.active_place().site_name).render()
}

fn dash() -> String {
    words("nothing")
}

fn row_menu(ui: &mut Ui, cx: &mut Cx<'_>, item: &Arc<ItemView>) {
    ui.set_min_width(210.0);
    ui.spacing_mut().item_spacing.y = 0.0;
    for state in ask::in_order(&item.verbs) {
        let icon = Icon::named(state.verb.decl().icon);
        let response = kit::flat_button(ui, icon, &state.verb.title(), state.refused.is_none());
        if response.clicked() {
            cx.act(ask::for_items(state.verb, vec![item.id], Some(item)));
            ui.close();
        }
        if let Some(why) = &state.refused {
            kit::refusal(response, &why.render());
        }
    }
}
