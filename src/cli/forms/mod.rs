//! One form per verb: which arguments its command takes, and the model commands they make. Every verb that
//! declares a CLI path has exactly one form here; a test holds that. Grouped by the noun of the path.

mod item;
mod job;
mod machine;
mod policy;
mod server;

use super::exit::Stop;
use clap::{Arg, ArgMatches};
use leeward_model::{Command, Moment, Snapshot, Verb};

/// What a form has to work with.
#[derive(Debug)]
pub(crate) struct Filled<'a> {
    /// The arguments.
    pub(crate) args: &'a ArgMatches,
    /// The vault as it is.
    pub(crate) snapshot: &'a Snapshot,
    /// Now.
    pub(crate) now: Moment,
}

/// One command with the name of what it acts on, for questions and lines of progress.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    /// What it acts on, as a person calls it.
    pub(crate) subject: String,
    /// The command.
    pub(crate) command: Command,
}

/// The form of a verb.
pub(crate) struct Form {
    /// The verb.
    pub(crate) verb: Verb,
    /// Its arguments.
    pub(crate) args: fn() -> Vec<Arg>,
    /// The commands they make: one per subject.
    pub(crate) commands: fn(&Filled<'_>) -> Result<Vec<Named>, Stop>,
}

/// All forms.
pub(crate) fn all() -> impl Iterator<Item = &'static Form> {
    [server::FORMS, policy::FORMS, machine::FORMS, item::FORMS, job::FORMS].into_iter().flatten()
}

/// The form of a verb.
pub(crate) fn of(verb: Verb) -> Option<&'static Form> {
    all().find(|f| f.verb == verb)
}

fn one(subject: impl Into<String>, command: Command) -> Result<Vec<Named>, Stop> {
    Ok(vec![Named { subject: subject.into(), command }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_with_a_cli_path_has_exactly_one_form() {
        for verb in Verb::all() {
            let forms = all().filter(|f| f.verb == verb).count();
            assert_eq!(forms, usize::from(!verb.decl().cli.is_empty()), "{verb:?}");
        }
    }
}
