//! What hosts do by themselves: guests write, cycles capture and ship, copies make progress. It goes on whether the
//! engine is there or not.

use crate::guest::Content;
use crate::host::Host;
use crate::perform::{Instant, summary, uuid_of};
use leeward_link::messages::Role;
use leeward_model::{
    AgentId, CycleSample, Epoch, ItemId, Moment, PointId, PointKind, PointSummary, Sequence,
};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Points a target keeps.
const POINTS_KEPT: usize = 8;

/// A sealed log on its way.
pub(crate) struct Log {
    pub(crate) item: ItemId,
    pub(crate) epoch: Epoch,
    pub(crate) sequence: Sequence,
    pub(crate) content: Content,
    pub(crate) at: Moment,
    pub(crate) kind: PointKind,
}

/// Whether two hosts can reach each other now.
pub(crate) type Reach<'a> = dyn Fn(AgentId, AgentId) -> bool + 'a;

/// One second of everything that hosts do by themselves.
pub(crate) fn second(
    hosts: &mut BTreeMap<AgentId, Host>,
    reach: &Reach<'_>,
    at: &mut Instant<'_>,
    record: &mut u64,
) {
    let agents: Vec<AgentId> = hosts.keys().copied().collect();
    for agent in agents {
        let Some(host) = hosts.get_mut(&agent) else { continue };
        for machine in host.machines.values_mut() {
            *record += 1;
            machine.write(*record);
        }
        if !host.up {
            continue;
        }
        let due: Vec<(ItemId, PointKind)> = host
            .items
            .iter_mut()
            .filter(|(_, k)| k.role == Role::Source && !k.paused && !k.stopped)
            .filter_map(|(id, k)| due(k, at.now).map(|kind| (*id, kind)))
            .collect();
        for (item, kind) in due {
            ship(hosts, agent, item, kind, reach, at);
        }
    }
}

/// Whether something is to be shipped now, and what.
fn due(kept: &mut crate::host::Kept, now: i64) -> Option<PointKind> {
    if kept.held && kept.copy.is_some() {
        return None;
    }
    if let Some(copy) = kept.copy.as_mut() {
        copy.left -= 1;
        let kind = if copy.initial { PointKind::Initial } else { PointKind::Resync };
        return (copy.left <= 0).then_some(kind);
    }
    if !kept.in_sync || now < kept.next_cycle {
        return None;
    }
    Some(PointKind::Delta)
}

/// Captures a machine's disks and ships them. Whether the target has acknowledged, and as which point.
pub(crate) fn ship(
    hosts: &mut BTreeMap<AgentId, Host>,
    from: AgentId,
    item: ItemId,
    kind: PointKind,
    reach: &Reach<'_>,
    at: &mut Instant<'_>,
) -> Option<PointId> {
    let host = hosts.get_mut(&from)?;
    let clock = at.at.plus_secs(host.ahead);
    let kept = host.items.get_mut(&item)?;
    let frequency = i64::from(kept.assignment.policy.copy_frequency.secs());
    let machine = host.machines.get(&kept.assignment.machine.id)?;
    kept.sequence = kept.sequence.next();
    let log = Log {
        item,
        epoch: kept.epoch,
        sequence: kept.sequence,
        content: Rc::clone(&machine.content),
        at: clock,
        kind,
    };
    let (peer, content) = (kept.assignment.peer.agent, Rc::clone(&log.content));
    let there = reach(from, peer) && hosts.get(&peer).is_some_and(|p| p.up && p.peers.contains(&from));
    let point = if there { receive(hosts.get_mut(&peer)?, log, at) } else { None };
    let host = hosts.get_mut(&from)?;
    let kept = host.items.get_mut(&item)?;
    kept.next_cycle = at.now + frequency;
    let Some(point) = point else {
        kept.failures += 1;
        return None;
    };
    let lag = kept.synced_to.map_or(0, |s| clock.millis_since(s));
    kept.failures = 0;
    kept.copy = None;
    kept.in_sync = true;
    kept.synced_to = Some(clock);
    kept.acknowledged = content;
    #[expect(clippy::cast_precision_loss, reason = "seconds of a lag")]
    let sample = CycleSample {
        at: clock,
        rpo_secs: lag as f32 / 1000.0,
        sent_bytes: 65_536,
        ship_secs: 0.2,
        capture_ms: 3.0,
    };
    host.cycles.entry(item).or_default().push(sample);
    Some(point)
}

/// The target commits a point, unless the log is of an older epoch than it has seen, or it is no target.
fn receive(host: &mut Host, log: Log, at: &mut Instant<'_>) -> Option<PointId> {
    let id = PointId(uuid_of(at));
    let kept = host.items.get_mut(&log.item)?;
    if kept.role != Role::Target || log.epoch < kept.epoch {
        return None;
    }
    kept.epoch = log.epoch;
    kept.sequence = log.sequence;
    let made = PointSummary { instant: log.at, ..summary(id, kept, at.at, log.kind) };
    kept.points.insert(0, (made, log.content));
    let open: Vec<PointId> = host.tests.values().filter(|t| t.item == log.item).map(|t| t.point).collect();
    let mut seen = 0;
    kept.points.retain(|(p, _)| {
        seen += 1;
        seen <= POINTS_KEPT || open.contains(&p.id) || p.kind == PointKind::Safety
    });
    Some(id)
}
