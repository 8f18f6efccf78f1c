//! The verbs of a replicated item: the table of state and verb, written as rules. Apart from its neighbours because
//! here a wrong "yes" can stop a production machine.

use super::refusal;
use crate::command::Refusal;
use crate::protection::{FailoverKind, Protection, SourceFence};
use crate::side::Side;
use crate::snapshot::{PowerState, TestState};
use crate::text::Message;
use crate::verb::Verb;

/// A host as far as it decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostStand<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its agent is connected.
    pub connected: bool,
}

/// How replication does, as far as it decides.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, strum::EnumIter)]
pub enum Standing {
    /// Nothing to replicate.
    Idle,
    /// Cycles run.
    Active,
    /// Paused by a person.
    Paused,
    /// Cycles fail in a way that passes.
    Retrying,
    /// The replica must be compared again.
    ResyncRequired,
    /// It is being compared.
    Resynchronizing,
    /// A person must act.
    Stopped,
}

/// Test failovers of one item that may be open at once, on different points: each is a running machine at the host
/// that keeps the replica.
const TESTS_MAX: usize = 4;

/// The job that works on an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunningJob {
    /// The verb that began it.
    pub verb: Verb,
    /// It only waits for something long (a copy, a comparison) and may be pushed aside by what is urgent.
    pub gives_way: bool,
}

/// Everything the verbs of an item depend on.
#[derive(Clone, Debug)]
pub struct ItemStand<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where protection stands.
    pub protection: &'a Protection,
    /// Where it runs.
    pub active: Side,
    /// How replication does.
    pub replication: Standing,
    /// The first of its open test failovers.
    pub test: Option<TestState>,
    /// How many are open.
    pub tests: usize,
    /// The job that works on it.
    pub job: Option<RunningJob>,
    /// The verb whose job could be neither finished nor taken back, and has not been dealt with.
    pub stuck: Option<Verb>,
    /// The host it runs on.
    pub source: HostStand<'a>,
    /// The other host: it keeps the replica, or the disks that were left.
    pub target: HostStand<'a>,
    /// How many recovery points there are to choose from.
    pub points: usize,
    /// Whether the machine runs.
    pub power: PowerState,
}

/// Whether a verb may be used now on an item.
pub(super) fn availability(verb: Verb, item: &ItemStand<'_>) -> Result<(), Refusal> {
    not_busy(verb, item)?;
    not_stuck(verb, item)?;
    match verb {
        Verb::AssociatePolicy => not_leaving(item),
        Verb::DisableReplication => disable(item),
        Verb::PauseReplication => pause(item),
        Verb::ResumeReplication => resume(item),
        Verb::SyncNow => sync_now(item),
        Verb::Resynchronize => resynchronize(item),
        Verb::VerifyPoint => protected(item).and_then(|()| some_point(item)).and_then(|()| here(item.target)),
        Verb::TestFailover => test_failover(item),
        Verb::CleanUpTestFailover => clean_up(item),
        Verb::PlannedFailover => planned(item),
        Verb::Failover => unplanned(item),
        Verb::ChangeRecoveryPoint => change_point(item),
        Verb::Commit => commit(item),
        Verb::ReverseReplicate => reverse(item),
        Verb::DiscardSource => discard_source(item),
        Verb::ConsolePicture => picture(item),
        _ => Err(refusal(Message::new("refusal-wrong-kind"))),
    }
}

/// One job at a time. What only reads or tells goes beside a job that gives way; what is urgent pushes it aside.
fn not_busy(verb: Verb, item: &ItemStand<'_>) -> Result<(), Refusal> {
    let Some(job) = item.job else { return Ok(()) };
    if verb == Verb::ConsolePicture || (job.gives_way && (goes_beside(verb) || pushes_aside(verb))) {
        return Ok(());
    }
    let why = Message::new("refusal-job-running").with("item", item.name).with("verb", job.verb.title());
    Err(refusal(why).helped_by(Verb::CancelJob))
}

/// After a job that got stuck it is not known what holds at the hosts: only what deals with that may follow, and
/// what cannot wait.
fn not_stuck(verb: Verb, item: &ItemStand<'_>) -> Result<(), Refusal> {
    let Some(stuck) = item.stuck else { return Ok(()) };
    let deals_with_it = verb == stuck
        || goes_beside(verb)
        || pushes_aside(verb)
        || matches!(verb, Verb::CleanUpTestFailover | Verb::ConsolePicture);
    if deals_with_it {
        return Ok(());
    }
    let why = Message::new("refusal-job-stuck").with("item", item.name).with("verb", stuck.title());
    Err(refusal(why).helped_by(Verb::RestartJob))
}

