//! A machine's power: one request to its host, which refuses it when the machine is fenced.

use super::{Act, STEP, StepDecl, Undo, wrong_answer};
use crate::records::JobArgs;
use leeward_link::messages::Request;
use leeward_model::Phase;

pub(super) const STEPS: &[StepDecl] = &[StepDecl {
    id: "power",
    title: "step-power",
    phase: Phase::BringUp,
    act: |scene| match scene.job.args {
        JobArgs::Power { machine, agent, action } => {
            Act::Call(agent, Box::new(Request::Power { op: scene.op(), machine, action }))
        }
        _ => Act::Fail(wrong_answer(scene)),
    },
    undo: Undo::NotNeeded("a person starts and stops at will"),
    tries: 1,
    timeout_secs: 300,
    weight: 5,
    gives_way: true,
    ..STEP
}];
