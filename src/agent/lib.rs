//! The host-side service: owns the machines of one host, tracks and ships their changes, keeps replicas of others,
//! and boots them. It works on its own; the engine asks, it does not drive. Everything it promised survives its end.
//!
//! | room | what is in it |
//! |---|---|
//! | `config`, `records` | what an administrator decides, what the agent remembers |
//! | `host`, `item` | everything in memory: the host, and one item of it |
//! | `machines` | folders, chains of disk files, starting |
//! | `requests`, `operations` | what the engine asks, each performed once |
//! | `source`, `receive` | the two ends of replication |
//! | `session`, `facts` | the session with the engine, and what is said on it |
//! | `startup`, `enrolment` | what happens when the agent starts, and before it may |
//! | `trial` | tests: two hosts on loopback over a hypervisor without machines |
//! | `trouble`, `slots` | failures and who acts next, bounds on parallel work |
//! | `wall` | the clock on this host's wall, which a policy's hours go by |

pub mod config;
pub mod enrolment;
mod facts;
mod host;
mod item;
mod machines;
mod operations;
mod receive;
mod records;
mod requests;
pub mod session;
mod slots;
mod source;
pub mod startup;
#[cfg(test)]
mod trial;
mod trouble;
mod wall;

pub use config::AgentConfig;
pub use host::Host;

/// What fails, fails with a fault that a person can read.
pub type Result<T> = std::result::Result<T, Box<leeward_model::Fault>>;
