//! Replication policies: what they say, who uses them, creating, editing and associating them.

use crate::action::{Action, Dialog};
use crate::cx::Cx;
use crate::kit::table::{Column, Table, TableState};
use crate::kit::{self, CommandButton, msg, words};
use crate::theme::icons::Icon;
use egui::Ui;
use leeward_model::{CopyFrequency, PolicyView, ReplicationPolicy, Verb};
use std::sync::Arc;

/// What a person has done to the list.
#[derive(Default, Debug)]
pub struct PoliciesState {
    table: TableState,
}

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut PoliciesState) {
    let snapshot = Arc::clone(cx.snapshot);
    let create = CommandButton::of_verb(Verb::CreatePolicy, Action::Open(Dialog::EditPolicy(None)));
    kit::command_bar(ui, cx, &[create]);
    if snapshot.policies.is_empty() {
        let way = (Verb::CreatePolicy.title(), Action::Open(Dialog::EditPolicy(None)));
        let (title, text) = (words("policies-none"), words("policies-none-text"));
        return kit::empty(ui, cx, Icon::Policy, &title, &text, Some(way));
    }
    table(&snapshot).show(ui, cx, &mut state.table);
}

/// The word of a copy frequency.
pub(crate) fn frequency_word(frequency: CopyFrequency) -> String {
    words(match frequency {
        CopyFrequency::Secs30 => "policy-30s",
        CopyFrequency::Mins5 => "policy-5m",
        CopyFrequency::Mins15 => "policy-15m",
    })
}

/// A policy in one line.
pub(crate) fn in_words(policy: &ReplicationPolicy) -> String {
    msg("policy-in-words")
        .with("frequency", frequency_word(policy.copy_frequency))
        .with("window", policy.retention.every_point_mins)
        .with("hours", policy.retention.hourly_points_hours)
        .render()
}

fn table(snapshot: &leeward_model::Snapshot) -> Table<'_, PolicyView> {
    Table::new(
        "policies",
        &snapshot.policies,
        snapshot.revision,
        |p| p.policy.id.0.as_u128(),
        |p| p.policy.name.clone(),
    )
    .filter(|p| p.policy.name.clone())
    .counted("policies-count")
    .open(|p| Action::Open(Dialog::EditPolicy(Some(p.policy.id))))
    .menu(menu)
    .column(
        Column::new(words("policies-name"), 190.0, |ui, cx, p: &PolicyView| {
            if kit::link(ui, &p.policy.name).clicked() {
                cx.act(Action::Open(Dialog::EditPolicy(Some(p.policy.id))));
            }
        })
        .sort(|a, b| a.policy.name.cmp(&b.policy.name))
        .grows(1.6),
    )
    .column(
        Column::text(words("policy-frequency"), 130.0, |p: &PolicyView| {
            frequency_word(p.policy.copy_frequency)
        })
        .sort(|a, b| a.policy.copy_frequency.cmp(&b.policy.copy_frequency)),
    )
    .column(
        Column::text(words("policies-kept"), 230.0, |p: &PolicyView| {
            let kept = &p.policy.retention;
            msg("policies-kept-of")
                .with("window", kept.every_point_mins)
                .with("hours", kept.hourly_points_hours)
                .with("most", kept.points_max)
                .render()
        })
        .grows(1.4),
    )
    .column(
        Column::text(words("policies-application"), 150.0, |p: &PolicyView| {
            match p.policy.app_consistent_every_mins {
                0 => words("policies-application-off"),
                mins => msg("policies-application-every").with("n", mins).render(),
            }
        })
        .gives_way(),
    )
    .column(
        Column::text(words("policies-items"), 70.0, |p: &PolicyView| kit::count(u64::from(p.items)))
            .sort(|a, b| a.items.cmp(&b.items))
            .grows(0.0),
    )
}

fn menu(ui: &mut Ui, cx: &mut Cx<'_>, policy: &PolicyView) {
    ui.set_min_width(200.0);
    ui.spacing_mut().item_spacing.y = 0.0;
    let id = policy.policy.id;
    for (verb, dialog) in [
        (Verb::EditPolicy, Dialog::EditPolicy(Some(id))),
        (Verb::AssociatePolicy, Dialog::AssociatePolicy(id)),
        (Verb::DeletePolicy, Dialog::DeletePolicy(id)),
    ] {
        let refused = policy.verbs.iter().find(|v| v.verb == verb).and_then(|v| v.refused.as_ref());
        let icon = Icon::named(verb.decl().icon);
        let response = kit::flat_button(ui, icon, &verb.title(), refused.is_none());
        if response.clicked() && refused.is_none() {
            cx.act(Action::Open(dialog));
            ui.close();
        }
        if let Some(why) = refused {
            kit::refusal(response, &why.render());
        }
    }
}
