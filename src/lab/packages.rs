//! Debian's packages that the guests are made of: downloaded once with the system's own package client, unpacked
//! beside each other, never installed. Apart from `parts`, which takes files out of them.

use crate::error::{LabError, Result};
use crate::programs::{APT_GET, DPKG_DEB, Program, finish};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// One name a line; packaging/setup reads the same file.
const NAMES: &str = include_str!("../../assets/lab/packages");
/// Where packaging/setup leaves what it has downloaded, so that the lab can be made without a network.
const PREPARED: &str = "/var/cache/leeward/lab-packages";
/// What names of folders begin with while they are being filled.
pub(crate) const UNFINISHED: &str = ".making-";
/// Nobody fills a folder for so long.
const ABANDONED: Duration = Duration::from_secs(3_600);
/// Stands in a folder of packages when all are there.
const COMPLETE: &str = "complete";

/// The unpacked packages.
pub(crate) struct Packages {
    /// As the root of a file system.
    pub(crate) root: PathBuf,
    /// Names and versions, for telling one set from another.
    pub(crate) identity: String,
}

/// Has the packages downloaded and unpacked. Quick when they are.
pub(crate) fn fetch(cache: &Path) -> Result<Packages> {
    fs::create_dir_all(cache).map_err(LabError::file("create", cache))?;
    clear_away(cache, SystemTime::now())?;
    let prepared = PathBuf::from(PREPARED);
    let folder = if complete(&prepared) {
        prepared
    } else {
        let own = cache.join("packages");
        if !complete(&own) {
            download(&own)?;
        }
        own
    };
    let files = archives(&folder)?;
    let identity = files
        .iter()
        .filter_map(|f| f.file_name().map(|n| n.to_string_lossy().into_owned()))
        .collect::<Vec<_>>()
        .join("\n");
    let root = cache.join(format!("unpacked-{}", short_digest(identity.as_bytes())));
    if !root.is_dir() {
        let fresh = fresh_folder(cache)?;
        for file in &files {
            DPKG_DEB.run(cache, &["-x".as_ref(), file.as_os_str(), fresh.as_os_str()])?;
        }
        publish(&fresh, &root)?;
    }
    Ok(Packages { root, identity })
}

/// Twelve hexadecimal digits that stand for some bytes in a file name.
pub(crate) fn short_digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().as_str().chars().take(12).collect()
}

/// An empty folder that no other maker uses.
pub(crate) fn fresh_folder(cache: &Path) -> Result<PathBuf> {
    let fresh = cache.join(format!("{UNFINISHED}{}", uuid::Uuid::new_v4().simple()));
    fs::create_dir_all(&fresh).map_err(LabError::file("create", &fresh))?;
    Ok(fresh)
}

/// Gives a finished folder its name. When another maker was faster, theirs is as good.
pub(crate) fn publish(fresh: &Path, named: &Path) -> Result<()> {
    match fs::rename(fresh, named) {
        Ok(()) => Ok(()),
        Err(_) if named.is_dir() => fs::remove_dir_all(fresh).map_err(LabError::file("remove", fresh)),
        Err(e) => Err(LabError::file("create", named)(e)),
    }
}

/// Removes what makers that were cut off have left. A folder that another one fills at this moment is younger.
fn clear_away(cache: &Path, now: SystemTime) -> Result<()> {
    for entry in fs::read_dir(cache).map_err(LabError::file("read", cache))? {
        let entry = entry.map_err(LabError::file("read", cache))?;
        let changed = entry.metadata().and_then(|m| m.modified()).ok();
        let old = changed.and_then(|at| now.duration_since(at).ok()).is_some_and(|age| age > ABANDONED);
        if old && entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_dir_all(entry.path()).map_err(LabError::file("remove", entry.path()))?;
        }
    }
    Ok(())
}

fn complete(folder: &Path) -> bool {
    // The list is compared, so that packages of an older lab are not taken for ours.
    fs::read_to_string(folder.join(COMPLETE)).is_ok_and(|list| list == NAMES)
}

