//! The health of an item, by the rules of Hyper-V Replica, and the symptoms behind it. Apart from `protection`: an
//! item can be well protected and unhealthy, or healthy and on its way.
//!
//! - Critical: nothing can be sent (network, storage), a comparison is needed, or a person must act.
//! - Warning: more than 20 % of the cycles of the window were missed, more than an hour without a synchronization,
//!   latency over 5 minutes, the first copy is not complete and does not go on, paused, failed over and not reversed.
//! - Not applicable: being set up, its first copy included while that goes on; being taken away or moved.

use crate::fault::{Fault, Recovery};
use crate::moment::Moment;
use crate::protection::Protection;
use crate::snapshot::{Health, HealthIssue, ReplicationState};
use crate::text::Message;

/// Missed cycles beyond this share of the window are a symptom.
pub const MISSED_SHARE_MAX: f64 = 0.20;
/// Seconds without a synchronization that are a symptom.
pub const UNSYNCED_SECS_MAX: u64 = 3_600;
/// Average seconds from capture to visible point that are a symptom.
pub const LATENCY_SECS_MAX: f64 = 300.0;
/// Length of the window over which cycles are counted, in seconds.
pub const WINDOW_SECS: i64 = 12 * 3_600;
/// Cycles that must have been expected before a share of them says anything.
const CYCLES_MIN: u32 = 5;

/// Cycles of the window.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct CycleCount {
    /// Completed in their time.
    pub done: u32,
    /// Not completed in their time.
    pub missed: u32,
    /// Average seconds that shipping took.
    pub latency_secs: f64,
}

/// What health depends on.
#[derive(Clone, Debug)]
pub struct Symptoms<'a> {
    /// The item's name.
    pub name: &'a str,
    /// Where protection stands.
    pub protection: &'a Protection,
    /// Since when.
    pub protection_since: Moment,
    /// How replication does.
    pub replication: &'a ReplicationState,
    /// The last failure, while it lasts, and since when.
    pub fault: Option<(&'a Fault, Moment)>,
    /// Why its replica cannot be used, by the host that keeps it, and since when.
    pub replica_fault: Option<(&'a Fault, Moment)>,
    /// Seconds by which the target lags.
    pub lag_secs: Option<u64>,
    /// Cycles of the window.
    pub cycles: CycleCount,
    /// Hosts of the item that are not connected: name, since when.
    pub away: &'a [(&'a str, Moment)],
    /// The old source returned and is kept off.
    pub superseded: bool,
    /// Now.
    pub now: Moment,
}

/// The code of a host's fault "the hypervisor has stopped the guest because a disk refused a write".
const GUEST_STOPPED: &str = "agent-guest-stopped";

/// The code of the symptom "a host is not connected": it concerns the host, and is told there.
pub const HOST_AWAY: &str = "health-host-away";

/// All symptoms, worst first.
#[must_use]
pub fn symptoms(of: &Symptoms<'_>) -> Vec<HealthIssue> {
    let mut found = Vec::new();
    match of.protection {
        Protection::NeedsOperator { why } => {
            let mut issue = issue(Health::Critical, "health-needs-operator", of, of.protection_since);
            issue.fault.causes = vec![why.clone()];
            found.push(issue);
        }
        Protection::FailedOver { .. } => {
            found.push(issue(Health::Warning, "health-commit-pending", of, of.protection_since));
        }
        Protection::Committed { .. } => {
            found.push(issue(Health::Warning, "health-not-reversed", of, of.protection_since));
        }
        // While it goes on there is nothing for a person to do, and nothing is worse than it was.
        Protection::InitialReplication
            if matches!(of.replication, ReplicationState::Idle | ReplicationState::Active) => {}
        Protection::InitialReplication => {
            found.push(issue(Health::Warning, "health-initial-replication", of, of.protection_since));
        }
        Protection::Reversing => {
            found.push(issue(Health::Warning, "health-reversing", of, of.protection_since));
        }
        Protection::Enabling | Protection::FailingOver { .. } | Protection::Disabling => {}
        Protection::Protected | Protection::ProtectedReversed => {}
    }
    if let Some((fault, since)) = of.fault.filter(|(f, _)| f.code == GUEST_STOPPED) {
        found.push(with_fault(
            issue(Health::Critical, "health-guest-stopped", of, since),
            Some((fault, since)),
        ));
    }
    if let Some((fault, since)) = of.replica_fault {
        found.push(with_fault(
            issue(Health::Critical, "health-replica-unusable", of, since),
            Some((fault, since)),
        ));
    }
    if of.superseded {
        found.push(issue(Health::Warning, "health-superseded", of, of.protection_since));
    }
    if of.protection.replicates() {
        replication(of, &mut found);
    }
    if !matches!(of.protection, Protection::Disabling) {
        for (host, since) in of.away {
            let mut away = issue(Health::Warning, HOST_AWAY, of, *since);
            away.fault.what = away.fault.what.with("host", *host);
            away.fault.subject = (*host).to_owned();
            found.push(away);
        }
    }
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.since.cmp(&b.since)));
    found
}

