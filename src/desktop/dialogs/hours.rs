//! Hours of the week as they are chosen in a form: days to press, times to type or drag. Apart from `choices`, which
//! are of one instant.

use crate::kit::{msg, words};
use crate::theme::ramp;
use egui::{DragValue, Ui, vec2};
use leeward_model::hours::clock;
use leeward_model::{Day, Hours};

const LAST_MIN: u16 = 24 * 60 - 1;

/// Draws them in two rows; `name` says to screen readers what they are for.
pub(super) fn show(ui: &mut Ui, hours: &mut Hours, name: &str) {
    ui.horizontal(|ui| {
        ui.add_space(26.0);
        ui.spacing_mut().item_spacing.x = 4.0;
        for day in Day::all() {
            let on = hours.days.contains(&day);
            let button = egui::Button::selectable(on, ramp::body(day.short())).min_size(vec2(44.0, 26.0));
            let said = msg("hours-day-of").with("name", name).with("day", day.short()).render();
            if ui.add(button).accessible_name(said).clicked() && !hours.days.remove(&day) {
                hours.days.insert(day);
            }
        }
    });
    ui.horizontal(|ui| {
        ui.add_space(26.0);
        time(ui, &mut hours.from_min, name, "hours-from");
        time(ui, &mut hours.to_min, name, "hours-to");
    });
}

/// A time of the day: typed as `18:30`, dragged by five minutes.
fn time(ui: &mut Ui, min: &mut u16, name: &str, label: &'static str) {
    ui.label(ramp::body(words(label)));
    let drag = DragValue::new(min)
        .range(0..=LAST_MIN)
        .speed(5.0)
        .custom_formatter(|n, _| clock(whole(n)))
        .custom_parser(|typed| minute(typed).map(f64::from));
    let said = msg("hours-time-of").with("name", name).with("which", words(label)).render();
    ui.add_sized(vec2(72.0, 26.0), drag).accessible_name(said);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a minute of the day, clamped")]
fn whole(n: f64) -> u16 {
    n.clamp(0.0, f64::from(LAST_MIN)).round() as u16
}

/// `18:30`, `8`, `8.30`.
fn minute(typed: &str) -> Option<u16> {
    let (hour, minute) = typed.trim().split_once([':', '.']).unwrap_or((typed.trim(), "0"));
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::minute;

    #[test]
    fn times_are_read_as_people_type_them() {
        assert_eq!(minute("18:30"), Some(1110));
        assert_eq!(minute(" 8.05 "), Some(485));
        assert_eq!(minute("8"), Some(480));
        for wrong in ["", "24:00", "8:60", "half past", "-1", ":"] {
            assert_eq!(minute(wrong), None, "{wrong}");
        }
    }
}
