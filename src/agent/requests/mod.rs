//! What the engine asks and how it is performed. Every operation may be performed twice (the agent may end between
//! its effect and its answer), so each begins by looking whether it has been done.
//!
//! | file | what is asked |
//! |---|---|
//! | `mod` | which of them it is |
//! | `replicate` | setting up, pausing, cycles, comparisons, forgetting |
//! | `moving` | shutting down, the last delta, fences, changing roles |
//! | `failover` | bringing the machine up on a point, taking that back, making it final |
//! | `test` | test failovers |
//! | `look` | questions that change nothing: reports, pictures, waiting for a boot or for being in sync |

mod failover;
mod look;
mod moving;
mod replicate;
mod test;

use crate::host::Host;
use leeward_link::messages::{Op, Reply, Request, Response};
use std::sync::Arc;

pub(crate) use test::test_folder;

/// Performs a request, on a thread that may wait.
pub(crate) fn perform(host: &Arc<Host>, request: Request) -> Reply {
    if let Request::CancelOp { op } = &request {
        host.operations.cancel(op);
        host.operations.cancel_step(op.job, &op.step);
        return Ok(Response::Done);
    }
    let Some(op) = op_of(&request).cloned() else {
        return look::answer(host, &request).map_err(|f| *f);
    };
    tracing::info!(step = op.step, job = %op.job, attempt = op.attempt, "asked");
    host.operations.perform(&op, |operation| {
        let done = act(host, &request, operation);
        if let Err(fault) = &done {
            tracing::warn!(step = op.step, job = %op.job, %fault, "could not be done");
        }
        done.map_err(|f| *f)
    })
}

fn act(
    host: &Arc<Host>,
    request: &Request,
    operation: &crate::operations::Operation,
) -> crate::Result<Response> {
    match request {
        Request::PrepareTarget { assignment, .. } => replicate::prepare_target(host, assignment),
        Request::StartSource { assignment, not_before, .. } => {
            replicate::start_source(host, assignment, *not_before)
        }
        Request::Reassign { assignment, .. } => replicate::reassign(host, assignment),
        Request::SetPaused { item, paused, .. } => replicate::set_paused(host, *item, *paused),
        Request::SyncNow { item, .. } => replicate::sync_now(host, *item),
        Request::Resynchronize { item, disks, not_before, .. } => {
            replicate::resynchronize(host, *item, disks, *not_before)
        }
        Request::StopComparison { item, .. } => replicate::stop_comparison(host, *item),
        Request::Release { item, delete_replica, .. } => replicate::release(host, *item, *delete_replica),
        Request::AwaitInSync { op, item } => look::await_in_sync(host, *item, op.attempt > 1, operation),
        Request::AwaitBoot { item, test, timeout_secs, .. } => {
            look::await_boot(host, *item, *test, *timeout_secs, operation)
        }
        Request::VerifyPoint { item, point, .. } => look::verify_point(host, *item, *point),
        Request::Quiesce { item, timeout_secs, force, .. } => {
            moving::quiesce(host, *item, *timeout_secs, *force)
        }
        Request::FinalSync { item, .. } => moving::final_sync(host, *item),
        Request::Fence { item, epoch, .. } => moving::fence(host, *item, *epoch),
        Request::Unfence { item, epoch, start, .. } => moving::unfence(host, *item, *epoch, *start),
        Request::BecomeTarget { op, assignment } => moving::become_target(host, op, assignment),
        Request::BecomeSource { assignment, .. } => moving::become_source(host, assignment),
        Request::DiscardSource { item, epoch, .. } => moving::discard_source(host, *item, *epoch),
        Request::FailOver { item, epoch, point, network, .. } => {
            failover::fail_over(host, *item, *epoch, point, network)
        }
        Request::DiscardFailover { item, epoch, .. } => failover::discard(host, *item, *epoch),
        Request::CommitFailover { item, epoch, .. } => failover::commit(host, *item, *epoch),
        Request::StartTest { item, test, point, network, .. } => {
            test::start(host, *item, *test, *point, network)
        }
        Request::CleanUpTest { item, test, .. } => test::clean_up(host, *item, *test),
        Request::Power { machine, action, .. } => moving::power(host, *machine, *action),
        Request::Report
        | Request::ConsolePicture { .. }
        | Request::Trust { .. }
        | Request::MayRun { .. }
        | Request::CancelOp { .. } => Ok(Response::Done),
    }
}

/// The name of a request's operation; none for questions.
pub(crate) const fn op_of(request: &Request) -> Option<&Op> {
    match request {
        Request::PrepareTarget { op, .. }
        | Request::StartSource { op, .. }
        | Request::AwaitInSync { op, .. }
        | Request::Reassign { op, .. }
        | Request::SetPaused { op, .. }
        | Request::SyncNow { op, .. }
        | Request::Resynchronize { op, .. }
        | Request::StopComparison { op, .. }
        | Request::Quiesce { op, .. }
        | Request::FinalSync { op, .. }
        | Request::Fence { op, .. }
        | Request::Unfence { op, .. }
        | Request::FailOver { op, .. }
        | Request::DiscardFailover { op, .. }
        | Request::CommitFailover { op, .. }
        | Request::StartTest { op, .. }
        | Request::CleanUpTest { op, .. }
        | Request::AwaitBoot { op, .. }
        | Request::BecomeTarget { op, .. }
        | Request::BecomeSource { op, .. }
        | Request::DiscardSource { op, .. }
        | Request::Release { op, .. }
        | Request::VerifyPoint { op, .. }
        | Request::Power { op, .. } => Some(op),
        Request::Report
        | Request::ConsolePicture { .. }
        | Request::Trust { .. }
        | Request::MayRun { .. }
        | Request::CancelOp { .. } => None,
    }
}

/// Orders about one item take turns.
pub(crate) fn turn(item: &crate::item::Item) -> std::sync::MutexGuard<'_, ()> {
    item.turns.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Refuses an order under an epoch that is older than the one this host has seen.
pub(crate) fn current(record: &crate::records::ItemRecord, epoch: leeward_model::Epoch) -> crate::Result<()> {
    if epoch >= record.epoch {
        return Ok(());
    }
    let mut fault = crate::host::refuse("agent-stale-epoch", record.name());
    fault.detail = format!("asked under epoch {epoch}, known is {}", record.epoch);
    Err(fault)
}