/// Whether a verb changes nothing that another job works on, so that it may go beside it.
#[must_use]
pub const fn goes_beside(verb: Verb) -> bool {
    matches!(verb, Verb::PauseReplication | Verb::ResumeReplication | Verb::AssociatePolicy)
}

/// Whether a verb ends a job that gives way instead of waiting for it.
#[must_use]
pub const fn pushes_aside(verb: Verb) -> bool {
    matches!(verb, Verb::Failover | Verb::DisableReplication)
}

fn disable(item: &ItemStand<'_>) -> Result<(), Refusal> {
    if matches!(item.protection, Protection::FailingOver { .. }) {
        return Err(named("refusal-failing-over", item).helped_by(Verb::CancelJob));
    }
    // With its host away the copy can neither be cleaned up nor keep the item from being given up.
    if item.target.connected { no_test(item) } else { Ok(()) }
}

fn pause(item: &ItemStand<'_>) -> Result<(), Refusal> {
    replicating(item)?;
    if item.replication == Standing::Paused {
        return Err(named("refusal-paused-already", item).helped_by(Verb::ResumeReplication));
    }
    here(item.source)
}

fn resume(item: &ItemStand<'_>) -> Result<(), Refusal> {
    replicating(item)?;
    if item.replication != Standing::Paused {
        return Err(named("refusal-not-paused", item));
    }
    here(item.source)
}

fn sync_now(item: &ItemStand<'_>) -> Result<(), Refusal> {
    protected(item)?;
    match item.replication {
        Standing::Idle | Standing::Active | Standing::Retrying => {}
        Standing::Paused => return Err(paused(item)),
        Standing::ResyncRequired | Standing::Stopped => return Err(resync_first(item)),
        Standing::Resynchronizing => return Err(named("refusal-resynchronizing", item)),
    }
    here(item.source)?;
    here(item.target)
}

fn resynchronize(item: &ItemStand<'_>) -> Result<(), Refusal> {
    protected(item)?;
    match item.replication {
        Standing::Paused => return Err(paused(item)),
        Standing::Resynchronizing => return Err(named("refusal-resynchronizing", item)),
        Standing::Idle | Standing::Active | Standing::Retrying => {}
        Standing::ResyncRequired | Standing::Stopped => {}
    }
    here(item.source)?;
    here(item.target)
}

fn test_failover(item: &ItemStand<'_>) -> Result<(), Refusal> {
    protected(item)?;
    if item.tests >= TESTS_MAX {
        let why = Message::new("refusal-tests-many").with("item", item.name).with("count", item.tests);
        return Err(refusal(why).helped_by(Verb::CleanUpTestFailover));
    }
    some_point(item)?;
    if item.replication == Standing::Resynchronizing {
        return Err(named("refusal-resynchronizing", item));
    }
    here(item.target)
}

fn clean_up(item: &ItemStand<'_>) -> Result<(), Refusal> {
    if item.test.is_none() {
        return Err(named("refusal-no-test", item).helped_by(Verb::TestFailover));
    }
    here(item.target)
}

fn planned(item: &ItemStand<'_>) -> Result<(), Refusal> {
    protected(item)?;
    no_test(item)?;
    some_point(item)?;
    for host in [item.source, item.target] {
        here(host).map_err(|r| if host == item.source { r.helped_by(Verb::Failover) } else { r })?;
    }
    match item.replication {
        Standing::Idle | Standing::Active => Ok(()),
        Standing::Paused => Err(paused(item)),
        Standing::Retrying => Err(named("refusal-not-sending", item).helped_by(Verb::SyncNow)),
        Standing::ResyncRequired | Standing::Stopped => Err(resync_first(item)),
        Standing::Resynchronizing => Err(named("refusal-resynchronizing", item)),
    }
}

/// Only what makes it impossible stands against it: in a disaster nothing else may.
fn unplanned(item: &ItemStand<'_>) -> Result<(), Refusal> {
    // On the way back the other side still holds what it held when it was left.
    if *item.protection != Protection::Reversing {
        protected(item)?;
    }
    no_test(item)?;
    some_point(item)?;
    here(item.target)
}

fn change_point(item: &ItemStand<'_>) -> Result<(), Refusal> {
    match item.protection {
        Protection::FailedOver { kind: FailoverKind::Unplanned, .. } => {}
        Protection::FailedOver { kind: FailoverKind::Planned, .. } => {
            return Err(named("refusal-planned-point", item).helped_by(Verb::Commit));
        }
        Protection::Committed { .. } => return Err(named("refusal-point-final", item)),
        _ => return Err(named("refusal-not-failed-over", item)),
    }
    if item.points < 2 {
        return Err(named("refusal-no-other-point", item));
    }
    here(item.source)
}

