//! One connected window: where it is, what it shows, what it has sent. Apart from `app`, which is eframe's side of it.

use crate::action::Action;
use crate::ask;
use crate::blades::Blades;
use crate::cx::Cx;
use crate::dialogs;
use crate::kit::{self, words};
use crate::options::Connected;
use crate::outbox::Outbox;
use crate::places::Places;
use crate::route::Route;
use crate::shell::{self, ShellState, palette::Palette};
use crate::theme;
use egui::{CentralPanel, Context, Frame, Margin, Ui};
use leeward_model::{CommandSink, Health, ItemId, Moment, Snapshot, SnapshotFeed};
use std::sync::Arc;
use std::time::Duration;

const HISTORY_MAX: usize = 64;
const AGES: Duration = Duration::from_secs(30);

/// A window on one vault.
pub(crate) struct Window {
    sink: Arc<dyn CommandSink>,
    feed: Arc<dyn SnapshotFeed>,
    snapshot: Arc<Snapshot>,
    places: Places,
    clock: fn() -> Moment,
    now: Moment,
    route: Route,
    history: Vec<Route>,
    blades: Blades,
    outbox: Outbox,
    shell: ShellState,
    dialog: Option<dialogs::Open>,
    /// What the keyboard was on when the dialog opened.
    opener: Option<egui::Id>,
    actions: Vec<Action>,
    /// Another vault is asked for.
    leaves: bool,
}

impl Window {
    /// A window that begins at `route`. Wakes the context when there is news.
    pub(crate) fn new(ctx: &Context, connected: &Connected, route: Route, clock: fn() -> Moment) -> Self {
        let wake = ctx.clone();
        connected.feed.on_change(Arc::new(move || {
            // The delayed form paints one frame where the immediate one paints two.
            wake.request_repaint_after_for(Duration::from_millis(16), egui::ViewportId::ROOT);
        }));
        Self {
            sink: Arc::clone(&connected.sink),
            feed: Arc::clone(&connected.feed),
            snapshot: connected.feed.latest(),
            places: Places::default(),
            clock,
            now: clock(),
            route,
            history: Vec::new(),
            blades: Blades::default(),
            outbox: Outbox::default(),
            shell: ShellState::default(),
            dialog: None,
            opener: None,
            actions: Vec::new(),
            leaves: false,
        }
    }

    /// Whether another vault was asked for; told once.
    pub(crate) const fn takes_leave(&mut self) -> bool {
        std::mem::replace(&mut self.leaves, false)
    }

    /// The name of its vault.
    pub(crate) fn vault(&self) -> String {
        self.snapshot.vault.name.clone()
    }

    /// Takes the news and the outcomes of commands.
    pub(crate) fn logic(&mut self, ctx: &Context) {
        self.now = (self.clock)();
        // Outcomes first: the snapshot that is read after them shows what they speak of.
        self.outbox.drain(&*self.sink, self.now);
        self.snapshot = self.feed.latest();
        self.outbox.follow(&self.snapshot, self.now);
        self.blades.hear(&*self.sink);
        if let Some(open) = &mut self.dialog {
            dialogs::hear(&*self.sink, open);
        }
        self.apply(ctx);
    }

    /// Asks for something from outside, as a blade would.
    pub(crate) fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Where it is.
    #[cfg(test)]
    pub(crate) const fn route(&self) -> &Route {
        &self.route
    }

