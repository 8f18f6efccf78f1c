//! The command line: every verb of the window as a command, lists, the vault, the engine as a service.
//!
//! | file | what it is |
//! |---|---|
//! | `grammar`, `arguments`, `reference` | the command line as a whole, shared arguments, the generated page |
//! | `forms/` | verb by verb: its arguments and the commands they make |
//! | `looks/` | what can be looked at |
//! | `connect`, `session` | finding an engine or starting one; talking to it |
//! | `act`, `watch` | giving a command; following its job |
//! | `vault`, `service`, `window`, `starter`, `lab` | commands that are no verbs; what the window's first page can do |
//! | `resolve`, `places`, `language` | names to ids; what is remembered for the user; in which language it is said |
//! | `words`, `table`, `output`, `exit` | how it is said, where, and with which exit code |

mod act;
mod arguments;
mod connect;
mod exit;
mod forms;
mod grammar;
mod lab;
mod language;
mod looks;
mod output;
mod places;
mod reference;
mod resolve;
mod service;
mod session;
mod starter;
mod table;
mod vault;
mod watch;
mod window;
mod words;

use clap::ArgMatches;
use exit::{Exit, Stop};
use leeward_engine::shell::{Clock, SystemClock};
use leeward_model::{JobState, Message, Moment, Verb};
use output::Output;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Runs the program and says how it ended.
pub(crate) fn run() -> ExitCode {
    language::take();
    let matches = match grammar::program().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are asked for; everything else is a mistake on the command line.
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            error.print().ok();
            return ExitCode::from(code.code());
        }
    };
    let out = Output::new(matches.get_flag("json"));
    let done = log_to(&matches).and_then(|()| dispatch(&matches, &out));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            out.error(&stop);
            ExitCode::from(stop.exit().code())
        }
    }
}

fn dispatch(matches: &ArgMatches, out: &Output) -> Result<(), Stop> {
    match matches.subcommand() {
        None => window::open(matches, out),
        Some(("tour", args)) => window::tour(args),
        Some(("vault", args)) => vault::run(args, out),
        Some(("engine", args)) => service::run(args, out),
        Some(("lab", args)) => lab::run(args, out),
        Some(("verbs", args)) => {
            match (args.get_flag("markdown"), out.is_json()) {
                (true, _) => out.page(&reference::markdown()),
                (false, true) => out.json(&reference::json()),
                (false, false) => out.page(&reference::plain()),
            }
            Ok(())
        }
        Some((noun, args)) => {
            let (path, args) = match args.subcommand() {
                Some((leaf, inner)) => (format!("{noun} {leaf}"), inner),
                None => (noun.to_owned(), args),
            };
            command(&path, args, out)
        }
    }
}

/// A verb or a look.
fn command(path: &str, args: &ArgMatches, out: &Output) -> Result<(), Stop> {
    let form = Verb::all().find(|v| v.decl().cli == path).and_then(forms::of);
    let look = looks::ALL.iter().find(|l| l.path == path);
    let connected = connect::connect(args, out)?;
    let session = &connected.session;
    if let Some(form) = form {
        act::act(form, args, session, out)?;
    } else if path == "job watch" {
        follow(args, session, out)?;
    } else if let Some(look) = look {
        let snapshot = session.snapshot();
        out.show(&(look.show)(&looks::Asked { args, snapshot: &snapshot, now: now() })?);
    }
    connected.end()
}

fn follow(args: &ArgMatches, session: &session::Session, out: &Output) -> Result<(), Stop> {
    let id = resolve::job(&session.snapshot(), arguments::of(args, "job"))?.id;
    let timeout =
        args.get_one::<i64>("timeout").and_then(|s| u64::try_from(*s).ok()).map(Duration::from_secs);
    let ended = watch::follow(session, &[id], None, timeout, now, |line| out.progress(line))?;
    out.json(&serde_json::json!({ "jobs": ended.iter().map(looks::json).collect::<Vec<_>>() }));
    watch::verdict(&ended, JobState::Succeeded)
}

/// The log goes to a file or to standard error. Without being asked for only warnings are written.
fn log_to(matches: &ArgMatches) -> Result<(), Stop> {
    let service = matches.subcommand_name() == Some("engine");
    let filter = matches
        .get_one::<String>("log")
        .map_or(if service { "info,sqlx=warn" } else { "error" }, String::as_str);
    let parsed = tracing_subscriber::EnvFilter::try_new(filter).map_err(|e| {
        Stop::usage(Message::new("cli-log-bad").with("filter", filter).with("why", e.to_string()))
    })?;
    let builder = tracing_subscriber::fmt().with_env_filter(parsed);
    match matches.get_one::<PathBuf>("log-file") {
        None => builder.with_writer(std::io::stderr).init(),
        Some(path) => {
            let file = std::fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|e| Stop::file(path, &e))?;
            builder.with_ansi(false).with_writer(std::sync::Mutex::new(file)).init();
        }
    }
    Ok(())
}

/// Now, by this computer's clock.
pub(crate) fn now() -> Moment {
    SystemClock.now()
}
