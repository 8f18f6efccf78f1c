//! What a simulated host does when it is asked. Every operation may be performed twice, because a crash may come
//! between its effect and the record of its result.

use crate::guest::Machine;
use crate::host::{Copy, Host, Kept, Test, fault};
use leeward_link::messages::{Assignment, PowerAction, Request, Response, Role};
use leeward_model::{
    Epoch, EvidenceMint, Fault, ItemId, Moment, PointChoice, PointId, PointKind, PointSummary, PowerState,
    Recovery, Sequence,
};
use std::rc::Rc;

/// What became of an attempt.
pub(crate) enum Done {
    /// It has ended.
    Ended(Response),
    /// Not yet: ask again.
    NotYet,
    /// It has failed.
    Failed(Fault),
    /// It needs the other host: a point for it with this content, of this kind.
    Ship(PointKind),
}

/// The instant and the chance an operation sees.
pub(crate) struct Instant<'a> {
    pub(crate) now: i64,
    pub(crate) at: Moment,
    pub(crate) seed: &'a mut crate::seed::Seed,
}

fn refuse(code: &'static str) -> Done {
    Done::Failed(fault(code, Recovery::NeedsPerson))
}

impl Host {
    /// Tries to perform a request.
    pub(crate) fn perform(&mut self, request: &Request, at: &mut Instant<'_>) -> Done {
        match request {
            Request::Trust { .. } | Request::MayRun { .. } | Request::CancelOp { .. } => {
                Done::Ended(Response::Done)
            }
            Request::Report => Done::Ended(Response::Report(Box::new(self.report(at.at)))),
            Request::ConsolePicture { .. } => {
                Done::Ended(Response::Picture { png_base64: "AAAA".to_owned(), at: at.at })
            }
            Request::Power { machine, action, .. } => self.power(*machine, *action, at),
            Request::PrepareTarget { assignment, .. } => self.prepare_target(assignment),
            Request::StartSource { assignment, .. } => self.start_source(assignment, at),
            Request::BecomeTarget { assignment, .. } => self.become_target(assignment, at),
            Request::BecomeSource { assignment, .. } => self.become_source(assignment, at),
            Request::Reassign { assignment, .. } => self.reassign(assignment),
            Request::Release { item, .. } => self.release(*item, at),
            Request::CleanUpTest { test, .. } => {
                self.tests.remove(test);
                Done::Ended(Response::Done)
            }
            Request::AwaitBoot { item, test, .. } => self.await_boot(*item, *test, at),
            other => self.perform_on_item(other, at),
        }
    }

