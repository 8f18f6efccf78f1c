//! The engine's budget: what hosts say arrives as the JSON of the wire, is taken by the core, kept in a real vault
//! database and shown. The world that speaks is the simulation's.

use crate::own::Fails;
use crate::peers;
use crate::result::{Bar, Line};
use leeward_engine::store::Store;
use std::path::Path;

/// Items under protection, all at 30 seconds.
const ITEMS: usize = 10_000;

/// How many times faster than the world one core is.
pub(crate) fn headroom(root: &Path, long: bool, add: &mut dyn FnMut(Line)) -> Result<(), Fails> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut store = runtime.block_on(Store::create(&root.join("vault.db")))?;
    let mut failed = None;
    let mut keep = |changes: &[_]| {
        if let Err(error) = runtime.block_on(store.write(changes)) {
            failed.get_or_insert(error);
        }
    };
    let secs = if long { 120 } else { 40 };
    let load = leeward_sim::bench_engine(ITEMS, secs, &|| peers::own_cpu().unwrap_or_default(), &mut keep);
    if let Some(error) = failed {
        return Err(error.into());
    }
    println!(
        "        engine: {} facts, {:.0} MB of JSON, {} decisions kept, {} snapshots in {} s",
        load.facts, load.heard_mb, load.kept, load.snapshots, load.world_secs
    );
    let name = "engine, 10,000 items at 30 s: times faster than the world, one core";
    add(Line::of(name, &[load.headroom], &[1.0], "the world", Bar::AtLeast(5.0)));
    Ok(())
}
