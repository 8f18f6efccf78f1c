//! Bytes of replicated disks: change logs beside the disks, replicas as chains of recovery points, and what travels
//! between the two. Knows no machine, no network and no clock; streams, instants and identities are given.
//!
//! | room | what is in it |
//! |---|---|
//! | `digest`, `control`, `files`, `error` | fingerprints of blocks, stopping and slowing down, opening files, failures |
//! | `durable` | everything that changes files, so that tests can end the world between any two steps |
//! | `qcow2` | the image format: reading any, writing new ones append-only |
//! | `layers` | a disk as a chain of files, read block by block |
//! | `log` | sealed change logs (source) |
//! | `store` | the replica of one item: points, retention, verification (target) |
//! | `wire`, `line`, `transfer` | frames, how they are written, and the exchanges made of them |

pub mod control;
pub mod digest;
mod durable;
pub mod error;
pub mod files;
pub mod layers;
mod line;
pub mod log;
pub mod qcow2;
pub mod store;
pub mod transfer;
pub mod wire;

pub use control::{Cancel, Throttle};
pub use digest::{BLOCK_BYTES, Digest};
pub use error::{ReplicationError, Result};
pub use layers::Layer;
pub use log::{
    CycleHead, FoundLogs, SealedCycle, SealedLog, SpoolDisk, find_sealed, parse_manifest, seal, spool_path,
};
pub use store::{PointStore, Retained, Verified, parse_catalogue};
pub use transfer::{
    Copy, CopyDisk, OnProgress, Progressed, Receiver, Shipped, ask_head, finish, receive, ship_copy,
    ship_cycle,
};
