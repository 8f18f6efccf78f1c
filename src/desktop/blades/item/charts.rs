//! RPO and throughput of an item over the last hours, and what cycles cost the guest.

use crate::cx::Cx;
use crate::kit::{self, Chart, msg, words};
use crate::theme::ramp;
use egui::{Ui, vec2};
use leeward_model::{ItemView, Moment, PolicyView};

const GAP: f32 = 16.0;
const HEIGHT: f32 = 210.0;
const HEIGHT_MAX: f32 = 320.0;

#[expect(clippy::cast_precision_loss, reason = "a rate shown as a curve")]
pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>, item: &ItemView) {
    let rpo: Vec<(Moment, f32)> = item.cycles.iter().map(|c| (c.at, c.rpo_secs)).collect();
    let rates: Vec<(Moment, f32)> =
        item.cycles.iter().map(|c| (c.at, c.sent_bytes as f32 / c.ship_secs.max(0.05))).collect();
    let (rpo_color, rate_color) = (cx.theme.accent, cx.theme.ok);
    let target = policy_secs(cx, item);
    let wide = ui.available_width() > 760.0;
    let width = if wide { ((ui.available_width() - GAP) / 2.0).floor() } else { ui.available_width() };
    // A tall window gives the curves more room; the page still shows the whole of them.
    let size = vec2(width, (ui.clip_rect().height() * 0.22).clamp(HEIGHT, HEIGHT_MAX).floor());
    let draw_rpo = |ui: &mut Ui, cx: &mut Cx<'_>| {
        kit::tile(ui, cx, size, &words("chart-rpo"), |ui, cx| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a span is not negative"
            )]
            let unit = |v: f32| kit::span(v.round() as u64);
            let name = words("chart-rpo");
            let chart = Chart {
                name: &name,
                values: &rpo,
                color: rpo_color,
                unit,
                limit: target,
                top: 10.0,
                bars: false,
                binary: false,
            };
            curve(ui, cx, &chart);
        });
    };
    let draw_rate = |ui: &mut Ui, cx: &mut Cx<'_>| {
        kit::tile(ui, cx, size, &words("chart-throughput"), |ui, cx| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a rate is not negative"
            )]
            let unit = |v: f32| kit::rate(v as u64);
            let name = words("chart-throughput");
            let chart = Chart {
                name: &name,
                values: &rates,
                color: rate_color,
                unit,
                limit: None,
                top: 1024.0,
                bars: true,
                binary: true,
            };
            curve(ui, cx, &chart);
        });
    };
    if wide {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            draw_rpo(ui, cx);
            draw_rate(ui, cx);
        });
    } else {
        draw_rpo(ui, cx);
        ui.add_space(12.0);
        draw_rate(ui, cx);
    }
    ui.add_space(12.0);
    impact(ui, cx, item);
}

fn curve(ui: &mut Ui, cx: &Cx<'_>, chart: &Chart<'_>) {
    if chart.values.is_empty() {
        ui.add_space(40.0);
        ui.vertical_centered(|ui| kit::caption(ui, words("chart-none")));
    } else {
        kit::line_chart(ui, cx.theme, ui.available_height(), chart);
    }
}

/// Twice the copy frequency: a point is at most that old while every cycle is in time.
#[expect(clippy::cast_precision_loss, reason = "at most half an hour")]
fn policy_secs(cx: &Cx<'_>, item: &ItemView) -> Option<f32> {
    let uses = |p: &&PolicyView| p.policy.id == item.policy;
    let policy = cx.snapshot.policies.iter().find(uses)?;
    Some(2.0 * policy.policy.copy_frequency.secs() as f32)
}

fn impact(ui: &mut Ui, cx: &mut Cx<'_>, item: &ItemView) {
    kit::card(ui, cx, &words("impact"), |ui, _| {
        let (during, outside) = match item.guest_write_p99_ms {
            Some((during, outside)) => (ms(during), ms(outside)),
            None => (words("nothing"), words("nothing")),
        };
        let held = item.cycles.iter().map(|c| c.capture_ms).fold(0.0_f32, f32::max);
        let held = if item.cycles.is_empty() { words("nothing") } else { ms(held) };
        let dirty: u64 = item.disks.iter().map(|d| d.dirty_bytes).sum();
        let logs: u64 = item.disks.iter().map(|d| d.log_bytes).sum();
        let figures = [
            (during, "impact-during"),
            (outside, "impact-outside"),
            (held, "impact-held"),
            (kit::bytes(dirty), "impact-dirty"),
            (kit::bytes(logs), "impact-logs"),
        ];
        ui.horizontal_top(|ui| {
            let width = ((ui.available_width() - 4.0 * GAP) / 5.0).max(110.0);
            ui.spacing_mut().item_spacing.x = GAP;
            for (figure, key) in figures {
                ui.vertical(|ui| {
                    ui.set_width(width);
                    ui.spacing_mut().item_spacing.y = 1.0;
                    ui.label(ramp::strong(figure, 18.0));
                    ui.add(egui::Label::new(ramp::body(words(key))).wrap());
                    if let Some(more) = more(key) {
                        kit::caption(ui, words(more));
                    }
                });
            }
        });
    });
}

/// What a figure is exactly, beneath its name.
fn more(key: &str) -> Option<&'static str> {
    match key {
        "impact-during" | "impact-outside" => Some("impact-percentile"),
        _ => None,
    }
}

fn ms(value: f32) -> String {
    msg("millis").with("ms", format!("{value:.1}")).render()
}
