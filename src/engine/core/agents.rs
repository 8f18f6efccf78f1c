//! Hosts: they enrol with a key, come and go, and are told whom they may talk to. Apart from `facts`, which is
//! what they say while they are here.

use super::Effect;
use super::state::{Pending, Server};
use super::turn::{About, Turn};
use crate::records::{AuditPhase, KeyRecord, Record, RecordKey, ServerRecord, SiteRecord};
use leeward_link::messages::{AgentHello, Request};
use leeward_model::{AgentId, Health, KeyId, KeyState, Message, Moment, Refusal, SiteId, Verb};
use std::collections::BTreeSet;

/// Seconds without a word after which a session is given up, although nobody has ended it.
const SILENCE_SECS: i64 = 90;

/// What a host says when it wants to be enrolled.
pub(super) struct Asked {
    pub(super) key: KeyId,
    pub(super) agent: AgentId,
    pub(super) former: Option<AgentId>,
    pub(super) host: String,
    pub(super) site: String,
    pub(super) version: String,
    pub(super) replication_addr: String,
    pub(super) reply: u64,
}

impl Turn<'_> {
    pub(super) fn enrol(&mut self, asked: Asked) {
        let decision = match self.enrolled_before(asked.key, &asked.host) {
            Some(agent) => Ok(agent),
            None => self.key_for(&asked).map(|key| {
                // A host that was removed and returns is a new one: nothing of the old is left.
                match asked.former.filter(|a| self.state.servers.contains_key(a)) {
                    Some(agent) => self.rejoined(agent, &asked, key),
                    None => self.enrolled(&asked, key),
                }
            }),
        };
        if let Err(refusal) = &decision {
            let about = About { subject: asked.host.clone(), ..About::default() };
            let what = Message::new("event-enrolment-refused").with("why", refusal.why.render());
            self.event(Health::Warning, what, about);
            let phase = AuditPhase::Refused { why: refusal.why.clone() };
            self.audit("engine", Verb::MakeRegistrationKey, &asked.host, None, None, phase);
        }
        self.effect(Effect::EnrolmentDecided { reply: asked.reply, decision });
    }

    /// The agent that a host was enrolled as with this key, if it has never come: the engine may have ended between
    /// writing that down and handing out the certificate. Whoever hands it out sees to it that there is one only.
    fn enrolled_before(&self, key: KeyId, host: &str) -> Option<AgentId> {
        let key = self.state.keys.get(&key)?;
        let server = self.state.servers.get(&key.agent?)?;
        let record = &server.record;
        let never_came = record.certificate_expires == record.enrolled && record.name == host;
        (never_came && !server.enrolled_now && key.expires > self.now).then_some(server.record.agent)
    }

    /// The key, if it is good for this host now.
    fn key_for(&self, asked: &Asked) -> Result<KeyRecord, Refusal> {
        let refused = |message: Message| Refusal { why: message, helps: Some(Verb::MakeRegistrationKey) };
        let host = &asked.host;
        let Some(found) = self.state.keys.get(&asked.key) else {
            return Err(refused(Message::new("refusal-key-unknown")));
        };
        match &found.state {
            KeyState::Ready if found.expires <= self.now => Err(refused(Message::new("refusal-key-expired"))),
            KeyState::Ready if host.trim().is_empty() || host.len() > 255 => {
                Err(Refusal { why: Message::new("refusal-host-name"), helps: None })
            }
            KeyState::Ready if !asked.site.is_empty() && asked.site != found.site => {
                let why = Message::new("refusal-key-other-site");
                Err(refused(why.with("site", &found.site).with("said", &asked.site)))
            }
            KeyState::Ready => Ok(found.clone()),
            KeyState::Used { host, .. } => {
                Err(refused(Message::new("refusal-key-used-before").with("host", host)))
            }
            KeyState::Expired => Err(refused(Message::new("refusal-key-expired"))),
            KeyState::Revoked => Err(refused(Message::new("refusal-key-revoked"))),
        }
    }

    /// The key is used up, and whose it was is written down.
    fn use_key(&mut self, host: &str, agent: AgentId, mut key: KeyRecord) {
        key.agent = Some(agent);
        key.state = KeyState::Used { host: host.to_owned(), at: self.now };
        let arguments = format!("enrolled with key {}", key.id);
        let phase = AuditPhase::Begun { arguments };
        self.audit(&key.by.clone(), Verb::MakeRegistrationKey, host, None, None, phase);
        self.put(Record::Key(key.clone()));
        self.state.keys.insert(key.id, key);
        self.state.changed.keys = true;
    }

    /// A host that is known enrols again: it keeps its identity, its site and its items.
    fn rejoined(&mut self, agent: AgentId, asked: &Asked, key: KeyRecord) -> AgentId {
        self.use_key(&asked.host, agent, key);
        if let Some(server) = self.state.servers.get_mut(&agent) {
            server.record.name.clone_from(&asked.host);
            server.record.version.clone_from(&asked.version);
            let record = server.record.clone();
            self.put(Record::Server(record));
        }
        self.touch_agent(agent);
        self.state.changed.servers = true;
        let about = About { subject: asked.host.clone(), ..About::default() };
        self.event(Health::Healthy, Message::new("event-server-rejoined"), about);
        agent
    }

    fn enrolled(&mut self, asked: &Asked, key: KeyRecord) -> AgentId {
        let site = self.site_named(&key.site);
        let record = ServerRecord {
            agent: asked.agent,
            name: asked.host.clone(),
            site,
            version: asked.version.clone(),
            replication_addr: asked.replication_addr.clone(),
            certificate_expires: self.now,
            enrolled: self.now,
            releases: Vec::new(),
        };
        self.use_key(&asked.host, asked.agent, key);
        self.put(Record::Server(record.clone()));
        let server = Server { enrolled_now: true, ..Server::new(record, self.now) };
        self.state.servers.insert(asked.agent, server);
        self.state.changed.servers = true;
        let about = About { subject: asked.host.clone(), ..About::default() };
        self.event(Health::Healthy, Message::new("event-server-enrolled"), about);
        asked.agent
    }

    /// The site of this name, made if it is not there.
    pub(super) fn site_named(&mut self, name: &str) -> SiteId {
        if let Some(site) = self.state.sites.values().find(|s| s.name == name) {
            return site.id;
        }
        let site = SiteRecord { id: SiteId(self.ids.new_id()), name: name.to_owned(), created: self.now };
        self.put(Record::Site(site.clone()));
        let id = site.id;
        self.state.sites.insert(id, site);
        self.state.changed.sites = true;
        id
    }

    pub(super) fn connected(&mut self, hello: AgentHello, certificate_expires: Moment) {
        let agent = hello.agent;
        if !self.state.servers.contains_key(&agent) {
            return self.effect(Effect::Disconnect { agent });
        }
        // A session that was open before is over, whether its end was seen or not.
        self.suspend_with(agent);
        let now = self.now;
        let Some(server) = self.state.servers.get_mut(&agent) else { return };
        let was_away = !server.connected;
        let moved = server.record.replication_addr != hello.replication_addr;
        let before = server.record.clone();
        server.record.name = hello.host;
        server.record.version = hello.version;
        server.record.replication_addr = hello.replication_addr;
        server.record.certificate_expires = certificate_expires;
        let record = server.record.clone();
        server.connected = true;
        server.since = now;
        server.last_heard = Some(now);
        server.lost_why = None;
        server.reported = false;
        server.peers_told = None;
        if record != before {
            self.put(Record::Server(record.clone()));
        }
        if moved {
            self.address_changed(agent);
        }
        if was_away {
            let about = About { subject: record.name, ..About::default() };
            self.event(Health::Healthy, Message::new("event-server-connected"), about);
        }
        self.touch_agent(agent);
        self.tell_peers();
        self.resume_with(agent);
    }

    /// The hosts of all its items must hear of the new address.
    fn address_changed(&mut self, agent: AgentId) {
        for id in self.state.items_of.get(&agent).cloned().unwrap_or_default() {
            if let Some(mut record) = self.item(id).map(|i| i.record.clone()) {
                record.revision += 1;
                self.put_item(record);
            }
        }
    }

    pub(super) fn lost(&mut self, agent: AgentId, why: Message) {
        let now = self.now;
        let Some(server) = self.state.servers.get_mut(&agent).filter(|s| s.connected) else { return };
        server.connected = false;
        server.since = now;
        server.reported = false;
        server.lost_why = Some(why.clone());
        let about = About { subject: server.record.name.clone(), ..About::default() };
        let what = Message::new("event-server-lost").with("why", why.render());
        self.event(Health::Critical, what, about);
        self.suspend_with(agent);
        self.touch_agent(agent);
    }

    /// Gives sessions up that say nothing any more.
    pub(super) fn watch_silence(&mut self) {
        let silent: Vec<AgentId> = self
            .state
            .servers
            .values()
            .filter(|s| s.connected)
            .filter(|s| s.last_heard.is_some_and(|at| self.now.secs_since(at) > SILENCE_SECS))
            .map(|s| s.record.agent)
            .collect();
        for agent in silent {
            self.effect(Effect::Disconnect { agent });
            self.lost(agent, Message::new("lost-silent").with("secs", SILENCE_SECS));
        }
    }

    /// Tells hosts whom they may talk to, where that has changed.
    pub(super) fn tell_peers(&mut self) {
        let connected: Vec<AgentId> =
            self.state.servers.values().filter(|s| s.connected).map(|s| s.record.agent).collect();
        for agent in connected {
            let peers = self.peers_of(agent);
            let told = self.state.servers.get(&agent).and_then(|s| s.peers_told.clone());
            if told.as_ref() == Some(&peers) {
                continue;
            }
            if let Some(server) = self.state.servers.get_mut(&agent) {
                server.peers_told = Some(peers.clone());
            }
            let peers = peers.into_iter().collect();
            let request = Request::Trust { crl_pem: String::new(), peers, engine_addresses: Vec::new() };
            self.call(Pending::Told { agent }, request);
        }
    }

    fn peers_of(&self, agent: AgentId) -> BTreeSet<AgentId> {
        let items = self.state.items_of.get(&agent);
        items
            .into_iter()
            .flatten()
            .filter_map(|id| self.state.items.get(id))
            .flat_map(|i| [i.record.primary.agent, i.record.recovery.agent])
            .filter(|a| *a != agent)
            .collect()
    }

    /// Takes a host out of the vault and makes its certificate worthless.
    pub(super) fn remove_server(&mut self, agent: AgentId) {
        self.suspend_with(agent);
        let Some(server) = self.state.servers.remove(&agent) else { return };
        self.state.items_of.remove(&agent);
        self.delete(RecordKey::Server(agent));
        self.effect(Effect::RevokeCertificate { agent });
        self.effect(Effect::Disconnect { agent });
        for other in self.state.servers.values_mut() {
            other.peers_told = None;
        }
        self.tell_peers();
        self.state.changed.machines_of.insert(agent);
        self.state.changed.servers = true;
        self.state.changed.overview = true;
        let about = About { subject: server.record.name, ..About::default() };
        self.event(Health::Healthy, Message::new("event-server-removed"), about);
    }
}

