//! What the tour can prove about machines: through the guests' own records and through recovery points'
//! digests. Shared by the stages.

use super::guest::{self, GuestState};
use super::stage::{Stage, Tour};
use super::watch::Watch;
use leeward_engine::shell::{Clock as _, SystemClock};
use leeward_model::{AgentId, Command, ItemId, ItemView, JobId, MachineId, Moment, PointKind, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The four machines' names, in the order people start them.
pub(crate) const MACHINES: [&str; 4] = ["dc01", "sql01", "app01", "web01"];

impl Tour {
    pub(crate) fn items(&self) -> Result<Vec<Arc<ItemView>>, String> {
        let snapshot = self.watch.now();
        MACHINES
            .iter()
            .map(|name| {
                snapshot.item_named(name).cloned().ok_or_else(|| format!("{name} is not a replicated item"))
            })
            .collect()
    }

    pub(crate) fn item(&self, name: &str) -> Result<Arc<ItemView>, String> {
        self.watch.now().item_named(name).cloned().ok_or_else(|| format!("{name} is not a replicated item"))
    }

    /// Asks a machine's guest at a host for its records, waiting until it answers.
    pub(crate) fn records_at(&self, machine: MachineId, agent: AgentId) -> Result<GuestState, String> {
        let mut last = String::from("no address to reach the guest was reported");
        let found = self.watch.until("a guest's answer", super::stage::BOOT, |snapshot| {
            let view = snapshot.machines.iter().find(|m| m.definition.id == machine && m.agent == agent)?;
            for reach in &view.reach {
                match guest::ask(address_of(reach)) {
                    Ok(state) => return Some(state),
                    Err(why) => last = why,
                }
            }
            None
        });
        found.map_err(|why| format!("{why} ({last})"))
    }

    /// Checks one guest's records and returns what it said.
    pub(crate) fn check_records(
        &self,
        stage: &mut Stage,
        name: &str,
        machine: MachineId,
        agent: AgentId,
    ) -> Result<GuestState, String> {
        let state = self.records_at(machine, agent)?;
        stage.verify(
            state.gap_free && state.pair_ok && state.host == name,
            &format!("{name}: records gap-free, both disks of one instant"),
            "the guest verified its numbered, checksummed records at boot and says so over HTTP",
            format!("at boot up to record {}, now {}", state.verified_at_boot_last, state.last),
        );
        Ok(state)
    }

    /// Waits until an item has at least `count` delta points newer than `since`.
    pub(crate) fn deltas_since(&self, item: ItemId, since: Moment, count: usize) -> Result<(), String> {
        self.watch.until("delta points", Duration::from_secs(240), |snapshot| {
            let item = snapshot.item(item)?;
            let fresh =
                item.points.iter().filter(|p| p.kind == PointKind::Delta && p.instant > since).count();
            (fresh >= count).then_some(())
        })
    }

    /// Hashes the newest point of every item again at the target.
    pub(crate) fn verify_points(&self, stage: &mut Stage) -> Result<(), String> {
        let mut jobs = BTreeMap::new();
        for item in self.items()? {
            // Jobs are over when the source says so; the target's list of points may be heard a moment later.
            let what = format!("{}: a recovery point", item.name);
            let point = self
                .watch
                .until(&what, super::stage::JOB, |s| s.item(item.id)?.points.first().map(|p| p.id))?;
            jobs.insert(item.name.clone(), self.watch.begin(Command::VerifyPoint { item: item.id, point })?);
        }
        for (name, jobs) in jobs {
            let outcome = self.watch.finish(&jobs, super::stage::JOB);
            stage.verify(
                outcome.is_ok(),
                &format!("{name}: newest point has the digests it was sealed with, wherever it has any"),
                "the target read every block of the point again and compared it with its digest",
                outcome.err().unwrap_or_else(|| found(&self.watch.now(), &jobs)),
            );
        }
        Ok(())
    }

    /// At no moment since the tour began have two processes run the same machine.
    pub(crate) fn one_writer(&self, stage: &mut Stage) {
        let seen = self.processes.seen();
        let now: Vec<_> =
            seen.now.iter().map(|(machine, hosts)| format!("{machine} at {}", hosts.join(" and "))).collect();
        let bad: Vec<_> = seen.twice.iter().chain(&seen.failed).cloned().collect();
        stage.verify(
            bad.is_empty() && seen.looks > 0,
            "at most one site runs each machine, at every moment so far",
            "the hypervisors' processes on both hosts, looked at five times a second since the tour began",
            if bad.is_empty() {
                format!("{} looks; now {}", seen.looks, now.join(", "))
            } else {
                bad.join("; ")
            },
        );
    }

    /// What each machine has written by now, asked where it runs, and a moment after the answers: a point of a later
    /// instant must hold all of it.
    pub(crate) fn written(&self) -> Result<(BTreeMap<String, u64>, Moment), String> {
        let mut written = BTreeMap::new();
        for item in self.items()? {
            let state = self.records_at(item.machine, item.active_place().agent)?;
            written.insert(item.name.clone(), state.last);
        }
        Ok((written, SystemClock.now()))
    }
}

/// What verifying jobs say they have found: how much was compared, and what could only be read.
fn found(snapshot: &Snapshot, jobs: &[JobId]) -> String {
    let steps = jobs.iter().filter_map(|id| snapshot.job(*id)).flat_map(|job| &job.steps);
    let notes: Vec<String> = steps.filter_map(|step| step.note.as_ref()).map(|note| note.render()).collect();
    if notes.is_empty() { "it does not say what was compared".to_owned() } else { notes.join("; ") }
}

/// Waits until every item satisfies a condition.
pub(crate) fn all_items(
    watch: &Watch,
    what: &str,
    at_most: Duration,
    holds: impl Fn(&ItemView) -> bool,
) -> Result<(), String> {
    watch.until(what, at_most, |snapshot| {
        MACHINES.iter().all(|name| snapshot.item_named(name).is_some_and(|i| holds(i))).then_some(())
    })
}

/// `127.0.10.1:8081 -> 80` gives `127.0.10.1:8081`.
pub(crate) fn address_of(reach: &str) -> &str {
    reach.split(" -> ").next().unwrap_or(reach).trim()
}
