//! Verification of a recovery point: it is read again and compared with the digests it was sealed with.

use super::{On, STEP, StepDecl, Undo, wrong_answer};
use crate::records::JobArgs;
use leeward_link::messages::{Request, Response};
use leeward_model::{Message, Phase, amount};

pub(super) const STEPS: &[StepDecl] = &[StepDecl {
    id: "verify",
    title: "step-verify",
    phase: Phase::CutOver,
    on: On::To,
    act: |scene| {
        scene.ask(scene.to(), |op, item| match scene.job.args {
            JobArgs::VerifyPoint { point } => Some(Request::VerifyPoint { op, item: item.id, point }),
            _ => None,
        })
    },
    accept: |scene, draft, response| {
        let Response::Verified { bytes, .. } = response else { return Err(wrong_answer(scene)) };
        draft.note = Some(Message::new("note-verified").with("size", amount::size(*bytes)));
        Ok(())
    },
    undo: Undo::NotNeeded("only reads"),
    tries: 1,
    timeout_secs: 0,
    weight: 20,
    gives_way: true,
    ..STEP
}];
