//! Enable replication of one machine: both hosts are set up, the first full copy travels, and protection begins.
//! The job waits through the first copy, which may take days, and gives way to what is urgent meanwhile.

use super::{Act, Draft, Lost, On, OnFail, STEP, Scene, StepDecl, Undo, UndoDecl, wrong_answer};
use crate::records::{JobArgs, Proof, Release};
use leeward_link::messages::{Activity, Request, Response, Role};
use leeward_model::{AgentId, Fault, Message, Phase, Recovery, amount};

pub(super) const STEPS: &[StepDecl] = &[
    StepDecl {
        id: "check",
        title: "step-check",
        act: |scene| super::moving::hosts_here(scene, true),
        undo: Undo::By(UndoDecl {
            act: |_| Act::Own,
            accept: |_, draft| {
                draft.item_gone = true;
                Ok(())
            },
            lost: Lost::Wait,
        }),
        ..STEP
    },
    StepDecl {
        id: "prepare-target",
        title: "step-prepare-target",
        on: On::To,
        act: |scene| {
            scene.ask(scene.to(), |op, _| {
                let assignment = scene.assignment(scene.job.from.other(), Role::Target)?;
                Some(Request::PrepareTarget { op, assignment })
            })
        },
        undo: Undo::By(UndoDecl {
            act: |scene| release(scene, scene.to()),
            accept: |scene, draft| owe(scene, draft, scene.to()),
            lost: Lost::MakeUp("the host is told when it returns"),
        }),
        weight: 2,
        ..STEP
    },
    StepDecl {
        id: "start-source",
        title: "step-start-source",
        on: On::From,
        act: |scene| {
            let JobArgs::Enable { not_before } = scene.job.args else {
                return Act::Fail(wrong_answer(scene));
            };
            scene.ask(scene.from(), |op, _| {
                let assignment = scene.assignment(scene.job.from, Role::Source)?;
                Some(Request::StartSource { op, assignment, not_before })
            })
        },
        accept: |scene, draft, _| {
            let id = draft.id();
            draft.go(scene.now, |p, _| p.enabled(id))
        },
        undo: Undo::By(UndoDecl {
            act: |scene| release(scene, scene.from()),
            accept: |scene, draft| owe(scene, draft, scene.from()),
            lost: Lost::MakeUp("the host is told when it returns"),
        }),
        weight: 2,
        ..STEP
    },
    StepDecl {
        id: "copy",
        title: "step-initial-replication",
        phase: Phase::CutOver,
        on: On::From,
        act: |scene| scene.ask(scene.from(), |op, item| Some(Request::AwaitInSync { op, item: item.id })),
        accept: |scene, draft, response| match response {
            Response::InSync { proof, sent_bytes } if proof.proves(draft.id(), scene.epoch_before()) => {
                draft.sends = Some(Activity::Waiting);
                draft.note = Some(Message::new("note-sent").with("size", amount::size(*sent_bytes)));
                draft.proof = Some(Proof::InSync(proof.clone()));
                Ok(())
            }
            _ => Err(wrong_answer(scene)),
        },
        undo: Undo::NotNeeded("what has been copied goes with the replica"),
        fail: OnFail::Stop,
        tries: 10,
        timeout_secs: 0,
        weight: 60,
        gives_way: true,
        ..STEP
    },
    StepDecl {
        id: "finalize",
        title: "step-finalize",
        phase: Phase::Settle,
        on: On::To,
        // Protected means that one can fail over: the target must have told its first point.
        act: |scene| {
            if !scene.points().is_empty() {
                return Act::Own;
            }
            let name = scene.host_name(scene.to());
            Act::Fail(Box::new(Fault::new("step-no-point-told", name, String::new(), Recovery::Retries)))
        },
        accept: |scene, draft, _| {
            let Some(proof) = scene.job.gathered.in_sync.clone() else { return Err(wrong_answer(scene)) };
            let (id, epoch) = (draft.id(), scene.epoch_before());
            draft.go(scene.now, |p, _| p.initial_done(id, epoch, &proof))
        },
        fail: OnFail::Stop,
        tries: 60,
        gives_way: true,
        no_return: true,
        ..STEP
    },
];

fn release(scene: &Scene<'_>, host: Option<AgentId>) -> Act {
    scene.ask(host, |op, item| Some(Request::Release { op, item: item.id, delete_replica: true }))
}

fn owe(scene: &Scene<'_>, draft: &mut Draft, host: Option<AgentId>) -> Result<(), Box<Fault>> {
    if let Some(host) = host.filter(|h| !scene.connected(Some(*h))) {
        let item = draft.id();
        draft.releases.push((host, Release { item, delete_replica: true, fence: None, failures: 0 }));
    }
    Ok(())
}
