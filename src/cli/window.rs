//! `leeward` without a command: the window, and `leeward tour`, which steers one. The window holds the two ends of
//! an engine and cannot name it; this file brings them together.

use super::connect::{self, Ends};
use super::exit::{Exit, Stop};
use super::output::Output;
use super::{now, places, starter};
use clap::ArgMatches;
use leeward_desktop::{Connected, Route, RunOptions, Start, StartWish, Startup};
use leeward_model::Message;
use std::path::PathBuf;

/// Opens the window: on the engine that the arguments name, on a lab, on the vault used last, or on the page that
/// asks.
pub(crate) fn open(args: &ArgMatches, _out: &Output) -> Result<(), Stop> {
    if !places::display() {
        return Err(Stop::Said(Exit::Trouble, Message::new("cli-no-display")));
    }
    let dark = match args.get_one::<String>("theme").map(String::as_str) {
        Some("dark") => Some(true),
        Some("light") => Some(false),
        _ => None,
    };
    let options = RunOptions {
        initial: Route::Overview,
        dark,
        size: None,
        driver: None,
        clock: now,
        preferences: places::window_preferences(),
    };
    let mut engines = None;
    let mut choose = |wish: Option<StartWish>| {
        let mut starter = starter::Starter::new();
        engines = Some(starter.engines());
        if let Some(wish) = wish {
            starter.begin(wish);
        }
        Start::Choose(Box::new(starter))
    };
    let start = if let Some(folder) = args.get_one::<PathBuf>("lab") {
        choose(Some(StartWish::MakeLab { folder: folder.clone() }))
    } else if named(args) {
        let ends = connect::ends(args, |_| {})?;
        let connected = connected(&ends);
        let starter = starter::Starter::new();
        starter.hold(ends);
        engines = Some(starter.engines());
        Start::Open(connected, Box::new(starter))
    } else {
        choose(places::last_vault().filter(|p| p.exists()).map(StartWish::Open))
    };
    let shown = leeward_desktop::run(start, options);
    // An engine of our own ends in order with the window; agents go on without it.
    engines.map_or(Ok(()), starter::Engines::stop)?;
    shown.map_err(|e| Stop::Said(Exit::Trouble, Message::new("cli-window-failed").with("why", e.to_string())))
}

fn named(args: &ArgMatches) -> bool {
    args.get_one::<String>("engine").is_some() || args.get_one::<PathBuf>("vault").is_some()
}

/// What the window holds of an engine.
pub(super) fn connected(ends: &Ends) -> Connected {
    let feed = ends.feed();
    let title = feed.latest().vault.name.clone();
    Connected { sink: ends.sink(), feed, title }
}

pub(crate) fn tour(args: &ArgMatches) -> Result<(), Stop> {
    let Some(out) = args.get_one::<PathBuf>("out") else { return Ok(()) };
    let window = !args.get_flag("no-window");
    if window && !places::display() {
        return Err(Stop::Said(Exit::Trouble, Message::new("cli-no-display")));
    }
    match crate::tour::run(out, window) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Stop::Said(Exit::Failed, Message::new("cli-tour-failed"))),
        Err(why) => Err(Stop::Said(Exit::Failed, Message::new("cli-tour-broken").with("why", why))),
    }
}
