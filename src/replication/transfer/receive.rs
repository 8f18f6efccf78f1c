//! The target's side of every exchange. Who may send what is decided by the caller; every block's fingerprint is
//! checked before it counts, and the source hears of a point only when it is durable. Apart from `cycle` and `copy`.

use super::copy::fingerprints;
use crate::control::Cancel;
use crate::digest::BLOCK_BYTES;
use crate::error::{ReplicationError, Result};
use crate::files::Aligned;
use crate::layers::Chain;
use crate::line::{KEEP_ALIVE, Line};
use crate::log::{CycleHead, Manifest, parse_manifest};
use crate::store::{Arriving, Comparison, CopyHead, CopyMode, FullCopy, Overlays, PointStore, Ready};
use crate::wire::{self, Answer, Ask, Frame, Kind};
use leeward_model::fault::Fault;
use leeward_model::{DiskId, Epoch, ItemId, Moment, PointId, PointSummary};
use std::io::{Read, Write};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Frames that may wait to be written.
const AHEAD: usize = 8;

/// Bytes of a refused exchange that are let in.
const DRAINED_MAX: usize = 256 << 20;

/// What the target's host decides and gives.
pub trait Receiver: Sync {
    /// Whether logs of this item under this epoch are taken, and where they go.
    ///
    /// # Errors
    /// Why not, in words.
    fn admit(&self, item: ItemId, epoch: Epoch) -> std::result::Result<Arc<PointStore>, Fault>;
    /// A point has been made.
    fn committed(&self, item: ItemId, point: &PointSummary);
    /// Something of an item has come.
    fn progressed(&self, item: ItemId);
    /// Now.
    fn now(&self) -> Moment;
    /// An identity for a new point.
    fn new_point_id(&self) -> PointId;
    /// Whether the stream shall end.
    fn cancelled(&self) -> bool;
    /// How often a silent exchange gives a sign of life.
    fn keep_alive(&self) -> Duration {
        KEEP_ALIVE
    }
}

/// Serves exchanges until the source says goodbye or the stream ends.
///
/// # Errors
/// When the stream breaks in the middle of an exchange. What has come is kept.
pub fn receive<R: Read + Send, W: Write + Send>(
    reader: &mut R,
    writer: &mut W,
    receiver: &dyn Receiver,
) -> Result<()> {
    let line = &Line::new(writer, receiver.keep_alive());
    while !receiver.cancelled() {
        let Some(frame) = wire::read(reader, Vec::new())? else { return Ok(()) };
        let ask: Ask = wire::understand(&frame)?;
        if matches!(ask, Ask::Bye) {
            return Ok(());
        }
        match exchange(reader, line, receiver, ask) {
            Ok(()) => {}
            Err(error @ (ReplicationError::Cut { .. } | ReplicationError::Protocol { .. })) => {
                return Err(error);
            }
            Err(error) => {
                let fault = Box::new(error.fault(""));
                let refusal = Answer::Refused { why: wire::Why::of(&error), fault };
                if line.say(&refusal).is_err() {
                    // Nobody is there any more to hear why.
                    return Err(error);
                }
                // What the source still sends of this exchange must not be taken for the next one; it is let in for
                // a while, so that the refusal is not lost with the connection.
                let mut drained = 0;
                while drained < DRAINED_MAX {
                    let Ok(Some(frame)) = wire::read(reader, Vec::new()) else { break };
                    drained += frame.payload.len() + 5;
                    if frame.kind == Kind::Message {
                        break;
                    }
                }
                return Err(error);
            }
        }
    }
    Ok(())
}

fn admitted(receiver: &dyn Receiver, version: u32, item: ItemId, epoch: Epoch) -> Result<Arc<PointStore>> {
    if version != wire::VERSION {
        return Err(ReplicationError::protocol(format!("version {version}, known is {}", wire::VERSION)));
    }
    receiver.admit(item, epoch).map_err(|fault| ReplicationError::Refused { fault: Box::new(fault) })
}

