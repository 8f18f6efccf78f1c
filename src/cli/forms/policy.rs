//! Forms of the verbs under `policy`.

use super::{Filled, Form, Named, one};
use crate::cli::arguments::{bytes_of, count, frequency_of, maybe, number, of, option, word};
use crate::cli::exit::Stop;
use crate::cli::resolve;
use clap::{Arg, ArgMatches};
use leeward_model::{Command, CopyFrequency, PolicyId, ReplicationPolicy, Retention, Verb};

pub(super) static FORMS: &[Form] = &[
    Form { verb: Verb::CreatePolicy, args: || settings(vec![word("name")]), commands: create },
    Form {
        verb: Verb::EditPolicy,
        args: || settings(vec![word("policy"), option("rename")]),
        commands: edit,
    },
    Form { verb: Verb::DeletePolicy, args: || vec![word("policy")], commands: delete },
];

fn settings(mut first: Vec<Arg>) -> Vec<Arg> {
    first.extend([
        option("frequency").value_parser(["30s", "5m", "15m"]),
        // What can be kept the engine says, in the same words as in the window.
        number("every-point-mins", 0..=i64::from(u32::MAX)),
        number("hourly-hours", 0..=i64::from(u32::MAX)),
        number("app-consistent-hours", 0..=i64::from(u32::MAX)),
        number("points-max", 0..=i64::from(u32::MAX)),
        number("app-consistent-every-mins", 0..=i64::from(u32::MAX)),
        option("bandwidth-max"),
    ]);
    first
}

fn create(filled: &Filled<'_>) -> Result<Vec<Named>, Stop> {
    let name = of(filled.args, "name").to_owned();
    let fresh = ReplicationPolicy {
        // Chosen here, so that sending the command twice makes one policy.
        id: PolicyId(uuid::Uuid::now_v7()),
        name: name.clone(),
        copy_frequency: CopyFrequency::Mins5,
        retention: Retention::default(),
        app_consistent_every_mins: 0,
        bandwidth_bytes_per_sec_max: 0,
    };
    one(name, Command::CreatePolicy { policy: with_settings(fresh, filled.args)? })
}

fn edit(filled: &Filled<'_>) -> Result<Vec<Named>, Stop> {
    let mut policy = resolve::policy(filled.snapshot, of(filled.args, "policy"))?.policy.clone();
    let subject = policy.name.clone();
    if let Some(name) = maybe(filled.args, "rename") {
        name.clone_into(&mut policy.name);
    }
    one(subject, Command::EditPolicy { policy: with_settings(policy, filled.args)? })
}

fn delete(filled: &Filled<'_>) -> Result<Vec<Named>, Stop> {
    let view = resolve::policy(filled.snapshot, of(filled.args, "policy"))?;
    one(view.policy.name.clone(), Command::DeletePolicy { policy: view.policy.id })
}

/// What is not named stays as it is.
fn with_settings(mut policy: ReplicationPolicy, args: &ArgMatches) -> Result<ReplicationPolicy, Stop> {
    if let Some(word) = maybe(args, "frequency") {
        policy.copy_frequency = frequency_of(word)?;
    }
    let keep = |name, now| count(args, name).unwrap_or(now);
    policy.retention = Retention {
        every_point_mins: keep("every-point-mins", policy.retention.every_point_mins),
        hourly_points_hours: keep("hourly-hours", policy.retention.hourly_points_hours),
        app_consistent_hours: keep("app-consistent-hours", policy.retention.app_consistent_hours),
        points_max: keep("points-max", policy.retention.points_max),
    };
    policy.app_consistent_every_mins = keep("app-consistent-every-mins", policy.app_consistent_every_mins);
    if let Some(word) = maybe(args, "bandwidth-max") {
        policy.bandwidth_bytes_per_sec_max = bytes_of(word)?;
    }
    Ok(policy)
}
