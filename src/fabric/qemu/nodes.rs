//! The block nodes of a run as QEMU sees them now. Apart from the run record, which says how they were at the
//! start.

use super::running::QemuMachine;
use crate::error::Result;
use crate::hypervisor::Machine;
use crate::latency::WriteLatency;
use leeward_model::DiskId;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A dirty bitmap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bitmap {
    pub(super) recording: bool,
    pub(super) persistent: bool,
    pub(super) inconsistent: bool,
    pub(super) dirty_bytes: u64,
}

/// Our bitmap on every node that has one, and the names of all nodes.
pub(super) struct Nodes {
    pub(super) bitmaps: HashMap<String, Bitmap>,
    pub(super) names: HashSet<String>,
}

/// Looks at all nodes.
pub(super) fn look(machine: &QemuMachine, bitmap: &str) -> Result<Nodes> {
    let told = machine.run("query-named-block-nodes", &json!({"flat": true}))?;
    let mut nodes = Nodes { bitmaps: HashMap::new(), names: HashSet::new() };
    for node in told.as_array().into_iter().flatten() {
        let Some(name) = node.get("node-name").and_then(Value::as_str) else {
            continue;
        };
        nodes.names.insert(name.to_owned());
        let all = node.get("dirty-bitmaps").and_then(Value::as_array).into_iter().flatten();
        for found in all.filter(|b| b.get("name").and_then(Value::as_str) == Some(bitmap)) {
            let flag = |name: &str| found.get(name).and_then(Value::as_bool).unwrap_or(false);
            nodes.bitmaps.insert(
                name.to_owned(),
                Bitmap {
                    recording: flag("recording"),
                    persistent: flag("persistent"),
                    inconsistent: flag("inconsistent"),
                    dirty_bytes: found.get("count").and_then(Value::as_u64).unwrap_or(0),
                },
            );
        }
    }
    Ok(nodes)
}

/// The node each device writes to, by device.
pub(super) fn device_nodes(machine: &QemuMachine) -> Result<HashMap<String, String>> {
    let told = machine.run("query-block", &Value::Null)?;
    let mut found = HashMap::new();
    for device in told.as_array().into_iter().flatten() {
        let path = device.get("qdev").and_then(Value::as_str);
        let node = device.get("inserted").and_then(|i| i.get("node-name")).and_then(Value::as_str);
        if let (Some(path), Some(node)) = (path, node) {
            found.insert(path.to_owned(), node.to_owned());
        }
    }
    Ok(found)
}

/// Removes a node if it is there.
pub(super) fn remove(machine: &QemuMachine, node: &str) -> Result<()> {
    if look(machine, "")?.names.contains(node) {
        machine.run("blockdev-del", &json!({"node-name": node}))?;
    }
    Ok(())
}

/// Write latency of every disk since the start.
pub(super) fn write_latency(machine: &QemuMachine) -> Result<BTreeMap<DiskId, WriteLatency>> {
    let told = machine.run("query-blockstats", &Value::Null)?;
    let mut found = BTreeMap::new();
    let disks = machine.record().disks;
    for device in told.as_array().into_iter().flatten() {
        let path = device.get("qdev").and_then(Value::as_str);
        let Some(disk) = disks.iter().find(|d| Some(d.device.as_str()) == path) else {
            continue;
        };
        let bins =
            device.get("stats").and_then(|s| s.get("wr_latency_histogram")).and_then(|h| h.get("bins"));
        let counts = bins.and_then(Value::as_array).into_iter().flatten();
        let counts = counts.map(|count| count.as_u64().unwrap_or(0)).collect();
        found.insert(disk.disk, WriteLatency { counts });
    }
    Ok(found)
}
