//! leeward-lab: the two-site sample lab. Makes real machines that boot from their own disks and can prove what
//! they have, puts them at one of two hosts on this computer, and starts, stops and kills those hosts.
//!
//! The guests: a Debian kernel, busybox, QEMU's guest agent and a program of ours that writes numbered records.
//! Everything else is as it would be in the world: nothing is handed in by the hypervisor at boot.

mod addresses;
mod agents;
mod archive;
mod boot;
mod disks;
mod error;
mod hosts;
mod lane;
mod line;
mod machines;
mod make;
mod network;
mod packages;
mod parts;
mod processes;
mod programs;
mod progress;
mod serial;
mod spec;

pub use agents::Lab;
pub use error::LabError;
pub use hosts::AgentConfig;
pub use lane::{Lane, LineCount, LineSettings, Passes, QUEUE_BYTES_MAX};
pub use make::make;
pub use network::Network;
pub use progress::LabProgress;
pub use serial::{Said, last_record_at_stop, last_record_seen, said};
pub use spec::{HostSpec, LabSpec, MachineSpec};
