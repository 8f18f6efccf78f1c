//! What commands would do: their steps with how long they usually take, what could be lost, what else there is to know.
//! Asked anew only when the commands or the world have changed; nobody waits for the answer. Apart from `told`, which
//! says it in sentences.

use super::told::Told;
use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::ramp;
use egui::{Align, Label, Layout, ScrollArea, Ui, vec2};
use leeward_model::{Command, CommandSink, Health, ItemId, PreviewStep, ReceiptId};
use std::collections::HashMap;

/// Height of one loss among many, and of all that are seen at once.
const LOSS: f32 = 20.0;
const LOSSES: f32 = 164.0;

/// What was asked last, and the last answer to it.
#[derive(Default)]
pub(crate) struct Effect {
    commands: Vec<Command>,
    revision: Option<u64>,
    /// What each command is about, when there are several.
    names: Vec<String>,
    waiting: Option<ReceiptId>,
    told: Option<Told>,
}

impl Effect {
    /// Asks what these commands would do in the world as it is now. One question at a time: a world that changes while
    /// the answer is on its way is asked about after it.
    pub(crate) fn ask(&mut self, cx: &Cx<'_>, commands: &[Command]) {
        let same = self.commands.len() == commands.len()
            && self.commands.iter().zip(commands).all(|(known, new)| alike(known, new));
        if same && (self.waiting.is_some() || self.revision == Some(cx.snapshot.revision)) {
            return;
        }
        if !same {
            self.told = None;
            self.names = names(cx, commands);
            self.commands = commands.to_vec();
        }
        self.revision = Some(cx.snapshot.revision);
        self.waiting = (!commands.is_empty()).then(|| cx.sink.ask_previews(commands.to_vec()));
    }

    /// Takes the answer in when it is there.
    pub(crate) fn hear(&mut self, sink: &dyn CommandSink) {
        if let Some(previews) = self.waiting.and_then(|receipt| sink.take_previews(receipt)) {
            self.waiting = None;
            self.told = Some(Told::of(previews, &self.names));
        }
    }

    /// Why one cannot go on now: the commands are refused, or it is not known yet what they would do.
    pub(crate) fn blocked(&self) -> Option<String> {
        match &self.told {
            Some(told) => told.refused.clone(),
            None => self.waiting.map(|_| words("dialog-worked-out")),
        }
    }

    /// The answer to what is asked now is on its way.
    pub(crate) const fn waits(&self) -> bool {
        self.told.is_none() && self.waiting.is_some()
    }

    /// Why they are refused: where no footer has the room to say it.
    pub(crate) fn refusal(&self, ui: &mut Ui, cx: &mut Cx<'_>) {
        if let Some(why) = self.told.as_ref().and_then(|told| told.refused.as_ref()) {
            kit::banner(ui, cx, Health::Warning, why, None);
        }
    }

    /// What could be lost, what is good to know.
    pub(crate) fn warn(&self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(told) = &self.told else {
            if self.waiting.is_some() {
                ui.add_space(6.0);
                kit::caption(ui, words("dialog-worked-out"));
            }
            return;
        };
        if !told.is_silent() {
            ui.add_space(6.0);
        }
        if let Some(summary) = &told.summary {
            kit::banner(ui, cx, Health::Critical, summary, None);
            losses(ui, &told.losses);
        } else {
            for loss in &told.losses {
                kit::banner(ui, cx, Health::Critical, loss, None);
            }
        }
        for note in &told.notes {
            kit::banner(ui, cx, Health::NotApplicable, note, None);
        }
    }

    /// The steps, in order.
    pub(crate) fn steps(&self, ui: &mut Ui, cx: &Cx<'_>) {
        let Some((told, first)) = self.told.as_ref().and_then(|t| Some((t, t.steps.first()?))) else {
            return;
        };
        match self.names.first() {
            Some(name) => kit::section(ui, &msg("dialog-what-happens-to").with("name", name).render()),
            None => kit::section(ui, &words("dialog-what-happens")),
        }
        // One subject for all needs no naming.
        let several = told.steps.iter().any(|s| s.subject != first.subject);
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
            ui.spacing_mut().interact_size.y = 20.0;
            for (number, step) in told.steps.iter().enumerate() {
                step_row(ui, cx, number + 1, step, several);
            }
        });
        let whole: f32 = told.steps.iter().filter_map(|s| s.estimate_secs).sum();
        if whole > 0.0 {
            ui.add_space(4.0);
            kit::caption(ui, msg("dialog-about-whole").with("span", about(whole)).render());
        }
        if self.names.len() > 1 {
            kit::caption(ui, msg("dialog-other-jobs").with("n", self.names.len() - 1).render());
        }
    }
}

/// Whether two commands do the same; notes are for people.
fn alike(one: &Command, other: &Command) -> bool {
    match (one, other) {
        (
            Command::CleanUpTestFailover { item, test, .. },
            Command::CleanUpTestFailover { item: other_item, test: other_test, .. },
        ) => item == other_item && test == other_test,
        _ => one == other,
    }
}

/// The name of what each of several commands is about; nothing for one, whose name stands in the title.
fn names(cx: &Cx<'_>, commands: &[Command]) -> Vec<String> {
    if commands.len() < 2 {
        return Vec::new();
    }
    let known: HashMap<ItemId, &str> = cx.snapshot.items.iter().map(|i| (i.id, i.name.as_str())).collect();
    let name = |c: &Command| c.item().and_then(|id| known.get(&id)).copied().unwrap_or_default().to_owned();
    commands.iter().map(name).collect()
}

/// Every single loss of many, the worst first; no more are drawn than are seen.
fn losses(ui: &mut Ui, losses: &[String]) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let area = ScrollArea::vertical().id_salt("losses").max_height(LOSSES).auto_shrink([false, true]);
    area.show_rows(ui, LOSS, losses.len(), |ui, rows| {
        for loss in losses.get(rows).unwrap_or_default() {
            ui.allocate_ui(vec2(ui.available_width(), LOSS), |ui| {
                ui.set_min_height(LOSS);
                ui.add(Label::new(ramp::body(loss)).truncate());
            });
        }
    });
    ui.spacing_mut().item_spacing.y = 4.0;
    ui.add_space(6.0);
}

fn step_row(ui: &mut Ui, cx: &Cx<'_>, number: usize, step: &PreviewStep, named: bool) {
    ui.horizontal(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(20.0, 18.0), egui::Sense::hover());
        let at = rect.right_center() - vec2(2.0, 0.0);
        let font = ramp::regular_font(ramp::BODY);
        ui.painter().text(at, egui::Align2::RIGHT_CENTER, format!("{number}."), font, cx.theme.text2);
        let room = (ui.available_width() - 96.0).max(60.0);
        ui.allocate_ui_with_layout(vec2(room, 18.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(room);
            let mut text = egui::text::LayoutJob::default();
            let style = |color| egui::TextFormat::simple(ramp::regular_font(ramp::BODY), color);
            text.append(&step.title.render(), 0.0, style(cx.theme.text));
            if named && !step.subject.is_empty() {
                text.append(&step.subject, 8.0, style(cx.theme.text2));
            }
            ui.add(Label::new(text).truncate());
        });
        if let Some(secs) = step.estimate_secs {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                kit::caption(ui, msg("dialog-about").with("span", about(secs)).render());
            });
        }
    });
}

/// An estimate has no tenths.
fn about(secs: f32) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped, and whole")]
    kit::span(secs.round().clamp(1.0, 1e9) as u64)
}
