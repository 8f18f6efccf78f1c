//! A whole estate in memory, from one seed: the engine's real core, simulated hosts that speak the real messages,
//! guests that write numbered records, and faults. For tests, scale and design review; never a default.
//!
//! | file | what it is |
//! |---|---|
//! | `seed` | the one source of chance, ids included |
//! | `guest` | machines and what their guests have written |
//! | `host`, `perform`, `replicate` | a host's agent: what it keeps, what it does when asked, what it does by itself |
//! | `vault` | the engine with its database, which both can be killed |
//! | `world` | everything together, second by second |
//! | `faults` | what goes wrong, by plan or by chance |
//! | `checkers`, `losses` | what must hold whatever goes wrong: who runs, what rests; what may not be lost |
//! | `bench` | how many items one core keeps up with |

pub mod bench;
pub mod checkers;
pub mod faults;
pub mod guest;
pub mod host;
mod losses;
mod perform;
mod replicate;
pub mod seed;
pub mod vault;
pub mod world;

pub use bench::{EngineLoad, bench_engine};
pub use faults::{Fault, FaultPlan};
pub use world::{Plan, World};
