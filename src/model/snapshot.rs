//! The read model: plain values in the window's vocabulary, cheap to clone (lists are shared), with a rising
//! revision. The engine's projector makes it; the window and the CLI only read it.

use crate::command::MachineOn;
use crate::fault::Fault;
use crate::ids::*;
use crate::job::{JobView, Progress};
use crate::machine::MachineDefinition;
use crate::moment::Moment;
use crate::point::PointSummary;
use crate::policy::ReplicationPolicy;
use crate::protection::Protection;
use crate::side::{NetworkChoice, Side};
use crate::text::Message;
use crate::verb::Verb;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Everything the window shows, at one revision.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// Rises with every publication.
    pub revision: u64,
    /// When it was made.
    pub made_at: Moment,
    /// The vault.
    pub vault: VaultView,
    /// Sites, in the order they were first seen.
    pub sites: Arc<Vec<SiteView>>,
    /// Management servers (hosts).
    pub servers: Arc<Vec<ServerView>>,
    /// Registration keys, newest first.
    pub keys: Arc<Vec<KeyView>>,
    /// Machines on all hosts, protected or not.
    pub machines: Arc<Vec<MachineView>>,
    /// Replication policies.
    pub policies: Arc<Vec<PolicyView>>,
    /// Replicated items.
    pub items: Arc<Vec<Arc<ItemView>>>,
    /// Jobs, newest first.
    pub jobs: Arc<Vec<Arc<JobView>>>,
    /// Events of the vault, newest first (bounded).
    pub events: Arc<Vec<EventView>>,
    /// Figures of the overview.
    pub overview: Overview,
}

/// The vault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VaultView {
    /// Identity.
    pub id: VaultId,
    /// Name.
    pub name: String,
    /// When it was created.
    pub created: Moment,
    /// Where agents reach the engine: `host:port`.
    pub engine_addr: String,
    /// Version of the engine.
    pub engine_version: String,
}

/// A site.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SiteView {
    /// Identity.
    pub id: SiteId,
    /// Name.
    pub name: String,
}

/// A management server: a host with its agent.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ServerView {
    /// Its agent.
    pub agent: AgentId,
    /// Host name.
    pub name: String,
    /// Its site.
    pub site: SiteId,
    /// Version of the agent.
    pub version: String,
    /// Hypervisor and its version: `QEMU 7.2.22`.
    pub hypervisor: String,
    /// Connected now.
    pub connected: bool,
    /// The last time it was heard of.
    pub last_heartbeat: Option<Moment>,
    /// Why it is not connected, if that is known.
    pub lost_why: Option<Message>,
    /// Address at which other agents reach it.
    pub replication_addr: String,
    /// End of its certificate.
    pub certificate_expires: Moment,
    /// Free bytes where it keeps replicas.
    pub free_bytes: u64,
    /// Size of that file system in bytes.
    pub total_bytes: u64,
    /// Machines on it.
    pub machines: u32,
    /// Items for which it is a source now.
    pub source_items: u32,
    /// Items for which it is a target now.
    pub target_items: u32,
    /// Its health.
    pub health: Health,
    /// Verbs on it, each with the reason where it is refused now.
    pub verbs: Vec<VerbState>,
}

/// A registration key.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct KeyView {
    /// Identity.
    pub id: KeyId,
    /// The site it was made for.
    pub site: String,
    /// Who made it.
    pub by: String,
    /// When it was made.
    pub made: Moment,
    /// When it expires.
    pub expires: Moment,
    /// What has become of it.
    pub state: KeyState,
}

/// What has become of a registration key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum KeyState {
    /// Not used yet.
    Ready,
    /// Used by this host.
    Used {
        /// The host.
        host: String,
        /// When.
        at: Moment,
    },
    /// Expired unused.
    Expired,
    /// Revoked by a person.
    Revoked,
}

/// Whether a machine runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum PowerState {
    /// Runs.
    Running,
    /// Held by the hypervisor (paused, I/O error).
    Paused,
    /// The guest has shut down; the hypervisor still holds its disks.
    ShutDown,
    /// Off.
    Off,
    /// Not known (its host is not connected).
    Unknown,
}

