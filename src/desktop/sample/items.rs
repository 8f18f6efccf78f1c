//! Replicated items of the made-up worlds, in every state and both directions.

use super::estate::{place, policy, verb_states};
use super::{NOW, id};
use leeward_model::availability::{HostStand, ItemStand, RunningJob, Stand, Standing};
use leeward_model::health::{CycleCount, Symptoms, health, symptoms};
use leeward_model::*;
use std::sync::Arc;

/// What distinguishes an item; the rest follows.
struct Recipe {
    name: &'static str,
    servers: (u32, u32),
    active: Side,
    protection: Protection,
    replication: ReplicationState,
    status: Message,
    rpo_secs: Option<u64>,
    tested_days: Option<i64>,
    progress: Option<f32>,
    test: bool,
    superseded: bool,
    job: Option<(u32, Verb)>,
}

impl Recipe {
    fn protected(name: &'static str, servers: (u32, u32), rpo_secs: u64) -> Self {
        Self {
            name,
            servers,
            active: Side::Primary,
            protection: Protection::Protected,
            replication: ReplicationState::Active,
            status: Message::new("status-protected"),
            rpo_secs: Some(rpo_secs),
            tested_days: Some(12),
            progress: None,
            test: false,
            superseded: false,
            job: None,
        }
    }
}

pub(super) fn lab() -> Vec<ItemView> {
    let point = PointId(id(7, 1));
    let recipes = [
        Recipe {
            test: true,
            status: Message::new("status-test-running"),
            ..Recipe::protected("web01", (0, 2), 12)
        },
        Recipe {
            replication: ReplicationState::Retrying { attempts: 3, next_at: NOW.plus_secs(150) },
            status: Message::new("status-retrying"),
            rpo_secs: Some(1_530),
            tested_days: Some(95),
            job: Some((0, Verb::SyncNow)),
            ..Recipe::protected("db01", (0, 2), 0)
        },
        Recipe {
            active: Side::Recovery,
            protection: Protection::ProtectedReversed,
            status: Message::new("status-protected-reversed"),
            ..Recipe::protected("files01", (1, 2), 24)
        },
        Recipe {
            active: Side::Recovery,
            protection: Protection::FailedOver {
                kind: FailoverKind::Unplanned,
                point,
                source: SourceFence::Unknown,
            },
            replication: ReplicationState::Idle,
            status: Message::new("status-superseded"),
            rpo_secs: None,
            superseded: true,
            ..Recipe::protected("app01", (1, 2), 0)
        },
        Recipe {
            protection: Protection::InitialReplication,
            status: Message::new("status-initial-replication-share").with("percent", 43u32),
            rpo_secs: None,
            tested_days: None,
            progress: Some(COPIED),
            job: Some((1, Verb::EnableReplication)),
            ..Recipe::protected("mail01", (1, 2), 0)
        },
        Recipe {
            replication: ReplicationState::Paused,
            status: Message::new("status-paused"),
            rpo_secs: Some(4_020),
            tested_days: None,
            ..Recipe::protected("dc01", (1, 3), 0)
        },
    ];
    (0..).zip(recipes).map(|(n, recipe)| item(n, recipe)).collect()
}

pub(super) fn many(count: u32) -> Vec<ItemView> {
    const KINDS: [&str; 8] = ["web", "sql", "app", "file", "mail", "dc", "erp", "build"];
    let name = |n: u32| {
        let kind = KINDS.get((n % 8) as usize).copied().unwrap_or("vm");
        format!("{kind}-{:05}", n / 8 + 1)
    };
    (0..count)
        .map(|n| {
            let recipe = match n % 97 {
                3 | 41 => Recipe {
                    replication: ReplicationState::Paused,
                    status: Message::new("status-paused"),
                    rpo_secs: Some(900),
                    ..Recipe::protected("", (n % 2, 2), 0)
                },
                17 => Recipe {
                    replication: ReplicationState::Retrying { attempts: 2, next_at: NOW.plus_secs(60) },
                    status: Message::new("status-retrying"),
                    rpo_secs: Some(2_400),
                    ..Recipe::protected("", (n % 2, 2), 0)
                },
                23 | 60 | 81 => Recipe {
                    active: Side::Recovery,
                    protection: Protection::ProtectedReversed,
                    status: Message::new("status-protected-reversed"),
                    ..Recipe::protected("", (n % 2, 2), 18)
                },
                _ => Recipe::protected("", (n % 2, 2), u64::from(8 + n * 7 % 23)),
            };
            let mut view = item(n, recipe);
            view.name = name(n);
            if n % 5 == 0 {
                view.last_test_ok = None;
            }
            view
        })
        .collect()
}

