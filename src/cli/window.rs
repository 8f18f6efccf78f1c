//! `leeward` without a command: the window. It holds the two ends of an engine and cannot name it; this file
//! brings them together.

use super::exit::{Exit, Stop};
use super::output::Output;
use super::places;
use clap::ArgMatches;
use leeward_model::Message;

pub(crate) fn open(_args: &ArgMatches, _out: &Output) -> Result<(), Stop> {
    if !places::display() {
        return Err(Stop::Said(Exit::Trouble, Message::new("cli-no-display")));
    }
    Ok(())
}

pub(crate) fn tour(_args: &ArgMatches) -> Result<(), Stop> {
    Ok(())
}
