//! The 50 % rule: what waits of a disk is worth less than a comparison once it is past half of the disk. Apart from
//! `cycle`, which captures and ships.

use super::cycle::Disks;
use super::room;
use crate::item::Item;
use crate::trouble::Trouble;
use leeward_model::{DiskId, Message};
use leeward_replication::find_sealed;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The bytes that wait in the sealed logs of each disk.
fn waiting(item: &Item, disks: &Disks) -> Result<BTreeMap<DiskId, u64>, Trouble> {
    let paths: Vec<(DiskId, PathBuf)> = disks.iter().map(|(d, p, _)| (*d, p.clone())).collect();
    let mut bytes: BTreeMap<DiskId, u64> = BTreeMap::new();
    for log in find_sealed(item.id, &paths)?.cycles.iter().flat_map(|c| &c.disks) {
        if !log.manifest.blocks.is_empty() {
            *bytes.entry(log.manifest.disk).or_default() += room::taken(&log.spool);
        }
    }
    Ok(bytes)
}

/// The disks of which something waits in sealed logs.
pub(super) fn logged(item: &Item, disks: &Disks) -> Result<BTreeSet<DiskId>, Trouble> {
    Ok(waiting(item, disks)?.into_keys().collect())
}

/// The 50 % rule: what waits of a disk, in logs and in its tracker, is worth less than a comparison once it is past
/// half of the disk. Only while logs wait: nothing is captured then, and changes gather in the tracker. Logs that are
/// past it by themselves are given up, with the disks they hold something of; else they still go first, and only the
/// disk that is past it is compared.
pub(super) fn note_logs(item: &Item, disks: &Disks) -> Result<(), Trouble> {
    let waiting = waiting(item, disks)?;
    let (mut logs, mut past) = (false, Vec::new());
    let mut live = item.live();
    for (disk, _, size) in disks {
        let bytes = waiting.get(disk).copied().unwrap_or(0);
        let entry = live.disks.entry(*disk).or_insert((true, 0, 0));
        entry.2 = bytes;
        logs |= bytes > size / 2;
        if !waiting.is_empty() && bytes.saturating_add(entry.1) > size / 2 {
            past.push(*disk);
        }
    }
    drop(live);
    let why = Message::new("agent-resync-logs-too-large");
    if logs {
        return Err(Trouble::Resync { disks: waiting.into_keys().collect(), why, discard_logs: true });
    }
    if past.is_empty() { Ok(()) } else { Err(Trouble::Resync { disks: past, why, discard_logs: false }) }
}
