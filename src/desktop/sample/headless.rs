//! The window without a screen: what a frame costs the program itself, whatever draws its triangles. For
//! benchmarks; apart from the tests' harness, which looks at pixels.

use super::{Stage, clock};
use crate::action::Action;
use crate::route::Route;
use crate::theme::style;
use crate::window::Window;
use egui::epaint::Shape;
use egui::{
    Context, Event, FullOutput, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, RawInput,
    Rect, TouchPhase, Vec2,
};
use std::sync::Arc;

/// A window that nobody sees.
pub struct Headless {
    ctx: Context,
    window: Window,
    size: Vec2,
    frames: u32,
    /// What a person does until the next frame.
    events: Vec<Event>,
}

impl Headless {
    /// Over a stage, this large in points.
    #[must_use]
    pub fn new(stage: &Arc<Stage>, width: f32, height: f32) -> Self {
        let ctx = Context::default();
        style::install(&ctx);
        let window = Window::new(&ctx, &stage.connected(), Route::Overview, clock);
        Self { ctx, window, size: Vec2::new(width, height), frames: 0, events: Vec::new() }
    }

    /// Goes to a blade.
    pub fn go(&mut self, route: Route) {
        self.window.act(Action::Go(route));
    }

    /// Clicks on a text where it is drawn first. False when it is nowhere to be seen.
    pub fn press(&mut self, text: &str) -> bool {
        let output = self.run();
        let mut found = None;
        for clipped in &output.shapes {
            find(&clipped.shape, text, &mut found);
        }
        let Some(pos) = found else { return false };
        for pressed in [true, false] {
            self.events.push(Event::PointerMoved(pos));
            let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
            self.events.push(Event::PointerButton { pos, button, pressed, modifiers });
            self.run();
        }
        true
    }

    /// Types a text.
    pub fn type_text(&mut self, text: &str) {
        self.events.push(Event::Text(text.to_owned()));
        self.run();
    }

    /// Turns the wheel over the middle of the window, with the next frame.
    pub fn scroll(&mut self, points: f32) {
        self.events.push(Event::PointerMoved((self.size / 2.0).to_pos2()));
        self.events.push(Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: Vec2::new(0.0, points),
            phase: TouchPhase::Move,
            source: MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        });
    }

    /// One frame, to triangles. How many things there are to draw.
    pub fn frame(&mut self) -> usize {
        let output = self.run();
        self.ctx.tessellate(output.shapes, output.pixels_per_point).len()
    }

    fn run(&mut self) -> FullOutput {
        self.frames += 1;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, self.size)),
            time: Some(f64::from(self.frames) / 60.0),
            events: std::mem::take(&mut self.events),
            ..RawInput::default()
        };
        self.window.logic(&self.ctx);
        let window = &mut self.window;
        let mut output = self.ctx.run_ui(input, |ui| window.ui(ui));
        // Nobody draws them.
        output.textures_delta.clear();
        output
    }
}

/// The middle of the first text that is this one.
fn find(shape: &Shape, text: &str, found: &mut Option<Pos2>) {
    match shape {
        Shape::Vec(shapes) => shapes.iter().for_each(|inner| find(inner, text, found)),
        Shape::Text(drawn) if found.is_none() && drawn.galley.text() == text => {
            *found = Some(drawn.visual_bounding_rect().center());
        }
        _ => {}
    }
}
