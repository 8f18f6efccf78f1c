//! The folder of a vault: what lies where, who may read it, and who holds it. Apart from `store`, which knows
//! only the database file inside.
//!
//! ```text
//! vault.db      the database (SQLite)                     0600
//! ca/           the vault's certificate authority          0700
//! operator/     the local user's own certificate           0700
//! engine.lock   locked while an engine runs; who that is
//! engine.json   where the engine listens
//! ```

use crate::records::{AuditEntry, Change, Record, VaultRecord};
use crate::shell::Clock;
use crate::shell::trust::Trust;
use crate::store::{AuditVerdict, Store, StoreError};
use leeward_link::LinkError;
use leeward_link::private_file::{private_folder, write_private};
use leeward_model::{Fault, Moment, PolicyId, Recovery, ReplicationPolicy, VaultId};
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// The port an engine listens on when none is given.
pub const DEFAULT_PORT: u16 = 8443;

/// The longest `engine.json` or `engine.lock` that is read.
const STATE_BYTES_MAX: u64 = 64 * 1024;

/// How often the lock is tried, and how long is waited between.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// Where things of a vault lie. Holding one says nothing about who runs it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VaultFolder {
    root: PathBuf,
}

/// Where the engine of a vault listens, kept between runs.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Listen {
    /// Address and port the engine binds: `192.0.2.10:8443`.
    pub listen: String,
    /// Names or addresses, with ports, at which agents reach it; they go into registration keys.
    pub advertise: Vec<String>,
}

/// The engine that holds a vault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// The host it runs on.
    pub host: String,
    /// Where it listens; empty until it does.
    pub addr: String,
    /// Since when.
    pub since: Moment,
}

/// The right to run the engine of a vault; given back when dropped, also by a crash.
#[derive(Debug)]
pub struct VaultLock {
    file: File,
    path: PathBuf,
}

/// What can be wrong with the folder of a vault.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.fault())]
pub enum VaultError {
    /// Nothing is there.
    Missing {
        /// The folder.
        path: PathBuf,
    },
    /// There is a folder, but no vault in it.
    NotAVault {
        /// The folder.
        path: PathBuf,
    },
    /// A vault cannot be made here: something is there already.
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// Another engine runs it.
    Held {
        /// The folder.
        path: PathBuf,
        /// Who, if it can be read.
        by: Option<Holder>,
    },
    /// The operating system refuses.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The database.
    Store(#[from] StoreError),
    /// The engine cannot listen.
    Listen {
        /// Where.
        addr: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// An address that means "every address of this computer" was to be told to agents.
    Unspecified {
        /// The address.
        addr: String,
    },
    /// The vault's certificates or private files.
    Link(#[from] LinkError),
    /// The vault's certificates, in a way of their own.
    Certificates {
        /// The folder.
        path: PathBuf,
        /// What is wrong with them.
        detail: String,
    },
}

impl VaultError {
    /// As a fault with causes and an action.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let shown = |path: &Path| path.display().to_string();
        let person = Recovery::NeedsPerson;
        match self {
            Self::Unspecified { addr } => Fault::new("vault-unspecified", addr, String::new(), person),
            Self::Missing { path } => Fault::new("vault-missing", &shown(path), String::new(), person),
            Self::NotAVault { path } => Fault::new("vault-not-one", &shown(path), String::new(), person),
            Self::Occupied { path } => Fault::new("vault-occupied", &shown(path), String::new(), person),
            Self::Held { path, by } => held_fault(&shown(path), by.as_ref()),
            Self::Io { path, source } if source.kind() == io::ErrorKind::PermissionDenied => {
                Fault::new("vault-no-permission", &shown(path), source.to_string(), person)
            }
            Self::Io { path, source } => Fault::new("vault-io", &shown(path), source.to_string(), person),
            Self::Store(error) => error.fault(),
            Self::Link(error) => error.fault(),
            Self::Listen { addr, source } => Fault::new("engine-listen", addr, source.to_string(), person),
            Self::Certificates { path, detail } => {
                Fault::new("vault-certificates", &shown(path), detail.clone(), person)
            }
        }
    }
}

fn held_fault(path: &str, by: Option<&Holder>) -> Fault {
    let mut fault = Fault::new("vault-held", path, String::new(), Recovery::NeedsPerson);
    if let Some(by) = by {
        fault.what = leeward_model::Message::new("vault-held-by")
            .with("pid", by.pid.to_string())
            .with("host", by.host.clone())
            .with("addr", if by.addr.is_empty() { "-" } else { by.addr.as_str() });
    }
    fault
}

impl VaultFolder {
    /// The vault in a folder.
    ///
    /// # Errors
    /// When nothing is there, there is no vault in it, or it may not be read.
    pub fn at(root: &Path) -> Result<Self, VaultError> {
        let root = match fs::canonicalize(root) {
            Ok(root) => root,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(VaultError::Missing { path: root.to_owned() });
            }
            Err(source) => return Err(VaultError::Io { path: root.to_owned(), source }),
        };
        let folder = Self { root };
        match fs::metadata(folder.database()) {
            Ok(found) if found.is_file() => Ok(folder),
            Ok(_) => Err(VaultError::NotAVault { path: folder.root }),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Err(VaultError::NotAVault { path: folder.root })
            }
            Err(source) => Err(VaultError::Io { path: folder.database(), source }),
        }
    }