#[cfg(test)]
mod tests {
    use crate::core::{Core, Effect, IdSource, Input, new_vault};
    use crate::records::{Change, VaultRecord};
    use leeward_model::{AgentId, Command, CommandOutcome, KeyId, Moment, ReceiptId, Refusal, VaultId};
    use uuid::Uuid;

    struct Ids(u128);

    impl IdSource for Ids {
        fn new_id(&mut self) -> Uuid {
            self.0 += 1;
            Uuid::from_u128(self.0)
        }
    }

    /// The core of a new vault.
    struct Vault {
        core: Core,
        ids: Ids,
        now: Moment,
    }

    impl Vault {
        fn new() -> Self {
            let (id, created) = (VaultId(Uuid::from_u128(1)), Moment(0));
            let engine_addr = "engine:8443".to_owned();
            let record = VaultRecord { id, name: "Nordic".to_owned(), created, engine_addr };
            let records = new_vault(record, "anna").into_iter().filter_map(|change| match change {
                Change::Put(record) => Some(record),
                _ => None,
            });
            let core = Core::load(records.collect(), Vec::new(), Vec::new());
            let mut vault = Self { core, ids: Ids(100), now: Moment(0) };
            vault.take(Input::Started);
            vault
        }

        fn take(&mut self, input: Input) -> Vec<Effect> {
            self.core.apply(input, self.now, &mut self.ids).effects
        }

