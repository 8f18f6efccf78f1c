//! The name that is typed before something is destroyed. Apart from the dialogs, which say what would be.

use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::ramp;
use egui::{Label, Ui};

/// What has been typed.
#[derive(Default)]
pub(super) struct Typed {
    text: String,
}

impl Typed {
    /// Why one cannot go on yet.
    pub(super) fn missing(&self, name: &str) -> Option<String> {
        (self.text.trim() != name.trim()).then(|| msg("dialog-type-name").with("name", name).render())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Draws the field. A name that is still being typed is not wrong yet.
    pub(super) fn show(&mut self, ui: &mut Ui, cx: &Cx<'_>, name: &str) {
        ui.add_space(8.0);
        let typed = self.text.trim();
        let wrong =
            (!typed.is_empty() && !name.trim().starts_with(typed)).then(|| words("dialog-other-name"));
        kit::field(ui, cx.theme, &words("dialog-type-it"), true, wrong.as_deref(), |ui| {
            ui.add(Label::new(ramp::caption(name).color(cx.theme.text2)).wrap());
            let label = msg("dialog-type-name").with("name", name).render();
            let width = (ui.available_width() - 18.0).min(420.0);
            kit::enters(&kit::text_field(ui, &mut self.text, &label, "", width));
        });
    }
}