/// A machine on a host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct MachineView {
    /// What its host says.
    pub definition: MachineDefinition,
    /// Its host.
    pub agent: AgentId,
    /// Its site.
    pub site: SiteId,
    /// Whether it runs.
    pub power: PowerState,
    /// The item that protects it.
    pub item: Option<ItemId>,
    /// Why it cannot be protected, if so.
    pub not_protectable: Option<Message>,
    /// Where its guest can be reached from the host: `127.0.10.1:8081 -> 80`.
    pub reach: Vec<String>,
    /// Verbs on it, each with the reason where it is refused now.
    pub verbs: Vec<VerbState>,
}

/// A policy and who uses it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PolicyView {
    /// The policy.
    pub policy: ReplicationPolicy,
    /// How many items use it.
    pub items: u32,
    /// Verbs on it.
    pub verbs: Vec<VerbState>,
}

/// A verb and whether it may be used now.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VerbState {
    /// The verb.
    pub verb: Verb,
    /// Why not, in the same words as everywhere; none when it may.
    pub refused: Option<Message>,
}

/// Health by the Hyper-V Replica rules.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, strum::EnumIter,
)]
pub enum Health {
    /// Nothing to do.
    Healthy,
    /// Look at it today.
    Warning,
    /// Look at it now.
    Critical,
    /// Not expected to replicate now.
    NotApplicable,
}

/// Whether an item is ready to be failed over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Readiness {
    /// Its last test failover was good and is young enough.
    Tested,
    /// It should be tested.
    TestDue,
    /// It cannot be tested now.
    NotApplicable,
}

/// A good test is as good as none after this: 6 months.
const TEST_GOOD_SECS: i64 = 180 * 86_400;

/// One symptom of an item or server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HealthIssue {
    /// How bad.
    pub severity: Health,
    /// Since when.
    pub since: Moment,
    /// What, causes, action.
    pub fault: Fault,
}

/// How replication does, beside protection.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum ReplicationState {
    /// Nothing to replicate in the present protection state.
    Idle,
    /// Cycles run.
    Active,
    /// Paused by a person.
    Paused,
    /// A cycle failed in a way that passes.
    Retrying {
        /// How often.
        attempts: u32,
        /// When it is tried next.
        next_at: Moment,
    },
    /// The replica must be compared again.
    ResyncRequired {
        /// Why.
        why: Message,
        /// When it is scheduled.
        scheduled_at: Option<Moment>,
    },
    /// Being compared.
    Resynchronizing,
    /// A person must act.
    Stopped,
}

/// One disk of an item.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DiskView {
    /// Identity.
    pub id: DiskId,
    /// Name.
    pub name: String,
    /// Virtual size in bytes.
    pub size_bytes: u64,
    /// Bytes its replica takes (all points).
    pub replica_bytes: u64,
    /// Bytes in change logs that the target does not have yet.
    pub log_bytes: u64,
    /// Bytes changed since the last cycle.
    pub dirty_bytes: u64,
    /// Whether its changes are being tracked.
    pub tracked: bool,
    /// Initial replication or resynchronization of this disk.
    pub progress: Option<Progress>,
}

/// A test failover.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TestView {
    /// Identity.
    pub id: TestId,
    /// Where it stands.
    pub state: TestState,
    /// The point it runs on.
    pub point: PointId,
    /// The instant of that point.
    pub point_instant: Moment,
    /// Its network.
    pub network: NetworkChoice,
    /// When it began.
    pub started: Moment,
    /// Where its guest can be reached from the host: `127.0.20.1:40123 -> 80`.
    pub reach: Vec<String>,
    /// Seconds from the command to the guest's first answer, once it answered.
    pub recovery_secs: Option<f64>,
}

/// Where a test failover stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum TestState {
    /// Being brought up.
    Starting,
    /// Runs.
    Running,
    /// Could not be brought up; what is left must be cleaned up.
    WaitingForCleanup,
    /// Being taken away.
    CleaningUp,
}