    /// The folder that a new vault is made in, before it gets its name: beside `root`, private, empty.
    ///
    /// # Errors
    /// When something is at `root` already, or nothing may be written there.
    pub fn begin(root: &Path) -> Result<Self, VaultError> {
        refuse_occupied(root)?;
        let parent = root.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(parent).map_err(|source| VaultError::Io { path: parent.to_owned(), source })?;
        let name = root.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let draft = parent.join(format!(".{name}.new-{}", std::process::id()));
        let folder = Self { root: draft };
        private_folder(&folder.root)?;
        Ok(folder)
    }

    /// Gives a draft its name. Until then nothing is at `root`, so that a crash never leaves half a vault.
    ///
    /// # Errors
    /// When something has come to be at `root`, or the rename fails.
    pub fn finish(self, root: &Path) -> Result<Self, VaultError> {
        refuse_occupied(root)?;
        let io = |path: &Path, source: io::Error| VaultError::Io { path: path.to_owned(), source };
        sync_folder(&self.root).map_err(|e| io(&self.root, e))?;
        fs::rename(&self.root, root).map_err(|e| io(root, e))?;
        let root = fs::canonicalize(root).map_err(|e| io(root, e))?;
        if let Some(parent) = root.parent() {
            sync_folder(parent).map_err(|e| io(parent, e))?;
        }
        Ok(Self { root })
    }

    /// Takes a draft away again.
    pub fn abandon(self) {
        if let Err(error) = fs::remove_dir_all(&self.root) {
            tracing::warn!(folder = %self.root.display(), %error, "a draft of a vault could not be removed");
        }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.root.join("vault.db")
    }

