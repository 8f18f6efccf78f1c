//! leeward-lab: being built.
