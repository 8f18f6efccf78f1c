//! leeward-sim: being built.