fn item(n: u32, recipe: Recipe) -> ItemView {
    let (from, to) = recipe.servers;
    let on = PowerState::Running;
    let (here, there) = match recipe.active {
        Side::Primary => (on, PowerState::Off),
        Side::Recovery => (PowerState::Off, on),
    };
    let (primary, recovery) = (place(from, here), place(to, there));
    let late = recipe.rpo_secs.map_or(5_400, |secs| i64::try_from(secs).unwrap_or_default());
    let points = if matches!(recipe.protection, Protection::InitialReplication) {
        Vec::new()
    } else {
        points(n, late)
    };
    let tests = if recipe.test { vec![test(&points)] } else { Vec::new() };
    let issues = issues(&recipe, [&primary, &recovery]);
    let progress = recipe.progress.map(copied);
    let verbs = verbs(&recipe, &points, &primary, &recovery);
    let healthy = health(&recipe.protection, &issues);
    let policy_at = u32::from(n % 3 == 1);
    ItemView {
        id: ItemId(id(6, n)),
        machine: MachineId(id(4, n)),
        name: recipe.name.into(),
        active: recipe.active,
        epoch: Epoch(if recipe.active == Side::Primary { 1 } else { 2 }),
        status: recipe.status,
        tests,
        last_test_ok: recipe.tested_days.map(|days| NOW.plus_secs(-days * 86_400)),
        last_failover_ok: (recipe.active == Side::Recovery).then(|| NOW.plus_secs(-5_400)),
        health: healthy,
        issues,
        policy: policy(policy_at),
        policy_name: if policy_at == 0 { "gold-30s" } else { "std-5min" }.into(),
        rpo_secs: recipe.rpo_secs,
        synced_to: points.first().map(|p| p.instant),
        disks: disks(n, progress),
        progress,
        // Cycles begin with the first point.
        cycles: Arc::new(if points.is_empty() { Vec::new() } else { cycles(n, &recipe.replication) }),
        guest_write_p99_ms: (!points.is_empty()).then_some((3.8, 3.1)),
        superseded: recipe.superseded,
        job: recipe.job.map(|(n, _)| JobId(id(10, n))),
        points: Arc::new(points),
        protection: recipe.protection,
        replication: recipe.replication,
        primary,
        recovery,
        verbs,
    }
}

/// How much of the first copy under way is done.
pub(super) const COPIED: f32 = 0.43;

/// A first copy under way.
pub(super) fn copied(share: f32) -> Progress {
    let total = 40_u64 << 30;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a sample"
    )]
    let done_bytes = (total as f32 * share) as u64;
    Progress { done_bytes, total_bytes: total, rate_bytes_per_sec: 84 << 20, left_secs: Some(280) }
}

fn issues(recipe: &Recipe, places: [&PlaceView; 2]) -> Vec<HealthIssue> {
    let away: Vec<(&str, Moment)> = places
        .iter()
        .filter(|p| !p.connected)
        .map(|p| (p.server_name.as_str(), NOW.plus_secs(-2_580)))
        .collect();
    symptoms(&Symptoms {
        name: recipe.name,
        protection: &recipe.protection,
        protection_since: NOW.plus_secs(-5_400),
        replication: &recipe.replication,
        fault: None,
        replica_fault: None,
        lag_secs: recipe.rpo_secs,
        cycles: CycleCount { done: 120, missed: 0, latency_secs: 1.0 },
        away: &away,
        superseded: recipe.superseded,
        now: NOW,
    })
}

fn verbs(
    recipe: &Recipe,
    points: &[PointSummary],
    primary: &PlaceView,
    recovery: &PlaceView,
) -> Vec<VerbState> {
    let (source, target) =
        if recipe.active == Side::Primary { (primary, recovery) } else { (recovery, primary) };
    let stand = ItemStand {
        name: recipe.name,
        protection: &recipe.protection,
        active: recipe.active,
        replication: match recipe.replication {
            ReplicationState::Idle => Standing::Idle,
            ReplicationState::Active => Standing::Active,
            ReplicationState::Paused => Standing::Paused,
            ReplicationState::Retrying { .. } => Standing::Retrying,
            ReplicationState::ResyncRequired { .. } => Standing::ResyncRequired,
            ReplicationState::Resynchronizing => Standing::Resynchronizing,
            ReplicationState::Stopped => Standing::Stopped,
        },
        test: recipe.test.then_some(TestState::Running),
        tests: usize::from(recipe.test),
        job: recipe.job.map(|(_, verb)| RunningJob { verb, gives_way: true }),
        stuck: None,
        source: HostStand { name: &source.server_name, connected: source.connected },
        target: HostStand { name: &target.server_name, connected: target.connected },
        points: points.len(),
        power: PowerState::Running,
    };
    let of_items: Vec<Verb> = Verb::all().filter(|v| v.decl().scope == Scope::Item).collect();
    verb_states(&of_items, &Stand::Item(&stand))
}