        fn command(&mut self, command: Command) -> Vec<Effect> {
            let receipt = ReceiptId(self.ids.new_id());
            self.take(Input::Command { receipt, by: "anna".to_owned(), command })
        }

        fn key(&mut self) -> KeyId {
            let effects = self.command(Command::MakeRegistrationKey { site: "Stockholm".to_owned() });
            let made = |e: &Effect| if let Effect::MakeKey { key, .. } = e { Some(*key) } else { None };
            effects.iter().find_map(made).expect("a key is made")
        }

        /// What becomes of a host that asks with this key: its identity, or the key of the refusal.
        fn enrol(&mut self, key: KeyId, host: &str, former: Option<AgentId>) -> Result<AgentId, String> {
            let agent = AgentId(self.ids.new_id());
            let effects = self.take(Input::EnrolmentAsked {
                key,
                agent,
                former,
                host: host.to_owned(),
                site: String::new(),
                version: "0.1.0".to_owned(),
                replication_addr: format!("{host}:8084"),
                reply: 7,
            });
            let decided = effects.into_iter().find_map(|e| match e {
                Effect::EnrolmentDecided { reply: 7, decision } => Some(decision),
                _ => None,
            });
            decided.expect("decided").map_err(|refusal: Refusal| refusal.why.key.into_owned())
        }
    }

