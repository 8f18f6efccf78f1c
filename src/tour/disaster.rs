//! The worst day: the source site dies with everything on it, the machines come up at the other site, and the
//! old source returns later. Apart from `story`, because here processes are killed.

use super::camera::Scene;
use super::stage::{JOB, Stage, Tour};
use super::story;
use super::verify::{MACHINES, all_items};
use leeward_model::{
    AgentId, Command, MachineDefinition, PointChoice, PowerState, Protection, Side, SourceFence, Verb,
};
use std::time::Duration;

pub(super) fn lose_the_source(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    let home = story::agent_of(&tour.watch.now(), "Stockholm")?;
    let (written, at) = tour.written()?;
    for item in tour.items()? {
        tour.deltas_since(item.id, at, 1)?;
    }
    tour.lab.kill_site("stockholm").map_err(|e| e.to_string())?;
    stage.say("the agent and all guests at Stockholm were killed (SIGKILL)");
    tour.watch.until("the vault notices", Duration::from_secs(60), |s| {
        s.server(home).filter(|v| !v.connected).map(|_| ())
    })?;
    let before = tour.items()?;
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
        let (found, known) = (state.verified_at_boot_last, written.get(name).copied().unwrap_or(u64::MAX));
        stage.verify(
            found >= known,
            &format!("{name}: everything up to the chosen point is there"),
            "records found at boot >= records the machine had told of before that point was taken",
            format!("{found} >= {known}"),
        );
    }
    tour.one_writer(stage);
    tour.picture(stage, "overview-disaster", &Scene::Overview);
    Ok(())
}

pub(super) fn source_returns(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    let home = story::agent_of(&tour.watch.now(), "Stockholm")?;
    // As on a real host: its machines would start with it, if nothing kept them from it.
    start_by_themselves(tour)?;
    stage.say("autostart is on for all machines at Stockholm");
    tour.lab.start_agent("stockholm").map_err(|e| e.to_string())?;
    tour.watch.until("Stockholm to be back", Duration::from_secs(60), |s| {
        s.server(home).filter(|v| v.connected).map(|_| ())
    })?;
    all_items(&tour.watch, "the returned source to be fenced", Duration::from_secs(120), |i| {
        i.superseded && matches!(&i.protection, Protection::Committed { source: SourceFence::Fenced(_) })
    })?;
    // A person who does not believe it switches autostart on again and starts the host anew.
    tour.lab.stop_agent("stockholm").map_err(|e| e.to_string())?;
    tour.watch.until("Stockholm to be away", Duration::from_secs(60), |s| {
        s.server(home).filter(|v| !v.connected).map(|_| ())
    })?;
    start_by_themselves(tour)?;
    stage.say("autostart was switched on once more, and the agent started again");
    tour.lab.start_agent("stockholm").map_err(|e| e.to_string())?;
    tour.watch.until("Stockholm to be back again", Duration::from_secs(60), |s| {
        s.server(home).filter(|v| v.connected).map(|_| ())
    })?;
    for name in MACHINES {
        kept_off(tour, stage, name, home)?;
    }
    tour.one_writer(stage);
    let item = tour.item("web01")?;
    tour.picture(stage, "item-superseded", &Scene::Item(item.id));
    Ok(())
}

fn kept_off(tour: &Tour, stage: &mut Stage, name: &str, home: AgentId) -> Result<(), String> {
    let power =
        tour.watch.until("what the returned host says of its machines", Duration::from_secs(30), |s| {
            let found = s.machines.iter().find(|m| m.definition.name == name && m.agent == home)?;
            (found.power == PowerState::Off).then_some(found.power)
        });
    let power = power.ok();
    let processes = tour.lab.machine_processes("stockholm").map_err(|e| e.to_string())?;
    let process = processes.iter().find(|(folder, _)| folder.ends_with(name));
    let superseded = tour.item(name)?.superseded;
    stage.verify(
        power == Some(PowerState::Off) && process.is_none() && superseded,
        &format!("{name}: superseded at Stockholm and kept off, although it should start by itself"),
        "power state as Stockholm's agent reports it, the processes of that host",
        format!(
            "{}, {}, {}",
            if power.is_some() { "off" } else { "not known to be off" },
            process.map_or("no process".to_owned(), |(_, pid)| format!("process {pid}")),
            if superseded { "superseded" } else { "not superseded" },
        ),
    );
    // A person who tries to start it all the same is told why not.
    let snapshot = tour.watch.now();
    let machine = snapshot.machines.iter().find(|m| m.definition.name == name && m.agent == home);
    let verb = machine.and_then(|m| m.verbs.iter().find(|v| v.verb == Verb::StartMachine));
    let refused = verb.and_then(|v| v.refused.as_ref());
    stage.verify(
        refused.is_some(),
        &format!("{name}: starting it at Stockholm is refused"),
        "the verb's availability, which window and command line obey",
        refused.map_or_else(|| "allowed".to_owned(), leeward_model::Message::render),
    );
    Ok(())
}

/// Switches autostart on in the definition of every machine of Stockholm, as the administrator of that host may.
fn start_by_themselves(tour: &Tour) -> Result<(), String> {
    let machines = tour.lab.host_folder("stockholm").map_err(|e| e.to_string())?.join("machines");
    for name in MACHINES {
        let path = machines.join(name).join("machine.json");
        let said = |e: std::io::Error| format!("{}: {e}", path.display());
        let broken = |e: serde_json::Error| format!("{}: {e}", path.display());
        let text = std::fs::read(&path).map_err(said)?;
        let mut definition: MachineDefinition = serde_json::from_slice(&text).map_err(broken)?;
        definition.autostart = true;
        std::fs::write(&path, serde_json::to_vec_pretty(&definition).map_err(broken)?).map_err(said)?;
    }
    Ok(())
}

pub(super) fn reverse_with_resync(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    story::reverse(tour, stage, Side::Recovery)?;
    let first = tour.first_copy_bytes;
    stage.verify(
        stage.sent() > 0 && stage.sent() < first / 5,
        "only what differs travelled",
        "bytes of the resynchronization's points against those of the first copies",
        format!("{} bytes, the first copies had {first}", stage.sent()),
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
