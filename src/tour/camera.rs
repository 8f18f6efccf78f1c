//! Pictures of the real window: the tour asks, the window's driver goes there and answers with the file.
//! Apart from the stages, which must not know how a window is steered.

use leeward_model::{ItemId, JobId, TestId};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

/// What the picture should show.
#[derive(Clone, Debug)]
pub(crate) enum Scene {
    /// Vault overview.
    Overview,
    /// List of replicated items.
    Items,
    /// One item.
    Item(ItemId),
    /// List of jobs.
    Jobs,
    /// One job.
    Job(JobId),
    /// Servers and registration keys.
    Servers,
    /// Replication policies.
    Policies,
    /// Events.
    Events,
    /// Console of a test failover.
    Console(ItemId, TestId),
    /// The dialog of a verb on an item.
    Dialog(ItemId, leeward_model::Verb),
}

/// One request to the window.
#[derive(Debug)]
pub(crate) struct Shot {
    /// What to show.
    pub(crate) scene: Scene,
    /// Dark theme, else light.
    pub(crate) dark: bool,
    /// Where the PNG goes.
    pub(crate) file: PathBuf,
    /// Answered when the file is written.
    pub(crate) done: mpsc::Sender<Result<(), String>>,
}

/// The tour's end of the camera.
pub(crate) struct Camera {
    requests: Option<mpsc::Sender<Shot>>,
    folder: PathBuf,
    count: u32,
}

impl Camera {
    /// A camera before a window.
    pub(crate) fn before(requests: mpsc::Sender<Shot>, folder: &Path) -> Self {
        Self { requests: Some(requests), folder: folder.to_owned(), count: 0 }
    }

    /// No window: no pictures, and the report shows none.
    pub(crate) fn without_window(folder: &Path) -> Self {
        Self { requests: None, folder: folder.to_owned(), count: 0 }
    }

    /// Takes a picture in both themes and returns the file names.
    pub(crate) fn take(&mut self, name: &str, scene: &Scene) -> Result<Vec<String>, String> {
        let Some(requests) = &self.requests else { return Ok(Vec::new()) };
        self.count += 1;
        let mut names = Vec::new();
        for (dark, theme) in [(false, "light"), (true, "dark")] {
            let file_name = format!("{:02}-{name}-{theme}.png", self.count);
            let (done, answer) = mpsc::channel();
            let shot = Shot { scene: scene.clone(), dark, file: self.folder.join(&file_name), done };
            requests.send(shot).map_err(|_gone| "the window has been closed".to_owned())?;
            match answer.recv_timeout(Duration::from_secs(60)) {
                Ok(Ok(())) => names.push(file_name),
                Ok(Err(why)) => return Err(format!("picture {file_name}: {why}")),
                Err(_) => return Err(format!("picture {file_name}: the window did not answer within 60 s")),
            }
        }
        Ok(names)
    }
}
