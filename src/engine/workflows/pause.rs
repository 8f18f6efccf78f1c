//! Pause and resume: one request to the host that sends.

use super::{On, STEP, StepDecl, Undo};
use crate::records::JobArgs;
use leeward_link::messages::{Activity, Request};

pub(super) const STEPS: &[StepDecl] = &[StepDecl {
    id: "tell",
    title: "step-tell-source",
    on: On::From,
    act: |scene| {
        scene.ask(scene.from(), |op, item| match scene.job.args {
            JobArgs::SetPaused { paused } => Some(Request::SetPaused { op, item: item.id, paused }),
            _ => None,
        })
    },
    accept: |scene, draft, _| {
        if let JobArgs::SetPaused { paused } = scene.job.args {
            draft.change(|item| item.paused = paused);
            draft.sends = Some(if paused { Activity::Paused } else { Activity::Waiting });
        }
        Ok(())
    },
    undo: Undo::NotNeeded("a person pauses and resumes at will"),
    timeout_secs: 60,
    gives_way: true,
    ..STEP
}];