    /// Draws everything.
    pub(crate) fn ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let snapshot = Arc::clone(&self.snapshot);
        let mut actions = std::mem::take(&mut self.actions);
        let theme = theme::of(ui);
        let sink = Arc::clone(&self.sink);
        let places = std::mem::take(&mut self.places);
        let mut cx = Cx {
            snapshot: &snapshot,
            places: &places,
            now: self.now,
            theme,
            sink: &*sink,
            actions: &mut actions,
        };
        let item = self.item();
        if self.dialog.is_none() && self.shell.palette.is_none() {
            let items: Vec<ItemId> = item.map_or_else(|| self.blades.selected(&self.route), |id| vec![id]);
            ask::shortcuts(&ctx, &mut cx, &items);
        }
        self.shell.regions.begin();
        shell::top_bar::show(ui, &mut cx, &mut self.shell, self.outbox.unread());
        if !self.shell.hub_folded {
            shell::hub::show(ui, &mut cx, &mut self.shell, &self.route);
        }
        if self.shell.notifications {
            shell::notifications::show(ui, &mut cx, &mut self.outbox, &mut self.shell);
        }
        let margin = Margin { left: 20, right: 16, top: 12, bottom: 0 };
        CentralPanel::default().frame(Frame::new().fill(theme.bg).inner_margin(margin)).show(ui, |ui| {
            if let Some(lost) = self.feed.lost() {
                kit::banner(ui, &mut cx, Health::Critical, &lost.render(), None);
            }
            let title = shell::heading::show(ui, &mut cx, &self.route);
            self.shell.regions.put(ui.max_rect(), Some(title));
            ui.push_id(&self.route, |ui| self.blades.show(ui, &mut cx, &self.route));
        });
        if self.dialog.is_none() && self.shell.palette.is_none() {
            self.shell.regions.keys(&ctx);
            self.escape(&ctx);
        }
        if let Some(open) = &mut self.dialog {
            dialogs::show(&ctx, &mut cx, open);
        } else if let Some(opener) = self.opener.take() {
            ctx.memory_mut(|m| m.request_focus(opener));
            ctx.request_repaint();
        }
        if let Some(palette) = &mut self.shell.palette
            && !shell::palette::show(&ctx, &mut cx, palette, item)
        {
            self.shell.palette = None;
        }
        // The open list shows the same, and toasts would lie on top of it.
        if !self.shell.notifications {
            shell::toasts::show(&ctx, &mut cx, &self.outbox, &mut self.shell);
        }
        // Ages on the screen grow although nothing happens: one frame now and then, none in between.
        ctx.request_repaint_after(AGES);
        self.actions = actions;
        self.places = places;
        if !self.actions.is_empty() {
            self.apply(&ctx);
            ctx.request_repaint();
        }
    }

    /// Escape closes the notification list, once nothing nearer has taken it: a menu, a field, a selection.
    fn escape(&mut self, ctx: &Context) {
        let free = ctx.memory(|m| m.focused().is_none()) && !egui::Popup::is_any_open(ctx);
        if self.shell.notifications
            && free
            && ctx.input_mut(|i| i.consume_key(egui::Modifiers::NONE, egui::Key::Escape))
        {
            self.shell.notifications = false;
        }
    }

    /// The item that the blade is about.
    const fn item(&self) -> Option<ItemId> {
        match &self.route {
            Route::Item(item) | Route::Console { item, .. } => Some(*item),
            _ => None,
        }
    }

    fn apply(&mut self, ctx: &Context) {
        for action in std::mem::take(&mut self.actions) {
            self.carry_out(ctx, action);
        }
    }

    fn carry_out(&mut self, ctx: &Context, action: Action) {
        match action {
            Action::Go(route) => self.go(route),
            Action::Back => {
                if let Some(route) = self.history.pop().or_else(|| self.route.parent()) {
                    self.route = route;
                }
            }
            Action::Send(command) => self.outbox.send(&*self.sink, command, &self.snapshot),
            Action::SendAll(commands) => {
                for command in commands {
                    self.outbox.send(&*self.sink, command, &self.snapshot);
                }
            }
            Action::Open(dialog) => {
                let (snapshot, sink) = (Arc::clone(&self.snapshot), Arc::clone(&self.sink));
                let mut actions = Vec::new();
                let theme = theme::named(ctx.theme() == egui::Theme::Dark);
                if self.dialog.is_none() {
                    self.opener = ctx.memory(|m| m.focused());
                }
                let places = &self.places;
                let mut cx = Cx {
                    snapshot: &snapshot,
                    places,
                    now: self.now,
                    theme,
                    sink: &*sink,
                    actions: &mut actions,
                };
                self.dialog = Some(dialogs::Open::new(dialog, &mut cx));
                self.actions.extend(actions);
            }
            Action::Protect { agent, machine } => {
                self.blades.protect(agent, machine);
                self.go(Route::Enable);
            }
            Action::OtherVault => self.leaves = true,
            Action::CloseDialog => {
                self.dialog = None;
                // A frame without it gives the keyboard back.
                ctx.request_repaint();
            }
            Action::Copy(text) => {
                ctx.copy_text(text);
                self.outbox.say(self.now, Health::Healthy, words("note-copied"), String::new(), None);
            }
            Action::SetDark(dark) => {
                ctx.set_theme(if dark { egui::Theme::Dark } else { egui::Theme::Light });
            }
            Action::Palette => self.shell.palette = Some(Palette::default()),
            Action::Notifications => self.shell.notifications = !self.shell.notifications,
            Action::Note(text) => self.outbox.say(self.now, Health::Warning, text, String::new(), None),
        }
    }

    fn go(&mut self, route: Route) {
        if route == self.route {
            return;
        }
        self.history.push(std::mem::replace(&mut self.route, route));
        if self.history.len() > HISTORY_MAX {
            self.history.remove(0);
        }
    }
}
