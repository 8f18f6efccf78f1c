//! All jobs, newest first. Apart from `job`, which is one with its steps.

use crate::action::{Action, Dialog};
use crate::blades::narrow;
use crate::cx::Cx;
use crate::kit::table::{Column, Table, TableState, cell_text};
use crate::kit::{self, words};
use crate::route::{JobsWith, Route};
use crate::theme::icons::{Icon, Status};
use crate::theme::{Theme, ramp};
use egui::{Color32, Ui};
use leeward_model::{Command, JobState, JobView, Risk, Verb, VerbState};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What a person has done to the list.
#[derive(Default, Debug)]
pub struct JobsState {
    table: TableState,
    /// All, under way, failed.
    which: usize,
    /// What the list was narrowed to when it was last shown.
    with: Option<JobsWith>,
}

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut JobsState, with: Option<JobsWith>) {
    let snapshot = Arc::clone(cx.snapshot);
    if snapshot.jobs.is_empty() {
        kit::empty(ui, cx, Icon::Jobs, &words("jobs-none"), &words("jobs-none-text"), None);
        return;
    }
    if state.with != with {
        if with.is_some() {
            state.table.filter.clear();
        }
        state.with = with;
    }
    let tag = if with.is_none() {
        kit::tabs(ui, &[words("jobs-all"), words("jobs-open"), words("jobs-only-failed")], &mut state.which);
        state.which as u64
    } else {
        narrow::tag(&with, snapshot.made_at)
    };
    let (which, made_at) = (state.which, snapshot.made_at);
    let mut table =
        Table::new("jobs", &snapshot.jobs, &snapshot.jobs, |j| j.id.0.as_u128(), |j| j.verb.title());
    // Unnarrowed, the list itself is the rows, and none of a hundred thousand is looked at.
    if tag != 0 {
        table = table.only(tag, move |job| match (with, which) {
            (Some(with), _) => narrow::job(with, job, made_at),
            (None, 1) => !job.state.is_over(),
            _ => matches!(job.state, JobState::Failed | JobState::Stuck),
        });
    }
    if let Some(with) = with {
        table = table.chip(narrow::jobs_said(with), Action::Go(Route::Jobs));
    }
    let titles = Titles::default();
    columns(table.shared().filter(move |j| titles.line(j))).show(ui, cx, &mut state.table);
}

/// What the filter sees of jobs. There are thirty titles for a hundred thousand jobs: each is rendered once.
#[derive(Default)]
struct Titles(RefCell<HashMap<Verb, String>>);

impl Titles {
    fn line(&self, job: &JobView) -> String {
        let mut titles = self.0.borrow_mut();
        let title = titles.entry(job.verb).or_insert_with(|| job.verb.title());
        format!("{title} {} {}", job.subject, job.by)
    }
}

fn columns<'a>(table: Table<'a, Arc<JobView>>) -> Table<'a, Arc<JobView>> {
    type Job = Arc<JobView>;
    table
        .counted("jobs-count")
        .open(|j| Action::Go(Route::Job(j.id)))
        .menu(|ui, cx, j| menu(ui, cx, j))
        .column(
            Column::new(words("jobs-name"), 190.0, |ui, cx, j: &Job| {
                if kit::link(ui, &j.verb.title()).clicked() {
                    cx.go(Route::Job(j.id));
                }
            })
            .sort(|a, b| a.verb.cmp(&b.verb))
            .grows(1.4),
        )
        .column(
            Column::new(words("jobs-state"), 150.0, |ui, cx, j: &Job| state_cell(ui, cx, j))
                .sort(|a, b| order(a.state).cmp(&order(b.state))),
        )
        .column(
            Column::new(words("jobs-subject"), 150.0, |ui, cx, j: &Job| match j.item {
                Some(item) if cx.item(item).is_some() => {
                    if kit::link(ui, &j.subject).clicked() {
                        cx.go(Route::Item(item));
                    }
                }
                _ => cell_text(ui, &j.subject),
            })
            .sort(|a, b| a.subject.cmp(&b.subject))
            .grows(1.4),
        )
        .column(
            Column::new(words("jobs-began"), 120.0, |ui, cx, j: &Job| {
                let (age, exact) = kit::age(j.started, cx.now);
                ui.label(ramp::body(age)).on_hover_text(exact);
            })
            .sort(|a, b| a.started.cmp(&b.started))
            .grows(0.0),
        )
        .column(
            Column::new(words("jobs-took"), 100.0, |ui, cx, j: &Job| cell_text(ui, &took(j, cx))).grows(0.0),
        )
        .column(
            Column::text(words("jobs-by"), 130.0, |j: &Job| j.by.clone())
                .sort(|a, b| a.by.cmp(&b.by))
                .gives_way(),
        )
}

