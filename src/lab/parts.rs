//! What all guests share: kernel and first file system. Built once from the packages and kept in the
//! cache under a name that follows from everything they are made of. Apart from `disks`, which puts them on a
//! machine's disks.

use crate::archive::Archive;
use crate::error::{LabError, Result};
use crate::packages::{Packages, fresh_folder, publish, short_digest};
use crate::programs::ZSTD;
use std::fs;
use std::path::{Path, PathBuf};

/// Rises when the way the parts are built changes.
const VERSION: &str = "1";
const INIT: &str = include_str!("../../assets/lab/init");
const SHUTDOWN: &str = include_str!("../../assets/lab/shutdown");
const UDHCPC: &str = include_str!("../../assets/lab/udhcpc");
const GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lab-guest"));

/// Busybox's programs that the guest's scripts call.
const APPLETS: &[&str] = &[
    "cat", "echo", "hostname", "insmod", "ip", "ln", "mkdir", "mount", "poweroff", "reboot", "sed", "sh",
    "sleep", "sync", "udhcpc", "umount", "usleep",
];
/// Drivers in the order they must be loaded; a kernel that has one built in has no file for it.
const MODULES: &[&str] = &[
    "drivers/virtio/virtio_ring",
    "drivers/virtio/virtio",
    "drivers/virtio/virtio_pci_legacy_dev",
    "drivers/virtio/virtio_pci_modern_dev",
    "drivers/virtio/virtio_pci",
    "drivers/block/virtio_blk",
    "drivers/char/virtio_console",
    "drivers/char/hw_random/rng-core",
    "drivers/char/hw_random/virtio-rng",
    "net/core/failover",
    "drivers/net/net_failover",
    "drivers/net/virtio_net",
    "drivers/acpi/button",
    "drivers/input/evdev",
];
/// What the guest agent loads.
const LIBRARIES: &[&str] = &[
    "libc.so.6",
    "libm.so.6",
    "libglib-2.0.so.0",
    "libgmodule-2.0.so.0",
    "libnuma.so.1",
    "libpcre2-8.so.0",
    "libudev.so.1",
    "liburing.so.2",
];
const LOADER: &str = "ld-linux-x86-64.so.2";

/// Finished parts.
pub(crate) struct Parts {
    pub(crate) kernel: PathBuf,
    pub(crate) first_file_system: PathBuf,
}

/// Has the parts built. Quick when they are.
pub(crate) fn build(cache: &Path, packages: &Packages) -> Result<Parts> {
    if GUEST.is_empty() {
        return Err(LabError::Unsupported);
    }
    let mut all = blake3::Hasher::new();
    for piece in [VERSION, INIT, SHUTDOWN, UDHCPC, &packages.identity] {
        all.update(piece.as_bytes()).update(&[0]);
    }
    for list in [MODULES, APPLETS, LIBRARIES] {
        for name in list {
            all.update(name.as_bytes()).update(&[0]);
        }
        all.update(&[0]);
    }
    all.update(GUEST);
    let folder = cache.join(format!("parts-{}", short_digest(all.finalize().as_bytes())));
    if !folder.is_dir() {
        let fresh = fresh_folder(cache)?;
        let kernel = find_kernel(&packages.root)?;
        copy(&kernel.image, &fresh.join("vmlinuz"))?;
        build_first_file_system(&packages.root, &kernel.modules, &fresh)?;
        publish(&fresh, &folder)?;
    }
    Ok(Parts { kernel: folder.join("vmlinuz"), first_file_system: folder.join("initrd.img") })
}

struct Kernel {
    image: PathBuf,
    modules: PathBuf,
}

fn find_kernel(root: &Path) -> Result<Kernel> {
    let boot = root.join("boot");
    for entry in fs::read_dir(&boot).map_err(LabError::file("read", &boot))? {
        let path = entry.map_err(LabError::file("read", &boot))?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(version) = name.strip_prefix("vmlinuz-") {
            let modules = root.join("lib/modules").join(version).join("kernel");
            return Ok(Kernel { image: path, modules });
        }
    }
    Err(LabError::PackageContent { what: "the kernel".to_owned() })
}

fn build_first_file_system(root: &Path, modules: &Path, into: &Path) -> Result<()> {
    let mut archive = Archive::default();
    for folder in ["bin", "sbin", "dev", "etc", "lib", "lib/modules", "lib64", "proc", "sys", "var"] {
        archive.folder(folder);
    }
    // The kernel opens its console before anything is mounted.
    archive.device("dev/console", 5, 1);
    archive.device("dev/null", 1, 3);
    archive.file("init", 0o755, INIT.as_bytes());
    archive.file("sbin/shutdown", 0o755, SHUTDOWN.as_bytes());
    archive.file("etc/udhcpc", 0o755, UDHCPC.as_bytes());
    archive.file("bin/lab-guest", 0o755, GUEST);
    archive.file("bin/busybox", 0o755, &from(root, &["bin/busybox", "usr/bin/busybox"])?);
    for applet in APPLETS {
        archive.link(&format!("bin/{applet}"), "busybox");
    }
    archive.file("bin/qemu-ga", 0o755, &from(root, &["usr/sbin/qemu-ga", "usr/bin/qemu-ga"])?);
    archive.file(
        &format!("lib64/{LOADER}"),
        0o755,
        &from(root, &[&format!("lib64/{LOADER}"), &format!("lib/x86_64-linux-gnu/{LOADER}")])?,
    );
    for library in LIBRARIES {
        let places = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"].map(|p| format!("{p}/{library}"));
        archive.file(&format!("lib/{library}"), 0o755, &from(root, &[&places[0], &places[1]])?);
    }
    let mut order = String::new();
    for module in MODULES {
        let path = modules.join(format!("{module}.ko"));
        if let (Ok(content), Some(name)) = (fs::read(&path), module.rsplit('/').next()) {
            archive.file(&format!("lib/modules/{name}.ko"), 0o644, &content);
            order.push_str(name);
            order.push('\n');
        }
    }
    archive.file("lib/modules/order", 0o644, order.as_bytes());
    let plain = into.join("initrd");
    fs::write(&plain, archive.finish()).map_err(LabError::file("write", &plain))?;
    ZSTD.run(into, &["-q", "-12", "--rm", "initrd", "-o", "initrd.img"]).map(drop)
}

/// A file of the packages at the first of some places.
fn from(root: &Path, places: &[&str]) -> Result<Vec<u8>> {
    for place in places {
        let path = root.join(place);
        if path.is_file() {
            return fs::read(&path).map_err(LabError::file("read", &path));
        }
    }
    Err(LabError::PackageContent { what: places.first().copied().unwrap_or_default().to_owned() })
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).map_err(LabError::file("copy", from))
}
