//! One use of a verb: ask where it is needed, give the commands, say what became of them, wait for the jobs.

use super::exit::{Exit, Stop};
use super::forms::{Filled, Form, Named};
use super::output::Output;
use super::session::Session;
use super::{looks, watch, words};
use clap::ArgMatches;
use leeward_link::RegistrationKey;
use leeward_model::{
    Accepted, CommandOutcome, JobId, JobState, Message, Preview, Risk, Scope, Snapshot, Verb,
};
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long agents get to dial in to an engine that runs only for this command.
const AGENTS: Duration = Duration::from_secs(20);

/// Does it.
pub(crate) fn act(form: &Form, args: &ArgMatches, session: &Session, out: &Output) -> Result<(), Stop> {
    let verb = form.verb;
    let needs_agents = verb == Verb::EnableReplication
        || matches!(verb.decl().scope, Scope::Item | Scope::Machine | Scope::Job);
    if session.is_own() && needs_agents {
        session.wait_for_agents(AGENTS, |line| out.progress(line))?;
    }
    let snapshot = session.snapshot();
    let named = (form.commands)(&Filled { args, snapshot: &snapshot, now: super::now() })?;
    if args.get_flag("preview") {
        return preview(&named, session, out);
    }
    let file = out_file(verb, args, &named)?;
    confirm(verb, &named, args.get_flag("yes"), session, out)?;
    let mut jobs = Vec::new();
    let mut first_stop = None;
    for one in named {
        match give(&one, session, out, file.as_deref()) {
            Ok(begun) => jobs.extend(begun),
            // The others are still given: they are as independent as rows of a list.
            Err(stop) => {
                if first_stop.is_some() || !jobs.is_empty() {
                    out.error(&stop);
                }
                first_stop.get_or_insert(stop);
            }
        }
    }
    let waited = wait(verb, &jobs, &snapshot, args, session, out);
    first_stop.map_or(Ok(()), Err).and(waited)
}

fn wait(
    verb: Verb,
    jobs: &[JobId],
    before: &Snapshot,
    args: &ArgMatches,
    session: &Session,
    out: &Output,
) -> Result<(), Stop> {
    if jobs.is_empty() {
        return Ok(());
    }
    if args.get_flag("no-wait") {
        if session.is_own() {
            out.progress(&leeward_model::text::text("cli-goes-on-later"));
        }
        return Ok(());
    }
    let timeout = args.get_one::<u64>("timeout").map(|secs| Duration::from_secs(*secs));
    let ended = watch::follow(session, jobs, Some(before), timeout, super::now, |line| out.progress(line))?;
    out.json(&serde_json::json!({ "jobs": ended.iter().map(looks::json).collect::<Vec<_>>() }));
    let wanted = if verb == Verb::CancelJob { JobState::Cancelled } else { JobState::Succeeded };
    watch::verdict(&ended, wanted)
}

fn give(one: &Named, session: &Session, out: &Output, file: Option<&Path>) -> Result<Vec<JobId>, Stop> {
    match session.command(one.command.clone())? {
        CommandOutcome::Refused(refusal) => Err(Stop::Refused(Box::new(refusal))),
        CommandOutcome::Failed(fault) => Err(Stop::Fault(Exit::Failed, fault)),
        CommandOutcome::Accepted(Accepted::Done) => {
            let done = Message::new("cli-done")
                .with("verb", one.command.verb().title())
                .with("subject", &one.subject);
            out.say(&done.render());
            out.json(&serde_json::json!({ "done": one.command.verb().decl().id, "subject": one.subject }));
            Ok(Vec::new())
        }
        CommandOutcome::Accepted(Accepted::Jobs(jobs)) => {
            for job in &jobs {
                out.progress(&Message::new("cli-job-begun").with("job", job.to_string()).render());
            }
            out.json(&serde_json::json!({ "begun": jobs, "subject": one.subject }));
            Ok(jobs)
        }
        CommandOutcome::Accepted(Accepted::RegistrationKey { key, file_text }) => {
            let Some(path) = file else { return Ok(Vec::new()) };
            RegistrationKey::write(path, &file_text)
                .map_err(|e| Stop::Fault(Exit::Trouble, Box::new(e.fault())))?;
            wrote("cli-key-written", path, out);
            // What a person should know of this key, for example that no other computer can use it.
            let notes = session.sink().preview(&one.command).notes;
            notes.iter().for_each(|note| out.progress(&note.render()));
            out.json(&serde_json::json!({ "key": key, "file": path, "notes": notes }));
            Ok(Vec::new())
        }
        CommandOutcome::Accepted(Accepted::Picture { png, at }) => {
            let Some(path) = file else { return Ok(Vec::new()) };
            std::fs::write(path, png).map_err(|e| Stop::file(path, &e))?;
            wrote("cli-picture-written", path, out);
            out.json(&serde_json::json!({ "file": path, "at": at }));
            Ok(Vec::new())
        }
    }
}

