//! The widgets of the window: one look for all blades. Each file holds one; `wording` holds how figures and times
//! are said. Widgets draw from their arguments and ask through `Cx`; none keeps a copy of the read model.

mod bars;
mod buttons;
mod cards;
mod chart;
mod check;
mod commands;
mod dialog;
mod donut;
mod essentials;
mod field;
mod issue;
mod marks;
pub mod table;
mod wording;

pub use bars::{progress, progress_bar};
pub use buttons::{
    danger_button, flat_button, focus_ring, icon_button, link, menu, passed_over, primary_button, refusal,
    removable_chip, reveal, secondary_button,
};
pub use cards::{caption, card, empty, hairline, page, section, tabs, tile};
pub use chart::{Chart, line_chart, sparkline};
pub use check::check_box;
pub use commands::{CommandButton, command_bar};
pub use dialog::{Button, ButtonKind, DialogAnswer, DialogState, dialog, enters};
pub use donut::{Slice, donut, legend_row};
pub use essentials::{Value, essentials};
pub use field::{field, text_field};
pub use issue::{banner, fault_box};
pub use marks::{chip, health_chip, health_mark, health_status, health_word, icon, status_icon};
pub use wording::{age, bytes, clock_time, count, date_time, msg, rate, render, secs, set_zone, span, words};
