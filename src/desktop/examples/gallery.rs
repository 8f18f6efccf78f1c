//! Opens the real window over a made-up world and takes pictures of its blades:
//! `cargo run -p leeward-desktop --features sample --example gallery -- FOLDER`. Without a folder the window stays.

use leeward_desktop::sample::{self, Stage};
use leeward_desktop::{Director, Driver, Route, RunOptions, Start};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

/// Goes to each blade in turn and takes its picture.
struct Tour {
    folder: PathBuf,
    stops: VecDeque<(String, Route, bool)>,
    going: Option<String>,
    shooting: bool,
}

impl Driver for Tour {
    fn drive(&mut self, stage: &mut Director<'_>) {
        if self.shooting {
            match stage.shot() {
                None => return stage.wake_after(Duration::from_millis(20)),
                Some(Ok(())) => self.shooting = false,
                Some(Err(why)) => {
                    eprintln!("{why}");
                    return stage.close();
                }
            }
        }
        if let Some(name) = self.going.take() {
            if stage.settled() {
                stage.shoot(self.folder.join(name));
                self.shooting = true;
            } else {
                self.going = Some(name);
            }
            return;
        }
        match self.stops.pop_front() {
            Some((name, route, dark)) => {
                stage.dark(dark);
                stage.go(route);
                self.going = Some(name);
            }
            None => stage.close(),
        }
    }
}

fn stops() -> VecDeque<(String, Route, bool)> {
    let item = sample::lab().items.first().map(|i| Route::Item(i.id));
    let routes = [
        ("overview", Some(Route::Overview)),
        ("items", Some(Route::Items)),
        ("item", item),
        ("jobs", Some(Route::Jobs)),
        ("servers", Some(Route::Servers)),
        ("policies", Some(Route::Policies)),
        ("events", Some(Route::Events)),
        ("enable", Some(Route::Enable)),
    ];
    let mut stops = VecDeque::new();
    for (dark, theme) in [(false, "light"), (true, "dark")] {
        for (name, route) in &routes {
            if let Some(route) = route {
                stops.push_back((format!("{name}-{theme}.png"), route.clone(), dark));
            }
        }
    }
    stops
}

fn main() -> Result<(), leeward_desktop::RunError> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let driver = folder.map(|folder| {
        Box::new(Tour { folder, stops: stops(), going: None, shooting: false }) as Box<dyn Driver>
    });
    let stage = Stage::new(sample::lab());
    let options = RunOptions {
        initial: Route::Overview,
        dark: None,
        size: Some((1440.0, 900.0)),
        driver,
        clock: sample::clock,
        preferences: None,
    };
    leeward_desktop::run(Start::Connected(stage.connected()), options)
}