/// The verbs of a job, each with why it is refused now.
pub(crate) fn verbs(job: &JobView) -> [(VerbState, Action); 2] {
    [(Verb::CancelJob, &job.cancel), (Verb::RestartJob, &job.restart)].map(|(verb, refused)| {
        let action = match verb.decl().risk {
            // Nothing is lost by trying again: no question.
            Risk::Safe => Action::Send(Command::RestartJob { job: job.id }),
            _ => Action::Open(Dialog::JobVerb { verb, job: job.id }),
        };
        (VerbState { verb, refused: refused.clone() }, action)
    })
}

fn menu(ui: &mut Ui, cx: &mut Cx<'_>, job: &JobView) {
    ui.set_min_width(180.0);
    ui.spacing_mut().item_spacing.y = 0.0;
    for (state, action) in verbs(job) {
        let icon = Icon::named(state.verb.decl().icon);
        let response = kit::flat_button(ui, icon, &state.verb.title(), state.refused.is_none());
        if response.clicked() && state.refused.is_none() {
            cx.act(action);
            ui.close();
        }
        if let Some(why) = &state.refused {
            kit::refusal(response, &why.render());
        }
    }
}

const fn order(state: JobState) -> u8 {
    match state {
        JobState::Stuck => 0,
        JobState::Failed => 1,
        JobState::Undoing => 2,
        JobState::Running => 3,
        JobState::Waiting => 4,
        JobState::Cancelled => 5,
        JobState::Succeeded => 6,
    }
}

/// How long a job took, or has been taking.
pub(crate) fn took(job: &JobView, cx: &Cx<'_>) -> String {
    let millis = job.ended.unwrap_or(cx.now).millis_since(job.started).max(0);
    #[expect(clippy::cast_precision_loss, reason = "seconds for a person")]
    kit::secs(millis as f64 / 1000.0)
}

/// The mark and colour of a job's state.
pub(crate) fn mark(state: JobState, t: &Theme) -> (Status, Color32) {
    match state {
        JobState::Waiting => (Status::Waiting, t.text2),
        JobState::Running => (Status::Running, t.accent),
        JobState::Undoing => (Status::Running, t.warn),
        JobState::Succeeded => (Status::Good, t.ok),
        JobState::Failed | JobState::Stuck => (Status::Critical, t.err),
        JobState::Cancelled => (Status::None, t.text2),
    }
}

/// The word of a job's state.
pub(crate) fn state_word(state: JobState) -> String {
    words(match state {
        JobState::Waiting => "job-waiting",
        JobState::Running => "job-running",
        JobState::Undoing => "job-undoing",
        JobState::Succeeded => "job-succeeded",
        JobState::Failed => "job-failed",
        JobState::Cancelled => "job-cancelled",
        JobState::Stuck => "job-stuck",
    })
}

fn state_cell(ui: &mut Ui, cx: &Cx<'_>, job: &JobView) {
    let (status, color) = mark(job.state, cx.theme);
    kit::status_icon(ui, status, 15.0, color);
    let share = if job.state == JobState::Running && job.share > 0.0 {
        format!("{} {:.0} %", state_word(job.state), job.share * 100.0)
    } else {
        state_word(job.state)
    };
    cell_text(ui, &share);
}
