//! The `leeward-agent` program: enrols this host, or runs its service. Reads the clock and the command line; all
//! else is in the library.

use clap::{Parser, Subcommand};
use leeward_agent::{AgentConfig, Host, enrolment, session, startup};
use leeward_fabric::{Accel, QemuDriver, QemuSettings};
use leeward_link::Clock;
use leeward_model::text::text;
use leeward_model::{EvidenceMint, Fault, Message, Moment, Recovery};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// What is asked on the command line.
#[derive(Parser)]
#[command(name = "leeward-agent", version, about = text("agent-about"))]
struct Arguments {
    #[command(subcommand)]
    act: Act,
}

#[derive(Subcommand)]
enum Act {
    #[command(about = text("agent-about-enrol"))]
    Enrol {
        #[arg(long, help = text("agent-arg-config"))]
        config: PathBuf,
        #[arg(long, help = text("agent-arg-key"))]
        key: PathBuf,
    },
    #[command(about = text("agent-about-run"))]
    Run {
        #[arg(long, help = text("agent-arg-config"))]
        config: PathBuf,
    },
}

fn main() -> ExitCode {
    let said = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let locale = ["LEEWARD_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(said);
    leeward_model::text::speak(&leeward_model::text::languages_of(&locale.unwrap_or_default()), &[]);
    let arguments = Arguments::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("LEEWARD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let done = match &arguments.act {
        Act::Enrol { config, key } => enrol(config, key),
        Act::Run { config } => run(config),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn clock() -> Clock {
    Clock::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, Box<Fault>> {
    // Requests that wait hold a thread each.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4_096)
        .enable_all()
        .build();
    runtime.map_err(|e| broken(&e.to_string()))
}

fn broken(detail: &str) -> Box<Fault> {
    Box::new(Fault::new("agent-broken", "leeward-agent", detail.to_owned(), Recovery::NeedsPerson))
}

fn enrol(config: &Path, key: &Path) -> Result<(), Box<Fault>> {
    let config = AgentConfig::read(config)?;
    // A running agent would go on under the identity it has read, and write it back.
    let _alone = alone(&config)?;
    let identity = runtime()?.block_on(enrolment::enrol(&config, key, clock()))?;
    let said = Message::new("agent-enrolled")
        .with("host", &config.name)
        .with("vault", &identity.vault_name)
        .with("agent", identity.agent.to_string());
    println!("{}", said.render());
    Ok(())
}

fn run(config: &Path) -> Result<(), Box<Fault>> {
    let config = AgentConfig::read(config)?;
    let _alone = alone(&config)?;
    let (identity, known, trust) = enrolment::identity(&config, clock())?;
    let mut settings = QemuSettings::default();
    if settings.kvm_usable() {
        settings.accel = Accel::Kvm;
    }
    let driver = QemuDriver::new(settings);
    // The only place of the product that grants it.
    let mint = EvidenceMint::grant();
    let host = Host::new(config, driver, identity.agent, mint, trust, &known.peers)?;
    let host = Arc::new(host);
    session::listen(&host).map_err(|e| Box::new(e.fault()))?;
    startup::begin(&host).map_err(|e| broken(&e.to_string()))?;
    tracing::info!(agent = %identity.agent, vault = identity.vault_name, "the agent runs");
    let runtime = runtime()?;
    runtime.block_on(async {
        tokio::select! {
            () = session::keep(Arc::clone(&host), identity) => {}
            () = told_to_stop() => tracing::info!("told to stop; guests run on"),
        }
    });
    // Workers may be in the middle of a transfer: everything they do survives an end at any instant.
    std::process::exit(0)
}

/// One agent for a data folder: two would take each other's machines.
fn alone(config: &AgentConfig) -> Result<std::fs::File, Box<Fault>> {
    let path = config.data.join("agent.lock");
    let open = || {
        std::fs::create_dir_all(&config.data)?;
        std::fs::File::create(&path)
    };
    let file = open().map_err(|e| broken(&format!("{}: {e}", path.display())))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(|e| {
        Box::new(Fault::new(
            "agent-runs-already",
            &config.data.display().to_string(),
            e.to_string(),
            Recovery::NeedsPerson,
        ))
    })?;
    Ok(file)
}

async fn told_to_stop() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminated => {}
        interrupted = tokio::signal::ctrl_c() => {
            if interrupted.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
