//! Progress of something long: bar, share, rate and time left.

use super::wording::{bytes, msg, rate, span};
use crate::theme::{self, Theme, ramp};
use egui::accesskit::Role;
use egui::{Rect, Sense, Ui, WidgetInfo, vec2};
use leeward_model::Progress;

/// A bar of a width; `share` from 0.0 to 1.0.
pub fn progress_bar(ui: &mut Ui, width: f32, share: f32) {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width, 4.0), Sense::hover());
    let share = share.clamp(0.0, 1.0);
    response.widget_info(|| {
        WidgetInfo::labeled(Role::ProgressIndicator, true, format!("{:.0} %", share * 100.0))
    });
    ui.painter().rect_filled(rect, 2.0, if t.dark { t.border } else { t.pressed });
    let done = Rect::from_min_size(rect.min, vec2(rect.width() * share, rect.height()));
    ui.painter().rect_filled(done, 2.0, t.accent);
}

/// Bar and figures over the width there is.
pub fn progress(ui: &mut Ui, theme: &Theme, progress: &Progress) {
    ui.vertical(|ui| {
        progress_bar(ui, ui.available_width(), progress.share());
        ui.add_space(2.0);
        ui.label(ramp::caption(sentence(progress)).color(theme.text2));
    });
}

fn sentence(progress: &Progress) -> String {
    let key = if progress.left_secs.is_some() { "progress-left" } else { "progress" };
    msg(key)
        .with("share", format!("{:.0}", progress.share() * 100.0))
        .with("done", bytes(progress.done_bytes))
        .with("total", bytes(progress.total_bytes))
        .with("rate", rate(progress.rate_bytes_per_sec))
        .with("left", span(progress.left_secs.unwrap_or_default()))
        .render()
}
