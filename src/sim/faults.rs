//! What goes wrong: one thing at one second, written down by a test or drawn from a seed.

use crate::seed::Seed;

/// Something that goes wrong, or gets well again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The agent of the host of this number is killed, and starts again after some seconds.
    AgentCrash {
        /// The host.
        host: usize,
        /// Seconds until it starts.
        secs: i64,
    },
    /// The host goes down with its guests, and comes back after some seconds.
    HostCrash {
        /// The host.
        host: usize,
        /// Seconds until it starts.
        secs: i64,
    },
    /// The host and the engine do not reach each other for some seconds.
    EngineLink {
        /// The host.
        host: usize,
        /// Seconds.
        secs: i64,
    },
    /// No two hosts reach each other for some seconds.
    PeerLinks {
        /// Seconds.
        secs: i64,
    },
    /// What replicates from this host stops, until a person has looked.
    ReplicationStops {
        /// The host.
        host: usize,
    },
    /// The engine is killed at its next write; `before` or after it is durable.
    EngineCrash {
        /// Before it is durable.
        before: bool,
    },
    /// Operations fail for some seconds, in a way that passes or not.
    OpsFail {
        /// Seconds.
        secs: i64,
        /// The failure passes by itself.
        passes: bool,
    },
    /// A person uses a verb chosen by this number.
    Verb {
        /// The number.
        chance: u64,
    },
    /// A person cancels a running job.
    Cancel,
    /// A person restarts a job.
    Restart,
}

/// What goes wrong when, in seconds of the world.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FaultPlan {
    /// Ordered by time.
    pub faults: Vec<(i64, Fault)>,
}

impl FaultPlan {
    /// Faults and verbs over `secs` seconds from a seed.
    #[must_use]
    pub fn drawn(seed: &mut Seed, secs: i64, hosts: usize) -> Self {
        let mut faults = Vec::new();
        let mut at = 60;
        while at < secs {
            at += 2 + span(seed, 20);
            let host = usize::try_from(seed.below(hosts as u64)).unwrap_or(0);
            let fault = match seed.below(100) {
                0..=9 => Fault::AgentCrash { host, secs: 1 + span(seed, 20) },
                10..=15 => Fault::HostCrash { host, secs: 5 + span(seed, 60) },
                16..=23 => Fault::EngineLink { host, secs: 1 + span(seed, 60) },
                24..=28 => Fault::PeerLinks { secs: 5 + span(seed, 60) },
                29..=36 => Fault::EngineCrash { before: seed.in_thousand(500) },
                37..=41 => Fault::OpsFail { secs: 1 + span(seed, 12), passes: seed.in_thousand(600) },
                42..=47 => Fault::Cancel,
                48..=53 => Fault::Restart,
                54..=55 => Fault::ReplicationStops { host },
                _ => Fault::Verb { chance: seed.number() },
            };
            faults.push((at, fault));
        }
        Self { faults }
    }
}

fn span(seed: &mut Seed, bound: u64) -> i64 {
    i64::try_from(seed.below(bound)).unwrap_or(0)
}
