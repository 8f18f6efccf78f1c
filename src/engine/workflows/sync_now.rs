//! One replication cycle at once. A job of its own, so that whoever asked for it sees when it has arrived.

use super::{On, STEP, StepDecl, Undo, wrong_answer};
use leeward_link::messages::{Request, Response};
use leeward_model::{Message, Phase, amount};

pub(super) const STEPS: &[StepDecl] = &[StepDecl {
    id: "sync",
    title: "step-sync",
    phase: Phase::CutOver,
    on: On::From,
    act: |scene| scene.ask(scene.from(), |op, item| Some(Request::SyncNow { op, item: item.id })),
    accept: |scene, draft, response| {
        let Response::Point { sent_bytes, .. } = response else { return Err(wrong_answer(scene)) };
        draft.note = Some(Message::new("note-sent").with("size", amount::size(*sent_bytes)));
        Ok(())
    },
    undo: Undo::NotNeeded("one recovery point more"),
    timeout_secs: 3_600,
    weight: 3,
    gives_way: true,
    ..STEP
}];
