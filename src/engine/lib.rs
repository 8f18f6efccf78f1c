//! The engine: it decides what happens (core, workflows), remembers it (store) and has it done (shell).
//!
//! | folder | what it is |
//! |---|---|
//! | `store/` | the vault database: one writer, one transaction per decision, a hash-chained audit log |
//! | `vault` | the folder of a vault: what lies where, who holds it |

pub mod store;
pub mod vault;
