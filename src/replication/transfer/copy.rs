//! Shipping frozen disks. A target without a base gets everything that is not zeros; one that has a base says its
//! fingerprints, and gets what differs. Apart from `cycle`, which knows what has changed.

use super::{OnProgress, Progressed, Shipped, ending, explained, unexpected};
use crate::control::{Cancel, Throttle};
use crate::digest::{BLOCK, BLOCK_BYTES, Digest, block_len, is_zero};
use crate::error::{ReplicationError, Result};
use crate::files::Aligned;
use crate::layers::{Chain, Held, Layer};
use crate::line::{KEEP_ALIVE, Line};
use crate::wire::{self, Answer, Ask, HASHES_MAX, Kind, RUN_BYTES_MAX};
use leeward_model::{DiskId, Epoch, ItemId, Moment, PointKind, Sequence};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, sync_channel};
use uuid::Uuid;

/// Threads that read a disk for its first copy, and the runs that each of them has ready.
const READERS: usize = 4;
const AHEAD: usize = 2;

/// Blocks that may be zeros for a run to be cut there.
const RUN: u64 = RUN_BYTES_MAX as u64 / BLOCK_BYTES;

/// Threads that read and hash a disk.
const HASHERS: u64 = 4;

/// Blocks whose fingerprints are said together (32 MiB of disk). Who hears them takes any cut.
const STRETCH: u64 = 512;
const _: () = assert!(STRETCH as usize <= HASHES_MAX, "they fit into one frame");

/// A frozen disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CopyDisk {
    /// The disk.
    pub disk: DiskId,
    /// Its virtual size in bytes.
    pub size_bytes: u64,
    /// Its files, bottom first.
    pub chain: Vec<Layer>,
}

/// Frozen disks of one instant.
#[derive(Clone, Debug)]
pub struct Copy<'a> {
    /// The item.
    pub item: ItemId,
    /// The right to write of the source.
    pub epoch: Epoch,
    /// Its number.
    pub sequence: Sequence,
    /// The instant.
    pub instant: Moment,
    /// What the point will be.
    pub kind: PointKind,
    /// The same for the same frozen disks: then it goes on where it was.
    pub copy: Uuid,
    /// The disks.
    pub disks: &'a [CopyDisk],
    /// They are all disks of the item.
    pub completes: bool,
}

/// Ships frozen disks and waits until the target has made its point, or staged them.
///
/// # Errors
/// As [`super::ship_cycle`].
pub fn ship_copy<R: Read + Send, W: Write + Send>(
    reader: &mut R,
    writer: &mut W,
    copy: &Copy<'_>,
    throttle: &Throttle,
    cancel: &Cancel,
    progress: OnProgress<'_>,
) -> Result<Shipped> {
    ship_copy_over(reader, &Line::new(writer, KEEP_ALIVE), copy, throttle, cancel, progress)
}

/// The same over a line, whose signs of life come as often as it says.
pub(super) fn ship_copy_over(
    reader: &mut (impl Read + Send),
    line: &Line<'_>,
    copy: &Copy<'_>,
    throttle: &Throttle,
    cancel: &Cancel,
    progress: OnProgress<'_>,
) -> Result<Shipped> {
    let ask = Ask::Copy {
        version: wire::VERSION,
        item: copy.item,
        epoch: copy.epoch,
        sequence: copy.sequence,
        instant: copy.instant,
        kind: copy.kind,
        copy: copy.copy,
        disks: copy.disks.iter().map(|d| (d.disk, d.size_bytes)).collect(),
        completes: copy.completes,
    };
    line.say(&ask)?;
    let whole: u64 = copy.disks.iter().map(|d| d.size_bytes).sum();
    let mut way = Way { throttle, cancel, progress, sent: 0 };
    match wire::hear(reader, cancel)? {
        held @ Answer::Held { .. } => return ending(held, copy.instant, 0, whole),
        Answer::Go { have } => {
            for disk in copy.disks {
                let from = have.iter().find(|(d, _)| *d == disk.disk).map_or(0, |(_, n)| *n);
                let shipped = line.alive(|| way.ship_all(line, disk, from));
                explained(shipped, reader, cancel)?;
            }
        }
        Answer::Compare { have } => {
            for disk in copy.disks {
                let from = have.iter().find(|(d, _)| *d == disk.disk).map_or(0, |(_, n)| *n);
                line.alive(|| way.ship_differing(reader, line, disk, from))?;
            }
        }
        other => return Err(unexpected(&other)),
    }
    explained(line.flush(), reader, cancel)?;
    ending(wire::hear(reader, cancel)?, copy.instant, way.sent, whole)
}

