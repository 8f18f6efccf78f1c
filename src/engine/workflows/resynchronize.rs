//! Resynchronization: both sides are compared and only what differs travels. Older points stay usable until the new
//! one is complete. Cancelled, the comparison ends at the source and the item says that it has to be resynchronized:
//! what had been tracked before it is known to the comparison alone. Gives way to an unplanned failover, which cannot wait for it.

use super::{Act, Lost, On, OnFail, STEP, StepDecl, Undo, UndoDecl, wrong_answer};
use crate::records::JobArgs;
use leeward_link::messages::{Activity, Request, Response};
use leeward_model::{Message, Phase, amount};

pub(super) const STEPS: &[StepDecl] = &[
    StepDecl {
        id: "start",
        title: "step-resynchronize",
        on: On::From,
        act: |scene| {
            scene.ask(scene.from(), |op, item| match &scene.job.args {
                JobArgs::Resynchronize { disks, not_before } => Some(Request::Resynchronize {
                    op,
                    item: item.id,
                    disks: disks.clone(),
                    not_before: *not_before,
                }),
                _ => None,
            })
        },
        undo: Undo::By(UndoDecl {
            act: |scene| {
                scene.ask(scene.from(), |op, item| Some(Request::StopComparison { op, item: item.id }))
            },
            accept: |_, _| Ok(()),
            lost: Lost::Wait,
        }),
        ..STEP
    },
    StepDecl {
        id: "compare",
        title: "step-compare",
        phase: Phase::CutOver,
        on: On::From,
        act: |scene| match scene.job.args {
            JobArgs::Resynchronize { .. } => {
                scene.ask(scene.from(), |op, item| Some(Request::AwaitInSync { op, item: item.id }))
            }
            _ => Act::Fail(wrong_answer(scene)),
        },
        accept: |scene, draft, response| {
            let Response::InSync { sent_bytes, .. } = response else { return Err(wrong_answer(scene)) };
            draft.sends = Some(Activity::Waiting);
            draft.note = Some(Message::new("note-sent").with("size", amount::size(*sent_bytes)));
            Ok(())
        },
        undo: Undo::NotNeeded("older recovery points stay until the new one is complete"),
        fail: OnFail::Stop,
        tries: 10,
        timeout_secs: 0,
        weight: 60,
        gives_way: true,
        ..STEP
    },
];
