//! Commit: the choice of recovery point becomes final. Small, and apart from failover because days may lie between.

use super::{On, STEP, StepDecl, Undo};
use leeward_link::messages::Request;
use leeward_model::Phase;

pub(super) const STEPS: &[StepDecl] = &[StepDecl {
    id: "commit",
    title: "step-commit",
    phase: Phase::Settle,
    on: On::From,
    act: |scene| {
        scene.ask(scene.from(), |op, item| {
            Some(Request::CommitFailover { op, item: item.id, epoch: item.epoch })
        })
    },
    accept: |scene, draft, _| {
        let id = draft.id();
        draft.go(scene.now, |p, _| p.committed(id))
    },
    undo: Undo::NotNeeded("the machine runs on; committing again goes on where this stopped"),
    weight: 3,
    ..STEP
}];
