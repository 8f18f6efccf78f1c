//! Pictures of the blades of jobs, servers, policies and consoles, of the wizard and of the first page.

use super::harness::{both, show, show_at};
use crate::route::Route;
use crate::sample;
use egui_kittest::kittest::Queryable as _;
use leeward_model::{ItemId, TestId};

#[test]
fn jobs() {
    both(sample::lab, &Route::Jobs, "jobs");
}

#[test]
fn jobs_none() {
    show(sample::empty(), Route::Jobs, false).picture("jobs_empty");
}

#[test]
fn job_running() {
    both(sample::lab, &Route::Job(sample::lab().jobs[1].id), "job_running");
}

#[test]
fn job_failed() {
    both(sample::lab, &Route::Job(sample::lab().jobs[2].id), "job_failed");
}

#[test]
fn servers() {
    both(sample::lab, &Route::Servers, "servers");
}

#[test]
fn servers_with_long_names() {
    show_at(sample::long_names(), Route::Servers, false, (1024.0, 700.0)).picture("servers_long");
}

#[test]
fn servers_none() {
    show(sample::empty(), Route::Servers, true).picture("servers_empty");
}

#[test]
fn registration_keys() {
    for (dark, name) in [(false, "keys_light"), (true, "keys_dark")] {
        let mut shown = show(sample::lab(), Route::Servers, dark);
        shown.harness.get_by_label_contains("Registration keys").click();
        shown.harness.run();
        shown.picture(name);
    }
}

#[test]
fn server() {
    both(sample::lab, &Route::Server(sample::lab().servers[0].agent), "server");
}

#[test]
fn server_lost() {
    show(sample::lab(), Route::Server(sample::lab().servers[3].agent), false).picture("server_lost");
}

#[test]
fn policies() {
    both(sample::lab, &Route::Policies, "policies");
}

#[test]
fn policies_none() {
    show(sample::empty(), Route::Policies, false).picture("policies_empty");
}

#[test]
fn enable_without_servers() {
    show(sample::empty(), Route::Enable, false).picture("enable_empty");
}

#[test]
fn enable_first_page() {
    both(sample::lab, &Route::Enable, "enable_source");
}

#[test]
fn console_waiting() {
    let route = Route::Console { item: ItemId(sample::id(6, 0)), test: TestId(sample::id(11, 1)) };
    show(sample::lab(), route, false).picture("console_waiting");
}
