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
        let Response::Verified { bytes, uncompared_bytes, .. } = response else {
            return Err(wrong_answer(scene));
        };
        draft.note = Some(note(*bytes, *uncompared_bytes));
        Ok(())
    },
    undo: Undo::NotNeeded("only reads"),
    tries: 1,
    timeout_secs: 0,
    weight: 20,
    gives_way: true,
    ..STEP
}];

/// What was found. Bytes that nothing could be compared with are never passed over.
fn note(bytes: u64, uncompared_bytes: u64) -> Message {
    let size = amount::size(bytes);
    match uncompared_bytes {
        0 => Message::new("note-verified").with("size", size),
        rest => Message::new("note-verified-partly").with("size", size).with("rest", amount::size(rest)),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_could_not_be_compared_is_said() {
        let whole = super::note(1 << 30, 0).render();
        let partly = super::note(1 << 30, 1 << 20).render();
        assert!(whole.contains("all digests agree"), "{whole}");
        assert!(!partly.contains("all digests agree") && partly.contains("no digests"), "{partly}");
    }
}
