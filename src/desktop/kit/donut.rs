//! A ring of slices with a figure in the middle, and the rows of its legend.

use super::buttons::reveal;
use crate::theme::{Theme, icons, ramp};
use egui::accesskit::Role;
use egui::{Align2, Color32, Rect, Response, Sense, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2};

/// One slice.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Its amount.
    pub value: f32,
    /// Its colour.
    pub color: Color32,
    /// Its name.
    pub name: String,
}

/// Draws the ring with a figure and a word in it.
pub fn donut(
    ui: &mut Ui,
    theme: &Theme,
    diameter: f32,
    slices: &[Slice],
    figure: &str,
    word: &str,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(diameter), Sense::hover());
    let said: Vec<String> = slices.iter().map(|s| format!("{}: {}", s.name, s.value)).collect();
    response.widget_info(|| {
        WidgetInfo::labeled(Role::Image, true, format!("{figure} {word} ({})", said.join(", ")))
    });
    let (center, width) = (rect.center(), diameter * 0.12);
    let radius = diameter * 0.5 - width * 0.5 - 1.0;
    let shown: Vec<&Slice> = slices.iter().filter(|s| s.value > 0.0).collect();
    let total: f32 = shown.iter().map(|s| s.value).sum();
    if shown.len() < 2 {
        let color = shown.first().map_or(theme.divider, |s| s.color);
        // The stroke of a circle lies outside it, that of an arc on it.
        ui.painter().circle_stroke(center, radius - width * 0.5, Stroke::new(width, color));
    } else {
        let gap = (1.5 / radius).to_degrees();
        let mut from = -90.0;
        for slice in &shown {
            let sweep = slice.value / total * 360.0;
            let (a, b) = (from + gap, (from + sweep - gap).max(from + gap + 0.6));
            ui.painter().line(icons::arc(center, radius, a, b), Stroke::new(width, slice.color));
            from += sweep;
        }
    }
    let p = ui.painter();
    // A long figure must stay within the ring.
    let share = if figure.chars().count() > 4 { 0.155 } else { 0.2 };
    let big = ramp::semibold_font(diameter * share);
    p.text(center - vec2(0.0, diameter * 0.07), Align2::CENTER_CENTER, figure, big, theme.text);
    let small = ramp::regular_font(ramp::CAPTION);
    p.text(center + vec2(0.0, diameter * 0.12), Align2::CENTER_CENTER, word, small, theme.text2);
    response
}

/// A row of the legend: colour, name, figure. It leads somewhere when clicked.
pub fn legend_row(
    ui: &mut Ui,
    theme: &Theme,
    width: f32,
    color: Color32,
    name: &str,
    value: &str,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(width, 24.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Link, true, format!("{name}: {value}")));
    if response.hovered() {
        ui.painter().rect_filled(rect, 3.0, theme.hover);
    }
    if response.has_focus() {
        super::focus_ring(ui, rect);
    }
    let middle = rect.center().y;
    let square = Rect::from_center_size(pos2(rect.left() + 6.0, middle), Vec2::splat(10.0));
    ui.painter().rect_filled(square, 2.0, color);
    let p = ui.painter();
    let figure = p.text(
        pos2(rect.right() - 3.0, middle),
        Align2::RIGHT_CENTER,
        value,
        ramp::semibold_font(ramp::BODY),
        theme.accent,
    );
    // What does not fit ends in dots before the figure, not within a letter.
    let left = rect.left() + 17.0;
    let mut job =
        egui::text::LayoutJob::simple_singleline(name.to_owned(), ramp::regular_font(ramp::BODY), theme.text);
    job.wrap = egui::text::TextWrapping::truncate_at_width((figure.left() - 6.0 - left).max(10.0));
    let galley = p.layout_job(job);
    p.galley(pos2(left, middle - galley.size().y * 0.5), galley, theme.text);
    reveal(&response);
    response
}
