//! What this host says to the engine: everything, or what has changed of one item. Apart from `session`, which
//! decides when it is said.

use crate::host::Host;
use crate::item::{Item, Live};
use crate::machines::power;
use crate::records::ItemRecord;
use crate::requests::test_folder;
use leeward_fabric::{Adoption, MachineFolder};
use leeward_link::messages::{Activity, AgentReport, DiskFacts, ItemFacts, MachineFacts, Role, TestFacts};
use leeward_model::{CycleSample, DiskId, Message, PointKind, PointSummary, PowerState, Progress};
use std::collections::BTreeMap;
use std::time::Instant;

/// Everything this host knows. Readings of cycles are not taken: they go with the item's own facts.
pub(crate) fn report(host: &Host) -> AgentReport {
    let (free_bytes, total_bytes) = space(host);
    AgentReport {
        at: host.now(),
        hypervisor: host.driver.kind().to_owned(),
        free_bytes,
        total_bytes,
        certificate_expires: host.trust.own().not_after,
        machines: machines(host),
        items: host.items().iter().map(|i| item(host, i, Vec::new())).collect(),
        waiting: host.items().iter().filter(|i| waits(i)).map(|i| i.id).collect(),
    }
}

/// Whether nobody has said yet that this host may still run the item.
fn waits(item: &Item) -> bool {
    matches!(item.record().role, Role::Source | Role::FailedOver) && !item.live().confirmed
}

fn space(host: &Host) -> (u64, u64) {
    rustix::fs::statvfs(&host.config.data).map_or((0, 0), |fs| {
        (fs.f_bavail.saturating_mul(fs.f_frsize), fs.f_blocks.saturating_mul(fs.f_frsize))
    })
}

fn machines(host: &Host) -> Vec<MachineFacts> {
    let found = match host.driver.discover(&host.config.host_folder()) {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "the machines of this host cannot be listed");
            return Vec::new();
        }
    };
    let facts = |m: leeward_fabric::FoundMachine| MachineFacts {
        power: if m.alive { host.power(&m.folder) } else { PowerState::Off },
        not_protectable: why_not(&m.definition),
        reach: if m.alive { host.reach(&m.folder) } else { Vec::new() },
        definition: m.definition,
    };
    found.machines.into_iter().map(facts).collect()
}

/// Why a machine cannot be protected.
fn why_not(definition: &leeward_model::MachineDefinition) -> Option<Message> {
    if definition.disks.is_empty() {
        return Some(Message::new("agent-machine-without-disks"));
    }
    let odd = definition.disks.iter().find(|d| d.size_bytes == 0 || d.size_bytes % 512 != 0)?;
    Some(Message::new("agent-machine-odd-disk").with("disk", odd.name.as_str()))
}

/// What this host says of one item, with these readings of cycles.
pub(crate) fn item(host: &Host, item: &Item, cycles: Vec<CycleSample>) -> ItemFacts {
    let record = item.record();
    let points = points(host, item, &record);
    let machine = record.machine_folder.clone().map(MachineFolder::new);
    let power = match &machine {
        Some(folder) if folder.file("machine.json").exists() => host.power(folder),
        _ => PowerState::Off,
    };
    let tests = tests(host, &record);
    let live = item.live();
    let source = record.role == Role::Source;
    let fault = match (&record.source.stopped, &live.fault) {
        (Some(stopped), Some((_, since))) if source => Some((stopped.clone(), *since)),
        (Some(stopped), None) if source => Some((stopped.clone(), host.now())),
        (_, Some((fault, since))) if source => Some(((**fault).clone(), *since)),
        _ => live.store_fault.clone(),
    };
    // A guest that stands still is worse than a replica that falls behind.
    let fault = live.stands_still.clone().or(fault);
    let newest = points.first();
    ItemFacts {
        item: item.id,
        at: host.now(),
        role: record.role,
        epoch: record.epoch,
        revision: record.assignment.revision,
        power,
        superseded: record.superseded,
        activity: activity(host, &record, &live),
        fault_since: fault.as_ref().map(|(_, since)| *since),
        fault: fault.map(|(fault, _)| fault),
        synced_to: if source { record.source.synced_to } else { newest.map(|p| p.instant) },
        sequence: if source { record.source.acked.1 } else { newest.map(|p| p.sequence).unwrap_or_default() },
        consistency: newest.map(|p| p.consistency),
        disks: disks(&record, &live),
        points,
        tests,
        cycles,
        guest_write_p99_ms: live.guest_write_p99_ms,
    }
}

