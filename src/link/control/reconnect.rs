//! The loop that keeps a session up: dials one address after the other, waits longer after every failure, and says
//! how it stands. Apart from `connection`, which dials once.

use super::connection::{Connection, Dialer};
use super::dialect::Dialect;
use super::opening::Pace;
use super::session::{Incoming, Session};
use crate::error::LinkError;
use crate::identity::Wanted;
use crate::tls::Protocol;
use leeward_model::Moment;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How long is waited between tries: twice as long after every failure, up to a bound, each time a little less by
/// chance, so that a hundred agents do not come back in the same instant.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), most: Duration::from_secs(30) }
    }
}

impl Backoff {
    /// The wait after so many failures in a row (1 is the first). `chance` is between 0 and 1.
    #[must_use]
    pub fn wait(&self, failures: u32, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(20)));
        let chance = if chance.is_finite() { chance.clamp(0.0, 1.0) } else { 0.0 };
        doubled.min(self.most).mul_f64(1.0 - chance / 2.0)
    }
}

/// How a kept session stands.
#[derive(Clone, PartialEq, Debug)]
pub enum LinkState {
    /// A connection is being made.
    Connecting {
        /// To where.
        addr: String,
    },
    /// A session is up.
    Connected {
        /// To where.
        addr: String,
        /// Since when.
        since: Moment,
    },
    /// There is none.
    Lost {
        /// Why.
        why: LinkError,
        /// When it is tried again.
        next_try: Moment,
    },
}

/// Where the other side is, in the order to try. A cheap handle; may be replaced while sessions come and go.
#[derive(Clone, Debug, Default)]
pub struct Addresses(Arc<Mutex<Vec<String>>>);

impl Addresses {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From the next try on, these.
    pub fn replace(&self, addrs: Vec<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = addrs;
    }
}

impl From<Vec<String>> for Addresses {
    fn from(addrs: Vec<String>) -> Self {
        Self(Arc::new(Mutex::new(addrs)))
    }
}

/// Keeps a session up.
pub struct Reconnect {
    /// How to dial.
    pub dialer: Dialer,
    /// Where to: tried in turn.
    pub addrs: Addresses,
    /// What for.
    pub protocol: Protocol,
    /// Who must be there.
    pub wanted: Wanted,
    /// Life signs.
    pub pace: Pace,
    /// Waits.
    pub backoff: Backoff,
    /// Gives numbers between 0 and 1.
    pub chance: Box<dyn FnMut() -> f64 + Send>,
    /// Told how it stands.
    pub state: watch::Sender<LinkState>,
    /// Wakes it up to try at once.
    pub nudge: Arc<Notify>,
}

impl std::fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reconnect").field("addrs", &self.addrs).finish_non_exhaustive()
    }
}

impl Reconnect {
    /// The engine's control port, at these addresses, with the usual pace.
    #[must_use]
    pub fn to_engine(
        dialer: Dialer,
        addrs: impl Into<Addresses>,
        chance: impl FnMut() -> f64 + Send + 'static,
    ) -> Self {
        let addrs = addrs.into();
        let addr = addrs.all().first().cloned().unwrap_or_default();
        Self {
            dialer,
            addrs,
            protocol: Protocol::Control,
            wanted: Wanted::Engine,
            pace: Pace::default(),
            backoff: Backoff::default(),
            chance: Box::new(chance),
            state: watch::Sender::new(LinkState::Connecting { addr }),
            nudge: Arc::default(),
        }
    }

    /// Runs for ever: drop the future to stop. `greeting` is asked for before every session; `on_session` gets the
    /// session and runs until it is over.
    pub async fn run<Out, In, G, F, Fut>(mut self, mut greeting: G, mut on_session: F)
    where
        Out: Dialect,
        In: Dialect,
        G: FnMut() -> Out::Greeting,
        F: FnMut(Session<Out, In>, Incoming<Out, In>, In::Greeting) -> Fut,
        Fut: Future<Output = ()>,
    {
        let (mut failures, mut turn) = (0_u32, 0_usize);
        loop {
            let addrs = self.addrs.all();
            let addr = addrs.get(turn % addrs.len().max(1)).cloned().unwrap_or_default();
            self.state.send_replace(LinkState::Connecting { addr: addr.clone() });
            let begun = tokio::time::Instant::now();
            let (hello, dialled) = (greeting(), self.dialer.dial(&addr, self.protocol, self.wanted).await);
            let opened = match dialled {
                Ok(Connection { stream, .. }) => {
                    Session::<Out, In>::open(stream, &addr, &hello, self.pace).await
                }
                Err(error) => Err(error),
            };
            let why = match opened {
                Ok((session, incoming, welcome)) => {
                    let since = self.dialer.trust.clock().now();
                    self.state.send_replace(LinkState::Connected { addr: addr.clone(), since });
                    on_session(session.clone(), incoming, welcome).await;
                    // The owner may have let go of it before it knew why.
                    let late = LinkError::EndedHere { peer: addr.clone() };
                    tokio::time::timeout(self.pace.opening, session.ended()).await.unwrap_or(late)
                }
                Err(error) => {
                    // The next address may be the one that works.
                    turn = turn.wrapping_add(1);
                    error
                }
            };
            // A session that ends as soon as it begins must not become a storm.
            let lasted = begun.elapsed() >= self.backoff.most;
            failures = if lasted { 1 } else { failures.saturating_add(1) };
            let wait = self.backoff.wait(failures, (self.chance)());
            let millis = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            let next_try = self.dialer.trust.clock().now().plus_millis(millis);
            tracing::info!(addr, %why, ?wait, "the session is lost");
            self.state.send_replace(LinkState::Lost { why, next_try });
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.nudge.notified() => failures = 0,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_their_bound_and_chance_only_shortens_them() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(10) };
        let waits: Vec<_> = (1..=6).map(|n| backoff.wait(n, 0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
        assert_eq!(backoff.wait(u32::MAX, 0.0).as_secs(), 10);
        assert_eq!(backoff.wait(1, 1.0), Duration::from_millis(500));
        assert_eq!(backoff.wait(1, f64::NAN), Duration::from_secs(1));
    }
}
