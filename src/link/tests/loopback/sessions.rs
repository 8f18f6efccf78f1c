//! Sessions on the wire: requests both ways, ends and cuts that everybody waiting hears of, and the loop that comes
//! back by itself.

use crate::line::Line;
use crate::vault::{Port, Vault};
use leeward_link::control::frame::{self, Kind};
use leeward_link::control::{
    Addresses, Backoff, Connection, Dialect, Dialer, Heard, Incoming, LinkState, Pace, Reconnect, Session,
};
use leeward_link::{LinkError, Protocol, Trust, Wanted};
use leeward_model::Message;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

/// Text both ways.
enum Text {}

impl Dialect for Text {
    type Greeting = String;
    type Request = String;
    type Response = String;
    type Notice = String;
}

/// Numbers, where the other side says text.
enum Numbers {}

impl Dialect for Numbers {
    type Greeting = String;
    type Request = u64;
    type Response = u64;
    type Notice = u64;
}

type Talk = (Session<Text, Text>, Incoming<Text, Text>);

const QUICK: Pace = Pace {
    ping: Duration::from_millis(100),
    dead: Duration::from_millis(1_500),
    opening: Duration::from_secs(20),
};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

/// Answers each request with itself; `hold` is never answered but waits until nobody wants it.
async fn answer(mut incoming: Incoming<Text, Text>, given_up: mpsc::UnboundedSender<String>) {
    while let Some(heard) = incoming.next().await {
        if let Heard::Request { body, mut reply } = heard {
            let given_up = given_up.clone();
            if body == "drop" {
                continue;
            }
            tokio::spawn(async move {
                if body == "hold" {
                    reply.given_up().await;
                    given_up.send(body).ok();
                } else {
                    reply.send(&body).await.ok();
                }
            });
        }
    }
}

/// An engine that talks, and hands out its sessions.
struct Engine {
    port: Port,
    sessions: mpsc::UnboundedReceiver<Session<Text, Text>>,
    given_up: mpsc::UnboundedReceiver<String>,
}

async fn engine_at(vault: &Vault, trust: Trust, addr: &str) -> Engine {
    let (began, sessions) = mpsc::unbounded_channel();
    let (gave_up, given_up) = mpsc::unbounded_channel();
    let on = move |connection: Connection| {
        let (began, gave_up) = (began.clone(), gave_up.clone());
        async move {
            let (peer, hello) = (connection.addr.clone(), "engine".to_owned());
            let opened = Session::<Text, Text>::open(connection.stream, &peer, &hello, QUICK).await;
            if let Ok((session, incoming, _)) = opened {
                began.send(session).ok();
                answer(incoming, gave_up).await;
            }
        }
    };
    let port = vault.listen_at(addr, trust, &[Protocol::Control], on).await;
    Engine { port, sessions, given_up }
}

async fn engine(vault: &Vault) -> Engine {
    engine_at(vault, vault.engine_trust(), "127.0.0.1:0").await
}

async fn join(dialer: &Dialer, addr: &str) -> Result<Talk, LinkError> {
    let connection = dialer.dial(addr, Protocol::Control, Wanted::Engine).await?;
    let hello = "agent".to_owned();
    let (session, incoming, greeting) = Session::open(connection.stream, addr, &hello, QUICK).await?;
    assert_eq!(greeting, "engine");
    Ok((session, incoming))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_questions_both_ways_find_their_answers() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let mut engine = engine(&vault).await;
    let (session, incoming) = join(&agent.dialer(), &engine.port.addr.to_string()).await.expect("joined");
    let from_engine = engine.sessions.recv().await.expect("a session");
    let (gave_up, _given_up) = mpsc::unbounded_channel();
    let answering = tokio::spawn(answer(incoming, gave_up));
    let mut asking = tokio::task::JoinSet::new();
    for n in 0..400 {
        for (who, session) in [("agent", session.clone()), ("engine", from_engine.clone())] {
            // Some fill many frames' worth of room.
            let question = format!("{who} {n} {}", "x".repeat(if n % 40 == 0 { 1_000_000 } else { n }));
            asking.spawn(async move {
                let reply = session.request(&question).await.expect("answered");
                assert!(reply == question);
            });
        }
    }
    tokio::time::timeout(LONG, asking.join_all()).await.expect("in time");
    session.end(Message::new("link-said-goodbye"));
    let why = tokio::time::timeout(LONG, from_engine.ended()).await.expect("in time");
    assert!(matches!(why, LinkError::Ended { .. }), "{why}");
    let late = from_engine.request(&"late".to_owned()).await;
    assert!(matches!(late, Err(LinkError::Ended { .. })), "{late:?}");
    answering.await.expect("it ends with the session");
}

