//! `leeward lab ...`: the sample lab as a whole, beside the window that makes it. No verbs: a lab is hosts on this
//! computer, and no vault knows of it.

use super::connect::{self, Ends};
use super::exit::{Exit, Stop};
use super::output::Output;
use super::starter::wait;
use clap::ArgMatches;
use leeward_engine::vault::VaultFolder;
use leeward_lab::{Lab, LabError, LabSpec, LineSettings, Passes};
use leeward_model::{Accepted, Command, CommandOutcome, JobId, Message, PowerState, Snapshot};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long hosts may take to connect to an engine that has just started.
const CONNECT: Duration = Duration::from_secs(30);
/// How long guests may take to shut down.
const SHUT_DOWN: Duration = Duration::from_secs(180);

pub(crate) fn run(args: &ArgMatches, out: &Output) -> Result<(), Stop> {
    match args.subcommand() {
        Some(("make", args)) => make(args, out),
        Some(("line", args)) => line(args, out),
        Some(("stop", args)) => stop(args, out),
        _ => Ok(()),
    }
}

/// Makes a lab without opening a window on it; with `--wan` one whose hosts have a network of their own.
fn make(args: &ArgMatches, out: &Output) -> Result<(), Stop> {
    let Some(folder) = args.get_one::<PathBuf>("lab-folder") else { return Ok(()) };
    let wan = args.get_one::<String>("wan").map(|word| wan_of(word)).transpose()?;
    let spec = LabSpec::default(folder);
    let spec = if wan.is_some() { spec.with_network() } else { spec };
    let made = leeward_lab::make(&spec, &mut |p| out.progress(&p.what.render())).map_err(|e| failed(&e))?;
    let lab = made.with_agent_program(crate::tour::beside("leeward-agent"));
    if let Some(line) = wan {
        lab.network_up().map_err(|e| failed(&e))?;
        line.write(lab.root()).map_err(|e| failed(&e))?;
    }
    out.say(&Message::new("lab-made").with("folder", lab.root().display().to_string()).render());
    out.json(&serde_json::json!({ "lab": lab.root() }));
    Ok(())
}

/// `50,2`: milliseconds each way, percent lost.
fn wan_of(word: &str) -> Result<LineSettings, Stop> {
    let parts =
        word.split_once(',').and_then(|(delay, loss)| Some((delay.parse().ok()?, loss.parse().ok()?)));
    let good = parts.filter(|(_, loss)| (0.0..=100.0).contains(loss));
    let (delay_ms, loss_percent) =
        good.ok_or_else(|| Stop::usage(Message::new("cli-lab-bad-wan").with("word", word)))?;
    Ok(LineSettings { delay_ms, loss_percent, ..LineSettings::default() })
}

/// Changes what is named of the line, and says how it is.
fn line(args: &ArgMatches, out: &Output) -> Result<(), Stop> {
    let Some(folder) = args.get_one::<PathBuf>("lab-folder") else { return Ok(()) };
    let none = |key| Stop::not_found(Message::new(key).with("folder", folder.display().to_string()));
    let lab = Lab::there(&LabSpec::default(folder)).ok_or_else(|| none("cli-lab-none"))?;
    if lab.spec().network.is_none() {
        return Err(none("cli-lab-no-network"));
    }
    let mut line = LineSettings::read(lab.root()).map_err(|e| failed(&e))?;
    if let Some(wan) = args.get_one::<String>("wan") {
        let asked = wan_of(wan)?;
        line = LineSettings { delay_ms: asked.delay_ms, loss_percent: asked.loss_percent, ..line };
    }
    if let Some(rate) = args.get_one::<u64>("rate") {
        line.bytes_per_sec = *rate;
    }
    match args.get_one::<String>("passes").map(String::as_str) {
        Some("open") => line.passes = Passes::Open,
        Some("stalled") => line.passes = Passes::Stalled,
        Some("cut") => line.passes = Passes::Cut,
        _ => {}
    }
    line.write(lab.root()).map_err(|e| failed(&e))?;
    let said = Message::new("cli-lab-line-is")
        .with("delay", line.delay_ms.to_string())
        .with("loss", line.loss_percent.to_string())
        .with("rate", line.bytes_per_sec.to_string())
        .with("passes", format!("{:?}", line.passes).to_lowercase());
    out.say(&said.render());
    out.json(&serde_json::json!({ "line": line }));
    Ok(())
}

