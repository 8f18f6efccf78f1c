//! The vault database. One writer, one transaction per decision of the core, full sync before it returns; what
//! it says is durable is durable. The core decides what is written, the shell calls, and nothing else opens the
//! file.
//!
//! | file | what it holds |
//! |---|---|
//! | `entity`, `migrations` | the tables as they are, and how they came to be |
//! | `database` | opening, checking, rows in one transaction |
//! | `audit` | the hash chain |
//! | `error` | what can be wrong, told to the owner |

mod audit;
mod database;
mod entity;
mod error;
mod migrations;
#[cfg(test)]
mod tests;

pub use error::StoreError;
pub(crate) use error::fault_of;
