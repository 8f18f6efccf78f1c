//! A machine's two disks, made without mounting anything and without an administrator: partition table, file
//! system, boot loader, then QEMU's format. Apart from `parts`, which all machines share, and `boot`, the loader.

use crate::boot;
use crate::error::{LabError, Result};
use crate::packages::fresh_folder;
use crate::parts::Parts;
use crate::programs::{MKE2FS, QEMU_IMG, SFDISK};
use crate::spec::MachineSpec;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

/// Room for kernel and first file system, and the witness.
pub(crate) const OS_MIB: u32 = 96;
const MIB: u64 = 1024 * 1024;
/// Where the partition begins; the boot loader lies before it.
const PARTITION_BYTES: u64 = MIB;

/// Makes the OS disk: boots by itself, says who the machine is, and takes the witness.
pub(crate) fn make_os(folder: &Path, parts: &Parts, machine: &MachineSpec, into: &Path) -> Result<()> {
    let work = fresh_folder(folder)?;
    let tree = work.join("tree");
    for part in ["boot", "etc"] {
        let part = tree.join(part);
        fs::create_dir_all(&part).map_err(LabError::file("create", &part))?;
    }
    for (from, to) in [(&parts.kernel, "boot/vmlinuz"), (&parts.first_file_system, "boot/initrd.img")] {
        fs::copy(from, tree.join(to)).map_err(LabError::file("copy", from))?;
    }
    let settings = tree.join("etc/leeward-guest");
    let said =
        format!("hostname={}\nrole={}\nrate={}\n", machine.name, machine.role, machine.records_per_sec);
    fs::write(&settings, said).map_err(LabError::file("write", &settings))?;

    let raw = work.join("os.raw");
    blank(&raw, OS_MIB)?;
    SFDISK.run_reading(&work, &["-q", "os.raw"], "label: dos\nstart=2048, type=83, bootable\n")?;
    let size = format!("{}k", u64::from(OS_MIB - 1) * 1024);
    MKE2FS.run(
        &work,
        &[
            "-q",
            "-F",
            "-t",
            "ext4",
            "-b",
            &boot::BLOCK_BYTES.to_string(),
            "-L",
            "os",
            "-J",
            "size=4",
            "-N",
            "1024",
            "-d",
            "tree",
            "-E",
            "offset=1048576,root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0",
            "os.raw",
            &size,
        ],
    )?;
    boot::install(&work, "os.raw", PARTITION_BYTES)?;
    convert(&work, "os.raw", into)?;
    fs::remove_dir_all(&work).map_err(LabError::file("remove", &work))
}

/// Makes the data disk: one empty file system.
pub(crate) fn make_data(folder: &Path, machine: &MachineSpec, into: &Path) -> Result<()> {
    let work = fresh_folder(folder)?;
    blank(&work.join("data.raw"), machine.data_mib)?;
    MKE2FS.run(
        &work,
        &[
            "-q",
            "-F",
            "-t",
            "ext4",
            "-L",
            "data",
            "-J",
            "size=8",
            "-E",
            "root_owner=0:0,lazy_itable_init=0,lazy_journal_init=0",
            "data.raw",
        ],
    )?;
    convert(&work, "data.raw", into)?;
    fs::remove_dir_all(&work).map_err(LabError::file("remove", &work))
}

/// Size of a disk in bytes.
pub(crate) const fn bytes_of(mib: u32) -> u64 {
    mib as u64 * MIB
}

fn blank(path: &Path, mib: u32) -> Result<()> {
    let file = File::create(path).map_err(LabError::file("create", path))?;
    file.set_len(bytes_of(mib)).map_err(LabError::file("write", path))
}

/// Into QEMU's format under the final name, which appears only when all of it is on the disk.
fn convert(work: &Path, raw: &str, into: &Path) -> Result<()> {
    QEMU_IMG
        .run(work, &["convert", "-q", "-f", "raw", "-O", "qcow2", "-o", "compat=1.1", raw, "made.qcow2"])?;
    let made = work.join("made.qcow2");
    let mut file = OpenOptions::new().append(true).open(&made).map_err(LabError::file("flush", &made))?;
    file.flush().and_then(|()| file.sync_all()).map_err(LabError::file("flush", &made))?;
    fs::rename(&made, into).map_err(LabError::file("create", into))?;
    let folder = into.parent().unwrap_or(work);
    File::open(folder).and_then(|f| f.sync_all()).map_err(LabError::file("flush", folder))
}
