//! Verbs on replicated items: what is chosen, what could be lost, what will happen; a destructive one wants the name
//! typed. Apart from `wish`, which makes the commands, and `choices`, the single questions.

use super::choices::{self, beneath, radio};
use super::effect::Effect;
use super::typed::Typed;
use super::wish::Wish;
use super::{buttons, confirmed, frame};
use crate::action::Action;
use crate::cx::Cx;
use crate::kit::{self, ButtonKind, DialogState, msg, words};
use crate::theme::ramp;
use egui::{Context, Label, TextEdit, Ui};
use leeward_model::{Health, ItemId, ItemView, PointChoice, Risk, TestId, TestView, Verb};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Items that are named; the rest is counted.
const NAMED_MAX: usize = 5;

/// A verb that is being asked.
pub(super) struct ItemVerb {
    wish: Wish,
    /// What was chosen to begin with.
    begun: Wish,
    typed: Typed,
    pub(super) effect: Effect,
    /// The items as they are at one revision: ten thousand are not looked up for each frame.
    items: Option<(u64, Vec<Arc<ItemView>>)>,
}

impl ItemVerb {
    pub(super) fn new(verb: Verb, items: Vec<ItemId>, test: Option<TestId>, cx: &Cx<'_>) -> Self {
        let wanted: BTreeSet<ItemId> = items.iter().copied().collect();
        let views: Vec<Arc<ItemView>> =
            cx.snapshot.items.iter().filter(|i| wanted.contains(&i.id)).map(Arc::clone).collect();
        let wish = Wish::new(verb, items, test, &views);
        let begun = wish.clone();
        Self { wish, begun, typed: Typed::default(), effect: Effect::default(), items: None }
    }

    /// Something has been chosen or typed.
    pub(super) fn is_filled(&self) -> bool {
        self.wish != self.begun || !self.typed.is_empty()
    }

    fn items(&mut self, cx: &Cx<'_>) -> Vec<Arc<ItemView>> {
        let revision = cx.snapshot.revision;
        match &self.items {
            Some((known, items)) if *known == revision => items.clone(),
            _ => {
                let wanted: BTreeSet<ItemId> = self.wish.items.iter().copied().collect();
                let items: Vec<Arc<ItemView>> =
                    cx.snapshot.items.iter().filter(|i| wanted.contains(&i.id)).map(Arc::clone).collect();
                self.items = Some((revision, items.clone()));
                items
            }
        }
    }

    pub(super) fn show(&mut self, ctx: &Context, cx: &mut Cx<'_>, state: &mut DialogState) {
        let verb = self.wish.verb;
        let items = self.items(cx);
        let name = match items.as_slice() {
            [one] => one.name.clone(),
            many => msg("dialog-items").with("n", many.len()).render(),
        };
        let title = msg("dialog-title").with("verb", verb.title()).with("name", name.as_str()).render();
        let commands = self.wish.commands(&items, cx.now);
        self.effect.ask(cx, &commands);
        let destructive = verb.decl().risk == Risk::Destructive;
        let blocked = self
            .wish
            .missing(&items, cx.now)
            .or_else(|| self.effect.blocked())
            .or_else(|| if items.len() > 1 { self.wish.refused(&items) } else { None });
        let blocked = blocked.or_else(|| self.typed.missing(&name).filter(|_| destructive));
        let kind = if destructive { ButtonKind::Danger } else { ButtonKind::Primary };
        let footer = buttons(verb.title(), kind, blocked);
        let answer = frame(ctx, cx, state, (&title, &footer), |ui, cx| self.body(ui, cx, &items, &name));
        if confirmed(cx, answer) {
            cx.act(Action::SendAll(commands));
            cx.act(Action::CloseDialog);
        }
    }

    fn body(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, items: &[Arc<ItemView>], name: &str) {
        ui.add(Label::new(ramp::body(self.wish.verb.hint()).color(cx.theme.text2)).wrap());
        let Some(first) = items.first() else {
            return kit::banner(ui, cx, Health::Warning, &words("dialog-gone"), None);
        };
        if items.len() > 1 {
            names(ui, cx, items);
        }
        self.questions(ui, cx, first, items.len());
        self.effect.warn(ui, cx);
        if self.wish.verb.decl().risk == Risk::Destructive {
            self.typed.show(ui, cx, name);
        }
        self.effect.steps(ui, cx);
    }

