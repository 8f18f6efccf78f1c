//! What people ask for: considered first (also for the preview, which changes nothing), then written down, then
//! done. A refusal is audited like everything else.
//!
//! | file | of what |
//! |---|---|
//! | `vault` | keys, servers, policies |
//! | `policy` | what a policy may say |
//! | `items` | machines and replicated items |
//! | `jobs` | jobs |

pub(crate) mod items;
mod jobs;
mod policy;
mod vault;

pub(crate) use vault::key_state;

use super::state::State;
use super::turn::Turn;
use crate::records::AuditPhase;
use leeward_model::availability::{Stand, availability};
use leeward_model::{Accepted, Command, CommandOutcome, JobId, Message, Moment, ReceiptId, Refusal, Verb};

/// Whether a command may be carried out now.
pub(crate) fn consider(state: &State, command: &Command, now: Moment) -> Result<(), Refusal> {
    match command {
        Command::MakeRegistrationKey { site } => vault::check_site(site),
        Command::RevokeRegistrationKey { key } => vault::check_revoke(state, *key, now),
        Command::RemoveServer { agent } => vault::check_remove(state, *agent),
        Command::CreatePolicy { policy } => policy::check(state, policy, false),
        Command::EditPolicy { policy } => policy::check(state, policy, true),
        Command::DeletePolicy { policy } => vault::check_delete_policy(state, *policy),
        Command::AssociatePolicy { items, policy } => items::check_associate(state, items, *policy),
        Command::StartMachine { machine }
        | Command::ShutDownMachine { machine }
        | Command::PowerOffMachine { machine } => items::check_power(state, command.verb(), *machine),
        Command::EnableReplication { machines, target, policy, start } => {
            items::check_enable(state, machines, *target, *policy)?;
            items::check_start(*start, now)
        }
        Command::CancelJob { job } => jobs::check_cancel(state, *job),
        Command::RestartJob { job } => jobs::check_restart(state, *job),
        _ => items::check_item(state, command, now),
    }
}

impl Turn<'_> {
    /// Somebody asks for something.
    pub(super) fn command(&mut self, receipt: ReceiptId, by: &str, command: Command) {
        let target = target(self.state, &command);
        let verb = command.verb();
        if let Err(refusal) = consider(self.state, &command, self.now) {
            let phase = AuditPhase::Refused { why: refusal.why.clone() };
            self.audit(by, verb, &target, Some(receipt), None, phase);
            return self.answer(receipt, CommandOutcome::Refused(refusal));
        }
        // A picture changes nothing and is asked for every few seconds: it would only drown the rest.
        if verb != Verb::ConsolePicture {
            let arguments = serde_json::to_string(&command).unwrap_or_default();
            self.audit(by, verb, &target, Some(receipt), None, AuditPhase::Begun { arguments });
        }
        let accepted = self.accept(receipt, by, command);
        if let Some(accepted) = accepted {
            self.answer(receipt, CommandOutcome::Accepted(accepted));
        }
    }

    /// Carries an allowed command out. None when the answer comes later.
    fn accept(&mut self, receipt: ReceiptId, by: &str, command: Command) -> Option<Accepted> {
        match command {
            Command::MakeRegistrationKey { site } => {
                self.make_key(receipt, by, &site);
                None
            }
            Command::RevokeRegistrationKey { key } => Some(self.revoke_key(key)),
            Command::RemoveServer { agent } => {
                self.remove_server(agent);
                Some(Accepted::Done)
            }
            Command::CreatePolicy { policy } | Command::EditPolicy { policy } => {
                Some(self.keep_policy(policy))
            }
            Command::DeletePolicy { policy } => Some(self.delete_policy(policy)),
            Command::AssociatePolicy { items, policy } => Some(self.associate(&items, policy)),
            Command::EnableReplication { machines, target, policy, start } => {
                Some(self.enable(receipt, by, items::Enabling { machines, target, policy, start }))
            }
            Command::ConsolePicture { item, test } => {
                self.console_picture(receipt, item, test);
                None
            }
            Command::CancelJob { job } => {
                self.cancel(job, by);
                Some(Accepted::Jobs(vec![job]))
            }
            Command::RestartJob { job } => {
                self.restart_finished(job, by);
                Some(Accepted::Jobs(vec![job]))
            }
            other => {
                let jobs: Vec<JobId> = self.begin_for(receipt, by, &other).into_iter().collect();
                Some(Accepted::Jobs(jobs))
            }
        }
    }
}

/// What a command is about, as a person knows it.
fn target(state: &State, command: &Command) -> String {
    let item = |id: &leeward_model::ItemId| {
        state.items.get(id).map_or_else(|| id.to_string(), |i| i.record.machine.name.clone())
    };
    let machine = |on: &leeward_model::MachineOn| {
        let host = state.server_name(on.agent);
        items::machine_name(state, *on)
            .map_or_else(|| on.machine.to_string(), |name| format!("{name} ({host})"))
    };
    let policy = |id: &leeward_model::PolicyId| {
        state.policies.get(id).map_or_else(|| id.to_string(), |p| p.name.clone())
    };
    match command {
        Command::MakeRegistrationKey { site } => site.clone(),
        Command::RevokeRegistrationKey { key } => key.to_string(),
        Command::RemoveServer { agent } => state.server_name(*agent).to_owned(),
        Command::CreatePolicy { policy } | Command::EditPolicy { policy } => policy.name.clone(),
        Command::DeletePolicy { policy: id } => policy(id),
        Command::AssociatePolicy { items, .. } => items.iter().map(item).collect::<Vec<_>>().join(", "),
        Command::StartMachine { machine: on }
        | Command::ShutDownMachine { machine: on }
        | Command::PowerOffMachine { machine: on } => machine(on),
        Command::EnableReplication { machines, .. } => {
            machines.iter().map(machine).collect::<Vec<_>>().join(", ")
        }
        Command::CancelJob { job } | Command::RestartJob { job } => {
            state.views.get(*job).map_or_else(|| job.to_string(), |v| v.subject.to_string())
        }
        Command::DisableReplication { item: id, .. }
        | Command::PauseReplication { item: id }
        | Command::ResumeReplication { item: id }
        | Command::SyncNow { item: id }
        | Command::Resynchronize { item: id, .. }
        | Command::VerifyPoint { item: id, .. }
        | Command::TestFailover { item: id, .. }
        | Command::CleanUpTestFailover { item: id, .. }
        | Command::PlannedFailover { item: id }
        | Command::Failover { item: id, .. }
        | Command::ChangeRecoveryPoint { item: id, .. }
        | Command::Commit { item: id }
        | Command::ReverseReplicate { item: id }
        | Command::DiscardSource { item: id }
        | Command::ConsolePicture { item: id, .. } => item(id),
    }
}

pub(super) fn allowed(verb: Verb, stand: &Stand<'_>) -> Result<(), Refusal> {
    availability(verb, stand)
}

pub(super) fn refuse(why: Message) -> Refusal {
    Refusal { why, helps: None }
}
