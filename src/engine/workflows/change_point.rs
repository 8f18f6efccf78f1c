//! Change of recovery point, before commit: the machine is stopped where it was failed over to, what it has
//! written is discarded, and it starts again from another point. The right to write does not change hands.

use super::moving::BOOT_SECS;
use super::{Act, Lost, On, OnFail, STEP, Scene, StepDecl, Undo, UndoDecl, wrong_answer};
use crate::records::JobArgs;
use leeward_link::messages::{Request, Response};
use leeward_model::{NetworkChoice, Phase, PointChoice, PointId};

pub(super) const STEPS: &[StepDecl] = &[
    StepDecl {
        id: "stop",
        title: "step-discard-failover",
        phase: Phase::CutOver,
        on: On::From,
        act: |scene| {
            scene.ask(scene.from(), |op, item| {
                Some(Request::DiscardFailover { op, item: item.id, epoch: item.epoch })
            })
        },
        undo: Undo::By(UndoDecl {
            act: |scene| start_on(scene, points(scene).map(|(_, before)| before)),
            accept: |_, _| Ok(()),
            lost: Lost::Wait,
        }),
        weight: 3,
        ..STEP
    },
    StepDecl {
        id: "start",
        title: "step-start",
        phase: Phase::BringUp,
        on: On::From,
        act: |scene| start_on(scene, points(scene).map(|(wanted, _)| wanted)),
        accept: |scene, draft, response| {
            let (Response::Started { .. }, Some((point, _))) = (response, points(scene)) else {
                return Err(wrong_answer(scene));
            };
            let id = draft.id();
            draft.go(scene.now, |p, _| p.point_changed(id, point))
        },
        undo: Undo::By(UndoDecl {
            act: |scene| {
                scene.ask(scene.from(), |op, item| {
                    Some(Request::DiscardFailover { op, item: item.id, epoch: item.epoch })
                })
            },
            accept: |_, _| Ok(()),
            lost: Lost::Wait,
        }),
        weight: 4,
        no_return: true,
        ..STEP
    },
    StepDecl {
        id: "boot",
        title: "step-boot",
        phase: Phase::BringUp,
        on: On::From,
        act: |scene| {
            scene.ask(scene.from(), |op, item| {
                Some(Request::AwaitBoot { op, item: item.id, test: None, timeout_secs: BOOT_SECS })
            })
        },
        accept: |scene, draft, response| {
            let Response::Booted { how, .. } = response else { return Err(wrong_answer(scene)) };
            draft.note = Some(how.clone());
            draft.change(|item| item.last_failover_ok = Some(scene.now));
            Ok(())
        },
        undo: Undo::NotNeeded("the machine runs whether its guest answers or not"),
        fail: OnFail::Stop,
        timeout_secs: BOOT_SECS + 60,
        weight: 20,
        ..STEP
    },
];

fn start_on(scene: &Scene<'_>, point: Option<PointId>) -> Act {
    scene.ask(scene.from(), |op, item| {
        let (id, epoch) = (item.id, item.epoch);
        Some(Request::FailOver {
            op,
            item: id,
            epoch,
            point: PointChoice::Exact(point?),
            network: NetworkChoice::Production,
        })
    })
}

/// The wanted point, and the one before.
fn points(scene: &Scene<'_>) -> Option<(PointId, PointId)> {
    match scene.job.args {
        JobArgs::ChangePoint { point, from_point } => Some((point, from_point)),
        _ => None,
    }
}
