//! One job: what it is, its steps as they happen, what went wrong and what to do. Apart from `jobs`, the list.

use super::jobs;
use crate::action::Action;
use crate::cx::Cx;
use crate::kit::{self, CommandButton, Value, essentials, msg, words};
use crate::route::Route;
use crate::theme::icons::{Icon, Status};
use crate::theme::{Theme, ramp};
use egui::{Color32, Label, Ui, vec2};
use leeward_model::{Health, JobId, JobState, JobView, Phase, StepState, StepView};
use std::sync::Arc;

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, id: JobId) {
    let Some(job) = cx.job(id).map(Arc::clone) else {
        let way = (words("job-gone-way"), Action::Go(Route::Jobs));
        return kit::empty(ui, cx, Icon::Jobs, &words("job-gone"), &words("job-gone-text"), Some(way));
    };
    kit::command_bar(ui, cx, &commands(&job));
    kit::page(ui, |ui| {
        essentials(ui, cx, &facts(&job, cx));
        if let Some(fault) = &job.fault {
            ui.add_space(4.0);
            kit::fault_box(ui, cx, fault);
        }
        if !job.state.is_over() {
            ui.add_space(4.0);
            kit::progress_bar(ui, ui.available_width().min(600.0), job.share);
        }
        kit::section(ui, &words("job-steps"));
        let mut phase = None;
        for (number, step) in job.steps.iter().enumerate() {
            if phase != Some(step.phase) {
                phase = Some(step.phase);
                ui.add_space(6.0);
                kit::caption(ui, phase_word(step.phase));
            }
            row(ui, cx, number, step, number + 1 == job.steps.len());
        }
        ui.add_space(16.0);
    });
}

fn commands(job: &JobView) -> Vec<CommandButton> {
    let mut all: Vec<CommandButton> =
        jobs::verbs(job).into_iter().map(|(state, action)| CommandButton::verb(&state, action)).collect();
    if let Some(item) = job.item {
        all.push(CommandButton::new(Icon::Machine, words("job-open-item"), Action::Go(Route::Item(item))));
    }
    all
}

fn facts(job: &JobView, cx: &Cx<'_>) -> Vec<(String, Value)> {
    let subject = match job.item.filter(|i| cx.item(*i).is_some()) {
        Some(item) => Value::Link(job.subject.to_string(), Route::Item(item)),
        None => Value::Text(job.subject.to_string()),
    };
    let (age, exact) = kit::age(job.started, cx.now);
    vec![
        (words("jobs-state"), state(job)),
        (words("jobs-subject"), subject),
        (words("jobs-by"), Value::Text(job.by.to_string())),
        (words("jobs-began"), Value::Hover(age, exact)),
        (words("jobs-took"), Value::Text(jobs::took(job, cx))),
        (words("job-id"), Value::Mono(job.id.to_string())),
    ]
}

fn state(job: &JobView) -> Value {
    let said = jobs::state_word(job.state);
    match job.state {
        JobState::Succeeded => Value::Health(Health::Healthy, said),
        JobState::Failed | JobState::Stuck => Value::Health(Health::Critical, said),
        JobState::Cancelled => Value::Health(Health::NotApplicable, said),
        JobState::Running if job.share > 0.0 => Value::Text(format!("{said} {:.0} %", job.share * 100.0)),
        JobState::Waiting | JobState::Running | JobState::Undoing => Value::Text(said),
    }
}

fn phase_word(phase: Phase) -> String {
    words(match phase {
        Phase::Prepare => "phase-prepare",
        Phase::CutOver => "phase-cut-over",
        Phase::BringUp => "phase-bring-up",
        Phase::Settle => "phase-settle",
    })
}

fn mark(state: &StepState, t: &Theme) -> (Status, Color32) {
    match state {
        StepState::Waiting => (Status::Waiting, t.text3),
        StepState::Running => (Status::Running, t.accent),
        StepState::Retrying { .. } | StepState::Undoing => (Status::Running, t.warn),
        StepState::Done => (Status::Good, t.ok),
        StepState::Skipped { .. } | StepState::Cancelled | StepState::Undone => (Status::None, t.text2),
        StepState::Failed | StepState::Stuck => (Status::Critical, t.err),
    }
}

fn state_words(state: &StepState, cx: &Cx<'_>) -> String {
    match state {
        StepState::Waiting => words("step-state-waiting"),
        StepState::Running => words("step-state-running"),
        StepState::Retrying { attempts, next_at } => msg("step-state-retrying")
            .with("n", *attempts)
            .with("span", kit::span(u64::try_from(next_at.secs_since(cx.now)).unwrap_or(0)))
            .render(),
        StepState::Done => words("step-state-done"),
        StepState::Skipped { why } => msg("step-state-skipped").with("why", why.render()).render(),
        StepState::Failed => words("step-state-failed"),
        StepState::Undoing => words("step-state-undoing"),
        StepState::Undone => words("step-state-undone"),
        StepState::Stuck => words("step-state-stuck"),
        StepState::Cancelled => words("step-state-cancelled"),
    }
}

/// One step on the line that joins them.
fn row(ui: &mut Ui, cx: &mut Cx<'_>, number: usize, step: &StepView, last: bool) {
    let t = cx.theme;
    let (status, color) = mark(&step.state, t);
    let quiet = matches!(step.state, StepState::Waiting | StepState::Skipped { .. } | StepState::Cancelled);
    let shown = ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        ui.add_space(6.0);
        let mark = ui.allocate_exact_size(vec2(18.0, 20.0), egui::Sense::hover()).0;
        crate::theme::icons::paint_status(ui.painter(), mark.center(), status, 16.0, color, t.card);
        let width = (ui.available_width() - 90.0).clamp(120.0, 640.0);
        ui.vertical(|ui| {
            ui.set_width(width);
            ui.spacing_mut().item_spacing.y = 1.0;
            let title = format!("{}. {}", number + 1, step.title.render());
            let text = ramp::body(title).color(if quiet { t.text2 } else { t.text });
            ui.add(Label::new(text).wrap());
            let mut under = vec![state_words(&step.state, cx)];
            if !step.subject.is_empty() {
                under.insert(0, step.subject.to_string());
            }
            if let Some(note) = &step.note {
                under.push(note.render());
            }
            ui.add(Label::new(ramp::caption(under.join(" \u{b7} ")).color(t.text2)).wrap());
            if let Some(progress) = &step.progress {
                ui.add_space(4.0);
                kit::progress(ui, t, progress);
            }
            ui.add_space(8.0);
        });
        if let Some(started) = step.started {
            let millis = step.ended.unwrap_or(cx.now).millis_since(started).max(0);
            #[expect(clippy::cast_precision_loss, reason = "seconds for a person")]
            let took = kit::secs(millis as f64 / 1000.0);
            ui.label(ramp::body(took).color(t.text2)).on_hover_text(kit::date_time(started));
        }
        mark
    });
    if !last {
        let x = ui.painter().round_to_pixel_center(shown.inner.center().x);
        let y = shown.inner.bottom()..=shown.response.rect.bottom();
        ui.painter().vline(x, y, egui::Stroke::new(1.0, t.divider));
    }
}
