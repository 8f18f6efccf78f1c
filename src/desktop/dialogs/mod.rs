//! Verbs that ask before they act. Each dialog says what will happen, to what, and what could be lost; its button says
//! the verb. Apart from the blades, which open them.
//!
//! | file | what is asked |
//! |---|---|
//! | `mod` | which dialog is open, and its frame |
//! | `item`, `wish`, `choices` | verbs on replicated items, what is chosen, the single questions |
//! | `effect`, `told` | what commands would do, from the same declarations that run them; in sentences |
//! | `typed` | the name that is typed before something is destroyed |
//! | `console` | the picture of a machine's screen |
//! | `plain` | verbs that only want a yes: on servers, machines, jobs and policies |
//! | `key` | making a registration key |
//! | `policy`, `associate` | a policy's settings, and who uses it |

mod associate;
pub(crate) mod choices;
mod console;
pub(crate) mod effect;
mod item;
mod key;
mod plain;
mod policy;
mod told;
mod typed;
mod wish;

use crate::action::{Action, Dialog};
use crate::cx::Cx;
use crate::kit::{Button, ButtonKind, DialogAnswer, DialogState, words};
use egui::{Context, Ui};
use leeward_model::{CommandSink, Verb};

/// Width of a dialog in points.
const WIDTH: f32 = 560.0;

/// The dialog that is open, with what has been put into it.
pub(crate) struct Open {
    kind: Kind,
    state: DialogState,
}

enum Kind {
    Item(item::ItemVerb),
    Plain(plain::Plain),
    Key(key::NewKey),
    Policy(policy::PolicyForm),
    Associate(associate::Associate),
    Console(console::Console),
}

impl Open {
    /// Begins a dialog.
    pub(crate) fn new(dialog: Dialog, cx: &mut Cx<'_>) -> Self {
        let kind = match dialog {
            Dialog::ItemVerb { verb: Verb::ConsolePicture, items, test } if items.len() == 1 => {
                Kind::Console(console::Console::new(&items, test))
            }
            Dialog::ItemVerb { verb, items, test } => Kind::Item(item::ItemVerb::new(verb, items, test, cx)),
            Dialog::RegistrationKey => Kind::Key(key::NewKey::default()),
            Dialog::EditPolicy(id) => Kind::Policy(policy::PolicyForm::new(id, cx)),
            Dialog::AssociatePolicy(policy) => Kind::Associate(associate::Associate::new(policy, cx)),
            other => Kind::Plain(plain::Plain::new(&other, cx)),
        };
        Self { kind, state: DialogState::default() }
    }
}

impl Kind {
    /// Something has been put in that closing would lose.
    fn is_filled(&self) -> bool {
        match self {
            Self::Item(item) => item.is_filled(),
            Self::Plain(plain) => plain.is_filled(),
            Self::Key(key) => key.is_filled(),
            Self::Policy(form) => form.is_filled(),
            Self::Associate(associate) => associate.is_filled(),
            Self::Console(_) => false,
        }
    }

    /// An answer is on its way, and will soon be there.
    const fn waits(&self) -> bool {
        match self {
            Self::Item(item) => item.effect.waits(),
            Self::Plain(plain) => plain.effect.waits(),
            Self::Policy(form) => form.effect.waits(),
            Self::Associate(associate) => associate.effect.waits(),
            Self::Key(_) => false,
            Self::Console(_) => true,
        }
    }
}

/// Takes in what has been answered to the open dialog.
pub(crate) fn hear(sink: &dyn CommandSink, open: &mut Open) {
    match &mut open.kind {
        Kind::Item(item) => item.effect.hear(sink),
        Kind::Plain(plain) => plain.effect.hear(sink),
        Kind::Policy(form) => form.effect.hear(sink),
        Kind::Associate(associate) => associate.effect.hear(sink),
        Kind::Key(key) => key.hear(sink),
        Kind::Console(_) => {}
    }
}

/// Draws the open dialog.
pub(crate) fn show(ctx: &Context, cx: &mut Cx<'_>, open: &mut Open) {
    let state = &mut open.state;
    (state.filled, state.waits) = (open.kind.is_filled(), open.kind.waits());
    match &mut open.kind {
        Kind::Item(item) => item.show(ctx, cx, state),
        Kind::Plain(plain) => plain.show(ctx, cx, state),
        Kind::Key(key) => key.show(ctx, cx, state),
        Kind::Policy(form) => form.show(ctx, cx, state),
        Kind::Associate(associate) => associate.show(ctx, cx, state),
        Kind::Console(console) => console.show(ctx, cx, state),
    }
}

/// Draws a dialog with the density of a form.
fn frame(
    ctx: &Context,
    cx: &mut Cx<'_>,
    state: &mut DialogState,
    (title, footer): (&str, &[Button]),
    body: impl FnOnce(&mut Ui, &mut Cx<'_>),
) -> DialogAnswer {
    let formed = |ui: &mut Ui, cx: &mut Cx<'_>| {
        ui.spacing_mut().interact_size.y = 22.0;
        body(ui, cx);
        ui.add_space(12.0);
    };
    crate::kit::dialog(ctx, cx, (title, WIDTH), state, formed, footer)
}

/// The two buttons of most dialogs.
fn buttons(verb: String, kind: ButtonKind, blocked: Option<String>) -> [Button; 2] {
    [Button::new(verb, kind).blocked(blocked), Button::new(words("dialog-cancel"), ButtonKind::Secondary)]
}

/// Whether the first of two buttons was pressed; the other ways out close the dialog.
fn confirmed(cx: &mut Cx<'_>, answer: DialogAnswer) -> bool {
    match answer {
        DialogAnswer::Open => false,
        DialogAnswer::Pressed(0) => true,
        DialogAnswer::Pressed(_) | DialogAnswer::Dismissed => {
            cx.act(Action::CloseDialog);
            false
        }
    }
}
