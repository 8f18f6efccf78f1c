//! The worst day: the source site dies with everything on it, the machines come up at the other site, and the
//! old source returns later. Apart from `story`, because here processes are killed.

use super::camera::Scene;
use super::stage::{JOB, Stage, Tour};
use super::story;
use super::verify::{MACHINES, all_items};
use leeward_model::{Command, Moment, PointChoice, PowerState, Protection, Side, SourceFence, Verb};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) fn lose_the_source(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    let home = story::agent_of(&tour.watch.now(), "Stockholm")?;
    for item in tour.items()? {
        tour.deltas_since(item.id, item.synced_to.unwrap_or_default(), 1)?;
    }
    tour.lab.kill_site("stockholm").map_err(|e| e.to_string())?;
    stage.say("the agent and all guests at Stockholm were killed (SIGKILL)");
    tour.watch.until("the vault notices", Duration::from_secs(60), |s| {
        s.server(home).filter(|v| !v.connected).map(|_| ())
    })?;
    let before = tour.items()?;
    let points: BTreeMap<String, Moment> =
        before.iter().filter_map(|i| Some((i.name.clone(), i.points.first()?.instant))).collect();
    if let Some(item) = before.last() {
        tour.picture(stage, "failover-dialog", &Scene::Dialog(item.id, Verb::Failover));
    }
    let mut jobs = Vec::new();
    for item in &before {
        jobs.extend(tour.watch.begin(Command::Failover {
            item: item.id,
            point: PointChoice::Latest,
            shut_down_source: false,
        })?);
    }
    tour.watch.finish(&jobs, JOB)?;
    stage.figure("failover of four machines, seconds", stage.secs());
    for name in MACHINES {
        let item = tour.item(name)?;
        let unknown = matches!(&item.protection, Protection::FailedOver { source: SourceFence::Unknown, .. });
        stage.verify(
            unknown && item.active == Side::Recovery,
            &format!("{name}: runs at Göteborg, and the vault says that Stockholm is unknown, not fenced"),
            "the item's own state",
            item.status.render(),
        );
        let state = tour.check_records(stage, name, item.machine, item.active_place().agent)?;
        stage.verify(
            state.verified_at_boot_last > 0 && points.contains_key(name),
            &format!("{name}: everything up to the chosen point is there"),
            "the guest's records at boot",
            format!("record {}", state.verified_at_boot_last),
        );
    }
    tour.picture(stage, "overview-disaster", &Scene::Overview);
    Ok(())
}

pub(super) fn source_returns(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    let home = story::agent_of(&tour.watch.now(), "Stockholm")?;
    tour.lab.start_agent("stockholm").map_err(|e| e.to_string())?;
    tour.watch.until("Stockholm to be back", Duration::from_secs(60), |s| {
        s.server(home).filter(|v| v.connected).map(|_| ())
    })?;
    all_items(&tour.watch, "the returned source to be fenced", Duration::from_secs(120), |i| {
        i.superseded && matches!(&i.protection, Protection::Committed { source: SourceFence::Fenced(_) })
    })?;
    for name in MACHINES {
        let power =
            tour.watch.until("what the returned host says of its machines", Duration::from_secs(30), |s| {
                let found = s.machines.iter().find(|m| m.definition.name == name && m.agent == home)?;
                (found.power == PowerState::Off).then_some(found.power)
            });
        let power = power.ok();
        stage.verify(
            power == Some(PowerState::Off),
            &format!("{name}: superseded at Stockholm and kept off"),
            "power state as Stockholm's agent reports it",
            format!("{power:?}"),
        );
        // A person who tries to start it anyway is told why not.
        let snapshot = tour.watch.now();
        if let Some(machine) = snapshot.machines.iter().find(|m| m.definition.name == name && m.agent == home)
        {
            let refused =
                machine.verbs.iter().find(|v| v.verb == Verb::StartMachine).and_then(|v| v.refused.clone());
            stage.verify(
                refused.is_some(),
                &format!("{name}: starting it at Stockholm is refused"),
                "the verb's availability",
                refused.map_or_else(|| "allowed".to_owned(), |m| m.render()),
            );
        }
    }
    tour.one_writer(stage);
    let item = tour.item("web01")?;
    tour.picture(stage, "item-superseded", &Scene::Item(item.id));
    Ok(())
}

pub(super) fn reverse_with_resync(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    story::reverse(tour, stage, Side::Recovery)?;
    let total: u64 = tour.items()?.iter().flat_map(|i| &i.disks).map(|d| d.size_bytes).sum();
    stage.verify(
        stage.sent() < total / 2,
        "only what differs travelled",
        "bytes of the resynchronization against the size of the disks",
        format!("{} of {total} bytes", stage.sent()),
    );
    for name in MACHINES {
        let item = tour.item(name)?;
        tour.check_records(stage, name, item.machine, item.active_place().agent)?;
    }
    tour.picture(stage, "items-end", &Scene::Items);
    tour.picture(stage, "events-end", &Scene::Events);
    tour.picture(stage, "jobs-end", &Scene::Jobs);
    tour.picture(stage, "policies-end", &Scene::Policies);
    Ok(())
}