/// One reading over time: seconds and bytes of one cycle.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct CycleSample {
    /// When the cycle ended.
    pub at: Moment,
    /// Seconds by which the target lagged just before this cycle's point became visible.
    pub rpo_secs: f32,
    /// Bytes that travelled.
    pub sent_bytes: u64,
    /// Seconds that shipping took.
    pub ship_secs: f32,
    /// Milliseconds that capture held the guest's disk.
    pub capture_ms: f32,
}

/// Where an item stands on one side.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PlaceView {
    /// The site.
    pub site: SiteId,
    /// Its name.
    pub site_name: String,
    /// The host's agent.
    pub agent: AgentId,
    /// Its name.
    pub server_name: String,
    /// Whether the agent is connected.
    pub connected: bool,
    /// Whether the machine runs on this side.
    pub power: PowerState,
}

/// A replicated item.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ItemView {
    /// Identity.
    pub id: ItemId,
    /// The machine.
    pub machine: MachineId,
    /// Its name.
    pub name: String,
    /// The primary side.
    pub primary: PlaceView,
    /// The recovery side.
    pub recovery: PlaceView,
    /// Where it runs.
    pub active: Side,
    /// Who may write.
    pub epoch: Epoch,
    /// Where protection stands.
    pub protection: Protection,
    /// The one line of the list: `Protected`, `Initial replication 43 %`, `Superseded source returned`.
    pub status: Message,
    /// Beside it.
    pub replication: ReplicationState,
    /// Open test failovers.
    pub tests: Vec<TestView>,
    /// The last test failover that was brought up and cleaned up.
    pub last_test_ok: Option<Moment>,
    /// The last failover that ended well.
    pub last_failover_ok: Option<Moment>,
    /// Health.
    pub health: Health,
    /// Its symptoms, worst first.
    pub issues: Vec<HealthIssue>,
    /// Policy.
    pub policy: PolicyId,
    /// Its name.
    pub policy_name: String,
    /// How far the target lags, in seconds, when `made_at` was taken.
    pub rpo_secs: Option<u64>,
    /// The instant of the newest point.
    pub synced_to: Option<Moment>,
    /// Points at the present target, newest first.
    pub points: Arc<Vec<PointSummary>>,
    /// Its disks.
    pub disks: Vec<DiskView>,
    /// Initial replication or resynchronization over all disks.
    pub progress: Option<Progress>,
    /// Cycles of the last hours, oldest first (bounded).
    pub cycles: Arc<Vec<CycleSample>>,
    /// 99th percentile of guest write latency during and outside cycles, milliseconds.
    pub guest_write_p99_ms: Option<(f32, f32)>,
    /// The old source returned under an older epoch and is kept off.
    pub superseded: bool,
    /// The job that works on it now.
    pub job: Option<JobId>,
    /// All verbs of an item, each with the reason where it is refused now.
    pub verbs: Vec<VerbState>,
}

/// One event.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EventView {
    /// Identity.
    pub id: EventId,
    /// When.
    pub at: Moment,
    /// How bad; `Healthy` for news and recoveries.
    pub severity: Health,
    /// What happened.
    pub what: Message,
    /// To what.
    pub subject: String,
    /// The item, if it concerns one.
    pub item: Option<ItemId>,
    /// The job, if it concerns one.
    pub job: Option<JobId>,
}

/// Figures of the vault overview.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Overview {
    /// Items by health: healthy, warning, critical, not applicable.
    pub health: [u32; 4],
    /// Items whose last test failover was good and young enough.
    pub tested: u32,
    /// Items that should be tested.
    pub test_recommended: u32,
    /// Items that cannot be tested now.
    pub test_not_applicable: u32,
    /// What is not configured or missing, with how many items it hits.
    pub configuration_issues: Vec<(Message, u32)>,
    /// Symptoms with how many items they hit, servers first, worst first.
    pub errors: Vec<(Health, Message, u32)>,
    /// Jobs that failed in the last 24 hours.
    pub jobs_failed: u32,
    /// Jobs under way.
    pub jobs_running: u32,
    /// Jobs that wait for a person.
    pub jobs_waiting: u32,
    /// Jobs that succeeded in the last 24 hours.
    pub jobs_succeeded: u32,
    /// Median RPO of replicating items over time, oldest first: (when, seconds).
    pub rpo_median: Arc<Vec<(Moment, f32)>>,
    /// Bytes per second over all items now, primary to recovery and back.
    pub traffic_bytes_per_sec: (u64, u64),
}

