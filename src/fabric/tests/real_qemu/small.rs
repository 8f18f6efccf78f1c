//! A file system that is soon full. Needs root and a loop device.

use std::path::Path;
use std::process::Command;

/// A file system that is soon full.
pub(crate) struct SmallFileSystem {
    dir: tempfile::TempDir,
}

impl SmallFileSystem {
    /// `None` where none can be mounted.
    pub(crate) fn mount(size_bytes: u64) -> Option<Self> {
        let dir =
            tempfile::Builder::new().prefix("leeward-fabric-small-").tempdir().expect("a small file system");
        let (image, point) = (dir.path().join("image"), dir.path().join("point"));
        std::fs::create_dir(&point).expect("a small file system");
        std::fs::File::create(&image)
            .expect("a small file system")
            .set_len(size_bytes)
            .expect("a small file system");
        let ran = |program: &str, words: &[&Path]| {
            Command::new(program).args(words).output().is_ok_and(|out| out.status.success())
        };
        let made = ran("mkfs.ext4", &[Path::new("-q"), &image]);
        let mounted = made && ran("mount", &[Path::new("-o"), Path::new("loop"), &image, &point]);
        mounted.then_some(Self { dir })
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("point")
    }
}

impl Drop for SmallFileSystem {
    fn drop(&mut self) {
        Command::new("umount").arg(self.path()).status().ok();
    }
}
