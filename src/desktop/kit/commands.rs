//! The command bar of a blade. What does not fit goes into a menu at the end; what is refused says why.

use super::buttons::{flat_button, icon_button, menu, refusal};
use super::wording::words;
use crate::action::Action;
use crate::cx::Cx;
use crate::theme::{icons::Icon, ramp};
use egui::{Color32, Ui, vec2};

/// One command.
#[derive(Clone, Debug)]
pub struct CommandButton {
    /// Its icon.
    pub icon: Icon,
    /// Its label.
    pub text: String,
    /// Why it is refused now; none when it may be used.
    pub refused: Option<String>,
    /// What it does.
    pub action: Action,
    /// Its hint, while it may be used.
    pub hint: String,
}

impl CommandButton {
    /// A command of the window itself, never refused.
    pub fn new(icon: Icon, text: impl Into<String>, action: Action) -> Self {
        Self { icon, text: text.into(), refused: None, action, hint: String::new() }
    }

    /// A declared verb, with the reason from the read model where it is refused.
    #[must_use]
    pub fn verb(state: &leeward_model::VerbState, action: Action) -> Self {
        let refused = state.refused.as_ref().map(leeward_model::Message::render);
        Self { refused, ..Self::of_verb(state.verb, action) }
    }

    /// A declared verb that is always offered.
    #[must_use]
    pub fn of_verb(verb: leeward_model::Verb, action: Action) -> Self {
        let decl = verb.decl();
        let icon = Icon::named(decl.icon).unwrap_or(Icon::More);
        let hint = match decl.shortcut {
            Some(keys) => format!("{} ({keys})", verb.hint()),
            None => verb.hint(),
        };
        Self { icon, text: verb.title(), refused: None, action, hint }
    }
}

/// Draws the bar over the width there is.
pub fn command_bar(ui: &mut Ui, cx: &mut Cx<'_>, commands: &[CommandButton]) {
    let room = ui.available_width();
    let font = ramp::regular_font(ramp::BODY);
    let width = |text: &str| {
        let galley = ui.painter().layout_no_wrap(text.to_owned(), font.clone(), Color32::PLACEHOLDER);
        galley.size().x + 40.0
    };
    let widths: Vec<f32> = commands.iter().map(|c| width(&c.text)).collect();
    let all: f32 = widths.iter().sum();
    let mut used = 0.0;
    let limit = if all <= room { room } else { room - 36.0 };
    let shown = widths
        .iter()
        .take_while(|w| {
            used += **w;
            used <= limit
        })
        .count();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for command in commands.iter().take(shown) {
            let response = flat_button(ui, Some(command.icon), &command.text, command.refused.is_none());
            explain(response, command, cx);
        }
        if shown < commands.len() {
            overflow(ui, cx, commands.get(shown..).unwrap_or_default());
        }
    });
    super::hairline(ui);
    ui.add_space(4.0);
}

fn explain(response: egui::Response, command: &CommandButton, cx: &mut Cx<'_>) -> bool {
    let response = match &command.refused {
        Some(why) => refusal(response, why),
        None if command.hint.is_empty() => response,
        None => response.on_hover_text(&command.hint),
    };
    if response.clicked() && command.refused.is_none() {
        cx.act(command.action.clone());
    }
    response.clicked()
}

fn overflow(ui: &mut Ui, cx: &mut Cx<'_>, rest: &[CommandButton]) {
    let (fg, hover) = (cx.theme.text, cx.theme.hover);
    let opener = icon_button(ui, Icon::More, &words("more-commands"), 16.0, fg, hover);
    menu(&opener, egui::PopupCloseBehavior::CloseOnClick, |ui| {
        ui.set_min_size(vec2(200.0, 0.0));
        for command in rest {
            let response = flat_button(ui, Some(command.icon), &command.text, command.refused.is_none());
            if explain(response, command, cx) {
                ui.close();
            }
        }
    });
}
