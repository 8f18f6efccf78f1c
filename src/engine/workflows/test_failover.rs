//! Test failover: a copy of a recovery point is brought up in an isolated network beside the running replication.
//! It never holds the right to write: no epoch, no fence, no change of protection.

use super::failover::chosen;
use super::moving::BOOT_SECS;
use super::{Act, Draft, Lost, On, OnFail, STEP, Scene, StepDecl, Undo, UndoDecl, wrong_answer};
use crate::records::{JobArgs, Proof, TestRecord};
use leeward_link::messages::{Request, Response};
use leeward_model::{Fault, Message, NetworkChoice, Phase, Recovery, TestId, TestState};

pub(super) const STEPS: &[StepDecl] = &[
    StepDecl {
        id: "check",
        title: "step-choose-point",
        on: On::To,
        act: |scene| super::moving::hosts_here(scene, false),
        accept: begin,
        undo: Undo::By(UndoDecl {
            act: |_| Act::Own,
            accept: |scene, draft| {
                if let Some((test, _)) = asked(scene) {
                    draft.change(|item| item.tests.retain(|t| t.id != test));
                }
                Ok(())
            },
            lost: Lost::Wait,
        }),
        ..STEP
    },
    StepDecl {
        id: "start",
        title: "step-start-test",
        phase: Phase::BringUp,
        on: On::To,
        act: |scene| {
            scene.ask(scene.to(), |op, item| {
                let (test, network) = asked(scene)?;
                let (point, _) = scene.job.gathered.point?;
                Some(Request::StartTest { op, item: item.id, test, point, network })
            })
        },
        accept: |scene, draft, response| {
            let Response::Started { ours_ms, hypervisor_ms, reach, .. } = response else {
                return Err(wrong_answer(scene));
            };
            draft.note = Some(
                Message::new("note-started")
                    .with("ours", ours_ms.round())
                    .with("hypervisor", hypervisor_ms.round()),
            );
            if let Some((test, _)) = asked(scene) {
                draft.change(|item| {
                    if let Some(found) = item.tests.iter_mut().find(|t| t.id == test) {
                        found.reach.clone_from(reach);
                    }
                });
            }
            Ok(())
        },
        failed: wait_for_clean_up,
        undo: Undo::By(UndoDecl {
            act: |scene| {
                scene.ask(scene.to(), |op, item| {
                    Some(Request::CleanUpTest { op, item: item.id, test: asked(scene)?.0 })
                })
            },
            accept: |_, _| Ok(()),
            lost: Lost::Wait,
        }),
        weight: 4,
        ..STEP
    },
    StepDecl {
        id: "boot",
        title: "step-boot",
        phase: Phase::BringUp,
        on: On::To,
        act: |scene| {
            scene.ask(scene.to(), |op, item| {
                let test = Some(asked(scene)?.0);
                Some(Request::AwaitBoot { op, item: item.id, test, timeout_secs: BOOT_SECS })
            })
        },
        accept: booted,
        failed: wait_for_clean_up,
        undo: Undo::NotNeeded("the test is taken away as a whole"),
        fail: OnFail::Stop,
        timeout_secs: BOOT_SECS + 60,
        weight: 20,
        ..STEP
    },
];

fn begin(scene: &Scene<'_>, draft: &mut Draft, _: &Response) -> Result<(), Box<Fault>> {
    let JobArgs::TestFailover { test, point, network } = &scene.job.args else {
        return Err(wrong_answer(scene));
    };
    let points = scene.points();
    let found = chosen(&points, *point).ok_or_else(|| {
        Box::new(Fault::new("step-no-such-point", scene.name(), String::new(), Recovery::NeedsPerson))
    })?;
    draft.proof = Some(Proof::Point(found.id, found.instant));
    let record = TestRecord {
        id: *test,
        state: TestState::Starting,
        point: found.id,
        point_instant: found.instant,
        network: network.clone(),
        started: scene.job.started,
        reach: Vec::new(),
        recovery_secs: None,
    };
    draft.change(|item| {
        if item.tests.iter().all(|t| t.id != record.id) {
            item.tests.push(record);
        }
    });
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a recovery")]
fn booted(scene: &Scene<'_>, draft: &mut Draft, response: &Response) -> Result<(), Box<Fault>> {
    let (Response::Booted { how, .. }, Some((test, _))) = (response, asked(scene)) else {
        return Err(wrong_answer(scene));
    };
    draft.note = Some(how.clone());
    let secs = scene.now.millis_since(scene.job.started) as f64 / 1000.0;
    draft.change(|item| {
        if let Some(found) = item.tests.iter_mut().find(|t| t.id == test) {
            found.state = TestState::Running;
            found.recovery_secs = Some(secs);
        }
    });
    Ok(())
}

fn wait_for_clean_up(scene: &Scene<'_>, draft: &mut Draft) {
    if let Some((test, _)) = asked(scene) {
        draft.set_test(test, TestState::WaitingForCleanup);
    }
}

fn asked(scene: &Scene<'_>) -> Option<(TestId, NetworkChoice)> {
    match &scene.job.args {
        JobArgs::TestFailover { test, network, .. } => Some((*test, network.clone())),
        _ => None,
    }
}
