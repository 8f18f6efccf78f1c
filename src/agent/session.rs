//! The session with the engine: dialled by this host, kept up, answered. When it is down, everything else goes on.
//! Apart from `requests`, which perform what is asked here.

use crate::facts;
use crate::host::Host;
use crate::requests;
use leeward_link::bulk::{BulkListener, BulkOptions};
use leeward_link::control::{AgentSays, AgentSession, Dialer, EngineSays, Heard, Incoming, Reconnect};
use leeward_link::enrol::{HostDescription, renew};
use leeward_link::messages::{AgentHello, Fact};
use leeward_link::{HostIdentity, LinkError, needs_rotation};
use leeward_model::Message;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often everything is said.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// How often news of items is looked for.
const NEWS_EVERY: Duration = Duration::from_millis(500);

/// How often the certificate's age is looked at.
const ROTATION_EVERY: Duration = Duration::from_secs(3_600);

/// Listens for other agents.
///
/// # Errors
/// When the address cannot be used.
pub fn listen(host: &Arc<Host>) -> Result<(), LinkError> {
    let addr = host.config.listen.clone();
    let broken = |e: std::io::Error| LinkError::Unresolved { peer: addr.clone(), detail: e.to_string() };
    let listener = TcpListener::bind(&addr).map_err(broken)?;
    listen_on(host, listener)
}

/// Serves other agents on a port.
pub(crate) fn listen_on(host: &Arc<Host>, listener: TcpListener) -> Result<(), LinkError> {
    let (known, serving) = (Arc::clone(host), Arc::clone(host));
    let listener = BulkListener::start(
        listener,
        host.trust.clone(),
        BulkOptions::default(),
        Arc::new(move |agent| known.is_peer(agent)),
        Arc::new(move |agent, stream| crate::receive::serve(&serving, agent, stream)),
    )?;
    host.keep_listener(listener);
    Ok(())
}

/// Keeps the session with the engine for ever: drop the future to stop.
pub async fn keep(host: Arc<Host>, identity: HostIdentity) {
    let mut dialer = Dialer::new(host.trust.clone());
    dialer.proxy.clone_from(&host.config.proxy);
    host.engine.replace(identity.engine_addresses.clone());
    let rotation = tokio::spawn(rotate(Arc::clone(&host), identity.clone(), dialer.clone()));
    let mut seed = uuid::Uuid::new_v4().as_u128();
    let chance = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from((seed >> 64) & 0xffff).unwrap_or(0)) / 65_536.0
    };
    let hello = hello(&host, &identity.site);
    let mut reconnect = Reconnect::to_engine(dialer, host.engine.clone(), chance);
    reconnect.backoff.most = Duration::from_secs(5);
    reconnect
        .run::<AgentSays, EngineSays, _, _, _>(
            || hello.clone(),
            |session, incoming, ()| talk(Arc::clone(&host), session, incoming),
        )
        .await;
    rotation.abort();
}

fn hello(host: &Host, site: &str) -> AgentHello {
    AgentHello {
        agent: host.agent,
        host: host.config.name.clone(),
        site: site.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        replication_addr: host.config.replication_addr().to_owned(),
    }
}

/// One session, until it ends.
async fn talk(host: Arc<Host>, session: AgentSession, mut incoming: Incoming<AgentSays, EngineSays>) {
    tracing::info!(engine = session.peer(), "connected");
    let telling = tokio::spawn(tell(Arc::clone(&host), session.clone()));
    while let Some(heard) = incoming.next().await {
        match heard {
            Heard::Request { body, reply } => {
                let host = Arc::clone(&host);
                tokio::spawn(async move {
                    let performed = tokio::task::spawn_blocking(move || requests::perform(&host, body)).await;
                    let Ok(answer) = performed else { return };
                    if let Err(error) = reply.send(&answer).await {
                        tracing::info!(%error, "an answer could not be given; the engine asks again");
                    }
                });
            }
            Heard::Notice(never) => match never {},
        }
    }
    telling.abort();
    tracing::info!(engine = session.peer(), "disconnected");
}

/// Says what there is to say, as long as the session lasts.
async fn tell(host: Arc<Host>, session: AgentSession) {
    let mut next_report = tokio::time::Instant::now();
    loop {
        let now = tokio::time::Instant::now();
        let whole = now >= next_report;
        if whole {
            next_report = now + REPORT_EVERY;
        }
        let asked = Arc::clone(&host);
        let gathered = tokio::task::spawn_blocking(move || gather(&asked, whole)).await;
        let Ok(said) = gathered else { return };
        for (at, fact) in said.iter().enumerate() {
            if session.notify(fact).await.is_err() {
                let untold = said.iter().skip(at).filter(|f| matches!(f, Fact::Event { .. })).cloned();
                host.put_back_events(untold.collect());
                return;
            }
        }
        tokio::time::sleep(NEWS_EVERY).await;
    }
}

fn gather(host: &Host, whole: bool) -> Vec<Fact> {
    let mut said = Vec::new();
    if whole {
        said.push(Fact::Report(Box::new(facts::report(host))));
    }
    for item in host.items() {
        if item.news.swap(false, Ordering::AcqRel) {
            let cycles: Vec<_> = item.live().cycles.drain(..).collect();
            said.push(Fact::Item(Box::new(facts::item(host, &item, cycles))));
        }
    }
    said.extend(host.take_events());
    said
}

/// Has the certificate renewed when a third of its life is left.
async fn rotate(host: Arc<Host>, mut identity: HostIdentity, dialer: Dialer) {
    loop {
        if needs_rotation(&host.trust.own(), host.now()) {
            let description = HostDescription {
                name: host.config.name.clone(),
                site: identity.site.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                replication_addr: host.config.replication_addr().to_owned(),
            };
            let _alone = host.identity.lock().await;
            identity.engine_addresses = host.engine.all();
            let renewed = renew(&identity, &description, &dialer, &host.config.identity_folder()).await;
            match renewed.map_err(|e| e.fault(&host.config.name)).and_then(|next| {
                host.trust.replace_credential(&next.credential).map_err(|e| e.fault())?;
                Ok(next)
            }) {
                Ok(next) => {
                    identity = next;
                    host.event(None, Message::new("agent-certificate-renewed"), None);
                }
                Err(fault) => tracing::warn!(%fault, "the certificate could not be renewed"),
            }
        }
        tokio::time::sleep(ROTATION_EVERY).await;
    }
}
