//! How things go wrong in a world and get well again. Apart from `world`, which runs it second by second.

use super::{Letter, World, sender};
use crate::checkers;
use crate::faults::Fault;
use crate::seed::Seed;
use crate::vault::Death;
use leeward_engine::core::Input;
use leeward_link::messages::{Op, Role};
use leeward_model::{AgentId, Command, Message};

impl World {
    /// Everything that was broken works again.
    pub fn heal(&mut self) {
        self.say("faults end".to_owned());
        self.vault.death = None;
        self.ops_fail = None;
        self.plan.failing_steps.clear();
        self.peers_back = self.now;
        let now = self.now;
        self.hosts_back.values_mut().for_each(|at| *at = now);
        self.links_back.values_mut().for_each(|at| *at = now);
        if self.engine_back.is_some() {
            self.engine_back = Some(now);
        }
    }

    /// Lets something go wrong.
    pub fn strike(&mut self, fault: &Fault) {
        self.say(format!("fault {fault:?}"));
        match fault {
            Fault::AgentCrash { host, secs } => self.crash_host(*host, *secs, false),
            Fault::HostCrash { host, secs } => self.crash_host(*host, *secs, true),
            Fault::EngineLink { host, secs } => {
                if let Some(agent) = self.order.get(*host).copied() {
                    self.links_back.insert(agent, self.now + secs);
                    self.lose(agent);
                }
            }
            Fault::PeerLinks { secs } => self.peers_back = self.now + secs,
            Fault::ReplicationStops { host } => {
                if let Some(found) = self.order.get(*host).and_then(|a| self.hosts.get_mut(a)) {
                    found
                        .items
                        .values_mut()
                        .filter(|k| k.role == Role::Source)
                        .for_each(|k| k.stopped = true);
                }
            }
            Fault::EngineCrash { before } => {
                let number = self.vault.database.writes;
                self.vault.death = Some(if *before { Death::Before(number) } else { Death::After(number) });
            }
            Fault::OpsFail { secs, passes } => self.ops_fail = Some((self.now + secs, *passes)),
            Fault::Verb { chance } => self.random_verb(*chance),
            Fault::Cancel => {
                let running = self.snapshot().and_then(|s| {
                    s.jobs.iter().find(|j| !j.state.is_over() && j.cancel.is_none()).map(|j| j.id)
                });
                if let Some(job) = running {
                    self.command(Command::CancelJob { job });
                }
            }
            Fault::Restart => self.restart_one(),
        }
    }

    /// Restarts a job that can be, as a person would.
    pub fn restart_one(&mut self) {
        let found = self.snapshot().and_then(|s| s.jobs.iter().find(|j| j.restart.is_none()).map(|j| j.id));
        if let Some(job) = found {
            self.command(Command::RestartJob { job });
        }
    }

    fn random_verb(&mut self, chance: u64) {
        let mut seed = Seed::new(chance);
        let Some(snapshot) = self.snapshot() else { return };
        let Some(item) = seed.pick(&snapshot.items).cloned() else { return };
        let may: Vec<_> = item.verbs.iter().filter(|v| v.refused.is_none()).map(|v| v.verb).collect();
        let Some(verb) = seed.pick(&may).copied() else { return };
        if let Some(command) = checkers::command_of(verb, &item, &mut seed) {
            self.command(command);
        }
    }

    fn crash_host(&mut self, host: usize, secs: i64, with_host: bool) {
        let Some(agent) = self.order.get(host).copied() else { return };
        if let Some(found) = self.hosts.get_mut(&agent).filter(|h| h.up) {
            found.crash(with_host);
            self.hosts_back.insert(agent, self.now + secs);
            self.lose(agent);
        }
    }

    /// Whether the answer to this operation is to be lost: its agent goes down instead of giving it.
    pub(super) fn loses_reply(&mut self, agent: AgentId, op: Option<&Op>) -> bool {
        let Some((_, secs)) = self.lost_reply.take_if(|(step, _)| op.is_some_and(|op| op.step == *step))
        else {
            return false;
        };
        if let Some(host) = self.order.iter().position(|a| *a == agent) {
            self.crash_host(host, secs, false);
        }
        true
    }

    /// The session of an agent is over.
    pub(super) fn lose(&mut self, agent: AgentId) {
        let Some(host) = self.hosts.get_mut(&agent) else { return };
        host.session = false;
        host.connect_at = self.now + 2;
        self.letters.retain(|(_, _, letter)| match letter {
            Letter::Call(to, ..) => *to != agent,
            Letter::Input(input) => sender(input) != Some(agent),
        });
        let why = Message::new("sim-session-lost");
        self.input(Input::AgentLost { agent, why });
    }
}
