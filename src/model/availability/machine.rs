//! The verbs of a machine on a host: its power, and whether it can be protected. Apart from `item`, which speaks of
//! the promise, not of the machine.

use super::item::HostStand;
use super::refusal;
use crate::command::Refusal;
use crate::snapshot::PowerState;
use crate::text::Message;
use crate::verb::Verb;

/// What ties a machine on this host to a replicated item.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, strum::EnumIter)]
pub enum Tie {
    /// None: it is not protected.
    Free,
    /// The item runs here.
    Active,
    /// The item runs at the other side; here is a replica.
    Replica,
    /// The item was failed over to the other side; here are the disks it left.
    Left,
    /// A job is moving the item.
    Moving,
}

/// Everything the verbs of a machine depend on.
#[derive(Clone, Debug)]
pub struct MachineStand<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its host.
    pub host: HostStand<'a>,
    /// Whether it runs.
    pub power: PowerState,
    /// What ties it to an item.
    pub tie: Tie,
    /// The host on which another copy of it runs, whatever that copy is tied to.
    pub runs_at: Option<&'a str>,
    /// Why it cannot be protected, as its host says.
    pub not_protectable: Option<&'a Message>,
}

/// Start, shut down, power off.
pub(super) fn power(verb: Verb, machine: &MachineStand<'_>) -> Result<(), Refusal> {
    if !machine.host.connected {
        return Err(refusal(Message::new("refusal-host-away").with("host", machine.host.name)));
    }
    match machine.tie {
        Tie::Moving => return Err(named("refusal-machine-moving", machine)),
        Tie::Replica if verb == Verb::StartMachine => return Err(named("refusal-machine-replica", machine)),
        Tie::Left if verb == Verb::StartMachine => {
            return Err(named("refusal-machine-left", machine).helped_by(Verb::ReverseReplicate));
        }
        Tie::Free | Tie::Active | Tie::Replica | Tie::Left => {}
    }
    let runs = matches!(machine.power, PowerState::Running | PowerState::Paused);
    match verb {
        Verb::StartMachine if runs => Err(named("refusal-running", machine)),
        // Where an item says who may write, it decides; here nothing else would notice a second one.
        Verb::StartMachine => match machine.runs_at {
            Some(host) if machine.tie == Tie::Free => {
                let why = Message::new("refusal-machine-runs-at").with("machine", machine.name);
                Err(refusal(why.with("host", host)))
            }
            _ => Ok(()),
        },
        Verb::ShutDownMachine if machine.power == PowerState::Paused => {
            Err(named("refusal-machine-held", machine).helped_by(Verb::PowerOffMachine))
        }
        Verb::ShutDownMachine | Verb::PowerOffMachine if !runs => Err(named("refusal-not-running", machine)),
        _ => Ok(()),
    }
}

/// Whether this machine can be protected.
pub(super) fn enable(verb: Verb, machine: &MachineStand<'_>) -> Result<(), Refusal> {
    if verb != Verb::EnableReplication {
        return Ok(());
    }
    if machine.tie != Tie::Free {
        return Err(named("refusal-protected-already", machine));
    }
    if let Some(why) = machine.not_protectable {
        return Err(refusal(why.clone()));
    }
    if !machine.host.connected {
        return Err(refusal(Message::new("refusal-host-away").with("host", machine.host.name)));
    }
    Ok(())
}

fn named(key: &'static str, machine: &MachineStand<'_>) -> Refusal {
    refusal(Message::new(key).with("machine", machine.name))
}
