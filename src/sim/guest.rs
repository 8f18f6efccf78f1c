//! Machines and what their guests have written. A guest writes numbered records, each number once in the whole
//! world, so that a disk says exactly whose writes it holds and which it has lost.

use leeward_model::{
    DiskDefinition, DiskFormat, DiskId, Epoch, Forward, MachineDefinition, MachineId, Nic, PowerState,
};
use std::rc::Rc;

/// What is on the disks of a machine: the numbers of all records, in the order they were written.
pub type Content = Rc<Vec<u64>>;

/// A machine on a host.
#[derive(Clone, Debug)]
pub struct Machine {
    /// What its host says of it.
    pub definition: MachineDefinition,
    /// Whether it runs.
    pub power: PowerState,
    /// What is on its disks.
    pub content: Content,
    /// The epoch it was last started under; none when it is not protected.
    pub epoch: Option<Epoch>,
    /// When it was started, in seconds of the world.
    pub started: i64,
}

impl Machine {
    /// A machine that runs and has written nothing.
    #[must_use]
    pub fn new(id: MachineId, disk: DiskId, name: &str) -> Self {
        let definition = MachineDefinition {
            id,
            name: name.to_owned(),
            memory_mib: 128,
            vcpus: 1,
            disks: vec![DiskDefinition {
                id: disk,
                name: "os".to_owned(),
                path: "os.raw".to_owned(),
                format: DiskFormat::Raw,
                size_bytes: 1 << 30,
            }],
            nics: vec![Nic {
                network: "lan".to_owned(),
                mac: "52:54:00:00:00:01".to_owned(),
                forwards: vec![Forward {
                    host_addr: "127.0.0.1".to_owned(),
                    host_port: 8080,
                    guest_port: 80,
                }],
            }],
            autostart: true,
        };
        Self { definition, power: PowerState::Running, content: Rc::default(), epoch: None, started: 0 }
    }

    /// The guest writes a record, if it runs.
    pub fn write(&mut self, record: u64) {
        if self.power == PowerState::Running {
            Rc::make_mut(&mut self.content).push(record);
        }
    }
}
