//! Where the program keeps what it remembers for its user, and what it takes from the environment. Apart from
//! `grammar`, through which most of the environment comes in.

use super::exit::{Exit, Stop};
use leeward_model::Message;
use std::path::{Path, PathBuf};

fn folders() -> Option<directories::ProjectDirs> {
    directories::ProjectDirs::from("", "", "leeward")
}

fn last_vault_file() -> Option<PathBuf> {
    folders().map(|f| f.config_dir().join("last-vault"))
}

/// The vault that was used last.
pub(crate) fn last_vault() -> Option<PathBuf> {
    let text = std::fs::read_to_string(last_vault_file()?).ok()?;
    let path = PathBuf::from(text.trim_end_matches(['\r', '\n']));
    (!path.as_os_str().is_empty()).then_some(path)
}

/// Vaults kept in the list of those that were open.
const RECENT_MAX: usize = 5;

fn recent_vaults_file() -> Option<PathBuf> {
    folders().map(|f| f.config_dir().join("recent-vaults"))
}

/// The vaults that were open, newest first.
pub(crate) fn recent_vaults() -> Vec<PathBuf> {
    let text = recent_vaults_file().and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    let listed: Vec<PathBuf> = text.lines().filter(|l| !l.is_empty()).map(PathBuf::from).collect();
    match last_vault() {
        Some(last) => newest_first(&last, listed),
        None => listed,
    }
}

fn newest_first(newest: &Path, others: Vec<PathBuf>) -> Vec<PathBuf> {
    let others = others.into_iter().filter(|path| path != newest);
    std::iter::once(newest.to_owned()).chain(others).take(RECENT_MAX).collect()
}

/// Where a new vault goes if nobody says otherwise.
pub(crate) fn default_vault() -> PathBuf {
    folders().map_or_else(|| PathBuf::from("leeward-vault"), |f| f.data_dir().join("vault"))
}

/// Where the user's own files for the program lie.
pub(crate) fn data() -> Option<PathBuf> {
    folders().map(|f| f.data_dir().to_owned())
}

/// Where the window keeps what it remembers: theme, size, columns.
pub(crate) fn window_preferences() -> Option<PathBuf> {
    folders().map(|f| f.config_dir().join("window.json"))
}

/// Remembers a vault as the one that was used last. It is a convenience: failing to is no failure.
pub(crate) fn remember_vault(root: &Path) {
    let (Some(last), Some(recent)) = (last_vault_file(), recent_vaults_file()) else { return };
    let listed: Vec<String> =
        newest_first(root, recent_vaults()).iter().map(|path| format!("{}\n", path.display())).collect();
    let kept = last
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| std::fs::write(&last, format!("{}\n", root.display())))
        .and_then(|()| std::fs::write(&recent, listed.concat()));
    if let Err(error) = kept {
        tracing::debug!(%error, "the last vault could not be remembered");
    }
}

/// The vault a command is about: the one named, else the last one.
pub(crate) fn vault(named: Option<&PathBuf>) -> Result<PathBuf, Stop> {
    named.cloned().or_else(last_vault).ok_or_else(|| Stop::Said(Exit::Usage, Message::new("cli-no-vault")))
}

/// The name of this host, for locks and journals.
pub(crate) fn host() -> String {
    for file in ["/proc/sys/kernel/hostname", "/etc/hostname"] {
        if let Ok(text) = std::fs::read_to_string(file)
            && !text.trim().is_empty()
        {
            return text.trim().to_owned();
        }
    }
    std::env::var("COMPUTERNAME")
        .or_else(|_| std::env::var("HOSTNAME"))
        .unwrap_or_else(|_| "localhost".to_owned())
}

/// Who gives the commands, for the audit: `anna@desk`.
pub(crate) fn user() -> String {
    let name = ["LOGNAME", "USER", "USERNAME"].iter().find_map(|v| std::env::var(v).ok());
    format!("{}@{}", name.filter(|n| !n.is_empty()).unwrap_or_else(|| "somebody".to_owned()), host())
}

/// Whether a window can be opened here.
pub(crate) fn display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

#[cfg(test)]
mod tests {
    use super::newest_first;
    use std::path::{Path, PathBuf};

    #[test]
    fn five_vaults_are_kept_and_none_twice() {
        let mut kept = Vec::new();
        for name in ["a", "b", "c", "b", "d", "e", "f"] {
            kept = newest_first(Path::new(name), kept);
        }
        assert_eq!(kept, ["f", "e", "d", "b", "c"].map(PathBuf::from));
    }
}