/// What shipping obeys, and what it has sent.
struct Way<'a> {
    throttle: &'a Throttle,
    cancel: &'a Cancel,
    progress: OnProgress<'a>,
    sent: u64,
}

impl Way<'_> {
    fn tell(&self, disk: &CopyDisk, blocks: u64) {
        let done_bytes = (blocks * BLOCK_BYTES).min(disk.size_bytes);
        let (total_bytes, sent_bytes) = (disk.size_bytes, self.sent);
        (self.progress)(disk.disk, Progressed { done_bytes, total_bytes, sent_bytes });
    }

    /// Sends consecutive blocks.
    fn send(&mut self, line: &Line<'_>, first: u64, bytes: &[u8]) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(ReplicationError::Cancelled {});
        }
        self.throttle.take(bytes.len() as u64, self.cancel);
        line.write(Kind::Blocks, &[&first.to_le_bytes(), bytes])?;
        self.sent += bytes.len() as u64;
        Ok(())
    }

    /// Sends everything that is not zeros. Threads read ahead while this one sends; the runs go round among them, so
    /// that a disk always has more than one thing to read.
    fn ship_all(&mut self, line: &Line<'_>, disk: &CopyDisk, from: u64) -> Result<()> {
        let chain = Chain::open(&disk.chain, disk.size_bytes)?;
        std::thread::scope(|scope| {
            let chain = &chain;
            let readers: Vec<_> = (0..READERS)
                .map(|reader| {
                    let (full, filled) = sync_channel::<Result<(u64, usize, Aligned)>>(AHEAD);
                    let (spare, empty) = sync_channel::<Aligned>(AHEAD + 2);
                    for _ in 0..AHEAD + 2 {
                        spare.send(Aligned::new(RUN_BYTES_MAX)).ok();
                    }
                    scope.spawn(move || {
                        for (first, count) in chain.runs(from, RUN).skip(reader).step_by(READERS) {
                            let Ok(mut room) = empty.recv() else { return };
                            let length = usize::try_from(count).unwrap_or(0) * BLOCK;
                            let into = room.bytes_mut().get_mut(..length).unwrap_or(&mut []);
                            let read = chain.read(first, into);
                            if full.send(read.map(|()| (first, length, room))).is_err() {
                                return;
                            }
                        }
                    });
                    (filled, spare)
                })
                .collect();
            // The first reader without a run has none because there are no more. However this ends, the readers'
            // channels go with it: they may be waiting for room or for a place.
            for (filled, spare) in readers.iter().cycle() {
                let Ok(run) = filled.recv() else { break };
                let (first, length, room) = run?;
                self.send_run(line, first, room.bytes().get(..length).unwrap_or(&[]))?;
                self.tell(disk, first + (length / BLOCK) as u64);
                spare.send(room).ok();
            }
            Ok(())
        })?;
        self.tell(disk, chain.blocks());
        line.write(Kind::End, &[])
    }

    /// Sends a run without its blocks of zeros.
    fn send_run(&mut self, line: &Line<'_>, first: u64, bytes: &[u8]) -> Result<()> {
        let mut begin = None;
        let count = bytes.len() / BLOCK;
        for n in 0..=count {
            let block = bytes.get(n * BLOCK..(n + 1) * BLOCK).unwrap_or(&[]);
            let holds = n < count && !is_zero(block);
            match (begin, holds) {
                (None, true) => begin = Some(n),
                (Some(from), false) => {
                    let part = bytes.get(from * BLOCK..n * BLOCK).unwrap_or(&[]);
                    self.send(line, first + from as u64, part)?;
                    begin = None;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Hears the target's fingerprints and sends what differs. Our own are made on another thread meanwhile.
    fn ship_differing(
        &mut self,
        reader: &mut (impl Read + Send),
        line: &Line<'_>,
        disk: &CopyDisk,
        from: u64,
    ) -> Result<()> {
        let chain = Chain::open(&disk.chain, disk.size_bytes)?;
        let from = from.min(chain.blocks());
        let (tell, ours) = sync_channel::<Result<Vec<Digest>>>(4);
        std::thread::scope(|scope| {
            let (chain, cancel) = (&chain, self.cancel);
            let size_bytes = disk.size_bytes;
            scope.spawn(move || {
                fingerprints(chain, size_bytes, from, cancel, |_, prints| tell.send(prints).is_ok());
            });
            // `ours` goes with it, however it ends: the hashing thread may be waiting for a place.
            self.differing(reader, line, disk, (chain, from), ours)
        })?;
        line.write(Kind::End, &[])
    }

    /// Compares the target's fingerprints with ours, and sends what differs. The target may cut its own as it likes.
    fn differing(
        &mut self,
        reader: &mut impl Read,
        line: &Line<'_>,
        disk: &CopyDisk,
        (chain, from): (&Chain, u64),
        ours: Receiver<Result<Vec<Digest>>>,
    ) -> Result<()> {
        let mut room = Aligned::new(BLOCK);
        let mut own: VecDeque<Digest> = VecDeque::new();
        let (mut at, all) = (from, chain.blocks());
        while at < all {
            if self.cancel.is_cancelled() {
                return Err(ReplicationError::Cancelled {});
            }
            let frame = wire::await_frame(reader, self.cancel)?;
            if frame.kind == Kind::Message {
                let Answer::Refused { why, fault } = wire::understand(&frame)? else {
                    return Err(ReplicationError::protocol("a message among fingerprints"));
                };
                return Err(why.error(fault));
            }
            let (first, theirs) = frame.first()?;
            let count = theirs.len() / 16;
            let whole = count > 0 && theirs.len().is_multiple_of(16) && count as u64 <= all - at;
            if frame.kind != Kind::Hashes || first != at || !whole {
                return Err(ReplicationError::protocol("fingerprints out of place"));
            }
            while own.len() < count {
                own.extend(ours.recv().map_err(|_gone| ReplicationError::Cancelled {})??);
            }
            for (n, (own, theirs)) in own.drain(..count).zip(wire::hashes(theirs)).enumerate() {
                if own == theirs {
                    continue;
                }
                let block = at + n as u64;
                if own.is_zero() {
                    line.write(Kind::Zeros, &[&block.to_le_bytes(), &1_u64.to_le_bytes()])?;
                    self.sent += 16;
                } else {
                    chain.read(block, room.bytes_mut())?;
                    self.send(line, block, room.bytes())?;
                }
            }
            at += count as u64;
            // What is settled need not be compared again, should this be cut off.
            line.write(Kind::Compared, &[&at.to_le_bytes()])?;
            self.tell(disk, at);
        }
        Ok(())
    }
}

/// Makes the fingerprints of a chain's blocks from one on and gives them in order, a bounded number at a time, until
/// nobody takes them. Several threads read and hash, so that a disk always has more than one thing to read.
pub(super) fn fingerprints(
    chain: &Chain,
    size_bytes: u64,
    from: u64,
    cancel: &Cancel,
    mut take: impl FnMut(u64, Result<Vec<Digest>>) -> bool,
) {
    let all = chain.blocks();
    std::thread::scope(|scope| {
        // The stretches go round: who takes them in the same order has them as they lie on the disk.
        let made: Vec<_> = (0..HASHERS)
            .map(|hasher| {
                let (full, filled) = sync_channel(1);
                scope.spawn(move || {
                    let mut room = Aligned::new(RUN_BYTES_MAX);
                    for at in (from + hasher * STRETCH..all).step_by(HASHERS as usize * STRETCH as usize) {
                        let count = (all - at).min(STRETCH);
                        let prints = fingerprints_of(chain, size_bytes, at, count, cancel, &mut room);
                        let failed = prints.is_err();
                        if full.send(prints).is_err() || failed {
                            return;
                        }
                    }
                });
                filled
            })
            .collect();
        for (at, filled) in (from..all).step_by(STRETCH as usize).zip(made.iter().cycle()) {
            let prints = filled.recv().unwrap_or(Err(ReplicationError::Cancelled {}));
            let failed = prints.is_err();
            if !take(at, prints) || failed {
                return;
            }
        }
    });
}

/// The fingerprints of consecutive blocks.
fn fingerprints_of(
    chain: &Chain,
    size_bytes: u64,
    first: u64,
    count: u64,
    cancel: &Cancel,
    room: &mut Aligned,
) -> Result<Vec<Digest>> {
    let mut prints = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    let (mut block, end) = (first, first + count);
    while block < end {
        if cancel.is_cancelled() {
            return Err(ReplicationError::Cancelled {});
        }
        if chain.held(block) == Held::Zeros {
            prints.push(Digest::ZERO);
            block += 1;
            continue;
        }
        let mut run = 1;
        while run < RUN && block + run < end && chain.held(block + run) == Held::Bytes {
            run += 1;
        }
        let length = usize::try_from(run).unwrap_or(1) * BLOCK;
        let buffer = room.bytes_mut().get_mut(..length).unwrap_or(&mut []);
        chain.read(block, buffer)?;
        for (n, bytes) in buffer.chunks_exact(BLOCK).enumerate() {
            let within = bytes.get(..block_len(block + n as u64, size_bytes)).unwrap_or(bytes);
            prints.push(Digest::of(within));
        }
        block += run;
    }
    Ok(prints)
}
