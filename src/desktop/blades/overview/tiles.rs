//! The four tiles: replication health, failover readiness, RPO, jobs.

use crate::cx::Cx;
use crate::kit::{self, Slice, msg, words};
use crate::route::Route;
use crate::theme::{icons, icons::Status, ramp};
use egui::accesskit::Role;
use egui::{Align2, Color32, Sense, Ui, Vec2, WidgetInfo, vec2};

const GAP: f32 = 16.0;
const HEIGHT: f32 = 168.0;

type Draw = fn(&mut Ui, &mut Cx<'_>);

pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>) {
    let room = ui.available_width();
    let tiles: [(&'static str, Draw); 4] =
        [("tile-health", health), ("tile-readiness", readiness), ("tile-rpo", rpo), ("tile-jobs", jobs)];
    let per_row: u8 = if room > 940.0 { 4 } else { 2 };
    let width = ((room - GAP * (f32::from(per_row) - 1.0)) / f32::from(per_row)).floor();
    for row in tiles.chunks(usize::from(per_row)) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for (title, draw) in row {
                kit::tile(ui, cx, vec2(width, HEIGHT), &words(title), draw);
            }
        });
        if per_row == 2 {
            ui.add_space(8.0);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count shown as a slice")]
fn ring(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    rows: &[(u32, Color32, &'static str)],
    figure: &str,
    word: &str,
    to: &Route,
) {
    let slices: Vec<Slice> = rows
        .iter()
        .map(|(n, color, name)| Slice { value: *n as f32, color: *color, name: words(name) })
        .collect();
    ui.add_space(6.0);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        let diameter = (ui.available_width() * 0.37).clamp(74.0, 108.0);
        kit::donut(ui, cx.theme, diameter, &slices, figure, word);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.add_space(((diameter - 25.0 * rows.len() as f32) * 0.5).max(0.0));
            let width = ui.available_width();
            for (n, color, name) in rows {
                if kit::legend_row(ui, cx.theme, width, *color, &words(name), &kit::count(u64::from(*n)))
                    .clicked()
                {
                    cx.go(to.clone());
                }
            }
        });
    });
}

fn health(ui: &mut Ui, cx: &mut Cx<'_>) {
    let t = cx.theme;
    let [healthy, warning, critical, other] = cx.snapshot.overview.health;
    let all = healthy + warning + critical + other;
    let rows = [
        (healthy, t.ok, "word-healthy"),
        (warning, t.warn, "word-warning"),
        (critical, t.err, "word-critical"),
        (other, t.neutral, "word-not-applicable"),
    ];
    let word = msg("tile-items").with("n", all).render();
    ring(ui, cx, &rows, &kit::count(u64::from(all)), &word, &Route::Items);
}

fn readiness(ui: &mut Ui, cx: &mut Cx<'_>) {
    let t = cx.theme;
    let view = &cx.snapshot.overview;
    let (tested, wanted, other) = (view.tested, view.test_recommended, view.test_not_applicable);
    let rows = [
        (tested, t.accent, "readiness-tested"),
        (wanted, t.warn, "readiness-recommended"),
        (other, t.neutral, "word-not-applicable"),
    ];
    let share = (tested * 100).checked_div(tested + wanted).unwrap_or(0);
    ring(ui, cx, &rows, &format!("{share} %"), &words("readiness-word"), &Route::Items);
}

fn rpo(ui: &mut Ui, cx: &mut Cx<'_>) {
    let t = cx.theme;
    let series = std::sync::Arc::clone(&cx.snapshot.overview.rpo_median);
    let mut lags: Vec<u64> = cx.snapshot.items.iter().filter_map(|i| i.rpo_secs).collect();
    if lags.is_empty() {
        ui.add_space(24.0);
        kit::caption(ui, words("tile-rpo-none"));
        return;
    }
    // The curve has a value a minute; the figure is of now.
    let middle = (lags.len() - 1) / 2;
    let (_, median, _) = lags.select_nth_unstable(middle);
    ui.label(ramp::strong(kit::span(*median), ramp::METRIC));
    kit::caption(ui, words("tile-rpo-caption"));
    ui.add_space(8.0);
    let size = vec2(ui.available_width(), (ui.available_height() - 20.0).max(24.0));
    kit::sparkline(ui, size, &words("tile-rpo"), &series, t.accent);
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 14.0), Sense::hover());
    let font = ramp::regular_font(11.0);
    let from = series.first().map(|(at, _)| kit::clock_time(*at)).unwrap_or_default();
    ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, from, font.clone(), t.text2);
    ui.painter().text(rect.right_center(), Align2::RIGHT_CENTER, words("tile-now"), font, t.text2);
}

fn jobs(ui: &mut Ui, cx: &mut Cx<'_>) {
    let t = cx.theme;
    let view = &cx.snapshot.overview;
    let rows = [
        (Status::Critical, t.err, "jobs-failed", view.jobs_failed),
        (Status::Warning, t.warn, "jobs-waiting", view.jobs_waiting),
        (Status::Running, t.accent, "jobs-running", view.jobs_running),
        (Status::Good, t.ok, "jobs-succeeded", view.jobs_succeeded),
    ];
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.add_space(2.0);
    for (status, color, name, n) in rows {
        let color = if n == 0 { t.neutral } else { color };
        if figure_row(ui, cx, status, color, &words(name), n) {
            cx.go(Route::Jobs);
        }
    }
}

fn figure_row(ui: &mut Ui, cx: &Cx<'_>, status: Status, color: Color32, name: &str, n: u32) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 28.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Link, true, format!("{name}: {n}")));
    if response.hovered() {
        ui.painter().rect_filled(rect.expand2(Vec2::new(6.0, 0.0)), 4.0, cx.theme.hover);
    }
    if response.has_focus() {
        kit::focus_ring(ui, rect);
    }
    kit::reveal(&response);
    icons::paint_status(
        ui.painter(),
        rect.left_center() + vec2(8.0, 0.0),
        status,
        16.0,
        color,
        cx.theme.card,
    );
    let body = ramp::regular_font(ramp::BODY);
    ui.painter().text(rect.left_center() + vec2(26.0, 0.0), Align2::LEFT_CENTER, name, body, cx.theme.text);
    let figure = ramp::semibold_font(ramp::SUBTITLE);
    ui.painter().text(
        rect.right_center(),
        Align2::RIGHT_CENTER,
        kit::count(u64::from(n)),
        figure,
        cx.theme.text,
    );
    response.clicked()
}
