//! The console picture of a test failover: what stands on the machine's screen, and when that was. A picture, not a
//! way in: nobody types into a test from here.

use crate::action::{Action, Dialog};
use crate::cx::Cx;
use crate::kit::{self, CommandButton, Value, essentials, words};
use crate::route::Route;
use crate::theme::icons::Icon;
use egui::{ColorImage, TextureHandle, TextureOptions, Ui};
use leeward_model::{Accepted, Command, CommandOutcome, Health, ItemId, Moment, ReceiptId, TestId, Verb};
use std::sync::Arc;
use std::time::Duration;

/// How old a picture may be before another is asked for.
const FRESH_SECS: i64 = 5;

/// The picture, and whether another is on its way.
#[derive(Default)]
pub struct ConsoleState {
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
        let way = (words("console-gone-way"), Action::Go(Route::Item(item)));
        return kit::empty(
            ui,
            cx,
            Icon::Camera,
            &words("console-gone"),
            &words("console-gone-text"),
            Some(way),
        );
    };
    hear(ui, cx, state);
    let due = state.asked_at.is_none_or(|at| cx.now.secs_since(at) >= FRESH_SECS);
    if due && state.waiting.is_none() {
        ask(cx, state, item, test);
    }
    // Another picture comes by itself while somebody looks.
    ui.ctx().request_repaint_after(Duration::from_secs(1));
    let clean = view.verb(Verb::CleanUpTestFailover);
    let mut commands =
        vec![CommandButton::new(Icon::Machine, view.name.clone(), Action::Go(Route::Item(item)))];
    if let Some(state) = clean {
        let dialog = Dialog::ItemVerb { verb: state.verb, items: vec![item], test: Some(test) };
        commands.push(CommandButton::verb(state, Action::Open(dialog)));
    }
    kit::command_bar(ui, cx, &commands);
    let (age, exact) = kit::age(shown.point_instant, cx.now);
    let taken = state.picture.as_ref().map_or_else(|| words("nothing"), |(_, at)| kit::age(*at, cx.now).0);
    let facts = [
        (words("console-machine"), Value::Link(view.name.clone(), Route::Item(item))),
        (words("console-point"), Value::Hover(age, exact)),
        (words("console-reach"), Value::Mono(shown.reach.join(", "))),
        (words("console-taken"), Value::Text(taken)),
    ];
    essentials(ui, cx, &facts);
    ui.add_space(8.0);
    if let Some(why) = &state.failed {
        kit::banner(ui, cx, Health::Warning, why, None);
    }
    match &state.picture {
        Some((texture, _)) => {
            let room = ui.available_size();
            let size = texture.size_vec2();
            let scale = (room.x / size.x).min(room.y / size.y).min(1.5);
            let frame = egui::Frame::new().stroke(egui::Stroke::new(1.0, cx.theme.border)).inner_margin(1);
            frame.show(ui, |ui| {
                let image = egui::Image::new(texture).fit_to_exact_size(size * scale.max(0.2));
                ui.add(image.alt_text(words("console-alt")));
            });
        }
        None if state.failed.is_none() => kit::caption(ui, words("console-waits")),
        None => {}
    }
}

fn ask(cx: &Cx<'_>, state: &mut ConsoleState, item: ItemId, test: TestId) {
    state.asked_at = Some(cx.now);
    state.waiting = Some(cx.sink.submit(Command::ConsolePicture { item, test: Some(test) }));
}

fn hear(ui: &Ui, cx: &Cx<'_>, state: &mut ConsoleState) {
    let Some(receipt) = state.waiting else { return };
    let Some(outcome) = cx.sink.take_outcome(receipt) else {
        ui.ctx().request_repaint_after(Duration::from_millis(100));
        return;
    };
    state.waiting = None;
    state.failed = match outcome {
        CommandOutcome::Accepted(Accepted::Picture { png, at }) => match decode(&png) {
            Some(image) => {
                let texture = ui.ctx().load_texture("console", image, TextureOptions::NEAREST);
                state.picture = Some((texture, at));
                None
            }
            None => Some(words("console-unreadable")),
        },
        CommandOutcome::Accepted(_) => Some(words("console-unreadable")),
        CommandOutcome::Refused(refusal) => Some(refusal.why.render()),
        CommandOutcome::Failed(fault) => Some(fault.what.render()),
    };
}

/// Reads a picture; one that is larger than any console is not believed.
fn decode(png: &[u8]) -> Option<ColorImage> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().ok()?;
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
