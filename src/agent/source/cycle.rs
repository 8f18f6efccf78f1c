//! A delta cycle: what the disks' track of changes holds becomes a sealed log beside each disk, and travels. The
//! order keeps every acknowledged write: sealed before the track is let go of, deleted only after the target has
//! acknowledged. Apart from `copy`, which reads whole frozen disks.

use super::room::{self, SPARE_BYTES};
use super::{drained, half, ship, with_frequency};
use crate::host::Host;
use crate::item::{Delivered, Item};
use crate::machines::disk_files;
use crate::trouble::Trouble;
use leeward_fabric::{
    Adoption, Capture, CaptureAsk, Captured, ConsistencyAsk, FabricError, LostWhy, Machine, MachineFolder,
    SpoolAsk, Tracking, WriteLatency,
};
use leeward_link::messages::Role;
use leeward_model::{CycleSample, DiskId, Message, Moment, PointId, PointKind, Sequence};
use leeward_replication::{CycleHead, SealedCycle, SpoolDisk, find_sealed, seal, ship_cycle, spool_path};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the guest agent may take to freeze the guest's file systems.
const FREEZE_LIMIT: Duration = Duration::from_secs(5);

/// How long a capture may take.
const CAPTURE_LIMIT: Duration = Duration::from_secs(300);

/// One disk: its identity, the file that is written to, its size.
pub(super) type Disks = Vec<(DiskId, PathBuf, u64)>;

/// Runs a cycle. `last` makes a point of it whatever it holds, as the end of a planned failover.
pub(super) fn run(host: &Host, item: &Item, last: bool) -> Result<Delivered, Trouble> {
    let record = item.record();
    let began = Instant::now();
    {
        let mut live = item.live();
        live.next_cycle = began + with_frequency(record.assignment.policy.copy_frequency);
    }
    let folder = host.item_folder(item)?;
    let definition = folder.definition()?;
    let disks = disk_files(&folder, &definition)?;
    let kind = if last { PointKind::Final } else { PointKind::Delta };
    settle_leftovers(host, item, &folder, &disks)?;
    half::note_logs(item, &disks)?;
    let mut delivered = ship_sealed(host, item, &disks)?;
    if item.record().role != Role::Source {
        return Err(Trouble::Changed);
    }
    if let Some(instant) = quiet(host, item, &folder, last)? {
        return Ok(delivered.unwrap_or_else(|| nothing_new(item, instant)));
    }
    let (machine, held) = host.opened(item)?;
    check_tracking(&machine.tracking()?)?;
    let captured = capture(host, item, machine.as_ref(), &disks, last)?;
    match captured {
        Capture::Empty { instant } => {
            if let Some(held) = held {
                drained::note(host, item, &folder, machine, held)?;
            }
            item.change(|r| r.source.synced_to = Some(instant))?;
            delivered.get_or_insert_with(|| nothing_new(item, instant));
        }
        Capture::Taken(captured) => {
            let millis = captured.took_millis;
            let in_cycle = captured.guest_write_latency.clone();
            let sealed = seal_captured(item, &captured, &disks, kind)?;
            machine.settle_capture(captured.sequence)?;
            let latency = in_cycle.and_then(|inside| Some((inside, machine.write_latency().ok()?)));
            if let Some(held) = held {
                drained::note(host, item, &folder, machine, held)?;
            }
            let lag = lag_secs(item, host.now());
            let shipping = Instant::now();
            let one = deliver(host, item, &sealed)?;
            note(item, host.now(), lag, one, shipping.elapsed(), millis);
            if let Some((inside, all)) = latency {
                note_latency(item, &inside, &all);
            }
            delivered = Some(one);
        }
    }
    delivered.ok_or(Trouble::Changed)
}

