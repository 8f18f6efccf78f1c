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
//! | `turn` | whose turn it is: a start and an adoption keep out of each other's way |
//! | `adopt` | taking up what lives; settling what was left in the middle |
//! | `running` | a machine with a process: state, power, console |
//! | `forwards` | which host ports the forwards got |
//! | `serial` | what the guest says on its serial port, kept within bounds |
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
mod forwards;
mod freeze;
mod image;
mod jobs;
mod merge;
mod nodes;
mod process;
mod running;
mod serial;
mod settings;
mod settlement;
mod start;
mod tracking;
mod turn;

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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The machine of a folder while it is in hand. Locked while it is being taken up, so that two who ask at once get
/// the same one, and a folder whose QEMU hangs holds up nobody else's.
type Slot = Mutex<Option<Arc<running::QemuMachine>>>;

/// The QEMU machines of one host. Clones share what they have in hand.
#[derive(Clone, Default)]
pub struct QemuDriver {
    settings: QemuSettings,
    /// Machines in hand, by folder: QEMU's control socket takes one client, so all who ask share one. Kept until
    /// their process is gone: taking one up anew costs a settlement.
    live: Arc<Mutex<HashMap<PathBuf, Arc<Slot>>>>,
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

    /// The place of a folder's machine. Nothing is asked of any QEMU here.
    fn slot(&self, folder: &MachineFolder) -> Arc<Slot> {
        let mut live = held(&self.live);
        // Whoever holds a slot got it here: with one holder nobody has it locked.
        live.retain(|_, slot| {
            Arc::strong_count(slot) > 1 || held(slot).as_ref().is_some_and(|machine| !machine.gone())
        });
        Arc::clone(live.entry(folder.path().to_owned()).or_default())
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
        let slot = self.slot(folder);
        let mut place = held(&slot);
        *place = match place.take().filter(|machine| !machine.gone()) {
            Some(machine) => {
                machine.look_after();
                Some(machine)
            }
            None => adopt::adopt(folder)?,
        };
        Ok(place.clone().map_or(Adoption::Off, |machine| Adoption::Running(machine)))
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
                process::QemuProcess::end_all(folder, None)
            }
        }
    }

    fn start(&self, spec: &StartSpec) -> Result<Started> {
        let start::Begun { machine, took_millis, turn } = start::start(&self.settings, spec)?;
        *held(&self.slot(&machine.folder)) = Some(Arc::clone(&machine));
        // In hand: from here on everybody is given this one.
        drop(turn);
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

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
