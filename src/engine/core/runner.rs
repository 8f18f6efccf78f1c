//! Runs jobs: begins steps, takes answers in, retries, gives up, takes back. The journal is written before each
//! action; what an answer changes is written together with the entry that says so. Apart from `workflows`, which
//! declares what the steps are.
//!
//! ```text
//! Running ──all steps done──► Succeeded
//!    │ step failed or cancel
//!    ├─ fail = Stop ─► Failed (restart goes on from there)
//!    └─ else ─► Undoing ──all taken back──► Failed | Cancelled (restart begins anew)
//!                  └─ could not be taken back ─► Stuck (restart takes back further)
//! ```

use super::alarms::Alarm;
use super::state::{Job, Pending};
use super::turn::{About, Turn};
use crate::records::{JobRecord, JournalEvent, ServerRecord};
use crate::workflows::{self, Act, Draft, OnFail, Scene, StepDecl, Undo};
use leeward_link::messages::{Activity, Op, Reply, Request, Response};
use leeward_model::{AgentId, Fault, Health, JobId, JobState, Message, Moment, Recovery, StepState, retry};

/// Seconds an agent has to stop working on a step that was cancelled.
const CANCEL_SECS: i64 = 30;

/// Seconds after which a step that waits for a host is looked at again.
const WAIT_SECS: i64 = 1;

/// Where a job is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// This step is to be begun.
    Begin(usize),
    /// This step is under way.
    Under(usize),
    /// This step waits until it is tried again.
    Waits(usize, Moment),
    /// All steps are done.
    Finished,
}

