//! Forms of the verbs under `machine`.

use super::{Filled, Form, Named};
use crate::cli::arguments::{all_of, maybe, option, words};
use crate::cli::exit::Stop;
use crate::cli::resolve;
use clap::Arg;
use leeward_model::{Command, MachineOn, Verb};

pub(super) static FORMS: &[Form] = &[
    Form {
        verb: Verb::StartMachine,
        args,
        commands: |f| each(f, |machine| Command::StartMachine { machine }),
    },
    Form {
        verb: Verb::ShutDownMachine,
        args,
        commands: |f| each(f, |machine| Command::ShutDownMachine { machine }),
    },
    Form {
        verb: Verb::PowerOffMachine,
        args,
        commands: |f| each(f, |machine| Command::PowerOffMachine { machine }),
    },
];

fn args() -> Vec<Arg> {
    vec![words("machine"), option("server")]
}

fn each(filled: &Filled<'_>, make: impl Fn(MachineOn) -> Command) -> Result<Vec<Named>, Stop> {
    let server = maybe(filled.args, "server");
    let mut commands = Vec::new();
    for word in all_of(filled.args, "machine") {
        let machine = resolve::machine(filled.snapshot, word, server, None)?;
        let subject = machine.definition.name.clone();
        commands.push(Named { subject, command: make(machine.on()) });
    }
    Ok(commands)
}
