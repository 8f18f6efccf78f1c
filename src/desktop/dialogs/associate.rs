//! Which replicated items use a policy.

use super::effect::Effect;
use super::{buttons, confirmed, frame};
use crate::action::Action;
use crate::cx::Cx;
use crate::kit::{self, ButtonKind, DialogState, msg, words};
use crate::theme::ramp;
use egui::{Context, Label, ScrollArea, Ui};
use leeward_model::{Command, ItemId, PolicyId, Verb};
use std::collections::BTreeSet;

/// Items that are being given a policy.
pub(super) struct Associate {
    policy: PolicyId,
    name: String,
    chosen: BTreeSet<ItemId>,
    filter: String,
    pub(super) effect: Effect,
}

impl Associate {
    pub(super) fn new(policy: PolicyId, cx: &Cx<'_>) -> Self {
        let found = cx.snapshot.policies.iter().find(|p| p.policy.id == policy);
        let name = found.map(|p| p.policy.name.clone()).unwrap_or_default();
        Self { policy, name, chosen: BTreeSet::new(), filter: String::new(), effect: Effect::default() }
    }

    /// Items have been chosen.
    pub(super) fn is_filled(&self) -> bool {
        !self.chosen.is_empty()
    }

    pub(super) fn show(&mut self, ctx: &Context, cx: &mut Cx<'_>, state: &mut DialogState) {
        let command =
            Command::AssociatePolicy { items: self.chosen.iter().copied().collect(), policy: self.policy };
        let none = self.chosen.is_empty();
        self.effect.ask(cx, if none { &[] } else { std::slice::from_ref(&command) });
        let blocked = none.then(|| words("items-select-first")).or_else(|| self.effect.blocked());
        let footer = buttons(words("associate-use"), ButtonKind::Primary, blocked);
        let title = msg("associate-title").with("name", self.name.as_str()).render();
        let answer = frame(ctx, cx, state, (&title, &footer), |ui, cx| self.body(ui, cx));
        if confirmed(cx, answer) {
            cx.act(Action::Send(command));
            cx.act(Action::CloseDialog);
        }
    }

    fn body(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        ui.add(Label::new(ramp::body(Verb::AssociatePolicy.hint()).color(cx.theme.text2)).wrap());
        ui.add_space(8.0);
        kit::text_field(ui, &mut self.filter, &words("associate-filter"), &words("associate-filter"), 320.0);
        ui.add_space(8.0);
        let wanted = self.filter.trim().to_lowercase();
        let items: Vec<_> = cx
            .snapshot
            .items
            .iter()
            .filter(|i| i.policy != self.policy && i.name.to_lowercase().contains(&wanted))
            .collect();
        if items.is_empty() {
            kit::caption(ui, words("associate-none"));
        }
        // Bounded: within the dialog's own scrolling it would grow to all ten thousand rows.
        let area = ScrollArea::vertical().id_salt("items").max_height(380.0).auto_shrink([false, true]);
        area.show_rows(ui, 22.0, items.len(), |ui, rows| {
            for item in items.get(rows).unwrap_or_default() {
                let mut on = self.chosen.contains(&item.id);
                let label = msg("associate-item")
                    .with("name", item.name.as_str())
                    .with("policy", item.policy_name.as_str())
                    .render();
                let check = egui::Checkbox::new(&mut on, ramp::body(label));
                if ui.add(check).changed() && !self.chosen.remove(&item.id) {
                    self.chosen.insert(item.id);
                }
            }
        });
        self.effect.warn(ui, cx);
    }
}
