//! Planned failover, and failback, which is the same the other way: the guest shuts down in order, the last delta
//! travels, the side that is left gives up the right to write, and the machine starts at the other side. Nothing is
//! lost; until the start everything can be taken back.

use super::moving::{self, BOOT, FENCE, START, START_AGAIN, UNBEGIN};
use super::{On, STEP, StepDecl, Undo, wrong_answer};
use crate::records::Proof;
use leeward_link::messages::{Request, Response};
use leeward_model::{
    FailoverEvidence, FailoverKind, Fault, Message, Phase, PointChoice, Recovery, SourceFence, amount,
};

/// Seconds the guest may take to shut down.
const SHUT_DOWN_SECS: u32 = 180;

pub(super) const STEPS: &[StepDecl] = &[
    StepDecl {
        id: "check",
        title: "step-check",
        act: |scene| moving::hosts_here(scene, true),
        accept: |scene, draft, _| moving::begin(scene, draft, FailoverKind::Planned),
        undo: UNBEGIN,
        ..STEP
    },
    StepDecl {
        id: "shut-down",
        title: "step-shut-down",
        phase: Phase::CutOver,
        on: On::From,
        act: |scene| {
            scene.ask(scene.from(), |op, item| {
                Some(Request::Quiesce { op, item: item.id, timeout_secs: SHUT_DOWN_SECS, force: false })
            })
        },
        accept: |scene, draft, response| match response {
            Response::Quiesced { proof } if proof.proves(draft.id(), scene.epoch_before()) => {
                draft.proof = Some(Proof::Quiesced(proof.clone()));
                Ok(())
            }
            _ => Err(wrong_answer(scene)),
        },
        undo: START_AGAIN,
        timeout_secs: SHUT_DOWN_SECS + 60,
        weight: 10,
        ..STEP
    },
    StepDecl {
        id: "last-delta",
        title: "step-last-delta",
        phase: Phase::CutOver,
        on: On::From,
        act: |scene| scene.ask(scene.from(), |op, item| Some(Request::FinalSync { op, item: item.id })),
        accept: |scene, draft, response| match response {
            Response::FinalSync { proof, sent_bytes, .. }
                if proof.proves(draft.id(), scene.epoch_before()) =>
            {
                draft.note = Some(Message::new("note-last-delta").with("size", amount::size(*sent_bytes)));
                draft.proof = Some(Proof::Synced(proof.clone()));
                Ok(())
            }
            _ => Err(wrong_answer(scene)),
        },
        undo: Undo::NotNeeded("one recovery point more"),
        tries: 5,
        timeout_secs: 1_800,
        weight: 10,
        ..STEP
    },
    StepDecl {
        accept: |scene, draft, response| match response {
            // Its host came back meanwhile and started it again: the last delta is not the last any more.
            Response::Fenced { ran: true, .. } => Err(Box::new(Fault::new(
                "step-source-ran-again",
                scene.host_name(scene.from()),
                String::new(),
                Recovery::NeedsPerson,
            ))),
            _ => (FENCE.accept)(scene, draft, response),
        },
        ..FENCE
    },
    StepDecl {
        act: |scene| {
            let synced = scene.job.gathered.synced.as_ref();
            moving::start_on(scene, synced.map(|s| PointChoice::Exact(s.point())))
        },
        accept: |scene, draft, response| {
            let Response::Started { .. } = response else { return Err(wrong_answer(scene)) };
            let got = scene.job.gathered.clone();
            let (Some(quiesced), Some(synced), Some(fence)) = (got.quiesced, got.synced, got.fence) else {
                return Err(wrong_answer(scene));
            };
            let (id, epoch) = (draft.id(), scene.epoch_before());
            let source = SourceFence::Fenced(fence.clone());
            draft.go(scene.now, |p, _| {
                p.failed_over(id, epoch, FailoverEvidence::Planned { quiesced, synced, fence })
            })?;
            moving::arrive(scene, draft, &source);
            Ok(())
        },
        ..START
    },
    BOOT,
];