/// A machine that is off and has nothing to say: the instant up to which the target has everything.
fn quiet(host: &Host, item: &Item, folder: &MachineFolder, last: bool) -> Result<Option<Moment>, Trouble> {
    if last || item.record().source.in_sync.is_none() || !matches!(host.driver.adopt(folder)?, Adoption::Off)
    {
        return Ok(None);
    }
    if drained::is_drained(&item.record(), folder) {
        let now = host.now();
        item.change(|r| r.source.synced_to = Some(now))?;
        return Ok(Some(now));
    }
    check_tracking(&host.driver.tracking_while_off(folder)?)?;
    Ok(None)
}

/// The answer to somebody who waits when nothing had changed.
fn nothing_new(item: &Item, instant: Moment) -> Delivered {
    let source = item.record().source;
    Delivered { point: source.in_sync.unwrap_or(PointId(uuid::Uuid::nil())), instant, sent_bytes: 0 }
}

/// Disks whose changes are not tracked must be compared.
pub(super) fn check_tracking(tracking: &BTreeMap<DiskId, Tracking>) -> Result<(), Trouble> {
    let lost: Vec<(DiskId, Option<LostWhy>)> = tracking
        .iter()
        .filter_map(|(disk, t)| match t {
            Tracking::Tracking { .. } => None,
            Tracking::Lost { why } => Some((*disk, Some(*why))),
            Tracking::None => Some((*disk, None)),
        })
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    let key = match lost.iter().find_map(|(_, why)| *why) {
        Some(LostWhy::InterruptedCapture | LostWhy::DroppedCapture) => "agent-resync-capture-cut",
        _ => "agent-resync-tracking-lost",
    };
    let disks =
        if lost.len() == tracking.len() { Vec::new() } else { lost.iter().map(|(d, _)| *d).collect() };
    Err(Trouble::Resync { disks, why: Message::new(key), discard_logs: false })
}

fn capture(
    host: &Host,
    item: &Item,
    machine: &dyn Machine,
    disks: &Disks,
    last: bool,
) -> Result<Capture, Trouble> {
    let record = item.record();
    enough_space(host, item, machine, disks)?;
    let every = record.assignment.policy.app_consistent_every_mins;
    let application = !last && every > 0 && item.live().next_application <= Instant::now();
    let sequence = item.change(|r| {
        r.source.sequence = r.source.sequence.next();
        r.source.sequence
    })?;
    let spools = disks
        .iter()
        .map(|(disk, path, _)| SpoolAsk { disk: *disk, path: spool_path(path, sequence) })
        .collect();
    let ask = CaptureAsk {
        sequence,
        spools,
        consistency: if application { ConsistencyAsk::ApplicationOrCrash } else { ConsistencyAsk::Crash },
        freeze_limit: FREEZE_LIMIT,
        limit: CAPTURE_LIMIT,
        // What a repair has brought becomes a point with the next cycle, also when nothing has changed since.
        even_if_empty: last || application || record.source.in_sync.is_none(),
    };
    let captured = machine.capture_delta(&ask, &|| host.now())?;
    if application {
        let wait = Duration::from_secs(u64::from(every) * 60);
        item.live().next_application = Instant::now() + wait;
        if let Capture::Taken(Captured { freeze_failure: Some(why), .. }) = &captured {
            let what = Message::new("agent-no-application-point").with("why", why.as_str());
            host.event(Some(item), what, None);
        }
    }
    Ok(captured)
}

/// A log that does not fit beside its disk would stop the guest.
fn enough_space(host: &Host, item: &Item, machine: &dyn Machine, disks: &Disks) -> Result<(), Trouble> {
    let mut needed: u64 = 0;
    for tracking in machine.tracking()?.values() {
        if let Tracking::Tracking { dirty_bytes: Some(bytes), .. } = tracking {
            needed = needed.saturating_add(*bytes);
        }
    }
    room::enough(host, item, disks.iter().map(|(_, path, _)| path), needed.saturating_add(SPARE_BYTES))
}

