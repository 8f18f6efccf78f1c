//! Receipts that were seen, so that a command sent again after a broken connection or a restart of the engine is
//! not a second command. Apart from `outcomes`, which keeps answers until they are fetched.

use crate::records::{AuditEntry, AuditPhase, Record};
use leeward_model::{Accepted, CommandOutcome, JobId, ReceiptId, Verb};
use std::collections::{HashMap, HashSet, VecDeque};

/// Receipts remembered.
const KEPT: usize = 16_384;

/// How many of the newest audit entries a restarted engine looks at.
pub(super) const AUDIT_LOOKED_AT: u64 = 2_000;

/// The receipts that were seen.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    seen: HashSet<ReceiptId>,
    order: VecDeque<ReceiptId>,
    /// What became of commands that an earlier run of the engine accepted, as far as it is written.
    before: HashMap<ReceiptId, CommandOutcome>,
}

/// Whether a command has been given before.
#[derive(Debug)]
pub(super) enum Seen {
    /// It is new.
    First,
    /// It was given to this engine: its answer is on its way, or has been fetched.
    Again,
    /// It was accepted by an earlier run of the engine.
    Before(CommandOutcome),
}

impl Receipts {
    /// What earlier runs accepted: from the jobs they began and the newest of the audit log.
    pub(super) fn from_before(records: &[Record], audit: &[AuditEntry]) -> Self {
        let mut jobs: HashMap<ReceiptId, Vec<JobId>> = HashMap::new();
        for record in records {
            if let Record::Job(job) = record {
                jobs.entry(job.receipt).or_default().push(job.id);
            }
        }
        let mut before = HashMap::new();
        for entry in audit {
            // A key's file is not written down anywhere: asked for again, another one is made.
            let given_once = entry.verb == Verb::MakeRegistrationKey.decl().id;
            if let (Some(receipt), AuditPhase::Begun { .. }, false) =
                (entry.receipt, &entry.phase, given_once)
            {
                let accepted = jobs.get(&receipt).map_or(Accepted::Done, |jobs| Accepted::Jobs(jobs.clone()));
                before.insert(receipt, CommandOutcome::Accepted(accepted));
            }
        }
        Self { before, ..Self::default() }
    }

    /// Takes note of a receipt.
    pub(super) fn note(&mut self, receipt: ReceiptId) -> Seen {
        if let Some(outcome) = self.before.get(&receipt) {
            return Seen::Before(outcome.clone());
        }
        if !self.seen.insert(receipt) {
            return Seen::Again;
        }
        self.order.push_back(receipt);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        Seen::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_model::Moment;
    use uuid::Uuid;

    #[test]
    fn a_command_counts_once_in_a_run_and_across_runs() {
        let (old, new) = (ReceiptId(Uuid::from_u128(1)), ReceiptId(Uuid::from_u128(2)));
        let entry = AuditEntry {
            at: Moment(1),
            by: "anna".to_owned(),
            verb: "create-policy".to_owned(),
            target: "gold".to_owned(),
            receipt: Some(old),
            job: None,
            phase: AuditPhase::Begun { arguments: String::new() },
        };
        let mut receipts = Receipts::from_before(&[], &[entry]);
        assert!(matches!(receipts.note(old), Seen::Before(CommandOutcome::Accepted(Accepted::Done))));
        assert!(matches!(receipts.note(new), Seen::First));
        assert!(matches!(receipts.note(new), Seen::Again));
    }
}
