//! The picture of a machine's screen, over whatever blade one is on. Apart from `blades::console`, the blade of a test
//! failover; both show the same `Screen`.

use super::frame;
use crate::action::Action;
use crate::blades::console::Screen;
use crate::cx::Cx;
use crate::kit::{self, Button, ButtonKind, DialogAnswer, DialogState, msg, words};
use crate::theme::ramp;
use egui::{Context, Label, vec2};
use leeward_model::{ItemId, TestId, Verb};

/// A screen that is being looked at.
pub(super) struct Console {
    item: Option<ItemId>,
    test: Option<TestId>,
    screen: Screen,
}

impl Console {
    pub(super) fn new(items: &[ItemId], test: Option<TestId>) -> Self {
        Self { item: items.first().copied(), test, screen: Screen::default() }
    }

    pub(super) fn show(&mut self, ctx: &Context, cx: &mut Cx<'_>, state: &mut DialogState) {
        let found = self.item.and_then(|id| cx.snapshot.item(id));
        let name = found.map(|i| i.name.clone()).unwrap_or_default();
        let title =
            msg("dialog-title").with("verb", Verb::ConsolePicture.title()).with("name", name).render();
        if let Some(item) = self.item {
            self.screen.watch(ctx, cx, item, self.test);
        }
        let waits = self.screen.is_waiting().then(|| words("console-waits"));
        let footer = [
            Button::new(words("console-refresh"), ButtonKind::Primary).blocked(waits),
            Button::new(words("close"), ButtonKind::Secondary),
        ];
        let answer = frame(ctx, cx, state, (&title, &footer), |ui, cx| {
            ui.add(Label::new(ramp::body(words("console-text")).color(cx.theme.text2)).wrap());
            ui.add_space(8.0);
            let width = ui.available_width();
            self.screen.show(ui, cx, vec2(width, width * 0.75));
            if let Some(at) = self.screen.taken() {
                ui.add_space(4.0);
                kit::caption(ui, msg("console-taken-at").with("time", kit::date_time(at)).render());
            }
        });
        match answer {
            DialogAnswer::Open => {}
            DialogAnswer::Pressed(0) => self.screen.refresh(),
            DialogAnswer::Pressed(_) | DialogAnswer::Dismissed => cx.act(Action::CloseDialog),
        }
    }
}
