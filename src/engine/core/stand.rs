//! The plain facts that availability is decided on, read from the state. The engine's own refusals, the buttons of
//! the window and the preview all come through here.

use super::runner;
use super::state::{Item, State};
use crate::records::{ItemRecord, JobRecord};
use leeward_link::messages::Activity;
use leeward_model::availability::{
    HostStand, ItemStand, JobStand, MachineStand, RunningJob, Stand, Standing, Tie, availability,
};
use leeward_model::{
    AgentId, ItemId, JobState, MachineId, Message, Moment, PowerState, Protection, Refusal, Verb,
};

impl State {
    /// What decides about the verbs of an item.
    pub(crate) fn item_stand<'a>(&'a self, item: &'a Item) -> ItemStand<'a> {
        let record = &item.record;
        ItemStand {
            name: &record.machine.name,
            protection: &record.protection,
            active: record.active,
            replication: self.standing(item),
            test: record.tests.first().map(|t| t.state),
            tests: record.tests.len(),
            job: self.running_job(item),
            stuck: self
                .restartable
                .get(&record.id)
                .filter(|job| job.state == JobState::Stuck)
                .map(|job| job.verb),
            source: self.host_stand(record.place(record.active).agent),
            target: self.host_stand(record.place(record.active.other()).agent),
            points: self.points(item).len(),
            power: self.power(record, record.active),
        }
    }

    pub(crate) fn host_stand(&self, agent: AgentId) -> HostStand<'_> {
        HostStand { name: self.server_name(agent), connected: self.connected(agent) }
    }

    /// The job that decides: one that does not give way before one that does.
    fn running_job(&self, item: &Item) -> Option<RunningJob> {
        let mut jobs: Vec<RunningJob> = item
            .jobs
            .iter()
            .filter_map(|id| self.jobs.get(id))
            .map(|job| RunningJob { verb: job.record.verb, gives_way: runner::gives_way(&job.record) })
            .collect();
        jobs.sort_by_key(|j| j.gives_way);
        jobs.first().copied()
    }

    /// How replication does, from what the sending host says.
    pub(crate) fn standing(&self, item: &Item) -> Standing {
        let record = &item.record;
        if !record.protection.replicates() {
            return Standing::Idle;
        }
        if record.paused {
            return Standing::Paused;
        }
        let source = record.place(record.active).agent;
        match self.held(source, record.id).map(|h| &h.facts.activity) {
            None
            | Some(
                Activity::Idle
                | Activity::Waiting
                | Activity::Cycle
                | Activity::Scheduled { .. }
                | Activity::Initial(_),
            ) => Standing::Active,
            Some(Activity::Resync(_)) => Standing::Resynchronizing,
            Some(Activity::Paused) => Standing::Paused,
            Some(Activity::Retrying { .. }) => Standing::Retrying,
            Some(Activity::ResyncRequired { .. }) => Standing::ResyncRequired,
            Some(Activity::Stopped) => Standing::Stopped,
        }
    }

    /// What decides about the verbs of a machine on a host.
    pub(crate) fn machine_stand(&self, agent: AgentId, machine: MachineId) -> Option<MachineStand<'_>> {
        let server = self.servers.get(&agent)?;
        let facts = server.machines.get(&machine)?;
        Some(MachineStand {
            name: &facts.definition.name,
            host: self.host_stand(agent),
            power: if server.connected { facts.power } else { PowerState::Unknown },
            tie: self.tie(agent, machine),
            runs_at: self.runs_elsewhere(agent, machine),
            not_protectable: facts.not_protectable.as_ref(),
        })
    }

    /// The host on which another copy of this machine runs, as far as it was last heard.
    fn runs_elsewhere(&self, agent: AgentId, machine: MachineId) -> Option<&str> {
        let mut others = self.servers.values().filter(|s| s.record.agent != agent);
        let runs = |p: PowerState| matches!(p, PowerState::Running | PowerState::Paused);
        others
            .find(|s| s.machines.get(&machine).is_some_and(|m| runs(m.power)))
            .map(|s| s.record.name.as_str())
    }

    fn tie(&self, agent: AgentId, machine: MachineId) -> Tie {
        let Some(item) = self.protected.get(&machine).and_then(|id| self.items.get(id)) else {
            return Tie::Free;
        };
        let moving = matches!(item.record.protection, Protection::FailingOver { .. })
            || self.running_job(item).is_some_and(|j| !j.gives_way);
        if moving {
            return Tie::Moving;
        }
        match item.record.side_of(agent) {
            Some(side) if side == item.record.active => Tie::Active,
            // A machine of the same identity on a host that is no part of the item is a copy somebody made.
            Some(_) | None => match item.record.protection {
                Protection::FailedOver { .. } | Protection::Committed { .. } => Tie::Left,
                _ => Tie::Replica,
            },
        }
    }

    pub(crate) fn refused_item(&self, verb: Verb, id: ItemId) -> Result<&Item, Refusal> {
        let Some(item) = self.items.get(&id) else {
            return Err(Refusal { why: Message::new("refusal-no-such-item"), helps: None });
        };
        availability(verb, &Stand::Item(&self.item_stand(item)))?;
        Ok(item)
    }

    /// Seconds by which the target lags, now.
    ///
    /// The source's clock decides: an agent says its own instant with each fact, so that the lag when it spoke is
    /// free of any difference between clocks; the time since then is the engine's own.
    pub(crate) fn lag_secs(&self, record: &ItemRecord, now: Moment) -> Option<u64> {
        if !matches!(
            record.protection,
            Protection::Protected | Protection::ProtectedReversed | Protection::Reversing
        ) {
            return None;
        }
        let source = self.held(record.place(record.active).agent, record.id);
        let target = self.held(record.place(record.active.other()).agent, record.id);
        let newest = target.and_then(|t| t.points.first()).map(|p| p.instant);
        let lag_ms = match source {
            Some(source) => {
                let synced = source.facts.synced_to.max(newest)?;
                let then = source.facts.at.millis_since(synced).max(0);
                then.saturating_add(now.millis_since(source.received).max(0))
            }
            None => now.millis_since(newest?).max(0),
        };
        u64::try_from(lag_ms / 1000).ok()
    }
}

