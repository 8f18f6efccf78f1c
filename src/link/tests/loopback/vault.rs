//! A vault with its engine's port and a clock that can be set. Apart from the tests, which say what must happen.

use leeward_link::control::{Connection, Dialer, ListenOptions, listen};
use leeward_link::enrol::{self, Ask};
use leeward_link::registration_key::LIFE_SECS;
use leeward_link::{
    Authority, Clock, Credential, Enrolment, HostDescription, HostIdentity, KnownTrust, NewKey, Protocol,
    RegistrationKey, Trust,
};
use leeward_model::{AgentId, KeyId, Message, Moment, VaultId};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// A day of 2026.
pub(crate) const TODAY: Moment = Moment(1_794_000_000_000);

pub(crate) struct Vault {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) authority: Arc<Authority>,
    pub(crate) id: VaultId,
    now: Arc<AtomicI64>,
}

/// An engine's port; closed when dropped.
pub(crate) struct Port {
    pub(crate) addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Port {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Vault {
    pub(crate) fn new(number: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let id = VaultId(Uuid::from_u64_pair(1, number));
        let authority = Authority::create(&folder.path().join("ca"), id, "nordic", TODAY).expect("made");
        Self { folder, authority: Arc::new(authority), id, now: Arc::new(AtomicI64::new(TODAY.0)) }
    }

    pub(crate) fn now(&self) -> Moment {
        Moment(self.now.load(Ordering::SeqCst))
    }

    /// Sets the clock of everybody in this vault.
    pub(crate) fn later(&self, secs: i64) {
        self.now.store(TODAY.plus_secs(secs).0, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let now = Arc::clone(&self.now);
        Clock::new(move || Moment(now.load(Ordering::SeqCst)))
    }

    pub(crate) fn trust(&self, credential: &Credential) -> Trust {
        Trust::new(credential, self.clock()).expect("it fits")
    }

    pub(crate) fn engine_trust(&self) -> Trust {
        self.trust(&self.authority.issue_engine(&[], self.now()).expect("issued"))
    }

    /// Listens for these protocols.
    pub(crate) async fn listen<F, Fut>(&self, trust: Trust, protocols: &'static [Protocol], on: F) -> Port
    where
        F: Fn(Connection) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.listen_at("127.0.0.1:0", trust, protocols, on).await
    }

    pub(crate) async fn listen_at<F, Fut>(
        &self,
        addr: &str,
        trust: Trust,
        protocols: &'static [Protocol],
        on: F,
    ) -> Port
    where
        F: Fn(Connection) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(addr).await.expect("a port");
        let addr = listener.local_addr().expect("an address");
        let task = tokio::spawn(async move {
            listen(listener, trust, protocols, ListenOptions::default(), on).await.expect("set up");
        });
        Port { addr, task }
    }

    /// An engine that enrols whoever has a key: each key once. Counts how often it was asked.
    pub(crate) async fn enrolling(&self) -> (Port, Arc<AtomicUsize>) {
        let (authority, clock) = (Arc::clone(&self.authority), self.clock());
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let used: Arc<std::sync::Mutex<Vec<KeyId>>> = Arc::default();
        let on = move |connection| {
            let (authority, now) = (Arc::clone(&authority), clock.now());
            let (used, counted) = (Arc::clone(&used), Arc::clone(&counted));
            async move {
                let decide = |ask| async move {
                    counted.fetch_add(1, Ordering::SeqCst);
                    match ask {
                        Ask::Renew { agent } => Ok(agent),
                        Ask::Enrol { key, former, .. } => {
                            let mut used = used.lock().expect("no panic holds it");
                            if used.contains(&key) {
                                return Err(Message::new("refuse-key-used"));
                            }
                            used.push(key);
                            Ok(former.unwrap_or_else(|| AgentId(Uuid::from_u128(key.0.as_u128() + 1))))
                        }
                    }
                };
                let served = enrol::serve(connection, &authority, &[], now, decide).await;
                if let Err(error) = served {
                    tracing::debug!(%error, "not enrolled");
                }
            }
        };
        (self.listen(self.engine_trust(), &[Protocol::Enrol], on).await, asked)
    }

    /// A key's file.
    pub(crate) fn key_text(&self, number: u64, engine: SocketAddr) -> String {
        let new = NewKey {
            key: KeyId(Uuid::from_u64_pair(2, number)),
            vault_name: "nordic".to_owned(),
            site: "Göteborg".to_owned(),
            engine_addresses: vec![engine.to_string()],
            expires: self.now().plus_secs(LIFE_SECS),
        };
        self.authority.make_registration_key(new, self.now()).expect("made").1
    }

    pub(crate) fn enrolment(&self, key_text: &str, name: &str) -> Enrolment {
        Enrolment {
            key: RegistrationKey::parse(key_text).expect("a key"),
            host: HostDescription { name: name.to_owned(), ..HostDescription::default() },
            proxy: None,
            clock: self.clock(),
        }
    }

    /// An agent, enrolled over the wire.
    pub(crate) async fn agent(&self, number: u64) -> Agent {
        let (port, _) = self.enrolling().await;
        let folder = self.folder.path().join(format!("host-{number}"));
        let enrolment = self.enrolment(&self.key_text(number, port.addr), "host");
        let identity = enrolment.run(&folder).await.expect("enrolled");
        let trust = identity.trust(&KnownTrust::default(), self.clock()).expect("it fits");
        Agent { identity, trust }
    }
}

/// An agent of a vault.
pub(crate) struct Agent {
    pub(crate) identity: HostIdentity,
    pub(crate) trust: Trust,
}

impl Agent {
    pub(crate) fn id(&self) -> AgentId {
        self.identity.agent
    }

    pub(crate) fn dialer(&self) -> Dialer {
        Dialer::new(self.trust.clone())
    }
}
