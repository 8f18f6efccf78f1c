//! The host: everything this agent knows and holds, shared by the session with the engine, the workers of the items
//! and the streams of other agents. Apart from `item`, which is one of the things it holds.

use crate::Result;
use crate::config::AgentConfig;
use crate::item::Item;
use crate::operations::Operations;
use crate::records::ItemRecord;
use crate::slots::Slots;
use crate::wall::Wall;
use leeward_fabric::Hypervisor;
use leeward_link::bulk::BulkListener;
use leeward_link::control::Addresses;
use leeward_link::messages::{Assignment, Fact};
use leeward_link::{Clock, HostIdentity, LinkError, Trust};
use leeward_model::fault::{Fault, Recovery};
use leeward_model::{AgentId, EvidenceMint, ItemId, MachineId, Message, Moment};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Copies (first ones and comparisons) that one host sends at once; cycles are not counted.
const COPIES_AT_ONCE: usize = 2;

/// Events kept for the engine while it is away; the oldest go first.
const EVENTS_MAX: usize = 1_000;

/// Addresses of the engine that are taken from it at once.
const ENGINE_ADDRESSES_MAX: usize = 32;

/// Addresses it was found at before that are kept behind them.
const EARLIER_ADDRESSES_MAX: usize = 4;

/// A host.
pub struct Host {
    pub(crate) config: AgentConfig,
    pub(crate) driver: Arc<dyn Hypervisor>,
    pub(crate) agent: AgentId,
    pub(crate) mint: EvidenceMint,
    pub(crate) trust: Trust,
    pub(crate) clock: Clock,
    pub(crate) wall: Arc<Wall>,
    pub(crate) operations: Operations,
    pub(crate) copies: Arc<Slots>,
    /// How much is free where a folder lies, in bytes.
    room: Mutex<fn(&Path) -> Option<u64>>,
    /// Where the engine is looked for.
    pub(crate) engine: Addresses,
    /// Held by whoever changes the identity's file.
    pub(crate) identity: tokio::sync::Mutex<()>,
    items: Mutex<BTreeMap<ItemId, Arc<Item>>>,
    peers: Mutex<BTreeSet<AgentId>>,
    events: Mutex<VecDeque<Fact>>,
    listener: Mutex<Option<BulkListener>>,
    /// Items whose points want tidying.
    tidy: (Mutex<BTreeSet<ItemId>>, Condvar),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Host {
    /// A host with the items it remembers.
    ///
    /// # Errors
    /// When an item's record cannot be read: nothing is begun then, because an epoch could be forgotten.
    pub fn new(
        config: AgentConfig,
        driver: impl Hypervisor + 'static,
        agent: AgentId,
        mint: EvidenceMint,
        trust: Trust,
        peers: &[AgentId],
    ) -> Result<Self> {
        let clock = trust.clock().clone();
        let wall = Arc::new(Wall::new(clock.clone()));
        let items = remembered(&config, &wall)?;
        Ok(Self {
            config,
            driver: Arc::new(driver),
            agent,
            mint,
            trust,
            clock,
            wall,
            operations: Operations::default(),
            copies: Slots::new(COPIES_AT_ONCE),
            room: Mutex::new(free_bytes),
            engine: Addresses::default(),
            identity: tokio::sync::Mutex::default(),
            items: Mutex::new(items),
            peers: Mutex::new(peers.iter().copied().collect()),
            events: Mutex::default(),
            listener: Mutex::new(None),
            tidy: (Mutex::default(), Condvar::new()),
        })
    }

    /// Now.
    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// How much is free where a folder lies; none when the file system does not say.
    pub(crate) fn free_bytes(&self, folder: &Path) -> Option<u64> {
        let read = *lock(&self.room);
        read(folder)
    }

    /// Tests: says how much is free.
    #[cfg(test)]
    pub(crate) fn set_free_bytes(&self, free: fn(&Path) -> Option<u64>) {
        *lock(&self.room) = free;
    }

    /// All items.
    pub(crate) fn items(&self) -> Vec<Arc<Item>> {
        lock(&self.items).values().cloned().collect()
    }

    /// An item, if this host knows it.
    pub(crate) fn known(&self, id: ItemId) -> Option<Arc<Item>> {
        lock(&self.items).get(&id).cloned()
    }

    /// An item.
    ///
    /// # Errors
    /// When this host does not know it.
    pub(crate) fn item(&self, id: ItemId) -> Result<Arc<Item>> {
        self.known(id).ok_or_else(|| refuse("agent-item-unknown", &id.to_string()))
    }

    /// The item of a machine.
    pub(crate) fn item_of_machine(&self, machine: MachineId) -> Option<Arc<Item>> {
        self.items().into_iter().find(|i| i.record().assignment.machine.id == machine)
    }

    /// The item of an assignment, made if it is new.
    pub(crate) fn item_for(&self, assignment: &Assignment) -> Result<Arc<Item>> {
        let mut items = lock(&self.items);
        if let Some(item) = items.get(&assignment.item) {
            return Ok(Arc::clone(item));
        }
        let record = ItemRecord::new(assignment.clone());
        let folder = self.config.items_folder().join(assignment.item.to_string());
        crate::records::write_record(&folder.join(ItemRecord::FILE), &record)?;
        let item = Arc::new(Item::new(folder, record, &self.wall));
        items.insert(assignment.item, Arc::clone(&item));
        Ok(item)
    }

    /// Forgets an item.
    pub(crate) fn forget(&self, id: ItemId) {
        if let Some(item) = lock(&self.items).remove(&id) {
            item.set_gone(true);
            item.interrupt();
        }
    }

    /// Which agents may talk to this one.
    pub(crate) fn set_peers(&self, peers: &[AgentId]) {
        *lock(&self.peers) = peers.iter().copied().collect();
        if let Some(listener) = &*lock(&self.listener) {
            listener.recheck();
        }
        for item in self.items() {
            item.retry_now();
        }
    }

    /// The engine says where it is to be found from now on. Some of the addresses it was found at before stay behind
    /// the new ones: what it is told to advertise may be wrong, and what has worked must not be lost.
    pub(crate) fn follow_engine(&self, told: &[String]) -> std::result::Result<(), LinkError> {
        let known = self.engine.all();
        let mut next: Vec<String> = told.iter().take(ENGINE_ADDRESSES_MAX).cloned().collect();
        let earlier = known.iter().filter(|a| !told.contains(a)).take(EARLIER_ADDRESSES_MAX);
        next.extend(earlier.cloned());
        if told.is_empty() || next == known {
            return Ok(());
        }
        let _alone = self.identity.blocking_lock();
        let folder = self.config.identity_folder();
        if let Some(mut identity) = HostIdentity::load(&folder)? {
            identity.engine_addresses.clone_from(&next);
            identity.store(&folder)?;
        }
        tracing::info!(?next, "the engine is to be found at other addresses");
        self.engine.replace(next);
        Ok(())
    }

    /// Whether an agent may talk to this one.
    pub(crate) fn is_peer(&self, agent: AgentId) -> bool {
        lock(&self.peers).contains(&agent)
    }

    /// Keeps the listener as long as the host lives.
    pub fn keep_listener(&self, listener: BulkListener) {
        *lock(&self.listener) = Some(listener);
    }

    /// Something a person should read.
    pub(crate) fn event(&self, item: Option<&Item>, what: Message, fault: Option<Fault>) {
        let subject = item.map_or_else(|| self.config.name.clone(), Item::name);
        tracing::info!(subject, what = what.render(), "event");
        let mut events = lock(&self.events);
        if events.len() >= EVENTS_MAX {
            events.pop_front();
        }
        let item = item.map(|i| i.id);
        events.push_back(Fact::Event { at: self.now(), item, subject, what, fault });
    }

    /// Takes the events that wait.
    pub(crate) fn take_events(&self) -> Vec<Fact> {
        lock(&self.events).drain(..).collect()
    }

    /// Events could not be told: they wait on.
    pub(crate) fn put_back_events(&self, facts: Vec<Fact>) {
        let mut events = lock(&self.events);
        for fact in facts.into_iter().rev() {
            events.push_front(fact);
        }
    }

    /// An item's points want tidying.
    pub(crate) fn want_tidying(&self, id: ItemId) {
        lock(&self.tidy.0).insert(id);
        self.tidy.1.notify_one();
    }

    /// The next item whose points want tidying; waits for one.
    pub(crate) fn next_to_tidy(&self) -> ItemId {
        let mut waiting = lock(&self.tidy.0);
        loop {
            if let Some(id) = waiting.pop_first() {
                return id;
            }
            waiting = self.tidy.1.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host").field("name", &self.config.name).finish_non_exhaustive()
    }
}

fn free_bytes(folder: &Path) -> Option<u64> {
    rustix::fs::statvfs(folder).ok().map(|fs| fs.f_bavail.saturating_mul(fs.f_frsize))
}

/// The items of the data folder.
fn remembered(config: &AgentConfig, wall: &Arc<Wall>) -> Result<BTreeMap<ItemId, Arc<Item>>> {
    let mut items = BTreeMap::new();
    let path = config.items_folder();
    // A folder that cannot be read is not an empty one: an epoch could be forgotten.
    let unread = |e: std::io::Error| {
        let detail = format!("{}: {e}", path.display());
        Box::new(Fault::new("agent-items-unreadable", &config.name, detail, Recovery::NeedsPerson))
    };
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(items),
        Err(e) => return Err(unread(e)),
    };
    for entry in entries {
        let folder = entry.map_err(unread)?.path();
        if let Some(record) = ItemRecord::read(&folder.join(ItemRecord::FILE))? {
            let item = Item::new(folder, record, wall);
            items.insert(item.id, Arc::new(item));
        }
    }
    Ok(items)
}

/// A refusal that only a person can change.
pub(crate) fn refuse(code: &'static str, subject: &str) -> Box<Fault> {
    Box::new(Fault::new(code, subject, String::new(), Recovery::NeedsPerson))
}

/// A failure that passes.
pub(crate) fn passing(code: &'static str, subject: &str, detail: String) -> Box<Fault> {
    Box::new(Fault::new(code, subject, detail, Recovery::Retries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use leeward_fabric::{QemuDriver, QemuSettings};
    use leeward_link::Authority;
    use leeward_model::VaultId;
    use std::path::Path;
    use uuid::Uuid;

    const TODAY: Moment = Moment(1_794_000_000_000);

    /// A host that is enrolled and knows the engine at `old:8443`.
    fn host(folder: &Path) -> Host {
        let settings = serde_json::json!({
            "name": "hv1",
            "listen": "127.0.0.1:0",
            "machines": folder.join("machines"),
            "data": folder.join("data"),
        });
        let config: AgentConfig = serde_json::from_value(settings).expect("settings");
        let (vault, agent) = (VaultId(Uuid::from_u128(1)), AgentId(Uuid::from_u128(2)));
        let authority = Authority::create(&folder.join("ca"), vault, "nordic", TODAY).expect("made");
        let credential = authority.issue_engine(&[], TODAY).expect("issued");
        let trust = Trust::new(&credential, Clock::new(|| TODAY)).expect("it fits");
        let engine_addresses = vec!["old:8443".to_owned()];
        let (vault_name, site) = ("nordic".to_owned(), "Stockholm".to_owned());
        let identity = HostIdentity { vault, vault_name, agent, site, engine_addresses, credential };
        identity.store(&config.identity_folder()).expect("kept");
        let driver = QemuDriver::new(QemuSettings::default());
        let host = Host::new(config, driver, agent, EvidenceMint::grant(), trust, &[]).expect("a host");
        host.engine.replace(identity.engine_addresses);
        host
    }

    #[test]
    fn an_engine_that_moves_is_followed_also_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let host = host(folder.path());
        host.follow_engine(&[]).expect("nothing told, nothing changed");
        assert_eq!(host.engine.all(), ["old:8443"]);
        host.follow_engine(&["new:8443".to_owned()]).expect("followed");
        assert_eq!(host.engine.all(), ["new:8443", "old:8443"], "the one it was found at is not lost");
        let kept = HostIdentity::load(&host.config.identity_folder()).expect("read").expect("there");
        assert_eq!(kept.engine_addresses, host.engine.all());
        for number in 0..50 {
            host.follow_engine(&[format!("engine-{number}:8443")]).expect("followed");
        }
        assert_eq!(host.engine.all().len(), 1 + EARLIER_ADDRESSES_MAX, "they do not pile up");
        assert_eq!(host.engine.all().first().map(String::as_str), Some("engine-49:8443"));
    }
}
