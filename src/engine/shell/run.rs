//! The engine's loop: take one piece of news, let the core decide, write the decision, have it done. Nothing is
//! done before it is written, and when it cannot be written the engine stops rather than act on what would be
//! forgotten.

use super::agents::Lines;
use super::clock::Clock;
use super::inbox::{News, stopped};
use super::outcomes::Outcomes;
use super::publication::Publication;
use super::receipts::{Receipts, Seen};
use super::trust::Trust;
use crate::core::{Core, Effect, IdSource, Input, Outcome};
use crate::store::Store;
use leeward_model::{CommandOutcome, Fault, Message, Moment, ReceiptId, Recovery, Refusal};
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, RwLock};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// At most four publications a second.
const PUBLISH_EVERY: Duration = Duration::from_millis(250);

/// Without any news the clock is shown to the core this often: ages and deadlines move.
const IDLE_TICK: Duration = Duration::from_secs(5);

/// Ids for the core, from the clock seam.
struct Ids<'a>(&'a dyn Clock);

impl IdSource for Ids<'_> {
    fn new_id(&mut self) -> uuid::Uuid {
        self.0.new_id()
    }
}

/// Everything the loop holds.
pub(super) struct Runner {
    pub(super) core: Arc<RwLock<Core>>,
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) lines: Lines,
    pub(super) trust: Trust,
    pub(super) outcomes: Outcomes,
    /// Answers that wait for the next publication.
    pub(super) answers: Vec<(ReceiptId, CommandOutcome)>,
    pub(super) publication: Publication,
    pub(super) enrolments: HashMap<u64, oneshot::Sender<Result<leeward_model::AgentId, Refusal>>>,
    pub(super) pace: Pace,
    pub(super) receipts: Receipts,
}

/// When to publish and when to wake.
#[derive(Debug)]
pub(super) struct Pace {
    wake_at: Option<Moment>,
    dirty: bool,
    published: Option<Instant>,
    next_enrolment: u64,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self { wake_at: None, dirty: true, published: None, next_enrolment: 0 }
    }

    /// The instant at which a changed world may be published.
    fn publish_at(&self) -> Option<Instant> {
        self.dirty.then(|| self.published.map_or_else(Instant::now, |at| at + PUBLISH_EVERY))
    }

    fn wake_in(&self, now: Moment) -> Duration {
        let wait = self.wake_at.map_or(i64::MAX, |at| at.millis_since(now).max(0));
        Duration::from_millis(u64::try_from(wait).unwrap_or(u64::MAX)).min(IDLE_TICK)
    }
}

impl Runner {
    /// Runs until it is told to stop (`Ok`) or cannot go on safely.
    pub(super) async fn run(&mut self, mut inbox: mpsc::UnboundedReceiver<News>) -> Result<(), Box<Fault>> {
        self.take(Input::Started).await?;
        loop {
            let now = self.clock.now();
            let publish_at = self.pace.publish_at();
            let input = tokio::select! {
                biased;
                () = until(publish_at), if publish_at.is_some() => {
                    self.publish()?;
                    continue;
                }
                news = inbox.recv() => match news {
                    None | Some(News::Stop) => break,
                    Some(news) => self.input_of(news),
                },
                () = tokio::time::sleep(self.pace.wake_in(now)) => {
                    self.pace.wake_at = self.pace.wake_at.filter(|at| *at > self.clock.now());
                    self.trust.renew_own(self.clock.now());
                    Some(Input::Tick)
                }
            };
            if let Some(input) = input {
                self.take(input).await?;
            }
        }
        self.publish()
    }

    /// News as the core takes it; `None` for news of a session that is no longer the agent's.
    fn input_of(&mut self, news: News) -> Option<Input> {
        match news {
            News::Command { receipt, by, command } => match self.receipts.note(receipt) {
                Seen::First => Some(Input::Command { receipt, by, command }),
                Seen::Again => None,
                Seen::Before(outcome) => {
                    self.outcomes.put(receipt, outcome);
                    self.publication.ring();
                    None
                }
            },
            News::EnrolmentAsked { ask, answer } => {
                self.pace.next_enrolment += 1;
                let reply = self.pace.next_enrolment;
                self.enrolments.insert(reply, answer);
                Some(Input::EnrolmentAsked {
                    key: ask.key,
                    agent: leeward_model::AgentId(self.clock.new_id()),
                    former: ask.former,
                    host: ask.host,
                    site: ask.site,
                    version: ask.version,
                    replication_addr: ask.replication_addr,
                    reply,
                })
            }
            News::AgentConnected { hello, certificate_expires, line } => {
                self.lines.open(hello.agent, line);
                Some(Input::AgentConnected { hello, certificate_expires })
            }
            News::AgentLost { agent, session, why } => {
                self.lines.close(agent, session).then_some(Input::AgentLost { agent, why })
            }
            News::Fact { agent, session, fact, place } => {
                drop(place);
                self.lines.is_current(agent, session).then_some(Input::Fact { agent, fact })
            }
            News::Reply { agent, session, call, reply } => {
                let current = self.lines.is_current(agent, session);
                current.then_some(Input::Reply { agent, call, reply: *reply })
            }
            News::Stop => None,
        }
    }

