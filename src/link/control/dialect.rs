//! Which types each side of a session says. Apart from `session`, which carries any.

use super::session::Session;
use crate::messages;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What may travel.
pub trait Words: Serialize + DeserializeOwned + Send + 'static {}
impl<T: Serialize + DeserializeOwned + Send + 'static> Words for T {}

/// What one side of a session says.
pub trait Dialect: Send + Sync + 'static {
    /// Said once, with the hello.
    type Greeting: Words;
    /// What it asks of the other side.
    type Request: Words;
    /// What the other side answers to that.
    type Response: Words;
    /// What it says without wanting an answer.
    type Notice: Words;
}

/// What is never said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Never {}

/// The engine's side of a control session.
#[derive(Clone, Copy, Debug)]
pub enum EngineSays {}

impl Dialect for EngineSays {
    type Greeting = ();
    type Request = messages::Request;
    type Response = messages::Reply;
    type Notice = Never;
}

/// An agent's side of a control session.
#[derive(Clone, Copy, Debug)]
pub enum AgentSays {}

impl Dialect for AgentSays {
    type Greeting = messages::AgentHello;
    type Request = Never;
    type Response = Never;
    type Notice = messages::Fact;
}

/// A control session as the engine holds it.
pub type EngineSession = Session<EngineSays, AgentSays>;

/// A control session as an agent holds it.
pub type AgentSession = Session<AgentSays, EngineSays>;
