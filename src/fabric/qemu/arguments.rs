//! The command line of a start. Pure: same start, same words. Apart from `start`, which runs it.
//!
//! The block graph is spelled out node by node; what image headers say about backing files is never asked.

use super::image::format_name;
use super::settings::{Accel, QemuSettings};
use crate::folder::MachineFolder;
use crate::spec::{Network, RunDisk, StartSpec};
use leeward_model::{DiskFormat, Nic};
use serde_json::{Value, json};
use std::path::Path;

/// The longest disk name that keeps node names within QEMU's 31 bytes.
const DISK_NAME_BYTES_MAX: usize = 20;

/// The stem of a disk's node names: its name where QEMU takes it, else its position.
pub(super) fn stem(position: usize, name: &str) -> String {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if plain && !name.is_empty() && name.len() <= DISK_NAME_BYTES_MAX {
        name.to_owned()
    } else {
        format!("disk{position}")
    }
}

/// One disk of the command line: its run facts, and the overlay on top when it is frozen.
pub(super) struct DiskLine<'a> {
    pub(super) disk: &'a RunDisk,
    pub(super) overlay: Option<&'a Path>,
}

/// All arguments.
pub(super) fn arguments(
    settings: &QemuSettings,
    spec: &StartSpec,
    folder: &MachineFolder,
    disks: &[DiskLine<'_>],
) -> Vec<String> {
    let definition = &spec.definition;
    let mut words = Words::default();
    words.pair("-name", format!("guest={},debug-threads=on", commas(&definition.name)));
    words.pair("-uuid", definition.id.to_string());
    words.all(&["-no-user-config", "-nodefaults", "-S", "-no-shutdown", "-daemonize"]);
    words.pair("-pidfile", shown(&folder.pid_file()));
    words.pair("-D", shown(&folder.qemu_log()));
    words.pair("-sandbox", "on,obsolete=deny,resourcecontrol=deny".to_owned());
    words.pair("-machine", format!("{},usb=off", settings.machine_type));
    words.pair(
        "-accel",
        match settings.accel {
            Accel::Tcg { cache_mib } => format!("tcg,thread=multi,tb-size={cache_mib}"),
            Accel::Kvm => "kvm".to_owned(),
        },
    );
    if settings.accel == Accel::Kvm {
        words.pair("-cpu", "host".to_owned());
    }
    words.pair("-m", definition.memory_mib.to_string());
    words.pair("-smp", definition.vcpus.to_string());
    words.all(&["-rtc", "base=utc", "-boot", "strict=on,menu=off", "-display", "none", "-vga", "std"]);
    words
        .pair("-chardev", format!("file,id=serial0,append=on,path={}", commas(&shown(&folder.serial_log()))));
    words.pair("-serial", "chardev:serial0".to_owned());
    // Relative: QEMU is started in the folder, and a socket address holds only 107 bytes.
    words.all(&["-chardev", "socket,id=qmp0,path=qmp.sock,server=on,wait=off"]);
    words.all(&["-mon", "chardev=qmp0,mode=control"]);
    words.all(&["-device", "virtio-serial-pci,id=vserial0"]);
    words.all(&["-chardev", "socket,id=qga0,path=qga.sock,server=on,wait=off"]);
    words.all(&["-device", "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0"]);
    words.all(&["-device", "virtio-rng-pci"]);
    for (position, line) in disks.iter().enumerate() {
        block(&mut words, position, line);
    }
    for (position, nic) in definition.nics.iter().enumerate() {
        network(&mut words, position, nic, &spec.network);
    }
    words.0.extend(spec.extra.iter().cloned());
    words.0
}

#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn pair(&mut self, option: &str, value: String) {
        self.0.push(option.to_owned());
        self.0.push(value);
    }

    fn all(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(|w| (*w).to_owned()));
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// A comma in a value is doubled, as QEMU's option parser wants it.
fn commas(value: &str) -> String {
    value.replace(',', ",,")
}

/// The nodes of one disk, bottom to top, and its device.
fn block(words: &mut Words, position: usize, line: &DiskLine<'_>) {
    let disk = line.disk;
    let stem = stem(position, &disk.name);
    let last = disk.chain.len().saturating_sub(1);
    let mut below: Option<String> = None;
    for (depth, layer) in disk.chain.iter().enumerate() {
        // The top of the chain is opened for writing also under an overlay: its tracker lives in it, and the
        // merge writes to it.
        let top = depth == last;
        let node = if top { disk.node.clone() } else { format!("l{depth}-{stem}") };
        let backed = below.is_some();
        words.pair(
            "-blockdev",
            node_json(&node, &layer.path, layer.format, disk.direct, !top, below).to_string(),
        );
        debug_assert!(
            !(backed && layer.format == DiskFormat::Raw),
            "checked before: raw has nothing below it"
        );
        below = Some(node);
    }
    let mut device_node = disk.node.clone();
    if let Some(overlay) = line.overlay {
        let overlay_node = &disk.overlay_node;
        let node = node_json(overlay_node, overlay, DiskFormat::Qcow2, disk.direct, false, below);
        words.pair("-blockdev", node.to_string());
        device_node.clone_from(overlay_node);
    }
    let device = json!({
        "driver": "virtio-blk-pci", "id": device_id(position, &disk.name), "drive": device_node,
        "serial": stem, "bootindex": position + 1,
    });
    words.pair("-device", device.to_string());
}

/// The id of a disk's device.
pub(super) fn device_id(position: usize, name: &str) -> String {
    format!("vd-{}", stem(position, name))
}

/// A format node with its file node inside. `below` is its backing node; a qcow2 without one says so.
pub(super) fn node_json(
    node: &str,
    path: &Path,
    format: DiskFormat,
    direct: bool,
    read_only: bool,
    below: Option<String>,
) -> Value {
    let cache = json!({"direct": direct, "no-flush": false});
    let mut value = json!({
        "driver": format_name(format), "node-name": node, "read-only": read_only, "discard": "unmap",
        "cache": cache,
        "file": {
            "driver": "file", "filename": shown(path), "read-only": read_only, "discard": "unmap",
            "cache": cache,
        },
    });
    if format == DiskFormat::Qcow2
        && let Value::Object(members) = &mut value
    {
        members.insert("backing".to_owned(), below.map_or(Value::Null, Value::String));
    }
    value
}

/// One adapter. It is always there, so that the guest meets the same hardware on every network.
fn network(words: &mut Words, position: usize, nic: &Nic, network: &Network) {
    let (plugged, restrict, fixed_ports) = match network {
        Network::Production => (nic.network != "none", false, true),
        Network::None => (false, true, false),
        Network::Isolated(_) => (nic.network != "none", true, false),
    };
    let mut device = json!({
        "driver": "virtio-net-pci", "id": format!("nic{position}"), "mac": nic.mac, "romfile": "",
    });
    if plugged {
        let mut backend = format!("user,id=net{position}");
        if restrict {
            backend.push_str(",restrict=on");
        }
        for forward in &nic.forwards {
            let port = if fixed_ports { forward.host_port } else { 0 };
            let (addr, guest) = (commas(&forward.host_addr), forward.guest_port);
            backend.push_str(&format!(",hostfwd=tcp:{addr}:{port}-:{guest}"));
        }
        words.pair("-netdev", backend);
        if let Value::Object(members) = &mut device {
            members.insert("netdev".to_owned(), Value::String(format!("net{position}")));
        }
    }
    words.pair("-device", device.to_string());
}
