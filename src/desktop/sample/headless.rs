//! The window without a screen: what a frame costs the program itself, whatever draws its triangles. For
//! benchmarks; apart from the tests' harness, which looks at pixels.

use super::{Stage, clock};
use crate::action::Action;
use crate::route::Route;
use crate::theme::style;
use crate::window::Window;
use egui::{Context, Pos2, RawInput, Rect, Vec2};
use std::sync::Arc;

/// A window that nobody sees.
pub struct Headless {
    ctx: Context,
    window: Window,
    size: Vec2,
    frames: u32,
}

impl Headless {
    /// Over a stage, this large in points.
    #[must_use]
    pub fn new(stage: &Arc<Stage>, width: f32, height: f32) -> Self {
        let ctx = Context::default();
        style::install(&ctx);
        let window = Window::new(&ctx, &stage.connected(), Route::Overview, clock);
        Self { ctx, window, size: Vec2::new(width, height), frames: 0 }
    }

    /// Goes to a blade.
    pub fn go(&mut self, route: Route) {
        self.window.act(Action::Go(route));
    }

    /// One frame, to triangles. How many things there are to draw.
    pub fn frame(&mut self) -> usize {
        self.frames += 1;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, self.size)),
            time: Some(f64::from(self.frames) / 60.0),
            ..RawInput::default()
        };
        self.window.logic(&self.ctx);
        let window = &mut self.window;
        let output = self.ctx.run_ui(input, |ui| window.ui(ui));
        self.ctx.tessellate(output.shapes, output.pixels_per_point).len()
    }
}
