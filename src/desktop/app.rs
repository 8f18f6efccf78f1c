//! eframe's side of the window: opens it, lets a driver steer it, remembers the theme. Apart from `window`, which is
//! what one sees once an engine is there.

use crate::action::Action;
use crate::cx::Cx;
use crate::first_run;
use crate::idle::{Idle, blank};
use crate::kit::msg;
use crate::options::{Connected, Direction, Director, Driver, RunOptions, Start, Startup};
use crate::places::Places;
use crate::route::Route;
use crate::theme::{self, style};
use crate::window::Window;
use egui::{Context, Ui, ViewportBuilder, ViewportCommand, vec2};
use leeward_model::Moment;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

/// Why the window is not shown, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No display, or a library of the display is missing.
    #[error("{}", msg("window-not-opened").with("why", why).render())]
    Open {
        /// What the windowing library said.
        why: String,
    },
    /// It was there, and then a fault of the program ended it.
    #[error("{}", msg("window-broke").with("why", why).render())]
    Broke {
        /// What the fault said.
        why: String,
    },
}

/// Shows the window until it is closed.
///
/// # Errors
/// When there is no display to show it on.
pub fn run(start: Start, options: RunOptions) -> Result<(), RunError> {
    crate::kit::set_zone(jiff::tz::TimeZone::system());
    let (width, height) = options.size.unwrap_or((1440.0, 900.0));
    let viewport = ViewportBuilder::default()
        .with_app_id("leeward")
        .with_icon(crate::theme::mark::icon(128))
        .with_title("Leeward")
        .with_inner_size(vec2(width, height))
        .with_min_inner_size(vec2(1024.0, 700.0));
    let native = eframe::NativeOptions { viewport, ..Default::default() };
    let drawn = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&drawn);
    let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let make = |cc: &eframe::CreationContext<'_>| {
            let app = App::new(&cc.egui_ctx, start, options);
            Ok(Box::new(App { seen, ..app }) as Box<dyn eframe::App>)
        };
        eframe::run_native("leeward", native, Box::new(make))
    }));
    let drawn = drawn.load(Ordering::Relaxed);
    match shown {
        Ok(shown) => shown.map_err(|e| RunError::of(e.to_string(), drawn)),
        // The windowing library panics when one of the libraries it loads is missing.
        Err(panic) => Err(RunError::of(said(&*panic), drawn)),
    }
}

impl RunError {
    /// Before the first frame it is the display; after it, the display was good.
    const fn of(why: String, drawn: bool) -> Self {
        if drawn { Self::Broke { why } } else { Self::Open { why } }
    }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default()
}

enum Scene {
    /// The first page, and the vault that one can go back to.
    Choose {
        state: first_run::State,
        back: Option<Box<Window>>,
    },
    Live(Box<Window>),
}

/// The window as eframe sees it.
pub(crate) struct App {
    scene: Scene,
    /// What opens vaults; none when the window was opened on one engine alone.
    startup: Option<Box<dyn Startup>>,
    initial: Route,
    clock: fn() -> Moment,
    driver: Option<Box<dyn Driver>>,
    preferences: Option<PathBuf>,
    pending: Option<Receiver<Result<(), String>>>,
    /// Frames drawn since the last direction of the driver.
    drawn: u32,
    /// Set once a frame has been shown.
    seen: Arc<AtomicBool>,
    dark: bool,
}

impl App {
    /// Made once, before the first frame.
    pub(crate) fn new(ctx: &Context, start: Start, options: RunOptions) -> Self {
        style::install(ctx);
        let dark = options.dark.or_else(|| remembered(options.preferences.as_ref())).unwrap_or_default();
        ctx.set_theme(if dark { egui::Theme::Dark } else { egui::Theme::Light });
        let mut app = Self {
            scene: Scene::Live(Box::new(Window::new(
                ctx,
                &Idle::connected(),
                Route::Overview,
                options.clock,
            ))),
            startup: None,
            initial: options.initial,
            clock: options.clock,
            driver: options.driver,
            preferences: options.preferences,
            pending: None,
            drawn: 0,
            seen: Arc::default(),
            dark,
        };
        match start {
            Start::Connected(connected) => app.connect(ctx, &connected),
            Start::Open(connected, startup) => {
                app.startup = Some(startup);
                app.connect(ctx, &connected);
            }
            Start::Choose(startup) => {
                app.startup = Some(startup);
                app.scene = Scene::Choose { state: first_run::State::default(), back: None };
            }
        }
        app
    }

    fn connect(&mut self, ctx: &Context, connected: &Connected) {
        ctx.send_viewport_cmd(ViewportCommand::Title(format!("{} - Leeward", connected.title)));
        self.scene = Scene::Live(Box::new(Window::new(ctx, connected, self.initial.clone(), self.clock)));
    }

    /// Where the window is; none before there is a vault.
    #[cfg(test)]
    pub(crate) fn route(&self) -> Option<Route> {
        match &self.scene {
            Scene::Live(window) => Some(window.route().clone()),
            Scene::Choose { .. } => None,
        }
    }

