//! A machine's folder on a host: its disks and, last of all, its definition. Apart from `hosts`, which is what is
//! around it.

use crate::disks;
use crate::error::{LabError, Result};
use crate::packages::UNFINISHED;
use crate::parts::Parts;
use crate::spec::{HostSpec, MachineSpec};
use leeward_model::{DiskDefinition, DiskFormat, DiskId, Forward, MachineDefinition, MachineId, Nic};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

const RECORD: &str = "machine.json";
/// Where the guest's web server listens.
const WEB_PORT: u16 = 80;

/// Whether a machine is complete.
pub(crate) fn made(machines: &Path, machine: &MachineSpec) -> bool {
    machines.join(&machine.name).join(RECORD).is_file()
}

/// Removes what broken-off attempts left beside the machines.
pub(crate) fn clear_away(host_folder: &Path) -> Result<()> {
    for entry in fs::read_dir(host_folder).map_err(LabError::file("read", host_folder))? {
        let entry = entry.map_err(LabError::file("read", host_folder))?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_dir_all(entry.path()).map_err(LabError::file("remove", entry.path()))?;
        }
    }
    Ok(())
}

/// Makes a machine that is not complete. What a broken-off attempt left is made again: without a definition
/// nobody can have started it.
pub(crate) fn make(
    host_folder: &Path,
    host: &HostSpec,
    machine: &MachineSpec,
    parts: &Parts,
    position: u8,
) -> Result<()> {
    let folder = host_folder.join("machines").join(&machine.name);
    fs::create_dir_all(&folder).map_err(LabError::file("create", &folder))?;
    // Work is done outside the folder where an agent looks for machines.
    disks::make_os(host_folder, parts, machine, &folder.join("os.qcow2"))?;
    disks::make_data(host_folder, machine, &folder.join("data.qcow2"))?;
    write_record(&folder, RECORD, &definition(host, machine, position))
}

fn definition(host: &HostSpec, machine: &MachineSpec, position: u8) -> MachineDefinition {
    let disk = |name: &str, mib| DiskDefinition {
        id: DiskId(uuid::Uuid::new_v4()),
        name: name.to_owned(),
        path: format!("{name}.qcow2"),
        format: DiskFormat::Qcow2,
        size_bytes: disks::bytes_of(mib),
    };
    MachineDefinition {
        id: MachineId(uuid::Uuid::new_v4()),
        name: machine.name.clone(),
        memory_mib: machine.memory_mib,
        vcpus: 1,
        disks: vec![disk("os", disks::OS_MIB), disk("data", machine.data_mib)],
        nics: vec![Nic {
            network: "lan".to_owned(),
            mac: format!("52:54:00:1e:e0:{position:02x}"),
            // Any free port: both sites are on this computer, and a test copy may run beside its original.
            forwards: vec![Forward { host_addr: host.addr.clone(), host_port: 0, guest_port: WEB_PORT }],
        }],
        autostart: false,
    }
}

/// Writes a record of ours durably: whole or not at all.
pub(crate) fn write_record(folder: &Path, name: &str, record: &impl serde::Serialize) -> Result<()> {
    let path = folder.join(name);
    let next = folder.join(format!(".{name}.next"));
    let bytes = serde_json::to_vec_pretty(record)
        .map_err(|e| LabError::Record { path: path.clone(), reason: e.to_string() })?;
    let mut file = File::create(&next).map_err(LabError::file("write", &next))?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(LabError::file("write", &next))?;
    fs::rename(&next, &path).map_err(LabError::file("write", &path))?;
    File::open(folder).and_then(|f| f.sync_all()).map_err(LabError::file("flush", folder))
}
