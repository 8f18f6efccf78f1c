//! Machines that are off and have nothing left to give. What was captured of one while it was held is noted with the
//! state of its files; as long as they are as they were, no hypervisor is started to find that out again. For raw
//! disks, whose tracking ends with every process, the note is the only one who knows that nothing is lost. Apart from
//! `cycle`, which asks, and from the driver, whose stored trackers say less.

use crate::Result;
use crate::host::Host;
use crate::item::Item;
use crate::machines::{Held, disk_files};
use crate::records::{Drained, DrainedFile, ItemRecord, read_record};
use crate::trouble::Trouble;
use leeward_fabric::{Adoption, Machine, MachineFolder, RunRecord, Tracking};
use leeward_model::Moment;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

/// Whether nothing has touched the disks of a machine that is off since everything was taken from them.
pub(crate) fn is_drained(record: &ItemRecord, folder: &MachineFolder) -> bool {
    record.source.drained.as_ref().is_some_and(|noted| state(folder).is_ok_and(|now| now == *noted))
}

/// The end of a hold in which everything was captured: noted once its process has closed the files.
pub(super) fn note(
    host: &Host,
    item: &Item,
    folder: &MachineFolder,
    machine: Arc<dyn Machine>,
    held: Held,
) -> std::result::Result<(), Trouble> {
    let ours = machine.record().started_at;
    drop(machine);
    drop(held);
    let off = matches!(host.driver.adopt(folder)?, Adoption::Off);
    let now = state(folder)?;
    // Whoever has started it meanwhile has begun another run.
    if off && now.run == Some(ours) && host.driver.frozen(folder)?.is_empty() {
        item.change(|r| r.source.drained = Some(now))?;
    }
    Ok(())
}

/// The end of a copy of a held machine: noted if no change has gathered meanwhile.
pub(super) fn after_copy(
    host: &Host,
    item: &Item,
    folder: &MachineFolder,
    machine: Arc<dyn Machine>,
    held: Held,
) -> std::result::Result<(), Trouble> {
    let clean = |t: &Tracking| matches!(t, Tracking::Tracking { dirty_bytes: Some(0), .. });
    if machine.tracking()?.values().all(clean) { note(host, item, folder, machine, held) } else { Ok(()) }
}

fn state(folder: &MachineFolder) -> Result<Drained> {
    let run: Option<RunRecord> = read_record(&folder.file("run.json"))?;
    let definition =
        folder.definition().map_err(|e| Box::new(e.fault(&folder.path().display().to_string())))?;
    let mut files = Vec::new();
    for (disk, path, _) in disk_files(folder, &definition)? {
        let unread = |e: std::io::Error| {
            let subject = path.display().to_string();
            crate::host::passing("agent-record-unwritten", &subject, e.to_string())
        };
        let found = std::fs::metadata(&path).map_err(unread)?;
        files.push(DrainedFile {
            disk,
            inode: found.ino(),
            bytes: found.len(),
            written: (found.mtime(), found.mtime_nsec()),
        });
    }
    Ok(Drained { run: run.map(|r| -> Moment { r.started_at }), files })
}
