//! Where sessions come in: one port for agents and operators, told apart by what they say in the handshake. Nobody
//! gets further without a certificate of the vault. Apart from `agents`, which keeps the sessions of agents once
//! they are in.

use super::agents::{CALLS_WAITING_MAX, Line};
use super::gate::Gate;
use super::inbox::{EnrolmentAsk, Inbox, News};
use super::trust::Trust;
use crate::core::CallId;
use crate::operator::{Desk, serve};
use leeward_link::control::{self, Connection, EngineSession, Heard, Incoming, ListenOptions, Pace};
use leeward_link::control::{AgentSays, EngineSays};
use leeward_link::enrol::{self, Ask, HostDescription};
use leeward_link::messages::{Reply, Request};
use leeward_link::{LinkError, Party, Protocol};
use leeward_model::{AgentId, KeyId, Message};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// What every connection needs.
#[derive(Clone)]
struct Door {
    trust: Trust,
    desk: Desk,
    sessions: Arc<AtomicU64>,
}

/// Accepts sessions until the engine ends.
pub(super) async fn listen(listener: TcpListener, trust: Trust, desk: Desk) {
    let door = Door { trust, desk, sessions: Arc::new(AtomicU64::new(1)) };
    let link = door.trust.link();
    let protocols = [Protocol::Control, Protocol::Enrol, Protocol::Operator];
    let come_in = move |connection| {
        let door = door.clone();
        async move { door.open(connection).await }
    };
    let ended = control::listen(listener, link, &protocols, ListenOptions::default(), come_in).await;
    if let Err(error) = ended {
        tracing::error!(%error, "the engine does not listen any more");
    }
}

impl Door {
    async fn open(&self, connection: Connection) {
        let (from, protocol) = (connection.addr.clone(), connection.protocol);
        let ended = match protocol {
            Protocol::Control => self.agent(connection).await,
            Protocol::Enrol => self.enrol(connection).await,
            Protocol::Operator => {
                let certified = connection.peer.identity.party.to_string();
                let served = serve(connection.stream, &certified, self.desk.clone()).await;
                served.map_err(|e| LinkError::Cut { peer: from.clone(), detail: e.to_string() })
            }
            Protocol::Replication => Ok(()),
        };
        if let Err(error) = ended {
            tracing::info!(from, ?protocol, %error, "a session ended");
        }
    }

    /// One control session of an agent, from hello to goodbye.
    async fn agent(&self, connection: Connection) -> Result<(), LinkError> {
        let Connection { stream, peer, addr, .. } = connection;
        let Party::Agent(agent) = peer.identity.party else { return Ok(()) };
        let (session, mut incoming, hello) = EngineSession::open(stream, &addr, &(), Pace::default()).await?;
        if hello.agent != agent {
            session.end(Message::new("engine-agent-not-itself"));
            return Err(LinkError::NotOurPeer {
                peer: addr,
                wanted: agent.to_string(),
                found: hello.agent.to_string(),
            });
        }
        let number = self.sessions.fetch_add(1, Ordering::Relaxed);
        let (calls, called) = mpsc::channel(CALLS_WAITING_MAX);
        let line = Line { session: number, calls };
        let inbox = &self.desk.inbox;
        let connected = News::AgentConnected { hello, certificate_expires: peer.not_after, line };
        if inbox.send(connected).is_err() {
            session.end(Message::new("engine-stopped"));
            return Ok(());
        }
        tracing::info!(%agent, from = addr, "an agent connected");
        self.talk(agent, number, &session, &mut incoming, called).await;
        let why = session.end_reason().map_or_else(|| Message::new("engine-agent-hung-up"), |e| e.message());
        tracing::info!(%agent, from = addr, why = why.render(), "an agent's session ended");
        inbox.send(News::AgentLost { agent, session: number, why }).ok();
        Ok(())
    }

    async fn talk(
        &self,
        agent: AgentId,
        number: u64,
        session: &EngineSession,
        incoming: &mut Incoming<EngineSays, AgentSays>,
        mut called: mpsc::Receiver<(CallId, Request)>,
    ) {
        let inbox = &self.desk.inbox;
        let gate = Gate::new(inbox.clone(), agent, number);
        loop {
            tokio::select! {
                heard = incoming.next() => match heard {
                    None => return,
                    Some(Heard::Notice(fact)) => {
                        if !gate.enter(fact).await {
                            session.end(Message::new("engine-stopped"));
                            return;
                        }
                    }
                    Some(Heard::Request { body, .. }) => match body {},
                },
                call = called.recv() => match call {
                    Some((call, request)) => {
                        tokio::spawn(ask(agent, number, session.clone(), inbox.clone(), call, request));
                    }
                    // The core hung up, or the agent has a newer session.
                    None => {
                        session.end(Message::new("engine-agent-hung-up"));
                        return;
                    }
                },
            }
        }
    }

    /// One question of a host that wants to be enrolled, or of an agent that wants a new certificate.
    async fn enrol(&self, connection: Connection) -> Result<(), LinkError> {
        let now = self.desk.clock.now();
        let inbox = &self.desk.inbox;
        let authority = self.trust.authority();
        enrol::serve(connection, authority, self.trust.engine_addresses(), now, |asked| async move {
            match asked {
                Ask::Enrol { key, host, former } => {
                    let name = host.name.clone();
                    let agent = decide(inbox, key, host, former).await?;
                    // A key is good for one certificate: whoever got it is asked no second time. Who proves to be
                    // that agent has one already.
                    if former != Some(agent) && authority.agents().contains(&agent) {
                        return Err(Message::new("refusal-key-used-before").with("host", name));
                    }
                    Ok(agent)
                }
                // Its certificate may be revoked a moment later than it was taken out of the vault.
                Ask::Renew { agent } if self.knows(agent) => Ok(agent),
                Ask::Renew { .. } => Err(Message::new("refusal-no-such-server")),
            }
        })
        .await
    }

    fn knows(&self, agent: AgentId) -> bool {
        self.desk.core.read().unwrap_or_else(std::sync::PoisonError::into_inner).has_server(agent)
    }
}

/// Asks the core who a host becomes.
async fn decide(
    inbox: &Inbox,
    key: KeyId,
    host: HostDescription,
    former: Option<AgentId>,
) -> Result<AgentId, Message> {
    let ask = EnrolmentAsk {
        key,
        former,
        host: host.name,
        site: host.site,
        version: host.version,
        replication_addr: host.replication_addr,
    };
    let (answer, answered) = oneshot::channel();
    let stopped = || Message::new("engine-stopped");
    inbox.send(News::EnrolmentAsked { ask, answer }).map_err(|_closed| stopped())?;
    answered.await.map_err(|_dropped| stopped())?.map_err(|refusal| refusal.why)
}

/// One call, until it is answered or the session ends. When the session ends nothing is said: the core asks again
/// when the agent is back.
async fn ask(
    agent: AgentId,
    number: u64,
    session: EngineSession,
    inbox: Inbox,
    call: CallId,
    request: Request,
) {
    let reply: Reply = match session.request(&request).await {
        Ok(reply) => reply,
        // Not understood, or too long to be sent: asking again would not help.
        Err(error @ (LinkError::Unanswered { .. } | LinkError::TooLong { .. })) => Err(error.fault()),
        Err(_ended) => return,
    };
    inbox.send(News::Reply { agent, session: number, call, reply: Box::new(reply) }).ok();
}
