//! What may not be lost: what was acknowledged, and what a failover promises. Apart from `checkers`, which look at who
//! runs and what comes to rest; here the contents of disks are compared, record by record.

use crate::checkers::{items, tail};
use crate::guest::Content;
use crate::world::World;
use leeward_engine::core::Record;
use leeward_engine::records::{ItemRecord, JobArgs};
use leeward_link::messages::Role;
use leeward_model::{FailoverKind, PointChoice, Protection};

/// Whether all that `part` holds stands at the beginning of `whole`.
fn holds(whole: &Content, part: &Content) -> bool {
    std::rc::Rc::ptr_eq(whole, part) || whole.starts_with(part)
}

/// What a source was told is safe is at its target: nothing acknowledged is lost.
pub(crate) fn acknowledged_is_kept(world: &World) {
    for record in items(world) {
        let source = world.hosts.get(&record.place(record.active).agent);
        let target = world.hosts.get(&record.place(record.active.other()).agent);
        let (Some(source), Some(target)) =
            (source.and_then(|h| h.items.get(&record.id)), target.and_then(|h| h.items.get(&record.id)))
        else {
            continue;
        };
        if source.role != Role::Source || target.role != Role::Target || source.acknowledged.is_empty() {
            continue;
        }
        let newest = target.points.first().map(|(_, content)| content.clone()).unwrap_or_default();
        assert!(
            holds(&newest, &source.acknowledged),
            "{}: {} records acknowledged, and the newest of {} kept is another\n{}",
            record.machine.name,
            source.acknowledged.len(),
            newest.len(),
            tail(world),
        );
    }
}

/// An item has moved since the second before: what was promised has been moved with it. In order, everything; in a
/// disaster to the newest point, everything that was ever acknowledged.
pub(crate) fn moved_without_loss(world: &World, before: Option<&ItemRecord>, record: &ItemRecord) {
    let Some(before) = before.filter(|b| b.active != record.active) else { return };
    let Protection::FailedOver { kind, .. } = &record.protection else { return };
    let machine = record.machine.id;
    let here = world.hosts.get(&record.place(record.active).agent);
    let there = world.hosts.get(&record.place(before.active).agent);
    let Some(moved) = here.and_then(|h| h.machines.get(&machine)).map(|m| &m.content) else { return };
    let promised = match kind {
        FailoverKind::Planned => there.and_then(|h| h.machines.get(&machine)).map(|m| &m.content),
        FailoverKind::Unplanned if to_newest(world, record) => {
            there.and_then(|h| h.items.get(&record.id)).map(|k| &k.acknowledged)
        }
        FailoverKind::Unplanned => None,
    };
    let Some(promised) = promised else { return };
    assert!(
        holds(moved, promised),
        "{}: {kind:?} failover promised {} records and brought {}\n{}",
        record.machine.name,
        promised.len(),
        moved.len(),
        tail(world),
    );
}

/// Whether the last failover of an item was asked for the newest point.
fn to_newest(world: &World, record: &ItemRecord) -> bool {
    let failovers = world.vault.database.records().into_iter().filter_map(|found| match found {
        Record::Job(job) if job.item == Some(record.id) => Some(job),
        _ => None,
    });
    let last = failovers.filter(|j| matches!(j.args, JobArgs::Failover { .. })).max_by_key(|j| j.started);
    last.is_some_and(|j| matches!(j.args, JobArgs::Failover { point: PointChoice::Latest, .. }))
}
