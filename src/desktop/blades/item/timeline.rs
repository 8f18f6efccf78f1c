//! The recovery points of an item on a line of time: filled marks are application-consistent, rings crash-consistent,
//! squares are the points that began something. A click chooses one and says what it is.

use super::ItemState;
use super::points::{consistency, kind};
use crate::action::Action;
use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::theme::{icons, icons::Icon, ramp};
use egui::accesskit::Role;
use egui::{
    Align2, Color32, Key, Modifiers, Painter, Pos2, Rect, Response, Sense, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};
use leeward_model::{Command, Consistency, ItemView, Moment, PointKind, PointSummary, Verb};

const HEIGHT: f32 = 74.0;
/// Radius of a mark that has room.
const MARK: f32 = 5.0;

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
    let stop = keys(ui, item, state, track);
    let crowd = radius(item, &x);
    let chosen = state.point.or_else(|| item.points.first().map(|p| p.id));
    // The newest last, so that it lies on top and is what a click on a crowd chooses.
    for point in item.points.iter().rev() {
        let at = pos2(x(point.instant), y);
        let hit = Rect::from_center_size(at, vec2((crowd * 3.6).min(18.0), 18.0));
        // Arrows go from point to point: a stop for each would be hundreds.
        let response = ui.interact(hit, ui.scope_id().with(("point", point.id)), Sense::CLICK);
        let said = format!("{}, {}", kit::date_time(point.instant), consistency(point));
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &said));
        if chosen != Some(point.id) {
            let size = if response.hovered() { crowd + 1.5 } else { crowd };
            paint_mark(ui.painter(), cx, at, (point.consistency, point.kind), size);
        }
        if point.pinned {
            icons::paint(ui.painter(), at - vec2(0.0, 16.0), Icon::Lock, 12.0, t.text2);
        }
        if response.on_hover_text(said).clicked() {
            state.point = Some(point.id);
            ui.memory_mut(|m| m.request_focus(stop.id));
        }
    }
    // The chosen one is seen whatever lies around it.
    if let Some(point) = item.points.iter().find(|p| Some(p.id) == chosen) {
        let at = pos2(x(point.instant), y);
        paint_mark(ui.painter(), cx, at, (point.consistency, point.kind), 6.5);
        let ring = mark_color(cx, (point.consistency, point.kind)).gamma_multiply(0.5);
        ui.painter().circle_stroke(at, 10.5, Stroke::new(1.5, ring));
        if stop.has_focus() {
            kit::focus_ring(ui, Rect::from_center_size(at, Vec2::splat(26.0)));
        }
    }
    let now = pos2(track.right(), y);
    ui.painter().vline(now.x, y - 9.0..=y + 9.0, Stroke::new(1.5, t.text2));
    let font = ramp::regular_font(11.0);
    ui.painter().text(now - vec2(-4.0, 12.0), Align2::RIGHT_BOTTOM, words("tile-now"), font, t.text2);
}

/// One stop for all points: left is older, right is newer, Home the oldest, End the newest.
fn keys(ui: &Ui, item: &ItemView, state: &mut ItemState, track: Rect) -> Response {
    let id = ui.scope_id().with("points");
    let response = ui.interact(track, id, Sense::focusable_noninteractive());
    let at = item.points.iter().position(|p| Some(p.id) == state.point).unwrap_or(0);
    if let Some(point) = item.points.get(at) {
        let name = msg("timeline-at")
            .with("point", format!("{}, {}", kit::date_time(point.instant), consistency(point)))
            .with("n", at + 1)
            .with("of", item.points.len())
            .render();
        response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, &name));
    }
    if !response.has_focus() {
        return response;
    }
    kit::reveal(&response);
    let filter = egui::EventFilter { horizontal_arrows: true, ..Default::default() };
    ui.memory_mut(|m| m.set_focus_lock_filter(id, filter));
    // Newest first: older is further on in the list.
    let last = item.points.len().saturating_sub(1);
    let moves = [
        (Key::ArrowLeft, (at + 1).min(last)),
        (Key::ArrowRight, at.saturating_sub(1)),
        (Key::Home, last),
        (Key::End, 0),
    ];
    for (key, to) in moves {
        if ui.input_mut(|i| i.consume_key(Modifiers::NONE, key)) {
            state.point = item.points.get(to).map(|p| p.id);
        }
    }
    response
}

/// How large the marks may be so that a crowd of them is still points: half the distance that most of them have.
fn radius(item: &ItemView, x: &impl Fn(Moment) -> f32) -> f32 {
    let mut apart: Vec<f32> = item
        .points
        .iter()
        .zip(item.points.iter().skip(1))
        .map(|(newer, older)| (x(newer.instant) - x(older.instant)).abs())
        .collect();
    if apart.is_empty() {
        return MARK;
    }
    let middle = apart.len() / 2;
    let (_, median, _) = apart.select_nth_unstable_by(middle, f32::total_cmp);
    (*median * 0.45).clamp(2.0, MARK)
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

pub(super) fn mark(painter: &Painter, cx: &Cx<'_>, at: Pos2, point: &PointSummary) {
    paint_mark(painter, cx, at, (point.consistency, point.kind), MARK);
}

fn mark_color(cx: &Cx<'_>, (consistency, kind): (Consistency, PointKind)) -> Color32 {
    match kind {
        PointKind::Safety => cx.theme.warn,
        _ if consistency == Consistency::Application => cx.theme.ok,
        _ => cx.theme.accent,
    }
}

fn paint_mark(painter: &Painter, cx: &Cx<'_>, at: Pos2, of: (Consistency, PointKind), radius: f32) {
    let (t, (consistency, kind)) = (cx.theme, of);
    let color = mark_color(cx, of);
    let stroke = Stroke::new(2.0_f32.min(radius * 0.5), color);
    let fill = if consistency == Consistency::Application { color } else { t.card };
    if matches!(kind, PointKind::Delta) {
        painter.circle(at, radius, fill, stroke);
    } else {
        let square = Rect::from_center_size(at, Vec2::splat(radius.max(3.5) * 1.8));
        painter.rect(square, 1.5, fill, stroke, StrokeKind::Middle);
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
            paint_mark(ui.painter(), cx, rect.center(), (consistency, kind), MARK);
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
