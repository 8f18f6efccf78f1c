//! Verbs on replicated items: what is chosen, what will happen, what could be lost; a destructive one wants the name
//! typed. Apart from `choices`, the single questions.

use super::choices;
use super::effect::Effect;
use super::{WIDTH, buttons, confirmed};
use crate::action::Action;
use crate::cx::Cx;
use crate::kit::{self, ButtonKind, msg, words};
use crate::theme::ramp;
use egui::{Context, TextEdit, Ui};
use leeward_model::{
    Command, DiskId, Health, ItemId, ItemView, NetworkChoice, PointChoice, PolicyId, Risk, Start, TestId,
    Verb,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A verb that is being asked.
pub(super) struct ItemVerb {
    verb: Verb,
    items: Vec<ItemId>,
    test: Option<TestId>,
    point: PointChoice,
    network: NetworkChoice,
    shut_down: bool,
    delete_replica: bool,
    notes: String,
    typed: String,
    disks: BTreeSet<DiskId>,
    policy: Option<PolicyId>,
    effect: Effect,
}

impl ItemVerb {
    pub(super) fn new(verb: Verb, items: Vec<ItemId>, test: Option<TestId>, cx: &Cx<'_>) -> Self {
        let first = items.first().and_then(|id| cx.snapshot.item(*id));
        let test = test.or_else(|| first.and_then(|i| i.tests.first()).map(|t| t.id));
        let other = first.and_then(|i| i.points.get(1).or_else(|| i.points.first()));
        let point = match (verb, other) {
            (Verb::ChangeRecoveryPoint | Verb::VerifyPoint, Some(point)) => PointChoice::Exact(point.id),
            _ => PointChoice::Latest,
        };
        let reachable = first.is_some_and(|i| i.active_place().connected);
        Self {
            verb,
            policy: first.map(|i| i.policy),
            disks: first.map(|i| i.disks.iter().map(|d| d.id).collect()).unwrap_or_default(),
            items,
            test,
            point,
            network: NetworkChoice::Isolated,
            shut_down: reachable,
            delete_replica: false,
            notes: String::new(),
            typed: String::new(),
            effect: Effect::default(),
        }
    }

    fn command(&self, item: &ItemView) -> Option<Command> {
        let id = item.id;
        Some(match self.verb {
            Verb::TestFailover => {
                Command::TestFailover { item: id, point: self.point, network: self.network.clone() }
            }
            Verb::CleanUpTestFailover => {
                let test =
                    item.tests.iter().find(|t| Some(t.id) == self.test).or_else(|| item.tests.first())?;
                Command::CleanUpTestFailover { item: id, test: test.id, notes: self.notes.trim().to_owned() }
            }
            Verb::PlannedFailover => Command::PlannedFailover { item: id },
            Verb::Failover => {
                Command::Failover { item: id, point: self.point, shut_down_source: self.shut_down }
            }
            Verb::ChangeRecoveryPoint => {
                let PointChoice::Exact(point) = self.point else { return None };
                Command::ChangeRecoveryPoint { item: id, point }
            }
            Verb::VerifyPoint => {
                let PointChoice::Exact(point) = self.point else { return None };
                Command::VerifyPoint { item: id, point }
            }
            Verb::Commit => Command::Commit { item: id },
            Verb::ReverseReplicate => Command::ReverseReplicate { item: id },
            Verb::DiscardSource => Command::DiscardSource { item: id },
            Verb::PauseReplication => Command::PauseReplication { item: id },
            Verb::ResumeReplication => Command::ResumeReplication { item: id },
            Verb::SyncNow => Command::SyncNow { item: id },
            Verb::Resynchronize => {
                let all = self.disks.len() == item.disks.len();
                let disks = if all { Vec::new() } else { self.disks.iter().copied().collect() };
                Command::Resynchronize { item: id, disks, start: Start::Now }
            }
            Verb::DisableReplication => {
                Command::DisableReplication { item: id, delete_replica: self.delete_replica }
            }
            _ => return None,
        })
    }

    fn commands(&self, items: &[Arc<ItemView>]) -> Vec<Command> {
        if self.verb == Verb::AssociatePolicy {
            let Some(policy) = self.policy else { return Vec::new() };
            return vec![Command::AssociatePolicy { items: self.items.clone(), policy }];
        }
        items.iter().filter_map(|i| self.command(i)).collect()
    }

    pub(super) fn show(&mut self, ctx: &Context, cx: &mut Cx<'_>) {
        let items: Vec<Arc<ItemView>> =
            self.items.iter().filter_map(|id| cx.snapshot.item(*id)).map(Arc::clone).collect();
        let name = match items.as_slice() {
            [one] => one.name.clone(),
            many => msg("dialog-items").with("n", many.len()).render(),
        };
        let title = msg("dialog-title").with("verb", self.verb.title()).with("name", name.as_str()).render();
        let commands = self.commands(&items);
        if let Some(first) = commands.first() {
            self.effect.of(cx, first);
        }
        let blocked = self.blocked(&commands, &name);
        let destructive = self.verb.decl().risk == Risk::Destructive;
        let kind = if destructive { ButtonKind::Danger } else { ButtonKind::Primary };
        let footer = buttons(self.verb.title(), kind, blocked);
        let answer = kit::dialog(ctx, cx, &title, WIDTH, |ui, cx| self.body(ui, cx, &items, &name), &footer);
        if confirmed(cx, answer) {
            cx.act(Action::SendAll(commands));
            cx.act(Action::CloseDialog);
        }
    }

    /// Why the button cannot be pressed yet.
    fn blocked(&self, commands: &[Command], name: &str) -> Option<String> {
        if commands.is_empty() {
            return Some(words("dialog-choose-first"));
        }
        if self.verb == Verb::Resynchronize && self.disks.is_empty() {
            return Some(words("dialog-choose-disk"));
        }
        if let Some(why) = self.effect.refusal() {
            return Some(why);
        }
        let typed = self.verb.decl().risk != Risk::Destructive || self.typed.trim() == name;
        (!typed).then(|| msg("dialog-type-name").with("name", name).render())
    }

    fn body(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, items: &[Arc<ItemView>], name: &str) {
        ui.add(egui::Label::new(ramp::body(self.verb.hint()).color(cx.theme.text2)).wrap());
        ui.add_space(6.0);
        if items.len() > 1 {
            let names: Vec<&str> = items.iter().take(12).map(|i| i.name.as_str()).collect();
            let more = if items.len() > 12 { ", ..." } else { "" };
            kit::banner(ui, cx, Health::NotApplicable, &format!("{}{more}", names.join(", ")), None);
        }
        let Some(first) = items.first() else {
            kit::banner(ui, cx, Health::Warning, &words("dialog-gone"), None);
            return;
        };
        self.questions(ui, cx, first, items.len());
        self.effect.show(ui, cx);
        if self.verb.decl().risk == Risk::Destructive {
            ui.add_space(10.0);
            let label = msg("dialog-type-name").with("name", name).render();
            kit::field(ui, cx.theme, &label, true, None, |ui| {
                kit::text_field(ui, &mut self.typed, &label, name, 320.0)
            });
        }
    }

    fn questions(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, item: &ItemView, count: usize) {
        match self.verb {
            Verb::TestFailover => {
                self.which_point(ui, cx, item, count);
                choices::network(ui, &mut self.network);
            }
            Verb::Failover => {
                self.which_point(ui, cx, item, count);
                ui.add_space(6.0);
                ui.checkbox(&mut self.shut_down, ramp::body(words("dialog-shut-down")));
                kit::caption(ui, words("dialog-shut-down-text"));
            }
            Verb::ChangeRecoveryPoint | Verb::VerifyPoint => {
                choices::point(ui, cx, item, &mut self.point, true);
            }
            Verb::CleanUpTestFailover => {
                let label = words("dialog-notes");
                kit::field(ui, cx.theme, &label, false, None, |ui| {
                    let edit =
                        TextEdit::multiline(&mut self.notes).desired_rows(4).desired_width(f32::INFINITY);
                    ui.add(edit.hint_text(words("dialog-notes-hint")))
                });
            }
            Verb::Resynchronize => self.which_disks(ui, item),
            Verb::DisableReplication => {
                kit::section(ui, &words("dialog-replica"));
                let keep = (words("dialog-replica-keep"), words("dialog-replica-keep-text"));
                choices::radio(ui, &mut self.delete_replica, &false, &keep.0, &keep.1);
                let delete = (words("dialog-replica-delete"), words("dialog-replica-delete-text"));
                choices::radio(ui, &mut self.delete_replica, &true, &delete.0, &delete.1);
            }
            Verb::AssociatePolicy => self.which_policy(ui, cx),
            _ => {}
        }
    }

    /// Many items share only the choice that each of them has.
    fn which_point(&mut self, ui: &mut Ui, cx: &Cx<'_>, item: &ItemView, count: usize) {
        if count == 1 {
            choices::point(ui, cx, item, &mut self.point, false);
            return;
        }
        kit::section(ui, &words("dialog-which-point"));
        choices::radio(ui, &mut self.point, &PointChoice::Latest, &words("dialog-point-latest"), "");
        let application = words("dialog-point-latest-app");
        choices::radio(ui, &mut self.point, &PointChoice::LatestAppConsistent, &application, "");
    }

    fn which_disks(&mut self, ui: &mut Ui, item: &ItemView) {
        kit::section(ui, &words("dialog-which-disks"));
        for disk in &item.disks {
            let mut on = self.disks.contains(&disk.id);
            let label = format!("{} ({})", disk.name, kit::bytes(disk.size_bytes));
            if ui.checkbox(&mut on, ramp::body(label)).changed() {
                if on {
                    self.disks.insert(disk.id);
                } else {
                    self.disks.remove(&disk.id);
                }
            }
        }
    }

    fn which_policy(&mut self, ui: &mut Ui, cx: &Cx<'_>) {
        kit::section(ui, &words("dialog-which-policy"));
        for policy in cx.snapshot.policies.iter() {
            let text = crate::blades::policies::in_words(&policy.policy);
            choices::radio(ui, &mut self.policy, &Some(policy.policy.id), &policy.policy.name, &text);
        }
    }
}