/// What decides about the verbs of a job.
pub(crate) fn job_stand<'a>(state: &State, job: &'a JobRecord) -> JobStand<'a> {
    let last = job.item.and_then(|item| state.restartable.get(&item)).is_some_and(|last| last.id == job.id);
    let busy =
        job.item.and_then(|i| state.items.get(&i)).is_some_and(|i| i.jobs.iter().any(|j| *j != job.id));
    JobStand {
        subject: &job.subject,
        state: job.state,
        cancel_asked: job.cancel_asked,
        past_return: runner::past_return(job),
        overtaken: !last || busy,
        subject_exists: job.item.is_some_and(|i| state.items.contains_key(&i)),
    }
}

/// Why a job cannot be cancelled; none when it can.
pub(crate) fn cancel_refused(state: &State, job: &JobRecord) -> Option<Message> {
    availability(Verb::CancelJob, &Stand::Job(&job_stand(state, job))).err().map(|r| r.why)
}

/// Why a job cannot be restarted; none when it can.
pub(crate) fn restart_refused(state: &State, job: &JobRecord) -> Option<Message> {
    restart_refusal(state, job).err().map(|r| r.why)
}

pub(crate) fn restart_refusal(state: &State, job: &JobRecord) -> Result<(), Refusal> {
    availability(Verb::RestartJob, &Stand::Job(&job_stand(state, job)))?;
    // What was taken back begins anew, and must be possible now; what stopped or got stuck goes on.
    let anew = job.state != JobState::Stuck && job.steps.iter().any(|s| s.undone);
    match job.item {
        Some(item) if anew => state.refused_item(job.verb, item).map(|_| ()),
        _ => Ok(()),
    }
}
