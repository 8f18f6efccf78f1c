//! Machines of this host: where they lie, of which files their disks are made, starting them under the epoch their
//! item has. Apart from the hypervisor's driver, which knows no item and no epoch but the one it is told.

use crate::Result;
use crate::host::{Host, passing, refuse};
use crate::item::Item;
use crate::records::{Chains, read_record, write_record};
use leeward_fabric::{
    Adoption, ChainLayer, FabricError, Machine, MachineFolder, MachineState, Network, Purpose, StartDisk,
    StartSpec, Started, UsedForward,
};
use leeward_link::messages::Role;
use leeward_model::fault::Fault;
use leeward_model::{DiskId, Epoch, Forward, MachineDefinition, MachineId, NetworkChoice, PowerState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a machine may take to end when it is asked to.
const QUIT_LIMIT: Duration = Duration::from_secs(10);

/// A machine that was started only to read its disks; it ends when this is dropped, unless somebody let it run.
pub(crate) struct Held(Arc<dyn Machine>);

impl Drop for Held {
    fn drop(&mut self) {
        if matches!(self.0.status(), Ok(MachineState::Prepared))
            && let Err(error) = self.0.quit(QUIT_LIMIT)
        {
            tracing::warn!(%error, "a machine that was held for reading could not be ended");
        }
    }
}

impl Host {
    /// The folder of a machine on this host.
    pub(crate) fn folder_of(&self, machine: MachineId) -> Result<Option<MachineFolder>> {
        let found = self.driver.discover(&self.config.host_folder());
        let found = found.map_err(|e| Box::new(e.fault(&self.config.name)))?;
        Ok(found.machines.into_iter().find(|m| m.definition.id == machine).map(|m| m.folder))
    }

    /// The folder of an item's machine: the recorded one, or the one that is found.
    pub(crate) fn item_folder(&self, item: &Item) -> Result<MachineFolder> {
        let record = item.record();
        if let Some(path) = &record.machine_folder {
            return Ok(MachineFolder::new(path.clone()));
        }
        let folder = self.folder_of(record.assignment.machine.id)?;
        let folder = folder.ok_or_else(|| refuse("agent-machine-unknown", record.name()))?;
        let path = folder.path().to_owned();
        item.change(|r| r.machine_folder = Some(path))?;
        Ok(folder)
    }

    /// The item's machine, if its process runs.
    pub(crate) fn running(&self, item: &Item) -> Result<Option<Arc<dyn Machine>>> {
        let folder = self.item_folder(item)?;
        match self.driver.adopt(&folder) {
            Ok(Adoption::Running(machine)) => Ok(Some(machine)),
            Ok(Adoption::Off) => Ok(None),
            Err(error) => Err(Box::new(error.fault(&item.name()))),
        }
    }

    /// The item's machine with its disks open: as it runs, or started with its processors stopped.
    pub(crate) fn opened(
        &self,
        item: &Item,
    ) -> std::result::Result<(Arc<dyn Machine>, Option<Held>), crate::trouble::Trouble> {
        if let Some(machine) = self.running(item)? {
            return Ok((machine, None));
        }
        let folder = self.item_folder(item)?;
        let started = self.start_from(&folder, &item.record(), true)?;
        Ok((Arc::clone(&started.machine), Some(Held(started.machine))))
    }

    /// Starts the machine of a folder in production under its item's epoch.
    fn start_from(
        &self,
        folder: &MachineFolder,
        record: &crate::records::ItemRecord,
        hold: bool,
    ) -> std::result::Result<Started, FabricError> {
        let definition = folder.definition()?;
        let disks = chains(folder, &definition).map_err(|fault| FabricError::Record {
            path: folder.file(Chains::FILE),
            reason: fault.detail.clone(),
        })?;
        self.driver.start(&StartSpec {
            definition,
            folder: folder.path().to_owned(),
            disks,
            network: Network::Production,
            purpose: Purpose::Production,
            epoch: record.epoch,
            // Nothing is missing before its first instruction: tracking may begin there, whatever became of it.
            track_from_start: record.role == Role::Source && crate::source::is_drained(record, folder),
            hold,
            extra: Vec::new(),
            now: self.now(),
        })
    }

    /// Starts a machine that a person or the host's start wants to run. Its item decides whether it may.
    pub(crate) fn start_machine(&self, machine: MachineId) -> Result<()> {
        let Some(item) = self.item_of_machine(machine) else {
            let folder = self.folder_of(machine)?;
            let folder = folder.ok_or_else(|| refuse("agent-machine-unknown", &machine.to_string()))?;
            return self.start_unprotected(&folder);
        };
        let record = item.record();
        if !matches!(record.role, Role::Source | Role::FailedOver) {
            return Err(refuse("agent-machine-fenced", record.name()));
        }
        let folder = self.item_folder(&item)?;
        let said = |e: FabricError| Box::new(e.fault(record.name()));
        match self.driver.adopt(&folder).map_err(said)? {
            Adoption::Running(machine) => match machine.status().map_err(said)? {
                MachineState::Running => Ok(()),
                MachineState::Prepared | MachineState::Paused | MachineState::IoError => {
                    machine.resume().map_err(said)
                }
                // The guest has shut down: the process ends, which keeps the track of changes, and begins anew.
                MachineState::ShutDown | MachineState::Crashed => {
                    machine.quit(QUIT_LIMIT).map_err(said)?;
                    self.start_from(&folder, &record, false).map(drop).map_err(said)
                }
                other => Err(passing("agent-machine-busy", record.name(), format!("{other:?}"))),
            },
            Adoption::Off => self.start_from(&folder, &record, false).map(drop).map_err(said),
        }?;
        item.tell();
        item.wake();
        Ok(())
    }

    fn start_unprotected(&self, folder: &MachineFolder) -> Result<()> {
        let said = |e: FabricError| Box::new(e.fault(&folder.path().display().to_string()));
        let definition = folder.definition().map_err(said)?;
        if let Adoption::Running(machine) = self.driver.adopt(folder).map_err(said)? {
            return match machine.status().map_err(said)? {
                MachineState::ShutDown | MachineState::Crashed => {
                    machine.quit(QUIT_LIMIT).map_err(said)?;
                    self.start_unprotected(folder)
                }
                MachineState::Running => Ok(()),
                _ => machine.resume().map_err(said),
            };
        }
        let disks = chains(folder, &definition)?;
        let spec = StartSpec {
            definition,
            folder: folder.path().to_owned(),
            disks,
            network: Network::Production,
            purpose: Purpose::Production,
            // Newer than any fence of an item that has been released: the person has taken that decision.
            epoch: Epoch(u64::MAX),
            track_from_start: false,
            hold: false,
            extra: Vec::new(),
            now: self.now(),
        };
        self.driver.start(&spec).map(drop).map_err(said)
    }

    /// Whether the machine of a folder runs, for people.
    pub(crate) fn power(&self, folder: &MachineFolder) -> PowerState {
        match self.driver.adopt(folder) {
            Ok(Adoption::Off) => PowerState::Off,
            Ok(Adoption::Running(machine)) => machine.status().map_or(PowerState::Unknown, |s| power(&s)),
            Err(_) if self.driver.alive(folder) => PowerState::Unknown,
            Err(_) => PowerState::Off,
        }
    }

    /// Where the guest of a folder can be reached from the host.
    pub(crate) fn reach(&self, folder: &MachineFolder) -> Vec<Forward> {
        match self.driver.adopt(folder) {
            Ok(Adoption::Running(machine)) => forwards(&machine.record().forwards),
            _ => Vec::new(),
        }
    }
}

/// The driver's state in the product's words.
pub(crate) const fn power(state: &MachineState) -> PowerState {
    match state {
        MachineState::Off | MachineState::Prepared => PowerState::Off,
        MachineState::Running => PowerState::Running,
        MachineState::Paused | MachineState::IoError => PowerState::Paused,
        MachineState::ShutDown | MachineState::Crashed => PowerState::ShutDown,
        MachineState::Silent | MachineState::Other(_) => PowerState::Unknown,
    }
}

/// The driver's forwards in the product's words.
pub(crate) fn forwards(used: &[UsedForward]) -> Vec<Forward> {
    used.iter()
        .map(|u| Forward { host_addr: u.host_addr.clone(), host_port: u.host_port, guest_port: u.guest_port })
        .collect()
}

/// The driver's network for a choice.
pub(crate) fn network(choice: &NetworkChoice, name: String) -> Network {
    match choice {
        NetworkChoice::None => Network::None,
        NetworkChoice::Isolated => Network::Isolated(name),
        NetworkChoice::Production => Network::Production,
    }
}

/// The chains of a machine's disks, bottom first.
pub(crate) fn chains(folder: &MachineFolder, definition: &MachineDefinition) -> Result<Vec<StartDisk>> {
    if let Some(chains) = read_record::<Chains>(&folder.file(Chains::FILE))? {
        return Ok(chains.disks);
    }
    let one = |d: &leeward_model::DiskDefinition| StartDisk {
        disk: d.id,
        chain: vec![ChainLayer { path: folder.resolve(&d.path), format: d.format }],
    };
    Ok(definition.disks.iter().map(one).collect())
}

/// Keeps the chains of a machine's disks.
pub(crate) fn keep_chains(folder: &MachineFolder, disks: Vec<StartDisk>) -> Result<()> {
    write_record(&folder.file(Chains::FILE), &Chains { disks })
}

/// The files that are written to: the top of each chain.
pub(crate) fn disk_files(
    folder: &MachineFolder,
    definition: &MachineDefinition,
) -> Result<Vec<(DiskId, PathBuf, u64)>> {
    let chains = chains(folder, definition)?;
    let mut files = Vec::new();
    for disk in &definition.disks {
        let top = chains.iter().find(|c| c.disk == disk.id).and_then(|c| c.chain.last());
        let top = top.ok_or_else(|| {
            let detail = format!("disk {} has no file", disk.name);
            Box::new(Fault::new(
                "agent-record-damaged",
                &folder.file(Chains::FILE).display().to_string(),
                detail,
                leeward_model::fault::Recovery::NeedsPerson,
            ))
        })?;
        files.push((disk.id, top.path.clone(), disk.size_bytes));
    }
    Ok(files)
}

/// A replica's layers as the driver wants them.
pub(crate) fn layers(chain: Vec<leeward_replication::Layer>) -> Vec<ChainLayer> {
    chain.into_iter().map(|l| ChainLayer { path: l.path, format: l.format }).collect()
}

/// A machine's chain as the replica store wants it.
pub(crate) fn store_layers(chain: &[ChainLayer]) -> Vec<leeward_replication::Layer> {
    chain.iter().map(|l| leeward_replication::Layer { path: l.path.clone(), format: l.format }).collect()
}

/// A folder for a machine that is new on this host; another machine of the same name keeps its own.
pub(crate) fn new_folder(machines: &Path, definition: &MachineDefinition) -> PathBuf {
    let plain: String = definition
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' })
        .collect();
    let plain = machines.join(plain.trim_start_matches('.'));
    if !plain.exists() {
        return plain;
    }
    machines.join(format!("{}-{}", definition.name.replace(['/', '.'], "_"), definition.id))
}
