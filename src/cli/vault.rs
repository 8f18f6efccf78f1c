//! `leeward vault ...`: making a vault and looking at it. No verbs: they act on a vault that is open.

use super::connect::unreachable;
use super::exit::{Exit, Stop};
use super::output::Output;
use super::{connect, looks, places, words};
use clap::ArgMatches;
use leeward_engine::operator::Credentials;
use leeward_engine::records::{AuditEntry, AuditPhase};
use leeward_engine::store::AuditVerdict;
use leeward_engine::vault::{self as engine_vault, Listen, VaultFolder};
use leeward_model::{Message, text};
use std::path::PathBuf;

pub(crate) fn run(args: &ArgMatches, out: &Output) -> Result<(), Stop> {
    match args.subcommand() {
        Some(("create", args)) => create(args, out),
        Some(("show", args)) => show(args, out),
        Some(("audit", args)) => audit(args, out),
        Some(("export-credentials", args)) => export(args, out),
        _ => Ok(()),
    }
}

fn folder(args: &ArgMatches) -> Result<VaultFolder, Stop> {
    let named = args.get_one::<PathBuf>("folder").or_else(|| args.get_one::<PathBuf>("vault"));
    VaultFolder::at(&places::vault(named)?).map_err(unreachable)
}

fn create(args: &ArgMatches, out: &Output) -> Result<(), Stop> {
    let root = places::vault(args.get_one::<PathBuf>("folder"))?;
    let name = args.get_one::<String>("name").map(String::as_str).unwrap_or_default();
    let listen = listen_of(args);
    let folder =
        engine_vault::create(&root, name, &listen, &places::user(), &leeward_engine::shell::SystemClock)
            .map_err(unreachable)?;
    places::remember_vault(folder.root());
    let made = Message::new("cli-vault-made")
        .with("name", name)
        .with("path", folder.root().display().to_string())
        .with("listen", listen.listen.clone());
    out.say(&made.render());
    out.json(&serde_json::json!({ "vault": folder.root(), "name": name, "listen": listen }));
    Ok(())
}

/// What the arguments say about where the engine listens; the default for the rest.
fn listen_of(args: &ArgMatches) -> Listen {
    let mut listen = Listen::default();
    let advertise: Vec<String> =
        args.get_many::<String>("advertise").into_iter().flatten().cloned().collect();
    if let Some(addr) = args.get_one::<String>("listen") {
        listen.listen.clone_from(addr);
        listen.advertise = vec![addr.clone()];
    }
    if !advertise.is_empty() {
        listen.advertise = advertise;
    }
    listen
}

fn show(args: &ArgMatches, out: &Output) -> Result<(), Stop> {
    let folder = folder(args)?;
    let running = folder.holder();
    let listen = folder.listen().map_err(unreachable)?;
    let known = engine_vault::about(&folder).map_err(unreachable)?;
    let engine = running.as_ref().map_or_else(
        || text::text("cli-vault-not-running"),
        |by| {
            Message::new("cli-vault-running")
                .with("pid", by.pid.to_string())
                .with("host", &by.host)
                .with("addr", &by.addr)
                .with("since", words::exact(by.since))
                .render()
        },
    );
    let facts = vec![
        (text::text("cli-col-name"), known.name.clone()),
        (text::text("cli-col-id"), known.id.to_string()),
        (text::text("cli-col-path"), folder.root().display().to_string()),
        (text::text("cli-col-created"), words::exact(known.created)),
        (text::text("cli-col-listens"), listen.listen.clone()),
        (text::text("cli-col-advertised"), listen.advertise.join(", ")),
        (text::text("cli-col-engine"), engine),
    ];
    let json = serde_json::json!({
        "id": known.id, "name": known.name, "created": known.created,
        "folder": folder.root(), "listen": listen, "running": running,
    });
    out.show(&looks::Shown { parts: vec![looks::Part::Facts(facts)], json });
    Ok(())
}

fn audit(args: &ArgMatches, out: &Output) -> Result<(), Stop> {
    let folder = folder(args)?;
    let most = args.get_one::<u64>("last").copied().unwrap_or(50);
    let read = engine_vault::read_audit(&folder, most).map_err(unreachable)?;
    for entry in read.newest.iter().rev() {
        out.say(&audit_line(entry));
    }
    out.json(&serde_json::json!({ "entries": read.newest, "verdict": read.verdict }));
    match read.verdict {
        AuditVerdict::Whole { entries } => {
            out.progress(&Message::new("cli-audit-sound").with("count", entries).render());
            Ok(())
        }
        AuditVerdict::Broken { entry } => {
            Err(Stop::Said(Exit::Failed, Message::new("cli-audit-broken").with("entry", entry.to_string())))
        }
    }
}

fn audit_line(entry: &AuditEntry) -> String {
    let phase = match &entry.phase {
        AuditPhase::Begun { arguments } if arguments.is_empty() => text::text("cli-audit-begun"),
        AuditPhase::Begun { arguments } => format!("{} {arguments}", text::text("cli-audit-begun")),
        AuditPhase::Refused { why } => format!("{}: {}", text::text("cli-audit-refused"), why.render()),
        AuditPhase::Ended { state } => words::job_state(*state),
    };
    format!("{}  {}  {}  {}  {phase}", words::exact(entry.at), entry.by, entry.verb, entry.target)
}

fn export(args: &ArgMatches, out: &Output) -> Result<(), Stop> {
    let folder = folder(args)?;
    let Some(path) = args.get_one::<PathBuf>("out") else { return Ok(()) };
    let credentials = Credentials::of_vault(&folder).map_err(unreachable)?;
    credentials.write(path).map_err(|e| Stop::Fault(Exit::Trouble, Box::new(e.fault())))?;
    let addr = folder.listen().map_err(unreachable)?.advertise.first().cloned().unwrap_or_default();
    let line =
        Message::new("cli-credentials-written").with("path", path.display().to_string()).with("addr", addr);
    out.say(&line.render());
    out.json(&serde_json::json!({ "file": path }));
    Ok(())
}

/// Where an engine that is started here listens: what the arguments say, else what the vault remembers.
pub(crate) fn engine_options(args: &ArgMatches) -> leeward_engine::shell::EngineOptions {
    let advertise: Vec<String> =
        args.get_many::<String>("advertise").into_iter().flatten().cloned().collect();
    connect::options(args.get_one::<String>("listen").cloned(), advertise)
}
