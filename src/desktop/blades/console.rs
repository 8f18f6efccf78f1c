//! The console picture of a test failover: what stands on the machine's screen, and when that was. A picture, not a
//! way in: nobody types into a test from here. Apart from `dialogs::console`, which shows the same over any blade.

use crate::action::{Action, Dialog};
use crate::cx::Cx;
use crate::kit::{self, CommandButton, Value, essentials, words};
use crate::route::Route;
use crate::theme::icons::Icon;
use egui::{ColorImage, Context, TextureHandle, TextureOptions, Ui, Vec2, vec2};
use leeward_model::{Accepted, Command, CommandOutcome, Health, ItemId, Moment, ReceiptId, TestId, Verb};
use std::sync::Arc;
use std::time::Duration;

/// How old a picture may be before another is asked for.
const FRESH_SECS: i64 = 5;

/// What is known of one test's console.
#[derive(Default)]
pub struct ConsoleState {
    screen: Screen,
}

/// A picture that renews itself while somebody looks.
#[derive(Default)]
pub(crate) struct Screen {
    waiting: Option<ReceiptId>,
    asked_at: Option<Moment>,
    picture: Option<(TextureHandle, Moment)>,
    failed: Option<String>,
}

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut ConsoleState, item: ItemId, test: TestId) {
    let snapshot = Arc::clone(cx.snapshot);
    let found = snapshot.item(item).and_then(|i| Some((i, i.tests.iter().find(|t| t.id == test)?)));
    let Some((view, shown)) = found else {
        let way = Some((words("console-gone-way"), Action::Go(Route::Item(item))));
        let (title, text) = (words("console-gone"), words("console-gone-text"));
        return kit::empty(ui, cx, Icon::Camera, &title, &text, way);
    };
    state.screen.watch(ui.ctx(), cx, item, Some(test));
    let open = words("job-open-item");
    let mut commands = vec![CommandButton::new(Icon::Machine, open, Action::Go(Route::Item(item)))];
    if let Some(state) = view.verb(Verb::CleanUpTestFailover) {
        let dialog = Dialog::ItemVerb { verb: state.verb, items: vec![item], test: Some(test) };
        commands.push(CommandButton::verb(state, Action::Open(dialog)));
    }
    kit::command_bar(ui, cx, &commands);
    let (age, exact) = kit::age(shown.point_instant, cx.now);
    let taken = state.screen.taken().map_or_else(
        || Value::Text(words("nothing")),
        |at| {
            let (age, exact) = kit::age(at, cx.now);
            Value::Hover(age, exact)
        },
    );
    let facts = [
        (words("console-machine"), Value::Link(view.name.clone(), Route::Item(item))),
        (words("console-point"), Value::Hover(age, exact)),
        (words("console-reach"), Value::Mono(shown.reach.join(", "))),
        (words("console-taken"), taken),
    ];
    essentials(ui, cx, &facts);
    ui.add_space(4.0);
    let waits = state.screen.is_waiting();
    if kit::flat_button(ui, Some(Icon::Refresh), &words("console-refresh"), !waits).clicked() {
        state.screen.refresh();
    }
    ui.add_space(4.0);
    let room = ui.available_size() - vec2(4.0, 12.0);
    state.screen.show(ui, cx, room);
}

impl Screen {
    /// Takes an answer in and asks for the next picture when it is due.
    pub(crate) fn watch(&mut self, ctx: &Context, cx: &Cx<'_>, item: ItemId, test: Option<TestId>) {
        self.hear(ctx, cx);
        let due = self.asked_at.is_none_or(|at| cx.now.secs_since(at) >= FRESH_SECS);
        if due && self.waiting.is_none() {
            self.asked_at = Some(cx.now);
            self.waiting = Some(cx.sink.submit(Command::ConsolePicture { item, test }));
        }
        // Another picture comes by itself while somebody looks.
        ctx.request_repaint_after(Duration::from_secs(1));
    }

