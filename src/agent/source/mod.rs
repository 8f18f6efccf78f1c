//! The source's work on an item: one thread that copies, captures, ships and repairs, in the order that the item's
//! record asks for. Apart from `requests`, which change that record; this thread only reads it, between two steps.
//!
//! | file | what it is |
//! |---|---|
//! | `mod` | what is to be done next, and what follows from a failure |
//! | `cycle` | a delta: capture, seal, ship, acknowledge |
//! | `copy` | a full copy or comparison of frozen disks |
//! | `half` | the 50 % rule |
//! | `drained` | machines that are off and have nothing left to give |
//! | `room` | room beside the disks, and guests that stand still for want of it |
//! | `ship` | the way to the other agent |

mod copy;
pub(crate) mod cycle;
mod drained;
mod half;
pub(crate) mod room;
mod ship;

use crate::host::Host;
use crate::item::{Item, Live, Wish};
use crate::records::{CopyPlan, ItemRecord};
use crate::trouble::Trouble;
use leeward_link::messages::Role;
use leeward_model::fault::Recovery;
use leeward_model::{Message, PointKind, retry};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) use drained::is_drained;
pub(crate) use ship::peer_confirms;

/// Throws away what is sealed or spooled of an item that is forgotten.
pub(crate) fn throw_logs_away(item: &Item, folder: &leeward_fabric::MachineFolder) -> Result<(), Trouble> {
    cycle::throw_logs_away(item, folder)
}

/// How often the worker looks at the track of changes while it waits.
const LOOK: Duration = Duration::from_secs(5);

/// How often it is asked whether this host may still write.
const CONFIRM_AGAIN: Duration = Duration::from_secs(2);

/// What is to be done.
enum Next {
    /// Nothing, for so long.
    Wait(Duration),
    /// To hear from somebody who knows that this host is still the one that may write.
    Confirm,
    /// A full copy or comparison.
    Copy(CopyPlan),
    /// A cycle, for somebody who waits or because it is due.
    Cycle(Option<Wish>),
    /// The item is gone.
    End,
}

/// Begins the worker of an item, if it has none.
pub(crate) fn begin(host: &Arc<Host>, item: &Arc<Item>) {
    {
        let mut live = item.live();
        if live.working || item.is_gone() {
            return;
        }
        live.working = true;
    }
    let (host, own) = (Arc::clone(host), Arc::clone(item));
    let name = format!("item-{}", item.name());
    let spawned = std::thread::Builder::new().name(name).spawn(move || {
        let _working = Working(&own);
        // Who wanted to forget the item may have taken that back.
        loop {
            work(&host, &own);
            if own.rest() {
                return;
            }
        }
    });
    if let Err(error) = spawned {
        item.live().working = false;
        let fault = crate::host::passing("agent-broken", &item.name(), error.to_string());
        tracing::error!(%fault, "no thread for an item");
    }
}

/// Says that the thread has ended when a panic ends it: somebody may wait for that.
struct Working<'a>(&'a Item);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut live = self.0.live();
            live.working = false;
            live.busy = false;
            drop(live);
            self.0.wake();
        }
    }
}

fn work(host: &Host, item: &Item) {
    loop {
        match next(host, item) {
            Next::End => return,
            Next::Wait(most) => {
                cycle::look(host, item);
                item.wait(most);
            }
            Next::Confirm => {
                if !crate::startup::may_run(host, item) {
                    item.wait(CONFIRM_AGAIN);
                }
            }
            Next::Copy(plan) => {
                // Disks that have to be given back for want of room wait for nobody's place.
                let urgent = item.live().no_room.is_some();
                let slot = if urgent { None } else { host.copies.take(LOOK) };
                if slot.is_none() && !urgent {
                    continue;
                }
                let done = copy::run(host, item, plan);
                drop(slot);
                item.live().progress.clear();
                after(host, item, done.err(), false);
            }
            Next::Cycle(wish) => {
                item.live().cycling = true;
                item.tell();
                let done = cycle::run(host, item, wish.as_ref().is_some_and(|w| w.last));
                item.live().cycling = false;
                match (wish, done) {
                    (Some(wish), Ok(delivered)) => {
                        wish.answer.try_send(Ok(delivered)).ok();
                        after(host, item, None, true);
                    }
                    (Some(wish), Err(trouble)) => {
                        wish.answer.try_send(Err(trouble.fault(&item.name()))).ok();
                        after(host, item, Some(trouble), true);
                    }
                    (None, done) => after(host, item, done.err(), false),
                }
            }
        }
    }
}

fn next(host: &Host, item: &Item) -> Next {
    // One look at both: who changes the record and then waits for the end of a step must not miss one that this
    // begins by the record before.
    let mut live = item.live();
    let record = item.record();
    let next = if item.is_gone() { Next::End } else { choose(host, &record, &mut live) };
    live.busy = matches!(next, Next::Copy(_) | Next::Cycle(_));
    drop(live);
    item.wake();
    next
}

