//! Jobs and one job with its steps.

use super::{Asked, Part, Shown, json, label};
use crate::cli::arguments::{count, flag, number, of, word};
use crate::cli::exit::Stop;
use crate::cli::resolve;
use crate::cli::table::Align::{Left, Right};
use crate::cli::table::Table;
use crate::cli::{watch, words};
use clap::Arg;
use leeward_model::{JobView, Moment};

pub(super) fn list_args() -> Vec<Arg> {
    vec![flag("running"), number("last", 1..=100_000).default_value("50")]
}

pub(super) fn show_args() -> Vec<Arg> {
    vec![word("job")]
}

pub(super) fn watch_args() -> Vec<Arg> {
    vec![word("job"), number("timeout", 1..=10_000_000)]
}

pub(super) fn list(asked: &Asked<'_>) -> Result<Shown, Stop> {
    let most = usize::try_from(count(asked.args, "last").unwrap_or(50)).unwrap_or(50);
    let running = asked.args.get_flag("running");
    let shown: Vec<_> =
        asked.snapshot.jobs.iter().filter(|j| !running || !j.state.is_over()).take(most).collect();
    let mut table = Table::new(&[
        ("cli-col-started", Left),
        ("cli-col-job", Left),
        ("cli-col-subject", Left),
        ("cli-col-state", Left),
        ("cli-col-took", Right),
        ("cli-col-by", Left),
        ("cli-col-id", Left),
    ]);
    for job in &shown {
        table.row(vec![
            words::age(job.started, asked.now),
            job.verb.title(),
            job.subject.to_string(),
            words::job_state(job.state),
            took(job, asked.now),
            job.by.to_string(),
            job.id.to_string(),
        ]);
    }
    Ok(Shown { parts: vec![Part::Table(table, "cli-none-jobs")], json: json(&shown) })
}

pub(super) fn show(asked: &Asked<'_>) -> Result<Shown, Stop> {
    let job = resolve::job(asked.snapshot, of(asked.args, "job"))?;
    let mut facts = vec![
        label("cli-col-job", job.verb.title()),
        label("cli-col-subject", job.subject.to_string()),
        label("cli-col-state", words::job_state(job.state)),
        label("cli-col-started", words::exact(job.started)),
        label("cli-col-took", took(job, asked.now)),
        label("cli-col-by", job.by.to_string()),
        label("cli-col-id", job.id.to_string()),
    ];
    if let Some(ended) = job.ended {
        facts.push(label("cli-col-ended", words::exact(ended)));
    }
    let mut parts = vec![Part::Facts(facts), Part::Line(String::new())];
    parts.extend(job.steps.iter().map(|s| Part::Line(watch::step_line(s, asked.now))));
    if let Some(fault) = &job.fault {
        parts.push(Part::Line(String::new()));
        parts.push(Part::Line(fault.to_string()));
    }
    Ok(Shown { parts, json: json(job) })
}

fn took(job: &JobView, now: Moment) -> String {
    words::took(job.ended.unwrap_or(now).millis_since(job.started))
}