fn exchange(
    reader: &mut (impl Read + Send),
    line: &Line<'_>,
    receiver: &dyn Receiver,
    ask: Ask,
) -> Result<()> {
    match ask {
        Ask::Head { version, item, epoch } => {
            let store = admitted(receiver, version, item, epoch)?;
            let (epoch, sequence, instant) = store.head();
            line.say(&Answer::Head { epoch, sequence, instant })
        }
        Ask::Cycle { version, head, disks } => {
            let store = admitted(receiver, version, head.item, head.epoch)?;
            let manifests = manifests(reader, &store, &head, &disks)?;
            let point = match line.alive(|| store.begin_cycle(&manifests))? {
                Arriving::Held(point) => point,
                Arriving::Comes(overlays) => {
                    line.say(&Answer::Go { have: overlays.have() })?;
                    take_overlays(reader, line, overlays, disks.len(), receiver, head.item)?
                }
            };
            held(line, receiver, head.item, point)
        }
        Ask::Copy { version, item, epoch, sequence, instant, kind, copy, disks, completes } => {
            let store = admitted(receiver, version, item, epoch)?;
            let head = CopyHead { item, epoch, sequence, instant, kind, copy, disks, completes };
            let count = head.disks.len();
            let point = match line.alive(|| store.begin_copy(&head))? {
                Arriving::Held(point) => point,
                Arriving::Comes(CopyMode::Full(full)) => {
                    line.say(&Answer::Go { have: full.have() })?;
                    take_full(reader, line, full, count, receiver, item)?
                }
                Arriving::Comes(CopyMode::Compare(comparison)) => {
                    line.say(&Answer::Compare { have: comparison.have() })?;
                    compare(reader, line, comparison, &store, &head, receiver)?
                }
            };
            held(line, receiver, item, point)
        }
        Ask::Bye => Ok(()),
    }
}

fn held(line: &Line<'_>, receiver: &dyn Receiver, item: ItemId, point: Option<PointSummary>) -> Result<()> {
    if let Some(point) = &point {
        receiver.committed(item, point);
    }
    line.say(&Answer::Held { point })
}

/// Reads the manifests that were announced; their lengths are bounded by the disks they speak of.
fn manifests(
    reader: &mut impl Read,
    store: &PointStore,
    head: &CycleHead,
    disks: &[(DiskId, u64)],
) -> Result<Vec<Manifest>> {
    let mut all = Vec::new();
    for (disk, length) in disks {
        let most = store.size_of(*disk)?.div_ceil(BLOCK_BYTES).saturating_mul(24).saturating_add(2 << 20);
        if *length > most || disks.len() > store.disks().len() {
            return Err(ReplicationError::protocol(format!("a manifest of {length} bytes")));
        }
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < *length {
            let frame = wire::expect(reader, Vec::new())?;
            if frame.kind != Kind::Manifest || frame.payload.is_empty() {
                return Err(ReplicationError::protocol("no manifest where one should be"));
            }
            bytes.extend_from_slice(&frame.payload);
        }
        let manifest = parse_manifest(&bytes).map_err(ReplicationError::protocol)?;
        if manifest.head != *head || manifest.disk != *disk {
            return Err(ReplicationError::Foreign { what: "the manifest".to_owned() });
        }
        all.push(manifest);
    }
    Ok(all)
}

