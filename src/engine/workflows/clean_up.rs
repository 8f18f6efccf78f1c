//! Clean-up of a test failover. Only with it a test counts as successful: what cannot be taken away again has not
//! been a good test.

use super::{On, OnFail, STEP, Scene, StepDecl, Undo, wrong_answer};
use crate::records::{JobArgs, Proof};
use leeward_link::messages::Request;
use leeward_model::{Epoch, Health, Message, Phase, TestId, TestState};

pub(super) const STEPS: &[StepDecl] = &[
    StepDecl {
        id: "check",
        title: "step-check",
        on: On::To,
        act: |scene| super::moving::hosts_here(scene, false),
        accept: |scene, draft, _| {
            let test = asked(scene).ok_or_else(|| wrong_answer(scene))?;
            let good = scene
                .item
                .is_some_and(|i| i.tests.iter().any(|t| t.id == test && t.state == TestState::Running));
            let epoch = scene.item.map_or(Epoch::FIRST, |i| i.epoch);
            draft.proof = Some(Proof::Began { was_running: good, epoch });
            draft.set_test(test, TestState::CleaningUp);
            Ok(())
        },
        no_return: true,
        ..STEP
    },
    StepDecl {
        id: "clean-up",
        title: "step-clean-up-test",
        phase: Phase::Settle,
        on: On::To,
        act: |scene| {
            scene.ask(scene.to(), |op, item| {
                Some(Request::CleanUpTest { op, item: item.id, test: asked(scene)? })
            })
        },
        accept: |scene, draft, _| {
            let test = asked(scene).ok_or_else(|| wrong_answer(scene))?;
            let good = scene.job.gathered.was_running;
            if let Some(notes) = notes(scene) {
                draft.note = Some(Message::new("note-test-notes").with("notes", notes));
                draft.events.push((Health::Healthy, Message::new("event-test-notes").with("notes", notes)));
            }
            draft.change(|item| {
                item.tests.retain(|t| t.id != test);
                if good {
                    item.last_test_ok = Some(scene.now);
                }
            });
            Ok(())
        },
        failed: |scene, draft| {
            if let Some(test) = asked(scene) {
                draft.set_test(test, TestState::WaitingForCleanup);
            }
        },
        undo: Undo::NotNeeded("a half removed test is removed by cleaning up again"),
        fail: OnFail::Stop,
        weight: 3,
        ..STEP
    },
];

fn asked(scene: &Scene<'_>) -> Option<TestId> {
    match scene.job.args {
        JobArgs::CleanUpTest { test, .. } => Some(test),
        _ => None,
    }
}

/// What the person who looked at the copy says of it.
fn notes<'a>(scene: &Scene<'a>) -> Option<&'a str> {
    match &scene.job.args {
        JobArgs::CleanUpTest { notes, .. } if !notes.is_empty() => Some(notes),
        _ => None,
    }
}
