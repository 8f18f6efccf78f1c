//! One cycle's delta of a machine: what is asked and what came out. Apart from the driver, because a hypervisor
//! that can only be read from fills the same spools.

use crate::latency::WriteLatency;
use leeward_model::point::Consistency;
use leeward_model::{DiskId, Moment, Sequence};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// What the delta should promise about the guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ConsistencyAsk {
    /// As after a power cut.
    Crash,
    /// Frozen file systems, or an error.
    Application,
    /// Frozen file systems when the guest agent plays along; else as after a power cut.
    ApplicationOrCrash,
}

/// Where the delta of one disk goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SpoolAsk {
    /// The disk.
    pub disk: DiskId,
    /// File to make, absolute; must not exist. A qcow2 without backing whose allocated 64 KiB clusters are the
    /// delta.
    pub path: PathBuf,
}

/// A capture, asked for.
#[derive(Clone, Debug)]
pub struct CaptureAsk {
    /// Number of the change log it is for; comes back after a crash.
    pub sequence: Sequence,
    /// Disks and spools. Captured in one transaction: one instant for all.
    pub spools: Vec<SpoolAsk>,
    /// Promise.
    pub consistency: ConsistencyAsk,
    /// The longest the file systems may be frozen; they are thawed then, whatever happens.
    pub freeze_limit: Duration,
    /// The longest the whole capture may take; it is given up then and the changes stay tracked.
    pub limit: Duration,
    /// Make the spools and a point even when nothing changed.
    pub even_if_empty: bool,
}

/// What a capture came to.
#[derive(Clone, PartialEq, Debug)]
pub enum Capture {
    /// Nothing changed since the last one, in any of the disks. Nothing was written.
    Empty {
        /// Every write acknowledged to the guest before it was in the last point.
        instant: Moment,
    },
    /// The spools hold the delta. It must be sealed, then settled.
    Taken(Captured),
}

/// A delta in its spools. Spools and this record are flushed to the disk.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Captured {
    /// Number of the change log it is for.
    pub sequence: Sequence,
    /// Read from the caller's clock as the last thing before the transaction is sent: every write that was
    /// acknowledged to the guest before this instant is in the delta, on all disks; writes in the few
    /// milliseconds after it may be.
    pub instant: Moment,
    /// The promise kept.
    pub consistency: Consistency,
    /// Why the file systems were not frozen although it was asked for.
    pub freeze_failure: Option<String>,
    /// How long the guest's file systems stood still, in milliseconds.
    pub frozen_millis: Option<u64>,
    /// How long the capture took, transaction to closed spools, in milliseconds.
    pub took_millis: u64,
    /// Disk by disk.
    pub disks: Vec<CapturedDisk>,
    /// Guest write latency while the capture ran.
    pub guest_write_latency: Option<WriteLatency>,
}

/// The delta of one disk.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CapturedDisk {
    /// The disk.
    pub disk: DiskId,
    /// Its spool.
    pub path: PathBuf,
    /// Bytes of the delta, in whole 64 KiB blocks.
    pub delta_bytes: u64,
}

/// Where a capture stands, in the machine's folder, so that it is never unclear which changes it took.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) enum CaptureRecord {
    /// The transaction is about to be sent or was.
    Begun(Captured),
    /// The spools are complete and on the disk; the trackers are cleared.
    Taken(Captured),
}

impl CaptureRecord {
    /// Name of the record.
    pub(crate) const FILE: &'static str = "capture.json";
}
