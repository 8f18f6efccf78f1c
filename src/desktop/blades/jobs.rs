//! All jobs, newest first. Apart from `job`, which is one with its steps.

use crate::action::{Action, Dialog};
use crate::cx::Cx;
use crate::kit::table::{Column, Table, TableState, cell_text};
use crate::kit::{self, words};
use crate::route::Route;
use crate::theme::icons::{Icon, Status};
use crate::theme::{Theme, ramp};
use egui::{Color32, Ui};
use leeward_model::{Command, JobState, JobView, Risk, Verb, VerbState};
use std::sync::Arc;

/// What a person has done to the list.
#[derive(Default, Debug)]
pub struct JobsState {
    table: TableState,
    /// All, under way, failed.
    which: usize,
}

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut JobsState) {
    let snapshot = Arc::clone(cx.snapshot);
    if snapshot.jobs.is_empty() {
        kit::empty(ui, cx, Icon::Jobs, &words("jobs-none"), &words("jobs-none-text"), None);
        return;
    }
    kit::tabs(ui, &[words("jobs-all"), words("jobs-open"), words("jobs-only-failed")], &mut state.which);
    let fits = |job: &&Arc<JobView>| match state.which {
        1 => !job.state.is_over(),
        2 => matches!(job.state, JobState::Failed | JobState::Stuck),
        _ => true,
    };
    // Unfiltered, the list itself is the rows: a hundred thousand are not gathered for each frame.
    let rows: Vec<&Arc<JobView>> =
        if state.which == 0 { Vec::new() } else { snapshot.jobs.iter().filter(fits).collect() };
    let revision = snapshot.revision.wrapping_mul(4).wrapping_add(state.which as u64);
    if state.which == 0 {
        let table = Table::new("jobs", &snapshot.jobs, revision, |j| j.id.0.as_u128(), |j| j.verb.title());
        columns(table, |j: &Arc<JobView>| j).show(ui, cx, &mut state.table);
    } else {
        let table = Table::new("jobs", &rows, revision, |j| j.id.0.as_u128(), |j| j.verb.title());
        columns(table, |j: &&Arc<JobView>| j).show(ui, cx, &mut state.table);
    }
}

fn columns<'a, R>(table: Table<'a, R>, job: fn(&R) -> &Arc<JobView>) -> Table<'a, R> {
    table
        .filter(move |r| format!("{} {} {}", job(r).verb.title(), job(r).subject, job(r).by))
        .counted("jobs-count")
        .open(move |r| Action::Go(Route::Job(job(r).id)))
        .menu(move |ui, cx, r| menu(ui, cx, job(r)))
        .column(
            Column::new(words("jobs-name"), 190.0, move |ui, cx, r: &R| {
                if kit::link(ui, &job(r).verb.title()).clicked() {
                    cx.go(Route::Job(job(r).id));
                }
            })
            .sort(move |a, b| job(a).verb.cmp(&job(b).verb))
            .grows(1.4),
        )
        .column(
            Column::new(words("jobs-state"), 150.0, move |ui, cx, r: &R| state_cell(ui, cx, job(r)))
                .sort(move |a, b| order(job(a).state).cmp(&order(job(b).state))),
        )
        .column(
            Column::new(words("jobs-subject"), 150.0, move |ui, cx, r: &R| match job(r).item {
                Some(item) if cx.snapshot.item(item).is_some() => {
                    if kit::link(ui, &job(r).subject).clicked() {
                        cx.go(Route::Item(item));
                    }
                }
                _ => cell_text(ui, &job(r).subject),
            })
            .sort(move |a, b| job(a).subject.cmp(&job(b).subject))
            .grows(1.4),
        )
        .column(
            Column::new(words("jobs-began"), 120.0, move |ui, cx, r: &R| {
                let (age, exact) = kit::age(job(r).started, cx.now);
                ui.label(ramp::body(age)).on_hover_text(exact);
            })
            .sort(move |a, b| job(a).started.cmp(&job(b).started))
            .grows(0.0),
        )
        .column(
            Column::new(words("jobs-took"), 100.0, move |ui, cx, r: &R| cell_text(ui, &took(job(r), cx)))
                .grows(0.0),
        )
        .column(
            Column::text(words("jobs-by"), 130.0, move |r: &R| job(r).by.clone())
                .sort(move |a, b| job(a).by.cmp(&job(b).by)),
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
            response.on_hover_text(why.render());
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