/// Seals a capture: from here on it counts.
fn seal_captured(
    item: &Item,
    captured: &Captured,
    disks: &Disks,
    kind: PointKind,
) -> Result<SealedCycle, Trouble> {
    let record = item.record();
    let (previous_epoch, previous) = record.source.acked;
    let head = CycleHead {
        item: item.id,
        epoch: record.epoch,
        sequence: captured.sequence,
        previous,
        previous_epoch,
        instant: captured.instant,
        consistency: captured.consistency,
        kind,
    };
    let size = |disk: DiskId| disks.iter().find(|(d, ..)| *d == disk).map_or(0, |(.., size)| *size);
    let spools: Vec<SpoolDisk> = captured
        .disks
        .iter()
        .map(|d| SpoolDisk { disk: d.disk, size_bytes: size(d.disk), spool: d.path.clone() })
        .collect();
    Ok(seal(&head, &spools)?)
}

/// A capture that was cut off by the end of an agent: it is sealed now, or given up.
pub(super) fn settle_leftovers(
    host: &Host,
    item: &Item,
    folder: &MachineFolder,
    disks: &Disks,
) -> Result<(), Trouble> {
    let unsettled = match host.driver.adopt(folder)? {
        Adoption::Running(machine) => machine.unsettled_capture()?.map(|c| (Some(machine), c)),
        Adoption::Off => host.driver.unsettled_while_off(folder)?.map(|c| (None, c)),
    };
    let Some((machine, captured)) = unsettled else { return Ok(()) };
    item.change(|r| r.source.sequence = r.source.sequence.max(captured.sequence))?;
    let (machine, _held): (Arc<dyn Machine>, _) = match machine {
        Some(machine) => (machine, None),
        None => host.opened(item)?,
    };
    match seal_captured(item, &captured, disks, PointKind::Delta) {
        Ok(_) => machine.settle_capture(captured.sequence)?,
        // What passes is no reason to give up changes that are still there.
        Err(trouble) if trouble.passes() => return Err(trouble),
        Err(error) => {
            tracing::warn!(item = item.name(), ?error, "a capture that was cut off cannot be sealed");
            machine.drop_capture(captured.sequence)?;
        }
    }
    Ok(())
}

/// Ships what is sealed and waits, in order; unfinished spools are thrown away.
pub(super) fn ship_sealed(host: &Host, item: &Item, disks: &Disks) -> Result<Option<Delivered>, Trouble> {
    let paths: Vec<(DiskId, PathBuf)> = disks.iter().map(|(d, p, _)| (*d, p.clone())).collect();
    let found = find_sealed(item.id, &paths)?;
    for path in &found.unsealed {
        crate::records::remove(path)?;
    }
    if let Some((path, error)) = found.damaged.first() {
        tracing::warn!(path = %path.display(), %error, "a change log is damaged");
        let why = Message::new("agent-resync-log-damaged").with("file", path.display().to_string());
        return Err(Trouble::Resync { disks: Vec::new(), why, discard_logs: true });
    }
    let mut last = None;
    for cycle in &found.cycles {
        let (lag, shipping) = (lag_secs(item, host.now()), Instant::now());
        let one = deliver(host, item, cycle)?;
        note(item, host.now(), lag, one, shipping.elapsed(), 0);
        last = Some(one);
    }
    Ok(last)
}

/// Ships one sealed cycle; when the target has acknowledged, it is forgotten here.
fn deliver(host: &Host, item: &Item, cycle: &SealedCycle) -> Result<Delivered, Trouble> {
    let cancel = item.live().cancel.clone();
    if item.record().role != Role::Source {
        return Err(Trouble::Changed);
    }
    let shipped =
        ship::with_peer(host, item, |r, w| ship_cycle(r, w, cycle, &item.throttle, &cancel, &|_, _| {}))?;
    let head = &cycle.head;
    let point = shipped.point.unwrap_or(PointId(uuid::Uuid::nil()));
    item.change(|r| {
        r.source.acked = (head.epoch, head.sequence);
        r.source.synced_to = Some(head.instant);
        // The first point of all disks after a repair of some ends the repair.
        if r.source.copy.is_none() {
            r.source.in_sync = Some(point);
        }
    })?;
    cycle.delete()?;
    for entry in item.live().disks.values_mut() {
        entry.2 = 0;
    }
    Ok(Delivered { point, instant: head.instant, sent_bytes: shipped.sent_bytes })
}

