//! The agent's settings, `agent.json`: what an administrator decides about a host. Apart from `records`, which the
//! agent writes itself.

use leeward_link::Proxy;
use leeward_model::Message;
use leeward_model::fault::{Fault, Recovery};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Settings of one agent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// The host's name.
    pub name: String,
    /// The site it stands at, as a person reads it. Empty takes the site of the registration key.
    #[serde(default)]
    pub site: String,
    /// Where it listens for other agents: `address:port`.
    pub listen: String,
    /// Where other agents reach it, when that differs from `listen`.
    #[serde(default)]
    pub reached_at: Option<String>,
    /// Folder of its machines, absolute. Its last part is `machines`.
    pub machines: PathBuf,
    /// Folder of everything else it keeps: certificates, replicas, records. Absolute.
    pub data: PathBuf,
    /// The way out to the engine, when it is not direct.
    #[serde(default)]
    pub proxy: Option<Proxy>,
}

impl AgentConfig {
    /// Reads and checks the settings.
    ///
    /// # Errors
    /// When the file cannot be read, is no settings file, or a field makes no sense: the field is named.
    pub fn read(path: &Path) -> Result<Self, Box<Fault>> {
        let bad = |code: &'static str, detail: String| {
            Box::new(Fault::new(code, &path.display().to_string(), detail, Recovery::NeedsPerson))
        };
        let text =
            std::fs::read_to_string(path).map_err(|e| bad("agent-config-unreadable", e.to_string()))?;
        let config: Self =
            serde_json::from_str(&text).map_err(|e| bad("agent-config-damaged", e.to_string()))?;
        let wrong = |field: &str, why: &'static str| {
            let mut fault = bad("agent-config-damaged", format!("field `{field}`"));
            fault.causes = vec![Message::new(why).with("field", field)];
            fault
        };
        if config.name.trim().is_empty() {
            return Err(wrong("name", "agent-config-empty"));
        }
        if !config.machines.is_absolute() || !config.machines.ends_with("machines") {
            return Err(wrong("machines", "agent-config-machines"));
        }
        if !config.data.is_absolute() {
            return Err(wrong("data", "agent-config-absolute"));
        }
        let port = config.listen.rsplit_once(':').and_then(|(_, p)| p.parse::<u16>().ok());
        if port.is_none() {
            return Err(wrong("listen", "agent-config-address"));
        }
        Ok(config)
    }

    /// Where other agents reach it.
    #[must_use]
    pub fn replication_addr(&self) -> &str {
        self.reached_at.as_deref().unwrap_or(&self.listen)
    }

    /// The address part of `listen`: where guests' forwards are opened after a failover.
    #[must_use]
    pub fn address(&self) -> &str {
        self.listen.rsplit_once(':').map_or(self.listen.as_str(), |(addr, _)| addr)
    }

    /// The folder above the machines, as the hypervisor's driver wants it.
    #[must_use]
    pub fn host_folder(&self) -> PathBuf {
        self.machines.parent().map_or_else(|| self.machines.clone(), Path::to_owned)
    }

    /// Who this host is and what it believes.
    #[must_use]
    pub fn identity_folder(&self) -> PathBuf {
        self.data.join("identity")
    }

    /// The items' folders.
    #[must_use]
    pub fn items_folder(&self) -> PathBuf {
        self.data.join("items")
    }

    /// Machines of test failovers.
    #[must_use]
    pub fn tests_folder(&self) -> PathBuf {
        self.data.join("tests")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AgentConfig, Box<Fault>> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("agent.json");
        std::fs::write(&path, text).expect("written");
        AgentConfig::read(&path)
    }

    #[test]
    fn a_bad_field_is_named() {
        let good =
            r#"{"name":"h","site":"S","listen":"127.0.0.1:1","machines":"/x/machines","data":"/x/data"}"#;
        assert!(read(good).is_ok());
        for (from, to, field) in [
            ("\"h\"", "\" \"", "name"),
            ("/x/machines", "/x/vms", "machines"),
            ("/x/data", "data", "data"),
            ("127.0.0.1:1", "127.0.0.1", "listen"),
            ("\"name\"", "\"nane\"", "nane"),
        ] {
            let fault = read(&good.replace(from, to)).expect_err(field);
            assert!(fault.detail.contains(field), "{}", fault.detail);
        }
    }

    /// The text of the guide's example of this kind.
    fn example(kind: &str) -> String {
        let page = include_str!("../../docs/hosts.md");
        let begin = format!("```json {kind}\n");
        let from = page.find(&begin).expect("an example") + begin.len();
        page[from..].split("```").next().expect("its end").to_owned()
    }

    #[test]
    fn the_examples_of_the_guide_are_good() {
        let config = read(&example("agent")).expect("good settings");
        assert_eq!(config.replication_addr(), "hv-sto-01.example.net:8084");
        let machine: leeward_model::MachineDefinition =
            serde_json::from_str(&example("machine")).expect("a machine");
        assert_eq!(machine.name, "web01");
    }
}
