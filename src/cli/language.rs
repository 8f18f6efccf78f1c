//! In which language the program speaks: what the environment wants, and the message files that a translator has put
//! beside the program or among the user's files. Apart from `leeward_model::text`, which reads no files.
//!
//! A translation is a folder `messages/sv` with files like those of `assets/messages/en`; a file may hold any part.

use leeward_model::text::{self, Added};
use std::path::{Path, PathBuf};

/// The longest message file.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Takes the language of the environment. Once, before anything is said.
pub(crate) fn take() {
    let said = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let locale = ["LEEWARD_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(said);
    let wanted = text::languages_of(&locale.unwrap_or_default());
    text::speak(&wanted, &added(&wanted, &folders()));
    text::show_times(super::words::minute);
}

/// Where message files may lie, the first before the others.
fn folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    folders.extend(super::places::data().map(|data| data.join("messages")));
    if let Some(beside) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        folders.push(beside.join("messages"));
        folders.push(beside.join("../share/leeward/messages"));
    }
    folders
}

/// The files of the wanted languages. One that cannot be read is left out: English is always there.
fn added(wanted: &[String], folders: &[PathBuf]) -> Vec<Added> {
    let mut added = Vec::new();
    for language in wanted {
        let mut files = Vec::new();
        for folder in folders {
            let Ok(entries) = std::fs::read_dir(folder.join(language)) else { continue };
            let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
            paths.sort();
            for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "ftl")) {
                let small = path.metadata().is_ok_and(|m| m.len() <= FILE_BYTES_MAX);
                match std::fs::read_to_string(path) {
                    Ok(text) if small => files.push(text),
                    Ok(_) => tracing::warn!(path = %path.display(), "a message file is too long"),
                    Err(error) => tracing::warn!(path = %path.display(), %error, "a message file"),
                }
            }
        }
        if !files.is_empty() {
            added.push(Added { language: language.clone(), files });
        }
    }
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_translators_folder_is_read_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let swedish = folder.path().join("sv");
        std::fs::create_dir(&swedish).expect("made");
        std::fs::write(swedish.join("cli.ftl"), "cli-done = klart\n").expect("written");
        std::fs::write(swedish.join("notes.txt"), "x").expect("written");
        let wanted = text::languages_of("sv_SE.UTF-8");
        let found = added(&wanted, &[folder.path().join("none"), folder.path().to_owned()]);
        let wanted = Added { language: "sv".to_owned(), files: vec!["cli-done = klart\n".to_owned()] };
        assert_eq!(found, [wanted]);
        assert!(added(&text::languages_of("C"), &[folder.path().to_owned()]).is_empty());
    }
}