    /// The folder of the certificate authority, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn ca(&self) -> Result<PathBuf, VaultError> {
        let path = self.root.join("ca");
        private_folder(&path)?;
        Ok(path)
    }

    /// The folder of the local user's certificate, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn operator(&self) -> Result<PathBuf, VaultError> {
        let path = self.root.join("operator");
        private_folder(&path)?;
        Ok(path)
    }

    /// Where the engine listens.
    ///
    /// # Errors
    /// When it cannot be read or is not what was written.
    pub fn listen(&self) -> Result<Listen, VaultError> {
        let path = self.root.join("engine.json");
        let text = match read_small(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Listen::default()),
            Err(source) => return Err(VaultError::Io { path, source }),
        };
        serde_json::from_str(&text)
            .map_err(|e| VaultError::Io { path, source: io::Error::new(io::ErrorKind::InvalidData, e) })
    }

    /// Keeps where the engine listens.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_listen(&self, listen: &Listen) -> Result<(), VaultError> {
        let path = self.root.join("engine.json");
        let text = serde_json::to_string_pretty(listen).expect("strings become JSON");
        Ok(write_private(&path, text.as_bytes())?)
    }

    /// Takes the right to run the engine.
    ///
    /// # Errors
    /// [`VaultError::Held`] with the holder when another engine has it.
    pub fn lock(&self, holder: &Holder) -> Result<VaultLock, VaultError> {
        let path = self.root.join("engine.lock");
        let io = |source: io::Error| VaultError::Io { path: path.clone(), source };
        let file = private_options().read(true).truncate(false).open(&path).map_err(io)?;
        let mut left = LOCK_TRIES;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // Somebody who only asks who holds it has it for an instant, too.
                Err(fs::TryLockError::WouldBlock) if left > 0 => std::thread::sleep(LOCK_PAUSE),
                Err(fs::TryLockError::WouldBlock) => {
                    return Err(VaultError::Held { path: self.root.clone(), by: self.holder() });
                }
                Err(fs::TryLockError::Error(source)) => return Err(io(source)),
            }
            left -= 1;
        }
        let mut lock = VaultLock { file, path };
        lock.set_holder(holder)?;
        Ok(lock)
    }

    /// Who runs the engine of this vault now; none when nobody does.
    #[must_use]
    pub fn holder(&self) -> Option<Holder> {
        let path = self.root.join("engine.lock");
        let file = File::open(&path).ok()?;
        // Whoever can share the lock sees that nobody holds it; what the file says is then of the past.
        if file.try_lock_shared().is_ok() {
            return None;
        }
        serde_json::from_str(&read_small(&path).ok()?).ok()
    }
}

impl Default for Listen {
    /// This machine only: nothing listens to a network until somebody says so.
    fn default() -> Self {
        let addr = format!("127.0.0.1:{DEFAULT_PORT}");
        Self { listen: addr.clone(), advertise: vec![addr] }
    }
}

impl Listen {
    /// Refuses to tell agents an address at which nobody can be reached.
    ///
    /// # Errors
    /// When an advertised address stands for all addresses of a computer.
    pub fn check(&self) -> Result<(), VaultError> {
        match self.advertise.iter().find(|addr| ip_of(addr).is_some_and(|ip| ip.is_unspecified())) {
            Some(addr) => Err(VaultError::Unspecified { addr: addr.clone() }),
            None => Ok(()),
        }
    }
}

/// The address of `address:port`, when it is one and not a name.
fn ip_of(addr: &str) -> Option<std::net::IpAddr> {
    let host = addr.rsplit_once(':').map_or(addr, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

impl VaultLock {
    /// Says who holds it, once the engine knows where it listens.
    ///
    /// # Errors
    /// When the lock file cannot be written.
    pub fn set_holder(&mut self, holder: &Holder) -> Result<(), VaultError> {
        let text = serde_json::to_string(holder).expect("a holder becomes JSON");
        let write = |file: &mut File| -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            file.write_all(text.as_bytes())?;
            file.flush()
        };
        write(&mut self.file).map_err(|source| VaultError::Io { path: self.path.clone(), source })
    }
}

impl Drop for VaultLock {
    fn drop(&mut self) {
        // Closing the file gives the lock back whatever happens here; an empty file only reads better.
        if let Err(error) = self.file.set_len(0) {
            tracing::debug!(path = %self.path.display(), %error, "lock file not emptied");
        }
    }
}

/// What is known of a vault without running it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct About {
    /// Identity.
    pub id: VaultId,
    /// Name.
    pub name: String,
    /// When it was created.
    pub created: Moment,
}

