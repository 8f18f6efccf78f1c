//! Values over time: a chart with axes and a reading under the pointer, and the small line of a tile.

use super::wording::{clock_seconds, clock_time, date_time, day_time};
use crate::theme::{Theme, ramp};
use egui::accesskit::Role;
use egui::{Align2, Color32, Mesh, Painter, Pos2, Rect, Sense, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2};
use leeward_model::Moment;

/// What a chart shows.
pub struct Chart<'a> {
    /// Its name, for screen readers.
    pub name: &'a str,
    /// Values, oldest first.
    pub values: &'a [(Moment, f32)],
    /// Its colour.
    pub color: Color32,
    /// How a value is said.
    pub unit: fn(f32) -> String,
    /// A line that should not be crossed.
    pub limit: Option<f32>,
    /// The highest value the axis shows at least.
    pub top: f32,
    /// Bars instead of a line.
    pub bars: bool,
    /// Values are bytes: round numbers are those of KiB, MiB, GiB.
    pub binary: bool,
}

/// The axis' upper end: the next round number.
fn round_up(value: f32, binary: bool) -> f32 {
    if value <= 0.0 {
        return 1.0;
    }
    let unit = if binary { 1024f32.powf((value.log2() / 10.0).floor().max(0.0)) } else { 1.0 };
    let decade = unit * 10f32.powf((value / unit).log10().floor());
    [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .map(|step| step * decade)
        .find(|end| *end >= value)
        .unwrap_or(value)
}

/// Up to so many values are marked one by one.
const FEW: usize = 12;

/// Draws a chart over the width there is.
pub fn line_chart(ui: &mut Ui, theme: &Theme, height: f32, chart: &Chart<'_>) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let last = chart.values.last().map(|(_, v)| (chart.unit)(*v)).unwrap_or_default();
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, format!("{}: {last}", chart.name)));
    let peak = chart.values.iter().map(|(_, v)| *v).fold(chart.limit.unwrap_or(0.0).max(chart.top), f32::max);
    let top = round_up(peak * 1.02, chart.binary);
    let plot = Rect::from_min_max(rect.min + vec2(58.0, 8.0), rect.max - vec2(6.0, 20.0));
    axis(ui.painter(), theme, plot, top, chart.unit);
    let (Some(first), Some(end)) = (chart.values.first(), chart.values.last()) else { return };
    let span = end.0.millis_since(first.0).max(1);
    // A bar is as wide as its place: the first and the last must not stand half outside.
    let inset = match (chart.bars, chart.values.len()) {
        (true, count) => bar_width(plot, count) * 0.5,
        (false, ..=FEW) => 3.0,
        (false, _) => 0.0,
    };
    let inner = plot.shrink2(vec2(inset, 0.0));
    #[expect(clippy::cast_precision_loss, reason = "a share of the width")]
    let x = |at: Moment| inner.left() + at.millis_since(first.0) as f32 / span as f32 * inner.width();
    let y = |value: f32| plot.bottom() - (value / top).clamp(0.0, 1.0) * plot.height();
    let alone = chart.values.len() == 1;
    let x = |at: Moment| if alone { inner.center().x } else { x(at) };
    let points: Vec<Pos2> = chart.values.iter().map(|(at, v)| pos2(x(*at), y(*v))).collect();
    let painter = ui.painter().with_clip_rect(plot.expand(2.0).intersect(ui.clip_rect()));
    if chart.bars {
        bars(&painter, plot, &points, chart.color);
    } else {
        area(&painter, plot.bottom(), &points, chart.color.gamma_multiply(0.13));
        painter.line(points.clone(), Stroke::new(1.5, chart.color));
        // Few values are seen as what they are: the line between them is a guess.
        if points.len() <= FEW {
            for point in &points {
                painter.circle_filled(*point, 3.0, chart.color);
            }
        }
    }
    if let Some(limit) = chart.limit {
        let y = painter.round_to_pixel_center(y(limit));
        painter.extend(egui::Shape::dashed_line(
            &[pos2(plot.left(), y), pos2(plot.right(), y)],
            Stroke::new(1.0, theme.err),
            5.0,
            4.0,
        ));
    }
    times(ui.painter(), theme, inner, first.0, if alone { 0 } else { span });
    if let Some(pointer) = response.hover_pos() {
        reading(ui, theme, plot, &points, chart, pointer);
    }
}

fn axis(painter: &Painter, theme: &Theme, plot: Rect, top: f32, unit: fn(f32) -> String) {
    for share in [0.0, 0.5, 1.0] {
        let y = painter.round_to_pixel_center(plot.bottom() - share * plot.height());
        painter.hline(plot.x_range(), y, Stroke::new(1.0, theme.divider));
        let font = ramp::regular_font(11.0);
        painter.text(pos2(plot.left() - 8.0, y), Align2::RIGHT_CENTER, unit(top * share), font, theme.text2);
    }
}

