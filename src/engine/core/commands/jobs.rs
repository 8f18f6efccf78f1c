//! Cancelling and restarting jobs. Apart from `items`, because the subject is the work, not the machine.

use super::{State, Turn, allowed, refuse};
use crate::core::stand::{job_stand, restart_refusal};
use crate::core::state::Job;
use leeward_model::availability::Stand;
use leeward_model::{JobId, JobState, Message, Refusal, Verb};

pub(super) fn check_cancel(state: &State, job: JobId) -> Result<(), Refusal> {
    let Some(running) = state.jobs.get(&job) else {
        let key = if state.views.get(job).is_some() { "refusal-job-over" } else { "refusal-no-such-job" };
        return Err(refuse(Message::new(key)));
    };
    allowed(Verb::CancelJob, &Stand::Job(&job_stand(state, &running.record)))
}

pub(super) fn check_restart(state: &State, job: JobId) -> Result<(), Refusal> {
    if state.jobs.contains_key(&job) {
        return Err(refuse(Message::new("refusal-job-runs")));
    }
    if let Some(record) = state.restartable.values().find(|r| r.id == job) {
        return restart_refusal(state, record);
    }
    let why = match state.views.get(job) {
        None => Message::new("refusal-no-such-job"),
        Some(view) if view.state == JobState::Succeeded => Message::new("refusal-job-succeeded"),
        Some(view) if view.item.is_none_or(|i| !state.items.contains_key(&i)) => {
            Message::new("refusal-job-subject-gone").with("subject", &view.subject)
        }
        Some(view) => Message::new("refusal-job-overtaken").with("subject", &view.subject),
    };
    Err(refuse(why))
}

impl Turn<'_> {
    /// Takes a job that is over up again.
    pub(super) fn restart_finished(&mut self, id: JobId, by: &str) {
        let found = self.state.restartable.iter().find(|(_, r)| r.id == id).map(|(item, _)| *item);
        let Some((item, record)) = found.and_then(|item| Some((item, self.state.restartable.remove(&item)?)))
        else {
            return;
        };
        self.state.jobs.insert(id, Job { record, call: None, deadline: None });
        if let Some(found) = self.state.items.get_mut(&item) {
            found.jobs.push(id);
        }
        self.touch_job(id, Some(item));
        self.restart(id, by);
    }
}
