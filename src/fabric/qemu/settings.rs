//! Which programs the driver runs and how guests are accelerated. Apart from the start, because the agent sets
//! it once for the host.

use super::process::QemuProcess;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long the trial of KVM may take: where KVM works it ends at once.
const PROBE_LIMIT: Duration = Duration::from_secs(20);

/// How guest instructions are carried out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Accel {
    /// In software, everywhere; with a bounded cache of translated code.
    Tcg {
        /// Size of that cache in MiB. 32 boots as fast as the default and saves memory.
        cache_mib: u32,
    },
    /// By the processor, where the kernel offers it.
    Kvm,
}

/// Settings of the QEMU driver.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QemuSettings {
    /// The QEMU program.
    pub qemu: PathBuf,
    /// The image tool.
    pub qemu_img: PathBuf,
    /// Accelerator.
    pub accel: Accel,
    /// Machine type, the same at both sites so that a guest meets the same hardware.
    pub machine_type: String,
    /// How long QEMU may take to open its disks and become a process of its own.
    pub launch_limit: Duration,
}

impl Default for QemuSettings {
    fn default() -> Self {
        Self {
            qemu: PathBuf::from("qemu-system-x86_64"),
            qemu_img: PathBuf::from("qemu-img"),
            accel: Accel::Tcg { cache_mib: 32 },
            machine_type: "q35".to_owned(),
            launch_limit: Duration::from_secs(60),
        }
    }
}

impl QemuSettings {
    /// Whether KVM really works here: starts an empty machine with it and lets it quit. Costs a process; ask once.
    #[must_use]
    pub fn kvm_usable(&self) -> bool {
        if !std::path::Path::new("/dev/kvm").exists() {
            return false;
        }
        let mut probe = Command::new(&self.qemu);
        // A machine with the host's processor, as guests get it: some hosts offer KVM and cannot run one.
        probe.args(["-accel", "kvm", "-machine", "q35", "-cpu", "host", "-m", "64"]);
        probe.args(["-no-user-config", "-nodefaults"]);
        probe.args(["-display", "none", "-qmp", "stdio"]);
        let child = probe.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(mut child) = child else {
            return false;
        };
        if let Some(mut input) = child.stdin.take() {
            // A QEMU that failed to start has closed the pipe; its exit status says so.
            input
                .write_all(
                    br#"{"execute":"qmp_capabilities"}{"execute":"query-cpus-fast"}{"execute":"quit"}"#,
                )
                .ok();
        }
        let ended = QemuProcess::open(child.id()).is_none_or(|probe| probe.ended_within(PROBE_LIMIT));
        if !ended && let Err(error) = child.kill() {
            tracing::warn!(%error, "a trial of KVM hangs and could not be ended");
            return false;
        }
        child.wait().is_ok_and(|status| status.success())
    }
}