    /// Decides, writes, does; and whatever doing it gives back at once is taken in turn.
    async fn take(&mut self, input: Input) -> Result<(), Box<Fault>> {
        let mut waiting = VecDeque::from([input]);
        while let Some(input) = waiting.pop_front() {
            let outcome = self.decide(input)?;
            self.store.write(&outcome.changes).await.map_err(|error| {
                tracing::error!(%error, "the vault database took no change; the engine stops");
                Box::new(error.fault())
            })?;
            self.pace.dirty |= outcome.visible;
            for effect in outcome.effects {
                if let Some(answer) = self.perform(effect) {
                    waiting.push_back(answer);
                }
            }
        }
        if !self.pace.dirty {
            self.give_answers();
        }
        Ok(())
    }

    /// A panic in the core leaves it in a state nobody knows: nothing of it is written, and the engine stops.
    fn decide(&mut self, input: Input) -> Result<Outcome, Box<Fault>> {
        let now = self.clock.now();
        let doing = name_of(&input);
        let decided = catch_unwind(AssertUnwindSafe(|| {
            let mut core = self.core.write().unwrap_or_else(std::sync::PoisonError::into_inner);
            core.apply(input, now, &mut Ids(self.clock.as_ref()))
        }));
        decided.map_err(|panic| panicked(&*panic, doing))
    }

    fn publish(&mut self) -> Result<(), Box<Fault>> {
        let now = self.clock.now();
        let made = catch_unwind(AssertUnwindSafe(|| {
            self.core.write().unwrap_or_else(std::sync::PoisonError::into_inner).snapshot(now)
        }));
        let snapshot = made.map_err(|panic| panicked(&*panic, "snapshot"))?;
        self.pace.dirty = false;
        self.pace.published = Some(Instant::now());
        self.publication.publish(snapshot);
        self.give_answers();
        Ok(())
    }

    /// Whoever learns what became of a command finds the world changed by it: answers go out with, never before,
    /// the publication that shows their effect.
    fn give_answers(&mut self) {
        if self.answers.is_empty() {
            return;
        }
        for (receipt, outcome) in self.answers.drain(..) {
            self.outcomes.put(receipt, outcome);
        }
        self.publication.ring();
    }

    /// Does one thing; some give the core an answer at once.
    fn perform(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Call { agent, call, request } => {
                self.lines.call(agent, call, self.trust.complete(request, self.clock.now()));
                None
            }
            Effect::Answer { receipt, outcome } => {
                self.answers.push((receipt, outcome));
                None
            }
            Effect::MakeKey { receipt, key, site, expires } => {
                match self.trust.make_key(key, &site, expires, self.clock.now()) {
                    Ok(file_text) => Some(Input::KeyMade { receipt, key, file_text }),
                    Err(fault) => Some(Input::KeyNotMade { receipt, key, fault }),
                }
            }
            Effect::EnrolmentDecided { reply, decision } => {
                if let Some(answer) = self.enrolments.remove(&reply)
                    && answer.send(decision).is_err()
                {
                    tracing::info!("a host that asked to be enrolled went away before the answer");
                }
                None
            }
            Effect::RevokeCertificate { agent } => {
                if let Err(error) = self.trust.revoke(agent, self.clock.now()) {
                    tracing::error!(%agent, %error, "the agent's certificate could not be revoked");
                }
                None
            }
            Effect::Disconnect { agent } => {
                self.lines.hang_up(agent);
                None
            }
            Effect::WakeAt(at) => {
                self.pace.wake_at = Some(self.pace.wake_at.map_or(at, |earlier| earlier.min(at)));
                None
            }
        }
    }

    /// After the end: nobody waits for ever.
    pub(super) fn farewell(&mut self, end: &Result<(), Box<Fault>>) {
        for (_, answer) in self.enrolments.drain() {
            answer.send(Err(Refusal { why: stopped().what, helps: None })).ok();
        }
        let why = match end {
            Ok(()) => Message::new("engine-stopped"),
            Err(fault) => Message::new("engine-stopped-by-fault")
                .with("what", fault.what.render())
                .with("action", fault.action.render()),
        };
        self.publication.set_lost(Some(why));
    }
}

/// What kind of input it was: the whole may be long, or hold a secret.
const fn name_of(input: &Input) -> &'static str {
    match input {
        Input::Started => "started",
        Input::Command { .. } => "command",
        Input::KeyMade { .. } => "key made",
        Input::KeyNotMade { .. } => "key not made",
        Input::EnrolmentAsked { .. } => "enrolment asked",
        Input::AgentConnected { .. } => "agent connected",
        Input::AgentLost { .. } => "agent lost",
        Input::Fact { .. } => "fact",
        Input::Reply { .. } => "reply",
        Input::Tick => "tick",
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn panicked(panic: &(dyn std::any::Any + Send), doing: &str) -> Box<Fault> {
    let said = panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    let detail = format!("{said} [{doing}]");
    Box::new(Fault::new("engine-core-broken", "engine", detail, Recovery::NeedsPerson))
}
