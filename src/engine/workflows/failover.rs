//! Unplanned failover: the machine is brought up at the other side although its own may be gone. Whatever can
//! still be saved from the old side is tried, and nothing there can stop the failover.

use super::moving::{self, BOOT, FENCE, START, START_AGAIN, UNBEGIN};
use super::{Act, Draft, On, OnFail, STEP, Scene, StepDecl, Undo, UndoDecl, wrong_answer};
use crate::records::{JobArgs, Proof, UnfenceOwed};
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
            // The last delta may not have been told yet.
            if scene.job.gathered.synced.is_some() && *point == PointChoice::Latest {
                return Ok(());
            }
            let chosen = chosen(&points, *point).ok_or_else(|| {
                Box::new(Fault::new("step-no-such-point", scene.name(), String::new(), Recovery::NeedsPerson))
            })?;
            // Which is the newest only the host that keeps them knows, once no log can come any more: it says so.
            if let PointChoice::Exact(id) = point {
                draft.proof = Some(Proof::Point(*id, chosen.instant));
            }
            Ok(())
        },
        ..STEP
    },
    // While the point was looked for, a source that was away may have come back.
    StepDecl {
        id: "fence-late",
        title: "step-fence-late",
        phase: Phase::BringUp,
        act: |scene| {
            if scene.job.gathered.fence.is_some() {
                return Act::Skip(Message::new("skip-fenced-already"));
            }
            if_here(scene, || (FENCE.act)(scene))
        },
        fail: OnFail::GoOn,
        tries: 2,
        timeout_secs: 30,
        ..FENCE
    },
    StepDecl {
        act: |scene| moving::start_on(scene, wanted(scene)),
        accept: arrived,
        undo: Undo::By(UndoDecl {
            accept: |scene, draft| {
                draft.raise_epoch(moving::epoch_back(scene));
                // It may have been fenced when it returned meanwhile.
                if scene.job.gathered.fence.is_none() {
                    // Of a host that was never there it is not known whether the machine ran: its own rule decides.
                    let reached = scene.job.steps.iter().any(|s| s.id.starts_with("fence") && s.tries > 0);
                    let own_rule = scene.item.is_some_and(|i| i.machine.autostart);
                    let start = scene.job.gathered.was_running || (!reached && own_rule);
                    draft.change(|item| item.unfence_owed = Some(UnfenceOwed { start }));
                }
                Ok(())
            },
            ..moving::DISCARD
        }),
        ..START
    },
    BOOT,
];

fn arrived(scene: &Scene<'_>, draft: &mut Draft, response: &Response) -> Result<(), Box<Fault>> {
    let Response::Started { point, .. } = *response else { return Err(wrong_answer(scene)) };
    if scene.job.gathered.point.is_some_and(|(id, _)| id != point) {
        return Err(wrong_answer(scene));
    }
    draft.proof = Some(Proof::Point(point, instant_of(scene, point)));
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

/// The point the other side is asked for: one that is known by name, or what a person's choice means there.
fn wanted(scene: &Scene<'_>) -> Option<PointChoice> {
    match (scene.job.gathered.point, &scene.job.args) {
        (Some((id, _)), _) => Some(PointChoice::Exact(id)),
        (None, JobArgs::Failover { point, .. }) => Some(*point),
        _ => None,
    }
}

/// The instant of a point, as far as its host has told it.
fn instant_of(scene: &Scene<'_>, id: PointId) -> leeward_model::Moment {
    scene.points().iter().find(|p| p.id == id).map_or(scene.now, |p| p.instant)
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
    } else if scene.expected(scene.from()) || scene.blinks(scene.from()) {
        Act::Wait
    } else {
        Act::Skip(Message::new("skip-host-away").with("host", scene.host_name(scene.from())))
    }
}
