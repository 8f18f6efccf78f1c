//! The QEMU driver: machines as QEMU processes that outlive the agent.
//!
//! | file | noun |
//! |---|---|
//! | `settings` | which programs, which accelerator |
//! | `arguments` | a start's command line |
//! | `process` | a QEMU process: found, verified, awaited, ended |
//! | `blank` | an empty qcow2 |
//! | `image` | disk files from outside |
//! | `start` | the start |
//! | `adopt` | taking up what lives; settling what was left in the middle |
//! | `running` | a machine with a process: state, power, console |
//! | `nodes` | the block nodes of a run as QEMU sees them now |
//! | `jobs` | block jobs: awaited, judged, cleaned up |
//! | `tracking` | dirty bitmaps |
//! | `capture`, `settlement` | the delta of a cycle; how it ends, also after a crash |
//! | `freeze`, `merge` | external snapshot and back |
//! | `facts` | events to facts |

mod adopt;
mod arguments;
mod blank;
mod capture;
mod facts;
mod freeze;
mod image;
mod jobs;
mod merge;
mod nodes;
mod process;
mod running;
mod settings;
mod settlement;
mod start;
mod tracking;

pub use settings::{Accel, QemuSettings};

use crate::capture::Captured;
use crate::error::{FabricError, Result};
use crate::folder::MachineFolder;
use crate::frozen::{FreezeRecord, FrozenDisk};
use crate::hypervisor::{Adoption, Found, FoundMachine, Hypervisor, Machine, Started};
use crate::spec::{ChainLayer, StartSpec};
use crate::status::Tracking;
use leeward_model::DiskId;
use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The QEMU machines of one host. Clones share what they have in hand.
#[derive(Clone, Default)]
pub struct QemuDriver {
    settings: QemuSettings,
    /// Machines in hand, by folder: QEMU's control socket takes one client, so all who ask share one.
    live: Arc<Mutex<HashMap<PathBuf, Weak<running::QemuMachine>>>>,
}

impl std::fmt::Debug for QemuDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QemuDriver").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl QemuDriver {
    /// A driver with these settings. Nothing is touched.
    #[must_use]
    pub fn new(settings: QemuSettings) -> Self {
        Self { settings, live: Arc::default() }
    }
}

impl Hypervisor for QemuDriver {
    fn kind(&self) -> &'static str {
        "qemu"
    }

    fn discover(&self, host_folder: &Path) -> Result<Found> {
        let machines = host_folder.join("machines");
        let entries = match std::fs::read_dir(&machines) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Found::default()),
            Err(e) => return Err(FabricError::file("read", machines)(e)),
        };
        let mut folders = Vec::new();
        for entry in entries {
            let path = entry.map_err(FabricError::file("read", &machines))?.path();
            if path.join("machine.json").is_file() {
                folders.push(path);
            }
        }
        folders.sort();
        let mut found = Found::default();
        for path in folders {
            let folder = MachineFolder::new(&path);
            match folder.definition() {
                Ok(definition) => {
                    let alive = process::QemuProcess::of(&folder).is_some();
                    found.machines.push(FoundMachine { folder, definition, alive });
                }
                Err(error) => found.unreadable.push((path, error)),
            }
        }
        Ok(found)
    }

    fn adopt(&self, folder: &MachineFolder) -> Result<Adoption> {
        // Held throughout, so that two who ask at once get the same one.
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|_, machine| machine.strong_count() > 0);
        if let Some(machine) = live.get(folder.path()).and_then(Weak::upgrade)
            && !machine.gone()
        {
            return Ok(Adoption::Running(machine));
        }
        let Some(machine) = adopt::adopt(folder)? else {
            return Ok(Adoption::Off);
        };
        live.insert(folder.path().to_owned(), Arc::downgrade(&machine));
        Ok(Adoption::Running(machine))
    }

    fn alive(&self, folder: &MachineFolder) -> bool {
        process::QemuProcess::of(folder).is_some()
    }

    fn force_off(&self, folder: &MachineFolder) -> Result<()> {
        match self.adopt(folder) {
            Ok(Adoption::Running(machine)) => machine.power_off(),
            Ok(Adoption::Off) => Ok(()),
            Err(error) => {
                tracing::warn!(%error, "the machine cannot be reached; ending its process");
                let name = folder.path().display().to_string();
                process::QemuProcess::of(folder).map_or(Ok(()), |process| process.kill(&name))
            }
        }
    }

    fn start(&self, spec: &StartSpec) -> Result<Started> {
        let (machine, took_millis) = start::start(&self.settings, spec)?;
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.insert(spec.folder.clone(), Arc::downgrade(&machine));
        let forwards = machine.record().forwards;
        Ok(Started { machine, took_millis, forwards })
    }

    fn tracking_while_off(&self, folder: &MachineFolder) -> Result<BTreeMap<DiskId, Tracking>> {
        tracking::while_off(&self.settings, folder)
    }

    fn frozen(&self, folder: &MachineFolder) -> Result<Vec<FrozenDisk>> {
        let record: FreezeRecord = folder.read(FreezeRecord::FILE)?.unwrap_or_default();
        Ok(record.disks.iter().map(crate::frozen::FreezeEntry::frozen_disk).collect())
    }

    fn unsettled_while_off(&self, folder: &MachineFolder) -> Result<Option<Captured>> {
        settlement::unsettled(folder)
    }

    fn create_overlay(&self, overlay: &Path, below: &ChainLayer, size_bytes: u64) -> Result<()> {
        blank::create(overlay, Some(below), size_bytes)
    }
}