#[tokio::test]
async fn a_question_nobody_waits_for_is_given_up_on_the_other_side() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let mut engine = engine(&vault).await;
    let (session, _incoming) = join(&agent.dialer(), &engine.port.addr.to_string()).await.expect("joined");
    {
        let hold = "hold".to_owned();
        let asked = session.request(&hold);
        let first = session.request(&hold);
        tokio::pin!(asked, first);
        // Both are on their way when the answer to a third has come.
        let echo = "echo".to_owned();
        tokio::select! {
            biased;
            _ = &mut asked => panic!("never answered"),
            _ = &mut first => panic!("never answered"),
            echoed = session.request(&echo) => assert_eq!(echoed.as_deref(), Ok("echo")),
        }
    }
    for _ in 0..2 {
        let given_up = tokio::time::timeout(LONG, engine.given_up.recv()).await.expect("in time");
        assert_eq!(given_up.as_deref(), Some("hold"));
    }
    let dropped = session.request(&"drop".to_owned()).await;
    assert!(matches!(dropped, Err(LinkError::Unanswered { .. })), "{dropped:?}");
    assert_eq!(session.request(&"on".to_owned()).await.as_deref(), Ok("on"), "the session goes on");
}

#[tokio::test]
async fn what_is_too_long_or_not_understood_costs_one_message_and_not_the_session() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let engine = engine(&vault).await;
    let addr = engine.port.addr.to_string();
    let (session, _incoming) = join(&agent.dialer(), &addr).await.expect("joined");
    let long = session.request(&"x".repeat(frame::FRAME_BYTES_MAX)).await;
    assert!(matches!(long, Err(LinkError::TooLong { .. })), "{long:?}");
    assert_eq!(session.request(&"on".to_owned()).await.as_deref(), Ok("on"));

    // A program whose words the other side does not know.
    let dialer = agent.dialer();
    let connection = dialer.dial(&addr, Protocol::Control, Wanted::Engine).await.expect("dialled");
    let hello = "agent".to_owned();
    let opened = Session::<Numbers, Text>::open(connection.stream, &addr, &hello, QUICK).await;
    let (stranger, _incoming, _) = opened.expect("joined");
    let lost = stranger.request(&5).await;
    assert!(matches!(lost, Err(LinkError::Unanswered { .. })), "{lost:?}");
    stranger.notify(&5).await.expect("sent");
    let lost = stranger.request(&6).await;
    assert!(matches!(lost, Err(LinkError::Unanswered { .. })), "still there: {lost:?}");
}

