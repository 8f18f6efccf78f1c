//! What the agent remembers of an item, durably: one file per item, replaced as a whole. Apart from `item`, which
//! holds it in memory with everything that need not survive.

use crate::Result;
use crate::wall::Wall;
use leeward_fabric::StartDisk;
use leeward_link::messages::{Assignment, Role};
use leeward_model::fault::{Fault, Recovery};
use leeward_model::{
    DiskId, Epoch, ItemId, Message, Moment, NetworkChoice, PointId, PointKind, ReplicationPolicy, Sequence,
    TestId,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The version of the records.
const VERSION: u32 = 1;

/// No record is longer; a longer one is damage.
const RECORD_BYTES_MAX: u64 = 16 << 20;

/// An item, as this host keeps it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct ItemRecord {
    /// Version of this record.
    version: u32,
    /// What it was told last.
    pub(crate) assignment: Assignment,
    /// What this host is to it.
    pub(crate) role: Role,
    /// The highest epoch it has seen: logs and starts under an older one are refused.
    pub(crate) epoch: Epoch,
    /// Fenced while it had the machine running under an older epoch.
    pub(crate) superseded: bool,
    /// The old disks have been deleted by a person's choice.
    #[serde(default)]
    pub(crate) discarded: bool,
    /// The machine's folder on this host, once there is one.
    pub(crate) machine_folder: Option<PathBuf>,
    /// The replica store in use.
    pub(crate) store: Option<PathBuf>,
    /// What it does as a source.
    pub(crate) source: SourceRecord,
    /// The failover that is not reversed yet.
    pub(crate) failover: Option<FailoverRecord>,
    /// Open test failovers.
    pub(crate) tests: BTreeMap<TestId, TestRecord>,
}

/// The source's part.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SourceRecord {
    /// The last number given to a log or copy.
    pub(crate) sequence: Sequence,
    /// What the target acknowledged last.
    pub(crate) acked: (Epoch, Sequence),
    /// The instant of that.
    pub(crate) synced_to: Option<Moment>,
    /// A full copy or comparison that is to be made or runs.
    pub(crate) copy: Option<CopyPlan>,
    /// The point that ended the last one; none while one is under way.
    pub(crate) in_sync: Option<PointId>,
    /// Bytes that one sent.
    pub(crate) copy_sent_bytes: u64,
    /// A person must act.
    pub(crate) stopped: Option<Fault>,
    /// How the files of the machine stood when it was off and everything had been taken from them.
    #[serde(default)]
    pub(crate) drained: Option<Drained>,
}

/// A stop at which nothing was left to be captured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Drained {
    /// When the last run was started.
    pub(crate) run: Option<Moment>,
    /// The files that are written to.
    pub(crate) files: Vec<DrainedFile>,
}

/// A file as it was then.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct DrainedFile {
    /// Of this disk.
    pub(crate) disk: DiskId,
    /// Which file.
    pub(crate) inode: u64,
    /// Its length.
    pub(crate) bytes: u64,
    /// When it was last written to, in seconds and nanoseconds.
    pub(crate) written: (i64, i64),
}

/// A full copy or comparison.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct CopyPlan {
    /// Initial or Resync.
    pub(crate) kind: PointKind,
    /// These disks; all, if none is named.
    pub(crate) disks: Vec<DiskId>,
    /// Not before.
    pub(crate) not_before: Option<Moment>,
    /// Nobody has asked for it: it begins in the hours of the policy.
    #[serde(default)]
    pub(crate) by_itself: bool,
    /// Why it is needed.
    pub(crate) why: Message,
    /// Sealed logs that wait are of no use any more.
    pub(crate) discard_logs: bool,
    /// The frozen disks it reads, once they are.
    pub(crate) frozen: Option<FrozenCopy>,
    /// It is at the target; the frozen disks are being given back.
    pub(crate) shipped: bool,
    /// Disks were frozen for it: what had been tracked before is known to it alone, and no delta holds that.
    #[serde(default)]
    pub(crate) begun: bool,
    /// A person has cancelled it: it waits until somebody asks for it again.
    #[serde(default)]
    pub(crate) held: bool,
}

/// The instant a copy stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct FrozenCopy {
    /// Names the copy to the target, so that it goes on where it was.
    pub(crate) id: Uuid,
    /// The instant.
    pub(crate) instant: Moment,
    /// Its number.
    pub(crate) sequence: Sequence,
}

/// A failover to this host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct FailoverRecord {
    /// The point it stands on.
    pub(crate) point: PointId,
    /// The epoch it runs under.
    pub(crate) epoch: Epoch,
    /// The network.
    pub(crate) network: NetworkChoice,
    /// The choice of point is final.
    pub(crate) committed: bool,
}

