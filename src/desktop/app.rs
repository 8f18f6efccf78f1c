//! eframe's side of the window: opens it, lets a driver steer it, remembers the theme. Apart from `window`, which is
//! what one sees once an engine is there.

use crate::action::Action;
use crate::cx::Cx;
use crate::first_run;
use crate::idle::{Idle, blank};
use crate::options::{Connected, Direction, Director, Driver, RunOptions, Start, Startup};
use crate::places::Places;
use crate::route::Route;
use crate::theme::{self, style};
use crate::window::Window;
use egui::{Context, Ui, ViewportBuilder, ViewportCommand, vec2};
use leeward_model::Moment;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

/// Why the window could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No display, or a library of the display is missing.
    #[error(
        "the window could not be opened: {why}. Check the display, and that libgl1 and libxkbcommon-x11-0 are installed"
    )]
    Open {
        /// What the windowing library said.
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
    let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eframe::run_native(
            "leeward",
            native,
            Box::new(|cc| Ok(Box::new(App::new(&cc.egui_ctx, start, options)))),
        )
    }));
    match shown {
        Ok(shown) => shown.map_err(|e| RunError::Open { why: e.to_string() }),
        // The windowing library panics when one of the libraries it loads is missing.
        Err(panic) => {
            let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            Err(RunError::Open { why })
        }
    }
}

enum Scene {
    Choose { startup: Box<dyn Startup>, state: first_run::State },
    Live(Box<Window>),
}

/// The window as eframe sees it.
pub(crate) struct App {
    scene: Scene,
    initial: Route,
    clock: fn() -> Moment,
    driver: Option<Box<dyn Driver>>,
    preferences: Option<PathBuf>,
    pending: Option<Receiver<Result<(), String>>>,
    /// Frames drawn since the last direction of the driver.
    drawn: u32,
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
            initial: options.initial,
            clock: options.clock,
            driver: options.driver,
            preferences: options.preferences,
            pending: None,
            drawn: 0,
            dark,
        };
        match start {
            Start::Connected(connected) => app.connect(ctx, &connected),
            Start::Choose(startup) => {
                app.scene = Scene::Choose { startup, state: first_run::State::default() };
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
        let Scene::Choose { startup, state } = &mut self.scene else { return None };
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
        let connected = first_run::show(ui, &mut cx, &mut **startup, state);
        for action in actions {
            match action {
                Action::SetDark(dark) => {
                    ui.ctx().set_theme(if dark { egui::Theme::Dark } else { egui::Theme::Light });
                }
                Action::Copy(text) => ui.ctx().copy_text(text),
                _ => {}
            }
        }
        connected
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
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        self.drive(ctx);
        if let Scene::Live(window) = &mut self.scene {
            window.logic(ctx);
        }
        self.remember(ctx);
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
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