#[tokio::test]
async fn bytes_that_are_no_conversation_end_it_with_the_reason() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let mut engine = engine(&vault).await;
    let addr = engine.port.addr.to_string();
    let hello = serde_json::json!({"versions": [1], "program": "x", "greeting": "agent"});
    let hello = frame::write("", Kind::Hello, 0, &hello).expect("a frame");
    // Bytes after a proper hello, and how the engine sees them.
    let endless = u32::MAX.to_be_bytes().to_vec();
    let unknown = [&10_u32.to_be_bytes()[..], &[99; 10]].concat();
    let cases: [(&[u8], &str); 3] = [(&endless, "frame of"), (&unknown, "kind"), (&hello, "second hello")];
    for (bytes, said) in cases {
        let connection =
            agent.dialer().dial(&addr, Protocol::Control, Wanted::Engine).await.expect("dialled");
        let mut stream = connection.stream;
        stream.write_all(&[&hello[..], bytes].concat()).await.expect("written");
        stream.flush().await.expect("written");
        let session =
            tokio::time::timeout(LONG, engine.sessions.recv()).await.expect("in time").expect("one");
        let why = tokio::time::timeout(LONG, session.ended()).await.expect("in time");
        assert!(matches!(&why, LinkError::BadFrame { detail, .. } if detail.contains(said)), "{why}");
    }
    // A future version, and none at all.
    for versions in [vec![7], vec![]] {
        let hello = serde_json::json!({"versions": versions, "program": "x", "greeting": {"not": "text"}});
        let hello = frame::write("", Kind::Hello, 0, &hello).expect("a frame");
        let connection =
            agent.dialer().dial(&addr, Protocol::Control, Wanted::Engine).await.expect("dialled");
        let mut stream = connection.stream;
        stream.write_all(&hello).await.expect("written");
        stream.flush().await.expect("written");
        // The engine's own hello, and then the end: no session.
        let mut rest = Vec::new();
        let read = tokio::time::timeout(LONG, stream.read_to_end(&mut rest)).await.expect("in time");
        assert!(read.is_err() || !rest.is_empty());
        assert!(engine.sessions.try_recv().is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_is_heard_by_whoever_waits() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let mut engine = engine(&vault).await;
    let line = Line::to(engine.port.addr);
    let (session, mut incoming) = join(&agent.dialer(), &line.addr.to_string()).await.expect("joined");
    let from_engine = engine.sessions.recv().await.expect("a session");
    let waiting = tokio::spawn({
        let session = session.clone();
        async move { session.request(&"hold".to_owned()).await }
    });
    assert_eq!(session.request(&"echo".to_owned()).await.as_deref(), Ok("echo"));
    line.cut();
    let lost = tokio::time::timeout(LONG, waiting).await.expect("in time").expect("no panic");
    assert!(matches!(lost, Err(LinkError::Cut { .. })), "{lost:?}");
    assert!(tokio::time::timeout(LONG, incoming.next()).await.expect("in time").is_none());
    let why = tokio::time::timeout(LONG, from_engine.ended()).await.expect("in time");
    assert!(matches!(why, LinkError::Cut { .. }), "{why}");
}

#[tokio::test]
async fn silence_is_taken_for_death_and_life_signs_keep_a_quiet_session() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let mut live = engine(&vault).await;
    // One that says hello and then nothing, without hanging up.
    let hello = serde_json::json!({"versions": [1], "program": "x", "greeting": "engine"});
    let hello = frame::write("", Kind::Hello, 0, &hello).expect("a frame");
    let on = move |mut connection: Connection| {
        let hello = hello.clone();
        async move {
            connection.stream.write_all(&hello).await.expect("written");
            connection.stream.flush().await.expect("written");
            std::future::pending::<()>().await;
        }
    };
    let silent = vault.listen(vault.engine_trust(), &[Protocol::Control], on).await;
    let (quiet, _incoming) = join(&agent.dialer(), &live.port.addr.to_string()).await.expect("joined");
    let (dead, _incoming) = join(&agent.dialer(), &silent.addr.to_string()).await.expect("joined");
    let why = tokio::time::timeout(LONG, dead.ended()).await.expect("in time");
    assert!(matches!(why, LinkError::TimedOut { .. }), "{why}");
    // The other one has been as quiet for as long, apart from its life signs.
    assert_eq!(quiet.end_reason(), None);
    assert_eq!(quiet.request(&"there".to_owned()).await.as_deref(), Ok("there"));
    assert!(live.sessions.try_recv().is_ok());
}