    fn drive(&mut self, ctx: &Context) {
        let Some(driver) = &mut self.driver else { return };
        let mut director =
            Director { ctx, directions: Vec::new(), settled: self.drawn >= 2, pending: &mut self.pending };
        driver.drive(&mut director);
        let directions = director.directions;
        if !directions.is_empty() {
            self.drawn = 0;
        }
        for direction in directions {
            self.direct(ctx, direction);
        }
        if self.drawn < 2 {
            ctx.request_repaint();
        }
    }

    fn direct(&mut self, ctx: &Context, direction: Direction) {
        let action = match direction {
            Direction::Close => return ctx.send_viewport_cmd(ViewportCommand::Close),
            Direction::Dark(dark) => {
                return ctx.set_theme(if dark { egui::Theme::Dark } else { egui::Theme::Light });
            }
            Direction::Go(route) => Action::Go(route),
            Direction::Open(dialog) => Action::Open(dialog),
            Direction::CloseDialog => Action::CloseDialog,
        };
        if let Scene::Live(window) = &mut self.scene {
            window.act(action);
        }
    }

    fn choose(&mut self, ui: &mut Ui) -> Option<Connected> {
        let (Scene::Choose { state, back }, Some(startup)) = (&mut self.scene, &mut self.startup) else {
            return None;
        };
        let (snapshot, places) = (Arc::new(blank()), Places::default());
        let mut actions = Vec::new();
        let mut cx = Cx {
            snapshot: &snapshot,
            places: &places,
            now: (self.clock)(),
            theme: theme::of(ui),
            sink: &Idle,
            actions: &mut actions,
        };
        let vault = back.as_ref().map(|window| window.vault());
        let (connected, goes_back) = first_run::show(ui, &mut cx, &mut **startup, state, vault.as_deref());
        for action in actions {
            match action {
                Action::SetDark(dark) => {
                    ui.ctx().set_theme(if dark { egui::Theme::Dark } else { egui::Theme::Light });
                }
                Action::Copy(text) => ui.ctx().copy_text(text),
                _ => {}
            }
        }
        if goes_back && let Some(window) = back.take() {
            self.scene = Scene::Live(window);
            ui.ctx().request_repaint();
        }
        connected
    }

    /// Goes to the first page when the window asks for another vault. What is open stays so until there is one.
    fn leave(&mut self) {
        let Scene::Live(window) = &mut self.scene else { return };
        if !window.takes_leave() {
            return;
        }
        if self.startup.is_none() {
            return window.act(Action::Note(crate::kit::words("open-vault-not-here")));
        }
        let choose = Scene::Choose { state: first_run::State::default(), back: None };
        if let Scene::Live(left) = std::mem::replace(&mut self.scene, choose)
            && let Scene::Choose { back, .. } = &mut self.scene
        {
            *back = Some(left);
        }
    }

    /// Keeps the theme for the next time.
    fn remember(&mut self, ctx: &Context) {
        let dark = ctx.theme() == egui::Theme::Dark;
        if dark == self.dark {
            return;
        }
        self.dark = dark;
        if let Some(path) = &self.preferences {
            let text = format!("dark = {dark}\n");
            let folder = path.parent().map(std::fs::create_dir_all);
            // A preference that cannot be kept is not worth a message.
            folder.transpose().and_then(|_| std::fs::write(path, text)).ok();
        }
    }
}

fn remembered(path: Option<&PathBuf>) -> Option<bool> {
    let text = std::fs::read_to_string(path?).ok()?;
    let value = text.lines().find_map(|l| l.strip_prefix("dark = "))?;
    value.trim().parse().ok()
}

impl eframe::App for App {
    /// What shows where nothing is drawn: never the black of an empty framebuffer.
    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        theme::named(visuals.dark_mode).bg.to_normalized_gamma_f32()
    }

    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.drive(ctx);
        if let Scene::Live(window) = &mut self.scene {
            window.logic(ctx);
        }
        self.leave();
        self.remember(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        // A second frame begins only after the first was shown.
        if self.drawn > 0 {
            self.seen.store(true, Ordering::Relaxed);
        }
        self.drawn = self.drawn.saturating_add(1);
        match &mut self.scene {
            Scene::Live(window) => window.ui(ui),
            Scene::Choose { .. } => {
                if let Some(connected) = self.choose(ui) {
                    let ctx = ui.ctx().clone();
                    self.connect(&ctx, &connected);
                    ctx.request_repaint();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RunError, said};

    #[test]
    fn only_what_happens_before_the_first_frame_is_blamed_on_the_display() {
        for panic in [Box::new("a slip") as Box<dyn std::any::Any + Send>, Box::new("a slip".to_owned())] {
            let before = RunError::of(said(&*panic), false).to_string();
            let after = RunError::of(said(&*panic), true).to_string();
            assert!(before.contains("display") && before.contains("a slip"), "{before}");
            assert!(!after.contains("display") && after.contains("a slip"), "{after}");
        }
    }
}
