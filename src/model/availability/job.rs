//! The verbs of a job: cancel and restart. Apart from `item`, because a job is judged by how far it has come.

use super::refusal;
use crate::command::Refusal;
use crate::job::JobState;
use crate::text::Message;
use crate::verb::Verb;

/// Everything the verbs of a job depend on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JobStand<'a> {
    /// The item's or machine's name.
    pub subject: &'a str,
    /// Where it stands.
    pub state: JobState,
    /// A person has asked to cancel it.
    pub cancel_asked: bool,
    /// A step is done that is not taken back, for example the machine has started at the other side.
    pub past_return: bool,
    /// Another job works on the same item, or has worked on it since.
    pub overtaken: bool,
    /// What it worked on is still there.
    pub subject_exists: bool,
}

/// Whether a verb may be used now on a job.
pub(super) fn availability(verb: Verb, job: &JobStand<'_>) -> Result<(), Refusal> {
    match verb {
        Verb::CancelJob => cancel(job),
        Verb::RestartJob => restart(job),
        _ => Err(refusal(Message::new("refusal-wrong-kind"))),
    }
}

fn cancel(job: &JobStand<'_>) -> Result<(), Refusal> {
    if job.state.is_over() {
        return Err(refusal(Message::new("refusal-job-over")));
    }
    if job.state == JobState::Undoing {
        return Err(refusal(Message::new("refusal-job-undoing")));
    }
    if job.cancel_asked {
        return Err(refusal(Message::new("refusal-job-cancelling")));
    }
    if job.past_return {
        return Err(refusal(Message::new("refusal-job-past-return").with("subject", job.subject)));
    }
    Ok(())
}

fn restart(job: &JobStand<'_>) -> Result<(), Refusal> {
    match job.state {
        JobState::Failed | JobState::Cancelled | JobState::Stuck => {}
        JobState::Succeeded => return Err(refusal(Message::new("refusal-job-succeeded"))),
        JobState::Waiting | JobState::Running | JobState::Undoing => {
            return Err(refusal(Message::new("refusal-job-runs")));
        }
    }
    if !job.subject_exists {
        return Err(refusal(Message::new("refusal-job-subject-gone").with("subject", job.subject)));
    }
    if job.overtaken {
        return Err(refusal(Message::new("refusal-job-overtaken").with("subject", job.subject)));
    }
    Ok(())
}
