//! Forms of the verbs under `job`.

use super::{Filled, Form, Named, one};
use crate::cli::arguments::{of, word};
use crate::cli::exit::Stop;
use crate::cli::resolve;
use leeward_model::{Command, JobId, Verb};

pub(super) static FORMS: &[Form] = &[
    Form {
        verb: Verb::CancelJob,
        args: || vec![word("job")],
        commands: |f| named(f, |job| Command::CancelJob { job }),
    },
    Form {
        verb: Verb::RestartJob,
        args: || vec![word("job")],
        commands: |f| named(f, |job| Command::RestartJob { job }),
    },
];

fn named(filled: &Filled<'_>, make: impl Fn(JobId) -> Command) -> Result<Vec<Named>, Stop> {
    let job = resolve::job(filled.snapshot, of(filled.args, "job"))?;
    one(format!("{} {}", job.verb.title(), job.subject), make(job.id))
}
