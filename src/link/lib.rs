//! leeward-link: being built.

pub mod messages;
