//! leeward-link: being built.
