//! Which replicated items use a policy.

use super::{WIDTH, buttons, confirmed};
use crate::action::Action;
use crate::cx::Cx;
use crate::kit::{self, ButtonKind, msg, words};
use crate::theme::ramp;
use egui::{Context, Ui};
use leeward_model::{Command, ItemId, PolicyId, Verb};
use std::collections::BTreeSet;

/// Items that are being given a policy.
pub(super) struct Associate {
    policy: PolicyId,
    name: String,
    chosen: BTreeSet<ItemId>,
    filter: String,
}

impl Associate {
    pub(super) fn new(policy: PolicyId, cx: &Cx<'_>) -> Self {
        let found = cx.snapshot.policies.iter().find(|p| p.policy.id == policy);
        let name = found.map(|p| p.policy.name.clone()).unwrap_or_default();
        Self { policy, name, chosen: BTreeSet::new(), filter: String::new() }
    }

    pub(super) fn show(&mut self, ctx: &Context, cx: &mut Cx<'_>) {
        let verb = Verb::AssociatePolicy.title();
        let blocked = self.chosen.is_empty().then(|| words("items-select-first"));
        let footer = buttons(verb.clone(), ButtonKind::Primary, blocked);
        let title = msg("dialog-title").with("verb", verb).with("name", self.name.as_str()).render();
        let answer = kit::dialog(ctx, cx, &title, WIDTH, |ui, cx| self.body(ui, cx), &footer);
        if confirmed(cx, answer) {
            let items = self.chosen.iter().copied().collect();
            cx.act(Action::Send(Command::AssociatePolicy { items, policy: self.policy }));
            cx.act(Action::CloseDialog);
        }
    }

    fn body(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
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
        egui::ScrollArea::vertical().auto_shrink(false).show_rows(ui, 24.0, items.len(), |ui, rows| {
            for item in items.get(rows).unwrap_or_default() {
                let mut on = self.chosen.contains(&item.id);
                let label = msg("associate-item")
                    .with("name", item.name.as_str())
                    .with("policy", item.policy_name.as_str())
                    .render();
                if ui.checkbox(&mut on, ramp::body(label)).changed() {
                    if on {
                        self.chosen.insert(item.id);
                    } else {
                        self.chosen.remove(&item.id);
                    }
                }
            }
        });
    }
}
