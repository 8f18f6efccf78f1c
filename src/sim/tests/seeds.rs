//! Chance: seeded faults and verbs over an estate, with what must hold looked at every second, and rest afterwards.

use leeward_sim::seed::Seed;
use leeward_sim::{FaultPlan, Plan, World, checkers};

const SECS: i64 = 1_200;

fn run(seed: u64) -> World {
    let mut world = World::new(seed, Plan { hosts: 4, machines: 2, delay_max: 2, ..Plan::default() });
    world.protect_all();
    let plan = FaultPlan::drawn(&mut Seed::new(seed ^ 0xfau64), SECS, 4);
    world.run_plan(&plan, SECS);
    checkers::comes_to_rest(&mut world);
    world
}

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    match number("LEEWARD_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("LEEWARD_SIM_SEEDS").unwrap_or(64),
    }
}

#[test]
fn seeds_hold_and_come_to_rest() {
    let mut bad = Vec::new();
    for seed in seeds() {
        let ended = std::panic::catch_unwind(|| run(seed));
        if let Err(panic) = ended {
            let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            bad.push((seed, said));
        }
    }
    if let Some((seed, said)) = bad.first() {
        let all: Vec<String> =
            bad.iter().map(|(s, said)| format!("{s}: {}", said.lines().next().unwrap_or_default())).collect();
        let all = all.join("\n");
        panic!("{} seeds fail:\n{all}\nLEEWARD_SIM_SEED={seed} repeats the first: {said}", bad.len());
    }
}

#[test]
fn a_seed_gives_the_same_run_twice() {
    for seed in [3, 17, 40] {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.transcript, second.transcript, "seed {seed}");
        assert_eq!(first.vault.database.records, second.vault.database.records, "seed {seed}");
    }
}
