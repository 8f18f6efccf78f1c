//! The story of the tour: two sites from nothing, through a test, a planned move, the way home, a disaster and
//! the return of the old source. Only public verbs; the lab's hosts are started and killed as a person would.

use super::camera::Scene;
use super::stage::{BOOT, JOB, Stage, Tour};
use super::verify::{MACHINES, address_of, all_items};
use leeward_engine::shell::{Clock as _, SystemClock};
use leeward_model::{
    Accepted, AgentId, Command, Consistency, CopyFrequency, ItemView, NetworkChoice, PointChoice, PointKind,
    PolicyId, PowerState, Protection, ReplicationPolicy, ReplicationState, Retention, Side, Snapshot,
    SourceFence, Start, TestId, TestState, Verb,
};
use std::time::Duration;

/// Runs the whole story. The error says where it ended.
pub(crate) fn run(tour: &mut Tour) -> Result<(), String> {
    tour.stage("enrol", "Enrol both hosts", enrol)?;
    tour.stage("start", "Start the lab's machines at Stockholm", start_machines)?;
    tour.stage("protect", "Protect all machines and copy them for the first time", protect)?;
    tour.stage("cycles", "Replicate changes for several cycles", cycles)?;
    tour.stage("test", "Test failover of two machines on different points", test_failover)?;
    tour.stage("clean-up", "Clean up the test failovers", clean_up)?;
    tour.stage("planned", "Planned failover to Göteborg", |t, s| planned(t, s, Side::Recovery))?;
    tour.stage("commit", "Commit", commit)?;
    tour.stage("reverse", "Reverse replicate: Göteborg to Stockholm", |t, s| reverse(t, s, Side::Recovery))?;
    tour.stage("home", "Planned failover home to Stockholm", |t, s| planned(t, s, Side::Primary))?;
    tour.stage("home-commit", "Commit at home", commit)?;
    tour.stage("home-reverse", "Protect from home again", |t, s| reverse(t, s, Side::Primary))?;
    tour.stage("disaster", "Stockholm is lost: failover to Göteborg", super::disaster::lose_the_source)?;
    tour.stage("disaster-commit", "Commit", commit)?;
    tour.stage("return", "Stockholm returns and stays off", super::disaster::source_returns)?;
    tour.stage("resync", "Reverse replicate with resynchronization", super::disaster::reverse_with_resync)
}

fn enrol(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    for (folder, site) in [("stockholm", "Stockholm"), ("goteborg", "Göteborg")] {
        let accepted = tour.watch.command(Command::MakeRegistrationKey { site: site.to_owned() })?;
        let Accepted::RegistrationKey { file_text, .. } = accepted else {
            return Err("no registration key was given".to_owned());
        };
        tour.lab.enrol(folder, &file_text).map_err(|e| e.to_string())?;
        tour.lab.start_agent(folder).map_err(|e| e.to_string())?;
        tour.watch.until(&format!("the agent at {site}"), Duration::from_secs(60), |s| {
            s.servers.iter().any(|v| v.connected && site_name(s, v.agent) == site).then_some(())
        })?;
        stage.say(&format!("{site} is enrolled and connected"));
    }
    let snapshot = tour.watch.now();
    stage.verify(
        snapshot.servers.len() == 2 && snapshot.servers.iter().all(|s| s.connected),
        "both hosts are connected with certificates of this vault",
        "server list of the vault; the engine accepts mutual TLS only",
        snapshot.servers.iter().map(|s| s.name.clone()).collect::<Vec<_>>().join(", "),
    );
    tour.picture(stage, "servers", &Scene::Servers);
    Ok(())
}

fn start_machines(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    let source = agent_of(&tour.watch.now(), "Stockholm")?;
    for name in MACHINES {
        let machine = tour.watch.until(name, Duration::from_secs(30), |s| {
            s.machines.iter().find(|m| m.definition.name == name && m.agent == source).cloned()
        })?;
        if machine.power != PowerState::Running {
            let jobs = tour.watch.begin(Command::StartMachine { machine: machine.on() })?;
            tour.watch.finish(&jobs, BOOT)?;
        }
    }
    for name in MACHINES {
        let id = machine_id(tour, name)?;
        tour.check_records(stage, name, id, source)?;
    }
    tour.picture(stage, "machines-run", &Scene::Overview);
    Ok(())
}