fn choose(host: &Host, record: &ItemRecord, live: &mut Live) -> Next {
    if record.role == Role::Source
        && live.no_room.is_some()
        && let Some(plan) = record.source.copy.as_ref().filter(|p| p.frozen.is_some())
    {
        // Whatever else keeps the copy from going on: the guest must not be stopped by it.
        return Next::Copy(plan.clone());
    }
    let idle = record.role != Role::Source || record.source.stopped.is_some();
    if idle || record.assignment.paused && live.wishes.is_empty() {
        if idle {
            for wish in live.wishes.drain(..) {
                let refusal = crate::host::refuse("agent-not-source", record.name());
                wish.answer.try_send(Err(refusal)).ok();
            }
        }
        return Next::Wait(LOOK);
    }
    if !live.confirmed {
        return Next::Confirm;
    }
    let at = Instant::now();
    let due = |plan: &CopyPlan| plan.is_due(&record.assignment.policy, host.now(), &host.wall);
    if let Some(plan) = record.source.copy.as_ref().filter(|p| due(p) || p.begun || p.held) {
        if let Some(wish) = live.wishes.pop_front() {
            let refusal = crate::host::passing("agent-not-in-sync", record.name(), String::new());
            wish.answer.try_send(Err(refusal)).ok();
        }
        return match live.retry {
            _ if !due(plan) => Next::Wait(LOOK),
            Some((until, _)) if until > at => Next::Wait((until - at).min(LOOK)),
            _ => Next::Copy(plan.clone()),
        };
    }
    if record.source.copy.is_some() && record.source.in_sync.is_none() {
        // Until the copy begins no cycle can make a point.
        for wish in live.wishes.drain(..) {
            let refusal = crate::host::passing("agent-not-in-sync", record.name(), String::new());
            wish.answer.try_send(Err(refusal)).ok();
        }
        return Next::Wait(LOOK);
    }
    if let Some(wish) = live.wishes.pop_front() {
        return Next::Cycle(Some(wish));
    }
    let due = live.retry.map_or(live.next_cycle, |(until, _)| until);
    if due > at { Next::Wait((due - at).min(LOOK)) } else { Next::Cycle(None) }
}

/// What follows from the end of a step that somebody may have asked for.
fn after(host: &Host, item: &Item, trouble: Option<Trouble>, asked: bool) {
    let Some(trouble) = trouble else {
        let mut live = item.live();
        live.failures = 0;
        live.retry = None;
        let was = live.fault.take();
        drop(live);
        item.tell();
        if was.is_some() {
            host.event(Some(item), Message::new("agent-replication-works-again"), None);
        }
        return;
    };
    match trouble {
        Trouble::Changed => {
            item.live().retry = Some((Instant::now() + Duration::from_millis(500), host.now()))
        }
        Trouble::Resync { disks, why, discard_logs } => {
            let plan = CopyPlan { discard_logs, ..CopyPlan::new(PointKind::Resync, disks, why.clone()) };
            // What is not in sync is being brought there already, and somebody may be waiting for that.
            let planned = item.change(|r| {
                let by_itself = !asked && r.source.in_sync.is_some();
                plan_copy(r, CopyPlan { by_itself, ..plan });
            });
            host.event(Some(item), why, None);
            if let Err(fault) = planned {
                failed(host, item, fault);
            }
        }
        other => {
            let fault = other.fault(&item.name());
            failed(host, item, fault);
        }
    }
    item.tell();
}

/// Plans a comparison, unless a copy is planned that covers it. One that comes by itself delays none that is planned;
/// one that somebody asks for delays neither.
pub(crate) fn plan_copy(record: &mut ItemRecord, mut plan: CopyPlan) {
    if let Some(known) = &mut record.source.copy {
        plan.not_before = if plan.by_itself { known.not_before } else { plan.not_before };
        plan.by_itself &= known.by_itself;
        known.by_itself = plan.by_itself;
    }
    match &mut record.source.copy {
        // What has been copied of the first copy is not given up; a copy of all disks covers some of them.
        Some(known) if known.kind == PointKind::Initial || known.disks.is_empty() => {
            known.discard_logs |= plan.discard_logs;
            known.shipped = false;
        }
        Some(known) => {
            let all = plan.disks.is_empty();
            let disks =
                known.disks.iter().chain(&plan.disks).copied().collect::<std::collections::BTreeSet<_>>();
            let disks = if all { Vec::new() } else { disks.into_iter().collect() };
            *known = CopyPlan { disks, begun: known.begun, ..plan };
        }
        None => record.source.copy = Some(plan),
    }
    record.source.in_sync = None;
}

/// Without a copy, a replica that is not in sync can be so only because a repair has just ended and the next cycle
/// makes its point. Where disks are still frozen that is not so: their copy was dropped, and what it was for is
/// known to nobody, so everything is compared.
pub(crate) fn plan_what_lacks(record: &mut ItemRecord, frozen: bool) {
    let source = &record.source;
    if record.role == Role::Source && source.copy.is_none() && source.in_sync.is_none() && frozen {
        let why = Message::new("agent-resync-copy-dropped");
        plan_copy(record, CopyPlan::new(PointKind::Resync, Vec::new(), why));
    }
}

fn failed(host: &Host, item: &Item, fault: Box<leeward_model::Fault>) {
    let now = host.now();
    tracing::warn!(item = item.name(), %fault, "replication failed");
    let first = {
        let mut live = item.live();
        live.failures = live.failures.saturating_add(1);
        let wait = retry::REPLICATION.after(live.failures);
        let until = Instant::now() + Duration::from_secs(u64::try_from(wait).unwrap_or(60));
        live.retry = Some((until, now.plus_secs(wait)));
        let since = live.fault.as_ref().map_or(now, |(_, since)| *since);
        let first = live.fault.as_ref().is_none_or(|(before, _)| before.code != fault.code);
        live.fault = Some((fault.clone(), since));
        first
    };
    if fault.recovery == Recovery::NeedsPerson {
        let stopped = item.change(|r| r.source.stopped = Some((*fault).clone()));
        if let Err(unwritten) = stopped {
            tracing::error!(%unwritten, "could not note that a person must act");
        }
    }
    if first {
        host.event(Some(item), fault.what.clone(), Some(*fault));
    }
}

/// The span between two cycles.
fn with_frequency(frequency: leeward_model::CopyFrequency) -> Duration {
    Duration::from_secs(u64::from(frequency.secs()))
}
