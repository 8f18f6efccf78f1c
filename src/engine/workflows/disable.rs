//! Disable replication: both hosts forget the item, and the machine runs on where it is. A host that is away is
//! told when it returns, so that a dead host cannot keep an item in the vault for ever.

use super::{Act, Draft, On, OnFail, STEP, Scene, StepDecl, Undo};
use crate::records::{JobArgs, Release};
use leeward_link::messages::Request;
use leeward_model::{AgentId, Fault, Message, Phase, StepState};

pub(super) const STEPS: &[StepDecl] = &[
    StepDecl {
        id: "check",
        title: "step-check",
        accept: |scene, draft, _| {
            let id = draft.id();
            draft.go(scene.now, |p, _| p.begin_disable(id))
        },
        no_return: true,
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
        act: |scene| release(scene, scene.to(), delete_replica(scene)),
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

fn forget(
    scene: &Scene<'_>,
    draft: &mut Draft,
    _: &leeward_link::messages::Response,
) -> Result<(), Box<Fault>> {
    let item = draft.id();
    for (step, host, delete_replica) in
        [("release-source", scene.from(), false), ("release-target", scene.to(), delete_replica(scene))]
    {
        let skipped =
            scene.job.steps.iter().any(|s| s.id == step && matches!(s.state, StepState::Skipped { .. }));
        if let (true, Some(host)) = (skipped, host) {
            draft.releases.push((host, Release { item, delete_replica }));
        }
    }
    draft.item_gone = true;
    Ok(())
}

fn delete_replica(scene: &Scene<'_>) -> bool {
    matches!(scene.job.args, JobArgs::Disable { delete_replica: true })
}
