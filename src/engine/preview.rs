//! What a command would do, before it does it: the same checks, the same declared steps, the estimate from earlier
//! runs, what could be lost and what a person should know.

use crate::core::commands::{consider, items};
use crate::core::state::{Item, State};
use crate::records::JobArgs;
use crate::workflows::{self, On, chosen_point};
use leeward_model::{
    Command, Moment, Phase, Preview, PreviewStep, Protection, Side, SourceFence, TestId, Verb,
};
use leeward_model::{Message, PointChoice, amount};

/// The preview of a command.
pub(crate) fn preview(state: &State, command: &Command, now: Moment) -> Preview {
    let refused = consider(state, command, now).err();
    let item = items::item_of(command).and_then(|id| state.items.get(&id));
    let args = items::job_args(state, command, TestId(uuid::Uuid::nil()));
    let steps = args.map(|args| steps(state, command, item, &args)).unwrap_or_default();
    let mut preview = Preview { refused, steps, ..Preview::default() };
    told(state, command, item, now, &mut preview);
    preview
}

fn steps(state: &State, command: &Command, item: Option<&Item>, args: &JobArgs) -> Vec<PreviewStep> {
    workflows::steps(args.workflow())
        .iter()
        .filter(|decl| (decl.left_out)(args).is_none())
        .map(|decl| PreviewStep {
            title: Message::new(decl.title),
            phase: decl.phase,
            subject: subject(state, command, item, decl.on),
            estimate_secs: Some(estimate(state, command.verb(), decl.id, decl.weight, decl.phase)),
        })
        .collect()
}

fn subject(state: &State, command: &Command, item: Option<&Item>, on: On) -> String {
    let host = |side: Side| {
        item.map(|i| state.server_name(i.record.place(side).agent).to_owned()).unwrap_or_default()
    };
    let from = item.map_or(Side::Primary, |i| i.record.active);
    match (on, command) {
        (On::To, Command::EnableReplication { target, .. }) => state.server_name(*target).to_owned(),
        (On::From, Command::EnableReplication { machines, .. }) => {
            machines.first().map(|on| state.server_name(on.agent).to_owned()).unwrap_or_default()
        }
        (On::From, _) => host(from),
        (On::To, _) => host(from.other()),
        (On::Machine, _) => item.map(|i| i.record.machine.name.clone()).unwrap_or_default(),
    }
}

/// The median of earlier runs, or the declared weight as seconds.
fn estimate(state: &State, verb: Verb, step: &str, weight: u32, _phase: Phase) -> f32 {
    let known = state.durations.get(&(verb, step.into())).filter(|d| !d.is_empty());
    let Some(known) = known else {
        #[expect(clippy::cast_precision_loss, reason = "weights are small")]
        return weight as f32;
    };
    let mut secs: Vec<f32> = known.iter().copied().collect();
    secs.sort_by(f32::total_cmp);
    secs.get(secs.len() / 2).copied().unwrap_or_default()
}

/// What could be lost, and what is good to know.
fn told(state: &State, command: &Command, item: Option<&Item>, now: Moment, preview: &mut Preview) {
    let name = item.map(|i| i.record.machine.name.clone()).unwrap_or_default();
    let say = |key: &'static str| Message::new(key).with("item", &name);
    match command {
        Command::PlannedFailover { .. } => {
            preview.notes.push(say("preview-planned-down"));
            preview.notes.push(say("preview-planned-no-loss"));
        }
        Command::Failover { point, shut_down_source, .. } => {
            if let Some(item) = item {
                failover(state, item, *point, *shut_down_source, now, preview);
            }
        }
        Command::ChangeRecoveryPoint { .. } => preview.losses.push(say("preview-change-point-loss")),
        Command::Commit { .. } => preview.notes.push(say("preview-commit-final")),
        Command::ReverseReplicate { .. } => {
            preview.notes.push(say("preview-reverse-compare"));
            if item.is_some_and(|i| i.record.superseded || unknown_source(i)) {
                preview.losses.push(say("preview-reverse-divergence"));
            }
        }
        Command::DisableReplication { delete_replica, .. } => {
            let points = item.map_or(0, |i| state.points(i).len());
            if *delete_replica && points > 0 {
                preview.losses.push(say("preview-disable-points").with("points", points));
            }
            preview.losses.push(say("preview-disable-unprotected"));
            if let Some(item) = item {
                hosts_told_later(state, item, preview);
                if item.record.left_unfenced || workflows::source_unknown(&item.record.protection) {
                    let old = state.server_name(item.record.place(item.record.active.other()).agent);
                    preview.notes.push(say("preview-disable-fence").with("host", old));
                }
            }
        }
        Command::DiscardSource { .. } => preview.losses.push(say("preview-discard-loss")),
        Command::TestFailover { .. } => preview.notes.push(say("preview-test-isolated")),
        Command::CleanUpTestFailover { .. } => preview.losses.push(say("preview-clean-up-loss")),
        Command::PauseReplication { .. } => preview.notes.push(say("preview-pause")),
        Command::Resynchronize { .. } => preview.notes.push(say("preview-resync")),
        Command::EnableReplication { machines, .. } => enable(state, machines, preview),
        Command::StartMachine { machine } => {
            if let Some(host) = other_copy(state, *machine) {
                let name = items::machine_name(state, *machine).unwrap_or_default();
                preview
                    .losses
                    .push(Message::new("preview-start-copy").with("machine", name).with("host", host));
            }
        }
        Command::PowerOffMachine { machine } => {
            let machine = items::machine_name(state, *machine).unwrap_or_default();
            preview.losses.push(Message::new("preview-power-off-loss").with("machine", machine));
        }
        Command::MakeRegistrationKey { .. } => {
            let addr = &state.vault.engine_addr;
            if leeward_model::is_loopback(addr) {
                preview.notes.push(Message::new("preview-key-loopback").with("addr", addr));
            }
        }
        Command::RemoveServer { agent } => {
            let server = state.server_name(*agent);
            preview.losses.push(Message::new("preview-remove-server-loss").with("server", server));
        }
        Command::EditPolicy { policy } => {
            let items = state.items.values().filter(|i| i.record.policy == policy.id).count();
            preview.notes.push(Message::new("preview-policy-items").with("items", items));
        }
        _ => {}
    }
}

