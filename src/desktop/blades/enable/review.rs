//! The last page: everything that was chosen, what it will do, what is worth knowing. Apart from `pages`.

use super::choice::{Choice, size_bytes};
use crate::blades::{policies, servers};
use crate::cx::Cx;
use crate::dialogs::effect::Effect;
use crate::kit::{self, Value, msg, words};
use egui::Ui;
use leeward_model::{Health, ServerView, Start};
use std::sync::Arc;

pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>, choice: &Choice, effect: &mut Effect) {
    let Some(command) = choice.command(cx.now) else { return };
    effect.ask(cx, std::slice::from_ref(&command));
    let snapshot = Arc::clone(cx.snapshot);
    let (source, target) = choice.servers(&snapshot);
    let named = |server: Option<&ServerView>| {
        server.map(|s| format!("{} ({})", s.name, servers::site_of(cx, s))).unwrap_or_default()
    };
    let machines = choice.chosen(&snapshot);
    let names: Vec<&str> = machines.iter().map(|m| m.definition.name.as_str()).collect();
    let bytes: u64 = machines.iter().map(|m| size_bytes(m)).sum();
    let policy = snapshot.policies.iter().find(|p| Some(p.policy.id) == choice.policy);
    let begins = match choice.when.start(cx.now) {
        Start::Now => words("enable-now"),
        Start::At(at) => kit::date_time(at),
    };
    let facts = [
        (words("enable-page-source"), Value::Text(named(source))),
        (words("enable-page-target"), Value::Text(named(target))),
        (
            words("enable-page-policy"),
            policy.map_or_else(
                || Value::Text(String::new()),
                |p| Value::Hover(p.policy.name.clone(), policies::in_words(&p.policy)),
            ),
        ),
        (words("enable-machines-count"), Value::Hover(names.len().to_string(), names.join("\n"))),
        (words("enable-size"), Value::Text(kit::bytes(bytes))),
        (words("enable-begins"), Value::Text(begins)),
    ];
    kit::essentials(ui, cx, &facts);
    let shown: Vec<&str> = names.iter().take(40).copied().collect();
    let mut list = shown.join(", ");
    if names.len() > shown.len() {
        list = format!("{list} {}", msg("dialog-more-items").with("n", names.len() - shown.len()).render());
    }
    kit::section(ui, &words("enable-page-machines"));
    ui.add(egui::Label::new(crate::theme::ramp::body(list)).wrap());
    if target.is_some_and(|t| t.free_bytes < bytes) {
        ui.add_space(6.0);
        let free = target.map(|t| kit::bytes(t.free_bytes)).unwrap_or_default();
        let said = msg("enable-tight").with("size", kit::bytes(bytes)).with("free", free).render();
        kit::banner(ui, cx, Health::Warning, &said, None);
    }
    effect.refusal(ui, cx);
    effect.warn(ui, cx);
    if machines.len() > 1 {
        ui.add_space(6.0);
        kit::caption(ui, words("enable-each"));
    }
    effect.steps(ui, cx);
}
