//! A job as it is shown: the declaration it was accepted with and the journal folded over it. Nothing else sets
//! what a person reads about a job.

use crate::core::runner::decl_of;
use crate::core::stand::cancel_refused;
use crate::core::state::State;
use crate::records::{JobRecord, StepRecord};
use leeward_model::{JobState, JobView, Message, Progress, StepState, StepView};

/// The view of a job. `restart` is why one that is over cannot be restarted; none when it can.
pub(crate) fn view(state: &State, job: &JobRecord, restart: Option<Message>) -> JobView {
    let waits = waits_for(state, job);
    let copying = copying(state, job);
    let steps: Vec<StepView> = job
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| step_view(step, index, waits.as_ref(), copying))
        .collect();
    let share = share(job, copying);
    let over = job.state.is_over();
    let shown = match job.state {
        JobState::Running if waits.is_some() => JobState::Waiting,
        other => other,
    };
    JobView {
        id: job.id,
        verb: job.verb,
        item: job.item,
        subject: job.subject.clone(),
        by: job.by.clone(),
        state: shown,
        started: job.started,
        ended: job.ended,
        steps,
        fault: job.fault.clone().map(Box::new),
        share,
        cancel: if over { Some(Message::new("refusal-job-over")) } else { cancel_refused(state, job) },
        restart: if over { restart } else { Some(Message::new("refusal-job-runs")) },
    }
}

fn step_view(
    step: &StepRecord,
    index: usize,
    waits: Option<&(usize, Message)>,
    copying: Option<(usize, Progress)>,
) -> StepView {
    let waiting = waits.filter(|(at, _)| *at == index).map(|(_, why)| why.clone());
    let taken_back =
        (step.undone && step.state == StepState::Failed).then(|| Message::new("note-taken-back"));
    StepView {
        id: step.id.clone(),
        title: step.title.clone(),
        phase: step.phase,
        subject: step.subject.clone(),
        state: step.state.clone(),
        started: step.started,
        ended: step.ended,
        progress: copying.filter(|(at, _)| *at == index).map(|(_, progress)| Box::new(progress)),
        note: waiting.or(taken_back).or_else(|| step.note.clone()).map(Box::new),
    }
}

/// The step that waits for a host that is not connected, and the sentence that says so.
fn waits_for(state: &State, job: &JobRecord) -> Option<(usize, Message)> {
    let running = state.jobs.get(&job.id)?;
    if running.call.is_some() || job.state.is_over() {
        return None;
    }
    let index = job.steps.iter().rposition(|s| {
        matches!(s.state, StepState::Running | StepState::Undoing)
            || (s.state == StepState::Failed && s.undo_tries > 0 && !s.undone)
    })?;
    let step = job.steps.get(index)?;
    Some((index, Message::new("note-waits-for-host").with("host", &*step.subject)))
}

/// The step that copies or compares, and how far it is.
fn copying(state: &State, job: &JobRecord) -> Option<(usize, Progress)> {
    let index = job.steps.iter().position(|s| s.state == StepState::Running)?;
    let decl = decl_of(job, index)?;
    if !decl.gives_way || !matches!(decl.id, "copy" | "compare") {
        return None;
    }
    let item = state.items.get(&job.item?)?;
    let source = state.held(item.record.place(item.record.active).agent, item.record.id)?;
    Some((index, super::item::progress(source)?))
}

#[expect(clippy::cast_precision_loss, reason = "weights are small")]
fn share(job: &JobRecord, copying: Option<(usize, Progress)>) -> f32 {
    if job.state == JobState::Succeeded {
        return 1.0;
    }
    let total: u32 = job.steps.iter().map(|s| s.weight).sum();
    let mut done = 0.0;
    for (index, step) in job.steps.iter().enumerate() {
        match step.state {
            StepState::Done | StepState::Skipped { .. } => done += step.weight as f32,
            StepState::Running => {
                if let Some((_, progress)) = copying.filter(|(at, _)| *at == index) {
                    done += step.weight as f32 * progress.share();
                }
            }
            _ => {}
        }
    }
    (done / total.max(1) as f32).clamp(0.0, 1.0)
}
