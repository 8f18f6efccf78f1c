//! Whether a verb may be used now. One function decides for the window's buttons, the command line and the engine
//! itself, and the refusal it gives is the same sentence in all of them. Apart from `protection`, which says what
//! can be at all: here stands what is wise and possible at this moment.
//!
//! | file | whose verbs |
//! |---|---|
//! | `item` | of a replicated item |
//! | `machine` | of a machine on a host, and of the host |
//! | `job` | of a job |

mod item;
mod job;
mod machine;

pub use item::{HostStand, ItemStand, RunningJob, Standing, goes_beside, pushes_aside};
pub use job::JobStand;
pub use machine::{MachineStand, Tie};

use crate::command::Refusal;
use crate::snapshot::KeyState;
use crate::text::Message;
use crate::verb::{Scope, Verb};

/// What is asked about, with the plain facts that decide.
#[derive(Clone, Debug)]
pub enum Stand<'a> {
    /// The vault itself.
    Vault,
    /// A registration key.
    Key {
        /// What has become of it.
        state: &'a KeyState,
    },
    /// A host.
    Server {
        /// Its name.
        name: &'a str,
        /// Items it is a source or a target of.
        items: usize,
    },
    /// A machine on a host.
    Machine(&'a MachineStand<'a>),
    /// A policy.
    Policy {
        /// Its name.
        name: &'a str,
        /// Items that use it.
        items: usize,
    },
    /// A replicated item.
    Item(&'a ItemStand<'a>),
    /// A job.
    Job(&'a JobStand<'a>),
}

/// Whether `verb` may be used now on what `stand` describes.
///
/// # Errors
/// The refusal, in the words that are shown everywhere.
pub fn availability(verb: Verb, stand: &Stand<'_>) -> Result<(), Refusal> {
    match (verb.decl().scope, stand) {
        (Scope::App, _) => Ok(()),
        (Scope::Vault, Stand::Key { state }) => key(verb, state),
        (Scope::Vault, Stand::Machine(machine)) => machine::enable(verb, machine),
        (Scope::Vault, _) => Ok(()),
        (Scope::Server, Stand::Server { name, items }) => server(name, *items),
        (Scope::Policy, Stand::Policy { name, items }) => policy(verb, name, *items),
        (Scope::Machine, Stand::Machine(machine)) => machine::power(verb, machine),
        (Scope::Item, Stand::Item(item)) => item::availability(verb, item),
        (Scope::Job, Stand::Job(job)) => job::availability(verb, job),
        _ => Err(refusal(Message::new("refusal-wrong-kind"))),
    }
}

fn key(verb: Verb, state: &KeyState) -> Result<(), Refusal> {
    if verb != Verb::RevokeRegistrationKey {
        return Ok(());
    }
    match state {
        KeyState::Ready => Ok(()),
        KeyState::Used { host, .. } => {
            Err(refusal(Message::new("refusal-key-used").with("host", host)).helped_by(Verb::RemoveServer))
        }
        KeyState::Expired => Err(refusal(Message::new("refusal-key-expired-already"))),
        KeyState::Revoked => Err(refusal(Message::new("refusal-key-revoked-already"))),
    }
}

fn server(name: &str, items: usize) -> Result<(), Refusal> {
    if items == 0 {
        return Ok(());
    }
    Err(refusal(Message::new("refusal-server-in-use").with("server", name).with("items", items))
        .helped_by(Verb::DisableReplication))
}

fn policy(verb: Verb, name: &str, items: usize) -> Result<(), Refusal> {
    if verb == Verb::DeletePolicy && items > 0 {
        return Err(refusal(Message::new("refusal-policy-in-use").with("policy", name).with("items", items))
            .helped_by(Verb::AssociatePolicy));
    }
    Ok(())
}

fn refusal(why: Message) -> Refusal {
    Refusal { why, helps: None }
}

impl Refusal {
    /// The same refusal with the verb that would help.
    #[must_use]
    pub fn helped_by(mut self, verb: Verb) -> Self {
        self.helps = Some(verb);
        self
    }
}
