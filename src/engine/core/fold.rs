//! How the journal makes a job what it is. The running engine and the one that reads the journal after a crash use
//! this same function, so that a job is the same before and after. No other code sets the state of a job or step.

use crate::records::{Gathered, JobRecord, JournalEntry, JournalEvent, StepRecord};
use leeward_model::{JobState, Moment, StepState};

/// Takes one entry in. An entry about a step that is not there changes nothing.
pub(crate) fn fold(job: &mut JobRecord, entry: &JournalEntry) {
    let at = entry.at;
    match &entry.event {
        JournalEvent::StepBegan { step } => {
            job.state = JobState::Running;
            on(job, *step, |s| {
                s.started.get_or_insert(at);
                s.tries += 1;
                s.next_at = None;
                s.state = StepState::Running;
            });
        }
        JournalEvent::StepRetries { step, next_at, .. } => on(job, *step, |s| {
            s.next_at = Some(*next_at);
            s.state = StepState::Retrying { attempts: s.tries, next_at: *next_at };
        }),
        JournalEvent::StepDone { step, proof, note } => {
            job.state = JobState::Running;
            on(job, *step, |s| {
                s.started.get_or_insert(at);
                s.note.clone_from(note);
                end(s, at, StepState::Done);
            });
            if let Some(proof) = proof {
                job.gathered.take((**proof).clone());
            }
        }
        JournalEvent::StepSkipped { step, why } => {
            job.state = JobState::Running;
            on(job, *step, |s| end(s, at, StepState::Skipped { why: Box::new(why.clone()) }));
        }
        JournalEvent::StepFailed { step, fault } => {
            on(job, *step, |s| end(s, at, StepState::Failed));
            job.fault = Some((**fault).clone());
        }
        JournalEvent::CancelAsked { .. } => job.cancel_asked = true,
        JournalEvent::Restarted { .. } => restart(job),
        JournalEvent::Ended { state } => ended(job, at, *state),
        JournalEvent::UndoBegins { .. }
        | JournalEvent::StepUndoBegan { .. }
        | JournalEvent::StepUndoRetries { .. }
        | JournalEvent::StepUndone { .. }
        | JournalEvent::StepStuck { .. } => fold_undo(job, entry),
    }
}

fn fold_undo(job: &mut JobRecord, entry: &JournalEntry) {
    let at = entry.at;
    match &entry.event {
        JournalEvent::UndoBegins { fault } => {
            job.state = JobState::Undoing;
            if let Some(fault) = fault {
                job.fault.get_or_insert_with(|| (**fault).clone());
            }
            for step in &mut job.steps {
                let given_up = matches!(
                    step.state,
                    StepState::Waiting | StepState::Running | StepState::Retrying { .. }
                );
                if given_up {
                    step.next_at = None;
                    step.state = StepState::Cancelled;
                }
            }
        }
        JournalEvent::StepUndoBegan { step } => {
            job.state = JobState::Undoing;
            on(job, *step, |s| {
                s.undo_tries += 1;
                s.next_at = None;
                if s.state != StepState::Failed {
                    s.state = StepState::Undoing;
                }
            });
        }
        JournalEvent::StepUndoRetries { step, next_at, .. } => {
            on(job, *step, |s| s.next_at = Some(*next_at));
        }
        JournalEvent::StepUndone { step } => {
            job.state = JobState::Undoing;
            on(job, *step, |s| {
                s.undone = true;
                s.next_at = None;
                if s.state != StepState::Failed {
                    end(s, at, StepState::Undone);
                }
            });
        }
        JournalEvent::StepStuck { step, fault } => {
            on(job, *step, |s| end(s, at, StepState::Stuck));
            job.fault = Some((**fault).clone());
        }
        _ => {}
    }
}

fn ended(job: &mut JobRecord, at: Moment, state: JobState) {
    job.state = state;
    job.ended = Some(at);
    for step in &mut job.steps {
        if matches!(step.state, StepState::Waiting | StepState::Running | StepState::Retrying { .. }) {
            step.next_at = None;
            step.state = StepState::Cancelled;
        }
    }
}

/// What got stuck is taken back further; what was taken back begins anew; what stopped goes on.
fn restart(job: &mut JobRecord) {
    let stuck = job.state == JobState::Stuck;
    let taken_back = job.steps.iter().any(|s| s.undone);
    job.ended = None;
    job.fault = None;
    if stuck {
        job.state = JobState::Undoing;
        for step in job.steps.iter_mut().filter(|s| s.state == StepState::Stuck) {
            step.state = StepState::Undoing;
            step.ended = None;
        }
        return;
    }
    job.state = JobState::Running;
    job.cancel_asked = false;
    if taken_back {
        job.gathered = Gathered::default();
    }
    for step in &mut job.steps {
        let stays = matches!(step.state, StepState::Done | StepState::Skipped { .. });
        if taken_back || !stays {
            step.state = StepState::Waiting;
            step.started = None;
            step.ended = None;
            step.next_at = None;
            step.note = None;
            step.undone = false;
        }
    }
}

fn end(step: &mut StepRecord, at: Moment, state: StepState) {
    step.ended = Some(at);
    step.next_at = None;
    step.state = state;
}

fn on(job: &mut JobRecord, step: usize, change: impl FnOnce(&mut StepRecord)) {
    if let Some(step) = job.steps.get_mut(step) {
        change(step);
    }
}
