//! Forms of the verbs under `item`. Most take any number of items, as the window's list does.

use super::{Filled, Form, Named, one};
use crate::cli::arguments::{
    all_of, flag, maybe, needed, network, network_of, of, option, point, start_at, start_of, words,
};
use crate::cli::exit::Stop;
use crate::cli::resolve;
use leeward_model::{Command, ItemId, ItemView, Verb};

pub(super) static FORMS: &[Form] = &[
    Form {
        verb: Verb::AssociatePolicy,
        args: || vec![words("item"), needed("policy")],
        commands: set_policy,
    },
    Form {
        verb: Verb::EnableReplication,
        args: || vec![words("machine"), needed("target"), needed("policy"), option("server"), start_at()],
        commands: enable,
    },
    Form {
        verb: Verb::DisableReplication,
        args: || vec![words("item"), flag("keep-replica")],
        commands: |f| {
            let delete_replica = !f.args.get_flag("keep-replica");
            each(f, |item| Ok(Command::DisableReplication { item: item.id, delete_replica }))
        },
    },
    plain(Verb::PauseReplication, |f| each_id(f, |item| Command::PauseReplication { item })),
    plain(Verb::ResumeReplication, |f| each_id(f, |item| Command::ResumeReplication { item })),
    plain(Verb::SyncNow, |f| each_id(f, |item| Command::SyncNow { item })),
    Form {
        verb: Verb::Resynchronize,
        args: || vec![words("item"), option("disks"), start_at()],
        commands: resynchronize,
    },
    Form {
        verb: Verb::VerifyPoint,
        args: || vec![words("item"), point()],
        commands: |f| {
            each(f, |item| {
                let point = resolve::exact_point(item, of(f.args, "point"))?;
                Ok(Command::VerifyPoint { item: item.id, point })
            })
        },
    },
    Form {
        verb: Verb::TestFailover,
        args: || vec![words("item"), point(), network()],
        commands: |f| {
            each(f, |item| {
                let point = resolve::point(item, of(f.args, "point"))?;
                Ok(Command::TestFailover { item: item.id, point, network: network_of(f.args) })
            })
        },
    },
    Form {
        verb: Verb::CleanUpTestFailover,
        args: || vec![words("item"), option("test"), option("notes")],
        commands: clean_up,
    },
    plain(Verb::PlannedFailover, |f| each_id(f, |item| Command::PlannedFailover { item })),
    Form {
        verb: Verb::Failover,
        args: || vec![words("item"), point(), flag("shut-down-source")],
        commands: |f| {
            let shut_down_source = f.args.get_flag("shut-down-source");
            each(f, |item| {
                let point = resolve::point(item, of(f.args, "point"))?;
                Ok(Command::Failover { item: item.id, point, shut_down_source })
            })
        },
    },
    Form {
        verb: Verb::ChangeRecoveryPoint,
        args: || vec![words("item"), needed("point")],
        commands: |f| {
            each(f, |item| {
                let point = resolve::exact_point(item, of(f.args, "point"))?;
                Ok(Command::ChangeRecoveryPoint { item: item.id, point })
            })
        },
    },
    plain(Verb::Commit, |f| each_id(f, |item| Command::Commit { item })),
    plain(Verb::ReverseReplicate, |f| each_id(f, |item| Command::ReverseReplicate { item })),
    plain(Verb::DiscardSource, |f| each_id(f, |item| Command::DiscardSource { item })),
    Form {
        verb: Verb::ConsolePicture,
        args: || vec![super::super::arguments::word("item"), option("test"), needed("out")],
        commands: |f| {
            let item = resolve::item(f.snapshot, of(f.args, "item"))?;
            // Without a name the open test is meant; without an open test the machine itself.
            let test = match (maybe(f.args, "test"), item.tests.is_empty()) {
                (None, true) => None,
                (word, _) => Some(resolve::test(item, word)?),
            };
            one(item.name.clone(), Command::ConsolePicture { item: item.id, test })
        },
    },
];

const fn plain(verb: Verb, commands: fn(&Filled<'_>) -> Result<Vec<Named>, Stop>) -> Form {
    Form { verb, args: || vec![words("item")], commands }
}

fn each_id(filled: &Filled<'_>, make: impl Fn(ItemId) -> Command) -> Result<Vec<Named>, Stop> {
    each(filled, |item| Ok(make(item.id)))
}

fn each(filled: &Filled<'_>, make: impl Fn(&ItemView) -> Result<Command, Stop>) -> Result<Vec<Named>, Stop> {
    let mut commands = Vec::new();
    for word in all_of(filled.args, "item") {
        let item = resolve::item(filled.snapshot, word)?;
        commands.push(Named { subject: item.name.clone(), command: make(item)? });
    }
    Ok(commands)
}

fn set_policy(filled: &Filled<'_>) -> Result<Vec<Named>, Stop> {
    let policy = resolve::policy(filled.snapshot, of(filled.args, "policy"))?.policy.id;
    let (mut items, mut names) = (Vec::new(), Vec::new());
    for word in all_of(filled.args, "item") {
        let item = resolve::item(filled.snapshot, word)?;
        items.push(item.id);
        names.push(item.name.clone());
    }
    one(names.join(", "), Command::AssociatePolicy { items, policy })
}

fn enable(filled: &Filled<'_>) -> Result<Vec<Named>, Stop> {
    let target = resolve::server(filled.snapshot, of(filled.args, "target"))?.agent;
    let policy = resolve::policy(filled.snapshot, of(filled.args, "policy"))?.policy.id;
    let start = start_of(filled.args, filled.now)?;
    let (mut machines, mut names) = (Vec::new(), Vec::new());
    for word in all_of(filled.args, "machine") {
        let server = maybe(filled.args, "server");
        let machine = resolve::machine(filled.snapshot, word, server, Some(target))?;
        machines.push(machine.on());
        names.push(machine.definition.name.clone());
    }
    one(names.join(", "), Command::EnableReplication { machines, target, policy, start })
}

fn resynchronize(filled: &Filled<'_>) -> Result<Vec<Named>, Stop> {
    let start = start_of(filled.args, filled.now)?;
    let wanted: Vec<&str> = maybe(filled.args, "disks").map(|d| d.split(',').collect()).unwrap_or_default();
    each(filled, |item| {
        let mut disks = Vec::new();
        for word in &wanted {
            let disk = item.disks.iter().find(|d| d.name == *word || d.id.to_string() == *word);
            let known = || item.disks.iter().map(|d| d.name.clone());
            disks.push(disk.map(|d| d.id).ok_or_else(|| resolve::unknown("cli-noun-disk", word, known()))?);
        }
        Ok(Command::Resynchronize { item: item.id, disks, start })
    })
}

fn clean_up(filled: &Filled<'_>) -> Result<Vec<Named>, Stop> {
    let notes = maybe(filled.args, "notes").unwrap_or_default().to_owned();
    each(filled, |item| {
        let test = resolve::test(item, maybe(filled.args, "test"))?;
        Ok(Command::CleanUpTestFailover { item: item.id, test, notes: notes.clone() })
    })
}
