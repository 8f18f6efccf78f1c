//! Discard of an old source: the disks that were left behind at a fenced host are deleted.

use super::{On, OnFail, STEP, StepDecl, Undo};
use leeward_link::messages::Request;
use leeward_model::Phase;

pub(super) const STEPS: &[StepDecl] = &[StepDecl {
    id: "discard",
    title: "step-discard-source",
    phase: Phase::Settle,
    on: On::To,
    act: |scene| {
        scene
            .ask(scene.to(), |op, item| Some(Request::DiscardSource { op, item: item.id, epoch: item.epoch }))
    },
    accept: |_, draft, _| {
        draft.change(|item| item.superseded = false);
        Ok(())
    },
    undo: Undo::NotNeeded("what is deleted is deleted; discarding again goes on"),
    fail: OnFail::Stop,
    timeout_secs: 300,
    weight: 2,
    ..STEP
}];
