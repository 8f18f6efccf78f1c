//! leeward-agent: being built.
fn main() {}