/// Points of an item; the newest is `late` seconds old.
fn points(n: u32, late: i64) -> Vec<PointSummary> {
    let ages: [i64; 14] = [0, 30, 60, 90, 120, 150, 286, 586, 886, 3_586, 7_186, 7_286, 10_786, 14_286];
    (0..)
        .zip(ages)
        .map(|(at, age)| PointSummary {
            id: PointId(id(7, n * 32 + at)),
            epoch: Epoch(1),
            sequence: Sequence(u64::from(200 - at)),
            instant: NOW.plus_secs(-age - late),
            committed_at: NOW.plus_secs(-age - late + 2),
            consistency: if at % 5 == 4 { Consistency::Application } else { Consistency::Crash },
            kind: match at {
                13 => PointKind::Initial,
                11 => PointKind::Resync,
                _ => PointKind::Delta,
            },
            size_bytes: u64::from((at * 7 + n * 3) % 11 + 1) * 3_300_000,
            pinned: at == 9,
        })
        .collect()
}

fn test(points: &[PointSummary]) -> TestView {
    TestView {
        id: TestId(id(11, 1)),
        state: TestState::Running,
        point: points.first().map_or(PointId(id(7, 0)), |p| p.id),
        point_instant: points.first().map_or(NOW, |p| p.instant),
        network: NetworkChoice::Isolated,
        started: NOW.plus_secs(-260),
        reach: vec!["127.0.20.1:40123 -> 80".into(), "127.0.20.1:40124 -> 22".into()],
        recovery_secs: Some(9.4),
    }
}

fn disks(n: u32, progress: Option<Progress>) -> Vec<DiskView> {
    ["os", "data"]
        .into_iter()
        .zip(0..)
        .map(|(name, at)| DiskView {
            id: DiskId(id(5, n * 4 + at)),
            name: name.into(),
            size_bytes: (8 + u64::from(at) * 32) << 30,
            replica_bytes: (3 + u64::from(at) * 11) << 30,
            log_bytes: u64::from(at) * 4_200_000,
            dirty_bytes: 1_300_000 + u64::from(at) * 9_000_000,
            tracked: true,
            progress: progress.filter(|_| at == 1),
        })
        .collect()
}

/// A wave without randomness.
fn wave(at: u16, n: u32) -> f32 {
    let x = f32::from(at);
    #[expect(clippy::cast_precision_loss, reason = "a sample")]
    let shift = (n % 13) as f32;
    (x * 0.31 + shift).sin() * 0.5 + (x * 1.7 + shift).cos() * 0.2 + 0.9
}

fn cycles(n: u32, replication: &ReplicationState) -> Vec<CycleSample> {
    if matches!(replication, ReplicationState::Idle) || n > 200 {
        return Vec::new();
    }
    let late = if matches!(replication, ReplicationState::Active) { 0 } else { 1_500 };
    (0..96_u16)
        .map(|at| {
            let level = wave(at, n);
            let spike = if at == 61 { 34.0 } else { 0.0 };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a sample")]
            let sent_bytes = (level * 9_000_000.0) as u64 + u64::from(at == 61) * 40_000_000;
            CycleSample {
                at: NOW.plus_secs(-late - i64::from(95 - at) * 30),
                rpo_secs: 30.0 + level * 4.0 + spike,
                sent_bytes,
                ship_secs: 0.8 + level,
                capture_ms: 4.0 + level * 3.0,
            }
        })
        .collect()
}

/// The median RPO of the last day.
pub(super) fn median() -> Vec<(Moment, f32)> {
    (0..96_u16)
        .map(|at| {
            let spike = if at == 58 { 30.0 } else { 0.0 };
            (NOW.plus_secs(-i64::from(95 - at) * 900), 14.0 + wave(at, 2) * 12.0 + spike)
        })
        .collect()
}
