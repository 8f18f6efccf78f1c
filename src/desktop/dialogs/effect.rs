//! What commands would do: their steps with how long they usually take, what could be lost, what else there is to know.
//! Asked anew only when the commands or the world have changed.

use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::ramp;
use egui::{Align, Label, Layout, Ui, vec2};
use leeward_model::{Command, Health, Preview, PreviewStep};

/// Commands of one dialog whose effect is asked for; a preview may travel to an engine elsewhere.
const ASKED_MAX: usize = 8;

/// The last answer.
#[derive(Default)]
pub(crate) struct Effect {
    asked: Option<(Vec<Command>, u64)>,
    steps: Vec<PreviewStep>,
    losses: Vec<String>,
    notes: Vec<String>,
    refused: Option<String>,
    /// Commands beyond those that were asked about.
    untold: usize,
}

impl Effect {
    /// Asks what these commands would do in the world as it is now.
    pub(crate) fn ask(&mut self, cx: &Cx<'_>, commands: &[Command]) {
        let revision = cx.snapshot.revision;
        if self.asked.as_ref().is_some_and(|(c, r)| *r == revision && c == commands) {
            return;
        }
        let previews: Vec<Preview> =
            commands.iter().take(ASKED_MAX).map(|command| cx.sink.preview(command)).collect();
        let sentences = |of: fn(&Preview) -> &Vec<leeward_model::Message>| {
            let mut all: Vec<String> = Vec::new();
            for said in previews.iter().flat_map(of).map(leeward_model::Message::render) {
                if !all.contains(&said) {
                    all.push(said);
                }
            }
            all
        };
        *self = Self {
            losses: sentences(|p| &p.losses),
            notes: sentences(|p| &p.notes),
            refused: previews.iter().find_map(|p| p.refused.as_ref()).map(|r| r.why.render()),
            untold: commands.len().saturating_sub(ASKED_MAX),
            steps: previews.into_iter().next().map(|p| p.steps).unwrap_or_default(),
            asked: Some((commands.to_vec(), revision)),
        };
    }

    /// Why the commands are refused now.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.refused.clone()
    }

    /// Why they are refused, what could be lost, what is good to know.
    pub(crate) fn warn(&self, ui: &mut Ui, cx: &mut Cx<'_>) {
        if self.refused.is_some() || !self.losses.is_empty() || !self.notes.is_empty() {
            ui.add_space(6.0);
        }
        if let Some(why) = &self.refused {
            kit::banner(ui, cx, Health::Warning, why, None);
        }
        for loss in &self.losses {
            kit::banner(ui, cx, Health::Critical, loss, None);
        }
        for note in &self.notes {
            kit::banner(ui, cx, Health::NotApplicable, note, None);
        }
        if self.untold > 0 {
            kit::caption(ui, msg("dialog-and-others").with("n", self.untold).render());
        }
    }

    /// The steps, in order.
    pub(crate) fn steps(&self, ui: &mut Ui, cx: &Cx<'_>) {
        let Some(first) = self.steps.first() else { return };
        kit::section(ui, &words("dialog-what-happens"));
        // One subject for all needs no naming.
        let several = self.steps.iter().any(|s| s.subject != first.subject);
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 2.0);
            ui.spacing_mut().interact_size.y = 20.0;
            for (number, step) in self.steps.iter().enumerate() {
                step_row(ui, cx, number + 1, step, several);
            }
        });
        let whole: f32 = self.steps.iter().filter_map(|s| s.estimate_secs).sum();
        if whole > 0.0 {
            ui.add_space(4.0);
            kit::caption(ui, msg("dialog-about-whole").with("span", about(whole)).render());
        }
    }
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