/// Reads frames until each disk has ended, while another thread does something with them.
fn pump(
    reader: &mut (impl Read + Send),
    disks: usize,
    mut apply: impl FnMut(usize, &Frame) -> Result<()> + Send,
) -> Result<()> {
    let (full, filled) = sync_channel::<Frame>(AHEAD);
    let (spare, empty) = sync_channel::<Vec<u8>>(AHEAD + 2);
    std::thread::scope(|scope| {
        let applying = scope.spawn(move || {
            let mut disk = 0;
            while let Ok(frame) = filled.recv() {
                match frame.kind {
                    Kind::End => disk += 1,
                    Kind::Blocks | Kind::Zeros | Kind::Compared => apply(disk, &frame)?,
                    // It only shows the reading side that this one is still there.
                    Kind::Alive => {}
                    _ => return Err(ReplicationError::protocol("a frame that does not belong here")),
                }
                // Nobody may want it back.
                spare.try_send(frame.payload).ok();
            }
            Ok(())
        });
        let mut ended = 0;
        let mut read = Ok(());
        while ended < disks {
            match wire::expect(reader, empty.try_recv().unwrap_or_default()) {
                Ok(frame) => {
                    ended += usize::from(frame.kind == Kind::End);
                    if full.send(frame).is_err() {
                        break;
                    }
                }
                Err(error) => {
                    read = Err(error);
                    break;
                }
            }
        }
        drop(full);
        // A failure to keep what came explains more than the cut that may have followed.
        let applied = applying.join();
        applied.map_err(|_why| ReplicationError::protocol("the writing thread ended in disorder"))??;
        read
    })
}

fn take_overlays(
    reader: &mut (impl Read + Send),
    line: &Line<'_>,
    overlays: Overlays<'_>,
    disks: usize,
    receiver: &dyn Receiver,
    item: ItemId,
) -> Result<Option<PointSummary>> {
    let overlays = Mutex::new(overlays);
    pump(reader, disks, |disk, frame| {
        if frame.kind != Kind::Blocks {
            // Zeros are facts of the manifests.
            return Err(ReplicationError::protocol("something else than blocks in a cycle"));
        }
        let mut into = overlays.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, rest) = frame.first()?;
        for (block, bytes) in wire::blocks(first, rest)? {
            into.push(disk, block, bytes)?;
        }
        receiver.progressed(item);
        Ok(())
    })?;
    let overlays = overlays.into_inner().unwrap_or_else(PoisonError::into_inner);
    line.alive(|| overlays.commit(receiver.new_point_id(), receiver.now()))
}

fn take_full(
    reader: &mut (impl Read + Send),
    line: &Line<'_>,
    mut full: FullCopy<'_>,
    disks: usize,
    receiver: &dyn Receiver,
    item: ItemId,
) -> Result<Option<PointSummary>> {
    let sizes = full.sizes();
    let (ready, filled) = sync_channel::<(usize, Ready)>(AHEAD);
    let (spare, empty) = sync_channel::<Aligned>(AHEAD + 2);
    for _ in 0..AHEAD + 2 {
        spare.try_send(Aligned::new(wire::RUN_BYTES_MAX)).ok();
    }
    // A failure to write explains more than that nobody takes what is ready.
    let gone = || ReplicationError::protocol("the writing thread has ended");
    let taken = std::thread::scope(|scope| {
        let full = &mut full;
        let writing = scope.spawn(move || -> Result<()> {
            while let Ok((disk, run)) = filled.recv() {
                full.write(disk, &run)?;
                receiver.progressed(item);
                // Nobody may want it back.
                spare.try_send(run.into_room()).ok();
            }
            Ok(())
        });
        let pumped = pump(reader, disks, move |disk, frame| {
            let (first, rest) = frame.first()?;
            if frame.kind != Kind::Blocks {
                return Err(ReplicationError::protocol("something else than blocks in a full copy"));
            }
            let room = empty.recv().map_err(|_ended| gone())?;
            let size_bytes = sizes.get(disk).copied().unwrap_or(0);
            ready.send((disk, Ready::of(first, rest, size_bytes, room)?)).map_err(|_ended| gone())
        });
        let written =
            writing.join().map_err(|_why| ReplicationError::protocol("the writing thread ended in disorder"));
        written?.and(pumped)
    });
    match taken {
        Ok(()) => line.alive(|| full.commit(receiver.new_point_id(), receiver.now())),
        Err(error) => {
            full.interrupted();
            Err(error)
        }
    }
}

