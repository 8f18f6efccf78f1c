//! The two socket protocols against peers that misbehave as no real QEMU can be made to. Apart from `qemu`, where
//! the peers are real.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod guest;
mod monitor;
