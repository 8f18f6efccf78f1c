//! How a verb of the read model becomes a wish of the window: sent at once, asked in a dialog, or a blade. One place,
//! so that command bar, row menu, palette and shortcut do the same.

use crate::action::{Action, Dialog};
use crate::cx::Cx;
use crate::kit;
use crate::route::Route;
use leeward_model::{Command, ItemId, ItemView, MachineView, Snapshot, Verb, VerbState};
use std::collections::BTreeSet;

/// A verb on replicated items. `item` is the one item there is, if it is one.
#[must_use]
pub fn for_items(verb: Verb, items: Vec<ItemId>, item: Option<&ItemView>) -> Action {
    let test = item.and_then(|i| i.tests.first()).map(|t| t.id);
    match verb {
        Verb::SyncNow => Action::SendAll(items.into_iter().map(|item| Command::SyncNow { item }).collect()),
        Verb::ResumeReplication => {
            Action::SendAll(items.into_iter().map(|item| Command::ResumeReplication { item }).collect())
        }
        Verb::VerifyPoint => match item.and_then(|i| i.points.first().map(|p| (i.id, p.id))) {
            Some((item, point)) => Action::Send(Command::VerifyPoint { item, point }),
            None => Action::Open(Dialog::ItemVerb { verb, items, test }),
        },
        Verb::ConsolePicture => match (item, test) {
            (Some(item), Some(test)) => Action::Go(Route::Console { item: item.id, test }),
            _ => Action::Open(Dialog::ItemVerb { verb, items, test }),
        },
        _ => Action::Open(Dialog::ItemVerb { verb, items, test }),
    }
}

/// A verb on a machine of a host; none when it is not a verb of machines.
#[must_use]
pub fn for_machine(verb: Verb, machine: &MachineView) -> Option<Action> {
    let (agent, machine) = (machine.agent, machine.definition.id);
    match verb {
        Verb::EnableReplication => Some(Action::Protect { agent, machine }),
        Verb::StartMachine | Verb::ShutDownMachine | Verb::PowerOffMachine => {
            Some(Action::Open(Dialog::MachineVerb { verb, machine, agent }))
        }
        _ => None,
    }
}

/// The verbs of an item as they are shown: what one comes for first, what ends something last.
const ORDER: [Verb; 16] = [
    Verb::TestFailover,
    Verb::CleanUpTestFailover,
    Verb::PlannedFailover,
    Verb::Failover,
    Verb::ChangeRecoveryPoint,
    Verb::Commit,
    Verb::ReverseReplicate,
    Verb::SyncNow,
    Verb::PauseReplication,
    Verb::ResumeReplication,
    Verb::Resynchronize,
    Verb::VerifyPoint,
    Verb::AssociatePolicy,
    Verb::ConsolePicture,
    Verb::DiscardSource,
    Verb::DisableReplication,
];

/// The verbs of an item in the order in which they are shown.
#[must_use]
pub fn in_order(verbs: &[VerbState]) -> Vec<&VerbState> {
    let mut sorted: Vec<&VerbState> = verbs.iter().collect();
    sorted.sort_by_key(|v| ORDER.iter().position(|o| *o == v.verb).unwrap_or(ORDER.len()));
    sorted
}

/// A verb of the vault or of the window; none when it needs something to act on.
#[must_use]
pub fn for_vault(verb: Verb, dark: bool) -> Option<Action> {
    match verb {
        Verb::OpenPalette => Some(Action::Palette),
        Verb::ToggleTheme => Some(Action::SetDark(!dark)),
        Verb::OpenNotifications => Some(Action::Notifications),
        Verb::OpenVault => Some(Action::OtherVault),
        Verb::MakeRegistrationKey => Some(Action::Open(Dialog::RegistrationKey)),
        Verb::RevokeRegistrationKey => Some(Action::Go(Route::Servers)),
        Verb::CreatePolicy => Some(Action::Open(Dialog::EditPolicy(None))),
        Verb::EnableReplication => Some(Action::Go(Route::Enable)),
        _ => None,
    }
}

/// A verb on all of these items (ids as numbers): refused with the first reason found. One pass over all items:
/// cache it while neither they nor the selection change.
#[must_use]
pub fn shared_verb(snapshot: &Snapshot, selected: &BTreeSet<u128>, verb: Verb) -> VerbState {
    let refused = snapshot.items.iter().filter(|i| selected.contains(&i.id.0.as_u128())).find_map(|item| {
        let why = item.verb(verb)?.refused.as_ref()?;
        Some(kit::msg("refused-for").with("name", &item.name).with("why", why.render()))
    });
    VerbState { verb, refused }
}

/// Does the verb whose shortcut was pressed, on the items the window points at.
pub(crate) fn shortcuts(ctx: &egui::Context, cx: &mut Cx<'_>, items: &[ItemId]) {
    if ctx.input_mut(|i| i.consume_key(egui::Modifiers::ALT, egui::Key::ArrowLeft)) {
        cx.act(Action::Back);
    }
    for verb in Verb::all() {
        let Some(keys) = verb.decl().shortcut.and_then(parse) else { continue };
        if !ctx.input_mut(|i| i.consume_shortcut(&keys)) {
            continue;
        }
        if let Some(action) = for_vault(verb, cx.theme.dark) {
            cx.act(action);
        } else if let [one] = items {
            let Some(item) = cx.snapshot.item(*one).cloned() else { continue };
            match item.verb(verb).and_then(|v| v.refused.as_ref()) {
                Some(why) => cx.act(Action::Note(why.render())),
                None => cx.act(for_items(verb, vec![*one], Some(&item))),
            }
        }
    }
}

fn parse(keys: &str) -> Option<egui::KeyboardShortcut> {
    let mut modifiers = egui::Modifiers::NONE;
    let mut key = None;
    for part in keys.split('+') {
        match part {
            "Ctrl" => modifiers |= egui::Modifiers::COMMAND,
            "Shift" => modifiers |= egui::Modifiers::SHIFT,
            "Alt" => modifiers |= egui::Modifiers::ALT,
            name => key = egui::Key::from_name(name),
        }
    }
    key.map(|key| egui::KeyboardShortcut::new(modifiers, key))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use leeward_model::Verb;

    #[test]
    fn every_declared_shortcut_can_be_typed() {
        for keys in Verb::all().filter_map(|v| v.decl().shortcut) {
            assert!(parse(keys).is_some(), "{keys}");
        }
    }
}
