//! The engine: it decides what happens (core, workflows), remembers it (store) and has it done (shell).
//!
//! | folder | what it is |
//! |---|---|
//! | `core/` | everything that happens comes in, what must be remembered and done goes out; no I/O, no clock |
//! | `workflows/`, `preview`, `projector/` | what can be carried out; what it would do; what the window shows |
//! | `records` | what the vault remembers, as it is written |
//! | `shell/` | the running engine: its thread, its loop, its listener, its clock |
//! | `operator/` | windows and command lines that attach from outside |
//! | `store/` | the vault database: one writer, one transaction per decision, a hash-chained audit log |
//! | `vault` | the folder of a vault: what lies where, who holds it |

pub mod core;
pub mod operator;
pub(crate) mod preview;
pub(crate) mod projector;
pub mod records;
pub mod shell;
pub mod store;
pub mod vault;
pub(crate) mod workflows;