fn failover(
    state: &State,
    item: &Item,
    choice: PointChoice,
    shut_down: bool,
    now: Moment,
    preview: &mut Preview,
) {
    let record = &item.record;
    let name = &record.machine.name;
    let source = record.place(record.active).agent;
    let source_here = state.connected(source);
    let points = state.points(item);
    let newest = matches!(choice, PointChoice::Latest);
    if newest && shut_down && source_here {
        preview.notes.push(Message::new("preview-failover-last-delta").with("item", name));
    }
    let lag = match chosen_point(&points, choice) {
        Some(point) if !newest => {
            let behind = points.first().map_or(0, |first| first.instant.secs_since(point.instant)).max(0);
            state.lag_secs(record, now).map(|lag| lag + u64::try_from(behind).unwrap_or(0))
        }
        Some(_) => state.lag_secs(record, now),
        None => None,
    };
    if record.protection == Protection::Reversing
        && let Some(point) = chosen_point(&points, choice)
    {
        let span = amount::span(u64::try_from(now.secs_since(point.instant)).unwrap_or(0));
        preview.losses.push(Message::new("preview-failover-reversing").with("item", name).with("span", span));
    }
    preview.losses.push(match lag {
        Some(secs) if newest && shut_down && source_here => {
            let said = Message::new("preview-failover-loss-if").with("item", name);
            said.with("span", amount::span(secs)).with("secs", secs)
        }
        Some(secs) => {
            let said = Message::new("preview-failover-loss").with("item", name);
            said.with("span", amount::span(secs)).with("secs", secs)
        }
        None => Message::new("preview-failover-loss-unknown").with("item", name),
    });
    let host = state.server_name(source);
    if source_here {
        preview.notes.push(Message::new("preview-failover-fence").with("host", host));
    } else {
        preview.losses.push(Message::new("preview-failover-source-unknown").with("host", host));
    }
    preview.notes.push(Message::new("preview-failover-unprotected").with("item", name));
}

fn unknown_source(item: &Item) -> bool {
    matches!(item.record.protection, Protection::Committed { source: SourceFence::Unknown })
}

fn hosts_told_later(state: &State, item: &Item, preview: &mut Preview) {
    for agent in [item.record.primary.agent, item.record.recovery.agent] {
        if !state.connected(agent) {
            let host = state.server_name(agent);
            preview.notes.push(Message::new("preview-disable-later").with("host", host));
        }
    }
}

/// A host with another copy of a machine that nothing protects: either may be the newer one.
fn other_copy(state: &State, on: leeward_model::MachineOn) -> Option<&str> {
    if state.protected.contains_key(&on.machine) {
        return None;
    }
    let mut others = state.servers.values().filter(|s| s.record.agent != on.agent);
    others.find(|s| s.machines.contains_key(&on.machine)).map(|s| s.record.name.as_str())
}

fn enable(state: &State, machines: &[leeward_model::MachineOn], preview: &mut Preview) {
    let bytes: u64 = machines
        .iter()
        .filter_map(|on| {
            let facts = state.servers.get(&on.agent)?.machines.get(&on.machine)?;
            Some(facts.definition.disks.iter().map(|d| d.size_bytes).sum::<u64>())
        })
        .sum();
    preview.notes.push(
        Message::new("preview-enable-copy")
            .with("machines", machines.len())
            .with("size", amount::size(bytes)),
    );
}
