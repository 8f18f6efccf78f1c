//! leeward-desktop: being built.
