//! Questions and waits: reports, pictures, a boot, the end of a copy, a point's digests. Nothing here changes what
//! this host is to an item.

use super::test_folder;
use crate::Result;
use crate::facts;
use crate::host::{Host, passing, refuse};
use crate::operations::Operation;
use crate::records::ItemRecord;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use leeward_fabric::{Adoption, FabricError, Machine, MachineFolder, MachineState};
use leeward_link::KnownTrust;
use leeward_link::messages::{Request, Response, Role};
use leeward_model::{ItemId, Message, PointId, TestId};
use leeward_replication::Cancel;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a wait looks whether nobody wants it any more.
const LOOK: Duration = Duration::from_millis(250);

/// How long the guest agent may take to say that it is there.
const GUEST_AGENT_LIMIT: Duration = Duration::from_secs(2);

/// Answers a question that has no operation.
pub(super) fn answer(host: &Host, request: &Request) -> Result<Response> {
    match request {
        Request::Report => Ok(Response::Report(Box::new(facts::report(host)))),
        Request::ConsolePicture { item, test } => picture(host, *item, *test),
        Request::Trust { crl_pem, peers, engine_addresses } => {
            let subject = host.config.name.as_str();
            let said = |e: leeward_link::LinkError| {
                tracing::warn!(subject, error = %e, "what to believe could not be taken");
                Box::new(e.fault())
            };
            let newer = !crl_pem.is_empty() && host.trust.replace_crl(crl_pem).map_err(said)?;
            let folder = host.config.identity_folder();
            // An empty or older list never takes the place of the one that is kept: after a restart, who has been
            // revoked would be believed again.
            let crl_pem =
                if newer { crl_pem.clone() } else { KnownTrust::load(&folder).map_err(said)?.crl_pem };
            let known = KnownTrust { crl_pem, peers: peers.clone() };
            known.store(&folder).map_err(said)?;
            host.set_peers(peers);
            host.follow_engine(engine_addresses).map_err(said)?;
            Ok(Response::Done)
        }
        Request::MayRun { item, epoch } => {
            let item = host.item(*item)?;
            let record = item.record();
            super::current(&record, *epoch)?;
            if !matches!(record.role, Role::Source | Role::FailedOver) {
                return Err(refuse("agent-not-source", record.name()));
            }
            item.live().confirmed = true;
            item.wake();
            Ok(Response::Done)
        }
        _ => Ok(Response::Done),
    }
}

fn folder(host: &Host, item: ItemId, test: Option<TestId>) -> Result<(MachineFolder, String)> {
    let item = host.item(item)?;
    let folder = match test {
        Some(test) if item.record().tests.contains_key(&test) => test_folder(host, test),
        Some(_) => return Err(refuse("agent-not-running", &item.name())),
        None => host.item_folder(&item)?,
    };
    Ok((folder, item.name()))
}

fn adopted(host: &Host, folder: &MachineFolder, name: &str) -> Result<Arc<dyn Machine>> {
    match host.driver.adopt(folder) {
        Ok(Adoption::Running(machine)) => Ok(machine),
        Ok(Adoption::Off) => Err(refuse("agent-not-running", name)),
        Err(error) => Err(Box::new(error.fault(name))),
    }
}

fn picture(host: &Host, item: ItemId, test: Option<TestId>) -> Result<Response> {
    let (folder, name) = folder(host, item, test)?;
    let machine = adopted(host, &folder, &name)?;
    let png = machine.console_picture().map_err(|e: FabricError| Box::new(e.fault(&name)))?;
    Ok(Response::Picture { png_base64: STANDARD.encode(png), at: host.now() })
}

/// Waits until a copy is complete. The worker goes on whether anybody waits or not. Asked again, a person has
/// restarted what had stopped.
pub(super) fn await_in_sync(
    host: &Host,
    item: ItemId,
    again: bool,
    operation: &Operation,
) -> Result<Response> {
    let item = host.item(item)?;
    let held = |r: &ItemRecord| r.source.copy.as_ref().is_some_and(|c| c.held && !c.shipped);
    let record = item.record();
    if again && (record.source.stopped.is_some() || held(&record)) {
        item.change(|r| {
            r.source.stopped = None;
            if let Some(copy) = &mut r.source.copy {
                copy.held = false;
            }
        })?;
        item.retry_now();
    }
    loop {
        let record = item.record();
        if record.role != Role::Source {
            return Err(refuse("agent-not-source", record.name()));
        }
        if let Some(fault) = record.source.stopped {
            return Err(Box::new(fault));
        }
        if held(&record) {
            return Err(refuse("agent-comparison-held", record.name()));
        }
        if let (None, Some(point)) = (&record.source.copy, record.source.in_sync) {
            let proof = host.mint.in_sync(item.id, record.epoch, point);
            return Ok(Response::InSync { proof, sent_bytes: record.source.copy_sent_bytes });
        }
        if operation.is_cancelled() {
            return Err(refuse("agent-cancelled", &item.name()));
        }
        std::thread::sleep(LOOK);
    }
}

/// Waits until the guest answers.
pub(super) fn await_boot(
    host: &Host,
    item: ItemId,
    test: Option<TestId>,
    timeout_secs: u32,
    operation: &Operation,
) -> Result<Response> {
    let (folder, name) = folder(host, item, test)?;
    let machine = adopted(host, &folder, &name)?;
    let started_at = machine.record().started_at;
    let limit = Duration::from_secs(u64::from(timeout_secs));
    let began = Instant::now();
    loop {
        if machine.guest_agent_answers(GUEST_AGENT_LIMIT) {
            #[expect(clippy::cast_precision_loss, reason = "seconds of a boot")]
            let secs = host.now().millis_since(started_at).max(0) as f64 / 1000.0;
            return Ok(Response::Booted { secs, how: Message::new("agent-booted-guest-agent") });
        }
        let state = machine.status().map_err(|e| Box::new(e.fault(&name)))?;
        if matches!(state, MachineState::Off | MachineState::ShutDown | MachineState::Crashed) {
            return Err(refuse("agent-not-running", &name));
        }
        if operation.is_cancelled() {
            return Err(refuse("agent-cancelled", &name));
        }
        if began.elapsed() > limit {
            return Err(passing("agent-boot-timeout", &name, format!("{timeout_secs} s")));
        }
        std::thread::sleep(LOOK);
    }
}

pub(super) fn verify_point(host: &Host, item: ItemId, point: PointId) -> Result<Response> {
    let item = host.item(item)?;
    let store = item.store()?.ok_or_else(|| refuse("agent-store-missing", &item.name()))?;
    let verified = store.verify(point, &Cancel::new()).map_err(|e| Box::new(e.fault(&item.name())))?;
    Ok(Response::Verified { point, bytes: verified.bytes, uncompared_bytes: verified.uncompared_bytes })
}
