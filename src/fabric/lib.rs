//! leeward-fabric: being built.
