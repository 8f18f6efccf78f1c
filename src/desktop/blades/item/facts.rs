//! The essentials of an item.

use crate::blades::items::location;
use crate::cx::Cx;
use crate::kit::{self, Value, msg, words};
use crate::route::Route;
use egui::Ui;
use leeward_model::{ItemView, Moment, PlaceView, PowerState};

pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>, item: &ItemView) {
    let now = cx.now;
    let age = |at: Option<Moment>, never: &'static str| match at {
        Some(at) => {
            let (age, exact) = kit::age(at, now);
            Value::Hover(age, exact)
        }
        None => Value::Text(words(never)),
    };
    let mut rows = vec![
        (words("fact-health"), Value::Health(item.health, kit::health_word(item.health))),
        (words("fact-status"), Value::Text(item.status.render())),
        (words("fact-active"), Value::Text(location(item))),
        (words("fact-power"), Value::Text(power(item.active_place()))),
        (words("fact-source"), server(item.active_place())),
        (words("fact-target"), server(item.target_place())),
        (words("fact-rpo"), Value::Text(item.rpo_secs.map_or_else(|| words("nothing"), kit::span))),
        (words("fact-synced"), age(item.synced_to, "never")),
        (words("fact-points"), Value::Text(item.points.len().to_string())),
        (words("fact-policy"), Value::Link(item.policy_name.clone(), Route::Policies)),
        (words("fact-tested"), age(item.last_test_ok, "never")),
        (words("fact-failed-over"), age(item.last_failover_ok, "never")),
    ];
    let policy = cx.snapshot.policies.iter().map(|p| &p.policy).find(|p| p.id == item.policy);
    if let Some(policy) = policy.filter(|p| p.busy.is_some() || p.bandwidth_bytes_per_sec_max > 0) {
        rows.push((words("fact-bandwidth"), Value::Text(policy.bandwidth_in_words())));
    }
    if let Some(job) = item.job.and_then(|id| cx.job(id)) {
        rows.push((words("fact-job"), Value::Link(job.verb.title(), Route::Job(job.id))));
    }
    kit::essentials(ui, cx, &rows);
}

fn server(place: &PlaceView) -> Value {
    let key = if place.connected { "fact-place" } else { "fact-place-lost" };
    let text = msg(key).with("server", &place.server_name).with("site", &place.site_name).render();
    Value::Link(text, Route::Server(place.agent))
}

fn power(place: &PlaceView) -> String {
    words(match place.power {
        PowerState::Running => "power-running",
        PowerState::Paused => "power-paused",
        PowerState::ShutDown => "power-shut-down",
        PowerState::Off => "power-off",
        PowerState::Unknown => "power-unknown",
    })
}
