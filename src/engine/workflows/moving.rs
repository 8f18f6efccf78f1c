//! The steps that planned and unplanned failover share: beginning and its undo, the fence, the start at the other
//! side, the wait for the guest. Apart from both, because here the right to write changes hands and it must do so
//! in one way only.
//!
//! Every grant of the right to write has its own epoch. With `e` before the failover, the other side gets `e + 1`;
//! when the failover is taken back, the side that was left gets `e + 2`, and the other side is told that first. So
//! no two sides ever hold the same epoch.

use super::{Act, Draft, Lost, On, OnFail, STEP, Scene, StepDecl, Undo, UndoDecl, wrong_answer};
use crate::records::{Proof, UnfenceOwed};
use leeward_link::messages::{PowerAction, Request, Response};
use leeward_model::{
    Epoch, FailoverKind, Fault, Message, NetworkChoice, Phase, PointChoice, Protection, Recovery, SourceFence,
};

/// Seconds the guest may take to answer after its start.
pub(super) const BOOT_SECS: u32 = 300;

/// The epoch that the other side gets.
pub(super) fn epoch_there(scene: &Scene<'_>) -> Epoch {
    scene.epoch_before().next()
}

/// The epoch that the side that was left gets when the failover is taken back.
pub(super) fn epoch_back(scene: &Scene<'_>) -> Epoch {
    scene.epoch_before().next().next()
}

/// Both hosts must be there, or only the one that will run the machine.
pub(super) fn hosts_here(scene: &Scene<'_>, both: bool) -> Act {
    let needed = if both { vec![scene.from(), scene.to()] } else { vec![scene.to()] };
    if needed.iter().any(|host| scene.expected(*host)) {
        return Act::Wait;
    }
    for host in needed {
        if !scene.connected(host) {
            let name = scene.host_name(host);
            return Act::Fail(Box::new(Fault::new(
                "step-host-away",
                name,
                String::new(),
                Recovery::NeedsPerson,
            )));
        }
    }
    Act::Own
}

/// The failover begins.
pub(super) fn begin(scene: &Scene<'_>, draft: &mut Draft, kind: FailoverKind) -> Result<(), Box<Fault>> {
    let (id, epoch) = (draft.id(), scene.item.map_or(Epoch::FIRST, |i| i.epoch));
    let reversing = scene.item.is_some_and(|i| i.protection == Protection::Reversing);
    draft.go(scene.now, |p, item| p.begin_failover(id, kind, item.active))?;
    draft.change(|item| item.reversing = reversing);
    draft.proof = Some(Proof::Began { was_running: scene.runs(), epoch });
    Ok(())
}

/// The failover has been taken back: the item stands as before.
pub(super) const UNBEGIN: Undo = Undo::By(UndoDecl {
    act: |_| Act::Own,
    accept: |scene, draft| {
        let id = draft.id();
        draft.go(scene.now, |p, item| p.failover_undone(id, item.reversing))?;
        draft.change(|item| item.reversing = false);
        Ok(())
    },
    lost: Lost::Wait,
});

/// The machine that was shut down is started again where it was.
pub(super) const START_AGAIN: Undo = Undo::By(UndoDecl {
    act: |scene| {
        if !scene.job.gathered.was_running {
            return Act::Skip(Message::new("skip-was-off"));
        }
        scene.ask(scene.from(), |op, item| {
            Some(Request::Power { op, machine: item.machine.id, action: PowerAction::Start })
        })
    },
    accept: |scene, draft| {
        owe(scene, draft);
        Ok(())
    },
    lost: Lost::MakeUp("the machine is started again when its host returns, if the item still runs there"),
});