fn protect(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    let snapshot = tour.watch.now();
    let target = agent_of(&snapshot, "Göteborg")?;
    let policy = ReplicationPolicy {
        id: PolicyId(uuid::Uuid::now_v7()),
        name: "Lab, 30 seconds".to_owned(),
        copy_frequency: CopyFrequency::Secs30,
        retention: Retention::default(),
        app_consistent_every_mins: 2,
        bandwidth_bytes_per_sec_max: 0,
        busy: None,
        // Nobody waits here for the night.
        resync_hours: None,
    };
    let policy_id = policy.id;
    tour.watch.command(Command::CreatePolicy { policy })?;
    let mut machines = Vec::new();
    for name in MACHINES {
        machines.push(machine_on(tour, name)?);
    }
    let jobs = tour.watch.begin(Command::EnableReplication {
        machines,
        target,
        policy: policy_id,
        start: Start::Now,
    })?;
    tour.picture(stage, "initial-replication", &Scene::Items);
    tour.watch.finish(&jobs, JOB)?;
    all_items(&tour.watch, "all machines protected", JOB, |i| i.protection == Protection::Protected)?;
    for item in tour.items()? {
        let initial = item.points.iter().rev().find(|p| p.kind == PointKind::Initial);
        stage.bytes(initial.map_or(0, |p| p.size_bytes));
    }
    tour.first_copy_bytes = stage.sent();
    stage.figure("initial replication of four machines, seconds", stage.secs());
    tour.verify_points(stage)?;
    tour.picture(stage, "overview-protected", &Scene::Overview);
    if let Some(job) = jobs.first() {
        tour.picture(stage, "job-enable", &Scene::Job(*job));
    }
    Ok(())
}

fn cycles(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    for item in tour.items()? {
        let since = item.synced_to.unwrap_or_default();
        tour.deltas_since(item.id, since, 3)?;
        let item = tour.item(&item.name)?;
        let rpo = item.rpo_secs.unwrap_or(u64::MAX);
        stage.verify(
            rpo <= 60,
            &format!("{}: lag within twice the copy frequency", item.name),
            "age of the newest point at the target",
            format!("{rpo} s, {} points", item.points.len()),
        );
    }
    let frozen = |i: &ItemView| i.points.iter().filter(|p| p.consistency == Consistency::Application).count();
    let came = all_items(&tour.watch, "application-consistent points", BOOT, |i| frozen(i) > 0);
    for item in tour.items()? {
        stage.verify(
            came.is_ok() && frozen(&item) > 0,
            &format!("{}: an application-consistent point came on schedule", item.name),
            "the kind of its points at the target; the policy asks for one every 2 minutes",
            format!("{} of {} points", frozen(&item), item.points.len()),
        );
    }
    tour.verify_points(stage)?;
    tour.picture(stage, "items", &Scene::Items);
    let item = tour.item("sql01")?;
    tour.picture(stage, "item", &Scene::Item(item.id));
    Ok(())
}

/// How much older than the records that were asked for the older point of a test is: the guests write every second.
const OLDER_MILLIS: i64 = 10_000;

fn test_failover(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    let asked_from = SystemClock.now();
    let (written, at) = tour.written()?;
    for name in ["web01", "sql01"] {
        tour.deltas_since(tour.item(name)?.id, at, 1)?;
    }
    let web = tour.item("web01")?;
    let sql = tour.item("sql01")?;
    let older = sql.points.iter().find(|p| asked_from.millis_since(p.instant) >= OLDER_MILLIS);
    let older = older.ok_or("sql01 has no older recovery point")?.clone();
    tour.picture(stage, "test-failover-dialog", &Scene::Dialog(web.id, Verb::TestFailover));
    let mut jobs = tour.watch.begin(Command::TestFailover {
        item: web.id,
        point: PointChoice::Latest,
        network: NetworkChoice::Isolated,
    })?;
    jobs.extend(tour.watch.begin(Command::TestFailover {
        item: sql.id,
        point: PointChoice::Exact(older.id),
        network: NetworkChoice::Isolated,
    })?);
    if let Some(job) = jobs.first() {
        tour.picture(stage, "job-test-failover", &Scene::Job(*job));
    }
    tour.watch.finish(&jobs, BOOT)?;
    for item in [web, sql] {
        let (test, state) = ask_test(tour, &item.name)?;
        stage.verify(
            state.gap_free && state.pair_ok && state.host == item.name,
            &format!("{}: the copy booted from its point with gap-free records", item.name),
            "HTTP to the test machine in its isolated network",
            format!("up to record {} at boot", state.verified_at_boot_last),
        );
        let open = tour.item(&item.name)?.tests.iter().find(|t| t.id == test).cloned();
        let (found, known) =
            (state.verified_at_boot_last, written.get(&item.name).copied().unwrap_or(u64::MAX));
        if item.name == "sql01" {
            stage.verify(
                found > 0 && found < known && open.as_ref().is_some_and(|t| t.point == older.id),
                "sql01: the copy is the machine as it was at the older point, not as it is now",
                "records found at boot < records of the machine after that point; point of the test",
                format!("{found} < {known}"),
            );
        } else {
            stage.verify(
                found >= known,
                "web01: the copy has everything up to the newest point",
                "records found at boot >= records of the machine before that point",
                format!("{found} >= {known}"),
            );
        }
        if let Some(secs) = open.and_then(|t| t.recovery_secs) {
            stage.figure(&format!("{}: point to answering guest, seconds", item.name), secs);
        }
        tour.picture(stage, &format!("console-{}", item.name), &Scene::Console(item.id, test));
    }
    went_on_meanwhile(tour, stage)?;
    tour.one_writer(stage);
    Ok(())
}

