//! Disable replication: both hosts forget the item, and the machine runs on where it is. A host that is away is
//! told when it returns, so that a dead host cannot keep an item in the vault for ever. An old source that nobody has
//! heard of since a failover is fenced before it forgets: what forgets without a fence starts its old machine again.

use super::{Act, Draft, On, OnFail, STEP, Scene, StepDecl, Undo, wrong_answer};
use crate::records::{JobArgs, Release};
use leeward_link::messages::{Request, Response};
use leeward_model::{AgentId, Fault, Message, Phase, Protection, SourceFence, StepState};

pub(super) const STEPS: &[StepDecl] = &[
    StepDecl {
        id: "check",
        title: "step-check",
        accept: |scene, draft, _| {
            let id = draft.id();
            let unknown = draft.item.as_ref().is_some_and(|i| source_unknown(&i.protection));
            draft.go(scene.now, |p, _| p.begin_disable(id))?;
            draft.change(|item| item.left_unfenced |= unknown);
            Ok(())
        },
        no_return: true,
        ..STEP
    },
    StepDecl {
        id: "fence",
        title: "step-fence",
        phase: Phase::CutOver,
        on: On::To,
        left_out: |args| match args {
            JobArgs::Disable { fence: true, .. } => None,
            _ => Some(Message::new("skip-fenced-already")),
        },
        act: |scene| {
            if !scene.item.is_some_and(|i| i.left_unfenced) {
                return Act::Skip(Message::new("skip-fenced-already"));
            }
            if !scene.connected(scene.to()) {
                return Act::Skip(Message::new("skip-told-later").with("host", scene.host_name(scene.to())));
            }
            scene.ask(scene.to(), |op, item| Some(Request::Fence { op, item: item.id, epoch: item.epoch }))
        },
        accept: |scene, draft, response| match response {
            Response::Fenced { proof, .. }
                if Some(proof.agent()) == scene.to()
                    && scene.item.is_some_and(|i| proof.proves(i.id, i.epoch)) =>
            {
                draft.change(|item| item.left_unfenced = false);
                Ok(())
            }
            _ => Err(wrong_answer(scene)),
        },
        undo: Undo::NotNeeded("a side that was left may stay fenced"),
        fail: OnFail::Stop,
        ..STEP
    },
    StepDecl {
        id: "release-source",
        title: "step-release-source",
        phase: Phase::CutOver,
        on: On::From,
        act: |scene| release(scene, scene.from(), false),
        undo: Undo::NotNeeded("the item is on its way out; restarting goes on"),
        fail: OnFail::Stop,
        weight: 2,
        ..STEP
    },
    StepDecl {
        id: "release-target",
        title: "step-release-target",
        phase: Phase::CutOver,
        on: On::To,
        act: |scene| {
            // It has come back since the step that would have fenced it: that goes first, and it is told both later.
            if scene.item.is_some_and(|i| i.left_unfenced) {
                return Act::Skip(Message::new("skip-told-later").with("host", scene.host_name(scene.to())));
            }
            release(scene, scene.to(), delete_replica(scene))
        },
        undo: Undo::NotNeeded("the item is on its way out; restarting goes on"),
        fail: OnFail::Stop,
        timeout_secs: 600,
        weight: 3,
        ..STEP
    },
    StepDecl {
        id: "forget",
        title: "step-forget",
        phase: Phase::Settle,
        accept: forget,
        fail: OnFail::Stop,
        ..STEP
    },
];

fn release(scene: &Scene<'_>, host: Option<AgentId>, delete_replica: bool) -> Act {
    if !scene.connected(host) {
        return Act::Skip(Message::new("skip-told-later").with("host", scene.host_name(host)));
    }
    scene.ask(host, |op, item| Some(Request::Release { op, item: item.id, delete_replica }))
}

/// Whether the side that was left may still run the machine.
pub(crate) const fn source_unknown(protection: &Protection) -> bool {
    matches!(
        protection,
        Protection::FailedOver { source: SourceFence::Unknown, .. }
            | Protection::Committed { source: SourceFence::Unknown }
    )
}

fn forget(scene: &Scene<'_>, draft: &mut Draft, _: &Response) -> Result<(), Box<Fault>> {
    let item = draft.id();
    let fence = scene.item.filter(|i| i.left_unfenced).map(|i| i.epoch);
    for (step, host, delete_replica, fence) in [
        ("release-source", scene.from(), false, None),
        ("release-target", scene.to(), delete_replica(scene), fence),
    ] {
        let skipped =
            scene.job.steps.iter().any(|s| *s.id == *step && matches!(s.state, StepState::Skipped { .. }));
        if let (true, Some(host)) = (skipped, host) {
            draft.releases.push((host, Release { item, delete_replica, fence, failures: 0 }));
        }
    }
    draft.item_gone = true;
    Ok(())
}

fn delete_replica(scene: &Scene<'_>) -> bool {
    matches!(scene.job.args, JobArgs::Disable { delete_replica: true, .. })
}
