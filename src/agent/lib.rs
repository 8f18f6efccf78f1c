//! leeward-agent: being built.