    fn perform_on_item(&mut self, request: &Request, at: &mut Instant<'_>) -> Done {
        let mint = EvidenceMint::grant();
        let agent = self.agent;
        let Some(item) = item_of(request) else { return refuse("sim-unknown") };
        let Some(kept) = self.items.get_mut(&item) else { return refuse("sim-item-unknown") };
        let machine = self.machines.get_mut(&kept.assignment.machine.id);
        match request {
            Request::AwaitInSync { op, .. } => await_in_sync(kept, op.attempt > 1, &mint, item),
            Request::SetPaused { paused, .. } => {
                kept.paused = *paused;
                kept.assignment.paused = *paused;
                kept.stopped &= *paused;
                Done::Ended(Response::Done)
            }
            Request::SyncNow { .. } if kept.role != Role::Source => refuse("sim-not-source"),
            Request::SyncNow { .. } if kept.stopped => refuse("sim-stopped"),
            Request::SyncNow { .. } if kept.copy.is_some() => Done::NotYet,
            Request::SyncNow { .. } => Done::Ship(PointKind::Delta),
            Request::Resynchronize { .. } => {
                if kept.role != Role::Source {
                    return refuse("sim-not-source");
                }
                kept.in_sync = false;
                kept.stopped = false;
                kept.held = false;
                kept.copy.get_or_insert(Copy { initial: false, left: 20, whole: 20 });
                Done::Ended(Response::Done)
            }
            Request::StopComparison { .. } => {
                kept.held |= kept.role == Role::Source && kept.copy.is_some_and(|c| !c.initial);
                Done::Ended(Response::Done)
            }
            Request::Quiesce { .. } | Request::FinalSync { .. } => self.stop_source(request, item, at),
            Request::Fence { epoch, .. } => fence(kept, machine, *epoch, &mint, (item, agent, at.at)),
            Request::Unfence { epoch, start, .. } => {
                if *epoch < kept.epoch {
                    return refuse("sim-stale-epoch");
                }
                kept.epoch = *epoch;
                kept.stopped = false;
                if kept.role == Role::Fenced {
                    kept.role = Role::Source;
                    kept.superseded = false;
                }
                if let Some(machine) = machine.filter(|m| *start && m.power != PowerState::Running) {
                    run(machine, *epoch, at.now);
                }
                Done::Ended(Response::Done)
            }
            Request::DiscardFailover { .. }
            | Request::CommitFailover { .. }
            | Request::DiscardSource { .. } => self.end_failover(request, item),
            Request::VerifyPoint { point, .. } => match kept.points.iter().find(|(p, _)| p.id == *point) {
                Some((found, _)) => {
                    let bytes = found.size_bytes;
                    Done::Ended(Response::Verified { point: *point, bytes, uncompared_bytes: 0 })
                }
                None => refuse("sim-no-point"),
            },
            Request::FailOver { epoch, point, .. } => self.fail_over(item, *epoch, *point, at),
            Request::StartTest { test, point, .. } => self.start_test(item, *test, *point, at),
            _ => refuse("sim-unknown"),
        }
    }

    /// What a source does last before it gives the right to write away.
    fn stop_source(&mut self, request: &Request, item: ItemId, at: &Instant<'_>) -> Done {
        let mint = EvidenceMint::grant();
        let Some(kept) = self.items.get_mut(&item) else { return refuse("sim-item-unknown") };
        let machine = self.machines.get_mut(&kept.assignment.machine.id);
        match request {
            Request::Quiesce { .. } => {
                if kept.role != Role::Source {
                    return refuse("sim-not-source");
                }
                if let Some(machine) = machine.filter(|m| m.power != PowerState::Off) {
                    machine.power = PowerState::ShutDown;
                }
                let proof = mint.source_quiesced(item, kept.epoch, at.at, true);
                Done::Ended(Response::Quiesced { proof })
            }
            Request::FinalSync { .. } => match machine.map(|m| m.power) {
                Some(PowerState::Running | PowerState::Paused) => refuse("sim-still-runs"),
                _ if kept.role != Role::Source => refuse("sim-not-source"),
                _ if kept.stopped => refuse("sim-stopped"),
                _ if kept.copy.is_some() => Done::NotYet,
                _ => Done::Ship(PointKind::Final),
            },
            _ => refuse("sim-unknown"),
        }
    }

    /// What ends a failover, one way or another.
    fn end_failover(&mut self, request: &Request, item: ItemId) -> Done {
        let Some(kept) = self.items.get_mut(&item) else { return refuse("sim-item-unknown") };
        let machine = self.machines.get_mut(&kept.assignment.machine.id);
        match request {
            Request::DiscardFailover { epoch, .. } => {
                if *epoch < kept.epoch {
                    return refuse("sim-stale-epoch");
                }
                kept.epoch = *epoch;
                kept.failed_over_to = None;
                if kept.role == Role::FailedOver {
                    let id = kept.assignment.machine.id;
                    kept.role = Role::Target;
                    self.machines.remove(&id);
                }
                Done::Ended(Response::Done)
            }
            Request::CommitFailover { epoch, .. } => {
                if *epoch < kept.epoch || kept.role != Role::FailedOver {
                    return refuse("sim-not-failed-over");
                }
                kept.points.truncate(1);
                Done::Ended(Response::Done)
            }
            Request::DiscardSource { .. } => {
                if kept.role != Role::Fenced {
                    return refuse("sim-not-fenced");
                }
                if let Some(machine) = machine {
                    machine.content = Rc::default();
                }
                kept.superseded = false;
                Done::Ended(Response::Done)
            }
            _ => refuse("sim-unknown"),
        }
    }

