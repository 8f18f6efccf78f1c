//! The way to the other agent of an item: dialled for each exchange, over mutual TLS. Apart from `cycle` and `copy`,
//! which know what is to be said there.

use crate::host::Host;
use crate::item::Item;
use crate::trouble::Trouble;
use leeward_link::bulk::{BulkOptions, BulkReader, BulkWriter, bulk_dial};
use leeward_model::{Epoch, Moment, Sequence};
use leeward_replication::ReplicationError;

/// Dials the other agent of an item and speaks with it.
pub(super) fn with_peer<T>(
    host: &Host,
    item: &Item,
    speak: impl FnOnce(&mut BulkReader, &mut BulkWriter) -> Result<T, ReplicationError>,
) -> Result<T, Trouble> {
    let peer = item.record().assignment.peer;
    let stream = bulk_dial(&peer.addr, peer.agent, &host.trust, &BulkOptions::default())?;
    let (mut reader, mut writer) = stream.split();
    let spoken = speak(&mut reader, &mut writer);
    // The other side knows by itself that a cut connection is over.
    leeward_replication::finish(&mut writer).ok();
    Ok(spoken?)
}

/// What the target holds.
pub(super) fn head(host: &Host, item: &Item) -> Result<(Epoch, Sequence, Option<Moment>), Trouble> {
    let record = item.record();
    with_peer(host, item, |r, w| leeward_replication::ask_head(r, w, record.item(), record.epoch))
}

/// Whether the other side still takes this host for the one that may write: true; false when it has taken the machine
/// over; no answer when it cannot be asked, or cannot serve for a reason that says nothing about that.
pub(crate) fn peer_confirms(host: &Host, item: &Item) -> Option<bool> {
    match head(host, item) {
        Ok(_) => Some(true),
        Err(Trouble::Bytes(ReplicationError::OlderEpoch { .. })) => Some(false),
        Err(Trouble::Bytes(ReplicationError::Refused { fault })) if fault.code == "agent-stale-epoch" => {
            Some(false)
        }
        Err(_) => None,
    }
}
