//! What a lab consists of. Apart from `make`, which makes it: a test asks for a smaller one.

use crate::addresses;
use crate::network::Network;
use std::path::{Path, PathBuf};

/// A lab to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabSpec {
    /// Folder of the lab; one folder per host inside.
    pub root: PathBuf,
    /// Downloaded packages and the guests' parts, shared by all labs of a user.
    pub cache: PathBuf,
    /// The hosts, the one with the machines first.
    pub hosts: Vec<HostSpec>,
    /// A namespace for each host and a line between them; none: both are on this computer's own network.
    pub network: Option<Network>,
}

/// One host of the lab: a folder, an address and an agent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostSpec {
    /// Name of its folder, also how the lab's verbs call it: `goteborg`.
    pub folder: String,
    /// The site as a person reads it: `Göteborg`.
    pub site: String,
    /// The host's own name: `goteborg-host01`.
    pub name: String,
    /// Its loopback address. Each host of each lab has its own, so that ports never meet; a lab that is there keeps
    /// the addresses it was made with.
    pub addr: String,
    /// Machines it has at the beginning.
    pub machines: Vec<MachineSpec>,
}

/// One machine of the lab.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MachineSpec {
    /// Name: `web01`.
    pub name: String,
    /// What it says of itself on its screen: `Web server`.
    pub role: String,
    /// Records it writes per second, each synced on both disks.
    pub records_per_sec: u32,
    /// Memory in MiB; below 96 the kernel does not boot.
    pub memory_mib: u32,
    /// Virtual size of its data disk in MiB; the records take 32 of them.
    pub data_mib: u32,
}

/// Where agents listen for each other.
pub(crate) const REPLICATION_PORT: u16 = 8084;

impl LabSpec {
    /// The lab that the product offers: Stockholm with four machines, Göteborg empty. The cache is in the user's
    /// cache folder, or beside the lab if there is none.
    #[must_use]
    pub fn default(root: &Path) -> Self {
        let machine = |name: &str, role: &str, rate| MachineSpec::new(name, role, rate);
        let [stockholm, goteborg] = addresses::of(root, ["stockholm", "goteborg"]);
        let spec = Self {
            root: root.to_owned(),
            cache: user_cache().unwrap_or_else(|| root.join("cache")),
            hosts: vec![
                HostSpec {
                    folder: "stockholm".to_owned(),
                    site: "Stockholm".to_owned(),
                    name: "stockholm-host01".to_owned(),
                    addr: stockholm,
                    machines: vec![
                        machine("dc01", "Domain controller", 2),
                        machine("sql01", "Database server", 10),
                        machine("app01", "Application server", 5),
                        machine("web01", "Web server", 5),
                    ],
                },
                HostSpec {
                    folder: "goteborg".to_owned(),
                    site: "Göteborg".to_owned(),
                    name: "goteborg-host01".to_owned(),
                    addr: goteborg,
                    machines: Vec::new(),
                },
            ],
            network: None,
        };
        match Network::kept(root) {
            Some(network) => spec.on(network),
            None => spec,
        }
    }

    /// The same lab with a network of its own. A lab that was made without cannot get one.
    #[must_use]
    pub fn with_network(self) -> Self {
        if self.network.is_some() || self.hosts.len() != 2 {
            return self;
        }
        let folders = [0, 1].map(|at| self.hosts.get(at).map_or("", |h| h.folder.as_str()));
        let network = Network::of(&addresses::absolute(&self.root), folders);
        self.on(network)
    }

    fn on(mut self, network: Network) -> Self {
        for (at, host) in self.hosts.iter_mut().enumerate() {
            host.addr = network.host_addr(at).to_string();
        }
        self.network = Some(network);
        self
    }

    /// The folder of a host.
    #[must_use]
    pub fn host_folder(&self, host: &HostSpec) -> PathBuf {
        self.root.join(&host.folder)
    }
}

impl MachineSpec {
    /// A machine of the usual size.
    #[must_use]
    pub fn new(name: &str, role: &str, records_per_sec: u32) -> Self {
        Self { name: name.to_owned(), role: role.to_owned(), records_per_sec, memory_mib: 128, data_mib: 256 }
    }
}

fn user_cache() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")))?;
    Some(base.join("leeward").join("lab"))
}