fn lag_secs(item: &Item, now: Moment) -> f32 {
    let synced = item.record().source.synced_to;
    #[expect(clippy::cast_precision_loss, reason = "seconds of a chart")]
    synced.map_or(0.0, |s| now.millis_since(s).max(0) as f32 / 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a chart")]
fn note(item: &Item, at: Moment, rpo_secs: f32, one: Delivered, took: Duration, capture_millis: u64) {
    let capture_ms = capture_millis as f32;
    let ship_secs = took.as_secs_f32();
    item.add_sample(CycleSample { at, rpo_secs, sent_bytes: one.sent_bytes, ship_secs, capture_ms });
}

/// What the cycle cost the guest, beside what its writes take anyway.
#[expect(clippy::cast_precision_loss, reason = "milliseconds for a person")]
fn note_latency(item: &Item, inside: &WriteLatency, all: &BTreeMap<DiskId, WriteLatency>) {
    let mut whole = WriteLatency::default();
    for one in all.values() {
        whole.add(one);
    }
    let p99 = |l: &WriteLatency| l.percentile_micros(990).map(|micros| micros as f32 / 1000.0);
    if let (Some(inside), Some(outside)) = (p99(inside), p99(&whole)) {
        item.live().guest_write_p99_ms = Some((inside, outside));
    }
}

/// Looks at the track of changes, for those who look at the item.
pub(crate) fn look(host: &Host, item: &Item) {
    let record = item.record();
    if record.role != Role::Source {
        return;
    }
    let Ok(folder) = host.item_folder(item) else { return };
    let tracking = match host.driver.adopt(&folder) {
        Ok(Adoption::Running(machine)) => machine.tracking(),
        Ok(Adoption::Off) => host.driver.tracking_while_off(&folder),
        Err(error) => Err::<_, FabricError>(error),
    };
    let Ok(tracking) = tracking else { return };
    let mut live = item.live();
    let mut changed = false;
    for (disk, state) in tracking {
        let logs = live.disks.get(&disk).map_or(0, |(_, _, logs)| *logs);
        let now = match state {
            Tracking::Tracking { dirty_bytes, .. } => (true, dirty_bytes.unwrap_or(0), logs),
            Tracking::None | Tracking::Lost { .. } => (false, 0, logs),
        };
        changed |= live.disks.insert(disk, now) != Some(now);
    }
    drop(live);
    if changed {
        item.tell();
    }
}

/// The number of the last log, for those who plan a copy.
pub(super) fn next_sequence(item: &Item) -> Result<Sequence, Trouble> {
    Ok(item.change(|r| {
        r.source.sequence = r.source.sequence.next();
        r.source.sequence
    })?)
}

/// Throws away what is sealed or spooled: a copy of all disks takes its place.
pub(super) fn throw_logs_away(item: &Item, folder: &MachineFolder) -> Result<(), Trouble> {
    let disks = disk_files(folder, &folder.definition()?)?;
    let paths: Vec<(DiskId, PathBuf)> = disks.into_iter().map(|(d, p, _)| (d, p)).collect();
    let found = find_sealed(item.id, &paths)?;
    for cycle in &found.cycles {
        cycle.delete()?;
    }
    let files = found.unsealed.iter().chain(found.damaged.iter().map(|(path, _)| path));
    for path in files {
        crate::records::remove(path)?;
    }
    Ok(())
}
