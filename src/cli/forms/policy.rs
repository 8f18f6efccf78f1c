//! Forms of the verbs under `policy`.

use super::{Filled, Form, Named, one};
use crate::cli::arguments::{bytes_of, count, frequency_of, hours_of, maybe, number, of, option, word};
use crate::cli::exit::Stop;
use crate::cli::resolve;
use clap::{Arg, ArgMatches};
use leeward_model::{BusyHours, Command, Message, PolicyId, ReplicationPolicy, Retention, Verb};

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
        option("busy-hours"),
        option("busy-bandwidth-max"),
        option("resync-hours"),
    ]);
    first
}

fn create(filled: &Filled<'_>) -> Result<Vec<Named>, Stop> {
    let name = of(filled.args, "name").to_owned();
    // Chosen here, so that sending the command twice makes one policy.
    let fresh = ReplicationPolicy::new(PolicyId(uuid::Uuid::now_v7()), name.clone());
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
    busy(&mut policy, args)?;
    match maybe(args, "resync-hours") {
        None => {}
        Some("any") => policy.resync_hours = None,
        Some(word) => policy.resync_hours = Some(hours_of(word)?),
    }
    Ok(policy)
}

/// The hours with another limit, and that limit. Either may be changed alone once there are such hours.
fn busy(policy: &mut ReplicationPolicy, args: &ArgMatches) -> Result<(), Stop> {
    let limit = maybe(args, "busy-bandwidth-max").map(bytes_of).transpose()?;
    let hours = match maybe(args, "busy-hours") {
        Some("none") if limit.is_none() => {
            policy.busy = None;
            return Ok(());
        }
        Some(word) => Some(hours_of(word)?),
        None => None,
    };
    let known = policy.busy.take();
    policy.busy = match (known, hours, limit) {
        (known, None, None) => known,
        (Some(known), hours, limit) => Some(BusyHours {
            hours: hours.unwrap_or(known.hours),
            bandwidth_bytes_per_sec_max: limit.unwrap_or(known.bandwidth_bytes_per_sec_max),
        }),
        (None, Some(hours), Some(bandwidth_bytes_per_sec_max)) => {
            Some(BusyHours { hours, bandwidth_bytes_per_sec_max })
        }
        (None, ..) => return Err(Stop::usage(Message::new("cli-busy-needs-both"))),
    };
    Ok(())
}