fn archives(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(LabError::file("read", folder))? {
        let path = entry.map_err(LabError::file("read", folder))?.path();
        if path.extension().is_some_and(|e| e == "deb") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn download(folder: &Path) -> Result<()> {
    let parent = folder.parent().unwrap_or(folder);
    let fresh = fresh_folder(parent)?;
    let client = Client::of(parent);
    let names: Vec<&str> = NAMES.lines().filter(|l| !l.is_empty()).collect();
    // The system's own lists first; a user's own copy of them when they are missing or out of date.
    let client = match client.download(&fresh, false, &names) {
        Ok(()) => (client, false),
        Err(first) => {
            tracing::info!(%first, "the system's package lists do not do; fetching own ones");
            client.update()?;
            client.download(&fresh, true, &names)?;
            (client, true)
        }
    };
    let kernel = kernel_package(&fresh)?;
    client.0.download(&fresh, client.1, &[&kernel])?;
    let mark = fresh.join(COMPLETE);
    fs::write(&mark, NAMES).map_err(LabError::file("write", &mark))?;
    if folder.is_dir() {
        fs::remove_dir_all(folder).map_err(LabError::file("remove", folder))?;
    }
    publish(&fresh, folder)
}

/// The package that the name without a version stands for today.
fn kernel_package(folder: &Path) -> Result<String> {
    let missing = || LabError::PackageContent { what: "the name of the kernel's package".to_owned() };
    let named = archives(folder)?
        .into_iter()
        .find(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("linux-image-cloud-amd64_")))
        .ok_or_else(missing)?;
    let depends = DPKG_DEB.run(folder, &["-f".as_ref(), named.as_os_str(), "Depends".as_ref()])?;
    depends
        .split([' ', ',', '(', '\n'])
        .find(|word| word.starts_with("linux-image-"))
        .map(str::to_owned)
        .ok_or_else(missing)
}

/// The system's package client, with lists of its own if need be; it needs no administrator for that.
struct Client {
    state: PathBuf,
}

impl Client {
    fn of(cache: &Path) -> Self {
        Self { state: cache.join("apt") }
    }

    fn command(&self, own_lists: bool) -> Result<Command> {
        let program: &Program = &APT_GET;
        let mut command = Command::new(program.find()?);
        command.stdin(Stdio::null()).args(["-q", "-y"]);
        // Root's client would drop its rights to a user who cannot write into our folder.
        command.args(["-o", "APT::Sandbox::User=root"]);
        if own_lists {
            command.arg("-o").arg(format!("Dir::State::lists={}", self.state.join("lists").display()));
            command.arg("-o").arg(format!("Dir::Cache={}", self.state.join("cache").display()));
        }
        Ok(command)
    }

    fn update(&self) -> Result<()> {
        for part in ["lists/partial", "cache/archives/partial"] {
            let folder = self.state.join(part);
            fs::create_dir_all(&folder).map_err(LabError::file("create", &folder))?;
        }
        let mut command = self.command(true)?;
        command.arg("update");
        finish("apt-get update", command).map(drop).map_err(refused)
    }

    fn download(&self, folder: &Path, own_lists: bool, names: &[&str]) -> Result<()> {
        let mut command = self.command(own_lists)?;
        command.current_dir(folder).arg("download").args(names);
        finish("apt-get download", command).map(drop).map_err(refused)
    }
}

fn refused(error: LabError) -> LabError {
    match error {
        LabError::Program { program, reason } => {
            LabError::Packages { reason: format!("{program}: {reason}") }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cut_off_maker_left_is_removed_when_it_is_old() {
        let cache = tempfile::tempdir().expect("a folder");
        let left = fresh_folder(cache.path()).expect("made");
        fs::create_dir(cache.path().join("parts-1")).expect("made");
        let now = SystemTime::now();
        clear_away(cache.path(), now).expect("looked");
        assert!(left.is_dir(), "somebody may be filling it");
        clear_away(cache.path(), now + ABANDONED * 2).expect("looked");
        assert!(!left.exists());
        assert!(cache.path().join("parts-1").is_dir());
    }
}