    fn fail_over(&mut self, item: ItemId, epoch: Epoch, wanted: PointChoice, at: &Instant<'_>) -> Done {
        let Some(kept) = self.items.get_mut(&item) else { return refuse("sim-item-unknown") };
        if epoch < kept.epoch {
            return refuse("sim-stale-epoch");
        }
        if !matches!(kept.role, Role::Target | Role::FailedOver) {
            return refuse("sim-not-target");
        }
        let found = match (wanted, kept.failed_over_to) {
            (PointChoice::Exact(id), _) => kept.points.iter().find(|(p, _)| p.id == id),
            (_, Some(id)) => kept.points.iter().find(|(p, _)| p.id == id),
            (_, None) => kept.points.first(),
        };
        let Some((summary, content)) = found.cloned() else { return refuse("sim-no-point") };
        let point = summary.id;
        kept.epoch = epoch;
        kept.failed_over_to = Some(point);
        // Performed a second time it finds the machine running, and leaves what that has written alone.
        let runs = kept.role == Role::FailedOver && self.machines.contains_key(&kept.assignment.machine.id);
        kept.role = Role::FailedOver;
        if !runs {
            let mut machine = Machine::new(
                kept.assignment.machine.id,
                kept.assignment.machine.disks.first().map_or(leeward_model::DiskId(item.0), |d| d.id),
                &kept.assignment.machine.name,
            );
            machine.definition = kept.assignment.machine.clone();
            machine.content = content;
            run(&mut machine, epoch, at.now);
            self.machines.insert(kept.assignment.machine.id, machine);
        }
        Done::Ended(started(point))
    }

    fn start_test(
        &mut self,
        item: ItemId,
        test: leeward_model::TestId,
        point: PointId,
        at: &Instant<'_>,
    ) -> Done {
        let Some(kept) = self.items.get(&item) else { return refuse("sim-item-unknown") };
        let Some((_, content)) = kept.points.iter().find(|(p, _)| p.id == point).cloned() else {
            return refuse("sim-no-point");
        };
        let mut machine = Machine::new(
            leeward_model::MachineId(test.0),
            leeward_model::DiskId(test.0),
            &format!("{}-test", kept.assignment.machine.name),
        );
        machine.content = content;
        machine.started = at.now;
        self.tests.entry(test).or_insert(Test { item, point, machine });
        Done::Ended(started(point))
    }

    fn await_boot(&mut self, item: ItemId, test: Option<leeward_model::TestId>, at: &Instant<'_>) -> Done {
        let machine = match test {
            Some(test) => self.tests.get(&test).map(|t| &t.machine),
            None => self.items.get(&item).and_then(|k| self.machines.get(&k.assignment.machine.id)),
        };
        match machine {
            Some(machine) if machine.power != PowerState::Running => refuse("sim-not-running"),
            None => refuse("sim-not-running"),
            Some(machine) if at.now - machine.started < 3 => Done::NotYet,
            Some(_) => {
                Done::Ended(Response::Booted { secs: 3.0, how: leeward_model::Message::new("note-started") })
            }
        }
    }

    fn prepare_target(&mut self, assignment: &Assignment) -> Done {
        if let Some(kept) = self.items.get(&assignment.item)
            && (kept.epoch > assignment.epoch || kept.role != Role::Target)
        {
            return refuse("sim-stale-epoch");
        }
        self.items.entry(assignment.item).or_insert_with(|| kept(assignment, Role::Target));
        Done::Ended(Response::Done)
    }

    fn start_source(&mut self, assignment: &Assignment, at: &mut Instant<'_>) -> Done {
        let left = 5 + i64::try_from(at.seed.below(10)).unwrap_or(0);
        let Some(machine) = self.machines.get_mut(&assignment.machine.id) else {
            return refuse("sim-no-machine");
        };
        machine.epoch = Some(assignment.epoch);
        self.items.entry(assignment.item).or_insert_with(|| {
            let mut kept = kept(assignment, Role::Source);
            kept.copy = Some(Copy { initial: true, left, whole: left });
            kept
        });
        Done::Ended(Response::Done)
    }

