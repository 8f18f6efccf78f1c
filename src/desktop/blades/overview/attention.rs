//! The items that need somebody, worst first, and what is not configured.

use crate::Action;
use crate::blades::narrow;
use crate::cx::Cx;
use crate::kit::table::{Column, Stamp, Table, TableState, cell_text};
use crate::kit::{self, words};
use crate::route::Route;
use crate::theme::icons::Icon;
use egui::Ui;
use leeward_model::{Health, ItemView, Message};
use std::sync::Arc;

const SHOWN_MAX: usize = 12;
const ROW: f32 = 34.0;

/// What a person has done to the list.
#[derive(Default, Debug)]
pub(super) struct AttentionState {
    table: TableState,
    rows: Vec<Arc<ItemView>>,
    of: Option<Stamp>,
}

impl AttentionState {
    /// Gathers the rows once per change of the items.
    fn gather(&mut self, cx: &Cx<'_>) {
        let now = Stamp::from(&cx.snapshot.items);
        if self.of.as_ref() == Some(&now) {
            return;
        }
        let bad = |i: &&Arc<ItemView>| matches!(i.health, Health::Critical | Health::Warning);
        let mut rows: Vec<Arc<ItemView>> = cx.snapshot.items.iter().filter(bad).cloned().collect();
        rows.sort_by(|a, b| b.health.cmp(&a.health).then_with(|| a.name.cmp(&b.name)));
        rows.truncate(SHOWN_MAX);
        self.rows = rows;
        self.of = Some(now);
    }
}

/// How high both cards will be.
#[expect(clippy::cast_precision_loss, reason = "a handful of rows")]
pub(super) fn height(cx: &Cx<'_>, state: &mut AttentionState) -> f32 {
    state.gather(cx);
    let view = &cx.snapshot.overview;
    let symptoms = view.errors.len() + view.configuration_issues.len();
    let table = if state.rows.is_empty() { 0.0 } else { (state.rows.len() as f32 + 1.0) * ROW + 58.0 };
    let list = if symptoms == 0 { 0.0 } else { symptoms as f32 * 32.0 + 70.0 };
    table + list
}

pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut AttentionState) {
    state.gather(cx);
    if state.rows.is_empty() {
        return;
    }
    kit::card(ui, cx, &words("attention"), |ui, cx| {
        #[expect(clippy::cast_precision_loss, reason = "at most a dozen rows")]
        let height = (state.rows.len() as f32 + 1.0) * ROW;
        Table::new("attention", &state.rows, cx.snapshot.revision, |i| i.id.0.as_u128(), |i| i.name.clone())
            .bare()
            .height(height)
            .open(|i| Action::Go(Route::Item(i.id)))
            .column(Column::new(words("items-name"), 150.0, |ui, cx, i: &Arc<ItemView>| {
                kit::icon(ui, Icon::Machine, 16.0, cx.theme.accent);
                if kit::link(ui, &i.name).clicked() {
                    cx.go(Route::Item(i.id));
                }
            }))
            .column(
                Column::new(words("items-health"), 120.0, |ui, _, i: &Arc<ItemView>| {
                    kit::health_mark(ui, i.health, &kit::health_word(i.health));
                })
                .grows(0.0),
            )
            .column(Column::text(words("items-status"), 170.0, |i: &Arc<ItemView>| i.status.render()))
            .column(
                Column::new(words("attention-why"), 240.0, |ui, _, i: &Arc<ItemView>| {
                    let why = i.issues.first().map(|s| s.fault.what.render()).unwrap_or_default();
                    cell_text(ui, &why);
                })
                .grows(2.0),
            )
            .show(ui, cx, &mut state.table);
    });
    ui.add_space(12.0);
}

/// A symptom and how many items it hits.
pub(super) fn counted(what: &Message, n: u32) -> String {
    if n == 0 {
        return what.render();
    }
    let shown = kit::count(u64::from(n));
    kit::msg("attention-counted").with("what", what.render()).with("n", n).with("shown", shown).render()
}

/// All symptoms and all that is not configured, each with how many items it hits.
pub(super) fn symptoms(ui: &mut Ui, cx: &mut Cx<'_>) {
    let snapshot = Arc::clone(cx.snapshot);
    let view = &snapshot.overview;
    if view.errors.is_empty() && view.configuration_issues.is_empty() {
        return;
    }
    kit::card(ui, cx, &words("attention-symptoms"), |ui, cx| {
        let missing = view.configuration_issues.iter().map(|(what, n)| (Health::Warning, what, *n));
        for (health, what, n) in view.errors.iter().map(|(h, what, n)| (*h, what, *n)).chain(missing) {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 8.0;
                kit::status_icon(ui, kit::health_status(health), 15.0, cx.theme.health(health));
                let said = counted(what, n);
                match narrow::symptom(what, &snapshot) {
                    Some(way) => {
                        if kit::link(ui, &said).clicked() {
                            cx.go(way);
                        }
                    }
                    None => cell_text(ui, &said),
                }
            });
        }
    });
    ui.add_space(12.0);
}
