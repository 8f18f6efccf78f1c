//! What the agent does when it starts: it finds its machines again, holds what is fenced, takes tests and workers up
//! where they were, and starts machines that start by themselves, once it is sure that it still may. Apart from
//! `session`, without which all of this works too.

use crate::host::Host;
use crate::item::Item;
use crate::{receive, source};
use leeward_fabric::{Fence, FenceRecord, FoundMachine};
use leeward_link::messages::Role;
use leeward_model::Message;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How often a machine that waits for a confirmation asks again.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// Takes everything up where it was.
///
/// # Errors
/// When a thread cannot be had.
pub fn begin(host: &Arc<Host>) -> std::io::Result<()> {
    let found = match host.driver.discover(&host.config.host_folder()) {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%error, "the machines of this host cannot be found");
            leeward_fabric::Found::default()
        }
    };
    for (path, error) in &found.unreadable {
        tracing::error!(path = %path.display(), %error, "a machine cannot be read");
    }
    for machine in &found.machines {
        hold_fence(host, machine);
    }
    for item in host.items() {
        if let Ok(Some(store)) = item.store() {
            receive::measure(&item, &store);
        }
        if item.record().role == Role::Source {
            source::begin(host, &item);
        }
        host.want_tidying(item.id);
    }
    let tidying = Arc::clone(host);
    std::thread::Builder::new().name("tidy".to_owned()).spawn(move || receive::tidy(&tidying))?;
    let looking = Arc::clone(host);
    std::thread::Builder::new().name("room".to_owned()).spawn(move || source::room::watch(&looking))?;
    let starting = Arc::clone(host);
    let machines = found.machines;
    let name = "autostart".to_owned();
    std::thread::Builder::new().name(name).spawn(move || autostart(&starting, &machines))?;
    Ok(())
}

/// The agent may have ended between a fence's record and the end of the machine.
fn hold_fence(host: &Host, machine: &FoundMachine) {
    let fenced = match FenceRecord::of(&machine.folder) {
        Ok(fence) => fence,
        Err(error) => {
            tracing::error!(machine = machine.definition.name, %error, "a fence cannot be read: it stays off");
            return;
        }
    };
    let Some(fence) = fenced else { return };
    let item = host.item_of_machine(machine.definition.id).map(|i| i.record());
    let newer =
        item.is_some_and(|r| r.epoch > fence.epoch && matches!(r.role, Role::Source | Role::FailedOver));
    if machine.alive && !newer {
        let raised = Fence::raise(host.driver.as_ref(), &machine.folder, fence.epoch, &fence.by, host.now());
        if let Err(error) = raised {
            tracing::error!(machine = machine.definition.name, %error, "a fenced machine could not be ended");
        }
    }
}

/// Starts what starts by itself. A machine of an item waits until somebody who would know has confirmed that this
/// host may still run it: its other side, or the engine.
fn autostart(host: &Host, machines: &[FoundMachine]) {
    let mut waiting: Vec<&FoundMachine> =
        machines.iter().filter(|m| m.definition.autostart && !m.alive).collect();
    let mut told = BTreeSet::new();
    while !waiting.is_empty() {
        waiting.retain(|m| !settled(host, m, &mut told));
        if !waiting.is_empty() {
            std::thread::sleep(ASK_AGAIN);
        }
    }
}

/// Starts a machine if it may; whether nothing is left to be done for it.
fn settled(host: &Host, machine: &FoundMachine, told: &mut BTreeSet<leeward_model::MachineId>) -> bool {
    let id = machine.definition.id;
    let item = host.item_of_machine(id);
    if let Some(item) = &item {
        if !matches!(item.record().role, Role::Source | Role::FailedOver)
            || host.driver.alive(&machine.folder)
        {
            return true;
        }
        if !may_run(host, item) {
            if told.insert(id) {
                host.event(Some(item), Message::new("agent-start-waits"), None);
            }
            return false;
        }
    } else if matches!(FenceRecord::of(&machine.folder), Ok(Some(_)) | Err(_)) {
        return true;
    }
    match host.start_machine(id) {
        Ok(()) => true,
        Err(fault) => {
            tracing::error!(machine = machine.definition.name, %fault, "a machine could not be started");
            host.event(item.as_deref(), fault.what.clone(), Some((*fault).clone()));
            true
        }
    }
}

/// Whether this host may still run the machine and send its changes. The other side is asked first: when it has taken
/// the machine over, nobody else's silence counts. A machine that runs was confirmed when it was started; otherwise
/// the other side confirms it, or the engine says so (`Request::MayRun`), because a failover may have happened
/// meanwhile.
pub(crate) fn may_run(host: &Host, item: &Item) -> bool {
    if item.live().confirmed {
        return true;
    }
    let other_side =
        if item.record().role == Role::Source { source::peer_confirms(host, item) } else { None };
    let runs = || host.item_folder(item).is_ok_and(|folder| host.driver.alive(&folder));
    let agreed = other_side.unwrap_or_else(runs);
    if agreed {
        item.live().confirmed = true;
        item.wake();
    }
    agreed
}