/// Says the fingerprints of what is here while what differs comes in.
fn compare(
    reader: &mut (impl Read + Send),
    line: &Line<'_>,
    comparison: Comparison<'_>,
    store: &PointStore,
    head: &CopyHead,
    receiver: &dyn Receiver,
) -> Result<Option<PointSummary>> {
    let mut chains = Vec::new();
    for ((disk, size_bytes), (_, from)) in head.disks.iter().zip(comparison.have()) {
        chains.push((Chain::open(&store.whole_chain(*disk), *size_bytes)?, *size_bytes, from));
    }
    let (stop, shared) = (Cancel::new(), Mutex::new(comparison));
    let compared = std::thread::scope(|scope| {
        let (stopping, comparison) = (stop.clone(), &shared);
        let saying = scope.spawn(move || {
            let said = line.alive(|| say_fingerprints(line, &chains, comparison, &stopping));
            if let Err(error) = &said
                && !matches!(error, ReplicationError::Cancelled {} | ReplicationError::Cut { .. })
            {
                // The source would wait for the next fingerprints for ever.
                let refusal = Answer::Refused { why: wire::Why::of(error), fault: Box::new(error.fault("")) };
                line.say(&refusal)?;
            }
            said
        });
        let taken = take_differing(reader, &shared, head.disks.len(), receiver, head.item);
        if taken.is_err() {
            stop.cancel();
        }
        let said = saying
            .join()
            .map_err(|_why| ReplicationError::protocol("the hashing thread ended in disorder"))?;
        match (taken, said) {
            (Ok(()), Ok(())) => Ok(()),
            // When hashing ends for the sake of the other failure, that one explains it.
            (Err(error), Ok(()) | Err(ReplicationError::Cancelled {} | ReplicationError::Cut { .. }))
            | (_, Err(error)) => Err(error),
        }
    });
    let comparison = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    match compared {
        Ok(()) => line.alive(|| comparison.commit(receiver.new_point_id(), receiver.now())),
        Err(error) => {
            comparison.interrupted();
            Err(error)
        }
    }
}

/// Takes what differs, and up to where nothing else does.
fn take_differing(
    reader: &mut (impl Read + Send),
    comparison: &Mutex<Comparison<'_>>,
    disks: usize,
    receiver: &dyn Receiver,
    item: ItemId,
) -> Result<()> {
    pump(reader, disks, |disk, frame| {
        let mut into = comparison.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, rest) = frame.first()?;
        match frame.kind {
            Kind::Compared => into.settled(disk, first)?,
            Kind::Zeros => {
                let count = rest.try_into().map(u64::from_le_bytes);
                let count = count.map_err(|_why| ReplicationError::protocol("zeros without a number"))?;
                into.zeros(disk, first, count)?;
            }
            _ => {
                for (block, bytes) in wire::blocks(first, rest)? {
                    into.push(disk, block, bytes)?;
                }
            }
        }
        receiver.progressed(item);
        Ok(())
    })
}

/// Says the fingerprints of disks, one after the other, each from its first block that was not compared before.
fn say_fingerprints(
    line: &Line<'_>,
    chains: &[(Chain, u64, u64)],
    comparison: &Mutex<Comparison<'_>>,
    cancel: &Cancel,
) -> Result<()> {
    let mut said = Ok(());
    for (disk, (chain, size_bytes, from)) in chains.iter().enumerate() {
        fingerprints(chain, *size_bytes, *from, cancel, |first, prints| {
            said = prints.and_then(|prints| {
                comparison.lock().unwrap_or_else(PoisonError::into_inner).said(disk, &prints)?;
                let bytes: Vec<u8> = prints.iter().flat_map(|d| d.0).collect();
                line.write(Kind::Hashes, &[&first.to_le_bytes(), &bytes])?;
                line.flush()
            });
            said.is_ok()
        });
        if said.is_err() {
            break;
        }
    }
    said
}