/// A test failover on this host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct TestRecord {
    /// The point it stands on.
    pub(crate) point: PointId,
    /// Its network.
    pub(crate) network: NetworkChoice,
    /// When it was asked for.
    pub(crate) started: Moment,
}

/// The chains of a machine's disks, bottom first: `chain.json` in its folder. A machine without this record has one
/// file per disk, the definition's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Chains {
    /// Disk by disk.
    pub(crate) disks: Vec<StartDisk>,
}

impl Chains {
    /// Name of the record.
    pub(crate) const FILE: &'static str = "chain.json";
}

impl ItemRecord {
    /// Name of the record.
    pub(crate) const FILE: &'static str = "item.json";

    /// A new item.
    #[must_use]
    pub(crate) fn new(assignment: Assignment) -> Self {
        Self {
            version: VERSION,
            role: assignment.role,
            epoch: assignment.epoch,
            assignment,
            superseded: false,
            discarded: false,
            machine_folder: None,
            store: None,
            source: SourceRecord::default(),
            failover: None,
            tests: BTreeMap::new(),
        }
    }

    /// Its item.
    #[must_use]
    pub(crate) const fn item(&self) -> ItemId {
        self.assignment.item
    }

    /// The machine's name.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        &self.assignment.machine.name
    }

    /// Reads an item's record; one of a newer version is refused.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>> {
        let record: Option<Self> = read_record(path)?;
        match record {
            Some(record) if record.version != VERSION => {
                Err(damaged(path, format!("version {}, known is {VERSION}", record.version)))
            }
            record => Ok(record),
        }
    }
}

impl CopyPlan {
    /// A plan that has not begun.
    #[must_use]
    pub(crate) const fn new(kind: PointKind, disks: Vec<DiskId>, why: Message) -> Self {
        Self {
            kind,
            disks,
            not_before: None,
            by_itself: false,
            why,
            discard_logs: false,
            frozen: None,
            shipped: false,
            begun: false,
            held: false,
        }
    }

    /// Whether it is to be made now.
    #[must_use]
    pub(crate) fn is_due(&self, policy: &ReplicationPolicy, now: Moment, wall: &Wall) -> bool {
        (self.shipped || !self.held) && self.waits_until(policy, now, wall).is_none()
    }

    /// Until when it waits; none when it may begin, or has begun. Looked up anew each time, so that it follows an
    /// edited policy and a clock that jumps.
    #[must_use]
    pub(crate) fn waits_until(&self, policy: &ReplicationPolicy, now: Moment, wall: &Wall) -> Option<Moment> {
        // Disks that are frozen already gather the guest's writes: what has begun is brought to its end.
        let hours = policy.resync_hours.as_ref().filter(|_| self.by_itself && self.frozen.is_none());
        let opens = hours.and_then(|hours| wall.wait_for(hours, now));
        self.not_before.filter(|at| *at > now).max(opens)
    }
}

fn damaged(path: &Path, detail: String) -> Box<Fault> {
    Box::new(Fault::new("agent-record-damaged", &path.display().to_string(), detail, Recovery::NeedsPerson))
}

fn failed(path: &Path, error: &std::io::Error) -> Box<Fault> {
    let recovery =
        if error.kind() == ErrorKind::StorageFull { Recovery::Retries } else { Recovery::NeedsPerson };
    Box::new(Fault::new("agent-record-unwritten", &path.display().to_string(), error.to_string(), recovery))
}

/// Reads a record; none when there is none.
pub(crate) fn read_record<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(failed(path, &e)),
        Ok(found) if found.len() > RECORD_BYTES_MAX => {
            return Err(damaged(path, "it is too long".to_owned()));
        }
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(|e| failed(path, &e))?;
    serde_json::from_slice(&bytes).map(Some).map_err(|e| damaged(path, e.to_string()))
}

/// Writes a record durably: after any crash it is the old one or the new one.
pub(crate) fn write_record<T: Serialize>(path: &Path, record: &T) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    let write = || -> std::io::Result<()> {
        let next = path.with_extension("json.next");
        let bytes = serde_json::to_vec_pretty(record)?;
        let mut file = File::create(&next)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&next, path)?;
        File::open(folder)?.sync_all()
    };
    fs::create_dir_all(folder).and_then(|()| write()).map_err(|e| failed(path, &e))
}

/// Removes a file or folder durably; a missing one is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(failed(path, &e)),
    }
    let folder = path.parent().unwrap_or(path);
    File::open(folder).and_then(|f| f.sync_all()).map_err(|e| failed(path, &e))
}
