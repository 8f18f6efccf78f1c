//! The recovery points of an item on a line of time: filled marks are application-consistent, rings crash-consistent,
//! squares are the points that began something. A click chooses one and says what it is.

use super::ItemState;
use super::points::{consistency, kind};
use crate::action::Action;
use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::{icons, icons::Icon, ramp};
use egui::accesskit::Role;
use egui::{Align2, Painter, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2};
use leeward_model::{Command, Consistency, ItemView, Moment, PointKind, PointSummary, Verb};

const HEIGHT: f32 = 74.0;

pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>, item: &ItemView, state: &mut ItemState) {
    kit::card(ui, cx, &words("timeline"), |ui, cx| {
        if item.points.is_empty() {
            kit::caption(ui, words("points-none-text"));
            return;
        }
        line(ui, cx, item, state);
        symbols(ui, cx);
        let chosen = item.points.iter().find(|p| Some(p.id) == state.point).or_else(|| item.points.first());
        if let Some(point) = chosen {
            details(ui, cx, item, point);
        }
    });
}

fn line(ui: &mut Ui, cx: &Cx<'_>, item: &ItemView, state: &mut ItemState) {
    let t = cx.theme;
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), HEIGHT), Sense::hover());
    let track = Rect::from_min_max(rect.min + vec2(14.0, 0.0), rect.max - vec2(14.0, 0.0));
    let oldest = item.points.iter().map(|p| p.instant).min().unwrap_or(cx.now);
    let span = cx.now.millis_since(oldest).max(60_000);
    let y = ui.painter().round_to_pixel_center(rect.top() + 30.0);
    ui.painter().hline(track.x_range(), y, Stroke::new(2.0, t.control));
    let x = |at: Moment| place(track, cx.now.millis_since(at), span);
    ticks(ui.painter(), cx, track, y, span);
    // The newest last, so that it lies on top and is what a click on a crowd chooses.
    for point in item.points.iter().rev() {
        let at = pos2(x(point.instant), y);
        let hit = Rect::from_center_size(at, Vec2::splat(18.0));
        let response = ui.interact(hit, ui.scope_id().with(("point", point.id)), Sense::click());
        let said = format!("{}, {}", kit::date_time(point.instant), consistency(point));
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &said));
        let chosen = state.point.unwrap_or_else(|| newest(item, point)) == point.id;
        mark(ui.painter(), cx, at, point, chosen || response.hovered());
        if point.pinned {
            icons::paint(ui.painter(), at - vec2(0.0, 16.0), Icon::Lock, 12.0, t.text2);
        }
        if response.has_focus() {
            kit::focus_ring(ui, hit);
        }
        if response.on_hover_text(said).clicked() {
            state.point = Some(point.id);
        }
    }
    let now = pos2(track.right(), y);
    ui.painter().vline(now.x, y - 9.0..=y + 9.0, Stroke::new(1.5, t.text2));
    let font = ramp::regular_font(11.0);
    ui.painter().text(now - vec2(-4.0, 12.0), Align2::RIGHT_BOTTOM, words("tile-now"), font, t.text2);
}

fn newest(item: &ItemView, or: &PointSummary) -> leeward_model::PointId {
    item.points.first().map_or(or.id, |p| p.id)
}

/// The newest points are the ones one chooses from and lie closest together: time is drawn by its square root.
#[expect(clippy::cast_precision_loss, reason = "a share of the width")]
fn place(track: Rect, age: i64, span: i64) -> f32 {
    let share = (age.max(0) as f32 / span as f32).clamp(0.0, 1.0).sqrt();
    track.right() - share * track.width()
}

fn ticks(painter: &Painter, cx: &Cx<'_>, track: Rect, y: f32, span: i64) {
    let font = ramp::regular_font(11.0);
    let oldest = kit::age(cx.now.plus_millis(-span), cx.now).0;
    painter.text(pos2(track.left() - 6.0, y + 20.0), Align2::LEFT_TOP, &oldest, font.clone(), cx.theme.text2);
    const AGES: [i64; 13] =
        [60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400, 172_800, 604_800, 1_209_600];
    let mut last = track.right();
    for secs in AGES.into_iter().filter(|secs| secs * 1000 <= span) {
        let x = painter.round_to_pixel_center(place(track, secs * 1000, span));
        if last - x < 76.0 || x < track.left() + 90.0 {
            continue;
        }
        let said = kit::age(cx.now.plus_secs(-secs), cx.now).0;
        if said == oldest {
            continue;
        }
        last = x;
        painter.vline(x, y + 12.0..=y + 17.0, Stroke::new(1.0, cx.theme.control));
        painter.text(pos2(x, y + 20.0), Align2::CENTER_TOP, said, font.clone(), cx.theme.text2);
    }
}

pub(super) fn mark(painter: &Painter, cx: &Cx<'_>, at: Pos2, point: &PointSummary, strong: bool) {
    paint_mark(painter, cx, at, (point.consistency, point.kind), strong);
}

fn paint_mark(painter: &Painter, cx: &Cx<'_>, at: Pos2, of: (Consistency, PointKind), strong: bool) {
    let (t, (consistency, kind)) = (cx.theme, of);
    let color = match kind {
        PointKind::Safety => t.warn,
        _ if consistency == Consistency::Application => t.ok,
        _ => t.accent,
    };
    let radius = if strong { 6.5 } else { 5.0 };
    let stroke = Stroke::new(2.0, color);
    let fill = if consistency == Consistency::Application { color } else { t.card };
    if matches!(kind, PointKind::Delta) {
        painter.circle(at, radius, fill, stroke);
    } else {
        let square = Rect::from_center_size(at, Vec2::splat(radius * 1.8));
        painter.rect(square, 1.5, fill, stroke, StrokeKind::Middle);
    }
    if strong {
        painter.circle_stroke(at, radius + 4.0, Stroke::new(1.5, color.gamma_multiply(0.5)));
    }
}

/// What the marks mean.
fn symbols(ui: &mut Ui, cx: &Cx<'_>) {
    ui.spacing_mut().interact_size.y = 18.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let rows = [
            (Consistency::Crash, PointKind::Delta, "point-crash"),
            (Consistency::Application, PointKind::Delta, "point-app"),
            (Consistency::Crash, PointKind::Initial, "point-whole"),
        ];
        for (consistency, kind, key) in rows {
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, 16.0), Sense::hover());
            paint_mark(ui.painter(), cx, rect.center(), (consistency, kind), false);
            kit::caption(ui, words(key));
            ui.add_space(10.0);
        }
    });
    ui.add_space(4.0);
}

fn details(ui: &mut Ui, cx: &mut Cx<'_>, item: &ItemView, point: &PointSummary) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        ui.spacing_mut().interact_size.y = 20.0;
        ui.label(ramp::strong(kit::date_time(point.instant), ramp::BODY));
        let (age, _) = kit::age(point.instant, cx.now);
        let said = msg("timeline-point")
            .with("age", age)
            .with("consistency", consistency(point))
            .with("kind", kind(point))
            .with("size", kit::bytes(point.size_bytes));
        ui.label(ramp::body(said.render()).color(cx.theme.text2));
        let refused = item.verb(Verb::VerifyPoint).is_none_or(|v| v.refused.is_some());
        if !refused && kit::link(ui, &words("point-verify")).clicked() {
            cx.act(Action::Send(Command::VerifyPoint { item: item.id, point: point.id }));
        }
    });
}
