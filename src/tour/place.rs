//! The folder that a tour plays in. It removes what an earlier tour made there and nothing else, and no two tours
//! share it. Apart from `report`, which is written into it.

use leeward_lab::{Lab, LabSpec};
use leeward_model::Message;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// Stands in a folder that a tour has made its own; locked as long as one plays.
const MARK: &str = ".leeward-tour";
/// What a tour makes besides its report and pictures.
const FOLDERS: [&str; 2] = ["lab", "vault"];
const REPORTS: [&str; 2] = ["report.json", "report.json.part"];

/// The folder, taken.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
    _taken: File,
}

impl Place {
    /// Takes a folder: a new or empty one, or one that a tour has played in before.
    pub(super) fn take(folder: &Path) -> Result<Self, String> {
        let failed = |path: &Path, e: &std::io::Error| format!("{}: {e}", path.display());
        fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
        let root = fs::canonicalize(folder).map_err(|e| failed(folder, &e))?;
        let said = |key| Message::new(key).with("folder", root.display().to_string()).render();
        let mark = root.join(MARK);
        let empty = fs::read_dir(&root).map_err(|e| failed(&root, &e))?.next().is_none();
        if !empty && !mark.is_file() {
            return Err(said("cli-tour-foreign"));
        }
        let open = OpenOptions::new().create(true).append(true).open(&mark);
        let taken = open.map_err(|e| failed(&mark, &e))?;
        match taken.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(said("cli-tour-busy")),
            Err(TryLockError::Error(e)) => return Err(failed(&mark, &e)),
        }
        let place = Self { root, _taken: taken };
        place.clear()?;
        Ok(place)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The report goes first: an old success must not outlive a new failure.
    fn clear(&self) -> Result<(), String> {
        let failed = |path: &Path, e: &std::io::Error| format!("{}: {e}", path.display());
        for name in REPORTS {
            let path = self.root.join(name);
            if path.exists() {
                fs::remove_file(&path).map_err(|e| failed(&path, &e))?;
            }
        }
        if let Some(lab) = Lab::there(&LabSpec::default(&self.root.join("lab"))) {
            lab.take_down().map_err(|e| e.to_string())?;
        }
        for name in FOLDERS {
            let path = self.root.join(name);
            if path.exists() {
                fs::remove_dir_all(&path).map_err(|e| failed(&path, &e))?;
            }
        }
        for entry in fs::read_dir(&self.root).map_err(|e| failed(&self.root, &e))? {
            let entry = entry.map_err(|e| failed(&self.root, &e))?;
            if is_picture(&entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path()).map_err(|e| failed(&entry.path(), &e))?;
            }
        }
        Ok(())
    }
}

/// `07-item-dark.png`
fn is_picture(name: &str) -> bool {
    let numbered =
        name.split_once('-').is_some_and(|(n, _)| n.len() >= 2 && n.bytes().all(|b| b.is_ascii_digit()));
    numbered && (name.ends_with("-light.png") || name.ends_with("-dark.png"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_tour_begins_anew_and_an_old_success_does_not_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out");
        drop(Place::take(&out).expect("a new folder"));
        fs::write(out.join("report.json"), r#"{"ok": true}"#).expect("written");
        fs::write(out.join("07-item-dark.png"), "picture").expect("written");
        fs::write(out.join("mine.png"), "picture").expect("written");
        fs::create_dir_all(out.join("vault/ca")).expect("made");
        fs::create_dir_all(out.join("lab/stockholm")).expect("made");
        let place = Place::take(&out).expect("its own folder");
        let left: Vec<_> =
            fs::read_dir(place.root()).expect("listed").flatten().map(|e| e.file_name()).collect();
        assert_eq!(left.len(), 2, "the mark and what is somebody else's: {left:?}");
        assert!(out.join("mine.png").is_file());
        let busy = Place::take(&out).expect_err("another one plays");
        assert!(busy.contains("another tour"), "{busy}");
    }

    #[test]
    fn a_foreign_folder_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("lab")).expect("made");
        let refused = Place::take(folder.path()).expect_err("foreign");
        assert!(refused.contains(&*folder.path().to_string_lossy()), "{refused}");
        assert!(folder.path().join("lab").is_dir());
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }
}