    fn become_target(&mut self, assignment: &Assignment, at: &mut Instant<'_>) -> Done {
        let Some(kept) = self.items.get_mut(&assignment.item) else { return refuse("sim-item-unknown") };
        if assignment.epoch < kept.epoch {
            return refuse("sim-stale-epoch");
        }
        if kept.role == Role::Target {
            return Done::Ended(Response::Done);
        }
        if kept.role != Role::Fenced {
            return refuse("sim-not-fenced");
        }
        let content = self.machines.remove(&assignment.machine.id).map(|m| m.content).unwrap_or_default();
        kept.epoch = assignment.epoch;
        kept.assignment = assignment.clone();
        kept.role = Role::Target;
        kept.superseded = false;
        kept.points = vec![(summary(PointId(uuid_of(at)), kept, at.at, PointKind::Safety), content)];
        Done::Ended(Response::Done)
    }

    fn become_source(&mut self, assignment: &Assignment, at: &mut Instant<'_>) -> Done {
        let left = 3 + i64::try_from(at.seed.below(6)).unwrap_or(0);
        let Some(kept) = self.items.get_mut(&assignment.item) else { return refuse("sim-item-unknown") };
        if assignment.epoch < kept.epoch {
            return refuse("sim-stale-epoch");
        }
        if !matches!(kept.role, Role::FailedOver | Role::Source) {
            return refuse("sim-not-failed-over");
        }
        kept.assignment = assignment.clone();
        if kept.role == Role::FailedOver {
            kept.role = Role::Source;
            kept.points.clear();
            kept.failed_over_to = None;
            kept.in_sync = false;
            kept.synced_to = None;
            kept.acknowledged = Rc::default();
            kept.copy = Some(Copy { initial: false, left, whole: left });
            kept.held = false;
        }
        Done::Ended(Response::Done)
    }

    fn reassign(&mut self, assignment: &Assignment) -> Done {
        let Some(kept) = self.items.get_mut(&assignment.item) else { return refuse("sim-item-unknown") };
        if assignment.epoch < kept.epoch {
            return refuse("sim-stale-epoch");
        }
        kept.epoch = assignment.epoch;
        if kept.role == Role::Source && assignment.role == Role::FailedOver {
            kept.role = Role::FailedOver;
            kept.copy = None;
        }
        kept.paused = assignment.paused;
        kept.stopped = false;
        kept.assignment = assignment.clone();
        Done::Ended(Response::Done)
    }

    fn release(&mut self, item: ItemId, at: &Instant<'_>) -> Done {
        if let Some(kept) = self.items.remove(&item) {
            let machine = kept.assignment.machine.id;
            if kept.role == Role::Fenced {
                self.fenced_for_ever.insert(machine);
            } else if self.to_start.remove(&machine)
                && let Some(found) = self.machines.get_mut(&machine)
            {
                // Nobody protects it any more: it starts by itself.
                found.power = PowerState::Running;
                found.started = at.now;
            }
        }
        self.tests.retain(|_, test| test.item != item);
        Done::Ended(Response::Done)
    }

    fn power(&mut self, machine: leeward_model::MachineId, action: PowerAction, at: &Instant<'_>) -> Done {
        let kept = self.items.values().find(|k| k.assignment.machine.id == machine);
        let (role, epoch) = (kept.map(|k| k.role), kept.map(|k| k.epoch));
        let Some(found) = self.machines.get_mut(&machine) else { return refuse("sim-no-machine") };
        match action {
            PowerAction::Start => {
                if role.is_some_and(|r| !matches!(r, Role::Source | Role::FailedOver)) {
                    return refuse("sim-fenced");
                }
                if found.power != PowerState::Running {
                    found.power = PowerState::Running;
                    found.started = at.now;
                    found.epoch = epoch;
                }
            }
            PowerAction::ShutDown | PowerAction::PowerOff => found.power = PowerState::Off,
        }
        Done::Ended(Response::Done)
    }
}

