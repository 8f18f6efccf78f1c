//! Verbs that only want a yes: on servers, keys, machines, jobs and policies. Destructive ones want the name typed.

use super::effect::Effect;
use super::typed::Typed;
use super::{confirmed, frame};
use crate::action::{Action, Dialog};
use crate::cx::Cx;
use crate::kit::{Button, ButtonKind, DialogState, msg, words};
use crate::theme::ramp;
use egui::{Context, Label};
use leeward_model::{Command, Risk, Verb};

/// A verb that is being asked.
pub(super) struct Plain {
    verb: Verb,
    name: String,
    command: Option<Command>,
    typed: Typed,
    pub(super) effect: Effect,
}

impl Plain {
    pub(super) fn new(dialog: &Dialog, cx: &Cx<'_>) -> Self {
        let (verb, name, command) = asked(dialog, cx);
        Self { verb, name, command, typed: Typed::default(), effect: Effect::default() }
    }

    /// Something has been typed.
    pub(super) const fn is_filled(&self) -> bool {
        !self.typed.is_empty()
    }

    pub(super) fn show(&mut self, ctx: &Context, cx: &mut Cx<'_>, state: &mut DialogState) {
        let title =
            msg("dialog-title").with("verb", self.verb.title()).with("name", self.name.as_str()).render();
        let destructive = self.verb.decl().risk == Risk::Destructive;
        self.effect.ask(cx, self.command.as_slice());
        let gone = self.command.is_none().then(|| words("dialog-gone"));
        let blocked = gone
            .or_else(|| self.effect.blocked())
            .or_else(|| self.typed.missing(&self.name).filter(|_| destructive));
        let kind = if destructive { ButtonKind::Danger } else { ButtonKind::Primary };
        // Two buttons that both say cancel would be a riddle.
        let back = if self.verb == Verb::CancelJob { "dialog-let-run" } else { "dialog-cancel" };
        let footer = [
            Button::new(self.verb.title(), kind).blocked(blocked),
            Button::new(words(back), ButtonKind::Secondary),
        ];
        let answer = frame(ctx, cx, state, (&title, &footer), |ui, cx| {
            ui.add(Label::new(ramp::body(self.verb.hint()).color(cx.theme.text2)).wrap());
            self.effect.warn(ui, cx);
            if destructive {
                self.typed.show(ui, cx, &self.name);
            }
            self.effect.steps(ui, cx);
        });
        if confirmed(cx, answer) {
            cx.actions.extend(self.command.clone().map(Action::Send));
            cx.act(Action::CloseDialog);
        }
    }
}

/// What is asked, of what, and the command for it: none for a verb of something else, which must not become another
/// one.
fn asked(dialog: &Dialog, cx: &Cx<'_>) -> (Verb, String, Option<Command>) {
    match dialog {
        Dialog::ServerVerb { verb, server } => {
            let name = cx.snapshot.server(*server).map(|s| s.name.clone()).unwrap_or_default();
            let command = match verb {
                Verb::RemoveServer => Some(Command::RemoveServer { agent: *server }),
                _ => None,
            };
            (*verb, name, command)
        }
        Dialog::MachineVerb { verb, machine, agent } => {
            let found =
                cx.snapshot.machines.iter().find(|m| m.definition.id == *machine && m.agent == *agent);
            let name = found.map(|m| m.definition.name.clone()).unwrap_or_default();
            let machine = leeward_model::MachineOn { agent: *agent, machine: *machine };
            let command = match verb {
                Verb::StartMachine => Some(Command::StartMachine { machine }),
                Verb::ShutDownMachine => Some(Command::ShutDownMachine { machine }),
                Verb::PowerOffMachine => Some(Command::PowerOffMachine { machine }),
                _ => None,
            };
            (*verb, name, command)
        }
        Dialog::JobVerb { verb, job } => {
            let name = cx.snapshot.job(*job).map(|j| format!("{} ({})", j.verb.title(), j.subject));
            let command = match verb {
                Verb::RestartJob => Some(Command::RestartJob { job: *job }),
                Verb::CancelJob => Some(Command::CancelJob { job: *job }),
                _ => None,
            };
            (*verb, name.unwrap_or_default(), command)
        }
        Dialog::RevokeKey(key) => {
            let found = cx.snapshot.keys.iter().find(|k| k.id == *key);
            let name = found.map(|k| k.site.clone()).unwrap_or_default();
            (Verb::RevokeRegistrationKey, name, Some(Command::RevokeRegistrationKey { key: *key }))
        }
        Dialog::DeletePolicy(policy) => {
            let found = cx.snapshot.policies.iter().find(|p| p.policy.id == *policy);
            let name = found.map(|p| p.policy.name.clone()).unwrap_or_default();
            (Verb::DeletePolicy, name, Some(Command::DeletePolicy { policy: *policy }))
        }
        _ => (Verb::OpenPalette, String::new(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::asked;
    use crate::action::{Action, Dialog};
    use crate::cx::Cx;
    use crate::sample::{self, Stage};
    use crate::{ask, theme};
    use leeward_model::{Snapshot, Verb};
    use std::sync::Arc;

    fn with<T>(world: Snapshot, look: impl FnOnce(&Cx<'_>) -> T) -> T {
        let (snapshot, stage) = (Arc::new(world.clone()), Stage::new(world));
        let theme = theme::named(false);
        let (places, actions) = (&crate::places::Places::default(), &mut Vec::new());
        look(&Cx { snapshot: &snapshot, places, now: sample::NOW, theme, sink: &*stage, actions })
    }

    #[test]
    fn a_dialog_does_its_own_verb_or_nothing() {
        let world = sample::lab();
        let (server, job) = (world.servers[0].agent, world.jobs[1].id);
        let (machine, agent) = (world.machines[0].definition.id, world.machines[0].agent);
        with(world, |cx| {
            for verb in Verb::all() {
                let all = [
                    Dialog::ServerVerb { verb, server },
                    Dialog::MachineVerb { verb, machine, agent },
                    Dialog::JobVerb { verb, job },
                ];
                for dialog in all {
                    let (asked_for, _, command) = asked(&dialog, cx);
                    assert_eq!(asked_for, verb);
                    assert!(command.is_none_or(|c| c.verb() == verb), "{dialog:?} does something else");
                }
            }
        });
    }

    #[test]
    fn every_verb_that_is_offered_does_what_it_says() {
        with(sample::lab(), |cx| {
            let mut seen = Vec::new();
            for machine in cx.snapshot.machines.iter() {
                for verb in machine.verbs.iter().map(|v| v.verb) {
                    match ask::for_machine(verb, machine) {
                        Some(Action::Protect { .. }) => assert_eq!(verb, Verb::EnableReplication),
                        Some(Action::Open(dialog)) => {
                            let command = asked(&dialog, cx).2.expect("a command");
                            assert_eq!(command.verb(), verb);
                        }
                        other => panic!("{verb:?} leads to {other:?}"),
                    }
                    seen.push(verb);
                }
            }
            assert!(seen.contains(&Verb::EnableReplication), "as the engine offers it");
            for server in cx.snapshot.servers.iter() {
                for verb in server.verbs.iter().map(|v| v.verb) {
                    let command = asked(&Dialog::ServerVerb { verb, server: server.agent }, cx).2;
                    assert_eq!(command.expect("a command").verb(), verb);
                }
            }
        });
    }
}
