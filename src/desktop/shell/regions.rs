//! The parts of the window that F6 goes through: top bar, hub menu, blade, notification list. Each says where it is and
//! what in it takes the focus. Apart from what is drawn in them.

use egui::{Context, Id, Key, Modifiers, Rect};

/// What begins below this is not the bar at the top.
const BAR: f32 = 40.0;

/// The parts of this frame.
#[derive(Debug, Default)]
pub(crate) struct Regions(Vec<(Rect, Id)>);

impl Regions {
    /// Forgets those of the frame before.
    pub(crate) fn begin(&mut self) {
        self.0.clear();
    }

    /// Adds a part; without anything that takes the focus it is passed over.
    pub(crate) fn put(&mut self, rect: Rect, stop: Option<Id>) {
        self.0.extend(stop.map(|stop| (rect, stop)));
    }

    /// Goes to the part after the one that has the focus, or before it with Shift. Nothing has it: to the first.
    pub(crate) fn keys(&self, ctx: &Context) {
        let back = ctx.input_mut(|i| i.consume_key(Modifiers::SHIFT, Key::F6));
        let on = ctx.input_mut(|i| i.consume_key(Modifiers::NONE, Key::F6));
        if !(back || on) || self.0.is_empty() {
            return;
        }
        let mut parts = self.0.clone();
        // As one reads: the bar, then from left to right.
        parts.sort_by(|(a, _), (b, _)| {
            (a.top() > BAR).cmp(&(b.top() > BAR)).then_with(|| a.left().total_cmp(&b.left()))
        });
        let focused = ctx.memory(|m| m.focused());
        let place = focused.and_then(|id| ctx.read_response(id)).map(|r| r.rect.center());
        let at = parts.iter().position(|(rect, stop)| {
            focused == Some(*stop) || place.is_some_and(|place| rect.contains(place))
        });
        let count = parts.len();
        let to = match (at, back) {
            (Some(at), true) => (at + count - 1) % count,
            (Some(at), false) => (at + 1) % count,
            (None, true) => count - 1,
            (None, false) => 0,
        };
        if let Some((_, stop)) = parts.get(to) {
            ctx.memory_mut(|m| m.request_focus(*stop));
        }
    }
}