/// Shuts the guests down, then ends the hosts. What does not shut down in time is ended all the same.
fn stop(args: &ArgMatches, out: &Output) -> Result<(), Stop> {
    let Some(folder) = args.get_one::<PathBuf>("lab-folder") else { return Ok(()) };
    let spec = LabSpec::default(folder);
    let lab = Lab::there(&spec).ok_or_else(|| {
        Stop::not_found(Message::new("cli-lab-none").with("folder", folder.display().to_string()))
    })?;
    if runs_guests(&lab)? {
        out.progress(&Message::new("cli-lab-shutting-down").render());
        if let Err(stop) = shut_guests_down(lab.root()) {
            out.progress(&Message::new("cli-lab-not-shut-down").with("why", stop.sentence()).render());
        }
    }
    for host in &spec.hosts {
        lab.stop_site(&host.folder).map_err(|e| failed(&e))?;
    }
    lab.network_down().map_err(|e| failed(&e))?;
    out.say(&Message::new("cli-lab-stopped").with("folder", lab.root().display().to_string()).render());
    out.json(&serde_json::json!({ "lab": lab.root() }));
    Ok(())
}

fn failed(error: &LabError) -> Stop {
    Stop::Fault(Exit::Failed, Box::new(error.fault()))
}

fn runs_guests(lab: &Lab) -> Result<bool, Stop> {
    for host in &lab.spec().hosts {
        if !lab.machine_processes(&host.folder).map_err(|e| failed(&e))?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Through the lab's own vault, as a person would do it.
fn shut_guests_down(root: &Path) -> Result<(), Stop> {
    let folder = VaultFolder::at(&root.join("vault")).map_err(connect::unreachable)?;
    let ends = connect::of_folder(&folder, |_| {})?;
    let done = shut_down_all(&ends);
    ends.stop()?;
    done
}

fn shut_down_all(ends: &Ends) -> Result<(), Stop> {
    let (sink, feed) = (ends.sink(), ends.feed());
    // A host that does not come is ended without.
    wait(CONNECT, || feed.latest().servers.iter().all(|s| s.connected).then_some(()));
    let mut jobs = Vec::new();
    for machine in feed.latest().machines.iter().filter(|m| m.power == PowerState::Running) {
        let receipt = sink.submit(Command::ShutDownMachine { machine: machine.on() });
        if let Some(CommandOutcome::Accepted(Accepted::Jobs(begun))) =
            wait(CONNECT, || sink.take_outcome(receipt))
        {
            jobs.extend(begun);
        }
    }
    let over = |snapshot: &Snapshot, id: JobId| snapshot.job(id).is_none_or(|job| job.state.is_over());
    let all = wait(SHUT_DOWN, || {
        let snapshot = feed.latest();
        jobs.iter().all(|id| over(&snapshot, *id)).then_some(())
    });
    all.ok_or_else(|| Stop::Said(Exit::TimedOut, Message::new("cli-lab-slow")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_named_by_delay_and_loss() {
        let line = wan_of("50,2").expect("good");
        assert_eq!((line.delay_ms, line.passes), (50, Passes::Open));
        assert!((line.loss_percent - 2.0).abs() < f64::EPSILON);
        for bad in ["", "50", "50,", "a,1", "50,101", "-1,0", "50,NaN"] {
            assert!(wan_of(bad).is_err(), "{bad}");
        }
    }
}
