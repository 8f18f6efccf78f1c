//! Room beside a machine's disks. While disks are frozen for a copy, the guest's writes fill an overlay there; when
//! the file system is full, the hypervisor stops the guest. So room is asked for before a freeze, watched during it,
//! and a guest that stands still for want of room runs again as soon as there is some. Apart from `copy`, which may
//! wait for the link while this goes on looking.

use crate::host::{Host, passing};
use crate::item::Item;
use crate::trouble::Trouble;
use leeward_fabric::{Adoption, MachineState};
use leeward_link::messages::Role;
use leeward_model::{Fault, Message};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Space that must be left beside a log or an overlay.
pub(super) const SPARE_BYTES: u64 = 64 << 20;

/// Space that must be there before disks are frozen: what guests write while a copy begins must not end it at once.
const BEFORE_FREEZE_BYTES: u64 = 4 * SPARE_BYTES;

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(2);

/// Refuses when there is less room than this beside one of the files.
pub(super) fn enough<'a>(
    host: &Host,
    item: &Item,
    files: impl Iterator<Item = &'a PathBuf>,
    needed: u64,
) -> Result<(), Trouble> {
    match files.filter_map(|file| lacking(host, file, needed)).next() {
        Some(detail) => Err(passing("agent-source-disk-full", &item.name(), detail).into()),
        None => Ok(()),
    }
}

/// Refuses to freeze disks where their overlays could not grow.
pub(super) fn enough_to_freeze<'a>(
    host: &Host,
    item: &Item,
    files: impl Iterator<Item = &'a PathBuf>,
) -> Result<(), Trouble> {
    enough(host, item, files, BEFORE_FREEZE_BYTES)
}

/// The room that a file takes.
pub(super) fn taken(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |m| m.blocks().saturating_mul(512))
}

/// What lacks beside a file, in figures. A file system that does not say how much is free is not held against it.
fn lacking(host: &Host, file: &Path, needed: u64) -> Option<String> {
    let folder = file.parent().unwrap_or(file);
    let free = host.free_bytes(folder)?;
    (free < needed).then(|| format!("{}: {free} bytes free, {needed} needed", folder.display()))
}

/// Looks after the room of all items for ever.
pub(crate) fn watch(host: &Arc<Host>) {
    loop {
        for item in host.items() {
            if let Err(fault) = look(host, &item) {
                tracing::debug!(item = item.name(), %fault, "could not look after a machine's room");
            }
        }
        std::thread::sleep(LOOK);
    }
}

/// Looks after the room of one item.
pub(crate) fn look(host: &Host, item: &Item) -> crate::Result<()> {
    let record = item.record();
    if !matches!(record.role, Role::Source | Role::FailedOver) {
        item.live().stands_still = None;
        return Ok(());
    }
    let Some(folder) = record.machine_folder.clone().map(leeward_fabric::MachineFolder::new) else {
        return Ok(());
    };
    let said = |e: leeward_fabric::FabricError| Box::new(e.fault(record.name()));
    let frozen = host.driver.frozen(&folder).map_err(said)?;
    // Giving the disks back writes what the overlays hold into the disks: that room must be there too.
    let held: u64 = frozen.iter().map(|f| taken(&f.overlay)).sum();
    let lacks = frozen
        .iter()
        .filter(|f| !f.merging)
        .find_map(|f| lacking(host, &f.overlay, held.saturating_add(SPARE_BYTES)));
    if let Some(detail) = lacks {
        let first = item.live().no_room.replace(detail).is_none();
        if first {
            item.interrupt();
        }
    } else {
        item.live().no_room = None;
    }
    let Adoption::Running(machine) = host.driver.adopt(&folder).map_err(said)? else {
        item.live().stands_still = None;
        return Ok(());
    };
    if machine.status().map_err(said)? != MachineState::IoError {
        if item.live().stands_still.take().is_some() {
            host.event(Some(item), Message::new("agent-guest-runs-again"), None);
            item.tell();
        }
        return Ok(());
    }
    if item.live().stands_still.is_none() {
        let fault: Fault = *passing("agent-guest-stopped", record.name(), String::new());
        item.live().stands_still = Some((fault.clone(), host.now()));
        host.event(Some(item), fault.what.clone(), Some(fault));
        item.tell();
    }
    let disks = machine.record().disks;
    let tops = disks.iter().filter_map(|d| d.chain.last()).map(|l| &l.path);
    if tops.chain(frozen.iter().map(|f| &f.overlay)).all(|file| lacking(host, file, SPARE_BYTES).is_none()) {
        machine.resume().map_err(said)?;
    }
    Ok(())
}