fn wrote(key: &'static str, path: &Path, out: &Output) {
    out.say(&Message::new(key).with("path", path.display().to_string()).render());
}

/// The file a verb writes; refused before the command when something is there already.
fn out_file(verb: Verb, args: &ArgMatches, named: &[Named]) -> Result<Option<PathBuf>, Stop> {
    if !matches!(verb, Verb::MakeRegistrationKey | Verb::ConsolePicture) {
        return Ok(None);
    }
    let path = args.get_one::<String>("out").map_or_else(
        || {
            let site = named.first().map(|n| n.subject.to_lowercase()).unwrap_or_default();
            let plain: String =
                site.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '-' }).collect();
            PathBuf::from(format!("{plain}.leeward-key"))
        },
        PathBuf::from,
    );
    if verb == Verb::MakeRegistrationKey && path.exists() {
        let message = Message::new("cli-file-exists").with("path", path.display().to_string());
        return Err(Stop::usage(message));
    }
    Ok(Some(path))
}

/// Destructive verbs ask for the name on a terminal, and for `--yes` elsewhere.
fn confirm(verb: Verb, named: &[Named], yes: bool, session: &Session, out: &Output) -> Result<(), Stop> {
    if verb.decl().risk != Risk::Destructive || yes {
        return Ok(());
    }
    let terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal() && !out.is_json();
    for one in named {
        if !terminal {
            let message =
                Message::new("cli-needs-yes").with("verb", verb.title()).with("subject", &one.subject);
            return Err(Stop::usage(message));
        }
        let preview = session.sink().preview(&one.command);
        if let Some(refusal) = preview.refused {
            return Err(Stop::Refused(Box::new(refusal)));
        }
        out.progress(&format!("{} {}", verb.title(), one.subject));
        for loss in preview.losses.iter().chain(&preview.notes) {
            out.progress(&format!("  {}", loss.render()));
        }
        let question = Message::new("cli-type-the-name").with("subject", &one.subject).render();
        let mut typed = String::new();
        let asked = write!(std::io::stderr(), "{question} ")
            .and_then(|()| std::io::stderr().flush())
            .and_then(|()| std::io::stdin().lock().read_line(&mut typed));
        if asked.is_err() || typed.trim() != one.subject {
            return Err(Stop::usage(Message::new("cli-not-confirmed")));
        }
    }
    Ok(())
}

fn preview(named: &[Named], session: &Session, out: &Output) -> Result<(), Stop> {
    let mut first_refusal = None;
    for one in named {
        let preview = session.sink().preview(&one.command);
        out.json(&serde_json::json!({ "subject": one.subject, "preview": looks::json(&preview) }));
        out.say(&format!("{} {}", one.command.verb().title(), one.subject));
        for line in preview_lines(&preview) {
            out.say(&line);
        }
        first_refusal = first_refusal.or(preview.refused);
    }
    first_refusal.map_or(Ok(()), |r| Err(Stop::Refused(Box::new(r))))
}

fn preview_lines(preview: &Preview) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &preview.steps {
        let estimate = step.estimate_secs.map_or_else(String::new, |secs| {
            #[expect(clippy::cast_possible_truncation, reason = "an estimate in seconds")]
            let millis = (f64::from(secs) * 1000.0) as i64;
            format!(": {}", Message::new("cli-about-span").with("span", words::took(millis)).render())
        });
        let subject = if step.subject.is_empty() { String::new() } else { format!(" ({})", step.subject) };
        lines.push(format!("  {}{subject}{estimate}", step.title.render()));
    }
    for loss in &preview.losses {
        lines.push(format!("  ! {}", loss.render()));
    }
    lines.extend(preview.notes.iter().map(|note| format!("  {}", note.render())));
    lines
}
