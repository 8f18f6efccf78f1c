//! What a command would do: its steps with how long they usually take, what could be lost, what else there is to know.
//! Asked anew only when the command or the world has changed.

use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::ramp;
use egui::{Label, Ui};
use leeward_model::{Command, Health, Preview};

/// The last answer.
#[derive(Default)]
pub(super) struct Effect {
    asked: Option<(Command, u64)>,
    preview: Preview,
}

impl Effect {
    /// The preview of a command as the world is now.
    pub(super) fn of(&mut self, cx: &Cx<'_>, command: &Command) -> &Preview {
        let revision = cx.snapshot.revision;
        if self.asked.as_ref().is_none_or(|(c, r)| c != command || *r != revision) {
            self.preview = cx.sink.preview(command);
            self.asked = Some((command.clone(), revision));
        }
        &self.preview
    }

    /// Why the command is refused now.
    pub(super) fn refusal(&self) -> Option<String> {
        self.preview.refused.as_ref().map(|r| r.why.render())
    }

    /// Draws it.
    pub(super) fn show(&self, ui: &mut Ui, cx: &mut Cx<'_>) {
        if let Some(why) = self.refusal() {
            kit::banner(ui, cx, Health::Warning, &why, None);
        }
        for loss in &self.preview.losses {
            kit::banner(ui, cx, Health::Critical, &loss.render(), None);
        }
        for note in &self.preview.notes {
            kit::banner(ui, cx, Health::NotApplicable, &note.render(), None);
        }
        if self.preview.steps.is_empty() {
            return;
        }
        kit::section(ui, &words("dialog-what-happens"));
        let whole: f32 = self.preview.steps.iter().filter_map(|s| s.estimate_secs).sum();
        for (number, step) in self.preview.steps.iter().enumerate() {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 8.0;
                ui.add_sized(
                    [22.0, 18.0],
                    Label::new(ramp::body(format!("{}.", number + 1)).color(cx.theme.text2)),
                );
                let room = (ui.available_width() - 130.0).max(60.0);
                ui.allocate_ui(egui::vec2(room, 18.0), |ui| {
                    ui.set_min_width(room);
                    ui.add(Label::new(ramp::body(step.title.render())).truncate());
                });
                if let Some(secs) = step.estimate_secs {
                    kit::caption(ui, msg("dialog-about").with("span", kit::secs(f64::from(secs))).render());
                }
            });
        }
        if whole > 0.0 {
            ui.add_space(4.0);
            kit::caption(ui, msg("dialog-about-whole").with("span", kit::secs(f64::from(whole))).render());
        }
    }
}