    fn refused(key: &str) -> Result<AgentId, String> {
        Err(key.to_owned())
    }

    #[test]
    fn a_key_is_good_for_one_host_and_five_days() {
        let mut vault = Vault::new();
        let key = vault.key();
        assert_eq!(vault.enrol(key, " ", None), refused("refusal-host-name"));
        assert_eq!(vault.enrol(key, &"h".repeat(256), None), refused("refusal-host-name"));
        let agent = vault.enrol(key, "hv1", None);
        assert!(agent.is_ok(), "a bad name has not used the key up");
        assert_eq!(vault.enrol(key, "hv2", None), refused("refusal-key-used-before"));
        let never_made = KeyId(Uuid::from_u128(9));
        assert_eq!(vault.enrol(never_made, "hv2", None), refused("refusal-key-unknown"));
        let (in_time, late) = (vault.key(), vault.key());
        vault.now = Moment(0).plus_secs(5 * 86_400 - 1);
        assert!(vault.enrol(in_time, "hv2", None).is_ok());
        vault.now = Moment(0).plus_secs(5 * 86_400);
        assert_eq!(vault.enrol(late, "hv3", None), refused("refusal-key-expired"));
        assert_eq!(vault.core.snapshot(vault.now).servers.len(), 2, "who was refused is not listed");
    }

    #[test]
    fn a_revoked_key_is_refused_and_a_used_one_cannot_be_revoked() {
        let mut vault = Vault::new();
        let (key, used) = (vault.key(), vault.key());
        vault.command(Command::RevokeRegistrationKey { key });
        assert_eq!(vault.enrol(key, "hv1", None), refused("refusal-key-revoked"));
        assert!(vault.enrol(used, "hv1", None).is_ok());
        let effects = vault.command(Command::RevokeRegistrationKey { key: used });
        let why = effects.into_iter().find_map(|e| match e {
            Effect::Answer { outcome: CommandOutcome::Refused(refusal), .. } => Some(refusal.why.key),
            _ => None,
        });
        assert_eq!(why.as_deref(), Some("refusal-key-used"));
    }

    #[test]
    fn a_host_that_proves_who_it_was_stays_that_server() {
        let mut vault = Vault::new();
        let first = vault.key();
        let agent = vault.enrol(first, "hv1", None).expect("enrolled");
        let second = vault.key();
        assert_eq!(vault.enrol(second, "hv1", Some(agent)), Ok(agent));
        assert_eq!(vault.core.snapshot(vault.now).servers.len(), 1, "not listed twice");
        assert_eq!(vault.enrol(second, "hv1", Some(agent)), refused("refusal-key-used-before"));
        vault.command(Command::RemoveServer { agent });
        let third = vault.key();
        let anew = vault.enrol(third, "hv1", Some(agent)).expect("enrolled");
        assert_ne!(anew, agent, "who was removed begins anew");
    }
}
