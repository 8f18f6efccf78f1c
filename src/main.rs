//! The `leeward` program: the window, every verb as a command, or the engine as a service. Which of them it is
//! stands on the command line; everything else is in `cli`.

mod cli;
mod tour;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
