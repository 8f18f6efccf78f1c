//! leeward: being built.
fn main() {}
