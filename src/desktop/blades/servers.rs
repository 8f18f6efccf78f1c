//! All management servers, and the registration keys with which hosts become part of the vault. Apart from `server`,
//! which is one.

use crate::action::{Action, Dialog};
use crate::cx::Cx;
use crate::kit::table::{Column, Table, TableState, cell_text};
use crate::kit::{self, CommandButton, msg, words};
use crate::route::Route;
use crate::theme::icons::{Icon, Status};
use crate::theme::ramp;
use egui::Ui;
use leeward_model::{KeyState, KeyView, ServerView, Verb};
use std::sync::Arc;

/// What a person has done to the blade.
#[derive(Default, Debug)]
pub struct ServersState {
    tab: usize,
    servers: TableState,
    keys: TableState,
}

/// Draws the blade.
pub fn show(ui: &mut Ui, cx: &mut Cx<'_>, state: &mut ServersState) {
    let snapshot = Arc::clone(cx.snapshot);
    let make = CommandButton::of_verb(Verb::MakeRegistrationKey, Action::Open(Dialog::RegistrationKey));
    kit::command_bar(ui, cx, &[make]);
    let keys = msg("servers-keys-tab").with("n", snapshot.keys.len()).render();
    kit::tabs(ui, &[words("servers-tab"), keys], &mut state.tab);
    if state.tab == 1 {
        return show_keys(ui, cx, &snapshot, &mut state.keys);
    }
    if snapshot.servers.is_empty() {
        let way = (Verb::MakeRegistrationKey.title(), Action::Open(Dialog::RegistrationKey));
        let (title, text) = (words("servers-none"), words("servers-none-text"));
        return kit::empty(ui, cx, Icon::Server, &title, &text, Some(way));
    }
    servers(&snapshot).show(ui, cx, &mut state.servers);
}

/// The name of a server's site.
pub(crate) fn site_of(cx: &Cx<'_>, server: &ServerView) -> String {
    let site = cx.snapshot.sites.iter().find(|s| s.id == server.site);
    site.map(|s| s.name.clone()).unwrap_or_default()
}

/// Whether a server is connected, in words.
pub(crate) fn connection(server: &ServerView) -> String {
    match (&server.connected, &server.lost_why) {
        (true, _) => words("server-connected"),
        (false, Some(why)) => msg("server-lost-why").with("why", why.render()).render(),
        (false, None) => words("server-lost"),
    }
}

fn servers(snapshot: &leeward_model::Snapshot) -> Table<'_, ServerView> {
    Table::new("servers", &snapshot.servers, snapshot.revision, |s| s.agent.0.as_u128(), |s| s.name.clone())
        .filter(|s| format!("{} {} {}", s.name, s.replication_addr, s.version))
        .counted("servers-count")
        .open(|s| Action::Go(Route::Server(s.agent)))
        .column(
            Column::new(words("servers-name"), 180.0, |ui, cx, s: &ServerView| {
                kit::icon(ui, Icon::Server, 16.0, cx.theme.accent);
                if kit::link(ui, &s.name).clicked() {
                    cx.go(Route::Server(s.agent));
                }
            })
            .sort(|a, b| a.name.cmp(&b.name))
            .grows(1.6),
        )
        .column(
            Column::new(words("servers-state"), 150.0, |ui, _, s: &ServerView| {
                kit::health_mark(ui, s.health, &connection(s));
            })
            .sort(|a, b| a.connected.cmp(&b.connected)),
        )
        .column(Column::new(words("servers-site"), 120.0, |ui, cx, s: &ServerView| {
            cell_text(ui, &site_of(cx, s));
        }))
        .column(
            Column::new(words("servers-heard"), 130.0, |ui, cx, s: &ServerView| match s.last_heartbeat {
                Some(at) => {
                    let (age, exact) = kit::age(at, cx.now);
                    ui.label(ramp::body(age)).on_hover_text(exact);
                }
                None => cell_text(ui, &words("nothing")),
            })
            .sort(|a, b| a.last_heartbeat.cmp(&b.last_heartbeat))
            .grows(0.0),
        )
        .column(
            Column::text(words("servers-version"), 90.0, |s: &ServerView| s.version.clone())
                .sort(|a, b| a.version.cmp(&b.version))
                .grows(0.0)
                .gives_way(),
        )
        .column(
            Column::text(words("servers-machines"), 90.0, |s: &ServerView| s.machines.to_string())
                .sort(|a, b| a.machines.cmp(&b.machines))
                .grows(0.0)
                .gives_way(),
        )
        .column(
            Column::text(words("servers-free"), 160.0, |s: &ServerView| {
                msg("servers-free-of")
                    .with("free", kit::bytes(s.free_bytes))
                    .with("total", kit::bytes(s.total_bytes))
                    .render()
            })
            .sort(|a, b| a.free_bytes.cmp(&b.free_bytes)),
        )
}

fn show_keys(ui: &mut Ui, cx: &mut Cx<'_>, snapshot: &leeward_model::Snapshot, state: &mut TableState) {
    if snapshot.keys.is_empty() {
        let way = (Verb::MakeRegistrationKey.title(), Action::Open(Dialog::RegistrationKey));
        let (title, text) = (words("keys-none"), words("keys-none-text"));
        return kit::empty(ui, cx, Icon::Key, &title, &text, Some(way));
    }
    keys(snapshot).show(ui, cx, state);
}

fn keys(snapshot: &leeward_model::Snapshot) -> Table<'_, KeyView> {
    Table::new("keys", &snapshot.keys, snapshot.revision, |k| k.id.0.as_u128(), |k| k.site.clone())
        .filter(|k| format!("{} {}", k.site, k.by))
        .counted("keys-count")
        .column(Column::text(words("keys-site"), 140.0, |k: &KeyView| k.site.clone()))
        .column(Column::new(words("keys-state"), 200.0, key_state).grows(1.6))
        .column(Column::new(words("keys-expires"), 150.0, |ui, cx, k: &KeyView| {
            let (age, exact) = kit::age(k.expires, cx.now);
            ui.label(ramp::body(age)).on_hover_text(exact);
        }))
        .column(Column::text(words("keys-by"), 140.0, |k: &KeyView| k.by.clone()))
        .column(
            Column::new("", 110.0, |ui, cx, k: &KeyView| {
                if k.state == KeyState::Ready
                    && kit::link(ui, &words("keys-revoke"))
                        .on_hover_text(Verb::RevokeRegistrationKey.hint())
                        .clicked()
                {
                    cx.act(Action::Open(Dialog::RevokeKey(k.id)));
                }
            })
            .grows(0.4),
        )
}

fn key_state(ui: &mut Ui, cx: &mut Cx<'_>, key: &KeyView) {
    let t = cx.theme;
    let (status, color, text) = match &key.state {
        KeyState::Ready => (Status::Waiting, t.text2, words("key-ready")),
        KeyState::Used { host, at } => {
            let (age, _) = kit::age(*at, cx.now);
            (Status::Good, t.ok, msg("key-used").with("host", host.as_str()).with("when", age).render())
        }
        KeyState::Expired => (Status::None, t.text2, words("key-expired")),
        KeyState::Revoked => (Status::None, t.text2, words("key-revoked")),
    };
    kit::status_icon(ui, status, 15.0, color);
    cell_text(ui, &text);
}