/// Times beneath the plot. None stands twice, and none runs into the next.
fn times(painter: &Painter, theme: &Theme, plot: Rect, first: Moment, span: i64) {
    let font = ramp::regular_font(11.0);
    let y = plot.bottom() + 5.0;
    if span == 0 {
        let at = pos2(plot.center().x, y);
        painter.text(at, Align2::CENTER_TOP, clock_seconds(first), font, theme.text2);
        return;
    }
    let count: i64 = if plot.width() > 420.0 { 4 } else { 2 };
    let mut before = String::new();
    for step in 0..=count {
        let at = first.plus_millis(span * step / count);
        #[expect(clippy::cast_precision_loss, reason = "a small count")]
        let x = plot.left() + plot.width() * step as f32 / count as f32;
        let align = match step {
            0 => Align2::LEFT_TOP,
            s if s == count => Align2::RIGHT_TOP,
            _ => Align2::CENTER_TOP,
        };
        let said = time_said(at, span);
        if said != before {
            painter.text(pos2(x, y), align, &said, font.clone(), theme.text2);
        }
        before = said;
    }
}

/// Within minutes, times to the minute would repeat; over days, they would not say which day.
fn time_said(at: Moment, span: i64) -> String {
    match span {
        ..600_000 => clock_seconds(at),
        600_000..86_400_000 => clock_time(at),
        _ => day_time(at),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a small count")]
fn bar_width(plot: Rect, count: usize) -> f32 {
    (plot.width() / count.max(1) as f32 * 0.66).clamp(1.0, 10.0)
}

fn bars(painter: &Painter, plot: Rect, points: &[Pos2], color: Color32) {
    let width = bar_width(plot, points.len());
    for point in points {
        let rect = Rect::from_min_max(
            pos2(point.x - width * 0.5, point.y),
            pos2(point.x + width * 0.5, plot.bottom()),
        );
        painter.rect_filled(rect, 1.0, color);
    }
}

/// Fills beneath a line.
fn area(painter: &Painter, bottom: f32, points: &[Pos2], color: Color32) {
    let mut mesh = Mesh::default();
    for (index, point) in points.iter().enumerate() {
        mesh.colored_vertex(*point, color);
        mesh.colored_vertex(pos2(point.x, bottom), color);
        if let (Ok(at), true) = (u32::try_from(index * 2), index > 0) {
            mesh.add_triangle(at - 2, at - 1, at);
            mesh.add_triangle(at - 1, at, at + 1);
        }
    }
    painter.add(mesh);
}

fn reading(ui: &Ui, theme: &Theme, plot: Rect, points: &[Pos2], chart: &Chart<'_>, pointer: Pos2) {
    let nearest = points
        .iter()
        .zip(chart.values)
        .min_by(|(a, _), (b, _)| (a.x - pointer.x).abs().total_cmp(&(b.x - pointer.x).abs()));
    let Some((point, (at, value))) = nearest else { return };
    let painter = ui.painter();
    painter.vline(
        painter.round_to_pixel_center(point.x),
        plot.y_range(),
        Stroke::new(1.0, theme.control_hover),
    );
    painter.circle(*point, 3.5, chart.color, Stroke::new(1.5, theme.card));
    let text = format!("{}   {}", (chart.unit)(*value), date_time(*at));
    let galley = painter.layout_no_wrap(text, ramp::regular_font(ramp::CAPTION), theme.text);
    let size = galley.size() + vec2(16.0, 8.0);
    let x = (point.x - size.x * 0.5).clamp(plot.left(), (plot.right() - size.x).max(plot.left()));
    let tip = Rect::from_min_size(pos2(x, plot.top() - 4.0), size);
    painter.rect(tip, 4.0, theme.card, Stroke::new(1.0, theme.border), egui::StrokeKind::Inside);
    painter.galley(tip.min + vec2(8.0, 4.0), galley, theme.text);
}

/// A line without axes.
pub fn sparkline(ui: &mut Ui, size: Vec2, name: &str, values: &[(Moment, f32)], color: Color32) {
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, name));
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return };
    let span = last.0.millis_since(first.0).max(1);
    let peak = values.iter().map(|(_, v)| *v).fold(1e-6, f32::max) * 1.1;
    #[expect(clippy::cast_precision_loss, reason = "a share of the width")]
    let x = |at: Moment| rect.left() + at.millis_since(first.0) as f32 / span as f32 * rect.width();
    let points: Vec<Pos2> = values
        .iter()
        .map(|(at, v)| pos2(x(*at), rect.bottom() - 1.0 - v / peak * (rect.height() - 2.0)))
        .collect();
    area(ui.painter(), rect.bottom(), &points, color.gamma_multiply(0.13));
    ui.painter().line(points, Stroke::new(1.5, color));
}

#[cfg(test)]
mod tests {
    use super::{round_up, time_said};

    #[test]
    fn times_of_a_chart_do_not_repeat() {
        for span in [4_000_i64, 120_000, 599_000, 600_000, 86_399_000, 86_400_000 * 3] {
            let first = crate::sample::NOW;
            let said: Vec<String> =
                (0..=4).map(|n| time_said(first.plus_millis(span * n / 4), span)).collect();
            let mut different = said.clone();
            different.dedup();
            assert_eq!(said, different, "over {span} ms");
        }
    }

    #[test]
    fn the_axis_ends_at_a_round_number_above_the_peak() {
        for value in [0.3_f32, 1.0, 7.9, 31.0, 44.0, 99.0, 301.0] {
            let end = round_up(value, false);
            assert!(end >= value && end <= value * 1.7, "{value} -> {end}");
        }
        assert!(round_up(0.0, false) > 0.0);
        assert_eq!(round_up(30.0 * 1_048_576.0, true), 30.0 * 1_048_576.0);
    }
}
