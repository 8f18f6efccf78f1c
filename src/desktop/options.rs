//! How the window is opened and steered from outside: its options, its start, and the driver of a tour. Apart from
//! `app`, which is the window.

use crate::action::Dialog;
use crate::route::Route;
use egui::Context;
use leeward_model::{CommandSink, Fault, Moment, SnapshotFeed};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How the window is opened.
pub struct RunOptions {
    /// The first blade.
    pub initial: Route,
    /// Dark, light, or as last time.
    pub dark: Option<bool>,
    /// Inner size in points; none: as last time.
    pub size: Option<(f32, f32)>,
    /// Steers the window, for a tour.
    pub driver: Option<Box<dyn Driver>>,
    /// What time it is.
    pub clock: fn() -> Moment,
    /// File in which the theme is kept for the next time; none: nowhere.
    pub preferences: Option<PathBuf>,
}

/// What a window holds of an engine.
pub struct Connected {
    /// Where commands go.
    pub sink: Arc<dyn CommandSink>,
    /// Where snapshots come from.
    pub feed: Arc<dyn SnapshotFeed>,
    /// Name of the vault, for the window's title.
    pub title: String,
}

/// What the window begins with.
pub enum Start {
    /// An engine is there.
    Connected(Connected),
    /// The same, and what another vault can be chosen with.
    Open(Connected, Box<dyn Startup>),
    /// A page that asks for a vault.
    Choose(Box<dyn Startup>),
}

/// What a person wants on the first page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StartWish {
    /// Open the vault in a folder.
    Open(PathBuf),
    /// Make a vault.
    Create {
        /// Its folder.
        path: PathBuf,
        /// Its name.
        name: String,
        /// Where hosts reach its engine: `HOST:PORT`.
        addr: String,
    },
    /// Make the sample lab and open its vault.
    MakeLab {
        /// Its folder.
        folder: PathBuf,
    },
}

/// How far a wish has come.
pub enum StartProgress {
    /// Nothing was asked.
    Idle,
    /// Under way.
    Working {
        /// What is being done.
        text: String,
        /// Share done, 0.0 to 1.0.
        fraction: f32,
    },
    /// Done.
    Ready(Connected),
    /// Not done.
    Failed(Fault),
}

/// Opens and makes vaults, on a thread of its own.
pub trait Startup: Send {
    /// Vaults used lately, newest first.
    fn recent(&self) -> Vec<PathBuf>;
    /// Where a new vault is made unless a person says otherwise.
    fn default_vault(&self) -> PathBuf;
    /// Where hosts reach the engine of a new vault unless a person says otherwise.
    fn default_addr(&self) -> String;
    /// Begins; returns at once.
    fn begin(&mut self, wish: StartWish);
    /// How far it is. `Ready` and `Failed` are given once.
    fn poll(&mut self) -> StartProgress;
}

/// Steers a window. Called in each pass of its logic; returns at once.
pub trait Driver: Send {
    /// May look at the stage and ask for things.
    fn drive(&mut self, stage: &mut Director<'_>);
}

/// What a driver asked for in one pass.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Go(Route),
    Open(Dialog),
    CloseDialog,
    Dark(bool),
    Close,
}

/// What a driver sees of the window and asks of it.
pub struct Director<'a> {
    pub(crate) ctx: &'a Context,
    pub(crate) directions: Vec<Direction>,
    pub(crate) settled: bool,
    pub(crate) pending: &'a mut Option<Receiver<Result<(), String>>>,
}

impl Director<'_> {
    /// Goes to a blade.
    pub fn go(&mut self, route: Route) {
        self.directions.push(Direction::Go(route));
    }

    /// Opens a dialog.
    pub fn open(&mut self, dialog: Dialog) {
        self.directions.push(Direction::Open(dialog));
    }

    /// Closes the dialog that is open.
    pub fn close_dialog(&mut self) {
        self.directions.push(Direction::CloseDialog);
    }

    /// Chooses the theme.
    pub fn dark(&mut self, dark: bool) {
        self.directions.push(Direction::Dark(dark));
    }

    /// Whether two frames were drawn since the last direction.
    #[must_use]
    pub const fn settled(&self) -> bool {
        self.settled
    }

    /// Writes what the window's framebuffer holds to a PNG file.
    pub fn shoot(&mut self, path: PathBuf) {
        let (done, answer) = channel();
        let wake = self.ctx.clone();
        self.ctx.request_screenshot(move |image| {
            let written = crate::shot::write(&image, &path).map_err(|e| format!("{}: {e}", path.display()));
            // The window may have closed meanwhile: then nobody waits for the answer.
            done.send(written).ok();
            wake.request_repaint();
        });
        self.ctx.request_repaint();
        *self.pending = Some(answer);
    }

    /// Whether the picture has been written; taken once.
    pub fn shot(&mut self) -> Option<Result<(), String>> {
        let answer = self.pending.as_ref().and_then(|p| p.try_recv().ok())?;
        *self.pending = None;
        Some(answer)
    }

    /// Closes the window.
    pub fn close(&mut self) {
        self.directions.push(Direction::Close);
    }

    /// Calls the driver again after this time even if nothing else happens.
    pub fn wake_after(&self, wait: Duration) {
        self.ctx.request_repaint_after(wait);
    }
}
