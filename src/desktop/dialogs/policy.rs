//! The settings of a replication policy, new or known; checked as they are typed.

use super::choices::radio;
use super::{WIDTH, buttons, confirmed};
use crate::action::Action;
use crate::cx::Cx;
use crate::kit::{self, ButtonKind, msg, words};
use egui::{Context, DragValue, Ui};
use leeward_model::{Command, CopyFrequency, Health, PolicyId, ReplicationPolicy, Retention, Verb};

const MIB: u64 = 1 << 20;

/// A policy that is being edited.
pub(super) struct PolicyForm {
    policy: ReplicationPolicy,
    known: bool,
    users: u32,
    bandwidth_mib: u64,
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
        Self {
            bandwidth_mib: policy.bandwidth_bytes_per_sec_max.div_ceil(MIB),
            known: found.is_some(),
            users: found.map_or(0, |p| p.items),
            policy,
        }
    }

    /// What is wrong with the name.
    fn wrong_name(&self, cx: &Cx<'_>) -> Option<String> {
        let name = self.policy.name.trim();
        if name.is_empty() {
            return Some(words("policy-name-missing"));
        }
        let taken =
            cx.snapshot.policies.iter().any(|p| p.policy.id != self.policy.id && p.policy.name == name);
        taken.then(|| words("policy-name-taken"))
    }

    pub(super) fn show(&mut self, ctx: &Context, cx: &mut Cx<'_>) {
        let verb = if self.known { Verb::EditPolicy } else { Verb::CreatePolicy };
        let wrong = self.wrong_name(cx);
        let footer = buttons(verb.title(), ButtonKind::Primary, wrong.clone());
        let title = if self.known {
            msg("dialog-title").with("verb", verb.title()).with("name", self.policy.name.as_str()).render()
        } else {
            verb.title()
        };
        let answer =
            kit::dialog(ctx, cx, &title, WIDTH, |ui, cx| self.body(ui, cx, wrong.as_deref()), &footer);
        if confirmed(cx, answer) {
            let mut policy = self.policy.clone();
            policy.name = policy.name.trim().to_owned();
            policy.bandwidth_bytes_per_sec_max = self.bandwidth_mib.saturating_mul(MIB);
            let command =
                if self.known { Command::EditPolicy { policy } } else { Command::CreatePolicy { policy } };
            cx.act(Action::Send(command));
            cx.act(Action::CloseDialog);
        }
    }

    fn body(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, wrong: Option<&str>) {
        if self.users > 0 {
            let said = msg("policy-used").with("n", self.users).render();
            kit::banner(ui, cx, Health::NotApplicable, &said, None);
        }
        let label = words("policy-name");
        // A name that has not been begun is not wrong yet.
        let shown = wrong.filter(|_| !self.policy.name.is_empty());
        kit::field(ui, cx.theme, &label, true, shown, |ui| {
            kit::text_field(ui, &mut self.policy.name, &label, &words("policy-name-hint"), 340.0)
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
        let retention = &mut self.policy.retention;
        number(ui, cx, "policy-window", "policy-mins", &mut retention.every_point_mins, 0..=1_440);
        number(ui, cx, "policy-hourly", "policy-hours", &mut retention.hourly_points_hours, 0..=24);
        number(
            ui,
            cx,
            "policy-application-keep",
            "policy-hours",
            &mut retention.app_consistent_hours,
            0..=24,
        );
        number(ui, cx, "policy-most", "policy-points", &mut retention.points_max, 1..=32);
        let every = &mut self.policy.app_consistent_every_mins;
        number(ui, cx, "policy-application", "policy-mins-off", every, 0..=1_440);
        kit::field(ui, cx.theme, &words("policy-bandwidth"), false, None, |ui| {
            let suffix = format!(" {}", words("policy-mib"));
            ui.add(DragValue::new(&mut self.bandwidth_mib).range(0..=100_000).suffix(suffix));
        });
    }
}

/// A whole number with its unit.
fn number(
    ui: &mut Ui,
    cx: &Cx<'_>,
    label: &'static str,
    unit: &'static str,
    value: &mut u32,
    range: std::ops::RangeInclusive<u32>,
) {
    kit::field(ui, cx.theme, &words(label), false, None, |ui| {
        ui.add(DragValue::new(value).range(range).suffix(format!(" {}", words(unit))));
    });
}
