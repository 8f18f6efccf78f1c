//! The driver against real QEMU and a real (if tiny) guest that writes numbered records. One binary, so that the
//! stage is built once; a file per noun.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod capture;
mod fence;
mod frozen;
mod hands;
mod power;
mod small;
mod stage;
mod start;
mod thrash;
mod tracking;