impl Snapshot {
    /// An item by id.
    #[must_use]
    pub fn item(&self, id: ItemId) -> Option<&Arc<ItemView>> {
        self.items.iter().find(|i| i.id == id)
    }

    /// An item by name or by id as text.
    #[must_use]
    pub fn item_named(&self, name: &str) -> Option<&Arc<ItemView>> {
        self.items.iter().find(|i| i.name == name || i.id.to_string() == name)
    }

    /// A job by id.
    #[must_use]
    pub fn job(&self, id: JobId) -> Option<&Arc<JobView>> {
        self.jobs.iter().find(|j| j.id == id)
    }

    /// A server by its agent.
    #[must_use]
    pub fn server(&self, id: AgentId) -> Option<&ServerView> {
        self.servers.iter().find(|s| s.agent == id)
    }
}

impl VaultView {
    /// Whether the engine is to be found from its own computer alone: no other host can join then.
    #[must_use]
    pub fn only_this_computer(&self) -> bool {
        is_loopback(&self.engine_addr)
    }
}

/// Whether `address:port` leads to the computer it is used on.
#[must_use]
pub fn is_loopback(addr: &str) -> bool {
    let host = addr.rsplit_once(':').map_or(addr, |(host, _)| host);
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    plain == "localhost" || plain.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl MachineView {
    /// The machine on its host, as commands name it.
    #[must_use]
    pub const fn on(&self) -> MachineOn {
        MachineOn { agent: self.agent, machine: self.definition.id }
    }
}

impl ItemView {
    /// Whether a verb may be used now; the refusal otherwise. `None` when the verb is not one of an item.
    #[must_use]
    pub fn verb(&self, verb: Verb) -> Option<&VerbState> {
        self.verbs.iter().find(|v| v.verb == verb)
    }

    /// Whether it is ready to be failed over: one rule for the tile that counts and the list behind it.
    #[must_use]
    pub fn readiness(&self, now: Moment) -> Readiness {
        let testable = matches!(self.protection, Protection::Protected | Protection::ProtectedReversed)
            && self.tests.iter().all(|t| t.state == TestState::WaitingForCleanup);
        if !testable {
            Readiness::NotApplicable
        } else if self.last_test_ok.is_some_and(|at| now.secs_since(at) < TEST_GOOD_SECS) {
            Readiness::Tested
        } else {
            Readiness::TestDue
        }
    }

    /// Where it runs.
    #[must_use]
    pub const fn active_place(&self) -> &PlaceView {
        match self.active {
            Side::Primary => &self.primary,
            Side::Recovery => &self.recovery,
        }
    }

    /// Where its replica is kept.
    #[must_use]
    pub const fn target_place(&self) -> &PlaceView {
        match self.active {
            Side::Primary => &self.recovery,
            Side::Recovery => &self.primary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_computer_alone() {
        let at = |addr: &str| VaultView {
            id: VaultId(uuid::Uuid::nil()),
            name: "Nordic".to_owned(),
            created: Moment(0),
            engine_addr: addr.to_owned(),
            engine_version: String::new(),
        };
        for addr in ["127.0.0.1:8443", "127.0.0.9:1", "[::1]:8443", "localhost:8443"] {
            assert!(at(addr).only_this_computer(), "{addr}");
        }
        for addr in ["192.0.2.10:8443", "engine.example:8443", "[2001:db8::1]:8443", ""] {
            assert!(!at(addr).only_this_computer(), "{addr}");
        }
    }
}
