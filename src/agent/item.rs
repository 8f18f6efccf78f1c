//! An item in memory: its durable record, and beside it what need not survive (progress, waits, failures, the open
//! store). Apart from `host`, which holds all items, and from the rooms that act on one.

use crate::Result;
use crate::host::passing;
use crate::records::{ItemRecord, remove, write_record};
use crate::wall::Wall;
use leeward_model::fault::Fault;
use leeward_model::{CycleSample, DiskId, ItemId, Moment, Progress};
use leeward_replication::{Cancel, PointStore, ReplicationError, Throttle};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Cycle samples kept until the engine takes them.
const SAMPLES_MAX: usize = 2_000;

/// How often it is looked whether a store is still in use.
const LET_GO: Duration = Duration::from_millis(20);

/// An item on this host.
pub(crate) struct Item {
    pub(crate) id: ItemId,
    folder: PathBuf,
    record: Arc<Mutex<ItemRecord>>,
    live: Mutex<Live>,
    wake: Condvar,
    /// Orders that change what this host is to the item take turns.
    pub(crate) turns: Mutex<()>,
    store: Mutex<Option<Arc<PointStore>>>,
    /// Something about it is to be told.
    pub(crate) news: AtomicBool,
    /// It is being forgotten: its worker ends, nothing writes its record or opens its store.
    gone: AtomicBool,
    /// What it may send, by its policy and the time of day.
    pub(crate) throttle: Throttle,
}

/// What need not survive.
pub(crate) struct Live {
    /// The worker's thread runs.
    pub(crate) working: bool,
    /// The worker is in the middle of a step.
    pub(crate) busy: bool,
    /// Stops the transfer under way.
    pub(crate) cancel: Cancel,
    /// When the next cycle is due.
    pub(crate) next_cycle: Instant,
    /// When an application-consistent point is due.
    pub(crate) next_application: Instant,
    /// Waits after a failure until then.
    pub(crate) retry: Option<(Instant, Moment)>,
    /// Failures in a row.
    pub(crate) failures: u32,
    /// The last failure, and since when.
    pub(crate) fault: Option<(Box<Fault>, Moment)>,
    /// A cycle runs.
    pub(crate) cycling: bool,
    /// Progress of a copy, by disk.
    pub(crate) progress: BTreeMap<DiskId, Meter>,
    /// By disk: tracked, dirty bytes, bytes in logs.
    pub(crate) disks: BTreeMap<DiskId, (bool, u64, u64)>,
    /// Why the copy under way is given up: there is no room for what the guest writes.
    pub(crate) no_room: Option<String>,
    /// The hypervisor has stopped the guest because a disk refused a write; since when.
    pub(crate) stands_still: Option<(Fault, Moment)>,
    /// Why the replica here cannot be used; since when.
    pub(crate) store_fault: Option<(Fault, Moment)>,
    /// Cycles since the last fact.
    pub(crate) cycles: VecDeque<CycleSample>,
    /// 99th percentile of the guest's write latency in and outside cycles, milliseconds.
    pub(crate) guest_write_p99_ms: Option<(f32, f32)>,
    /// What people wait for.
    pub(crate) wishes: VecDeque<Wish>,
    /// The other side has confirmed that this host may still run the machine.
    pub(crate) confirmed: bool,
    /// Bytes of the replica, by disk, as last measured.
    pub(crate) replica_bytes: BTreeMap<DiskId, u64>,
}

/// How far the copy of one disk is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    pub(crate) done_bytes: u64,
    pub(crate) total_bytes: u64,
    since: Instant,
    at_first: u64,
}

/// A cycle somebody waits for.
pub(crate) struct Wish {
    /// The last one: everything, as a point, whatever it holds.
    pub(crate) last: bool,
    /// Where the answer goes.
    pub(crate) answer: SyncSender<Result<Delivered>>,
}

