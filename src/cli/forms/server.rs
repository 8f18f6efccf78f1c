//! Forms of the verbs under `server`.

use super::{Filled, Form, Named, one};
use crate::cli::arguments::{needed, of, option, word};
use crate::cli::exit::Stop;
use crate::cli::resolve;
use leeward_model::{Command, Verb};

pub(super) static FORMS: &[Form] = &[
    Form {
        verb: Verb::MakeRegistrationKey,
        args: || vec![needed("site"), option("out")],
        commands: make_key,
    },
    Form { verb: Verb::RevokeRegistrationKey, args: || vec![word("key")], commands: revoke_key },
    Form { verb: Verb::RemoveServer, args: || vec![word("server")], commands: remove },
];

fn make_key(filled: &Filled<'_>) -> Result<Vec<Named>, Stop> {
    let site = of(filled.args, "site").to_owned();
    one(site.clone(), Command::MakeRegistrationKey { site })
}

fn revoke_key(filled: &Filled<'_>) -> Result<Vec<Named>, Stop> {
    let key = resolve::key(filled.snapshot, of(filled.args, "key"))?;
    one(key.site.clone(), Command::RevokeRegistrationKey { key: key.id })
}

fn remove(filled: &Filled<'_>) -> Result<Vec<Named>, Stop> {
    let server = resolve::server(filled.snapshot, of(filled.args, "server"))?;
    one(server.name.clone(), Command::RemoveServer { agent: server.agent })
}