/// Replication does not stand still because of a test.
fn went_on_meanwhile(tour: &Tour, stage: &mut Stage) -> Result<(), String> {
    for name in ["web01", "sql01"] {
        let began = tour.item(name)?.tests.first().map(|t| t.started).ok_or("the test is gone")?;
        let came = tour.deltas_since(tour.item(name)?.id, began, 1);
        let item = tour.item(name)?;
        let fresh = item.points.iter().filter(|p| p.kind == PointKind::Delta && p.instant > began).count();
        let runs = item.tests.iter().any(|t| t.state == TestState::Running);
        stage.verify(
            came.is_ok() && fresh > 0 && runs,
            &format!("{name}: replication went on during the test"),
            "points at the target whose instant is after the test began, while the test runs",
            format!("{fresh} new points, test {}", if runs { "runs" } else { "does not run" }),
        );
    }
    Ok(())
}

fn clean_up(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    let mut jobs = Vec::new();
    for item in tour.items()? {
        for test in &item.tests {
            jobs.extend(tour.watch.begin(Command::CleanUpTestFailover {
                item: item.id,
                test: test.id,
                notes: "Guided tour: records verified over HTTP".to_owned(),
            })?);
        }
    }
    tour.watch.finish(&jobs, JOB)?;
    for name in ["web01", "sql01"] {
        let item = tour.item(name)?;
        stage.verify(
            item.tests.is_empty() && item.last_test_ok.is_some(),
            &format!("{name}: the test is gone and counts as passed"),
            "the item's own state",
            format!("{} test failovers open", item.tests.len()),
        );
    }
    let item = tour.item("web01")?;
    tour.picture(stage, "item-cleaned-up", &Scene::Item(item.id));
    Ok(())
}

fn planned(tour: &mut Tour, stage: &mut Stage, to: Side) -> Result<(), String> {
    let before = tour.items()?;
    if let Some(item) = before.last() {
        tour.picture(stage, "planned-failover-dialog", &Scene::Dialog(item.id, Verb::PlannedFailover));
    }
    let mut jobs = Vec::new();
    for item in &before {
        jobs.extend(tour.watch.begin(Command::PlannedFailover { item: item.id })?);
    }
    tour.watch.finish(&jobs, JOB)?;
    stage.figure("planned failover of four machines, seconds", stage.secs());
    for was in before {
        let stopped = tour.lab.last_record_at_stop(site_folder(&was, to.other()), &was.name);
        let item = tour.item(&was.name)?;
        stage.verify(
            item.active == to && matches!(item.protection, Protection::FailedOver { .. }),
            &format!("{}: runs at {}", item.name, item.active_place().site_name),
            "the item's own state",
            item.status.render(),
        );
        tour.compare_disks(stage, &was.name, site_folder(&was, to.other()), site_folder(&was, to))?;
        let state = tour.check_records(stage, &item.name, item.machine, item.active_place().agent)?;
        stage.verify(
            stopped.as_ref().is_ok_and(|n| *n == state.verified_at_boot_last),
            &format!("{}: nothing was lost", item.name),
            "last record the guest printed when it stopped = last record found at boot on the other site",
            match &stopped {
                Ok(last) => format!("stopped at record {last}, found {}", state.verified_at_boot_last),
                Err(why) => format!("where it stopped is not known: {why}"),
            },
        );
    }
    tour.one_writer(stage);
    tour.picture(stage, "overview-failed-over", &Scene::Overview);
    if let Some(job) = jobs.last() {
        tour.picture(stage, "job-planned-failover", &Scene::Job(*job));
    }
    Ok(())
}

