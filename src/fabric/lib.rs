//! Where machines live: one pair of traits, drivers behind them. Blocking code; the caller brings the threads.
//!
//! | file | noun |
//! |---|---|
//! | `hypervisor` | the traits: [`Hypervisor`] (a host's machines) and [`Machine`] (one that runs) |
//! | `spec` | what a start is told, and the exact facts of a run that it leaves behind |
//! | `status` | what a machine is doing: state, tracking, facts that it reports |
//! | `capture` | one cycle's delta: what is asked, what came out |
//! | `frozen` | disks frozen by an external snapshot, and merging them back |
//! | `latency` | guest write latency as a histogram, percentiles |
//! | `fence` | how a host proves that it cannot run a machine |
//! | `folder` | the folder of a machine, its durable records |
//! | `error` | what can go wrong, for code and for people |
//! | `qmp/` | QEMU's control protocol: lines, one connection, the monitor that reconnects |
//! | `guest_agent` | the agent inside the guest: freeze and thaw, orderly shutdown |
//! | `qemu/` | the QEMU driver |
//!
//! Nothing here reads the wall clock: instants come in as arguments or through a closure. Deadlines use the
//! monotonic clock.

pub mod capture;
pub mod error;
pub mod fence;
pub mod folder;
pub mod frozen;
pub mod guest_agent;
pub mod hypervisor;
pub mod latency;
pub mod qemu;
pub mod qmp;
pub mod spec;
pub mod status;

pub use capture::{Capture, CaptureAsk, Captured, CapturedDisk, ConsistencyAsk, SpoolAsk};
pub use error::FabricError;
pub use fence::{Fence, FenceRecord};
pub use folder::MachineFolder;
pub use frozen::{FreezeAsk, FreezeDisk, FrozenBase, FrozenDisk, Merged};
pub use hypervisor::{Adoption, Found, FoundMachine, Hypervisor, Machine, Orderly, ShutDown, Started};
pub use latency::WriteLatency;
pub use qemu::{Accel, QemuDriver, QemuSettings};
pub use spec::{ChainLayer, Network, Purpose, RunDisk, RunRecord, StartDisk, StartSpec, UsedForward};
pub use status::{LostWhy, MachineFact, MachineState, Tracking};