/// What the audit log says.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AuditRead {
    /// The newest entries, newest first.
    pub newest: Vec<AuditEntry>,
    /// Whether the log is what was written.
    pub verdict: AuditVerdict,
}

/// Makes a vault: its database with its name in it, its certificate authority, the local user's certificate.
///
/// # Errors
/// When something is at `root` already, or a part cannot be made; then nothing is at `root`.
pub fn create(
    root: &Path,
    name: &str,
    listen: &Listen,
    by: &str,
    clock: &dyn Clock,
) -> Result<VaultFolder, VaultError> {
    listen.check()?;
    let draft = VaultFolder::begin(root)?;
    match furnish(&draft, name, listen, by, clock) {
        Ok(()) => draft.finish(root),
        Err(error) => {
            draft.abandon();
            Err(error)
        }
    }
}

fn furnish(
    draft: &VaultFolder,
    name: &str,
    listen: &Listen,
    by: &str,
    clock: &dyn Clock,
) -> Result<(), VaultError> {
    let about = About { id: VaultId(clock.new_id()), name: name.to_owned(), created: clock.now() };
    let changes = first_changes(&about, listen, by, PolicyId(clock.new_id()));
    block_on(draft, async {
        let mut store = Store::create(&draft.database()).await?;
        store.write(&changes).await?;
        store.close().await?;
        Ok(())
    })?;
    Trust::create(draft, about.id, name, by, clock)?;
    draft.keep_listen(listen)
}

/// What is known of a vault, whether its engine runs or not.
///
/// # Errors
/// When the database cannot be read.
pub fn about(folder: &VaultFolder) -> Result<About, VaultError> {
    let loaded = block_on(folder, async {
        let store = Store::open(&folder.database()).await?;
        let loaded = store.load().await?;
        store.close().await?;
        Ok(loaded)
    })?;
    let vault = crate::core::vault_of(&loaded.records);
    vault
        .map(|v| About { id: v.id, name: v.name.clone(), created: v.created })
        .ok_or_else(|| VaultError::NotAVault { path: folder.root.clone() })
}

/// What the database of a new vault begins with: its name, who made it, and a policy to begin with.
fn first_changes(about: &About, listen: &Listen, by: &str, policy: PolicyId) -> Vec<Change> {
    let vault = VaultRecord {
        id: about.id,
        name: about.name.clone(),
        created: about.created,
        engine_addr: listen.advertise.first().cloned().unwrap_or_default(),
    };
    let mut changes = crate::core::new_vault(vault, by);
    changes.push(Change::Put(Record::Policy(ReplicationPolicy::new(
        policy,
        leeward_model::text::text("vault-first-policy"),
    ))));
    changes
}

/// Reads and verifies the audit log, whether the engine runs or not.
///
/// # Errors
/// When the database cannot be read.
pub fn read_audit(folder: &VaultFolder, most: u64) -> Result<AuditRead, VaultError> {
    block_on(folder, async {
        let store = Store::open(&folder.database()).await?;
        let newest = store.audit(most).await?;
        let verdict = store.verify_audit().await?;
        store.close().await?;
        Ok(AuditRead { newest, verdict })
    })
}

/// Runs a short piece of work on the database from a thread without a runtime.
fn block_on<T>(
    folder: &VaultFolder,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, VaultError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| VaultError::Io { path: folder.root.clone(), source })?;
    Ok(runtime.block_on(work)?)
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn refuse_occupied(root: &Path) -> Result<(), VaultError> {
    match fs::read_dir(root) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(VaultError::Occupied { path: root.to_owned() }),
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::NotADirectory => {
            Err(VaultError::Occupied { path: root.to_owned() })
        }
        Err(source) => Err(VaultError::Io { path: root.to_owned(), source }),
    }
}

fn read_small(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(STATE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

fn sync_folder(path: &Path) -> io::Result<()> {
    // A folder cannot be opened as a file on Windows, where renames are journalled anyway.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}