impl Turn<'_> {
    /// Takes a job as far as it goes without waiting.
    pub(super) fn advance(&mut self, id: JobId) {
        // Each round ends a step or returns; the bound only guards against a declaration that would turn for ever.
        for _ in 0..64 {
            let Some(job) = self.state.jobs.get(&id) else { return };
            if job.record.state == JobState::Undoing {
                return self.unwind(id);
            }
            if job.record.cancel_asked && job.call.is_none() && !past_return(&job.record) {
                // All is done and none of it can be taken back: it was too late.
                let late = next(&job.record) == Next::Finished && self.undoing_step(id).is_none();
                return if late { self.end_job(id, JobState::Succeeded) } else { self.give_up(id, None) };
            }
            match next(&job.record) {
                Next::Begin(step) => {
                    if self.begin_step(id, step) {
                        return;
                    }
                }
                Next::Waits(step, at) if self.is_due(at) => {
                    if self.begin_step(id, step) {
                        return;
                    }
                }
                Next::Waits(_, at) => return self.alarm(at, Alarm::Job(id)),
                Next::Under(_) => return,
                Next::Finished => return self.end_job(id, JobState::Succeeded),
            }
        }
    }

    /// Whether a wait is over. One that is longer than any is of a clock that has been set back since.
    pub(super) fn is_due(&self, at: Moment) -> bool {
        at <= self.now || at.secs_since(self.now) > retry::STEP.then_secs
    }

    /// Begins a step. Whether the job now waits for something.
    fn begin_step(&mut self, id: JobId, step: usize) -> bool {
        let Some(decl) = self.decl(id, step) else {
            let fault = internal(self.subject(id));
            self.journal(id, JournalEvent::StepFailed { step, fault });
            self.end_job(id, JobState::Stuck);
            return true;
        };
        let left_out = self.state.jobs.get(&id).and_then(|j| (decl.left_out)(&j.record.args));
        let act = match left_out {
            Some(why) => Act::Skip(why),
            None => self.act_of(id, step, decl.act, false, 1).unwrap_or(Act::Own),
        };
        match act {
            Act::Skip(why) => {
                self.journal(id, JournalEvent::StepSkipped { step, why });
                false
            }
            Act::Own => {
                self.take_response(id, step, &Response::Done);
                false
            }
            Act::Wait => {
                self.alarm(self.now.plus_secs(WAIT_SECS), Alarm::Job(id));
                true
            }
            Act::Fail(fault) if fault.recovery == Recovery::Retries => {
                self.journal(id, JournalEvent::StepBegan { step });
                self.step_failed(id, step, fault);
                false
            }
            Act::Fail(fault) => {
                self.fail_step(id, step, fault);
                false
            }
            Act::Call(agent, request) => {
                self.journal(id, JournalEvent::StepBegan { step });
                self.send_step(id, step, agent, *request, false);
                self.deadline(id, decl.timeout_secs);
                true
            }
        }
    }

    /// Sends a step's request, if its host is there; otherwise it is sent when the host returns.
    pub(super) fn send_step(
        &mut self,
        job: JobId,
        step: usize,
        agent: AgentId,
        request: Request,
        undo: bool,
    ) {
        let call =
            self.state.connected(agent).then(|| self.call(Pending::Step { agent, job, step, undo }, request));
        if let Some(running) = self.state.jobs.get_mut(&job) {
            running.call = call;
        }
        self.state.changed.jobs.insert(job);
    }

    pub(super) fn deadline(&mut self, id: JobId, secs: u32) {
        let at = (secs > 0).then(|| self.now.plus_secs(i64::from(secs)));
        if let Some(job) = self.state.jobs.get_mut(&id) {
            job.deadline = at;
        }
        if let Some(at) = at {
            self.alarm(at, Alarm::Job(id));
        }
    }

    /// An agent has answered a step or its undo.
    pub(super) fn step_answered(&mut self, id: JobId, step: usize, undo: bool, reply: Reply) {
        let Some(job) = self.state.jobs.get_mut(&id) else { return };
        job.call = None;
        job.deadline = None;
        if undo {
            match reply {
                Ok(_) => self.undone(id, step),
                Err(fault) => self.undo_failed(id, step, Box::new(fault)),
            }
            return self.advance(id);
        }
        if next(&job.record) != Next::Under(step) {
            return;
        }
        match reply {
            Ok(response) => self.take_response(id, step, &response),
            Err(fault) => self.step_failed(id, step, Box::new(fault)),
        }
        self.advance(id);
    }

    /// What a step's answer changes, as a whole, with the journal's entry; or the step has failed.
    fn take_response(&mut self, id: JobId, step: usize, response: &Response) {
        let Some(decl) = self.decl(id, step) else { return };
        let drafted = self.with_scene(id, decl.id, 0, false, |scene| {
            let mut draft = Draft::of(scene.item);
            (decl.accept)(scene, &mut draft, response).map(|()| draft)
        });
        match drafted {
            Some(Ok(mut draft)) => {
                let proof = draft.proof.take().map(Box::new);
                let note = draft.note.take();
                self.apply_draft(id, draft);
                self.journal(id, JournalEvent::StepDone { step, proof, note });
            }
            Some(Err(fault)) => self.fail_step(id, step, fault),
            None => {}
        }
    }

    /// A step has failed: it is tried again, or for good.
    fn step_failed(&mut self, id: JobId, step: usize, fault: Box<Fault>) {
        let (Some(decl), Some(job)) = (self.decl(id, step), self.state.jobs.get(&id)) else { return };
        let tries = job.record.steps.get(step).map_or(0, |s| s.tries);
        if fault.recovery == Recovery::Retries && tries < decl.tries && !job.record.cancel_asked {
            let next_at = self.now.plus_secs(retry::STEP.after(tries));
            self.journal(id, JournalEvent::StepRetries { step, next_at, fault });
            return self.alarm(next_at, Alarm::Job(id));
        }
        self.fail_step(id, step, fault);
    }

    /// A step has failed for good.
    pub(super) fn fail_step(&mut self, id: JobId, step: usize, fault: Box<Fault>) {
        let (Some(decl), Some(job)) = (self.decl(id, step), self.state.jobs.get_mut(&id)) else { return };
        job.call = None;
        job.deadline = None;
        let cancelled = job.record.cancel_asked && !past_return(&job.record);
        if cancelled {
            return self.give_up(id, None);
        }
        if decl.fail == OnFail::GoOn {
            let why = Message::new("skip-failed").with("what", fault.what.render());
            let about = self.about(id);
            self.event(
                Health::Warning,
                Message::new("event-step-skipped").with("what", fault.what.render()),
                about,
            );
            self.journal(id, JournalEvent::StepSkipped { step, why });
            return;
        }
        let draft = self.with_scene(id, decl.id, 0, false, |scene| {
            let mut draft = Draft::of(scene.item);
            (decl.failed)(scene, &mut draft);
            draft
        });
        if let Some(draft) = draft {
            self.apply_draft(id, draft);
        }
        self.journal(id, JournalEvent::StepFailed { step, fault: fault.clone() });
        match decl.fail {
            OnFail::Stop => self.end_job(id, JobState::Failed),
            OnFail::Undo | OnFail::GoOn => self.give_up(id, Some(fault)),
        }
    }

    /// The job is taken back.
    pub(super) fn give_up(&mut self, id: JobId, fault: Option<Box<Fault>>) {
        if let Some(job) = self.state.jobs.get_mut(&id) {
            job.call = None;
            job.deadline = None;
        }
        self.journal(id, JournalEvent::UndoBegins { fault });
        self.unwind(id);
    }

    /// Somebody wants the job cancelled.
    pub(super) fn cancel(&mut self, id: JobId, by: &str) {
        self.journal(id, JournalEvent::CancelAsked { by: by.to_owned() });
        let Some(job) = self.state.jobs.get(&id) else { return };
        let pending = job.call.and_then(|c| self.state.calls.get(&c)).cloned();
        let (Some(Pending::Step { agent, step, undo: false, .. }), Next::Under(_)) =
            (pending, next(&job.record))
        else {
            // Between steps, in a wait, or with a host that is away: nothing would answer.
            return self.advance(id);
        };
        self.cancel_op(id, step, agent);
        self.deadline(id, u32::try_from(CANCEL_SECS).unwrap_or(30));
    }

    /// Asks an agent to stop working on a step.
    pub(super) fn cancel_op(&mut self, id: JobId, step: usize, agent: AgentId) {
        let Some(found) = self.state.jobs.get(&id).and_then(|j| j.record.steps.get(step)) else { return };
        let op = Op { job: id, step: found.id.to_string(), attempt: found.tries };
        if self.state.connected(agent) {
            self.call(Pending::Told { agent }, Request::CancelOp { op });
        }
    }

    /// A deadline or a wait may be over.
    pub(super) fn job_alarm(&mut self, id: JobId) {
        let Some(job) = self.state.jobs.get(&id) else { return };
        if job.deadline.is_some_and(|at| at <= self.now) {
            return self.timed_out(id);
        }
        self.advance(id);
    }

    fn timed_out(&mut self, id: JobId) {
        let Some(job) = self.state.jobs.get(&id) else { return };
        let (call, undoing) = (job.call, job.record.state == JobState::Undoing);
        let under = next(&job.record);
        let code = if call.is_some() { "step-timed-out" } else { "step-host-lost" };
        let fault = Box::new(Fault::new(code, &job.record.subject, String::new(), Recovery::NeedsPerson));
        if let Some(pending) = call.and_then(|c| self.state.calls.remove(&c))
            && let Pending::Step { agent, step, undo: false, .. } = pending
        {
            self.cancel_op(id, step, agent);
        }
        if let Some(job) = self.state.jobs.get_mut(&id) {
            job.call = None;
            job.deadline = None;
        }
        match (undoing, under) {
            (true, _) => {
                if let Some(step) = self.undoing_step(id) {
                    if call.is_none() && self.made_up(id, step) {
                        self.undone(id, step);
                    } else {
                        self.undo_failed(id, step, fault);
                    }
                }
                self.advance(id);
            }
            (false, Next::Under(step)) => {
                self.fail_step(id, step, fault);
                self.advance(id);
            }
            (false, _) => self.advance(id),
        }
    }

    /// Applies what a step decided to the item and its surroundings.
    pub(super) fn apply_draft(&mut self, id: JobId, mut draft: Draft) {
        let about = self.about(id);
        for (severity, what) in std::mem::take(&mut draft.events) {
            self.event(severity, what, about.clone());
        }
        if let Some(activity) = draft.sends.take() {
            self.heard_sending(id, activity);
        }
        for (agent, release) in std::mem::take(&mut draft.releases) {
            self.owe_release(agent, release);
        }
        if let Some(mut record) = draft.item {
            if draft.reassign {
                record.revision += 1;
            }
            if draft.item_gone {
                let about = About { job: Some(id), ..about };
                self.drop_item(record.id);
                self.event(Health::Healthy, Message::new("event-item-gone"), about);
            } else if self.item(record.id).is_some_and(|i| i.record != record) {
                self.put_item(record);
            }
        }
    }

    /// An answer says what the sending host does, before its next fact does.
    fn heard_sending(&mut self, id: JobId, activity: Activity) {
        let Some(job) = self.state.jobs.get(&id) else { return };
        let (from, item) = (job.record.from, job.record.item);
        let Some(agent) = item.and_then(|i| self.item(i)).map(|i| i.record.place(from).agent) else { return };
        let held = self.state.servers.get_mut(&agent).zip(item).and_then(|(s, i)| s.items.get_mut(&i));
        if let Some(held) = held {
            held.facts.activity = activity;
        }
    }

    /// A host that is away is told when it returns.
    fn owe_release(&mut self, agent: AgentId, release: crate::records::Release) {
        let Some(server) = self.state.servers.get_mut(&agent) else { return };
        server.record.releases.retain(|r| r.item != release.item);
        server.record.releases.push(release);
        let record: ServerRecord = server.record.clone();
        self.put(crate::records::Record::Server(record));
    }

    /// What a declared act wants, seen from the present.
    pub(super) fn act_of(
        &self,
        id: JobId,
        step: usize,
        act: fn(&Scene<'_>) -> Act,
        undo: bool,
        more_tries: u32,
    ) -> Option<Act> {
        let found = self.state.jobs.get(&id)?.record.steps.get(step)?;
        let tries = if undo { found.undo_tries } else { found.tries } + more_tries;
        let name = self.decl(id, step)?.id;
        self.with_scene(id, name, tries, undo, act)
    }

    pub(super) fn with_scene<T>(
        &self,
        id: JobId,
        step: &str,
        tries: u32,
        undo: bool,
        see: impl FnOnce(&Scene<'_>) -> T,
    ) -> Option<T> {
        let job: &Job = self.state.jobs.get(&id)?;
        let item = job.record.item.and_then(|i| self.state.items.get(&i)).map(|i| &i.record);
        Some(see(&Scene { state: self.state, job: &job.record, item, step, tries, undo, now: self.now }))
    }

    /// The declaration of a step. A job of an older version whose steps are not these any more has none.
    pub(super) fn decl(&self, id: JobId, step: usize) -> Option<&'static StepDecl> {
        decl_of(&self.state.jobs.get(&id)?.record, step)
    }

    pub(super) fn subject(&self, id: JobId) -> &str {
        self.state.jobs.get(&id).map_or("?", |j| &*j.record.subject)
    }

    pub(super) fn about(&self, id: JobId) -> About {
        let Some(job) = self.state.jobs.get(&id) else { return About::default() };
        About { subject: job.record.subject.to_string(), item: job.record.item, job: Some(id) }
    }
}