fn commit(item: &ItemStand<'_>) -> Result<(), Refusal> {
    match item.protection {
        Protection::FailedOver { .. } => here(item.source),
        Protection::Committed { .. } => {
            Err(named("refusal-committed-already", item).helped_by(Verb::ReverseReplicate))
        }
        _ => Err(named("refusal-not-failed-over", item)),
    }
}

fn reverse(item: &ItemStand<'_>) -> Result<(), Refusal> {
    match item.protection {
        Protection::Committed { .. } => {}
        Protection::FailedOver { .. } => {
            return Err(named("refusal-commit-first", item).helped_by(Verb::Commit));
        }
        Protection::Reversing => return Err(named("refusal-reversing", item).helped_by(Verb::RestartJob)),
        _ => return Err(named("refusal-not-failed-over", item)),
    }
    here(item.source)?;
    if !item.target.connected {
        let why =
            Message::new("refusal-old-source-away").with("item", item.name).with("host", item.target.name);
        return Err(refusal(why));
    }
    Ok(())
}

fn discard_source(item: &ItemStand<'_>) -> Result<(), Refusal> {
    match item.protection {
        Protection::Committed { source: SourceFence::Fenced(_) } => here(item.target),
        Protection::Committed { source: SourceFence::Unknown } => Err(refusal(
            Message::new("refusal-source-not-fenced").with("item", item.name).with("host", item.target.name),
        )),
        Protection::FailedOver { .. } => Err(named("refusal-commit-first", item).helped_by(Verb::Commit)),
        _ => Err(named("refusal-no-old-source", item)),
    }
}

fn picture(item: &ItemStand<'_>) -> Result<(), Refusal> {
    if item.test.is_some() && item.target.connected {
        return Ok(());
    }
    here(item.source)?;
    if matches!(item.power, PowerState::Running | PowerState::Paused) {
        Ok(())
    } else {
        Err(refusal(Message::new("refusal-not-running").with("machine", item.name)))
    }
}

/// Fully protected, in either direction.
fn protected(item: &ItemStand<'_>) -> Result<(), Refusal> {
    let (key, helps) = match item.protection {
        Protection::Protected | Protection::ProtectedReversed => return Ok(()),
        Protection::Enabling | Protection::InitialReplication => ("refusal-initial-replication", None),
        Protection::FailingOver { .. } => ("refusal-failing-over", None),
        Protection::FailedOver { .. } => ("refusal-failed-over", Some(Verb::Commit)),
        Protection::Committed { .. } => ("refusal-committed", Some(Verb::ReverseReplicate)),
        Protection::Reversing => ("refusal-reversing", None),
        Protection::Disabling => ("refusal-disabling", None),
        Protection::NeedsOperator { .. } => ("refusal-needs-operator", Some(Verb::DisableReplication)),
    };
    Err(Refusal { helps, ..named(key, item) })
}

/// Deltas flow or the first copy does.
fn replicating(item: &ItemStand<'_>) -> Result<(), Refusal> {
    if item.protection.replicates() { Ok(()) } else { protected(item) }
}

fn not_leaving(item: &ItemStand<'_>) -> Result<(), Refusal> {
    match item.protection {
        Protection::Disabling => Err(named("refusal-disabling", item)),
        Protection::FailingOver { .. } => Err(named("refusal-failing-over", item)),
        _ => Ok(()),
    }
}

fn no_test(item: &ItemStand<'_>) -> Result<(), Refusal> {
    if item.test.is_none() {
        Ok(())
    } else {
        Err(named("refusal-test-open", item).helped_by(Verb::CleanUpTestFailover))
    }
}

fn some_point(item: &ItemStand<'_>) -> Result<(), Refusal> {
    if item.points > 0 {
        return Ok(());
    }
    // Points are known only from the host that keeps them.
    here(item.target)?;
    Err(named("refusal-no-point", item))
}

fn here(host: HostStand<'_>) -> Result<(), Refusal> {
    if host.connected {
        Ok(())
    } else {
        Err(refusal(Message::new("refusal-host-away").with("host", host.name)))
    }
}

fn paused(item: &ItemStand<'_>) -> Refusal {
    named("refusal-paused", item).helped_by(Verb::ResumeReplication)
}

fn resync_first(item: &ItemStand<'_>) -> Refusal {
    named("refusal-resync-required", item).helped_by(Verb::Resynchronize)
}

fn named(key: &'static str, item: &ItemStand<'_>) -> Refusal {
    refusal(Message::new(key).with("item", item.name))
}