    /// Asks for another picture at once.
    pub(crate) const fn refresh(&mut self) {
        self.asked_at = None;
    }

    /// Whether a picture is on its way.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// When the picture was taken.
    pub(crate) fn taken(&self) -> Option<Moment> {
        self.picture.as_ref().map(|(_, at)| *at)
    }

    /// Draws the picture as large as the room allows, and why there is no newer one.
    pub(crate) fn show(&self, ui: &mut Ui, cx: &mut Cx<'_>, room: Vec2) {
        if let Some(why) = &self.failed {
            kit::banner(ui, cx, Health::Warning, why, None);
        }
        match &self.picture {
            Some((texture, _)) => {
                let size = texture.size_vec2();
                let scale = (room.x / size.x).min(room.y / size.y).clamp(0.2, 2.0);
                let frame =
                    egui::Frame::new().stroke(egui::Stroke::new(1.0, cx.theme.border)).inner_margin(1);
                frame.show(ui, |ui| {
                    let image = egui::Image::new(texture).fit_to_exact_size(size * scale);
                    ui.add(image.alt_text(words("console-alt")));
                });
            }
            None if self.failed.is_none() => kit::caption(ui, words("console-waits")),
            None => {}
        }
    }

    fn hear(&mut self, ctx: &Context, cx: &Cx<'_>) {
        let Some(receipt) = self.waiting else { return };
        // The feed rings when it is there.
        let Some(outcome) = cx.sink.take_outcome(receipt) else { return };
        self.waiting = None;
        self.failed = match outcome {
            CommandOutcome::Accepted(Accepted::Picture { png, at }) => match decode(&png, side_max(ctx)) {
                Some(image) => {
                    let texture = ctx.load_texture("console", image, TextureOptions::LINEAR);
                    self.picture = Some((texture, at));
                    None
                }
                None => Some(words("console-unreadable")),
            },
            CommandOutcome::Accepted(_) => Some(words("console-unreadable")),
            CommandOutcome::Refused(refusal) => Some(refusal.why.render()),
            CommandOutcome::Failed(fault) => {
                Some(format!("{} {}", fault.what.render(), fault.action.render()))
            }
        };
    }
}

/// Pixels a picture may have at a side: more than any console has, and what the screen's driver can take.
fn side_max(ctx: &Context) -> usize {
    ctx.input(|i| i.max_texture_side).min(8_192)
}

/// Reads a picture; one that is larger than any console is not believed.
fn decode(png: &[u8], side_max: usize) -> Option<ColorImage> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().ok()?;
    let (width, height) = reader.info().size();
    if width.max(height) as usize > side_max {
        return None;
    }
    let bytes = reader.output_buffer_size().filter(|n| *n <= 64 << 20)?;
    let mut pixels = vec![0; bytes];
    let frame = reader.next_frame(&mut pixels).ok()?;
    let size = [usize::try_from(frame.width).ok()?, usize::try_from(frame.height).ok()?];
    let pixels = pixels.get(..frame.buffer_size())?;
    match frame.color_type {
        png::ColorType::Rgb => Some(ColorImage::from_rgb(size, pixels)),
        png::ColorType::Rgba => Some(ColorImage::from_rgba_unmultiplied(size, pixels)),
        png::ColorType::Grayscale => Some(ColorImage::from_gray(size, pixels)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, width, height);
        encoder.set_color(png::ColorType::Grayscale);
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(&vec![7; (width * height) as usize]).expect("pixels");
        writer.finish().expect("an end");
        png
    }

    #[test]
    fn a_picture_that_no_driver_can_take_is_not_believed() {
        assert!(decode(&png(20_000, 1), 8_192).is_none());
        assert!(decode(&png(1, 20_000), 8_192).is_none());
        assert!(decode(&png(8_192, 1), 8_192).is_some());
        assert!(decode(&png(800, 600), 8_192).is_some());
    }
}
