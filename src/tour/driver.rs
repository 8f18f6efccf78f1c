//! Steers the window for the tour: goes where a picture is wanted, waits until it stands still, takes it. Apart
//! from `camera`, the tour's end, which knows no window.

use super::PATIENCE;
use super::camera::{Scene, Shot};
use leeward_desktop::{Dialog, Director, Driver, Route};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A console's picture comes from the other site.
const CONSOLE_PATIENCE: Duration = Duration::from_secs(4);

/// The driver.
pub(super) struct TourDriver {
    asked: mpsc::Receiver<Shot>,
    under_way: Option<(Shot, Phase)>,
}

enum Phase {
    /// Not before.
    Settles(Instant),
    /// The frame is being written.
    Shoots,
}

impl TourDriver {
    pub(super) const fn new(asked: mpsc::Receiver<Shot>) -> Self {
        Self { asked, under_way: None }
    }
}

impl Driver for TourDriver {
    fn drive(&mut self, window: &mut Director<'_>) {
        window.wake_after(Duration::from_millis(50));
        match self.under_way.take() {
            None => match self.asked.try_recv() {
                Ok(shot) => {
                    let patience = show(window, &shot);
                    self.under_way = Some((shot, Phase::Settles(Instant::now() + patience)));
                }
                Err(mpsc::TryRecvError::Empty) => {}
                // The story is over.
                Err(mpsc::TryRecvError::Disconnected) => window.close(),
            },
            Some((shot, Phase::Settles(until))) => {
                if Instant::now() >= until && window.settled() {
                    window.shoot(shot.file.clone());
                    self.under_way = Some((shot, Phase::Shoots));
                } else {
                    self.under_way = Some((shot, Phase::Settles(until)));
                }
            }
            Some((shot, Phase::Shoots)) => match window.shot() {
                Some(done) => {
                    window.close_dialog();
                    // Whoever waited may have given up.
                    shot.done.send(done).ok();
                }
                None => self.under_way = Some((shot, Phase::Shoots)),
            },
        }
    }
}

/// Goes to a scene; how long it may take to show everything.
fn show(window: &mut Director<'_>, shot: &Shot) -> Duration {
    window.dark(shot.dark);
    let route = match &shot.scene {
        Scene::Overview => Route::Overview,
        Scene::Items => Route::Items,
        Scene::Item(item) => Route::Item(*item),
        Scene::Jobs => Route::Jobs,
        Scene::Job(job) => Route::Job(*job),
        Scene::Servers => Route::Servers,
        Scene::Policies => Route::Policies,
        Scene::Events => Route::Events,
        Scene::Console(item, test) => Route::Console { item: *item, test: *test },
        Scene::Dialog(item, verb) => {
            window.go(Route::Item(*item));
            window.open(Dialog::ItemVerb { verb: *verb, items: vec![*item], test: None });
            return PATIENCE * 2;
        }
    };
    window.go(route);
    if matches!(shot.scene, Scene::Console(..)) { CONSOLE_PATIENCE } else { PATIENCE }
}
