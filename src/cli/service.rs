//! `leeward engine`: the engine without a window, until it is told to stop.

use super::connect::unreachable;
use super::exit::{Exit, Stop};
use super::output::Output;
use super::{places, vault};
use clap::ArgMatches;
use leeward_engine::shell::Engine;
use leeward_engine::vault::VaultFolder;
use leeward_model::Message;
use std::path::PathBuf;

pub(crate) fn run(args: &ArgMatches, out: &Output) -> Result<(), Stop> {
    let folder = VaultFolder::at(&places::vault(args.get_one::<PathBuf>("vault"))?).map_err(unreachable)?;
    let handle = Engine::start(&folder, vault::engine_options(args)).map_err(unreachable)?;
    places::remember_vault(folder.root());
    let name = handle.feed().latest().vault.name.clone();
    let runs = Message::new("cli-engine-runs").with("name", name).with("addr", handle.addr().to_string());
    let (addr, to) = (handle.addr().to_string(), *out);
    // Said only once it can be stopped in order: whoever waits for this line may do that at once.
    let listening = move || {
        to.say(&runs.render());
        to.json(&serde_json::json!({ "listening": addr, "pid": std::process::id() }));
    };
    // Ends when a signal comes or the engine stops by itself.
    let ended = handle.run_until(stop_signal(listening));
    match ended {
        Ok(()) => {
            out.say(&leeward_model::text::text("cli-engine-stopped"));
            Ok(())
        }
        Err(fault) => Err(Stop::Fault(Exit::Failed, fault)),
    }
}

/// Ctrl+C, or SIGTERM where there is such a thing.
async fn stop_signal(listening: impl FnOnce()) {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut ends = match signal(SignalKind::terminate()) {
            Ok(ends) => ends,
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be listened to; Ctrl+C still stops the engine");
                listening();
                tokio::signal::ctrl_c().await.ok();
                return;
            }
        };
        listening();
        tokio::select! {
            _ = ends.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
    }
    #[cfg(not(unix))]
    {
        listening();
        tokio::signal::ctrl_c().await.ok();
    }
}