/// What a cycle brought to the target.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    /// The point that holds the instant.
    pub(crate) point: leeward_model::PointId,
    /// The instant.
    pub(crate) instant: Moment,
    /// Bytes that travelled.
    pub(crate) sent_bytes: u64,
}

impl Meter {
    /// Moves on.
    pub(crate) fn moved(self_: Option<Self>, done_bytes: u64, total_bytes: u64) -> Self {
        match self_ {
            Some(before) => Self { done_bytes, total_bytes, ..before },
            None => Self { done_bytes, total_bytes, since: Instant::now(), at_first: done_bytes },
        }
    }

    /// As a person reads it.
    pub(crate) fn progress(&self) -> Progress {
        let millis = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let moved = self.done_bytes.saturating_sub(self.at_first);
        let rate = moved.saturating_mul(1000) / millis;
        let left = self.total_bytes.saturating_sub(self.done_bytes);
        Progress {
            done_bytes: self.done_bytes,
            total_bytes: self.total_bytes,
            rate_bytes_per_sec: rate,
            left_secs: (rate > 0).then(|| left / rate),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked has left a value that is whole: records are replaced, never edited in place.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Item {
    /// Takes an item into memory; `folder` is its own.
    pub(crate) fn new(folder: PathBuf, record: ItemRecord, wall: &Arc<Wall>) -> Self {
        let now = Instant::now();
        let live = Live {
            working: false,
            busy: false,
            cancel: Cancel::new(),
            next_cycle: now,
            next_application: now,
            retry: None,
            failures: 0,
            fault: None,
            cycling: false,
            progress: BTreeMap::new(),
            disks: BTreeMap::new(),
            no_room: None,
            stands_still: None,
            store_fault: None,
            cycles: VecDeque::new(),
            guest_write_p99_ms: None,
            wishes: VecDeque::new(),
            confirmed: false,
            replica_bytes: BTreeMap::new(),
        };
        let id = record.item();
        let record = Arc::new(Mutex::new(record));
        let (said, wall) = (Arc::clone(&record), Arc::clone(wall));
        Self {
            id,
            folder,
            throttle: Throttle::asking(move || lock(&said).assignment.policy.limit_at(wall.now())),
            record,
            live: Mutex::new(live),
            wake: Condvar::new(),
            turns: Mutex::new(()),
            store: Mutex::new(None),
            news: AtomicBool::new(true),
            gone: AtomicBool::new(false),
        }
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The record as it is now.
    pub(crate) fn record(&self) -> ItemRecord {
        lock(&self.record).clone()
    }

    /// The machine's name, for faults.
    pub(crate) fn name(&self) -> String {
        lock(&self.record).name().to_owned()
    }

    /// Changes the record, durably, and only then in memory.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut ItemRecord) -> T) -> Result<T> {
        let mut held = lock(&self.record);
        if self.is_gone() {
            return Err(passing("agent-item-changed", held.name(), "it is being forgotten".to_owned()));
        }
        let mut next = held.clone();
        let out = change(&mut next);
        if next != *held {
            write_record(&self.folder.join(ItemRecord::FILE), &next)?;
            *held = next;
        }
        drop(held);
        self.tell();
        Ok(out)
    }

    /// What need not survive.
    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        lock(&self.live)
    }

    /// Something is to be told to the engine.
    pub(crate) fn tell(&self) {
        self.news.store(true, Ordering::Release);
    }

    /// Wakes the worker.
    pub(crate) fn wake(&self) {
        self.wake.notify_all();
    }

    /// The worker waits for a wake-up, at most this long.
    pub(crate) fn wait(&self, most: Duration) {
        let live = self.live();
        if self.is_gone() || !live.wishes.is_empty() {
            return;
        }
        drop(self.wake.wait_timeout(live, most).unwrap_or_else(PoisonError::into_inner));
    }

    /// Stops the transfer that runs, and lets the worker look again.
    pub(crate) fn interrupt(&self) {
        let mut live = self.live();
        live.cancel.cancel();
        live.cancel = Cancel::new();
        drop(live);
        self.wake();
    }

    /// Whether it is being forgotten.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// It is being forgotten, or after all not.
    pub(crate) fn set_gone(&self, gone: bool) {
        let live = self.live();
        self.gone.store(gone, Ordering::Release);
        drop(live);
        self.wake();
    }

    /// Has the worker end for good and waits until it has; whether it did in time.
    pub(crate) fn end_work(&self, limit: Duration) -> bool {
        self.set_gone(true);
        self.interrupt();
        self.wait_while(limit, |live| live.working)
    }

    /// Interrupts the step under way and waits until it has ended; whether it did in time. What keeps the worker
    /// from beginning the next one must stand in the record before.
    pub(crate) fn end_step(&self, limit: Duration) -> bool {
        self.interrupt();
        self.wait_while(limit, |live| live.busy)
    }

    fn wait_while(&self, limit: Duration, condition: impl Fn(&Live) -> bool) -> bool {
        let waited = self.wake.wait_timeout_while(self.live(), limit, |live| condition(live));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// The worker's thread wants to end: it may when the item is gone. Whoever waits for a cycle is told.
    pub(crate) fn rest(&self) -> bool {
        let mut live = self.live();
        if !self.is_gone() {
            return false;
        }
        for wish in live.wishes.drain(..) {
            wish.answer.try_send(Err(passing("agent-item-changed", &self.name(), String::new()))).ok();
        }
        live.working = false;
        live.busy = false;
        drop(live);
        self.wake();
        true
    }

    /// Removes its record, or everything it has. Only for one that is gone: nothing may write it again.
    pub(crate) fn erase(&self, everything: bool) -> Result<()> {
        let held = lock(&self.record);
        let removed =
            remove(&if everything { self.folder.clone() } else { self.folder.join(ItemRecord::FILE) });
        drop(held);
        removed
    }

    /// Ends waits after failures: the worker tries again at once.
    pub(crate) fn retry_now(&self) {
        self.live().retry = None;
        self.wake();
    }

    /// Adds a cycle's readings.
    pub(crate) fn add_sample(&self, sample: CycleSample) {
        let mut live = self.live();
        if live.cycles.len() >= SAMPLES_MAX {
            live.cycles.pop_front();
        }
        live.cycles.push_back(sample);
    }

    /// The replica store in use, opened when it is first needed.
    pub(crate) fn store(&self) -> Result<Option<Arc<PointStore>>> {
        let mut held = lock(&self.store);
        if self.is_gone() {
            return Ok(None);
        }
        if let Some(store) = &*held {
            return Ok(Some(Arc::clone(store)));
        }
        let Some(folder) = self.record().store else { return Ok(None) };
        if !PointStore::exists(&folder) {
            return Ok(None);
        }
        let store = PointStore::open(&folder).map_err(|e| Box::new(e.fault(&self.name())))?;
        Ok(Some(Arc::clone(held.insert(Arc::new(store)))))
    }

    /// Closes the store of an item that is gone, once the last of those who use it has let go.
    pub(crate) fn close_store(&self, limit: Duration) -> Result<()> {
        let Some(mut store) = lock(&self.store).take() else { return Ok(()) };
        let deadline = Instant::now() + limit;
        loop {
            match Arc::try_unwrap(store) {
                Ok(_closed) => return Ok(()),
                Err(shared) => store = shared,
            }
            if Instant::now() >= deadline {
                let locked = ReplicationError::Locked { path: store.folder().to_owned() };
                *lock(&self.store) = Some(store);
                return Err(Box::new(locked.fault(&self.name())));
            }
            std::thread::sleep(LET_GO);
        }
    }

    /// Uses another store from now on; none lets go of the one in use.
    pub(crate) fn use_store(&self, store: Option<PointStore>) {
        *lock(&self.store) = store.map(Arc::new);
    }
}