/// The health that follows from the symptoms.
#[must_use]
pub fn health(protection: &Protection, issues: &[HealthIssue]) -> Health {
    if matches!(protection, Protection::Enabling | Protection::FailingOver { .. } | Protection::Disabling) {
        return Health::NotApplicable;
    }
    // Without a point nothing is well yet.
    let good = match protection {
        Protection::InitialReplication => Health::NotApplicable,
        _ => Health::Healthy,
    };
    issues.iter().map(|i| i.severity).max().unwrap_or(good)
}

fn replication(of: &Symptoms<'_>, found: &mut Vec<HealthIssue>) {
    let since = of.fault.map_or(of.now, |(_, since)| since);
    match of.replication {
        ReplicationState::Retrying { .. } => {
            found.push(with_fault(issue(Health::Critical, "health-not-sending", of, since), of.fault));
        }
        ReplicationState::Stopped => {
            found.push(with_fault(issue(Health::Critical, "health-stopped", of, since), of.fault));
        }
        ReplicationState::ResyncRequired { why, .. } => {
            let mut required = issue(Health::Critical, "health-resync-required", of, since);
            required.fault.causes = vec![why.clone()];
            found.push(required);
        }
        ReplicationState::Resynchronizing => {
            found.push(issue(Health::Warning, "health-resynchronizing", of, since));
        }
        ReplicationState::Paused => found.push(issue(Health::Warning, "health-paused", of, since)),
        ReplicationState::Idle | ReplicationState::Active => {}
    }
    if !matches!(of.protection, Protection::Protected | Protection::ProtectedReversed) {
        return;
    }
    if of.lag_secs.is_some_and(|lag| lag > UNSYNCED_SECS_MAX) {
        found.push(issue(Health::Warning, "health-unsynced", of, of.now));
    }
    let expected = of.cycles.done + of.cycles.missed;
    if expected >= CYCLES_MIN && f64::from(of.cycles.missed) > MISSED_SHARE_MAX * f64::from(expected) {
        let mut missed = issue(Health::Warning, "health-missed-cycles", of, of.now);
        missed.fault.what = missed.fault.what.with("missed", of.cycles.missed).with("expected", expected);
        found.push(missed);
    }
    if of.cycles.done >= CYCLES_MIN && of.cycles.latency_secs > LATENCY_SECS_MAX {
        found.push(issue(Health::Warning, "health-latency", of, of.now));
    }
}

fn issue(severity: Health, code: &'static str, of: &Symptoms<'_>, since: Moment) -> HealthIssue {
    let fault = Fault::new(code, of.name, String::new(), Recovery::NeedsPerson);
    HealthIssue { severity, since, fault }
}

/// The agent's own account of the failure stands in place of the general cause.
fn with_fault(mut issue: HealthIssue, fault: Option<(&Fault, Moment)>) -> HealthIssue {
    if let Some((fault, _)) = fault {
        let mut causes: Vec<Message> = vec![fault.what.clone()];
        causes.extend(fault.causes.iter().cloned());
        issue.fault.causes = causes;
        issue.fault.action = fault.action.clone();
        issue.fault.detail.clone_from(&fault.detail);
        issue.fault.recovery = fault.recovery;
    }
    issue
}
