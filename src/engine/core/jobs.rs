//! The life of a job around its steps: accepted, ended, restarted, pushed aside. Apart from `runner`, which runs
//! the steps in between.

use super::state::Job;
use super::turn::{About, Turn};
use crate::projector;
use crate::records::{
    AuditPhase, Change, Gathered, JobArgs, JobRecord, JournalEvent, Record, RecordKey, StepRecord,
};
use crate::workflows::{self, On, StepDecl};
use leeward_model::{
    AgentId, Health, ItemId, JobId, JobState, Message, Moment, Protection, ReceiptId, Recovery, Side,
    StepState, Verb,
};
use std::sync::Arc;

/// Durations remembered per step.
const DURATIONS_KEPT: usize = 16;
/// Seconds that hosts get to come back after the engine has started.
const GRACE_SECS: i64 = 10;

/// What a job begins with.
#[derive(Clone, Debug)]
pub(crate) struct Begin {
    pub(crate) verb: Verb,
    pub(crate) args: JobArgs,
    pub(crate) item: Option<ItemId>,
    pub(crate) from: Side,
    pub(crate) subject: String,
    pub(crate) by: String,
    pub(crate) receipt: ReceiptId,
}

/// The record of a job whose steps have not begun. `host` names the host of each step.
pub(crate) fn declare(id: JobId, begin: Begin, now: Moment, mut host: impl FnMut(On) -> String) -> JobRecord {
    let (subject, by): (Arc<str>, Arc<str>) = (begin.subject.into(), begin.by.into());
    let mut steps: Vec<StepRecord> = Vec::new();
    for decl in workflows::steps(begin.args.workflow()) {
        let name = host(decl.on);
        let known = steps.iter().map(|s| &s.subject).chain([&subject]).find(|s| ***s == *name);
        steps.push(step(decl, known.cloned().unwrap_or_else(|| name.into())));
    }
    JobRecord {
        id,
        verb: begin.verb,
        args: begin.args,
        item: begin.item,
        from: begin.from,
        subject,
        by,
        receipt: begin.receipt,
        started: now,
        ended: None,
        state: JobState::Running,
        cancel_asked: false,
        fault: None,
        steps,
        gathered: Gathered::default(),
    }
}

fn step(decl: &StepDecl, subject: Arc<str>) -> StepRecord {
    StepRecord {
        id: decl.id.into(),
        title: Message::new(decl.title),
        phase: decl.phase,
        subject,
        weight: decl.weight,
        state: StepState::Waiting,
        started: None,
        ended: None,
        tries: 0,
        undo_tries: 0,
        undone: false,
        next_at: None,
        note: None,
    }
}

/// Whether a job is still the one to be dealt with after one of this verb: it got stuck, or it stopped while the item
/// stands between two states, and restarting it is the only way on. Only the same again and what ends it take its place.
pub(super) fn stays(old: &JobRecord, verb: Verb, protection: Option<&Protection>) -> bool {
    let open = match old.state {
        JobState::Stuck => true,
        JobState::Failed | JobState::Cancelled => matches!(
            (old.verb, protection),
            (Verb::EnableReplication, Some(Protection::InitialReplication))
                | (Verb::ReverseReplicate, Some(Protection::Reversing))
        ),
        _ => false,
    };
    let cleans_up = verb == Verb::CleanUpTestFailover && old.verb == Verb::TestFailover;
    // A failover on the way back may be taken back: then the way back goes on.
    let ends = match verb {
        Verb::Failover => protection != Some(&Protection::Reversing),
        _ => leeward_model::availability::pushes_aside(verb),
    };
    open && verb != old.verb && !cleans_up && !ends
}