/// Points, newest first; a source has none that count.
fn points(host: &Host, item: &Item, record: &ItemRecord) -> Vec<PointSummary> {
    let mut why_not = None;
    let mut points = Vec::new();
    if matches!(record.role, Role::Target | Role::FailedOver) && !item.is_gone() {
        match item.store() {
            Ok(Some(store)) => points = store.points(),
            Ok(None) if record.store.is_some() => {
                why_not = Some(crate::host::refuse("agent-store-missing", record.name()));
            }
            Ok(None) => {}
            Err(fault) => why_not = Some(fault),
        }
    }
    let mut live = item.live();
    let since = live.store_fault.as_ref().map_or_else(|| host.now(), |(_, since)| *since);
    if let Some(fault) = &why_not
        && live.store_fault.is_none()
    {
        tracing::warn!(%fault, "the replica cannot be opened");
    }
    live.store_fault = why_not.map(|fault| (*fault, since));
    points
}

fn tests(host: &Host, record: &ItemRecord) -> Vec<TestFacts> {
    let facts = |(test, kept): (&leeward_model::TestId, &crate::records::TestRecord)| {
        let folder = test_folder(host, *test);
        let (power, reach) = match host.driver.adopt(&folder) {
            Ok(Adoption::Running(machine)) => (
                machine.status().map_or(PowerState::Unknown, |s| power(&s)),
                crate::machines::forwards(&machine.record().forwards),
            ),
            _ => (PowerState::Off, Vec::new()),
        };
        TestFacts { test: *test, point: kept.point, power, reach }
    };
    record.tests.iter().map(facts).collect()
}

fn disks(record: &ItemRecord, live: &Live) -> Vec<DiskFacts> {
    let one = |disk: DiskId| {
        let (tracked, dirty_bytes, log_bytes) = live.disks.get(&disk).copied().unwrap_or_default();
        let source = record.role == Role::Source;
        DiskFacts {
            disk,
            tracked: tracked && source,
            dirty_bytes: if source { dirty_bytes } else { 0 },
            log_bytes: if source { log_bytes } else { 0 },
            replica_bytes: if source { 0 } else { live.replica_bytes.get(&disk).copied().unwrap_or(0) },
            progress: live.progress.get(&disk).map(crate::item::Meter::progress),
        }
    };
    record.assignment.machine.disks.iter().map(|d| one(d.id)).collect()
}

fn activity(host: &Host, record: &ItemRecord, live: &Live) -> Activity {
    if record.role != Role::Source {
        return Activity::Idle;
    }
    if record.source.stopped.is_some() {
        return Activity::Stopped;
    }
    if record.assignment.paused {
        return Activity::Paused;
    }
    if let Some(plan) = record.source.copy.as_ref().filter(|p| p.held && !p.shipped) {
        return Activity::ResyncRequired { why: plan.why.clone(), scheduled_at: None };
    }
    if let Some((until, at)) = live.retry
        && until > Instant::now()
        && live.failures > 0
    {
        return Activity::Retrying { attempts: live.failures, next_at: at };
    }
    match &record.source.copy {
        Some(plan) => {
            let waits = plan.waits_until(&record.assignment.policy, host.now(), &host.wall);
            match (plan.kind, waits) {
                (PointKind::Initial, Some(at)) => Activity::Scheduled { at },
                (PointKind::Initial, None) => Activity::Initial(whole(&live.progress)),
                (_, Some(at)) => Activity::ResyncRequired { why: plan.why.clone(), scheduled_at: Some(at) },
                (_, None) => Activity::Resync(whole(&live.progress)),
            }
        }
        None if live.cycling => Activity::Cycle,
        None => Activity::Waiting,
    }
}

/// Progress over all disks.
fn whole(meters: &BTreeMap<DiskId, crate::item::Meter>) -> Progress {
    let mut all = Progress { done_bytes: 0, total_bytes: 0, rate_bytes_per_sec: 0, left_secs: None };
    for one in meters.values().map(crate::item::Meter::progress) {
        all.done_bytes += one.done_bytes;
        all.total_bytes += one.total_bytes;
        all.rate_bytes_per_sec += one.rate_bytes_per_sec;
    }
    let left = all.total_bytes.saturating_sub(all.done_bytes);
    all.left_secs = left.checked_div(all.rate_bytes_per_sec);
    all
}
