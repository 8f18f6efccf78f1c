//! Reverse replicate: the side that was left becomes the target. Its disks are kept as a safety point at the bottom
//! of the new chain, both sides are compared, and protection begins in the other direction. Never without a fence.

use super::{Act, Draft, Lost, On, OnFail, STEP, Scene, StepDecl, Undo, UndoDecl, wrong_answer};
use crate::records::Proof;
use leeward_link::messages::{Activity, Request, Response, Role};
use leeward_model::{Epoch, Fault, Message, Phase, Protection, SourceFence, amount};

pub(super) const STEPS: &[StepDecl] = &[
    StepDecl {
        id: "check",
        title: "step-check",
        act: |scene| super::moving::hosts_here(scene, true),
        accept: |scene, draft, _| {
            let epoch = scene.item.map_or(Epoch::FIRST, |i| i.epoch);
            draft.proof = Some(Proof::Began { was_running: scene.runs(), epoch });
            Ok(())
        },
        ..STEP
    },
    StepDecl {
        id: "fence",
        title: "step-fence",
        on: On::To,
        act: |scene| match fenced(scene) {
            Some(_) => Act::Skip(Message::new("skip-fenced-already")),
            None => scene
                .ask(scene.to(), |op, item| Some(Request::Fence { op, item: item.id, epoch: item.epoch })),
        },
        accept: |scene, draft, response| {
            let Response::Fenced { proof, .. } = response else { return Err(wrong_answer(scene)) };
            if Some(proof.agent()) != scene.to() {
                return Err(wrong_answer(scene));
            }
            let (id, proof) = (draft.id(), proof.clone());
            draft.go(scene.now, |p, item| p.source_fenced(id, item.epoch, proof))
        },
        undo: Undo::NotNeeded("a side that was left may stay fenced"),
        ..STEP
    },
    StepDecl {
        id: "become-target",
        title: "step-become-target",
        phase: Phase::CutOver,
        on: On::To,
        act: |scene| {
            scene.ask(scene.to(), |op, _| {
                let assignment = scene.assignment(scene.job.from.other(), Role::Target)?;
                Some(Request::BecomeTarget { op, assignment })
            })
        },
        accept: |scene, draft, _| {
            draft.proof = fenced(scene).map(Proof::Fence);
            let id = draft.id();
            draft.go(scene.now, |p, _| p.begin_reverse(id))
        },
        undo: Undo::By(UndoDecl { act: |_| Act::Own, accept: unbegin, lost: Lost::Wait }),
        timeout_secs: 600,
        weight: 4,
        ..STEP
    },
    StepDecl {
        id: "become-source",
        title: "step-become-source",
        phase: Phase::CutOver,
        on: On::From,
        act: |scene| {
            scene.ask(scene.from(), |op, _| {
                let assignment = scene.assignment(scene.job.from, Role::Source)?;
                Some(Request::BecomeSource { op, assignment })
            })
        },
        undo: Undo::By(UndoDecl {
            act: |scene| {
                scene.ask(scene.from(), |op, _| {
                    let assignment = scene.assignment(scene.job.from, Role::FailedOver)?;
                    Some(Request::Reassign { op, assignment })
                })
            },
            accept: |_, draft| {
                draft.reassign = true;
                Ok(())
            },
            lost: Lost::MakeUp("the host is told its role again when it returns"),
        }),
        timeout_secs: 300,
        weight: 4,
        ..STEP
    },
    StepDecl {
        id: "compare",
        title: "step-compare",
        phase: Phase::CutOver,
        on: On::From,
        act: |scene| scene.ask(scene.from(), |op, item| Some(Request::AwaitInSync { op, item: item.id })),
        accept: |scene, draft, response| {
            let Response::InSync { proof, sent_bytes } = response else { return Err(wrong_answer(scene)) };
            draft.sends = Some(Activity::Waiting);
            draft.note = Some(Message::new("note-sent").with("size", amount::size(*sent_bytes)));
            let (id, proof) = (draft.id(), proof.clone());
            draft.go(scene.now, |p, item| p.reversed(id, item.epoch, item.active, &proof))?;
            draft.change(|item| item.superseded = false);
            Ok(())
        },
        undo: Undo::NotNeeded("what has been copied is part of the other side's store"),
        fail: OnFail::Stop,
        tries: 10,
        timeout_secs: 0,
        weight: 60,
        gives_way: true,
        no_return: true,
        ..STEP
    },
];

fn unbegin(scene: &Scene<'_>, draft: &mut Draft) -> Result<(), Box<Fault>> {
    // A step that failed before its answer was taken has changed no state.
    if !draft.item.as_ref().is_some_and(|i| i.protection == Protection::Reversing) {
        return Ok(());
    }
    let Some(fence) = scene.job.gathered.fence.clone() else { return Err(wrong_answer(scene)) };
    let id = draft.id();
    draft.go(scene.now, |p, item| p.reverse_undone(id, item.epoch, fence))
}

/// The proof that the side that was left cannot write.
fn fenced(scene: &Scene<'_>) -> Option<leeward_model::FenceProof> {
    match &scene.item?.protection {
        Protection::Committed { source: SourceFence::Fenced(proof) } => Some(proof.clone()),
        _ => None,
    }
}
