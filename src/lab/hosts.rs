//! A host's folder and its agent's settings. The one place that knows what `agent.json` holds and how the agent
//! is called; apart from `agents`, which runs it.

use crate::error::{LabError, Result};
use crate::machines::write_record;
use crate::spec::{HostSpec, REPLICATION_PORT};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Settings of an agent, `agent.json` in its host's folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AgentConfig {
    /// The host's name.
    pub name: String,
    /// The site it stands at, as a person reads it.
    pub site: String,
    /// Where it listens for other agents: `address:port`.
    pub listen: String,
    /// Folder of its machines, absolute.
    pub machines: PathBuf,
    /// Folder of everything else it keeps: certificates, replicas, records. Absolute.
    pub data: PathBuf,
}

const CONFIG: &str = "agent.json";

/// Has the host's folder made.
pub(crate) fn make(folder: &Path, host: &HostSpec) -> Result<()> {
    let config = AgentConfig {
        name: host.name.clone(),
        site: host.site.clone(),
        listen: format!("{}:{REPLICATION_PORT}", host.addr),
        machines: folder.join("machines"),
        data: folder.join("data"),
    };
    for part in [&config.machines, &config.data] {
        fs::create_dir_all(part).map_err(LabError::file("create", part))?;
    }
    if folder.join(CONFIG).is_file() { Ok(()) } else { write_record(folder, CONFIG, &config) }
}

/// The settings of a host that is there.
pub(crate) fn config(folder: &Path) -> Option<AgentConfig> {
    let text = fs::read(folder.join(CONFIG)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// How the agent of a host is run.
pub(crate) fn run_arguments(folder: &Path) -> Vec<OsString> {
    vec!["run".into(), "--config".into(), folder.join(CONFIG).into()]
}

/// How the agent of a host is enrolled with a registration key's file.
pub(crate) fn enrol_arguments(folder: &Path, key: &Path) -> Vec<OsString> {
    vec!["enrol".into(), "--config".into(), folder.join(CONFIG).into(), "--key".into(), key.into()]
}
