//! Our side of the benchmark: two agents' worth of replication in this process, over real mutual TLS on loopback, with
//! the product's own sender, receiver and replica store. Apart from `peers`, the others.

use super::peers::{Cost, own_cpu};
use leeward_link::bulk::{BulkListener, BulkOptions, bulk_dial};
use leeward_link::enrol::HostDescription;
use leeward_link::{AgentRequest, Authority, Clock, Credential, Secret, Trust};
use leeward_model::{
    AgentId, DiskFormat, DiskId, Epoch, Fault, ItemId, Moment, PointId, PointKind, PointSummary, Sequence,
    VaultId,
};
use leeward_replication::{
    Cancel, Copy, CopyDisk, CycleHead, Layer, PointStore, Receiver, SealedCycle, Shipped, SpoolDisk,
    Throttle, finish, receive, seal, ship_copy, ship_cycle,
};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use std::error::Error;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// What goes wrong here.
pub(crate) type Fails = Box<dyn Error>;

/// The one disk's name.
pub(crate) fn disk() -> DiskId {
    DiskId(Uuid::from_u64_pair(2, 2))
}

fn item() -> ItemId {
    ItemId(Uuid::from_u64_pair(1, 1))
}

fn clock() -> Clock {
    Clock::new(now)
}

pub(crate) fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

struct Host(Arc<PointStore>);

impl Receiver for Host {
    fn admit(&self, _: ItemId, _: Epoch) -> Result<Arc<PointStore>, Fault> {
        Ok(Arc::clone(&self.0))
    }
    fn committed(&self, _: ItemId, _: &PointSummary) {}
    fn progressed(&self, _: ItemId) {}
    fn now(&self) -> Moment {
        now()
    }
    fn new_point_id(&self) -> PointId {
        PointId(Uuid::now_v7())
    }
    fn cancelled(&self) -> bool {
        false
    }
}

/// A target that listens, and a source that dials it.
pub(crate) struct Pair {
    store: Arc<PointStore>,
    listener: BulkListener,
    source: Trust,
    target: AgentId,
    sequence: u64,
    acked: u64,
}

impl Pair {
    /// Makes both in a folder, with an empty store for a disk of this size.
    pub(crate) fn new(folder: &Path, size_bytes: u64) -> Result<Self, Fails> {
        std::fs::create_dir_all(folder)?;
        let authority = Authority::create(&folder.join("ca"), VaultId(Uuid::now_v7()), "bench", now())?;
        let (source, target) = (AgentId(Uuid::now_v7()), AgentId(Uuid::now_v7()));
        let store = Arc::new(PointStore::create(&folder.join("store"), item(), &[(disk(), size_bytes)])?);
        let serving = Arc::clone(&store);
        let listener = BulkListener::start(
            TcpListener::bind("127.0.0.1:0")?,
            trust(&authority, target)?,
            BulkOptions::default(),
            Arc::new(|_| true),
            Arc::new(move |_, stream| {
                let (mut reader, mut writer) = stream.split();
                if let Err(error) = receive(&mut reader, &mut writer, &Host(Arc::clone(&serving))) {
                    eprintln!("the target: {error}");
                }
            }),
        )?;
        let source = trust(&authority, source)?;
        Ok(Self { store, listener, source, target, sequence: 0, acked: 0 })
    }

    /// The target's replica.
    pub(crate) fn store(&self) -> &PointStore {
        &self.store
    }

    fn over(
        &self,
        ship: impl FnOnce(
            &mut leeward_link::bulk::BulkReader,
            &mut leeward_link::bulk::BulkWriter,
        ) -> leeward_replication::Result<Shipped>,
    ) -> Result<(Cost, Shipped), Fails> {
        let (cpu, began) = (own_cpu()?, Instant::now());
        let stream =
            bulk_dial(&self.listener.addr().to_string(), self.target, &self.source, &BulkOptions::default())?;
        let (mut reader, mut writer) = stream.split();
        let shipped = ship(&mut reader, &mut writer)?;
        finish(&mut writer)?;
        let wall_secs = began.elapsed().as_secs_f64();
        Ok((Cost { wall_secs, cpu_secs: own_cpu()? - cpu }, shipped))
    }

    /// Copies a raw disk, or compares it if something is there.
    pub(crate) fn copy(
        &mut self,
        source: &Path,
        size_bytes: u64,
        kind: PointKind,
    ) -> Result<(Cost, Shipped), Fails> {
        self.sequence += 1;
        let chain = vec![Layer { path: source.to_owned(), format: DiskFormat::Raw }];
        let disks = [CopyDisk { disk: disk(), size_bytes, chain }];
        let copy = Copy {
            item: item(),
            epoch: Epoch(1),
            sequence: Sequence(self.sequence),
            instant: now(),
            kind,
            copy: Uuid::now_v7(),
            disks: &disks,
            completes: true,
        };
        let out = self.over(|r, w| ship_copy(r, w, &copy, &Throttle::new(0), &Cancel::new(), &|_, _| {}))?;
        self.acked = self.sequence;
        Ok(out)
    }

    /// Seals a spool and ships it: from a captured delta to a visible point.
    pub(crate) fn delta(
        &mut self,
        spool: PathBuf,
        size_bytes: u64,
    ) -> Result<(Cost, Shipped, SealedCycle), Fails> {
        self.sequence += 1;
        let (cpu, began) = (own_cpu()?, Instant::now());
        let head = CycleHead {
            item: item(),
            epoch: Epoch(1),
            sequence: Sequence(self.sequence),
            previous: Sequence(self.acked),
            previous_epoch: Epoch(1),
            instant: now(),
            consistency: leeward_model::Consistency::Crash,
            kind: PointKind::Delta,
        };
        let sealed = seal(&head, &[SpoolDisk { disk: disk(), size_bytes, spool }])?;
        let (_, shipped) =
            self.over(|r, w| ship_cycle(r, w, &sealed, &Throttle::new(0), &Cancel::new(), &|_, _| {}))?;
        self.acked = self.sequence;
        let cost = Cost { wall_secs: began.elapsed().as_secs_f64(), cpu_secs: own_cpu()? - cpu };
        Ok((cost, shipped, sealed))
    }
}

/// An agent's certificate and what it believes.
fn trust(authority: &Authority, agent: AgentId) -> Result<Trust, Fails> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let csr_pem = CertificateParams::default().serialize_request(&key)?.pem()?;
    let host = HostDescription {
        name: "bench".to_owned(),
        site: "bench".to_owned(),
        version: "0".to_owned(),
        replication_addr: "127.0.0.1:1".to_owned(),
    };
    let certificate_pem = authority.issue_agent(&AgentRequest { agent, key: None, host, csr_pem }, now())?;
    let key_pem = Secret::new(key.serialize_pem());
    let credential = Credential { ca_pem: authority.ca_pem().to_owned(), certificate_pem, key_pem };
    Ok(Trust::new(&credential, clock())?)
}