pub(crate) fn decl_of(job: &JobRecord, step: usize) -> Option<&'static StepDecl> {
    let decl = workflows::steps(job.args.workflow()).get(step)?;
    job.steps.get(step).filter(|s| *s.id == *decl.id)?;
    Some(decl)
}

/// Where a job that is not being taken back is.
pub(super) fn next(job: &JobRecord) -> Next {
    for (index, step) in job.steps.iter().enumerate() {
        match &step.state {
            StepState::Waiting => return Next::Begin(index),
            StepState::Running => return Next::Under(index),
            StepState::Retrying { next_at, .. } => return Next::Waits(index, *next_at),
            _ => {}
        }
    }
    Next::Finished
}

/// Whether a step is done after which the job cannot be taken back.
pub(crate) fn past_return(job: &JobRecord) -> bool {
    job.steps
        .iter()
        .enumerate()
        .any(|(i, s)| s.state == StepState::Done && decl_of(job, i).is_some_and(|d| d.no_return))
}

/// Whether a job only waits for something long at present.
pub(crate) fn gives_way(job: &JobRecord) -> bool {
    if job.state == JobState::Undoing {
        return false;
    }
    match next(job) {
        Next::Begin(i) | Next::Under(i) | Next::Waits(i, _) => decl_of(job, i).is_some_and(|d| d.gives_way),
        Next::Finished => false,
    }
}

/// Whether a step has left something that is to be taken back.
pub(super) fn to_undo(job: &JobRecord, step: usize) -> bool {
    let Some(found) = job.steps.get(step) else { return false };
    // Tries count on through restarts; only what this run has begun is there to be taken back.
    let by = decl_of(job, step).is_some_and(|d| matches!(d.undo, Undo::By(_)));
    found.started.is_some() && !found.undone && by
}

pub(super) fn internal(subject: &str) -> Box<Fault> {
    Box::new(Fault::new("step-not-known", subject, String::new(), Recovery::NeedsPerson))
}