/// Asked again, what had stopped goes on: a person has looked.
fn await_in_sync(kept: &mut Kept, again: bool, mint: &EvidenceMint, item: ItemId) -> Done {
    if kept.role != Role::Source {
        return refuse("sim-not-source");
    }
    if (kept.stopped || kept.held) && !again {
        return refuse("sim-stopped");
    }
    (kept.stopped, kept.held) = (false, false);
    if kept.copy.is_some() || !kept.in_sync {
        return Done::NotYet;
    }
    Done::Ended(Response::InSync { proof: mint.in_sync(item, kept.epoch, PointId(item.0)), sent_bytes: 1 })
}

fn fence(
    kept: &mut Kept,
    machine: Option<&mut Machine>,
    epoch: Epoch,
    mint: &EvidenceMint,
    (item, agent, at): (ItemId, leeward_model::AgentId, Moment),
) -> Done {
    if epoch < kept.epoch {
        return refuse("sim-stale-epoch");
    }
    let ran = machine.as_ref().is_some_and(|m| m.power == PowerState::Running);
    if let Some(machine) = machine {
        machine.power = PowerState::Off;
    }
    kept.superseded = ran || (kept.role == Role::Fenced && kept.superseded);
    kept.epoch = epoch;
    kept.role = Role::Fenced;
    kept.copy = None;
    Done::Ended(Response::Fenced { proof: mint.fence(item, agent, epoch, at), ran: kept.superseded })
}

fn run(machine: &mut Machine, epoch: Epoch, now: i64) {
    machine.power = PowerState::Running;
    machine.epoch = Some(epoch);
    machine.started = now;
}

const fn started(point: PointId) -> Response {
    Response::Started { point, ours_ms: 40.0, hypervisor_ms: 90.0, reach: Vec::new() }
}

fn kept(assignment: &Assignment, role: Role) -> Kept {
    Kept {
        assignment: assignment.clone(),
        role,
        epoch: assignment.epoch,
        paused: assignment.paused,
        points: Vec::new(),
        copy: None,
        in_sync: false,
        synced_to: None,
        acknowledged: Rc::default(),
        sequence: Sequence(0),
        next_cycle: 0,
        failures: 0,
        superseded: false,
        stopped: false,
        held: false,
        failed_over_to: None,
    }
}

/// A point of an item.
pub(crate) fn summary(id: PointId, kept: &Kept, at: Moment, kind: PointKind) -> PointSummary {
    PointSummary {
        id,
        epoch: kept.epoch,
        sequence: kept.sequence,
        instant: at,
        committed_at: at,
        consistency: leeward_model::Consistency::Crash,
        kind,
        size_bytes: 65_536,
        pinned: false,
    }
}

pub(crate) fn uuid_of(at: &mut Instant<'_>) -> uuid::Uuid {
    leeward_engine::core::IdSource::new_id(at.seed)
}

/// The item a request is about.
pub(crate) const fn item_of(request: &Request) -> Option<ItemId> {
    match request {
        Request::AwaitInSync { item, .. }
        | Request::SetPaused { item, .. }
        | Request::SyncNow { item, .. }
        | Request::Resynchronize { item, .. }
        | Request::StopComparison { item, .. }
        | Request::Quiesce { item, .. }
        | Request::FinalSync { item, .. }
        | Request::Fence { item, .. }
        | Request::Unfence { item, .. }
        | Request::FailOver { item, .. }
        | Request::DiscardFailover { item, .. }
        | Request::CommitFailover { item, .. }
        | Request::StartTest { item, .. }
        | Request::CleanUpTest { item, .. }
        | Request::AwaitBoot { item, .. }
        | Request::DiscardSource { item, .. }
        | Request::Release { item, .. }
        | Request::VerifyPoint { item, .. } => Some(*item),
        _ => None,
    }
}
