//! Takes jobs back, step by step from the last. Apart from `runner`, which goes forward: here the only failure
//! that counts is one that leaves the world in a state nobody knows, and it is said so.

use super::alarms::Alarm;
use super::runner::to_undo;
use super::turn::Turn;
use crate::records::{JobArgs, JournalEvent};
use crate::workflows::{Act, Draft, Lost, Undo, UndoDecl};
use leeward_model::{FailoverKind, Fault, Health, JobId, JobState, Message, Protection, Recovery, retry};

/// How often an undo is tried before a person must look.
const UNDO_TRIES: u32 = 5;
/// Seconds an undo may take.
const UNDO_SECS: u32 = 120;
/// Seconds an undo waits for a host that is away before a person must look.
pub(super) const LOST_SECS: u32 = 900;

impl Turn<'_> {
    /// Takes a job back as far as it goes without waiting.
    pub(super) fn unwind(&mut self, id: JobId) {
        for _ in 0..64 {
            let Some(job) = self.state.jobs.get(&id) else { return };
            if job.record.state != JobState::Undoing || job.call.is_some() {
                return;
            }
            let Some(step) = self.undoing_step(id) else {
                let state = if job.record.cancel_asked { JobState::Cancelled } else { JobState::Failed };
                return self.end_job(id, state);
            };
            if let Some(at) =
                job.record.steps.get(step).and_then(|s| s.next_at).filter(|at| !self.is_due(*at))
            {
                return self.alarm(at, Alarm::Job(id));
            }
            // A wait for a host that is away has been begun: only its return or the deadline ends it.
            if job.deadline.is_some_and(|at| at > self.now) {
                return;
            }
            if self.undo_step(id, step) {
                return;
            }
        }
    }

    /// The step that is taken back next.
    pub(super) fn undoing_step(&self, id: JobId) -> Option<usize> {
        let job = &self.state.jobs.get(&id)?.record;
        (0..job.steps.len()).rev().find(|step| to_undo(job, *step))
    }

    /// Takes one step back. Whether the job now waits for something.
    fn undo_step(&mut self, id: JobId, step: usize) -> bool {
        let Some(undo) = self.undo_decl(id, step) else { return true };
        match self.act_of(id, step, undo.act, true, 1) {
            Some(Act::Own | Act::Skip(_)) => {
                self.undone(id, step);
                false
            }
            Some(Act::Call(agent, request)) if self.state.connected(agent) => {
                self.journal(id, JournalEvent::StepUndoBegan { step });
                self.send_step(id, step, agent, *request, true);
                self.deadline(id, UNDO_SECS);
                true
            }
            Some(Act::Call(..)) => {
                if undo.lost != Lost::Wait {
                    self.undone(id, step);
                    return false;
                }
                self.journal(id, JournalEvent::StepUndoBegan { step });
                self.deadline(id, LOST_SECS);
                true
            }
            Some(Act::Wait) => {
                self.alarm(self.now.plus_secs(1), Alarm::Job(id));
                true
            }
            Some(Act::Fail(fault)) => {
                self.stuck(id, step, fault);
                true
            }
            None => true,
        }
    }

    /// A step is taken back.
    pub(super) fn undone(&mut self, id: JobId, step: usize) {
        let (Some(undo), Some(decl)) = (self.undo_decl(id, step), self.decl(id, step)) else { return };
        let drafted = self.with_scene(id, decl.id, 0, true, |scene| {
            let mut draft = Draft::of(scene.item);
            (undo.accept)(scene, &mut draft).map(|()| draft)
        });
        match drafted {
            Some(Ok(draft)) => {
                self.apply_draft(id, draft);
                self.journal(id, JournalEvent::StepUndone { step });
            }
            Some(Err(fault)) => self.stuck(id, step, fault),
            None => {}
        }
    }

    /// Taking a step back has failed: it is tried again, or a person must look.
    pub(super) fn undo_failed(&mut self, id: JobId, step: usize, fault: Box<Fault>) {
        let tries =
            self.state.jobs.get(&id).and_then(|j| j.record.steps.get(step)).map_or(0, |s| s.undo_tries);
        if fault.recovery == Recovery::Retries && tries < UNDO_TRIES {
            let next_at = self.now.plus_secs(retry::STEP.after(tries));
            self.journal(id, JournalEvent::StepUndoRetries { step, next_at, fault });
            return self.alarm(next_at, Alarm::Job(id));
        }
        self.stuck(id, step, fault);
    }

    fn stuck(&mut self, id: JobId, step: usize, fault: Box<Fault>) {
        let why = Message::new("stuck-undo").with("what", fault.what.render());
        self.journal(id, JournalEvent::StepStuck { step, fault });
        let record = self.item_of(id);
        if let Some(record) = record
            && let Ok(protection) = record.protection.clone().lost_track(record.id, why)
        {
            let mut record = record;
            record.protection = protection;
            record.protection_since = self.now;
            self.put_item(record);
        }
        self.end_job(id, JobState::Stuck);
    }

    /// A person restarts a job.
    pub(super) fn restart(&mut self, id: JobId, by: &str) {
        let stuck = self.state.jobs.get(&id).is_some_and(|j| j.record.state == JobState::Stuck);
        self.journal(id, JournalEvent::Restarted { by: by.to_owned() });
        let kind = match self.state.jobs.get(&id).map(|j| &j.record.args) {
            Some(JobArgs::PlannedFailover) => Some(FailoverKind::Planned),
            Some(JobArgs::Failover { .. }) => Some(FailoverKind::Unplanned),
            _ => None,
        };
        if let (true, Some(kind), Some(mut record)) = (stuck, kind, self.item_of(id)) {
            let to = record.active.other();
            if let Ok(protection @ Protection::FailingOver { .. }) =
                record.protection.clone().taken_up(record.id, kind, to)
            {
                record.protection = protection;
                record.protection_since = self.now;
                self.put_item(record);
            }
        }
        let about = self.about(id);
        self.event(Health::Healthy, Message::new("event-job-restarted").with("by", by), about);
        self.advance(id);
    }

    fn item_of(&self, id: JobId) -> Option<crate::records::ItemRecord> {
        let item = self.state.jobs.get(&id)?.record.item?;
        self.item(item).map(|i| i.record.clone())
    }

    /// Whether an undo may be let be while its host is away.
    pub(super) fn made_up(&self, id: JobId, step: usize) -> bool {
        self.undo_decl(id, step).is_some_and(|u| u.lost != Lost::Wait)
    }

    fn undo_decl(&self, id: JobId, step: usize) -> Option<UndoDecl> {
        match self.decl(id, step)?.undo {
            Undo::By(undo) => Some(undo),
            Undo::NotNeeded(_) => None,
        }
    }
}
