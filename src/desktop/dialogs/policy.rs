//! The settings of a replication policy, new or known; checked as they are typed, by the engine's own rules.

use super::choices::radio;
use super::effect::Effect;
use super::{buttons, confirmed, frame};
use crate::action::Action;
use crate::cx::Cx;
use crate::kit::{self, ButtonKind, DialogState, msg, words};
use crate::theme::ramp;
use egui::{Align, Context, DragValue, Layout, Ui, emath::Numeric, vec2};
use leeward_model::{Command, CopyFrequency, PolicyId, ReplicationPolicy, Retention, Verb};
use std::ops::RangeInclusive;

const MIB: u64 = 1 << 20;

/// A policy that is being edited.
pub(super) struct PolicyForm {
    policy: ReplicationPolicy,
    known: bool,
    title: String,
    bandwidth_mib: u64,
    /// What it says as it is opened.
    begun: Option<Command>,
    pub(super) effect: Effect,
}

impl PolicyForm {
    pub(super) fn new(id: Option<PolicyId>, cx: &Cx<'_>) -> Self {
        let found = cx.snapshot.policies.iter().find(|p| Some(p.policy.id) == id);
        let policy = found.map_or_else(
            || ReplicationPolicy {
                id: PolicyId(uuid::Uuid::now_v7()),
                name: String::new(),
                copy_frequency: CopyFrequency::Mins5,
                retention: Retention::default(),
                app_consistent_every_mins: 60,
                bandwidth_bytes_per_sec_max: 0,
            },
            |p| p.policy.clone(),
        );
        let title = match found {
            Some(p) => {
                let title = msg("dialog-title").with("verb", Verb::EditPolicy.title());
                title.with("name", p.policy.name.as_str()).render()
            }
            None => Verb::CreatePolicy.title(),
        };
        let mut form = Self {
            bandwidth_mib: policy.bandwidth_bytes_per_sec_max.div_ceil(MIB),
            known: found.is_some(),
            effect: Effect::default(),
            title,
            policy,
            begun: None,
        };
        form.begun = Some(form.command());
        form
    }

    /// Something has been changed.
    pub(super) fn is_filled(&self) -> bool {
        self.begun.as_ref() != Some(&self.command())
    }

    fn command(&self) -> Command {
        let mut policy = self.policy.clone();
        policy.name = policy.name.trim().to_owned();
        policy.bandwidth_bytes_per_sec_max = self.bandwidth_mib.saturating_mul(MIB);
        if self.known { Command::EditPolicy { policy } } else { Command::CreatePolicy { policy } }
    }

    pub(super) fn show(&mut self, ctx: &Context, cx: &mut Cx<'_>, state: &mut DialogState) {
        let verb = if self.known { Verb::EditPolicy } else { Verb::CreatePolicy };
        // A name that has not been begun is missing, not wrong: the engine need not be asked.
        let unnamed = self.policy.name.trim().is_empty();
        let command = self.command();
        self.effect.ask(cx, if unnamed { &[] } else { std::slice::from_ref(&command) });
        let blocked = unnamed.then(|| words("policy-name-missing")).or_else(|| self.effect.blocked());
        let footer = buttons(verb.title(), ButtonKind::Primary, blocked);
        let title = self.title.clone();
        let answer = frame(ctx, cx, state, (&title, &footer), |ui, cx| self.body(ui, cx));
        if confirmed(cx, answer) {
            cx.act(Action::Send(command));
            cx.act(Action::CloseDialog);
        }
    }

    fn body(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let label = words("policy-name");
        kit::field(ui, cx.theme, &label, true, None, |ui| {
            let field = kit::text_field(ui, &mut self.policy.name, &label, &words("policy-name-hint"), 340.0);
            kit::enters(&field);
        });
        kit::field(ui, cx.theme, &words("policy-frequency"), true, None, |ui| {
            for (frequency, key) in [
                (CopyFrequency::Secs30, "policy-30s"),
                (CopyFrequency::Mins5, "policy-5m"),
                (CopyFrequency::Mins15, "policy-15m"),
            ] {
                radio(ui, &mut self.policy.copy_frequency, &frequency, &words(key), "");
            }
        });
        let kept = &mut self.policy.retention;
        kit::section(ui, &words("policies-kept"));
        number(ui, "policy-window", "policy-mins", &mut kept.every_point_mins, 0..=1_440);
        number(ui, "policy-hourly", "policy-hours", &mut kept.hourly_points_hours, 0..=24);
        number(ui, "policy-most", "policy-points", &mut kept.points_max, 1..=32);
        kit::section(ui, &words("policy-application-title"));
        let every = &mut self.policy.app_consistent_every_mins;
        number(ui, "policy-application", "policy-mins", every, 0..=720);
        number(ui, "policy-application-keep", "policy-hours", &mut kept.app_consistent_hours, 0..=24);
        kit::section(ui, &words("policy-bandwidth-title"));
        number(ui, "policy-bandwidth", "policy-mib", &mut self.bandwidth_mib, 0..=100_000);
        self.effect.warn(ui, cx);
    }
}

/// A whole number with its unit, beside what it means.
fn number<N: Numeric>(
    ui: &mut Ui,
    label: &'static str,
    unit: &'static str,
    value: &mut N,
    range: RangeInclusive<N>,
) {
    ui.horizontal(|ui| {
        let room = (ui.available_width() - 176.0).max(120.0);
        ui.allocate_ui_with_layout(vec2(room, 26.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(room);
            ui.add(egui::Label::new(ramp::body(words(label))).truncate());
        });
        let size = vec2(160.0, 26.0);
        let drag = DragValue::new(value).range(range).suffix(format!(" {}", words(unit)));
        ui.add_sized(size, drag).accessible_name(words(label));
    });
}