fn commit(tour: &mut Tour, stage: &mut Stage) -> Result<(), String> {
    let mut jobs = Vec::new();
    for item in tour.items()? {
        jobs.extend(tour.watch.begin(Command::Commit { item: item.id })?);
    }
    tour.watch.finish(&jobs, JOB)?;
    for item in tour.items()? {
        let source = match &item.protection {
            Protection::Committed { source: SourceFence::Fenced(_) } => "the old source is fenced",
            Protection::Committed { source: SourceFence::Unknown } => "the old source is not heard of",
            _ => "not committed",
        };
        stage.verify(
            matches!(item.protection, Protection::Committed { .. }),
            &format!("{}: committed", item.name),
            "the item's own state",
            source,
        );
    }
    tour.picture(stage, "items-committed", &Scene::Items);
    Ok(())
}

pub(super) fn reverse(tour: &mut Tour, stage: &mut Stage, active: Side) -> Result<(), String> {
    let before = SystemClock.now();
    let mut jobs = Vec::new();
    for item in tour.items()? {
        jobs.extend(tour.watch.begin(Command::ReverseReplicate { item: item.id })?);
    }
    tour.watch.finish(&jobs, JOB)?;
    let want = if active == Side::Primary { Protection::Protected } else { Protection::ProtectedReversed };
    all_items(&tour.watch, "protected in the other direction", JOB, |i| {
        i.protection == want && i.replication == ReplicationState::Active
    })?;
    for item in tour.items()? {
        // The source says that it is in sync, the target lists its points: two hosts, either may be heard first.
        let compared = tour.watch.until(&format!("{}: the comparison's point", item.name), JOB, |s| {
            let points = &s.item(item.id)?.points;
            points.iter().find(|p| p.kind == PointKind::Resync && p.committed_at >= before).cloned()
        })?;
        stage.bytes(compared.size_bytes);
        let since = item.synced_to.unwrap_or_default();
        tour.deltas_since(item.id, since, 1)?;
    }
    tour.verify_points(stage)?;
    tour.one_writer(stage);
    tour.picture(stage, "overview-reversed", &Scene::Overview);
    Ok(())
}

fn ask_test(tour: &Tour, name: &str) -> Result<(TestId, super::guest::GuestState), String> {
    let mut last = String::from("the test machine gave no address");
    tour.watch
        .until("the test machine's answer", BOOT, |s| {
            let item = s.item_named(name)?;
            let test = item.tests.first()?;
            for reach in &test.reach {
                match super::guest::ask(address_of(reach)) {
                    Ok(state) => return Some((test.id, state)),
                    Err(why) => last = why,
                }
            }
            None
        })
        .map_err(|why| format!("{why} ({last})"))
}

pub(super) fn site_name(snapshot: &Snapshot, agent: AgentId) -> String {
    snapshot
        .server(agent)
        .and_then(|server| snapshot.sites.iter().find(|s| s.id == server.site))
        .map_or_else(String::new, |s| s.name.clone())
}

pub(super) fn agent_of(snapshot: &Snapshot, site: &str) -> Result<AgentId, String> {
    snapshot
        .servers
        .iter()
        .find(|s| site_name(snapshot, s.agent) == site)
        .map(|s| s.agent)
        .ok_or_else(|| format!("no host at {site}"))
}

fn machine_id(tour: &Tour, name: &str) -> Result<leeward_model::MachineId, String> {
    machine_on(tour, name).map(|on| on.machine)
}

fn machine_on(tour: &Tour, name: &str) -> Result<leeward_model::MachineOn, String> {
    tour.watch
        .now()
        .machines
        .iter()
        .find(|m| m.definition.name == name)
        .map(leeward_model::MachineView::on)
        .ok_or_else(|| format!("{name} is on no host"))
}

fn site_folder(item: &leeward_model::ItemView, side: Side) -> &'static str {
    let place = if side == Side::Primary { &item.primary } else { &item.recovery };
    if place.site_name == "Stockholm" { "stockholm" } else { "goteborg" }
}
