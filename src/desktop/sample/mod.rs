//! Made-up worlds for tests and galleries: every blade is drawn over them. Apart from the sample lab, which is real.
//!
//! | file | what |
//! |---|---|
//! | `estate` | vault, sites, servers, machines, policies, keys |
//! | `items` | replicated items in every state |
//! | `jobs` | jobs and events |
//! | `headless` | the window without a screen |
//! | `stage` | a sink and a feed over a snapshot |

mod estate;
mod headless;
mod items;
mod jobs;
mod stage;

pub use headless::Headless;
pub use stage::Stage;

use leeward_model::{Health, ItemView, Message, Moment, Overview, Readiness, Snapshot};
use std::sync::Arc;
use uuid::Uuid;

/// The instant at which all worlds stand: 20 November 2026, 14:05 UTC.
pub const NOW: Moment = Moment(1_795_183_500_000);

/// The clock of all worlds.
#[must_use]
pub const fn clock() -> Moment {
    NOW
}

/// An id from a number, the same in every run.
pub(crate) const fn id(kind: u8, n: u32) -> Uuid {
    Uuid::from_u128(((kind as u128) << 96) | 0x4000_8000_0000_0000_0000 | n as u128)
}

fn world(items: Vec<ItemView>) -> Snapshot {
    let items: Vec<Arc<ItemView>> = items.into_iter().map(Arc::new).collect();
    let mut snapshot = estate::vault();
    snapshot.overview = overview(&items);
    snapshot.machines = Arc::new(estate::machines(&items));
    estate::count(&mut snapshot, &items);
    snapshot.items = Arc::new(items);
    snapshot
}

/// A small lab: items in every state and both directions, a test failover, jobs, events.
#[must_use]
pub fn lab() -> Snapshot {
    let mut snapshot = world(items::lab());
    snapshot.jobs = Arc::new(jobs::jobs());
    snapshot.events = Arc::new(jobs::events());
    snapshot.overview.jobs_failed = 1;
    snapshot.overview.jobs_running = 2;
    snapshot.overview.jobs_succeeded = 14;
    snapshot
}

/// A vault that nobody has joined.
#[must_use]
pub fn empty() -> Snapshot {
    let mut snapshot = world(Vec::new());
    snapshot.sites = Arc::default();
    snapshot.servers = Arc::default();
    snapshot.machines = Arc::default();
    snapshot.policies = Arc::default();
    snapshot.keys = Arc::default();
    snapshot.overview = Overview::default();
    snapshot
}

/// Hosts have joined, nothing is protected.
#[must_use]
pub fn unprotected() -> Snapshot {
    world(Vec::new())
}

/// Names as long as people make them.
#[must_use]
pub fn long_names() -> Snapshot {
    let mut snapshot = lab();
    let long = |name: &str, n: usize| {
        format!("{name}-production-customer-database-cluster-member-{n:03}.datacentre-west.example.internal")
    };
    let mut items = Vec::new();
    for (n, item) in snapshot.items.iter().enumerate() {
        let mut item = ItemView::clone(item);
        item.name = long(&item.name, n);
        item.policy_name =
            format!("{} for everything that must be back within five minutes", item.policy_name);
        for place in [&mut item.primary, &mut item.recovery] {
            place.site_name = format!("{} secondary computing centre, building 4", place.site_name);
            place.server_name = long(&place.server_name, n);
        }
        items.push(Arc::new(item));
    }
    let servers = snapshot.servers.iter().enumerate().map(|(n, s)| {
        let mut server = s.clone();
        server.name = long(&s.name, n);
        server
    });
    snapshot.servers = Arc::new(servers.collect());
    let mut sites = snapshot.sites.as_ref().clone();
    for site in &mut sites {
        site.name = format!("{} secondary computing centre, building 4", site.name);
    }
    snapshot.sites = Arc::new(sites);
    snapshot.items = Arc::new(items);
    snapshot.vault.name = "vault-of-the-northern-european-production-computing-centres".into();
    snapshot
}

/// Ten thousand items, or as many as asked for.
#[must_use]
pub fn many(count: u32) -> Snapshot {
    let mut snapshot = world(items::many(count));
    snapshot.events = Arc::new(jobs::events());
    snapshot
}

fn overview(items: &[Arc<ItemView>]) -> Overview {
    let mut view = Overview::default();
    for item in items {
        let slot = match item.health {
            Health::Healthy => 0,
            Health::Warning => 1,
            Health::Critical => 2,
            Health::NotApplicable => 3,
        };
        if let Some(n) = view.health.get_mut(slot) {
            *n += 1;
        }
        match item.readiness(NOW) {
            Readiness::Tested => view.tested += 1,
            Readiness::TestDue => view.test_recommended += 1,
            Readiness::NotApplicable => view.test_not_applicable += 1,
        }
    }
    let [_, _, critical, _] = view.health;
    if critical > 0 {
        view.errors.push((Health::Critical, Message::new("health-not-sending-many"), critical));
    }
    view.rpo_median = Arc::new(items::median());
    view.traffic_bytes_per_sec = (3_400_000, 820_000);
    view
}
