//! The target's end of replication: streams of other agents are served here, and a log is taken only from the
//! item's own source under an epoch that is not older than the one this host has seen. Apart from `source`, the
//! other end, and from `requests`, which come from the engine.

use crate::host::{Host, refuse};
use crate::item::Item;
use leeward_link::bulk::BulkStream;
use leeward_link::messages::Role;
use leeward_model::{AgentId, Epoch, Fault, ItemId, Moment, PointId, PointSummary};
use leeward_replication::{Cancel, PointStore, Receiver};
use std::sync::Arc;
use uuid::Uuid;

/// One stream of one other agent.
struct Stream<'a> {
    host: &'a Host,
    peer: AgentId,
}

/// Serves a stream until it ends.
pub(crate) fn serve(host: &Host, peer: AgentId, stream: BulkStream) {
    let addr = stream.addr().to_owned();
    let (mut reader, mut writer) = stream.split();
    let served = leeward_replication::receive(&mut reader, &mut writer, &Stream { host, peer });
    if let Err(error) = served {
        tracing::info!(from = addr, %peer, %error, "a replication stream ended");
    }
}

impl Receiver for Stream<'_> {
    fn admit(&self, item: ItemId, epoch: Epoch) -> Result<Arc<PointStore>, Fault> {
        let found = self.host.item(item).map_err(|f| *f)?;
        admit(&found, self.peer, epoch).map_err(|f| *f)?;
        let store = found.store().map_err(|f| *f)?;
        store.ok_or_else(|| *refuse("agent-store-missing", &found.name()))
    }

    fn committed(&self, item: ItemId, point: &PointSummary) {
        if let Some(item) = self.host.known(item) {
            let epoch = point.epoch;
            if item.record().epoch < epoch
                && let Err(fault) = item.change(|r| r.epoch = r.epoch.max(epoch))
            {
                tracing::error!(%fault, "an epoch could not be kept");
            }
            item.live().progress.clear();
            item.tell();
            self.host.want_tidying(item.id);
        }
    }

    fn progressed(&self, item: ItemId) {
        if let Some(item) = self.host.known(item) {
            item.tell();
        }
    }

    fn now(&self) -> Moment {
        self.host.now()
    }

    fn new_point_id(&self) -> PointId {
        PointId(Uuid::now_v7())
    }

    fn cancelled(&self) -> bool {
        false
    }
}

/// Whether logs of this item are taken from that agent under that epoch.
fn admit(item: &Item, peer: AgentId, epoch: Epoch) -> crate::Result<()> {
    let record = item.record();
    if epoch < record.epoch || matches!(record.role, Role::FailedOver) {
        let mut fault = refuse("agent-stale-epoch", record.name());
        fault.detail = format!("asked under epoch {epoch}, known is {}", record.epoch);
        return Err(fault);
    }
    if record.role != Role::Target {
        return Err(refuse("agent-not-target", record.name()));
    }
    if record.assignment.peer.agent != peer {
        return Err(refuse("agent-peer-not-assigned", record.name()));
    }
    Ok(())
}

/// Keeps the points of targets within their policy, one item after the other, for ever.
pub(crate) fn tidy(host: &Host) {
    loop {
        let id = host.next_to_tidy();
        let Some(item) = host.known(id) else { continue };
        let record = item.record();
        if record.role != Role::Target {
            continue;
        }
        let Ok(Some(store)) = item.store() else { continue };
        let rules = &record.assignment.policy.retention;
        match store.retain(rules, &Cancel::new()) {
            Ok(retained) => tracing::debug!(item = record.name(), ?retained, "points tidied"),
            // Nothing is lost by points that stay; the next point asks again.
            Err(error) => tracing::warn!(item = record.name(), %error, "points could not be tidied"),
        }
        measure(&item, &store);
        item.tell();
    }
}

/// Reads how much room the replica takes.
pub(crate) fn measure(item: &Item, store: &PointStore) {
    let disks: Vec<_> = store.disks().into_iter().map(|(disk, _)| disk).collect();
    for disk in disks {
        let bytes = store.replica_bytes(disk);
        item.live().replica_bytes.insert(disk, bytes);
    }
}