impl Turn<'_> {
    /// Accepts a job: it is written, and begins.
    pub(crate) fn begin_job(&mut self, begin: Begin) -> JobId {
        let id = JobId(self.ids.new_id());
        if let Some(item) = begin.item {
            self.push_aside(item, begin.verb);
            self.overtake(item, begin.verb);
        }
        let record = {
            let state = &*self.state;
            let item = begin.item.and_then(|i| state.items.get(&i)).map(|i| &i.record);
            let (subject, from) = (begin.subject.clone(), begin.from);
            declare(id, begin, self.now, |on| match (on, item) {
                (On::From, Some(item)) => state.server_name(item.place(from).agent).to_owned(),
                (On::To, Some(item)) => state.server_name(item.place(from.other()).agent).to_owned(),
                _ => subject.clone(),
            })
        };
        if let Some(item) = record.item.and_then(|i| self.state.items.get_mut(&i)) {
            item.jobs.push(id);
        }
        self.put(Record::Job(Box::new(record.clone())));
        self.state.views.put(projector::job::view(self.state, &record, None));
        self.touch_job(id, record.item);
        self.state.jobs.insert(id, Job { record, call: None, deadline: None });
        self.forget_oldest();
        self.advance(id);
        id
    }

    /// The last job of an item can no longer be restarted: another one comes.
    fn overtake(&mut self, item: ItemId, verb: Verb) {
        let protection = self.item(item).map(|i| &i.record.protection);
        if self.state.restartable.get(&item).is_some_and(|old| stays(old, verb, protection)) {
            return;
        }
        if let Some(old) = self.state.restartable.remove(&item) {
            let why = Message::new("refusal-job-overtaken").with("subject", &old.subject);
            self.state.views.put(projector::job::view(self.state, &old, Some(why)));
            self.state.changed.jobs.insert(old.id);
        }
    }

    /// Ends the jobs of an item that only wait, because something urgent has come.
    fn push_aside(&mut self, item: ItemId, verb: Verb) {
        if !leeward_model::availability::pushes_aside(verb) {
            return;
        }
        let jobs = self.item(item).map(|i| i.jobs.clone()).unwrap_or_default();
        for id in jobs {
            let call = self.state.jobs.get(&id).and_then(|j| j.call);
            if let Some(super::state::Pending::Step { agent, step, undo: false, .. }) =
                call.and_then(|c| self.state.calls.remove(&c))
            {
                self.cancel_op(id, step, agent);
            }
            self.end_job(id, JobState::Cancelled);
        }
    }

    /// A job is over.
    pub(super) fn end_job(&mut self, id: JobId, state: JobState) {
        self.journal(id, JournalEvent::Ended { state });
        let Some(job) = self.state.jobs.remove(&id) else { return };
        let record = job.record;
        if let Some(call) = job.call {
            self.state.calls.remove(&call);
        }
        self.put(Record::Job(Box::new(record.clone())));
        self.out.changes.push(Change::ForgetJournal(id));
        self.audit(
            &record.by,
            record.verb,
            &record.subject,
            Some(record.receipt),
            Some(id),
            AuditPhase::Ended { state },
        );
        self.tell_end(&record);
        self.learn(&record);
        self.touch_job(id, record.item);
        if let Some(item) = record.item.and_then(|i| self.state.items.get_mut(&i)) {
            item.jobs.retain(|j| *j != id);
        }
        if let Some(item) = record.item.filter(|i| self.state.items.contains_key(i)) {
            // What this one has brought about may leave no way for the one before.
            self.overtake(item, record.verb);
            if state != JobState::Succeeded && !self.state.restartable.contains_key(&item) {
                self.state.restartable.insert(item, record.clone());
            }
        }
        let restart = self.can_restart(&record);
        self.state.views.put(projector::job::view(self.state, &record, restart));
        if let Some(item) = record.item {
            self.correct_item(item);
        }
    }

    fn tell_end(&mut self, record: &JobRecord) {
        let about = About { subject: record.subject.to_string(), item: record.item, job: Some(record.id) };
        let (severity, key) = match record.state {
            JobState::Succeeded => (Health::Healthy, "event-job-succeeded"),
            JobState::Cancelled => (Health::Healthy, "event-job-cancelled"),
            JobState::Stuck => (Health::Critical, "event-job-stuck"),
            _ => (Health::Critical, "event-job-failed"),
        };
        let what = Message::new(key)
            .with("verb", record.verb.title())
            .with("what", record.fault.as_ref().map(|f| f.what.render()).unwrap_or_default());
        self.event(severity, what, about);
    }

    /// Remembers how long steps took, for the next preview.
    fn learn(&mut self, record: &JobRecord) {
        learn(&mut self.state.durations, record);
    }

    /// Why a job that is over cannot be restarted; none when it can.
    pub(crate) fn can_restart(&self, record: &JobRecord) -> Option<Message> {
        super::stand::restart_refused(self.state, record)
    }

    pub(super) fn touch_job(&mut self, id: JobId, item: Option<ItemId>) {
        self.state.changed.jobs.insert(id);
        self.state.changed.overview = true;
        if let Some(item) = item {
            self.touch_item(item);
            if let Some(record) = self.item(item).map(|i| (i.record.primary.agent, i.record.recovery.agent)) {
                self.state.changed.machines_of.insert(record.0);
                self.state.changed.machines_of.insert(record.1);
            }
        }
    }

    fn forget_oldest(&mut self) {
        while let Some(id) = self.state.views.forget_oldest() {
            self.delete(RecordKey::Job(id));
        }
    }

    /// Sends again what a host that has returned was asked, and takes further what waited for it.
    pub(super) fn resume_with(&mut self, agent: AgentId) {
        let waiting: Vec<JobId> =
            self.state.jobs.iter().filter(|(_, j)| j.call.is_none()).map(|(id, _)| *id).collect();
        for id in waiting {
            self.resend(id, agent);
        }
    }

    fn resend(&mut self, id: JobId, agent: AgentId) {
        use super::runner::{Next, next};
        use crate::workflows::Act;
        let Some(job) = self.state.jobs.get(&id) else { return };
        if job.record.state == JobState::Undoing {
            let Some(step) = self.undoing_step(id) else { return };
            let begun = job.record.steps.get(step).is_some_and(|s| s.undo_tries > 0 && s.next_at.is_none());
            let Some(workflows::Undo::By(undo)) = self.decl(id, step).map(|d| d.undo) else { return };
            if let (true, Some(Act::Call(to, request))) = (begun, self.act_of(id, step, undo.act, true, 0))
                && to == agent
            {
                self.send_step(id, step, agent, *request, true);
                self.deadline(id, 120);
            }
            return;
        }
        let Next::Under(step) = next(&job.record) else { return };
        let Some(decl) = self.decl(id, step) else { return };
        match self.act_of(id, step, decl.act, false, 0) {
            Some(Act::Call(to, request)) if to == agent => {
                self.send_step(id, step, agent, *request, false);
                self.deadline(id, decl.timeout_secs);
            }
            // What it was begun for has come about meanwhile.
            Some(Act::Skip(why)) if self.host_of(id, decl.on) == Some(agent) => {
                self.clear_deadline(id);
                self.journal(id, JournalEvent::StepSkipped { step, why });
                self.advance(id);
            }
            _ => {}
        }
    }

    /// The host a step concerns.
    fn host_of(&self, id: JobId, on: On) -> Option<AgentId> {
        let job = &self.state.jobs.get(&id)?.record;
        let item = &self.item(job.item?)?.record;
        match on {
            On::From => Some(item.place(job.from).agent),
            On::To => Some(item.place(job.from.other()).agent),
            On::Machine => None,
        }
    }

    /// A host is away: what was asked of it is asked again when it returns, unless nothing waits for that.
    pub(super) fn suspend_with(&mut self, agent: AgentId) {
        use super::state::Pending;
        use crate::workflows::{Lost, OnFail, Undo};
        let lost: Vec<_> = self
            .state
            .calls
            .iter()
            .filter(|(_, p)| p.agent() == agent)
            .map(|(c, p)| (*c, p.clone()))
            .collect();
        for (call, pending) in lost {
            self.state.calls.remove(&call);
            match pending {
                Pending::Step { job, step, undo, .. } => {
                    if self.state.jobs.get(&job).is_none_or(|j| j.call != Some(call)) {
                        continue;
                    }
                    if let Some(running) = self.state.jobs.get_mut(&job) {
                        running.call = None;
                    }
                    self.touch_job(job, None);
                    let Some(decl) = self.decl(job, step) else { continue };
                    let cancelled = self.state.jobs.get(&job).is_some_and(|j| j.record.cancel_asked);
                    match (undo, decl.undo) {
                        (true, Undo::By(undo)) if undo.lost != Lost::Wait => {
                            self.clear_deadline(job);
                            self.undone(job, step);
                            self.advance(job);
                        }
                        (true, _) => self.deadline(job, super::unwind::LOST_SECS),
                        // Its session may only have broken: it gets a moment before the step goes on without it.
                        (false, _) if decl.fail == OnFail::GoOn && !cancelled => {
                            self.deadline(job, u32::try_from(workflows::GRACE_SECS).unwrap_or(20));
                        }
                        (false, _) if cancelled => {
                            let name = self.state.server_name(agent).to_owned();
                            let fault = leeward_model::Fault::new(
                                "step-host-lost",
                                &name,
                                String::new(),
                                Recovery::NeedsPerson,
                            );
                            self.fail_step(job, step, Box::new(fault));
                            self.advance(job);
                        }
                        (false, _) => {}
                    }
                }
                Pending::Correction { item, .. } => self.correction_lost(item, agent),
                Pending::Picture { receipt, .. } => self.picture_failed(receipt, agent),
                Pending::Told { .. } | Pending::Release { .. } => {}
            }
        }
    }

    fn clear_deadline(&mut self, id: JobId) {
        if let Some(job) = self.state.jobs.get_mut(&id) {
            job.deadline = None;
        }
    }

    /// After a crash: every job goes on where its journal ends. Hosts get a moment to come back first, because
    /// what is decided while none of them is there would be decided wrongly.
    pub(super) fn resume_all(&mut self) {
        let ids: Vec<JobId> = self.state.jobs.keys().copied().collect();
        for id in ids {
            let Some(job) = self.state.jobs.get(&id) else { continue };
            let under = match super::runner::next(&job.record) {
                super::runner::Next::Under(step) if job.record.state != JobState::Undoing => Some(step),
                _ => None,
            };
            match under {
                Some(step) => {
                    let secs = self.decl(id, step).map_or(0, |d| d.timeout_secs);
                    self.deadline(id, secs);
                }
                None => {
                    self.deadline(id, if self.undo_begun(id) { super::unwind::LOST_SECS } else { 0 });
                    self.alarm(self.now.plus_secs(GRACE_SECS), super::alarms::Alarm::Job(id));
                }
            }
        }
    }

    /// An undo was under way: it is asked again when its host is there, and not begun a second time.
    fn undo_begun(&self, id: JobId) -> bool {
        let Some(job) = self.state.jobs.get(&id) else { return false };
        job.record.state == JobState::Undoing
            && self
                .undoing_step(id)
                .and_then(|s| job.record.steps.get(s))
                .is_some_and(|s| s.undo_tries > 0 && s.next_at.is_none())
    }
}

/// Takes the durations of a job that went well.
pub(crate) fn learn(
    durations: &mut std::collections::BTreeMap<(Verb, Arc<str>), std::collections::VecDeque<f32>>,
    record: &JobRecord,
) {
    for step in record.steps.iter().filter(|s| s.state == StepState::Done) {
        let (Some(began), Some(ended)) = (step.started, step.ended) else { continue };
        #[expect(clippy::cast_precision_loss, reason = "seconds of a step")]
        let secs = ended.millis_since(began).max(0) as f32 / 1000.0;
        let known = durations.entry((record.verb, step.id.clone())).or_default();
        known.push_back(secs);
        if known.len() > DURATIONS_KEPT {
            known.pop_front();
        }
    }
}
