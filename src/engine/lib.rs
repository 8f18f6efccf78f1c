//! leeward-engine: being built.
