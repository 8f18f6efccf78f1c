//! The four tiles: replication health, failover readiness, RPO, jobs.

use crate::cx::Cx;
use crate::kit::table::Stamp;
use crate::kit::{self, Slice, msg, words};
use crate::route::{ItemsWith, JobsWith, Route};
use crate::theme::{icons, icons::Status, ramp};
use egui::accesskit::Role;
use egui::{Align2, Color32, Sense, Ui, Vec2, WidgetInfo, vec2};
use leeward_model::{Health, ItemView, JobState, Readiness};
use std::sync::Arc;

const GAP: f32 = 16.0;
const HEIGHT: f32 = 168.0;

type Draw = fn(&mut Ui, &mut Cx<'_>, &mut Median);
type Row = (u32, Color32, &'static str, ItemsWith);

/// The median of how far targets lag now, worked out once per change of the items.
#[derive(Default, Debug)]
pub(super) struct Median {
    of: Option<Stamp>,
    secs: Option<u64>,
}

impl Median {
    fn secs(&mut self, items: &Arc<Vec<Arc<ItemView>>>) -> Option<u64> {
        let now = Stamp::from(items);
        if self.of.as_ref() != Some(&now) {
            let mut lags: Vec<u64> = items.iter().filter_map(|i| i.rpo_secs).collect();
            let middle = lags.len().saturating_sub(1) / 2;
            self.secs = (!lags.is_empty()).then(|| *lags.select_nth_unstable(middle).1);
            self.of = Some(now);
        }
        self.secs
    }
}

pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>, median: &mut Median) {
    let room = ui.available_width();
    let tiles: [(&'static str, Draw); 4] =
        [("tile-health", health), ("tile-readiness", readiness), ("tile-rpo", rpo), ("tile-jobs", jobs)];
    let per_row: u8 = if room > 940.0 { 4 } else { 2 };
    let width = ((room - GAP * (f32::from(per_row) - 1.0)) / f32::from(per_row)).floor();
    for row in tiles.chunks(usize::from(per_row)) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for (title, draw) in row {
                kit::tile(ui, cx, vec2(width, HEIGHT), &words(title), |ui, cx| draw(ui, cx, median));
            }
        });
        if per_row == 2 {
            ui.add_space(8.0);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count shown as a slice")]
fn ring(ui: &mut Ui, cx: &mut Cx<'_>, rows: &[Row], figure: &str, word: &str) {
    let slices: Vec<Slice> = rows
        .iter()
        .map(|(n, color, name, _)| Slice { value: *n as f32, color: *color, name: words(name) })
        .collect();
    ui.add_space(6.0);
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let diameter = (ui.available_width() * 0.35).clamp(72.0, 108.0);
        kit::donut(ui, cx.theme, diameter, &slices, figure, word);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.add_space(((diameter - 25.0 * rows.len() as f32) * 0.5).max(0.0));
            // A figure stands near its name, however wide the tile is.
            let width = ui.available_width().min(240.0);
            for (n, color, name, with) in rows {
                if kit::legend_row(ui, cx.theme, width, *color, &words(name), &kit::count(u64::from(*n)))
                    .clicked()
                {
                    cx.go(Route::ItemsWith(with.clone()));
                }
            }
        });
    });
}

fn health(ui: &mut Ui, cx: &mut Cx<'_>, _: &mut Median) {
    let t = cx.theme;
    let [healthy, warning, critical, other] = cx.snapshot.overview.health;
    let all = healthy + warning + critical + other;
    let rows = [
        (healthy, t.ok, "word-healthy", Health::Healthy),
        (warning, t.warn, "word-warning", Health::Warning),
        (critical, t.err, "word-critical", Health::Critical),
        (other, t.neutral, "word-not-applicable", Health::NotApplicable),
    ];
    let rows = rows.map(|(n, color, name, health)| (n, color, name, ItemsWith::Health(health)));
    let word = msg("tile-items").with("n", all).render();
    ring(ui, cx, &rows, &kit::count(u64::from(all)), &word);
}

fn readiness(ui: &mut Ui, cx: &mut Cx<'_>, _: &mut Median) {
    let t = cx.theme;
    let view = &cx.snapshot.overview;
    let (tested, wanted, other) = (view.tested, view.test_recommended, view.test_not_applicable);
    let rows = [
        (tested, t.accent, "readiness-tested", Readiness::Tested),
        (wanted, t.warn, "readiness-recommended", Readiness::TestDue),
        (other, t.neutral, "word-not-applicable", Readiness::NotApplicable),
    ];
    let rows = rows.map(|(n, color, name, readiness)| (n, color, name, ItemsWith::Readiness(readiness)));
    let share = (tested * 100).checked_div(tested + wanted).unwrap_or(0);
    ring(ui, cx, &rows, &format!("{share} %"), &words("readiness-word"));
}

fn rpo(ui: &mut Ui, cx: &mut Cx<'_>, median: &mut Median) {
    let t = cx.theme;
    let series = Arc::clone(&cx.snapshot.overview.rpo_median);
    // The curve has a value a minute; the figure is of now.
    let Some(secs) = median.secs(&cx.snapshot.items) else {
        ui.add_space(24.0);
        kit::caption(ui, words("tile-rpo-none"));
        return;
    };
    ui.label(ramp::strong(kit::span(secs), ramp::METRIC));
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

fn jobs(ui: &mut Ui, cx: &mut Cx<'_>, _: &mut Median) {
    let t = cx.theme;
    let view = &cx.snapshot.overview;
    let rows = [
        (Status::Critical, t.err, "jobs-failed", view.jobs_failed, JobsWith::Failed),
        (Status::Warning, t.warn, "jobs-waiting", view.jobs_waiting, JobsWith::Waiting),
        (Status::Running, t.accent, "jobs-running", view.jobs_running, JobsWith::Running),
        (Status::Good, t.ok, "jobs-succeeded", view.jobs_succeeded, JobsWith::Succeeded),
    ];
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.add_space(2.0);
    for (status, color, name, n, with) in rows {
        let color = if n == 0 { t.neutral } else { color };
        if figure_row(ui, cx, status, color, &words(name), n) {
            cx.go(jobs_or_tests(cx, with));
        }
    }
}

/// A failed test that nobody has cleaned up waits for a person too, and is no job any more.
fn jobs_or_tests(cx: &Cx<'_>, with: JobsWith) -> Route {
    let stuck = || cx.snapshot.jobs.iter().any(|j| j.state == JobState::Stuck);
    if with == JobsWith::Waiting && cx.snapshot.overview.jobs_waiting > 0 && !stuck() {
        return Route::ItemsWith(ItemsWith::TestToCleanUp);
    }
    Route::JobsWith(with)
}

fn figure_row(ui: &mut Ui, cx: &Cx<'_>, status: Status, color: Color32, name: &str, n: u32) -> bool {
    let width = ui.available_width().min(340.0);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::click());
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