    fn questions(&mut self, ui: &mut Ui, cx: &Cx<'_>, item: &ItemView, count: usize) {
        let wish = &mut self.wish;
        match wish.verb {
            Verb::TestFailover => {
                which_point(ui, cx, item, count, &mut wish.point);
                choices::network(ui, &mut wish.network);
            }
            Verb::Failover => {
                which_point(ui, cx, item, count, &mut wish.point);
                ui.add_space(6.0);
                ui.checkbox(&mut wish.shut_down, ramp::body(words("dialog-shut-down")));
                beneath(ui, &words("dialog-shut-down-text"));
            }
            Verb::ChangeRecoveryPoint | Verb::VerifyPoint => {
                kit::section(ui, &words("dialog-which-point"));
                let used = choices::in_use(item).filter(|_| wish.verb == Verb::ChangeRecoveryPoint);
                choices::points(ui, cx, item, &mut wish.point, used);
            }
            Verb::CleanUpTestFailover => {
                if count == 1 && item.tests.len() > 1 {
                    which_test(ui, cx, &item.tests, &mut wish.test);
                }
                notes(ui, cx, &mut wish.notes);
            }
            Verb::Resynchronize => {
                if count == 1 {
                    which_disks(ui, wish, item);
                }
                wish.when.show(ui, cx.now, &words("dialog-when-resync"));
            }
            Verb::DisableReplication => {
                kit::section(ui, &words("dialog-replica"));
                let keep = (words("dialog-replica-keep"), words("dialog-replica-keep-text"));
                radio(ui, &mut wish.delete_replica, &false, &keep.0, &keep.1);
                let delete = (words("dialog-replica-delete"), words("dialog-replica-delete-text"));
                radio(ui, &mut wish.delete_replica, &true, &delete.0, &delete.1);
            }
            Verb::AssociatePolicy => {
                kit::section(ui, &words("dialog-which-policy"));
                for policy in cx.snapshot.policies.iter() {
                    let text = crate::blades::policies::in_words(&policy.policy);
                    radio(ui, &mut wish.policy, &Some(policy.policy.id), &policy.policy.name, &text);
                }
            }
            _ => {}
        }
    }
}

/// Which items, when there are several.
fn names(ui: &mut Ui, cx: &Cx<'_>, items: &[Arc<ItemView>]) {
    ui.add_space(6.0);
    for item in items.iter().take(NAMED_MAX) {
        ui.horizontal(|ui| {
            kit::icon(ui, crate::theme::icons::Icon::Machine, 16.0, cx.theme.accent);
            ui.add(Label::new(ramp::body(item.name.as_str())).truncate());
        });
    }
    if items.len() > NAMED_MAX {
        kit::caption(ui, msg("dialog-more-items").with("n", items.len() - NAMED_MAX).render());
    }
}

/// Many items share only the choices that each of them has.
fn which_point(ui: &mut Ui, cx: &Cx<'_>, item: &ItemView, count: usize, held: &mut PointChoice) {
    if count == 1 {
        return choices::point(ui, cx, item, held);
    }
    kit::section(ui, &words("dialog-which-point"));
    radio(ui, held, &PointChoice::Latest, &words("dialog-point-latest"), "");
    radio(ui, held, &PointChoice::LatestAppConsistent, &words("dialog-point-latest-app"), "");
}

fn which_test(ui: &mut Ui, cx: &Cx<'_>, tests: &[TestView], held: &mut Option<TestId>) {
    kit::section(ui, &words("dialog-which-test"));
    for test in tests {
        let title = msg("dialog-test").with("when", kit::age(test.started, cx.now).0).render();
        let text = msg("dialog-test-point").with("time", kit::date_time(test.point_instant)).render();
        radio(ui, held, &Some(test.id), &title, &text);
    }
}

fn notes(ui: &mut Ui, cx: &Cx<'_>, notes: &mut String) {
    ui.add_space(6.0);
    let label = words("dialog-notes");
    kit::field(ui, cx.theme, &label, false, None, |ui| {
        let edit = TextEdit::multiline(notes).desired_rows(4).desired_width(f32::INFINITY);
        ui.add(edit.hint_text(words("dialog-notes-hint"))).accessible_name(label.as_str());
    });
}

fn which_disks(ui: &mut Ui, wish: &mut Wish, item: &ItemView) {
    kit::section(ui, &words("dialog-which-disks"));
    for disk in &item.disks {
        let mut on = wish.disks.contains(&disk.id);
        let label = format!("{} ({})", disk.name, kit::bytes(disk.size_bytes));
        if ui.checkbox(&mut on, ramp::body(label)).changed() && !wish.disks.remove(&disk.id) {
            wish.disks.insert(disk.id);
        }
    }
}
