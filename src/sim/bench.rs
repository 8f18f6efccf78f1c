//! How many items one core keeps up with: the engine alone, fed with the facts of many hosts as fast as it takes
//! them, and the snapshots it makes meanwhile. Apart from `world`, which is about what goes wrong.

/// What a load came to.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EngineLoad {
    /// Items under protection.
    pub items: usize,
    /// Seconds of the world that were played.
    pub world_secs: f64,
    /// Seconds the core and the projector took for them.
    pub cpu_secs: f64,
    /// Snapshots made.
    pub snapshots: u64,
    /// How many times faster than the world: the headroom of one core.
    pub headroom: f64,
}

/// Placeholder until the core stands.
#[must_use]
pub fn bench_engine(_items: usize, _world_secs: i64, _clock: &dyn Fn() -> f64) -> EngineLoad {
    EngineLoad { items: 0, world_secs: 0.0, cpu_secs: 0.0, snapshots: 0, headroom: 0.0 }
}
