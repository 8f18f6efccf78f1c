//! Operations under way and their results. The same operation asked for again joins the one that runs, or gets what
//! it brought; after a restart of the agent it is performed again, which every operation bears. Apart from
//! `requests`, which performs them.

use crate::host::refuse;
use leeward_link::messages::{Op, Reply};
use leeward_model::JobId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Results kept; the oldest go first. A job that has ended never asks again.
const RESULTS_MAX: usize = 4_096;

/// All operations.
#[derive(Default)]
pub(crate) struct Operations {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_name: BTreeMap<Op, Arc<Operation>>,
    order: VecDeque<Op>,
}

/// One operation.
#[derive(Default)]
pub(crate) struct Operation {
    cancelled: AtomicBool,
    reply: Mutex<Option<Reply>>,
    ended: Condvar,
}

impl Operations {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Performs an operation, or waits for the one of this name that runs, or gives its result.
    pub(crate) fn perform(&self, op: &Op, act: impl FnOnce(&Operation) -> Reply) -> Reply {
        let (operation, begins) = {
            let mut known = self.known();
            match known.by_name.get(op) {
                Some(operation) => (Arc::clone(operation), false),
                None => {
                    let operation = Arc::new(Operation::default());
                    known.by_name.insert(op.clone(), Arc::clone(&operation));
                    known.order.push_back(op.clone());
                    if known.order.len() > RESULTS_MAX
                        && let Some(oldest) = known.order.pop_front()
                    {
                        known.by_name.remove(&oldest);
                    }
                    (operation, true)
                }
            }
        };
        if begins {
            // Whatever happens inside, those who wait are answered.
            let acted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(&operation)));
            let reply = acted.unwrap_or_else(|_| Err(*refuse("agent-broken", &op.step)));
            operation.end(reply);
        }
        operation.wait()
    }

    /// Asks an operation to stop if it still can.
    pub(crate) fn cancel(&self, op: &Op) {
        if let Some(operation) = self.known().by_name.get(op) {
            operation.cancelled.store(true, Ordering::Release);
        }
    }

    /// Asks whatever runs for a job to stop.
    pub(crate) fn cancel_step(&self, job: JobId, step: &str) {
        for (op, operation) in &self.known().by_name {
            if op.job == job && op.step == step {
                operation.cancelled.store(true, Ordering::Release);
            }
        }
    }
}

impl Operation {
    /// Whether nobody wants it any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    fn end(&self, reply: Reply) {
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(reply);
        self.ended.notify_all();
    }

    fn wait(&self) -> Reply {
        let reply = self.reply.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.ended.wait_while(reply, |r| r.is_none());
        let reply = waited.unwrap_or_else(PoisonError::into_inner).clone();
        reply.unwrap_or_else(|| Err(*refuse("agent-broken", "operation")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_link::messages::Response;
    use std::sync::atomic::AtomicU32;

    fn op(attempt: u32) -> Op {
        Op { job: JobId(uuid::Uuid::nil()), step: "fence".to_owned(), attempt }
    }

    #[test]
    fn the_same_operation_is_performed_once_and_another_attempt_again() {
        let (operations, count) = (Operations::default(), AtomicU32::new(0));
        let act = |_: &Operation| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(Response::Done)
        };
        assert_eq!(operations.perform(&op(1), act), Ok(Response::Done));
        assert_eq!(operations.perform(&op(1), act), Ok(Response::Done));
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert_eq!(operations.perform(&op(2), act), Ok(Response::Done));
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_second_caller_waits_for_the_first() {
        let operations = Operations::default();
        let (begun, told) = std::sync::mpsc::channel();
        let (go_on, wait) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|s| {
            let running = &operations;
            let first = s.spawn(move || {
                running.perform(&op(1), |_| {
                    begun.send(()).expect("told");
                    wait.recv().expect("goes on");
                    Ok(Response::Done)
                })
            });
            told.recv().expect("begun");
            let second = s.spawn(|| operations.perform(&op(1), |_| panic!("performed twice")));
            go_on.send(()).expect("goes on");
            assert_eq!(first.join().expect("ended"), Ok(Response::Done));
            assert_eq!(second.join().expect("ended"), Ok(Response::Done));
        });
    }

    #[test]
    fn a_broken_operation_is_answered() {
        let operations = Operations::default();
        assert!(operations.perform(&op(1), |_| panic!("broken")).is_err());
    }
}
