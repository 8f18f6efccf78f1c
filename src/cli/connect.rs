//! Finding the engine of a vault: the one that runs, reached through what the vault's folder says; the one at
//! `--engine`; or one of our own for as long as the command takes. Apart from `session`, which no longer knows
//! which of them it was.

use super::exit::{Exit, Stop};
use super::output::Output;
use super::places;
use super::session::Session;
use clap::ArgMatches;
use leeward_engine::operator::{Attached, Credentials};
use leeward_engine::shell::{Engine, EngineHandle, EngineOptions};
use leeward_engine::vault::{DEFAULT_PORT, VaultError, VaultFolder};
use leeward_model::{CommandSink, Message, SnapshotFeed};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long attaching may take.
pub(crate) const ATTACH: Duration = Duration::from_secs(15);

/// A session and what stands behind it.
pub(crate) struct Connected {
    pub(crate) session: Session,
    own: Option<EngineHandle>,
}

/// Both ends of an engine that runs somewhere else, or here.
pub(crate) enum Ends {
    Attached(Attached),
    Own(EngineHandle),
}

impl Ends {
    /// Ends an engine of our own in order; one that was attached to goes on.
    pub(crate) fn stop(self) -> Result<(), Stop> {
        match self {
            Self::Attached(_) => Ok(()),
            Self::Own(handle) => handle.stop().map_err(|fault| Stop::Fault(Exit::Failed, fault)),
        }
    }

    pub(crate) fn sink(&self) -> Arc<dyn CommandSink> {
        match self {
            Self::Attached(attached) => attached.sink(),
            Self::Own(handle) => handle.sink(),
        }
    }

    pub(crate) fn feed(&self) -> Arc<dyn SnapshotFeed> {
        match self {
            Self::Attached(attached) => attached.feed(),
            Self::Own(handle) => handle.feed(),
        }
    }
}

impl Connected {
    /// Ends an engine of our own in order.
    pub(crate) fn end(self) -> Result<(), Stop> {
        let Some(handle) = self.own else { return Ok(()) };
        drop(self.session);
        handle.stop().map_err(|fault| Stop::Fault(Exit::Failed, fault))
    }
}

/// Connects the way the arguments say.
pub(crate) fn connect(args: &ArgMatches, out: &Output) -> Result<Connected, Stop> {
    let ends = ends(args, |path| {
        let line = Message::new("cli-own-engine").with("path", path);
        out.progress(&line.render());
    })?;
    let own = matches!(ends, Ends::Own(_));
    let session = Session::new(ends.sink(), ends.feed(), own);
    let own = match ends {
        Ends::Own(handle) => Some(handle),
        // The client lives on in the two ends.
        Ends::Attached(_) => None,
    };
    Ok(Connected { session, own })
}

/// The engine that the arguments mean.
pub(crate) fn ends(args: &ArgMatches, say_own: impl Fn(&str)) -> Result<Ends, Stop> {
    let vault = args.get_one::<PathBuf>("vault");
    if let Some(engine) = args.get_one::<String>("engine") {
        let credentials = remote_credentials(args, engine)?;
        return attach(&address(engine)?, &credentials).map(Ends::Attached);
    }
    let root = places::vault(vault)?;
    let folder = VaultFolder::at(&root).map_err(unreachable)?;
    let ends = of_folder(&folder, say_own)?;
    places::remember_vault(folder.root());
    Ok(ends)
}

/// The engine of a folder: the one that runs, else one of our own.
pub(crate) fn of_folder(folder: &VaultFolder, say_own: impl Fn(&str)) -> Result<Ends, Stop> {
    if let Some(holder) = folder.holder()
        && !holder.addr.is_empty()
    {
        let credentials = Credentials::of_vault(folder).map_err(unreachable)?;
        return attach(&holder.addr, &credentials).map(Ends::Attached);
    }
    say_own(&folder.root().display().to_string());
    match Engine::start(folder, options(None, Vec::new())) {
        Ok(handle) => Ok(Ends::Own(handle)),
        // Somebody was faster: attach to them.
        Err(VaultError::Held { by: Some(by), .. }) if !by.addr.is_empty() => {
            let credentials = Credentials::of_vault(folder).map_err(unreachable)?;
            attach(&by.addr, &credentials).map(Ends::Attached)
        }
        Err(error) => Err(unreachable(error)),
    }
}

/// Options of an engine that this program runs.
pub(crate) fn options(listen: Option<String>, advertise: Vec<String>) -> EngineOptions {
    EngineOptions {
        listen,
        advertise,
        host: places::host(),
        user: places::user(),
        ..EngineOptions::default()
    }
}

pub(crate) fn unreachable(error: VaultError) -> Stop {
    Stop::Fault(Exit::Unreachable, Box::new(error.fault()))
}

fn attach(addr: &str, credentials: &Credentials) -> Result<Attached, Stop> {
    Attached::connect(addr, credentials, &places::user(), ATTACH)
        .map_err(|fault| Stop::Fault(Exit::Unreachable, fault))
}

fn remote_credentials(args: &ArgMatches, engine: &str) -> Result<Credentials, Stop> {
    if let Some(file) = args.get_one::<PathBuf>("credentials") {
        return Credentials::read(file).map_err(unreachable);
    }
    match places::vault(args.get_one::<PathBuf>("vault")) {
        Ok(root) => {
            let folder = VaultFolder::at(&root).map_err(unreachable)?;
            Credentials::of_vault(&folder).map_err(unreachable)
        }
        Err(_) => Err(Stop::usage(Message::new("cli-no-credentials").with("engine", engine))),
    }
}

/// `HOST` or `HOST:PORT` with the port filled in; IPv6 addresses stand in brackets when a port follows.
fn address(word: &str) -> Result<String, Stop> {
    let bad = || Stop::usage(Message::new("cli-engine-bad-addr").with("addr", word));
    if word.is_empty() || word.contains(char::is_whitespace) {
        return Err(bad());
    }
    if let Ok(ip) = word.parse::<std::net::Ipv6Addr>() {
        return Ok(format!("[{ip}]:{DEFAULT_PORT}"));
    }
    match word.rsplit_once(':') {
        Some((host, port)) if !word.ends_with(']') => {
            let port: u16 = port.parse().ok().ok_or_else(bad)?;
            if host.is_empty() { Err(bad()) } else { Ok(format!("{host}:{port}")) }
        }
        _ => Ok(format!("{word}:{DEFAULT_PORT}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_addresses_get_the_port_they_leave_out() {
        assert_eq!(address("dr.example").expect("good"), "dr.example:8443");
        assert_eq!(address("dr.example:9000").expect("good"), "dr.example:9000");
        assert_eq!(address("::1").expect("good"), "[::1]:8443");
        assert_eq!(address("[::1]").expect("good"), "[::1]:8443");
        assert_eq!(address("[::1]:9").expect("good"), "[::1]:9");
        for bad in ["", ":1", "a:b", "a b", "a:99999"] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