/// Waits for a state of a kept session.
async fn until(state: &mut watch::Receiver<LinkState>, what: impl FnMut(&LinkState) -> bool) -> LinkState {
    tokio::time::timeout(LONG, state.wait_for(what)).await.expect("in time").expect("it goes on").clone()
}

/// Keeps a session up at these addresses. How it stands, the means to hurry it, and the loop.
fn keep(
    dialer: Dialer,
    addrs: impl Into<Addresses>,
    backoff: Backoff,
) -> (watch::Receiver<LinkState>, Arc<Notify>, JoinHandle<()>) {
    let mut keep = Reconnect::to_engine(dialer, addrs, || 0.5);
    (keep.backoff, keep.pace) = (backoff, QUICK);
    let (state, nudge) = (keep.state.subscribe(), Arc::clone(&keep.nudge));
    let hello = || "agent".to_owned();
    let running =
        tokio::spawn(keep.run::<Text, Text, _, _, _>(hello, |_session, mut incoming, _| async move {
            while incoming.next().await.is_some() {}
        }));
    (state, nudge, running)
}

#[tokio::test]
async fn a_kept_session_comes_back_by_itself() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let mut engine = engine(&vault).await;
    let addr = engine.port.addr.to_string();
    // The first address never answers.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("one");
    let backoff = Backoff { first: Duration::from_millis(20), most: Duration::from_secs(1) };
    let (mut state, _nudge, running) = keep(agent.dialer(), vec![nobody.to_string(), addr.clone()], backoff);
    let up = until(&mut state, |s| matches!(s, LinkState::Connected { .. })).await;
    assert!(matches!(up, LinkState::Connected { addr: found, .. } if found == addr));
    for _ in 0..3 {
        let session = engine.sessions.recv().await.expect("a session");
        session.end(Message::new("link-said-goodbye"));
        until(&mut state, |s| matches!(s, LinkState::Lost { why: LinkError::Ended { .. }, .. })).await;
    }
    engine.sessions.recv().await.expect("and again");
    running.abort();
}

/// The engine moves while the session is up: the next one is opened where it is now.
#[tokio::test]
async fn addresses_may_be_replaced_while_a_session_lasts() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let mut old = engine(&vault).await;
    let addrs = Addresses::from(vec![old.port.addr.to_string()]);
    let backoff = Backoff { first: Duration::from_millis(20), most: Duration::from_secs(1) };
    let (mut state, _nudge, running) = keep(agent.dialer(), addrs.clone(), backoff);
    let session = old.sessions.recv().await.expect("a session");
    let mut new = engine(&vault).await;
    addrs.replace(vec![new.port.addr.to_string()]);
    drop(old);
    session.end(Message::new("link-said-goodbye"));
    new.sessions.recv().await.expect("it follows");
    let there = new.port.addr.to_string();
    until(&mut state, |s| matches!(s, LinkState::Connected { addr, .. } if *addr == there)).await;
    running.abort();
}

#[tokio::test]
async fn a_nudge_does_not_wait_for_the_next_try() {
    let vault = Vault::new(1);
    let agent = vault.agent(1).await;
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = port.local_addr().expect("one").to_string();
    drop(port);
    let hour = Duration::from_secs(3_600);
    let (mut state, nudge, running) =
        keep(agent.dialer(), vec![addr.clone()], Backoff { first: hour, most: hour });
    until(&mut state, |s| matches!(s, LinkState::Lost { why: LinkError::Refused { .. }, .. })).await;
    let mut engine = engine_at(&vault, vault.engine_trust(), &addr).await;
    nudge.notify_one();
    until(&mut state, |s| matches!(s, LinkState::Connected { .. })).await;
    engine.sessions.recv().await.expect("a session");
    running.abort();
}
