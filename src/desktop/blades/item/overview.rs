//! The first tab of an item: what is wrong, what runs, points on a timeline, RPO and throughput, impact on the guest.

use super::{ItemState, charts, timeline};
use crate::action::{Action, Dialog};
use crate::cx::Cx;
use crate::kit::{self, msg, words};
use crate::route::Route;
use crate::theme::{icons::Icon, icons::Status, ramp};
use egui::{Label, Ui};
use leeward_model::{Fault, HealthIssue, ItemView, TestState, TestView, Verb};

pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>, item: &ItemView, state: &mut ItemState) {
    for issue in &item.issues {
        symptom(ui, cx, issue);
    }
    if let Some(progress) = &item.progress {
        kit::card(ui, cx, &item.status.render(), |ui, cx| kit::progress(ui, cx.theme, progress));
        ui.add_space(8.0);
    }
    for test in &item.tests {
        open_test(ui, cx, item, test);
    }
    timeline::show(ui, cx, item, state);
    ui.add_space(12.0);
    charts::show(ui, cx, item);
}

/// A symptom with since when; its causes and action only as far as there are any.
fn symptom(ui: &mut Ui, cx: &mut Cx<'_>, issue: &HealthIssue) {
    let t = cx.theme;
    let fault: &Fault = &issue.fault;
    let (fill, color) = (t.health_soft(issue.severity), t.health(issue.severity));
    let width = ui.available_width();
    egui::Frame::new().fill(fill).corner_radius(4).inner_margin(egui::Margin::symmetric(12, 10)).show(
        ui,
        |ui| {
            ui.set_width((width - 24.0).max(0.0));
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = 10.0;
                let (rect, _) = ui.allocate_exact_size(egui::vec2(16.0, 18.0), egui::Sense::hover());
                let status = kit::health_status(issue.severity);
                crate::theme::icons::paint_status(ui.painter(), rect.center(), status, 16.0, color, fill);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    let (age, exact) = kit::age(issue.since, cx.now);
                    ui.spacing_mut().interact_size.y = 18.0;
                    ui.horizontal(|ui| {
                        ui.add(Label::new(ramp::strong(fault.what.render(), ramp::BODY)).truncate());
                        ui.label(ramp::caption(age).color(t.text2)).on_hover_text(exact);
                    });
                    for cause in &fault.causes {
                        ui.add(Label::new(ramp::body(cause.render())).wrap());
                    }
                    let action = msg("issue-action").with("action", fault.action.render()).render();
                    ui.add(Label::new(ramp::body(action).color(t.text2)).wrap());
                });
            });
        },
    );
    ui.add_space(4.0);
}

/// A test failover that has not been cleaned up.
fn open_test(ui: &mut Ui, cx: &mut Cx<'_>, item: &ItemView, test: &TestView) {
    kit::card(ui, cx, &words("test-title"), |ui, cx| {
        let (status, color, key) = match test.state {
            TestState::Starting => (Status::Running, cx.theme.accent, "test-starting"),
            TestState::Running => (Status::Good, cx.theme.ok, "test-running"),
            TestState::WaitingForCleanup => (Status::Warning, cx.theme.warn, "test-waiting"),
            TestState::CleaningUp => (Status::Running, cx.theme.accent, "test-cleaning"),
        };
        ui.horizontal(|ui| {
            kit::status_icon(ui, status, 16.0, color);
            let point = kit::date_time(test.point_instant);
            ui.label(ramp::strong(msg(key).with("point", point).render(), ramp::BODY));
            let (age, exact) = kit::age(test.started, cx.now);
            ui.label(ramp::caption(age).color(cx.theme.text2)).on_hover_text(exact);
        });
        if let Some(secs) = test.recovery_secs {
            kit::caption(ui, msg("test-answered").with("secs", kit::secs(secs)).render());
        }
        for reach in &test.reach {
            ui.horizontal(|ui| {
                ui.set_max_height(24.0);
                reach_row(ui, cx, reach);
            });
        }
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            let console = Action::Go(Route::Console { item: item.id, test: test.id });
            if kit::flat_button(ui, Some(Icon::Camera), &Verb::ConsolePicture.title(), true).clicked() {
                cx.act(console);
            }
            let verb = Verb::CleanUpTestFailover;
            let refused = item.verb(verb).and_then(|v| v.refused.as_ref());
            let response = kit::flat_button(ui, Some(Icon::Broom), &verb.title(), refused.is_none());
            if response.clicked() {
                cx.act(Action::Open(Dialog::ItemVerb { verb, items: vec![item.id], test: Some(test.id) }));
            }
            if let Some(why) = refused {
                kit::refusal(response, &why.render());
            }
        });
    });
    ui.add_space(8.0);
}

/// `127.0.20.1:40123 -> 80`: the part before the arrow can be opened and copied.
fn reach_row(ui: &mut Ui, cx: &mut Cx<'_>, reach: &str) {
    let t = cx.theme;
    let (host, port) = reach.split_once("->").map_or((reach, ""), |(a, b)| (a.trim(), b.trim()));
    kit::icon(ui, Icon::Network, 15.0, t.text2);
    let url = format!("http://{host}/");
    if port == "80" || port == "8080" {
        if kit::link(ui, &url).clicked() {
            ui.ctx().open_url(egui::OpenUrl::new_tab(&url));
        }
    } else {
        ui.label(ramp::caption(host).monospace());
    }
    if !port.is_empty() {
        kit::caption(ui, msg("test-port").with("port", port).render());
    }
    if kit::icon_button(ui, Icon::Copy, &words("copy"), 13.0, t.text2, t.hover).clicked() {
        cx.act(Action::Copy(host.to_owned()));
    }
}