/// The side that is left gives up the right to write.
pub(super) const FENCE: StepDecl = StepDecl {
    id: "fence",
    title: "step-fence",
    phase: Phase::CutOver,
    on: On::From,
    act: |scene| {
        scene.ask(scene.from(), |op, item| {
            Some(Request::Fence { op, item: item.id, epoch: epoch_there(scene) })
        })
    },
    accept: |scene, draft, response| match response {
        Response::Fenced { proof, .. }
            if proof.proves(draft.id(), epoch_there(scene)) && Some(proof.agent()) == scene.from() =>
        {
            draft.proof = Some(Proof::Fence(proof.clone()));
            Ok(())
        }
        _ => Err(wrong_answer(scene)),
    },
    undo: Undo::By(UndoDecl {
        act: |scene| {
            scene.ask(scene.from(), |op, item| {
                Some(Request::Unfence { op, item: item.id, epoch: epoch_back(scene), start: false })
            })
        },
        accept: |scene, draft| {
            draft.raise_epoch(epoch_back(scene));
            owe(scene, draft);
            Ok(())
        },
        lost: Lost::MakeUp("its host refuses to start the machine until it is told otherwise"),
    }),
    weight: 1,
    ..STEP
};

/// A host that is away is given the right to write back when it returns.
fn owe(scene: &Scene<'_>, draft: &mut Draft) {
    if !scene.connected(scene.from()) {
        let start = scene.job.gathered.was_running;
        draft.change(|item| item.unfence_owed = Some(UnfenceOwed { start }));
    }
}

/// The machine that was started at the other side is taken away there.
pub(super) const DISCARD: UndoDecl = UndoDecl {
    act: |scene| {
        scene.ask(scene.to(), |op, item| {
            Some(Request::DiscardFailover { op, item: item.id, epoch: epoch_back(scene) })
        })
    },
    accept: |scene, draft| {
        draft.raise_epoch(epoch_back(scene));
        Ok(())
    },
    lost: Lost::Wait,
};

/// The machine starts at the other side.
pub(super) const START: StepDecl = StepDecl {
    id: "start",
    title: "step-start",
    phase: Phase::BringUp,
    on: On::To,
    undo: Undo::By(DISCARD),
    timeout_secs: 120,
    weight: 4,
    no_return: true,
    ..STEP
};

/// Asks the other side to start the machine on a point.
pub(super) fn start_on(scene: &Scene<'_>, point: Option<PointChoice>) -> Act {
    scene.ask(scene.to(), |op, item| {
        let (item, epoch) = (item.id, epoch_there(scene));
        Some(Request::FailOver { op, item, epoch, point: point?, network: NetworkChoice::Production })
    })
}

/// The machine runs at the other side: the item follows it.
pub(super) fn arrive(scene: &Scene<'_>, draft: &mut Draft, source: &SourceFence) {
    let epoch = epoch_there(scene);
    draft.change(|item| {
        item.active = scene.job.from.other();
        item.epoch = epoch;
        item.superseded = false;
        item.reversing = false;
        item.unfence_owed = None;
        item.paused = false;
    });
    if *source == SourceFence::Unknown {
        let what = Message::new("event-source-unknown").with("host", scene.host_name(scene.from()));
        draft.tell(leeward_model::Health::Warning, what);
    }
}

/// The guest answers.
pub(super) const BOOT: StepDecl = StepDecl {
    id: "boot",
    title: "step-boot",
    phase: Phase::BringUp,
    on: On::To,
    act: |scene| {
        scene.ask(scene.to(), |op, item| {
            Some(Request::AwaitBoot { op, item: item.id, test: None, timeout_secs: BOOT_SECS })
        })
    },
    accept: |scene, draft, response| {
        let Response::Booted { how, .. } = response else { return Err(wrong_answer(scene)) };
        draft.note = Some(how.clone());
        draft.change(|item| item.last_failover_ok = Some(scene.now));
        Ok(())
    },
    undo: Undo::NotNeeded("the machine runs at the other side whether its guest answers or not"),
    fail: OnFail::Stop,
    timeout_secs: BOOT_SECS + 60,
    weight: 20,
    ..STEP
};
