//! Unplanned failover: the machine is brought up at the other side although its own may be gone. Whatever can
//! still be saved from the old side is tried, and nothing there can stop the failover.

use super::moving::{self, BOOT, FENCE, START, START_AGAIN, UNBEGIN};
use super::{Act, Draft, On, OnFail, STEP, Scene, StepDecl, Undo, wrong_answer};
use crate::records::{JobArgs, Proof};
use leeward_link::messages::{Request, Response};
use leeward_model::{
    FailoverEvidence, FailoverKind, Fault, Message, Phase, PointChoice, PointId, PointSummary, Recovery,
    SourceFence, amount,
};

/// Seconds the guest may take to shut down before its power is taken.
const SHUT_DOWN_SECS: u32 = 60;

/// Seconds the side that shall run the machine may be away before the failover is taken back.
const TARGET_AWAY_SECS: i64 = 900;

pub(super) const STEPS: &[StepDecl] = &[
    StepDecl {
        id: "check",
        title: "step-check",
        act: |scene| moving::hosts_here(scene, false),
        accept: |scene, draft, _| moving::begin(scene, draft, FailoverKind::Unplanned),
        undo: UNBEGIN,
        ..STEP
    },
    StepDecl {
        id: "shut-down",
        title: "step-shut-down",
        phase: Phase::CutOver,
        on: On::From,
        left_out: not_asked,
        act: |scene| {
            if_here(scene, || {
                scene.ask(scene.from(), |op, item| {
                    Some(Request::Quiesce { op, item: item.id, timeout_secs: SHUT_DOWN_SECS, force: true })
                })
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
        fail: OnFail::GoOn,
        tries: 1,
        timeout_secs: SHUT_DOWN_SECS + 30,
        weight: 10,
        ..STEP
    },
    StepDecl {
        id: "last-delta",
        title: "step-last-delta",
        phase: Phase::CutOver,
        on: On::From,
        left_out: not_asked,
        act: |scene| {
            if scene.job.gathered.quiesced.is_none() {
                return Act::Skip(Message::new("skip-not-shut-down"));
            }
            if_here(scene, || {
                scene.ask(scene.from(), |op, item| Some(Request::FinalSync { op, item: item.id }))
            })
        },
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
        fail: OnFail::GoOn,
        tries: 1,
        timeout_secs: 600,
        weight: 10,
        ..STEP
    },
    StepDecl {
        act: |scene| if_here(scene, || (FENCE.act)(scene)),
        fail: OnFail::GoOn,
        tries: 2,
        timeout_secs: 30,
        ..FENCE
    },
    StepDecl {
        id: "choose",
        title: "step-choose-point",
        phase: Phase::BringUp,
        on: On::To,
        // Its points are known only from the host that keeps them.
        act: |scene| match (scene.present(scene.to()), scene.away_secs(scene.to())) {
            (true, _) => Act::Own,
            (false, 0..TARGET_AWAY_SECS) => Act::Wait,
            _ => moving::hosts_here(scene, false),
        },
        accept: |scene, draft, _| {
            let JobArgs::Failover { point, .. } = &scene.job.args else { return Err(wrong_answer(scene)) };
            let points = scene.points();
            // Only the newest point is overtaken by the last delta; any other was chosen for what it is.
            let synced = scene.job.gathered.synced.as_ref().map(leeward_model::FinalSyncDone::point);
            let chosen = match (synced, point) {
                (Some(last), PointChoice::Latest) => {
                    Some((last, instant_of(&points, last).unwrap_or(scene.now)))
                }
                _ => chosen(&points, *point).map(|p| (p.id, p.instant)),
            };
            let (id, instant) = chosen.ok_or_else(|| {
                Box::new(Fault::new("step-no-such-point", scene.name(), String::new(), Recovery::NeedsPerson))
            })?;
            draft.proof = Some(Proof::Point(id, instant));
            Ok(())
        },
        ..STEP
    },
    StepDecl {
        act: |scene| moving::start_on(scene, scene.job.gathered.point.map(|(id, _)| id)),
        accept: arrived,
        ..START
    },
    BOOT,
];

fn arrived(scene: &Scene<'_>, draft: &mut Draft, response: &Response) -> Result<(), Box<Fault>> {
    let (Response::Started { .. }, Some((point, _))) = (response, scene.job.gathered.point) else {
        return Err(wrong_answer(scene));
    };
    let source = match scene.job.gathered.fence.clone() {
        Some(proof) => SourceFence::Fenced(proof),
        None => SourceFence::Unknown,
    };
    let (id, epoch) = (draft.id(), scene.epoch_before());
    draft.go(scene.now, |p, _| {
        p.failed_over(id, epoch, FailoverEvidence::Unplanned { point, source: source.clone() })
    })?;
    moving::arrive(scene, draft, &source);
    Ok(())
}

/// The point a choice means, newest first.
pub(crate) fn chosen(points: &[PointSummary], choice: PointChoice) -> Option<&PointSummary> {
    match choice {
        PointChoice::Latest => points.first(),
        PointChoice::LatestAppConsistent => {
            points.iter().find(|p| p.consistency == leeward_model::Consistency::Application)
        }
        PointChoice::Exact(id) => points.iter().find(|p| p.id == id),
    }
}

fn instant_of(points: &[PointSummary], id: PointId) -> Option<leeward_model::Moment> {
    points.iter().find(|p| p.id == id).map(|p| p.instant)
}

fn not_asked(args: &JobArgs) -> Option<Message> {
    match args {
        JobArgs::Failover { shut_down_source: false, .. } => Some(Message::new("skip-not-asked")),
        _ => None,
    }
}

fn if_here(scene: &Scene<'_>, act: impl FnOnce() -> Act) -> Act {
    if scene.connected(scene.from()) {
        act()
    } else if scene.expected(scene.from()) {
        Act::Wait
    } else {
        Act::Skip(Message::new("skip-host-away").with("host", scene.host_name(scene.from())))
    }
}
